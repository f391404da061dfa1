// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vdmabuf-steps: play a producer or a consumer, one step after the other.
 *
 * Each argument is a step, words apart by blanks; the first that fails ends the program with
 * status 1. Steps that wait say for how long at most. Every step prints one line.
 *
 *   open [PATH]                     the guest's device
 *   connect PATH                    a broker's consumer socket
 *   alloc SIZE [scattered]          a new buffer of the driver's pages
 *   vgem SIZE                       a new buffer of the guest's vgem
 *   fence BUFFER                    of vgem: it is being written to, until
 *   signal BUFFER
 *   memfd SIZE                      a new buffer over a memfd's pages, by /dev/udmabuf
 *   export BUFFER [OUTPUT [queued]]
 *   picture BUFFER WIDTH HEIGHT FOURCC [MODIFIER]  export it as a picture of one plane
 *   unexport BUFFER
 *   cycle BUFFERS FRAMES SECONDS    export so many frames from the first BUFFERS in turn
 *   await KIND SECONDS              released, unregistered, consumers; frame, gone, state, dead
 *   consume FRAMES SECONDS          take and release frames until so many are accounted for
 *   drain                           the same until standard input ends
 *   import [rw]                     of the last frame; a new buffer
 *   release                         the last frame
 *   fill BUFFER OFFSET LENGTH BYTE
 *   expect BUFFER OFFSET LENGTH BYTE
 *   until BUFFER OFFSET BYTE SECONDS
 *   sum BUFFER                      a checksum of its contents
 *   pfn BUFFER OFFSET               the physical page, as this kernel numbers it
 *   close BUFFER
 *   hold                            until standard input ends
 *
 * Buffers are numbered from 0 in the order in which they were made.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdmabuf.h"
#include "vgem.h"

typedef struct {
    int fd;
    guint64 size;
    VdmabufMap *map;
    guint8 *pages; /* the memfd's own mapping, whose page numbers the kernel tells */
    struct vdmabuf_id id;
    guint32 handle, fence; /* vgem's */
} Buffer;

typedef struct {
    VdmabufProducer *producer;
    VdmabufConsumer *consumer;
    GArray *buffers;
    struct vdmabuf_event frame;
    int vgem;
} Steps;

static gboolean steps_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean steps_fail(GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, text);
    return FALSE;
}

static const char *steps_word(char **words, guint n)
{
    return n < g_strv_length(words) ? words[n] : "";
}

static guint64 steps_number(char **words, guint n)
{
    return g_ascii_strtoull(steps_word(words, n), NULL, 0);
}

static Buffer *steps_buffer(Steps *self, char **words, GError **error)
{
    guint64 n = steps_number(words, 1);

    if (n >= self->buffers->len || g_array_index(self->buffers, Buffer, n).fd < 0) {
        steps_fail(error, "there is no buffer %s", steps_word(words, 1));
        return NULL;
    }
    return &g_array_index(self->buffers, Buffer, n);
}

static gboolean steps_add(Steps *self, int fd, guint64 size, gboolean writable, guint8 *pages,
                          GError **error)
{
    Buffer buffer = { .fd = fd, .size = size, .pages = pages };

    if (fd < 0)
        return FALSE;
    buffer.map = vdmabuf_map_new(fd, size, writable, error);
    if (!buffer.map) {
        close(fd);
        return FALSE;
    }
    g_array_append_val(self->buffers, buffer);
    g_print("buffer %u %" G_GUINT64_FORMAT "\n", self->buffers->len - 1, size);
    return TRUE;
}

static gboolean steps_open(Steps *self, char **words, GError **error)
{
    g_clear_pointer(&self->producer, vdmabuf_producer_free);
    self->producer = vdmabuf_producer_open(words[1], error);
    if (!self->producer)
        return FALSE;
    g_print("open\n");
    return TRUE;
}

static gboolean steps_connect(Steps *self, char **words, GError **error)
{
    g_clear_pointer(&self->consumer, vdmabuf_consumer_free);
    self->consumer = vdmabuf_consumer_connect(steps_word(words, 1), error);
    if (!self->consumer)
        return FALSE;
    g_print("connected\n");
    return TRUE;
}

static gboolean steps_alloc(Steps *self, char **words, GError **error)
{
    guint32 flags = g_str_equal(steps_word(words, 2), "scattered") ? VDMABUF_ALLOC_SCATTERED : 0;
    guint64 size = steps_number(words, 1);

    return steps_add(self, vdmabuf_producer_alloc(self->producer, size, flags, error), size, TRUE,
                     NULL, error);
}

static gboolean steps_vgem(Steps *self, char **words, GError **error)
{
    guint64 size = steps_number(words, 1);
    guint32 handle;
    int fd;

    if (self->vgem < 0)
        self->vgem = vgem_open();
    fd = self->vgem < 0 ? -1 : vgem_buffer_new(self->vgem, size, &handle);
    if (fd < 0)
        return steps_fail(error, "vgem: %s", g_strerror(errno));
    if (!steps_add(self, fd, size, TRUE, NULL, error))
        return FALSE;
    g_array_index(self->buffers, Buffer, self->buffers->len - 1).handle = handle;
    return TRUE;
}

static gboolean steps_fence(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);

    if (!buffer)
        return FALSE;
    if (!vgem_fence_attach(self->vgem, buffer->handle, &buffer->fence))
        return steps_fail(error, "DRM_IOCTL_VGEM_FENCE_ATTACH: %s", g_strerror(errno));
    g_print("fence %s\n", words[1]);
    return TRUE;
}

static gboolean steps_signal(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);

    if (!buffer)
        return FALSE;
    if (!vgem_fence_signal(self->vgem, buffer->fence))
        return steps_fail(error, "DRM_IOCTL_VGEM_FENCE_SIGNAL: %s", g_strerror(errno));
    g_print("signal %s\n", words[1]);
    return TRUE;
}

static gboolean steps_memfd(Steps *self, char **words, GError **error)
{
    struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC,
                                     .size = steps_number(words, 1) };
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    guint8 *pages;
    int fd;

    create.memfd = memfd_create("vdmabuf-steps", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (device < 0 || (int)create.memfd < 0 || ftruncate(create.memfd, create.size) ||
        fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
        return steps_fail(error, "memfd or /dev/udmabuf: %s", g_strerror(errno));
    pages = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                 create.memfd, 0);
    fd = ioctl(device, UDMABUF_CREATE, &create);
    if (pages == MAP_FAILED || fd < 0)
        return steps_fail(error, "UDMABUF_CREATE: %s", g_strerror(errno));
    close(device);
    close(create.memfd);
    return steps_add(self, fd, create.size, TRUE, pages, error);
}

static gboolean steps_export_one(Steps *self, Buffer *buffer, guint32 output, guint32 flags,
                                 guint64 *sequence, GError **error)
{
    struct vdmabuf_frame frame = { .output = output, .flags = flags };

    return vdmabuf_producer_export(self->producer, buffer->fd, &frame, &buffer->id, sequence,
                                   error);
}

static gboolean steps_export(Steps *self, char **words, GError **error)
{
    guint32 flags = g_str_equal(steps_word(words, 3), "queued") ? VDMABUF_FRAME_QUEUED : 0;
    Buffer *buffer = steps_buffer(self, words, error);
    char text[VDMABUF_ID_TEXT_SIZE];
    guint64 sequence;

    if (!buffer ||
        !steps_export_one(self, buffer, steps_number(words, 2), flags, &sequence, error))
        return FALSE;
    g_print("export %s %s %" G_GUINT64_FORMAT "\n", words[1], vdmabuf_id_format(&buffer->id, text),
            sequence);
    return TRUE;
}

static gboolean steps_picture(Steps *self, char **words, GError **error)
{
    const char *fourcc = steps_word(words, 4);
    Buffer *buffer = steps_buffer(self, words, error);
    struct vdmabuf_frame frame;
    guint64 sequence;

    if (!buffer)
        return FALSE;
    if (strlen(fourcc) != 4)
        return steps_fail(error, "%s is no FOURCC", fourcc);
    vdmabuf_frame_init(&frame, fourcc[0] | fourcc[1] << 8 | fourcc[2] << 16 | (guint) fourcc[3] << 24,
                       steps_number(words, 2), steps_number(words, 3), steps_number(words, 2) * 4);
    frame.modifier = steps_number(words, 5);
    if (!vdmabuf_producer_export(self->producer, buffer->fd, &frame, &buffer->id, &sequence, error))
        return FALSE;
    g_print("picture %s %" G_GUINT64_FORMAT "\n", words[1], sequence);
    return TRUE;
}

static gboolean steps_unexport(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);

    if (!buffer || !vdmabuf_producer_unexport(self->producer, &buffer->id, error))
        return FALSE;
    g_print("unexport %s\n", words[1]);
    return TRUE;
}

static int steps_left_ms(gint64 deadline)
{
    return CLAMP((deadline - g_get_monotonic_time()) / 1000, 0, G_MAXINT);
}

/* Every frame's release is counted against its buffer: one that comes twice, or for a frame that
 * is not out, fails. */
static gboolean steps_cycle(Steps *self, char **words, GError **error)
{
    guint n = MIN(steps_number(words, 1), self->buffers->len), out = 0, next = 0;
    guint64 frames = steps_number(words, 2), sent = 0, superseded = 0;
    gint64 deadline = g_get_monotonic_time() + steps_number(words, 3) * G_TIME_SPAN_SECOND;
    g_autofree guint64 *outstanding = g_new0(guint64, n);

    while (sent < frames || out) {
        struct vdmabuf_guest_event event;
        guint i;

        while (sent < frames && !outstanding[next]) {
            if (!steps_export_one(self, &g_array_index(self->buffers, Buffer, next), 0, 0,
                                  &outstanding[next], error))
                return FALSE;
            sent++;
            out++;
            next = (next + 1) % n;
        }
        if (!vdmabuf_producer_next_event(self->producer, steps_left_ms(deadline), &event, error))
            return FALSE;
        if (event.type != VDMABUF_GUEST_RELEASED)
            continue;
        for (i = 0; i < n; i++) {
            if (outstanding[i] == event.value &&
                vdmabuf_id_equal(&g_array_index(self->buffers, Buffer, i).id, &event.id))
                break;
        }
        if (i == n || (event.flags & VDMABUF_RELEASED_LOST))
            return steps_fail(error, "frame %llu came back wrongly (flags %x)", event.value, event.flags);
        superseded += !!(event.flags & VDMABUF_RELEASED_SUPERSEDED);
        outstanding[i] = 0;
        out--;
    }
    g_print("cycle %" G_GUINT64_FORMAT " superseded %" G_GUINT64_FORMAT "\n", sent, superseded);
    return TRUE;
}

static gboolean steps_await_guest(Steps *self, guint32 type, int seconds, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;
    struct vdmabuf_guest_event event;
    char text[VDMABUF_ID_TEXT_SIZE];

    do {
        if (!vdmabuf_producer_next_event(self->producer, steps_left_ms(deadline), &event, error))
            return FALSE;
    } while (event.type != type);
    g_print("event %u flags %x %s %llu\n", event.type, event.flags,
            vdmabuf_id_format(&event.id, text), event.value);
    return TRUE;
}

static gboolean steps_await_host(Steps *self, guint32 type, guint32 state, int seconds,
                                 GError **error)
{
    gint64 deadline = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;
    struct vdmabuf_event event;
    char text[VDMABUF_ID_TEXT_SIZE];

    do {
        if (!vdmabuf_consumer_next_event(self->consumer, steps_left_ms(deadline), &event, error))
            return FALSE;
    } while (event.type != type || (event.state & state) != state);
    if (type == VDMABUF_EVENT_FRAME)
        self->frame = event;
    g_print("event %u state %x %s %llu\n", event.type, event.state,
            vdmabuf_id_format(&event.id, text), event.sequence);
    return TRUE;
}

static gboolean steps_await(Steps *self, char **words, GError **error)
{
    const char *kind = steps_word(words, 1);
    int seconds = steps_number(words, 2);

    if (g_str_equal(kind, "released"))
        return steps_await_guest(self, VDMABUF_GUEST_RELEASED, seconds, error);
    if (g_str_equal(kind, "unregistered"))
        return steps_await_guest(self, VDMABUF_GUEST_UNREGISTERED, seconds, error);
    if (g_str_equal(kind, "consumers"))
        return steps_await_guest(self, VDMABUF_GUEST_CONSUMERS, seconds, error);
    if (g_str_equal(kind, "frame"))
        return steps_await_host(self, VDMABUF_EVENT_FRAME, 0, seconds, error);
    if (g_str_equal(kind, "gone"))
        return steps_await_host(self, VDMABUF_EVENT_GONE, 0, seconds, error);
    if (g_str_equal(kind, "state"))
        return steps_await_host(self, VDMABUF_EVENT_STATE, 0, seconds, error);
    if (g_str_equal(kind, "dead"))
        return steps_await_host(self, VDMABUF_EVENT_STATE, VDMABUF_VM_DEAD, seconds, error);
    return steps_fail(error, "there is no event '%s'", kind);
}

/* With one producer on the device its sequence numbers have no gap that superseded frames do not
 * fill. */
static gboolean steps_consume(Steps *self, char **words, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + steps_number(words, 2) * G_TIME_SPAN_SECOND;
    guint64 frames = steps_number(words, 1), taken = 0, superseded = 0, first = 0, last = 0;

    while (taken + superseded < frames) {
        struct vdmabuf_event event;

        if (!vdmabuf_consumer_next_event(self->consumer, steps_left_ms(deadline), &event, error))
            return FALSE;
        if (event.type != VDMABUF_EVENT_FRAME)
            continue;
        if (!first)
            first = event.sequence - event.superseded;
        if (event.sequence <= last)
            return steps_fail(error, "frame %llu after frame %" G_GUINT64_FORMAT, event.sequence,
                              last);
        last = event.sequence;
        taken++;
        superseded = event.superseded;
        if (last - first + 1 != taken + superseded)
            return steps_fail(error,
                              "frames %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                              ": %" G_GUINT64_FORMAT " taken, %" G_GUINT64_FORMAT " superseded",
                              first, last, taken, superseded);
        if (!vdmabuf_consumer_release(self->consumer, &event.id, event.sequence, error))
            return FALSE;
    }
    g_print("consumed %" G_GUINT64_FORMAT " superseded %" G_GUINT64_FORMAT "\n", taken, superseded);
    return TRUE;
}

/* What is held when it begins stays so. */
static gboolean steps_drain(Steps *self, G_GNUC_UNUSED char **words, GError **error)
{
    struct pollfd fds[] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = vdmabuf_consumer_get_fd(self->consumer), .events = POLLIN },
    };
    guint64 frames = 0;

    g_print("drain\n");
    for (;;) {
        struct vdmabuf_event event;
        char byte;

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            return steps_fail(error, "poll: %s", g_strerror(errno));
        if (fds[0].revents && read(STDIN_FILENO, &byte, 1) <= 0)
            break;
        if (!fds[1].revents)
            continue;
        if (!vdmabuf_consumer_next_event(self->consumer, 0, &event, error)) {
            if (!g_error_matches(*error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT))
                return FALSE;
            g_clear_error(error);
        } else if (event.type == VDMABUF_EVENT_FRAME) {
            /* The guest may have taken the buffer back meanwhile: then there is nothing to release */
            if (!vdmabuf_consumer_release(self->consumer, &event.id, event.sequence, error) &&
                !g_error_matches(*error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND))
                return FALSE;
            g_clear_error(error);
            frames++;
        }
    }
    g_print("drained %" G_GUINT64_FORMAT "\n", frames);
    return TRUE;
}

static gboolean steps_import(Steps *self, char **words, GError **error)
{
    gboolean writable = g_str_equal(steps_word(words, 1), "rw");
    guint64 size;
    int fd = vdmabuf_consumer_import(self->consumer, &self->frame.id, writable, &size, error);

    return steps_add(self, fd, size, writable, NULL, error);
}

static gboolean steps_release(Steps *self, G_GNUC_UNUSED char **words, GError **error)
{
    if (!vdmabuf_consumer_release(self->consumer, &self->frame.id, self->frame.sequence, error))
        return FALSE;
    g_print("release %llu\n", self->frame.sequence);
    return TRUE;
}

/* The checked range of a step's words 2 and 3. */
static volatile guint8 *steps_range(Buffer *buffer, char **words, guint64 *length, GError **error)
{
    guint64 offset = steps_number(words, 2);

    if (offset >= buffer->size || *length > buffer->size - offset) {
        steps_fail(error, "outside the buffer's %" G_GUINT64_FORMAT " bytes", buffer->size);
        return NULL;
    }
    if (!vdmabuf_map_begin(buffer->map, error))
        return NULL;
    return (guint8 *)vdmabuf_map_get_data(buffer->map) + offset;
}

static gboolean steps_fill(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);
    guint64 length = steps_number(words, 3);
    volatile guint8 *at = buffer ? steps_range(buffer, words, &length, error) : NULL;

    if (!at)
        return FALSE;
    for (guint64 i = 0; i < length; i++)
        at[i] = steps_number(words, 4);
    g_print("fill %s\n", words[1]);
    return vdmabuf_map_end(buffer->map, error);
}

static gboolean steps_expect(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);
    guint64 length = steps_number(words, 3);
    volatile guint8 *at = buffer ? steps_range(buffer, words, &length, error) : NULL;

    if (!at)
        return FALSE;
    for (guint64 i = 0; i < length; i++) {
        guint8 found = at[i];

        if (found != (guint8)steps_number(words, 4))
            return steps_fail(error, "byte %" G_GUINT64_FORMAT " of the range is 0x%02x", i, found);
    }
    g_print("expect %s\n", words[1]);
    return vdmabuf_map_end(buffer->map, error);
}

/* Looks at memory again and again: that no message says when it changed is the point of it. */
static gboolean steps_until(Steps *self, char **words, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + steps_number(words, 4) * G_TIME_SPAN_SECOND;
    Buffer *buffer = steps_buffer(self, words, error);
    guint64 length = 1;
    volatile guint8 *at = buffer ? steps_range(buffer, words, &length, error) : NULL;

    if (!at)
        return FALSE;
    while (*at != (guint8)steps_number(words, 3)) {
        if (g_get_monotonic_time() > deadline)
            return steps_fail(error, "byte %s is still 0x%02x", words[2], *at);
        g_usleep(1000);
    }
    g_print("until %s\n", words[1]);
    return vdmabuf_map_end(buffer->map, error);
}

static gboolean steps_sum(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);
    g_autofree char *sum = NULL;

    if (!buffer || !vdmabuf_map_begin(buffer->map, error))
        return FALSE;
    sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, vdmabuf_map_get_data(buffer->map),
                                      buffer->size);
    g_print("sum %s %s\n", words[1], sum);
    return vdmabuf_map_end(buffer->map, error);
}

static gboolean steps_pfn(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    guint64 entry = 0, offset = steps_number(words, 2);

    if (!buffer)
        return FALSE;
    if (!buffer->pages || offset >= buffer->size)
        return steps_fail(error, "only pages of a memfd can be asked for");
    if (pread(fd, &entry, sizeof(entry),
              (guintptr)(buffer->pages + offset) / getpagesize() * sizeof(entry)) != sizeof(entry))
        return steps_fail(error, "/proc/self/pagemap: %s", g_strerror(errno));
    close(fd);
    g_print("pfn 0x%" G_GINT64_MODIFIER "x\n", entry & ((G_GUINT64_CONSTANT(1) << 55) - 1));
    return TRUE;
}

static void steps_drop(Buffer *buffer)
{
    if (buffer->fd < 0)
        return;
    vdmabuf_map_free(buffer->map);
    if (buffer->pages)
        munmap(buffer->pages, buffer->size);
    close(buffer->fd);
    buffer->fd = -1;
}

static gboolean steps_close(Steps *self, char **words, GError **error)
{
    Buffer *buffer = steps_buffer(self, words, error);

    if (!buffer)
        return FALSE;
    steps_drop(buffer);
    g_print("close %s\n", words[1]);
    return TRUE;
}

static gboolean steps_hold(G_GNUC_UNUSED Steps *self, G_GNUC_UNUSED char **words,
                           G_GNUC_UNUSED GError **error)
{
    char byte;

    g_print("hold\n");
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return TRUE;
}

static const struct {
    const char *name;
    enum { FREE, PRODUCER, CONSUMER } needs;
    gboolean (*run)(Steps *self, char **words, GError **error);
} steps_table[] = {
    { "open", FREE, steps_open },         { "connect", FREE, steps_connect },
    { "alloc", PRODUCER, steps_alloc },   { "memfd", FREE, steps_memfd },
    { "export", PRODUCER, steps_export }, { "unexport", PRODUCER, steps_unexport },
    { "picture", PRODUCER, steps_picture },
    { "vgem", FREE, steps_vgem },         { "fence", FREE, steps_fence },
    { "signal", FREE, steps_signal },
    { "cycle", PRODUCER, steps_cycle },   { "await", FREE, steps_await },
    { "consume", CONSUMER, steps_consume }, { "drain", CONSUMER, steps_drain },
    { "import", CONSUMER, steps_import },
    { "release", CONSUMER, steps_release }, { "fill", FREE, steps_fill },
    { "expect", FREE, steps_expect },     { "until", FREE, steps_until },
    { "sum", FREE, steps_sum },           { "pfn", FREE, steps_pfn },
    { "close", FREE, steps_close },       { "hold", FREE, steps_hold },
};

static gboolean steps_run(Steps *self, const char *step, GError **error)
{
    g_auto(GStrv) words = g_strsplit(step, " ", -1);

    for (guint i = 0; i < G_N_ELEMENTS(steps_table); i++) {
        if (!g_str_equal(steps_table[i].name, steps_word(words, 0)))
            continue;
        if ((steps_table[i].needs == PRODUCER && !self->producer) ||
            (steps_table[i].needs == CONSUMER && !self->consumer))
            return steps_fail(error, "open or connect first");
        return steps_table[i].run(self, words, error);
    }
    return steps_fail(error, "there is no such step");
}

int main(int argc, char **argv)
{
    Steps self = { .vgem = -1 };
    int status = EXIT_SUCCESS;

    setvbuf(stdout, NULL, _IOLBF, 0);
    self.buffers = g_array_new(FALSE, FALSE, sizeof(Buffer));
    for (int i = 1; i < argc && status == EXIT_SUCCESS; i++) {
        g_autoptr(GError) error = NULL;

        if (!steps_run(&self, argv[i], &error)) {
            g_printerr("vdmabuf-steps: %s: %s\n", argv[i], error->message);
            status = EXIT_FAILURE;
        }
    }
    for (guint i = 0; i < self.buffers->len; i++)
        steps_drop(&g_array_index(self.buffers, Buffer, i));
    g_array_unref(self.buffers);
    g_clear_pointer(&self.producer, vdmabuf_producer_free);
    g_clear_pointer(&self.consumer, vdmabuf_consumer_free);
    /* Last: it signals what is left, and the producer was to go before that */
    if (self.vgem >= 0)
        close(self.vgem);
    return status;
}
