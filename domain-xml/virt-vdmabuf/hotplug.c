/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt-glib/libvirt-glib.h>

#include "arguments.h"
#include "broker.h"
#include "edit.h"
#include "hotplug.h"
#include "metadata.h"
#include "monitor.h"
#include "slots.h"
#include "tool.h"

virConnect *
hotplug_open(const char *uri, GError **error)
{
    gvir_event_register();
    return connection_open_local(uri, error);
}

gboolean
hotplug_check(virDomain *domain, GError **error)
{
    gboolean has;

    if (virDomainIsActive(domain) != 1) {
        TOOL_FAIL(error, "The domain '%s' is not running", virDomainGetName(domain));
        return FALSE;
    }
    if (!broker_check_privileges(error) ||
        !monitor_has_type(domain, DOMAIN_QEMU_DEVICE, &has, error))
        return FALSE;
    if (!has)
        TOOL_FAIL(error,
                  "The QEMU that domain '%s' runs in has no device " DOMAIN_QEMU_DEVICE
                  ": QEMU 10.2 or later is needed, built with VHOST_USER_TEST",
                  virDomainGetName(domain));
    return has;
}

gboolean
hotplug_is_plugged(virDomain *domain, const char *alias, gboolean *plugged, GError **error)
{
    return monitor_has_device(domain, alias, plugged, error);
}

static JsonNode *
get_property(virDomain *domain, const char *id, const char *property)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    g_autofree char *arguments = NULL;

    json_object_set_string_member(object, "path", path);
    json_object_set_string_member(object, "property", property);
    json_node_set_object(node, object);
    arguments = json_to_string(node, FALSE);
    return monitor_run(domain, "qom-get", arguments, NULL);
}

/* Of the empty bridges only those that a device can be plugged into */
static gboolean
is_port(virDomain *domain, const char *id)
{
    g_autoptr(JsonNode) type = get_property(domain, id, "type");
    g_autoptr(JsonNode) hotplug = get_property(domain, id, "hotplug");

    return type != NULL && json_node_get_value_type(type) == G_TYPE_STRING &&
           g_str_equal(json_node_get_string(type), "pcie-root-port") && hotplug != NULL &&
           json_node_get_value_type(hotplug) == G_TYPE_BOOLEAN && json_node_get_boolean(hotplug);
}

/*
 * Its own port, if the domain was started with the device; or the last one that is empty, because
 * libvirt, which knows nothing of this device, takes the first.
 */
static char *
choose_port(virDomain *domain, const char *alias, GError **error)
{
    g_autofree char *own = arguments_port_id(alias);
    g_autoptr(JsonNode) buses = monitor_run(domain, "query-pci", NULL, error);
    g_autoptr(GPtrArray) empty = NULL;

    if (buses == NULL)
        return NULL;
    empty = slots_list_empty(buses);
    if (g_ptr_array_find_with_equal_func(empty, own, g_str_equal, NULL))
        return g_steal_pointer(&own);
    for (guint i = empty->len; i > 0; i--) {
        const char *id = g_ptr_array_index(empty, i - 1);

        /* The own ones of other vdmabuf devices wait for these. */
        if (!g_str_has_suffix(id, "-port") && is_port(domain, id))
            return g_strdup(id);
    }
    TOOL_FAIL(error,
              "The domain '%s' has no pcie-root-port that is empty: attach with --config, shut it "
              "down and start it",
              virDomainGetName(domain));
    return NULL;
}

static gboolean
plug_at(virDomain *domain, const DomainDevice *device, const char *port, GError **error)
{
    g_autofree char *chardev =
        domain_device_qmp_chardev(virDomainGetName(domain), device, TOOL_DIRECTORY);
    g_autofree char *arguments = domain_device_qmp_device(device, port);
    g_autofree char *id = monitor_argument("id", device->alias);

    if (!monitor_do(domain, "chardev-add", chardev, error))
        return FALSE;
    if (monitor_do(domain, "device_add", arguments, error))
        return TRUE;
    (void) monitor_do(domain, "chardev-remove", id, NULL);
    return FALSE;
}

static gboolean
start_and_plug_at(virDomain *domain, const DomainDevice *device, const char *port, const char *xml,
                  GError **error)
{
    const char *name = virDomainGetName(domain);

    if (!broker_start(name, device->alias, xml, error))
        return FALSE;
    if (plug_at(domain, device, port, error))
        return TRUE;
    (void) broker_stop(name, device->alias, NULL);
    return FALSE;
}

gboolean
hotplug_plug(virDomain *domain, const DomainDevice *device, const char *xml, GError **error)
{
    g_autofree char *port = choose_port(domain, device->alias, error);

    return port != NULL && start_and_plug_at(domain, device, port, xml, error);
}

static gboolean
has_chardev(virDomain *domain, const char *id)
{
    g_autoptr(JsonNode) list = monitor_run(domain, "query-chardev", NULL, NULL);
    JsonArray *array =
        list != NULL && JSON_NODE_HOLDS_ARRAY(list) ? json_node_get_array(list) : NULL;

    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);

        if (JSON_NODE_HOLDS_OBJECT(item) &&
            g_strcmp0(json_object_get_string_member_with_default(json_node_get_object(item),
                                                                 "label", NULL),
                      id) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
hotplug_unplug(virDomain *domain, const char *alias, guint seconds, GError **error)
{
    g_autofree char *id = monitor_argument("id", alias);
    gboolean plugged;

    if (!monitor_has_device(domain, alias, &plugged, error) ||
        (plugged && !monitor_unplug(domain, alias, seconds, error)))
        return FALSE;
    /* One that was left behind half-way is gone already. */
    if (has_chardev(domain, alias) && !monitor_do(domain, "chardev-remove", id, error))
        return FALSE;
    return broker_stop(virDomainGetName(domain), alias, error);
}

gboolean
hotplug_replug(virDomain *domain, const DomainDevice *device, const char *xml, guint seconds,
               GError **error)
{
    g_autoptr(JsonNode) buses = monitor_run(domain, "query-pci", NULL, error);
    g_autofree char *port = NULL;

    if (buses == NULL)
        return FALSE;
    port = slots_find_port(buses, device->alias);
    if (!hotplug_unplug(domain, device->alias, seconds, error))
        return FALSE;
    if (port == NULL)
        port = choose_port(domain, device->alias, error);
    if (port != NULL && start_and_plug_at(domain, device, port, xml, error))
        return TRUE;
    g_prefix_error(error, "The device was unplugged, but could not be plugged again: ");
    return FALSE;
}

gboolean
hotplug_set_metadata(virDomain *domain, const char *xml, GError **error)
{
    g_autofree char *element = metadata_get_element(xml);

    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element, "vdmabuf",
                             DOMAIN_NAMESPACE, VIR_DOMAIN_AFFECT_LIVE) == 0)
        return TRUE;
    connection_set_error(error, "Cannot note the device in the metadata of domain '%s'",
                         virDomainGetName(domain));
    return FALSE;
}
