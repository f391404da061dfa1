/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/libvirt-qemu.h>

#include "monitor.h"
#include "tool.h"

/* Where QEMU keeps what was given an id */
#define PERIPHERAL "/machine/peripheral"

static void
builder_add_parsed(JsonBuilder *builder, const char *json)
{
    g_autoptr(JsonNode) node = json_from_string(json, NULL);

    json_builder_add_value(builder, g_steal_pointer(&node));
}

char *
monitor_format(const char *command, const char *arguments)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "execute");
    json_builder_add_string_value(builder, command);
    if (arguments != NULL) {
        json_builder_set_member_name(builder, "arguments");
        builder_add_parsed(builder, arguments);
    }
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

char *
monitor_argument(const char *key, const char *value)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

    json_object_set_string_member(object, key, value);
    json_node_set_object(node, object);
    return json_to_string(node, FALSE);
}

JsonNode *
monitor_parse(const char *command, const char *reply, GError **error)
{
    g_autoptr(JsonNode) root = json_from_string(reply, NULL);
    JsonObject *object;

    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        TOOL_FAIL(error, "QEMU's answer to %s is not understood", command);
        return NULL;
    }
    object = json_node_get_object(root);
    if (json_object_has_member(object, "return"))
        return json_node_ref(json_object_get_member(object, "return"));

    if (json_object_has_member(object, "error") &&
        JSON_NODE_HOLDS_OBJECT(json_object_get_member(object, "error")))
        object = json_object_get_object_member(object, "error");
    TOOL_FAIL(error, "QEMU refuses %s: %s", command,
              json_object_get_string_member_with_default(object, "desc", "it does not say why"));
    return NULL;
}

JsonNode *
monitor_run(virDomain *domain, const char *command, const char *arguments, GError **error)
{
    g_autofree char *text = monitor_format(command, arguments);
    g_autofree char *reply = NULL;

    if (virDomainQemuMonitorCommand(domain, text, &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT) <
        0) {
        connection_set_error(error, "Cannot use the monitor of domain '%s'",
                             virDomainGetName(domain));
        return NULL;
    }
    return monitor_parse(command, reply, error);
}

gboolean
monitor_do(virDomain *domain, const char *command, const char *arguments, GError **error)
{
    g_autoptr(JsonNode) node = monitor_run(domain, command, arguments, error);

    return node != NULL;
}

/* Whether one of the objects in @list has this name */
static gboolean
list_has_name(JsonNode *list, const char *name)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(list) ? json_node_get_array(list) : NULL;

    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);

        if (JSON_NODE_HOLDS_OBJECT(item) && g_strcmp0(json_object_get_string_member_with_default(
                                                          json_node_get_object(item), "name", NULL),
                                                      name) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
monitor_has_device(virDomain *domain, const char *id, gboolean *has, GError **error)
{
    g_autofree char *arguments = monitor_argument("path", PERIPHERAL);
    g_autoptr(JsonNode) list = monitor_run(domain, "qom-list", arguments, error);

    *has = list != NULL && list_has_name(list, id);
    return list != NULL;
}

gboolean
monitor_has_type(virDomain *domain, const char *type, gboolean *has, GError **error)
{
    g_autofree char *arguments = monitor_argument("implements", type);
    g_autoptr(JsonNode) list = monitor_run(domain, "qom-list-types", arguments, error);

    *has = list != NULL && list_has_name(list, type);
    return list != NULL;
}

/* --- Unplugging --- */

typedef struct {
    const char *id;
    gboolean deleted;
    gboolean late;
} Unplug;

static void
device_deleted(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED,
               const char *event G_GNUC_UNUSED, long long seconds G_GNUC_UNUSED,
               unsigned int micros G_GNUC_UNUSED, const char *details, void *data)
{
    Unplug *self = data;
    g_autoptr(JsonNode) node = details != NULL ? json_from_string(details, NULL) : NULL;

    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node) &&
        g_strcmp0(
            json_object_get_string_member_with_default(json_node_get_object(node), "device", NULL),
            self->id) == 0)
        self->deleted = TRUE;
}

static gboolean
unplug_is_late(gpointer data)
{
    Unplug *self = data;

    self->late = TRUE;
    return G_SOURCE_REMOVE;
}

static gboolean
unplug_wait(virDomain *domain, Unplug *self, guint seconds, GError **error)
{
    g_autofree char *arguments = monitor_argument("id", self->id);
    guint timer;

    /* A guest that was asked a moment ago is still at it: then the event comes all the same. */
    if (!monitor_do(domain, "device_del", arguments, error)) {
        if (strstr((*error)->message, "already in the process of unplug") == NULL)
            return FALSE;
        g_clear_error(error);
    }

    timer = g_timeout_add_seconds(seconds, unplug_is_late, self);
    while (!self->deleted && !self->late)
        g_main_context_iteration(NULL, TRUE);
    if (self->deleted) {
        g_source_remove(timer);
        return TRUE;
    }
    g_set_error(error, TOOL_ERROR, TOOL_ERROR_TIMED_OUT,
                "The guest of domain '%s' has not given up the device '%s' within %u seconds: it "
                "has to run a system that does so, and may be busy; try again",
                virDomainGetName(domain), self->id, seconds);
    return FALSE;
}

gboolean
monitor_unplug(virDomain *domain, const char *id, guint seconds, GError **error)
{
    g_autoptr(GError) local = NULL;
    Unplug unplug = {.id = id};
    virConnect *connection = virDomainGetConnect(domain);
    int callback = virConnectDomainQemuMonitorEventRegister(connection, domain, "DEVICE_DELETED",
                                                            device_deleted, &unplug, NULL, 0);
    gboolean done;

    if (callback < 0) {
        connection_set_error(error, "Cannot wait for events of the domain '%s'",
                             virDomainGetName(domain));
        return FALSE;
    }
    done = unplug_wait(domain, &unplug, seconds, &local);
    (void) virConnectDomainQemuMonitorEventDeregister(connection, callback);
    if (!done)
        g_propagate_error(error, g_steal_pointer(&local));
    return done;
}
