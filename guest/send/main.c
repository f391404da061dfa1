/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdmabuf-send: shares data or a test card of a guest with its host. */
#include <drm/drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "card.h"
#include "exit.h"
#include "sender.h"
#include "size.h"
#include "stream.h"

#define EXIT_USAGE 2
#define EXIT_TIMED_OUT 3

#define DEFAULT_CHUNK (4 << 20)
#define DEFAULT_BUFFERS 3
#define MAX_BUFFERS 1024
#define STRIDE_ALIGNMENT 64
/* So late a picture may be, in microseconds, and the next is still sent when it was due */
#define LATE_ENOUGH (10 * G_TIME_SPAN_MILLISECOND)

typedef struct {
    SenderOptions sender;
    char *device;
    char *file;
    int fd;
    guint buffers;
    guint64 frames; /* 0: no end */
    guint64 size;   /* 0: whatever fits */
    guint32 output;
    gboolean scattered;
    gboolean udmabuf;
    gboolean queued;
    gboolean wait_release;
    double rate; /* 0: as fast as buffers come back */

    /* The test card */
    const Format *format; /* %NULL: data */
    guint32 width;
    guint32 height;
    guint32 stride;
    guint64 offset;
    gboolean y_inverted;
    gboolean hide;
} Options;

G_GNUC_PRINTF(2, 3)
static gboolean
usage_error(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
    va_end(args);
    return FALSE;
}

static gboolean
options_parse_pattern(Options *self, const char *text, GError **error)
{
    guint32 fourcc = DRM_FORMAT_XRGB8888;
    const char *rest;

    if (!size_parse_picture(text, &self->width, &self->height, &rest) ||
        (*rest != '\0' && (*rest != ':' || !fourcc_parse(rest + 1, &fourcc))))
        return usage_error(error,
                           "--pattern takes WIDTHxHEIGHT[:FOURCC], such as 640x480:XR24, "
                           "not \"%s\"",
                           text);

    self->format = format_find(fourcc);
    if (self->format == NULL) {
        g_autofree char *known = format_list();

        return usage_error(error, "The test card can be drawn in %s, not in \"%s\"", known,
                           rest + 1);
    }
    return TRUE;
}

static gboolean
options_finish_pattern(Options *self, gint64 stride, GError **error)
{
    guint64 row = (guint64) self->width * self->format->bytes;
    guint64 needed;

    if (stride < 0)
        stride = (gint64) ((row + STRIDE_ALIGNMENT - 1) / STRIDE_ALIGNMENT * STRIDE_ALIGNMENT);
    if ((guint64) stride < row || stride > G_MAXUINT32)
        return usage_error(error,
                           "--stride has to be %" G_GUINT64_FORMAT " bytes or more for this "
                           "picture",
                           row);
    if (self->offset > G_MAXUINT32)
        return usage_error(error, "--offset has to be less than 4G");

    self->stride = (guint32) stride;
    needed = self->offset + (guint64) stride * self->height;
    if (self->size == 0)
        self->size = needed;
    if (self->size < needed)
        return usage_error(error,
                           "--size has to be %" G_GUINT64_FORMAT " bytes or more for this "
                           "picture",
                           needed);
    return TRUE;
}

/* The parsed values of options that need a second look */
typedef struct {
    char *pattern;
    char *size;
    char *offset;
    gint64 stride;
    int buffers;
    gint64 frames;
    int output;
    double timeout;
    gboolean version;
    char **files;
} RawOptions;

static void
raw_options_clear(RawOptions *self)
{
    g_free(self->pattern);
    g_free(self->size);
    g_free(self->offset);
    g_strfreev(self->files);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RawOptions, raw_options_clear)

static gboolean
options_check(Options *self, RawOptions *raw, GError **error)
{
    if (raw->files != NULL && raw->files[0] != NULL) {
        if (raw->files[1] != NULL)
            return usage_error(error, "Only one FILE can be sent at a time");
        self->file = g_strdup(raw->files[0]);
    }
    if (raw->pattern != NULL && (self->file != NULL || self->fd >= 0))
        return usage_error(error, "--pattern goes with neither FILE nor --fd");
    if (self->fd < -1)
        return usage_error(error, "--fd takes the number of a descriptor, from 0");
    if (self->fd >= 0 && (self->file != NULL || self->udmabuf || self->scattered))
        return usage_error(error, "--fd goes with neither FILE, --udmabuf nor --scattered");
    if (self->udmabuf && self->scattered)
        return usage_error(error, "--scattered is for buffers of the driver, not for --udmabuf");
    if (raw->buffers < 1 || raw->buffers > MAX_BUFFERS)
        return usage_error(error, "--buffers takes 1 to %d", MAX_BUFFERS);
    if (raw->frames < 0)
        return usage_error(error, "--frames takes a number from 1, or 0 for no end");
    if (raw->output < 0)
        return usage_error(error, "--output takes a number from 0");
    if (raw->size != NULL && (!size_parse(raw->size, &self->size) || self->size == 0))
        return usage_error(error, "--size takes bytes, such as 65536, 64K or 1G, not \"%s\"",
                           raw->size);
    if (raw->offset != NULL && !size_parse(raw->offset, &self->offset))
        return usage_error(error, "--offset takes bytes, not \"%s\"", raw->offset);
    if (!(raw->timeout >= 0 && raw->timeout <= G_MAXINT / 1000))
        return usage_error(error, "--timeout takes seconds; 0 waits for ever");
    if (self->rate != 0 && !(self->rate >= 0.001 && self->rate <= 1e6))
        return usage_error(error, "--rate takes pictures per second, 0.001 to 1000000");
    if (raw->pattern == NULL && (self->y_inverted || self->hide || raw->offset != NULL ||
                                 raw->stride >= 0 || self->rate > 0))
        return usage_error(error, "--rate, --stride, --offset, --y-inverted and --hide are for "
                                  "--pattern");

    self->buffers = (guint) raw->buffers;
    self->frames = (guint64) raw->frames;
    self->output = (guint32) raw->output;
    self->sender.timeout_ms = raw->timeout > 0 ? (int) (raw->timeout * 1000) : -1;

    if (raw->pattern != NULL)
        return options_parse_pattern(self, raw->pattern, error) &&
               options_finish_pattern(self, raw->stride, error);
    return TRUE;
}

/* Returns -1 to go on, or the status to exit with. */
static int
options_parse(Options *self, int *argc, char ***argv)
{
    g_auto(RawOptions) raw = {.stride = -1, .buffers = DEFAULT_BUFFERS};
    gboolean no_wait = FALSE;
    const GOptionEntry entries[] = {
        {"device", 'd', 0, G_OPTION_ARG_FILENAME, &self->device,
         "Device node, instead of /dev/virtio-vdmabuf", "PATH"},
        {"pattern", 'p', 0, G_OPTION_ARG_STRING, &raw.pattern,
         "Send a moving test card as pictures", "WxH[:FOURCC]"},
        {"fd", 0, 0, G_OPTION_ARG_INT, &self->fd, "Send the dma-buf that is open as descriptor N",
         "N"},
        {"frames", 'n', 0, G_OPTION_ARG_INT64, &raw.frames, "Stop after N frames (0: no end)", "N"},
        {"buffers", 'b', 0, G_OPTION_ARG_INT, &raw.buffers, "Use N buffers (3)", "N"},
        {"size", 's', 0, G_OPTION_ARG_STRING, &raw.size, "Size of each buffer (data: 4M)", "BYTES"},
        {"output", 'o', 0, G_OPTION_ARG_INT, &raw.output, "Number of the output (0)", "N"},
        {"scattered", 0, 0, G_OPTION_ARG_NONE, &self->scattered,
         "Let the driver take single pages, the worst case", NULL},
        {"udmabuf", 0, 0, G_OPTION_ARG_NONE, &self->udmabuf,
         "Take buffers from /dev/udmabuf instead of the driver", NULL},
        {"queued", 0, 0, G_OPTION_ARG_NONE, &self->queued,
         "No picture replaces an older one (data is always sent so)", NULL},
        {"rate", 'r', 0, G_OPTION_ARG_DOUBLE, &self->rate, "Pictures per second, at most", "N"},
        {"stride", 0, 0, G_OPTION_ARG_INT64, &raw.stride, "Bytes from row to row", "BYTES"},
        {"offset", 0, 0, G_OPTION_ARG_STRING, &raw.offset, "Bytes in front of the picture",
         "BYTES"},
        {"y-inverted", 0, 0, G_OPTION_ARG_NONE, &self->y_inverted,
         "Draw the bottom row first, and say so", NULL},
        {"hide", 0, 0, G_OPTION_ARG_NONE, &self->hide,
         "In the end say that the output shows nothing", NULL},
        {"writable-check", 0, 0, G_OPTION_ARG_NONE, &self->sender.check_written,
         "Fail if the host has written to a buffer", NULL},
        {"wait-release", 0, 0, G_OPTION_ARG_NONE, &self->wait_release,
         "Exit when all frames are released (the default)", NULL},
        {"no-wait-release", 0, 0, G_OPTION_ARG_NONE, &no_wait,
         "Exit after the last frame, and take back what is not released", NULL},
        {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &raw.timeout,
         "Longest wait for the host (0: for ever)", "SECONDS"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &self->sender.verbose,
         "A line for each frame, with its SHA-256", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &self->sender.json, "The same as lines of JSON", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &raw.version, "Show the version", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.files, NULL, "[FILE]"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_set_summary(context, "Shares FILE, or standard input, or a test card with "
                                          "the host, where vdmabuf-recv takes it.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error) ||
        (!raw.version && !options_check(self, &raw, &error))) {
        fprintf(stderr, "vdmabuf-send: %s (vdmabuf-send --help)\n", error->message);
        return EXIT_USAGE;
    }
    if (raw.version) {
        printf("vdmabuf-send %s\n", VDMABUF_VERSION);
        return EXIT_SUCCESS;
    }

    self->wait_release = !no_wait;
    return -1;
}

static void
options_clear(Options *self)
{
    g_free(self->device);
    g_free(self->file);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* --- A test card --- */

static SenderResult
send_card(Sender *sender, const Options *options, guint64 number, gint64 *due, GError **error)
{
    struct vdmabuf_frame frame;
    Buffer *buffer;
    SenderResult result;

    if (options->rate > 0) {
        result = sender_wait_until(sender, *due, error);
        if (result != SENDER_READY)
            return result;
        /* Time that was spent waiting for consumers or buffers is not made up for */
        *due = MAX(*due, g_get_monotonic_time() - LATE_ENOUGH) +
               (gint64) (G_TIME_SPAN_SECOND / options->rate);
    }
    result = sender_wait_buffer(sender, &buffer, error);
    if (result != SENDER_READY)
        return result;

    vdmabuf_frame_init(&frame, options->format->fourcc, options->width, options->height,
                       options->stride);
    frame.planes[0].offset = (guint32) options->offset;
    frame.output = options->output;
    frame.flags = (options->queued ? VDMABUF_FRAME_QUEUED : 0) |
                  (options->y_inverted ? VDMABUF_FRAME_Y_INVERTED : 0);

    if (!vdmabuf_map_begin(buffer->map, error))
        return SENDER_FAILED;
    card_draw(options->format, (guint8 *) vdmabuf_map_get_data(buffer->map) + options->offset,
              options->width, options->height, options->stride, number, options->y_inverted);
    if (!vdmabuf_map_end(buffer->map, error))
        return SENDER_FAILED;

    return sender_send(sender, buffer, &frame, buffer->size, error) ? SENDER_READY : SENDER_FAILED;
}

static SenderResult
send_hidden(Sender *sender, const Options *options, GError **error)
{
    struct vdmabuf_frame frame = {
        .flags = VDMABUF_FRAME_HIDDEN,
        .output = options->output,
    };
    Buffer *buffer;
    SenderResult result = sender_wait_buffer(sender, &buffer, error);

    if (result != SENDER_READY)
        return result;
    return sender_send(sender, buffer, &frame, buffer->size, error) ? SENDER_READY : SENDER_FAILED;
}

static SenderResult
send_cards(Sender *sender, const Options *options, GError **error)
{
    gint64 due = g_get_monotonic_time();
    SenderResult result = SENDER_READY;

    for (guint64 i = 0; options->frames == 0 || i < options->frames; i++) {
        /* The first picture waits for whoever comes; more of them would only use up the CPU */
        if (options->frames == 0 && i > 0)
            result = sender_wait_consumer(sender, error);
        if (result != SENDER_READY)
            return result;

        result = send_card(sender, options, i, &due, error);
        if (result != SENDER_READY)
            return result;
    }
    return options->hide ? send_hidden(sender, options, error) : result;
}

/* --- Data --- */

typedef struct {
    int fd;
    const char *name;
    GChecksum *checksum;
    StreamChunk chunk;
    /* A byte is read ahead, because the chunk that is the last has to say so */
    gboolean ahead;
    guint8 ahead_byte;
} Source;

static void
source_clear(Source *self)
{
    if (self->fd > STDERR_FILENO)
        close(self->fd);
    g_clear_pointer(&self->checksum, g_checksum_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Source, source_clear)

static gboolean
source_open(Source *self, const char *file, GError **error)
{
    if (file == NULL || strcmp(file, "-") == 0) {
        self->fd = STDIN_FILENO;
        self->name = "standard input";
    } else {
        self->name = file;
        self->fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (self->fd < 0) {
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot open %s: %s", file,
                        g_strerror(errno));
            return FALSE;
        }
    }

    self->checksum = g_checksum_new(G_CHECKSUM_SHA256);
    self->chunk.total = STREAM_TOTAL_UNKNOWN;
    if (getrandom(self->chunk.id, sizeof(self->chunk.id), 0) != sizeof(self->chunk.id)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "No random number for the stream: "
                    "%s",
                    g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

/* Reads up to @size bytes; *@got is less only at the end. */
static SenderResult
source_fill(Source *self, Sender *sender, guint8 *data, guint64 size, guint64 *got, GError **error)
{
    *got = 0;
    while (*got < size) {
        SenderResult result = sender_wait_input(sender, self->fd, error);
        gssize n;

        if (result != SENDER_READY)
            return result;

        n = read(self->fd, data + *got, (gsize) MIN(size - *got, 1u << 20));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot read %s: %s",
                        self->name, g_strerror(errno));
            return SENDER_FAILED;
        }
        if (n == 0)
            break;
        *got += (guint64) n;
    }
    return SENDER_READY;
}

/* Fills @data with the next chunk, and self->chunk with what it is. */
static SenderResult
source_next(Source *self, Sender *sender, guint8 *data, guint64 size, gboolean last, GError **error)
{
    StreamChunk *chunk = &self->chunk;
    guint64 first = 0, got;
    SenderResult result;

    if (self->ahead) {
        data[0] = self->ahead_byte;
        first = 1;
    }
    result = source_fill(self, sender, data + first, size - first, &got, error);
    if (result != SENDER_READY)
        return result;
    chunk->used = first + got;
    self->ahead = FALSE;

    if (!last) {
        result = source_fill(self, sender, &self->ahead_byte, 1, &got, error);
        if (result != SENDER_READY)
            return result;
        self->ahead = got == 1;
    }
    return SENDER_READY;
}

static void
source_describe(Source *self, const guint8 *data)
{
    StreamChunk *chunk = &self->chunk;
    gsize size = sizeof(chunk->sha256);

    for (guint64 done = 0; done < chunk->used;) {
        gssize part = (gssize) MIN(chunk->used - done, 1u << 30);

        g_checksum_update(self->checksum, data + done, part);
        done += (guint64) part;
    }
    if (self->ahead)
        return;

    chunk->flags = STREAM_CHUNK_LAST;
    chunk->total = chunk->offset + chunk->used;
    g_checksum_get_digest(self->checksum, chunk->sha256, &size);
}

static SenderResult
send_chunk(Sender *sender, const Options *options, Source *source, Buffer *buffer, GError **error)
{
    struct vdmabuf_frame frame;

    stream_chunk_pack(&source->chunk, options->output, &frame);
    if (!sender_send(sender, buffer, &frame, source->chunk.used, error))
        return SENDER_FAILED;

    source->chunk.number++;
    source->chunk.offset += source->chunk.used;
    return SENDER_READY;
}

static SenderResult
send_data(Sender *sender, const Options *options, GError **error)
{
    g_auto(Source) source = {.fd = -1};

    if (!source_open(&source, options->file, error))
        return SENDER_FAILED;

    do {
        gboolean last = options->frames > 0 && source.chunk.number + 1 == options->frames;
        Buffer *buffer;
        SenderResult result;
        guint8 *data;

        result = sender_wait_buffer(sender, &buffer, error);
        if (result != SENDER_READY)
            return result;

        if (!vdmabuf_map_begin(buffer->map, error))
            return SENDER_FAILED;
        data = vdmabuf_map_get_data(buffer->map);
        result = source_next(&source, sender, data, buffer->size, last, error);
        if (result == SENDER_READY)
            source_describe(&source, data);
        if (!vdmabuf_map_end(buffer->map, result == SENDER_FAILED ? NULL : error))
            return SENDER_FAILED;
        if (result != SENDER_READY)
            return result;

        result = send_chunk(sender, options, &source, buffer, error);
        if (result != SENDER_READY)
            return result;
    } while (source.ahead);

    return SENDER_READY;
}

/* The one buffer, as a stream of one chunk: its contents are somebody else's and stay. */
static SenderResult
send_descriptor(Sender *sender, const Options *options, GError **error)
{
    g_auto(Source) source = {.fd = -1};
    Buffer *buffer;
    SenderResult result = sender_wait_buffer(sender, &buffer, error);

    if (result != SENDER_READY)
        return result;

    source.checksum = g_checksum_new(G_CHECKSUM_SHA256);
    source.chunk.used = options->size > 0 ? options->size : buffer->size;
    if (source.chunk.used > buffer->size) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "The dma-buf has %" G_GUINT64_FORMAT " bytes, not the %" G_GUINT64_FORMAT
                    " of --size",
                    buffer->size, options->size);
        return SENDER_FAILED;
    }
    if (getrandom(source.chunk.id, sizeof(source.chunk.id), 0) != sizeof(source.chunk.id) ||
        !vdmabuf_map_begin(buffer->map, error))
        return SENDER_FAILED;
    source_describe(&source, vdmabuf_map_get_data(buffer->map));
    if (!vdmabuf_map_end(buffer->map, error))
        return SENDER_FAILED;

    return send_chunk(sender, options, &source, buffer, error);
}

/* --- All of it --- */

static gboolean
add_buffers(Sender *sender, VdmabufProducer *producer, const Options *options, GError **error)
{
    guint64 size = options->size > 0 ? options->size : DEFAULT_CHUNK;
    guint number = options->fd >= 0 ? 1 : options->buffers;

    for (guint i = 0; i < number; i++) {
        Buffer *buffer;

        if (options->fd >= 0)
            buffer = buffer_new_for_fd(options->fd, error);
        else if (options->udmabuf)
            buffer = buffer_new_udmabuf(size, error);
        else
            buffer = buffer_new_alloc(producer, size,
                                      options->scattered ? VDMABUF_ALLOC_SCATTERED : 0, error);
        if (buffer == NULL)
            return FALSE;
        sender_add_buffer(sender, buffer);
    }
    return TRUE;
}

static gboolean
check_outcome(Sender *sender, const Options *options, SenderResult result, GError **error)
{
    const SenderCounts *counts = sender_get_counts(sender);
    gboolean data = options->format == NULL;

    if (result == SENDER_ALONE && data) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "The consumer has gone before it had all of the data");
        return FALSE;
    }
    /* A test card without an end can end in no other way */
    if (result == SENDER_INTERRUPTED && (data || options->frames > 0)) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Interrupted");
        return FALSE;
    }
    if (counts->lost > 0 && data) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "%" G_GUINT64_FORMAT " frames were lost: the host refused them, or the device "
                    "was reset",
                    counts->lost);
        return FALSE;
    }
    if (counts->written > 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The host has written to %" G_GUINT64_FORMAT " of the buffers that it got",
                    counts->written);
        return FALSE;
    }
    return TRUE;
}

static gboolean
run(const Options *options, GError **error)
{
    /* In this order, because the sender's buffers and the device are freed the other way round */
    g_autoptr(VdmabufProducer) producer = vdmabuf_producer_open(options->device, error);
    g_autoptr(Sender) sender = NULL;
    SenderResult result;

    if (producer == NULL)
        return FALSE;
    sender = sender_new(producer, &options->sender, error);
    if (sender == NULL || !add_buffers(sender, producer, options, error))
        return FALSE;

    if (options->format != NULL)
        result = send_cards(sender, options, error);
    else if (options->fd >= 0)
        result = send_descriptor(sender, options, error);
    else
        result = send_data(sender, options, error);

    if (result == SENDER_READY && options->wait_release)
        result = sender_wait_released(sender, error);
    if (result == SENDER_FAILED)
        return FALSE;

    sender_print_counts(sender);
    return check_outcome(sender, options, result, error);
}

int
main(int argc, char **argv)
{
    g_auto(Options) options = {.fd = -1};
    g_autoptr(GError) error = NULL;
    int status;

    exit_check_output();
    setlocale(LC_ALL, "");
    status = options_parse(&options, &argc, &argv);
    if (status >= 0)
        return status;

    if (!run(&options, &error)) {
        fprintf(stderr, "vdmabuf-send: %s\n", error->message);
        return g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT) ? EXIT_TIMED_OUT
                                                                              : EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
