/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "describe.h"
#include "output.h"
#include "size.h"
#include "stream.h"

#define DEFAULT_TIMEOUT 10

typedef struct {
    CommandOptions common;
    char *file;
    char *limit_text;
    guint64 limit;
    int number; /* of the output; -1: any */
    gboolean missed_said;
} ReceiveOptions;

static void
receive_options_clear(ReceiveOptions *self)
{
    command_options_clear(&self->common);
    g_free(self->file);
    g_free(self->limit_text);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ReceiveOptions, receive_options_clear)

static gboolean
is_wanted(const ReceiveOptions *options, const struct vdmabuf_event *event)
{
    return event->type == VDMABUF_EVENT_FRAME && stream_chunk_is_in(&event->frame) &&
           (options->number < 0 || event->frame.output == (guint32) options->number);
}

static void
report(const ReceiveOptions *options, StreamReader *reader)
{
    FILE *stream = strcmp(options->file, "-") == 0 ? stderr : stdout;
    g_auto(Json) json;

    json_init(&json);
    if (options->common.json) {
        json_open_object(&json, NULL);
        json_add_string(&json, "file", options->file);
        json_add_uint(&json, "bytes", stream_reader_get_length(reader));
        json_add_uint(&json, "frames", stream_reader_get_chunks(reader));
        json_add_string(&json, "sha256", stream_reader_get_sha256(reader));
        json_close_object(&json);
        json_print(&json, stream);
        return;
    }
    fprintf(stream,
            "received %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT " frames, sha256 %s\n",
            stream_reader_get_length(reader), stream_reader_get_chunks(reader),
            stream_reader_get_sha256(reader));
}

/* STREAM_IGNORED also for a buffer that the guest has taken back. */
static StreamResult
receive_chunk(Receiver *receiver, ReceiveOptions *options, StreamReader *reader, Output *output,
              const struct vdmabuf_event *event, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree guint8 *data = NULL;
    StreamChunk chunk;
    StreamResult result;

    if (!stream_chunk_unpack(&chunk, &event->frame, event->size, error))
        return STREAM_FAILED;
    if (options->limit > 0 && (chunk.used > options->limit ||
                               stream_reader_get_length(reader) > options->limit - chunk.used)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "The stream is longer than the limit of %" G_GUINT64_FORMAT " bytes",
                    options->limit);
        return STREAM_FAILED;
    }

    data = receiver_copy(receiver, event, chunk.used, &local);
    if (data == NULL) {
        if (local == NULL)
            return STREAM_IGNORED;
        g_propagate_error(error, g_steal_pointer(&local));
        return STREAM_FAILED;
    }

    result = stream_reader_take(reader, &chunk, data, error);
    if ((result == STREAM_DATA || result == STREAM_DONE) &&
        !output_write(output, data, chunk.used, error))
        return STREAM_FAILED;

    if (result == STREAM_IGNORED && !stream_reader_has_begun(reader) && !options->missed_said) {
        fprintf(stderr, "vdmabuf-recv: A stream that has already begun is left out\n");
        options->missed_said = TRUE;
    }
    return result;
}

static gboolean
receive(Receiver *receiver, ReceiveOptions *options, const char *name, GError **error)
{
    g_autoptr(StreamReader) reader = stream_reader_new();
    g_autoptr(Output) output = output_new(options->file, error);
    gint64 deadline = receiver_get_deadline(options->common.timeout_ms);

    if (output == NULL)
        return FALSE;

    for (;;) {
        g_autoptr(GError) local = NULL;
        StreamResult stream = STREAM_IGNORED;
        struct vdmabuf_event event;
        ReceiverResult result = receiver_next(receiver, deadline, &event, &local);

        if (result == RECEIVER_EVENT && is_wanted(options, &event))
            stream = receive_chunk(receiver, options, reader, output, &event, error);
        else if (result == RECEIVER_EVENT && event.type == VDMABUF_EVENT_FRAME &&
                 !receiver_release(receiver, &event, error))
            return FALSE;

        if (stream == STREAM_FAILED)
            return FALSE;
        if (stream == STREAM_DONE) {
            if (!output_commit(output, error))
                return FALSE;
            report(options, reader);
            return TRUE;
        }
        if (stream == STREAM_DATA)
            deadline = receiver_get_deadline(options->common.timeout_ms);

        /* Frames that are not of the stream do not make the wait for it longer */
        if (result == RECEIVER_EVENT && deadline >= 0 && g_get_monotonic_time() >= deadline)
            result = RECEIVER_TIMED_OUT;
        if (result != RECEIVER_EVENT) {
            command_end_wait(result, stream_reader_has_begun(reader) ? "more of the data" : "data",
                             name, &options->common, &local);
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
}

gboolean
command_receive(int argc, char **argv, GError **error)
{
    g_auto(ReceiveOptions) options = {
        .common = {.timeout = DEFAULT_TIMEOUT},
        .number = -1,
    };
    const GOptionEntry entries[] = {
        {"file", 'f', 0, G_OPTION_ARG_FILENAME, &options.file,
         "Where to write the data, instead of standard output", "FILE"},
        {"output", 'o', 0, G_OPTION_ARG_INT, &options.number, "Only of this output", "N"},
        {"limit", 'l', 0, G_OPTION_ARG_STRING, &options.limit_text, "Take no more than so much",
         "BYTES"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(Receiver) receiver = NULL;
    g_autofree char *name = NULL;

    if (!command_parse(&options.common, COMMAND_NEEDS_DEVICE | COMMAND_NEEDS_WAIT, entries,
                       "[DOMAIN[/DEVICE]]",
                       "Receives what vdmabuf-send sends, and checks its SHA-256.", 1, argc, argv,
                       error))
        return FALSE;
    if (options.number < -1)
        return command_usage_error(error, "--output takes a number from 0");
    if (options.limit_text != NULL &&
        (!size_parse(options.limit_text, &options.limit) || options.limit == 0))
        return command_usage_error(error,
                                   "--limit takes bytes, such as 65536, 64K or 1G, not "
                                   "\"%s\"",
                                   options.limit_text);
    if (options.file == NULL)
        options.file = g_strdup("-");

    receiver = command_connect(&options.common, &name, error);
    return receiver != NULL && receive(receiver, &options, name, error);
}
