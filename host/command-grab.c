/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "describe.h"
#include "output.h"
#include "picture.h"
#include "size.h"

#define DEFAULT_TIMEOUT 10

typedef struct {
    CommandOptions common;
    char *png;
    char *raw;
    int output; /* -1: any */
    gint64 count;
    gboolean cursor;
} GrabOptions;

static void
grab_options_clear(GrabOptions *self)
{
    command_options_clear(&self->common);
    g_free(self->png);
    g_free(self->raw);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GrabOptions, grab_options_clear)

/* "shot.png" becomes "shot-2.png" when there is more than one; @number counts from 1. */
static char *
get_file_name(const char *path, gint64 number, gint64 count)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');

    if (count == 1 || strcmp(path, "-") == 0)
        return g_strdup(path);
    if (dot == NULL)
        return g_strdup_printf("%s-%" G_GINT64_FORMAT, path, number);

    return g_strdup_printf("%.*s-%" G_GINT64_FORMAT "%s", (int) (dot - path), path, number, dot);
}

static gboolean
write_file(const char *path, gconstpointer data, gsize size, GError **error)
{
    g_autoptr(Output) output = output_new(path, error);

    return output != NULL && output_write(output, data, size, error) &&
           output_commit(output, error);
}

static gboolean
write_png(const char *path, const struct vdmabuf_event *event, const guint8 *data, GError **error)
{
    g_autoptr(Picture) picture = picture_new(&event->frame, data, event->size, error);
    g_autoptr(GBytes) png = NULL;

    if (picture == NULL)
        return FALSE;
    png = picture_to_png(picture, error);
    if (png == NULL)
        return FALSE;

    return write_file(path, g_bytes_get_data(png, NULL), g_bytes_get_size(png), error);
}

static gboolean
is_wanted(const GrabOptions *options, const struct vdmabuf_event *event)
{
    const struct vdmabuf_frame *frame = &event->frame;

    if (event->type != VDMABUF_EVENT_FRAME || frame->fourcc == 0 ||
        (frame->flags & VDMABUF_FRAME_HIDDEN))
        return FALSE;
    if (((frame->flags & VDMABUF_FRAME_CURSOR) != 0) != options->cursor)
        return FALSE;

    return options->output < 0 || frame->output == (guint32) options->output;
}

static void
report(const GrabOptions *options, const struct vdmabuf_event *event, const char *sha256,
       const char *png, const char *raw)
{
    gboolean to_stdout = g_strcmp0(png, "-") == 0 || g_strcmp0(raw, "-") == 0;
    FILE *stream = to_stdout ? stderr : stdout;
    g_autofree char *text = NULL;
    char id[VDMABUF_ID_TEXT_SIZE];
    g_auto(Json) json;

    json_init(&json);
    vdmabuf_id_format(&event->id, id);
    if (options->common.json) {
        json_open_object(&json, NULL);
        json_add_string(&json, "id", id);
        json_add_uint(&json, "sequence", event->sequence);
        json_add_uint(&json, "size", event->size);
        json_add_uint(&json, "superseded", event->superseded);
        json_add_string(&json, "sha256", sha256);
        describe_add_frame(&json, "frame", &event->frame);
        if (png != NULL)
            json_add_string(&json, "png", png);
        if (raw != NULL)
            json_add_string(&json, "raw", raw);
        json_close_object(&json);
        json_print(&json, stream);
        return;
    }

    text = describe_frame(&event->frame);
    fprintf(stream, "%s frame %" G_GUINT64_FORMAT ": %s, bytes %" G_GUINT64_FORMAT " sha256 %s\n",
            id, (guint64) event->sequence, text, (guint64) event->size, sha256);
    fflush(stream);
}

/* %FALSE without an error: the guest has taken the buffer back before it could be read. */
static gboolean
grab_frame(Receiver *receiver, const GrabOptions *options, const struct vdmabuf_event *event,
           gint64 number, GError **error)
{
    g_autofree guint8 *data = receiver_copy(receiver, event, event->size, error);
    g_autofree char *png = NULL;
    g_autofree char *raw = NULL;
    g_autofree char *sha256 = NULL;

    if (data == NULL)
        return FALSE;

    if (options->png != NULL) {
        png = get_file_name(options->png, number, options->count);
        if (!write_png(png, event, data, error))
            return FALSE;
    }
    if (options->raw != NULL) {
        raw = get_file_name(options->raw, number, options->count);
        if (!write_file(raw, data, event->size, error))
            return FALSE;
    }

    sha256 = sha256_format(data, event->size);
    report(options, event, sha256, png, raw);
    return TRUE;
}

static gboolean
grab_next(Receiver *receiver, const GrabOptions *options, gint64 number, const char *name,
          GError **error)
{
    gint64 deadline = receiver_get_deadline(options->common.timeout_ms);

    for (;;) {
        g_autoptr(GError) local = NULL;
        struct vdmabuf_event event;
        ReceiverResult result = receiver_next(receiver, deadline, &event, &local);

        if (result == RECEIVER_EVENT && is_wanted(options, &event)) {
            if (grab_frame(receiver, options, &event, number, &local))
                return TRUE;
            if (local != NULL) {
                g_propagate_error(error, g_steal_pointer(&local));
                return FALSE;
            }
        } else if (result == RECEIVER_EVENT && event.type == VDMABUF_EVENT_FRAME &&
                   !receiver_release(receiver, &event, error)) {
            return FALSE;
        }

        /* A guest that sends nothing but other frames does not make the wait longer */
        if (result == RECEIVER_EVENT && deadline >= 0 && g_get_monotonic_time() >= deadline)
            result = RECEIVER_TIMED_OUT;
        if (result != RECEIVER_EVENT) {
            command_end_wait(result, options->cursor ? "cursor" : "picture", name, &options->common,
                             &local);
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
}

gboolean
command_grab(int argc, char **argv, GError **error)
{
    g_auto(GrabOptions) options = {
        .common = {.timeout = DEFAULT_TIMEOUT},
        .output = -1,
        .count = 1,
    };
    const GOptionEntry entries[] = {
        {"png", 'p', 0, G_OPTION_ARG_FILENAME, &options.png, "Save the picture as a PNG", "FILE"},
        {"raw", 'r', 0, G_OPTION_ARG_FILENAME, &options.raw, "Save the bytes of the buffer",
         "FILE"},
        {"output", 'o', 0, G_OPTION_ARG_INT, &options.output, "Only of this output", "N"},
        {"count", 'n', 0, G_OPTION_ARG_INT64, &options.count, "Take N pictures (1)", "N"},
        {"cursor", 0, 0, G_OPTION_ARG_NONE, &options.cursor, "Take the cursor instead", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(Receiver) receiver = NULL;
    g_autofree char *name = NULL;

    if (!command_parse(&options.common, COMMAND_NEEDS_DEVICE | COMMAND_NEEDS_WAIT, entries,
                       "[DOMAIN[/DEVICE]]",
                       "Takes a picture from a guest, and prints the SHA-256 of its buffer.", 1,
                       argc, argv, error))
        return FALSE;
    if (options.output < -1)
        return command_usage_error(error, "--output takes a number from 0");
    if (options.count < 1)
        return command_usage_error(error, "--count takes a number from 1");
    if (options.png != NULL && strcmp(options.png, "-") == 0 &&
        (options.count > 1 || g_strcmp0(options.raw, "-") == 0))
        return command_usage_error(error, "Standard output has room for one PNG only");

    receiver = command_connect(&options.common, &name, error);
    if (receiver == NULL)
        return FALSE;

    for (gint64 i = 1; i <= options.count; i++) {
        if (!grab_next(receiver, &options, i, name, error))
            return FALSE;
    }
    return TRUE;
}
