/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many frames: three buffers that are exported over and over, two consumers. Each frame comes back
 * exactly once, each consumer can account for each frame, and nothing grows.
 */
#include "check.h"
#include "guest-model.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_BUFFERS 3
#define N_CONSUMERS 2
#define BUFFER_PAGES 64

typedef struct {
    struct vdmabuf_id id;
    guint64 sequence;
    gboolean outstanding;
    guint64 mark;
} Buffer;

typedef struct {
    int fd;
    guint64 frames;
    guint64 superseded;
    guint64 last;
    /* Sequences start behind this one */
    guint64 base;
    const struct vdmabuf_id *ids;
    const guint8 *maps[N_BUFFERS];
    int dmabufs[N_BUFFERS];
    guint64 wrong;
} Consumer;

/* What a frame's buffer begins and ends with while the frame is out */
static guint64 *mark(const guint8 *memory, gboolean end)
{
    return (guint64 *) (memory + (end ? BUFFER_PAGES * GUEST_PAGE_SIZE - sizeof(guint64) : 0));
}

static gpointer consume(gpointer data)
{
    Consumer *self = data;
    struct vdmabuf_event event;
    guint i;

    for (;;) {
        if (!consumer_read(self->fd, &event, GUEST_WAIT_MS))
            g_error("a consumer got no event");
        if (event.type == VDMABUF_EVENT_GONE)
            break;
        g_assert_cmpuint(event.type, ==, VDMABUF_EVENT_FRAME);
        /* Those in between were superseded, and it is said how many there were */
        g_assert_cmpuint(event.sequence, >, self->last);
        g_assert_cmpuint(event.superseded - self->superseded, ==,
                         event.sequence - self->last - 1);
        self->last = event.sequence;
        self->superseded = event.superseded;
        self->frames++;
        for (i = 0; !guest_id_equal(&self->ids[i], &event.id); i++)
            g_assert_cmpuint(i, <, N_BUFFERS);
        if (self->maps[i] == NULL) {
            guint64 size;

            self->dmabufs[i] = consumer_import(self->fd, &event.id, O_RDONLY, &size);
            g_assert_cmpint(self->dmabufs[i], >=, 0);
            self->maps[i] = dmabuf_map(self->dmabufs[i], size, FALSE);
        }
        /* The producer does not touch what we hold */
        if (*mark(self->maps[i], FALSE) != event.sequence ||
            *mark(self->maps[i], TRUE) != event.sequence)
            self->wrong++;
        g_assert_cmpint(consumer_release(self->fd, &event.id, event.sequence), ==, 0);
    }
    for (i = 0; i < N_BUFFERS; i++) {
        if (self->maps[i] == NULL)
            continue;
        munmap((gpointer) self->maps[i], BUFFER_PAGES * GUEST_PAGE_SIZE);
        close(self->dmabufs[i]);
    }
    return NULL;
}

static Buffer *find(Buffer *buffers, const struct virtio_vdmabuf_event *event)
{
    struct vdmabuf_id id;
    guint i;

    guest_id_from_wire(&id, &event->id);
    for (i = 0; i < N_BUFFERS; i++)
        if (guest_id_equal(&buffers[i].id, &id))
            return &buffers[i];
    g_error("an event of an unknown buffer");
}

static void take_events(Guest *guest, Buffer *buffers, guint64 *released, guint64 *superseded,
                        gboolean wait)
{
    struct virtio_vdmabuf_event event;
    int timeout = wait ? GUEST_WAIT_MS : 0;

    while (guest_next_event(guest, &event, timeout)) {
        Buffer *buffer;

        if (GUINT32_FROM_LE(event.type) == VIRTIO_VDMABUF_EVT_CONSUMERS)
            continue;
        g_assert_cmpuint(GUINT32_FROM_LE(event.type), ==, VIRTIO_VDMABUF_EVT_RELEASED);
        buffer = find(buffers, &event);
        g_assert_true(buffer->outstanding);
        g_assert_cmpuint(GUINT64_FROM_LE(event.value), ==, buffer->sequence);
        buffer->outstanding = FALSE;
        (*released)++;
        if (GUINT32_FROM_LE(event.flags) & VIRTIO_VDMABUF_EVT_F_SUPERSEDED)
            (*superseded)++;
        timeout = 0;
    }
    if (wait && timeout != 0)
        g_error("no frame has come back");
}

typedef struct {
    gint64 memory;
    gint64 pins;
    guint fds;
} Snapshot;

static Snapshot snapshot(void)
{
    return (Snapshot) { check_kernel_memory(), check_pins(), check_fds() };
}

static void test_frames(void)
{
    guint64 count = check_env("VDMABUF_TEST_FRAMES", 100000);
    guint64 warm_up = count / 5;
    GuestOptions options = { .ram_bytes = N_BUFFERS * BUFFER_PAGES * GUEST_PAGE_SIZE };
    g_autoptr(Guest) guest = guest_new(&options);
    Buffer buffers[N_BUFFERS] = { 0 };
    Consumer consumers[N_CONSUMERS] = { 0 };
    struct vdmabuf_id ids[N_BUFFERS];
    GThread *threads[N_CONSUMERS];
    struct virtio_vdmabuf_frame_desc desc;
    guint64 released = 0, superseded = 0, sent;
    Snapshot before = { 0 }, after;
    struct vdmabuf_status status;
    gint64 began;
    guint i, next = 0;

    for (i = 0; i < N_BUFFERS; i++) {
        g_assert_cmpuint(guest_register_run(guest, i * BUFFER_PAGES, BUFFER_PAGES, &ids[i]), ==,
                         VIRTIO_VDMABUF_S_OK);
        buffers[i].id = ids[i];
    }
    for (i = 0; i < N_CONSUMERS; i++) {
        consumers[i].fd = consumer_open(guest, 0);
        consumers[i].ids = ids;
        threads[i] = g_thread_new("consumer", consume, &consumers[i]);
    }
    guest_desc_picture(&desc, 256, 256, 0);
    began = g_get_monotonic_time();
    for (sent = 1; sent <= count; sent++) {
        guint8 *memory;
        guint64 sequence = sent;
        guint tries;

        take_events(guest, buffers, &released, &superseded, FALSE);
        for (tries = 0; buffers[next].outstanding; next = (next + 1) % N_BUFFERS)
            if (++tries > N_BUFFERS)
                take_events(guest, buffers, &released, &superseded, TRUE);
        memory = guest->ram + (gsize) next * BUFFER_PAGES * GUEST_PAGE_SIZE;
        *mark(memory, FALSE) = sequence;
        *mark(memory, TRUE) = sequence;
        g_assert_cmpuint(guest_frame(guest, &buffers[next].id, &desc, &sequence), ==,
                         VIRTIO_VDMABUF_S_OK);
        buffers[next].outstanding = TRUE;
        buffers[next].sequence = sequence;
        next = (next + 1) % N_BUFFERS;
        if (sent == warm_up)
            before = snapshot();
    }
    /* The last one is superseded by nothing: when it is back, all are */
    while (released < count)
        take_events(guest, buffers, &released, &superseded, TRUE);
    g_test_message("%.1f s for %" G_GUINT64_FORMAT " frames",
                   (g_get_monotonic_time() - began) / 1e6, count);
    after = snapshot();
    g_test_message("kernel memory grew by %" G_GINT64_FORMAT " bytes over %" G_GUINT64_FORMAT
                   " frames", after.memory - before.memory, count - warm_up);
    g_assert_cmpint(after.memory - before.memory, <, check_kernel_tolerance());
    g_assert_cmpint(after.pins, <=, N_BUFFERS * BUFFER_PAGES + before.pins);

    status = guest_status(guest);
    g_assert_cmpuint(status.frames, ==, count);
    g_assert_cmpuint(status.released, ==, count);
    g_assert_cmpuint(status.superseded, ==, superseded);
    g_assert_cmpuint(status.nr_outstanding, ==, 0);
    for (i = 0; i < N_BUFFERS; i++)
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < N_CONSUMERS; i++) {
        g_thread_join(threads[i]);
        g_test_message("consumer %u: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT
                       " superseded", i, consumers[i].frames, consumers[i].superseded);
        /* The last frame cannot have been superseded, so every one is accounted for */
        g_assert_cmpuint(consumers[i].last, ==, count);
        g_assert_cmpuint(consumers[i].frames + consumers[i].superseded, ==, count);
        g_assert_cmpuint(consumers[i].frames, >, 0);
        g_assert_cmpuint(consumers[i].wrong, ==, 0);
        g_assert_cmpuint(superseded, <=, consumers[i].superseded);
        close(consumers[i].fd);
    }
    check_kmemleak();
}

/* Buffers that come and go: register, import, unregister, many times */
static void test_buffers(void)
{
    guint64 count = check_env("VDMABUF_TEST_FRAMES", 100000) / 25;
    GuestOptions options = { .ram_bytes = N_BUFFERS * BUFFER_PAGES * GUEST_PAGE_SIZE };
    g_autoptr(Guest) guest = guest_new(&options);
    int consumer = consumer_open(guest, 0);
    Snapshot before = { 0 }, after;
    guint64 i;

    for (i = 0; i < count; i++) {
        struct vdmabuf_id id;
        int fd;

        g_assert_cmpuint(guest_register_run(guest, i % 100, BUFFER_PAGES, &id), ==,
                         VIRTIO_VDMABUF_S_OK);
        fd = consumer_import(consumer, &id, O_RDONLY, NULL);
        g_assert_cmpint(fd, >=, 0);
        if (i % 2)
            close(fd);
        g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
        if (i % 2 == 0)
            close(fd);
        guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
        consumer_expect_gone(consumer, &id);
        if (i == count / 5)
            before = snapshot();
    }
    after = snapshot();
    g_test_message("kernel memory grew by %" G_GINT64_FORMAT " bytes over %" G_GUINT64_FORMAT
                   " buffers", after.memory - before.memory, count - count / 5);
    g_assert_cmpint(after.memory - before.memory, <, check_kernel_tolerance());
    g_assert_cmpint(after.pins, ==, before.pins);
    g_assert_cmpuint(after.fds, ==, before.fds);
    close(consumer);
}

/* Consumers that come and go, with frames in their hands */
static void test_consumers(void)
{
    guint64 count = check_env("VDMABUF_TEST_FRAMES", 100000) / 50;
    GuestOptions options = { .ram_bytes = N_BUFFERS * BUFFER_PAGES * GUEST_PAGE_SIZE };
    g_autoptr(Guest) guest = guest_new(&options);
    struct virtio_vdmabuf_frame_desc desc;
    Snapshot before = { 0 }, after;
    struct vdmabuf_id id;
    guint64 i;

    guest_desc_data(&desc);
    g_assert_cmpuint(guest_register_run(guest, 0, BUFFER_PAGES, &id), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < count; i++) {
        guint64 sequence = 0;
        int one = consumer_open(guest, 0), two;

        g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
        two = consumer_open(guest, 0);
        consumer_expect_frame(one, &id, sequence, NULL);
        if (i % 2)
            consumer_expect_frame(two, &id, sequence, NULL);
        close(one);
        close(two);
        guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, &id, sequence, 0);
        if (i == count / 5)
            before = snapshot();
    }
    after = snapshot();
    g_test_message("kernel memory grew by %" G_GINT64_FORMAT " bytes over %" G_GUINT64_FORMAT
                   " pairs of consumers", after.memory - before.memory, count - count / 5);
    g_assert_cmpint(after.memory - before.memory, <, check_kernel_tolerance());
    g_assert_cmpuint(after.fds, ==, before.fds);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();
    check_add_test("/volume/frames", test_frames);
    check_add_test("/volume/buffers", test_buffers);
    check_add_test("/volume/consumers", test_consumers);
    return g_test_run();
}
