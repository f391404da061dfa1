/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slots.h"

static JsonArray *
get_devices(JsonObject *parent)
{
    JsonNode *node = json_object_get_member(parent, "devices");

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *
get_object(JsonArray *array, guint index)
{
    JsonNode *node = json_array_get_element(array, index);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static guint
get_length(JsonArray *array)
{
    return array != NULL ? json_array_get_length(array) : 0;
}

static const char *
get_id(JsonObject *device)
{
    return json_object_get_string_member_with_default(device, "qdev_id", "");
}

static JsonObject *
get_bridge(JsonObject *device)
{
    JsonNode *node = json_object_get_member(device, "pci_bridge");

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* The bridge that @device sits on, somewhere behind the @devices of @parent */
static const char *
find(JsonArray *devices, const char *parent, const char *device)
{
    for (guint i = 0; i < get_length(devices); i++) {
        JsonObject *object = get_object(devices, i);
        JsonObject *bridge = object != NULL ? get_bridge(object) : NULL;
        const char *found;

        if (object != NULL && g_str_equal(get_id(object), device))
            return parent;
        found = bridge != NULL ? find(get_devices(bridge), get_id(object), device) : NULL;
        if (found != NULL)
            return found;
    }
    return NULL;
}

char *
slots_find_port(JsonNode *buses, const char *device)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(buses) ? json_node_get_array(buses) : NULL;

    for (guint i = 0; i < get_length(array); i++) {
        JsonObject *bus = get_object(array, i);
        const char *found = bus != NULL ? find(get_devices(bus), "", device) : NULL;

        /* On a root bus there is no port. */
        if (found != NULL && *found != '\0')
            return g_strdup(found);
    }
    return NULL;
}

GPtrArray *
slots_list_empty(JsonNode *buses)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(buses) ? json_node_get_array(buses) : NULL;

    for (guint i = 0; i < get_length(array); i++) {
        JsonObject *bus = get_object(array, i);
        JsonArray *devices = bus != NULL ? get_devices(bus) : NULL;

        for (guint d = 0; d < get_length(devices); d++) {
            JsonObject *device = get_object(devices, d);
            JsonObject *bridge = device != NULL ? get_bridge(device) : NULL;

            if (bridge != NULL && get_length(get_devices(bridge)) == 0 && *get_id(device) != '\0')
                g_ptr_array_add(list, g_strdup(get_id(device)));
        }
    }
    return list;
}
