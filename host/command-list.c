/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "describe.h"
#include "target.h"

static char *
describe_buffer_state(guint32 state)
{
    return g_strdup_printf("%s%s%s", state & VDMABUF_BUFFER_REGISTERED ? "shared" : "taken back",
                           state & VDMABUF_BUFFER_PINNED ? ", pinned" : "",
                           state & VDMABUF_BUFFER_OUTSTANDING ? ", frame outstanding" : "");
}

static void
print_buffer(const struct vdmabuf_query *buffer)
{
    g_autofree char *size = describe_size(buffer->size);
    g_autofree char *state = describe_buffer_state(buffer->state);
    char id[VDMABUF_ID_TEXT_SIZE];

    printf("  %s  %s, %s", vdmabuf_id_format(&buffer->id, id), size, state);
    if (buffer->sequence > 0) {
        g_autofree char *frame = describe_frame(&buffer->frame);

        printf("; frame %" G_GUINT64_FORMAT ": %s", (guint64) buffer->sequence, frame);
    }
    printf("\n");
}

static void
print_status(const char *name, const struct vdmabuf_status *status)
{
    g_autofree char *state = describe_state(status->state);
    g_autofree char *uuid = describe_uuid(status->vm.uuid);
    g_autofree char *registered = describe_size(status->bytes_registered);
    g_autofree char *pinned = describe_size(status->bytes_pinned);
    g_autofree char *limit = describe_size(status->limits.max_bytes);

    printf("%s: %s\n", name, state);
    printf("  domain %s, process %d, %u consumers (of %u, with this one)\n", uuid, status->vm.pid,
           status->nr_consumers, status->limits.max_consumers);
    printf("  %u buffers (of %u), %s (of %s), %s pinned, %u imports, %s\n", status->nr_buffers,
           status->limits.max_buffers, registered, limit, pinned, status->nr_imports,
           status->limits.flags & VDMABUF_LIMITS_WRITABLE ? "writable" : "read-only");
    printf("  %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " released, %" G_GUINT64_FORMAT
           " of them superseded, %u outstanding\n",
           (guint64) status->frames, (guint64) status->released, (guint64) status->superseded,
           status->nr_outstanding);
}

static void
add_status(Json *json, const struct vdmabuf_status *status)
{
    g_autofree char *uuid = describe_uuid(status->vm.uuid);

    describe_add_state(json, status->state);
    json_add_string(json, "uuid", uuid);
    json_add_string(json, "name", status->vm.name);
    json_add_int(json, "pid", status->vm.pid);
    json_add_uint(json, "consumers", status->nr_consumers);
    json_add_uint(json, "outstanding", status->nr_outstanding);
    json_add_uint(json, "imports", status->nr_imports);
    json_add_uint(json, "bytes_registered", status->bytes_registered);
    json_add_uint(json, "bytes_pinned", status->bytes_pinned);
    json_add_uint(json, "frames", status->frames);
    json_add_uint(json, "released", status->released);
    json_add_uint(json, "superseded", status->superseded);

    json_open_object(json, "limits");
    json_add_uint(json, "buffers", status->limits.max_buffers);
    json_add_uint(json, "entries", status->limits.max_entries);
    json_add_uint(json, "bytes", status->limits.max_bytes);
    json_add_uint(json, "consumers", status->limits.max_consumers);
    json_add_boolean(json, "writable", (status->limits.flags & VDMABUF_LIMITS_WRITABLE) != 0);
    json_close_object(json);
}

/* All buffers, each once: their counters rise. */
static gboolean
list_buffers(VdmabufConsumer *consumer, Json *json, GError **error)
{
    struct vdmabuf_query buffer = {.flags = 0};
    guint32 last = 0;

    for (;;) {
        g_autoptr(GError) local = NULL;

        buffer = (struct vdmabuf_query) {
            .id = {.counter = last},
            .flags = VDMABUF_QUERY_NEXT,
        };
        if (!vdmabuf_consumer_query(consumer, &buffer, &local)) {
            if (g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND) ||
                g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED))
                return TRUE;
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (buffer.id.counter <= last) {
            g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                                "The vhost_vdmabuf module lists the same buffer twice");
            return FALSE;
        }
        last = buffer.id.counter;

        if (json != NULL)
            describe_add_buffer(json, &buffer);
        else
            print_buffer(&buffer);
    }
}

static gboolean
list_connected(const char *name, VdmabufConsumer *consumer, Json *json, GError **error)
{
    struct vdmabuf_status status;
    gboolean ok;

    if (!vdmabuf_consumer_get_status(consumer, &status, error))
        return FALSE;

    if (json == NULL) {
        print_status(name, &status);
        return list_buffers(consumer, NULL, error);
    }

    add_status(json, &status);
    json_open_array(json, "buffers");
    ok = list_buffers(consumer, json, error);
    json_close_array(json);
    return ok;
}

static gboolean
list_endpoint(const VdmabufEndpoint *endpoint, const char *name, Json *json, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(VdmabufConsumer) consumer = vdmabuf_consumer_connect(endpoint->path, &local);

    if (json != NULL) {
        json_open_object(json, NULL);
        json_add_string(json, "domain", endpoint->domain);
        json_add_string(json, "device", endpoint->device);
        json_add_string(json, "path", endpoint->path);
    }

    if (consumer != NULL)
        list_connected(name, consumer, json, &local);

    if (json != NULL) {
        if (local != NULL)
            json_add_string(json, "error", local->message);
        json_close_object(json);
    }
    if (local == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
list_all(GPtrArray *endpoints, const CommandOptions *options, GError **error)
{
    g_auto(Json) json;
    guint bad = 0;

    json_init(&json);
    json_open_array(&json, NULL);
    for (guint i = 0; i < endpoints->len; i++) {
        const VdmabufEndpoint *endpoint = g_ptr_array_index(endpoints, i);
        g_autofree char *name = target_get_name(endpoint);
        g_autoptr(GError) local = NULL;

        if (list_endpoint(endpoint, name, options->json ? &json : NULL, &local))
            continue;
        /* That one of several cannot be asked is an answer, too. */
        if (endpoints->len > 1 && !options->json)
            printf("%s: unusable: %s\n", name, local->message);
        if (bad++ == 0)
            g_propagate_error(error, g_steal_pointer(&local));
    }
    json_close_array(&json);
    if (options->json)
        json_print(&json, stdout);

    if (endpoints->len > 1 && bad > 0) {
        g_clear_error(error);
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "%u of %u devices cannot be asked",
                    bad, endpoints->len);
    }
    return bad == 0;
}

gboolean
command_list(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.timeout = 0};
    g_autoptr(GPtrArray) endpoints = NULL;
    g_autoptr(GPtrArray) found = NULL;
    const char *selector;

    if (!command_parse(&options, COMMAND_NEEDS_DEVICE, NULL, "[DOMAIN[/DEVICE]]",
                       "Lists devices, their state, and the buffers that guests share.", 1, argc,
                       argv, error))
        return FALSE;

    selector = command_get_selector(&options);
    if (options.socket != NULL) {
        VdmabufEndpoint *endpoint;

        if (selector != NULL)
            return command_usage_error(error, "Name a domain or a --socket, not both");
        endpoint = target_find(NULL, options.socket, error);
        if (endpoint == NULL)
            return FALSE;
        endpoints = g_ptr_array_new_with_free_func((GDestroyNotify) vdmabuf_endpoint_free);
        g_ptr_array_add(endpoints, endpoint);
        return list_all(endpoints, &options, error);
    }

    endpoints = vdmabuf_endpoint_list(NULL, error);
    if (endpoints == NULL)
        return FALSE;

    found = target_match(endpoints, selector);
    if (found->len == 0 && selector != NULL) {
        /* The sentence that says which there are */
        g_autoptr(VdmabufEndpoint) none = target_find(selector, NULL, error);

        return none != NULL;
    }
    if (found->len == 0)
        fprintf(stderr, "vdmabuf-recv: No domain with a vdmabuf device is running\n");
    return list_all(found, &options, error);
}
