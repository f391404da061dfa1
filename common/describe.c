/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "describe.h"
#include "format.h"
#include "stream.h"

static const struct {
    guint32 flag;
    const char *name;
} frame_flags[] = {
    {VDMABUF_FRAME_Y_INVERTED, "y-inverted"},
    {VDMABUF_FRAME_CURSOR, "cursor"},
    {VDMABUF_FRAME_HIDDEN, "hidden"},
    {VDMABUF_FRAME_QUEUED, "queued"},
};

char *
describe_frame(const struct vdmabuf_frame *frame)
{
    GString *text = g_string_new(NULL);
    char fourcc[FOURCC_TEXT_SIZE];

    if (frame->fourcc != 0) {
        g_string_append_printf(text, "%s %ux%u", fourcc_format(frame->fourcc, fourcc), frame->width,
                               frame->height);
        if (frame->modifier != 0)
            g_string_append_printf(text, " modifier 0x%" G_GINT64_MODIFIER "x",
                                   (guint64) frame->modifier);
    } else if (stream_chunk_is_in(frame)) {
        g_string_append(text, "stream");
    } else if (frame->flags & VDMABUF_FRAME_HIDDEN) {
        g_string_append(text, "nothing");
    } else {
        g_string_append(text, "data");
    }

    g_string_append_printf(text, " output %u", frame->output);
    for (gsize i = 0; i < G_N_ELEMENTS(frame_flags); i++) {
        if (frame->flags & frame_flags[i].flag)
            g_string_append_printf(text, " %s", frame_flags[i].name);
    }
    return g_string_free(text, FALSE);
}

char *
describe_state(guint32 state)
{
    if (state & VDMABUF_VM_DEAD)
        return g_strdup("gone");

    return g_strdup_printf("%s, %s", state & VDMABUF_VM_RUNNING ? "running" : "stopped",
                           state & VDMABUF_VM_DRIVER ? "driver loaded in the guest"
                                                     : "no driver in the guest");
}

char *
describe_size(guint64 size)
{
    return g_format_size_full(size, G_FORMAT_SIZE_IEC_UNITS);
}

char *
describe_uuid(const guint8 uuid[16])
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < 16; i++)
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               uuid[i]);
    return g_string_free(text, FALSE);
}

void
describe_add_state(Json *json, guint32 state)
{
    json_add_boolean(json, "running", (state & VDMABUF_VM_RUNNING) != 0);
    json_add_boolean(json, "driver", (state & VDMABUF_VM_DRIVER) != 0);
    json_add_boolean(json, "dead", (state & VDMABUF_VM_DEAD) != 0);
}

static void
describe_add_picture(Json *json, const struct vdmabuf_frame *frame)
{
    g_autofree char *modifier =
        g_strdup_printf("0x%016" G_GINT64_MODIFIER "x", (guint64) frame->modifier);
    char fourcc[FOURCC_TEXT_SIZE];

    json_add_string(json, "fourcc", fourcc_format(frame->fourcc, fourcc));
    /* A string: 64 bits are more than a number of JSON holds everywhere */
    json_add_string(json, "modifier", modifier);
    json_add_uint(json, "width", frame->width);
    json_add_uint(json, "height", frame->height);

    json_open_array(json, "planes");
    for (guint i = 0; i < MIN(frame->nr_planes, VDMABUF_MAX_PLANES); i++) {
        json_open_object(json, NULL);
        json_add_uint(json, "offset", frame->planes[i].offset);
        json_add_uint(json, "stride", frame->planes[i].stride);
        json_close_object(json);
    }
    json_close_array(json);

    json_open_object(json, "damage");
    json_add_uint(json, "x", frame->damage.x);
    json_add_uint(json, "y", frame->damage.y);
    json_add_uint(json, "width", frame->damage.width);
    json_add_uint(json, "height", frame->damage.height);
    json_close_object(json);

    if (frame->flags & VDMABUF_FRAME_CURSOR) {
        json_add_int(json, "x", frame->x);
        json_add_int(json, "y", frame->y);
        json_add_int(json, "hot_x", frame->hot_x);
        json_add_int(json, "hot_y", frame->hot_y);
    }
}

void
describe_add_frame(Json *json, const char *key, const struct vdmabuf_frame *frame)
{
    json_open_object(json, key);
    json_add_string(json, "kind",
                    frame->fourcc != 0          ? "picture"
                    : stream_chunk_is_in(frame) ? "stream"
                                                : "data");
    json_add_uint(json, "output", frame->output);
    json_open_array(json, "flags");
    for (gsize i = 0; i < G_N_ELEMENTS(frame_flags); i++) {
        if (frame->flags & frame_flags[i].flag)
            json_add_string(json, NULL, frame_flags[i].name);
    }
    json_close_array(json);
    if (frame->fourcc != 0)
        describe_add_picture(json, frame);
    json_add_uint(json, "app_size", frame->app_size);
    json_close_object(json);
}

void
describe_add_buffer(Json *json, const struct vdmabuf_query *buffer)
{
    char id[VDMABUF_ID_TEXT_SIZE];

    json_open_object(json, NULL);
    json_add_string(json, "id", vdmabuf_id_format(&buffer->id, id));
    json_add_uint(json, "size", buffer->size);
    json_add_boolean(json, "registered", (buffer->state & VDMABUF_BUFFER_REGISTERED) != 0);
    json_add_boolean(json, "pinned", (buffer->state & VDMABUF_BUFFER_PINNED) != 0);
    json_add_boolean(json, "outstanding", (buffer->state & VDMABUF_BUFFER_OUTSTANDING) != 0);
    json_add_uint(json, "entries", buffer->nr_entries);
    json_add_uint(json, "imports", buffer->nr_imports);
    json_add_uint(json, "sequence", buffer->sequence);
    if (buffer->sequence > 0)
        describe_add_frame(json, "frame", &buffer->frame);
    json_close_object(json);
}
