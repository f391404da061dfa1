/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device-text.h"
#include "describe.h"
#include "tool.h"

char *
device_text_number(guint64 number)
{
    return number > 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, number) : g_strdup("-");
}

char *
device_text_size(guint64 size)
{
    return size > 0 ? describe_size(size) : g_strdup("-");
}

static void
append_names(GString *text, const char *kind, const GPtrArray *names)
{
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(text, "%s%s %s", text->len > 0 ? ", " : "", kind,
                               (const char *) g_ptr_array_index(names, i));
}

char *
device_text_consumers(const DomainDevice *device)
{
    GString *text = g_string_new(NULL);

    append_names(text, "user", device->users);
    append_names(text, "group", device->groups);
    if (text->len == 0)
        g_string_append(text, "group " VDMABUF_CONSUMER_GROUP);
    return g_string_free(text, FALSE);
}

char *
device_text_socket(const char *domain, const char *alias)
{
    return g_strdup_printf(TOOL_DIRECTORY "/%s/%s.sock", domain, alias);
}

static void
add_number(Json *json, const char *key, guint64 number)
{
    if (number > 0)
        json_add_uint(json, key, number);
}

static void
add_names(Json *json, const char *key, const GPtrArray *names)
{
    json_open_array(json, key);
    for (guint i = 0; i < names->len; i++)
        json_add_string(json, NULL, g_ptr_array_index(names, i));
    json_close_array(json);
}

void
device_text_add_json(const DomainDevice *device, Json *json)
{
    json_add_string(json, "alias", device->alias);
    json_add_string(json, "model", domain_model_to_string(device->model));
    if (device->label != NULL)
        json_add_string(json, "label", device->label);
    json_open_object(json, "limits");
    add_number(json, "buffers", device->max_buffers);
    add_number(json, "bytes", device->max_bytes);
    add_number(json, "entries", device->max_entries);
    json_close_object(json);
    json_add_uint(json, "queue_size", device->queue_size);
    json_open_object(json, "consumers");
    add_number(json, "max", device->max_consumers);
    json_add_boolean(json, "write", device->writable);
    add_names(json, "users", device->users);
    add_names(json, "groups", device->groups);
    json_close_object(json);
}
