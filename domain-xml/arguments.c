/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include <string.h>

#include "pci.h"

/* QEMU's are some hundred characters long; this bounds how deep one can be nested. */
#define MAX_JSON (16 * 1024)

static void
argument_free(gpointer data)
{
    Argument *self = data;

    g_clear_pointer(&self->json, json_object_unref);
    g_free(self);
}

static JsonObject *
parse_json(const char *text)
{
    g_autoptr(JsonParser) parser = NULL;
    JsonNode *root;

    if (*text != '{' || strlen(text) > MAX_JSON)
        return NULL;
    parser = json_parser_new_immutable();
    if (!json_parser_load_from_data(parser, text, -1, NULL))
        return NULL;
    root = json_parser_get_root(parser);
    return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_dup_object(root) : NULL;
}

GPtrArray *
arguments_read(const GPtrArray *list)
{
    GPtrArray *arguments = g_ptr_array_new_with_free_func(argument_free);

    for (guint i = 0; i + 1 < list->len; i++) {
        const char *option = g_ptr_array_index(list, i);
        const char *value = g_ptr_array_index(list, i + 1);
        Argument *argument;

        /* An option that has no value is followed by another. */
        if (*option != '-' || *value == '-')
            continue;
        argument = g_new0(Argument, 1);
        argument->index = ++i;
        argument->option = option + 1 + (option[1] == '-');
        argument->value = value;
        argument->json = parse_json(value);
        g_ptr_array_add(arguments, argument);
    }
    return arguments;
}

/* Of "type,key=value,key=value"; ",," stands for a comma. @key NULL: the type */
static char *
get_option(const char *options, const char *key)
{
    g_autoptr(GString) part = g_string_new(NULL);
    gsize length = key ? strlen(key) : 0;

    for (const char *c = options;; c++) {
        if (*c && (*c != ',' || c[1] == ',')) {
            g_string_append_c(part, *c);
            c += *c == ',';
            continue;
        }
        if (!key)
            return strchr(part->str, '=') ? NULL : g_strdup(part->str);
        if (strncmp(part->str, key, length) == 0 && part->str[length] == '=')
            return g_strdup(part->str + length + 1);
        g_string_truncate(part, 0);
        if (!*c)
            return NULL;
    }
}

static JsonNode *
get_member(const Argument *self, const char *key)
{
    JsonNode *node = json_object_get_member(self->json, key);

    return node && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

char *
argument_get(const Argument *self, const char *key)
{
    JsonNode *node;

    if (!self->json)
        return get_option(self->value, key);
    node = get_member(self, key);
    if (!node)
        return NULL;
    if (json_node_get_value_type(node) == G_TYPE_STRING)
        return json_node_dup_string(node);
    if (json_node_get_value_type(node) == G_TYPE_INT64)
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    return NULL;
}

static gboolean
has(const Argument *self, const char *key, const char *value)
{
    g_autofree char *own = argument_get(self, key);

    return g_strcmp0(own, value) == 0;
}

gboolean
argument_is(const Argument *self, const char *option, const char *type)
{
    g_autofree char *own = NULL;

    if (!g_str_equal(self->option, option))
        return FALSE;
    own = self->json ? argument_get(self, "driver") : get_option(self->value, NULL);
    return g_strcmp0(own, type) == 0 || (!self->json && !own && has(self, "driver", type));
}

gboolean
argument_get_slot(const Argument *self, guint *slot)
{
    g_autofree char *bus = NULL;
    g_autofree char *text = NULL;
    PciAddress address;

    if (!g_str_equal(self->option, "device"))
        return FALSE;
    bus = argument_get(self, "bus");
    text = argument_get(self, "addr");
    if (!text || (bus && !g_str_equal(bus, ARGUMENTS_ROOT_BUS)))
        return FALSE;
    /* A number of JSON is slot and function in one. */
    if (self->json && json_node_get_value_type(get_member(self, "addr")) == G_TYPE_INT64) {
        *slot = g_ascii_strtoull(text, NULL, 10) >> 3 & 0x1f;
        return TRUE;
    }
    if (!pci_address_parse(text, &address))
        return FALSE;
    *slot = address.slot;
    return TRUE;
}

char *
arguments_socket_path(const char *domain, const char *alias, const char *directory)
{
    return g_strdup_printf("%s/%s/%s.vhost", directory, domain, alias);
}

char *
arguments_port_id(const char *alias)
{
    return g_strconcat(alias, "-port", NULL);
}

char *
arguments_chardev(const char *domain, const char *alias, const char *directory)
{
    g_autofree char *path = arguments_socket_path(domain, alias, directory);
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    return g_strdup_printf("socket,id=%s,path=%s", alias, escaped);
}

void
arguments_set_device(JsonObject *json, const DomainDevice *device, const char *bus)
{
    json_object_set_string_member(json, "driver", DOMAIN_QEMU_DEVICE);
    json_object_set_string_member(json, "id", device->alias);
    json_object_set_string_member(json, "chardev", device->alias);
    json_object_set_int_member(json, "virtio-id", DOMAIN_VIRTIO_ID);
    json_object_set_int_member(json, "num_vqs", DOMAIN_QUEUES);
    json_object_set_int_member(json, "vq_size", device->queue_size);
    json_object_set_int_member(json, "config_size", DOMAIN_CONFIG_SIZE);
    json_object_set_string_member(json, "bus", bus);
    json_object_set_string_member(json, "addr", "0x0");
}

JsonObject *
arguments_port(const char *alias, guint slot, guint chassis, guint port)
{
    JsonObject *json = json_object_new();
    g_autofree char *id = arguments_port_id(alias);
    g_autofree char *address = g_strdup_printf("0x%02x", slot);

    json_object_set_string_member(json, "driver", "pcie-root-port");
    json_object_set_string_member(json, "id", id);
    json_object_set_string_member(json, "bus", ARGUMENTS_ROOT_BUS);
    json_object_set_string_member(json, "addr", address);
    json_object_set_int_member(json, "chassis", chassis);
    json_object_set_int_member(json, "port", port);
    return json;
}

char *
arguments_json_to_text(JsonObject *json)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

    json_node_set_object(node, json);
    return json_to_string(node, FALSE);
}

/* By the end of its path: the folder has the name of the domain, which can be a former one. */
static gboolean
is_own_chardev(const Argument *argument, const char *alias)
{
    g_autofree char *end = g_strdup_printf("/%s.vhost", alias);
    g_autofree char *path = argument_get(argument, "path");

    return argument_is(argument, "chardev", "socket") && has(argument, "id", alias) && path &&
           g_str_has_suffix(path, end);
}

void
arguments_find(const GPtrArray *arguments, const char *alias, DeviceArguments *found)
{
    g_autofree char *port = arguments_port_id(alias);

    *found = (DeviceArguments) {NULL, NULL, NULL};
    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);

        if (!found->chardev && is_own_chardev(argument, alias))
            found->chardev = argument;
        else if (!found->device && argument_is(argument, "device", DOMAIN_QEMU_DEVICE) &&
                 has(argument, "id", alias))
            found->device = argument;
        else if (!found->port && argument_is(argument, "device", "pcie-root-port") &&
                 has(argument, "id", port))
            found->port = argument;
    }
}

static char *
find_device_mistake(const Argument *argument, const DomainDevice *device)
{
    g_autofree char *bus = arguments_port_id(device->alias);
    g_autoptr(JsonObject) wanted = json_object_new();
    g_autoptr(GList) keys = NULL;

    if (!argument->json)
        return g_strdup_printf("<qemu:commandline> has the -device '%s' in QEMU's old syntax, "
                               "which takes the place of a device of libvirt's",
                               device->alias);
    arguments_set_device(wanted, device, bus);
    keys = json_object_get_members(wanted);
    for (GList *key = keys; key; key = key->next) {
        JsonNode *own = json_object_get_member(argument->json, key->data);
        JsonNode *right = json_object_get_member(wanted, key->data);
        g_autofree char *own_text = own ? json_to_string(own, FALSE) : g_strdup("no");
        g_autofree char *right_text = json_to_string(right, FALSE);

        if (!g_str_equal(own_text, right_text))
            return g_strdup_printf("<qemu:commandline> has the -device '%s' with %s \"%s\", it "
                                   "has to be %s",
                                   device->alias, own_text, (const char *) key->data, right_text);
    }
    return NULL;
}

char *
arguments_find_mistake(const DeviceArguments *found, const char *domain, const DomainDevice *device,
                       const char *directory)
{
    g_autofree char *chardev = arguments_chardev(domain, device->alias, directory);
    guint slot;

    if (!found->chardev)
        return g_strdup_printf("<qemu:commandline> has no -chardev '%s'", chardev);
    if (!g_str_equal(found->chardev->value, chardev))
        return g_strdup_printf("<qemu:commandline> has the -chardev '%s', it has to be '%s'",
                               found->chardev->value, chardev);
    if (!found->device)
        return g_strdup_printf("<qemu:commandline> has no -device '" DOMAIN_QEMU_DEVICE
                               "' with the id '%s'",
                               device->alias);
    if (!found->port || !argument_get_slot(found->port, &slot))
        return g_strdup_printf("<qemu:commandline> has no -device 'pcie-root-port' with the id "
                               "'%s-port' and an address on " ARGUMENTS_ROOT_BUS,
                               device->alias);
    if (!found->port->json || found->port->index > found->device->index)
        return g_strdup_printf(
            "<qemu:commandline> has the pcie-root-port '%s-port' %s", device->alias,
            found->port->json ? "after the device that sits on it" : "in QEMU's old syntax");
    return find_device_mistake(found->device, device);
}
