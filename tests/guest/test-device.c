/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-test-device: /dev/virtio-vdmabuf as uapi/linux/vdmabuf.h describes it. A consumer on the
 * host has to take frames and release them at once.
 */
#include "producer.h"
#include "vgem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static guint8 *
map(int dmabuf, gsize size)
{
    guint8 *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);

    g_assert_true(memory != MAP_FAILED);
    return memory;
}

/* Whether all buffers that the device may have can be registered: none is left from before */
static void
expect_all_free(void)
{
    int producer = producer_open();
    guint n = producer_info(producer).limits.max_buffers;
    g_autofree struct vdmabuf_export *exports = g_new0(struct vdmabuf_export, n);
    g_autofree int *buffers = g_new(int, n + 1);
    struct vdmabuf_export another;
    gint64 deadline = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    for (guint i = 0; i <= n; i++)
        buffers[i] = producer_alloc(producer, PRODUCER_PAGE, 0);
    for (guint i = 0; i < n; i++) {
        int err;

        exports[i] = producer_frame(buffers[i]);
        exports[i].frame.output = i;
        /* A file that was closed takes its buffers back a moment later */
        while ((err = producer_export_errno(producer, &exports[i])) == EDQUOT &&
               g_get_monotonic_time() < deadline)
            g_usleep(10000);
        g_assert_cmpint(err, ==, 0);
    }
    another = producer_frame(buffers[n]);
    g_assert_cmpint(producer_export_errno(producer, &another), ==, EDQUOT);
    for (guint i = 0; i <= n; i++)
        close(buffers[i]);
    close(producer);
}

static void
test_info(void)
{
    int producer = producer_open();
    struct vdmabuf_info info = producer_info(producer);

    g_assert_cmpuint(info.limits.max_buffers, >, 0);
    g_assert_cmpuint(info.limits.max_entries, >, 0);
    g_assert_cmpuint(info.limits.max_bytes, >, 0);
    g_assert_cmpuint(info.limits.max_consumers, ==, 0);
    g_assert_cmpuint(info.limits.flags, ==, 0);
    g_assert_cmpuint(info.page_size, ==, PRODUCER_PAGE);
    g_assert_cmpuint(info.nr_consumers, >, 0);
    g_assert_cmpint(ioctl(producer, _IO(VDMABUF_IOCTL_BASE, 0x7f)), ==, -1);
    g_assert_cmpint(errno, ==, ENOTTY);
    close(producer);
}

/* --- ALLOC --- */

static void
test_alloc_arguments(void)
{
    int producer = producer_open();
    guint64 most = producer_info(producer).limits.max_bytes;
    struct vdmabuf_alloc alloc = {.size = 1};
    struct vdmabuf_alloc *nowhere =
        mmap(NULL, PRODUCER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int next;

    g_assert_cmpint(producer_alloc_errno(producer, 0, 0), ==, EINVAL);
    g_assert_cmpint(producer_alloc_errno(producer, most + 1, 0), ==, EINVAL);
    g_assert_cmpint(producer_alloc_errno(producer, G_MAXUINT64, 0), ==, EINVAL);
    g_assert_cmpint(producer_alloc_errno(producer, PRODUCER_PAGE, 1 << 1), ==, EINVAL);

    g_assert_cmpint(ioctl(producer, VDMABUF_IOC_ALLOC, &alloc), ==, 0);
    g_assert_cmpuint(alloc.size, ==, PRODUCER_PAGE);
    g_assert_cmpint(fcntl(alloc.fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(lseek(alloc.fd, 0, SEEK_END), ==, PRODUCER_PAGE);
    next = alloc.fd;
    close(alloc.fd);

    /* A caller that cannot be told of its buffer has none, and no descriptor */
    nowhere->size = PRODUCER_PAGE;
    g_assert_cmpint(mprotect(nowhere, PRODUCER_PAGE, PROT_READ), ==, 0);
    g_assert_cmpint(ioctl(producer, VDMABUF_IOC_ALLOC, nowhere), ==, -1);
    g_assert_cmpint(errno, ==, EFAULT);
    alloc.fd = producer_alloc(producer, PRODUCER_PAGE, 0);
    g_assert_cmpint(alloc.fd, ==, next);
    close(alloc.fd);
    munmap(nowhere, PRODUCER_PAGE);
    close(producer);
}

static void
test_alloc_zeroed(void)
{
    const gsize size = 4 * 1024 * 1024;
    int producer = producer_open();

    for (guint turn = 0; turn < 8; turn++) {
        int dmabuf = producer_alloc(producer, size, turn % 2 ? VDMABUF_ALLOC_SCATTERED : 0);
        guint8 *memory = map(dmabuf, size);

        for (gsize i = 0; i < size; i += 512)
            g_assert_cmpuint(memory[i], ==, 0);
        /* For the next one to find */
        memset(memory, 0xa5, size);
        munmap(memory, size);
        close(dmabuf);
    }
    close(producer);
}

static void
test_alloc_mmap(void)
{
    int producer = producer_open();
    int dmabuf = producer_alloc(producer, 2 * PRODUCER_PAGE, 0);
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};
    guint8 *first, *second;

    /* What is written to a private mapping nobody else would see */
    g_assert_true(mmap(NULL, PRODUCER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, dmabuf, 0) ==
                  MAP_FAILED);
    g_assert_true(mmap(NULL, 3 * PRODUCER_PAGE, PROT_READ, MAP_SHARED, dmabuf, 0) == MAP_FAILED);
    g_assert_true(mmap(NULL, PRODUCER_PAGE, PROT_READ, MAP_SHARED, dmabuf, 2 * PRODUCER_PAGE) ==
                  MAP_FAILED);

    first = map(dmabuf, 2 * PRODUCER_PAGE);
    second = mmap(NULL, PRODUCER_PAGE, PROT_READ, MAP_SHARED, dmabuf, PRODUCER_PAGE);
    g_assert_true(second != MAP_FAILED);
    g_assert_cmpint(ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync), ==, 0);
    /* The mappings outlive the descriptor, and the device's file */
    close(dmabuf);
    close(producer);
    first[PRODUCER_PAGE + 5] = 0x77;
    g_assert_cmpuint(second[5], ==, 0x77);
    munmap(first, 2 * PRODUCER_PAGE);
    munmap(second, PRODUCER_PAGE);
}

/* --- EXPORT --- */

static void
test_export_arguments(void)
{
    int producer = producer_open();
    int dmabuf = producer_alloc(producer, 64 * PRODUCER_PAGE, 0);
    int file = memfd_create("no-dmabuf", MFD_CLOEXEC);
    const struct vdmabuf_export data = producer_frame(dmabuf);
    struct vdmabuf_export picture = data, export;

    picture.frame.fourcc = 0x34325258;
    picture.frame.width = 64;
    picture.frame.height = 64;
    picture.frame.nr_planes = 1;
    picture.frame.planes[0].stride = 256;

#define REFUSED(base, error, change)                                                               \
    do {                                                                                           \
        export = (base);                                                                           \
        change;                                                                                    \
        if (producer_export_errno(producer, &export) != (error))                                   \
            g_error("%s: %s", #change, g_strerror(producer_export_errno(producer, &export)));      \
    } while (0)
    REFUSED(data, EBADF, export.fd = -1);
    REFUSED(data, EINVAL, export.fd = file);
    REFUSED(data, EINVAL, export.fd = producer);
    REFUSED(data, EINVAL, export.flags = 1);
    REFUSED(data, EINVAL, export.frame.flags = VDMABUF_FRAME_FLAGS + 1);
    REFUSED(data, EINVAL, export.frame.flags = VDMABUF_FRAME_CURSOR);
    REFUSED(data, EINVAL, export.frame.reserved = 1);
    REFUSED(data, EINVAL, export.frame.app_size = VDMABUF_MAX_APP + 1);
    REFUSED(data, EINVAL, export.frame.app[0] = 1);
    REFUSED(data, EINVAL, export.frame.app[VDMABUF_MAX_APP - 1] = 1);
    REFUSED(data, EINVAL, export.frame.width = 1);
    REFUSED(data, EINVAL, export.frame.nr_planes = 1);
    REFUSED(data, EINVAL, export.frame.planes[3].stride = 1);
    REFUSED(data, EINVAL, export.frame.hot_y = -1);
    REFUSED(picture, EINVAL, export.frame.width = 0);
    REFUSED(picture, EINVAL, export.frame.width = 65536);
    REFUSED(picture, EINVAL, export.frame.height = 0);
    REFUSED(picture, EINVAL, export.frame.nr_planes = 0);
    REFUSED(picture, EINVAL, export.frame.nr_planes = VDMABUF_MAX_PLANES + 1);
    REFUSED(picture, EINVAL, export.frame.nr_planes = 2);
    REFUSED(picture, EINVAL, export.frame.planes[0].stride = 0);
    REFUSED(picture, EINVAL, export.frame.planes[0].offset = 64 * PRODUCER_PAGE);
    REFUSED(picture, EINVAL, export.frame.planes[0].stride = 64 * PRODUCER_PAGE / 63 + 1);
    REFUSED(picture, EINVAL, export.frame.planes[1].offset = 1);
    REFUSED(picture, EINVAL, export.frame.damage.width = 65);
    REFUSED(picture, EINVAL, export.frame.damage.x = G_MAXUINT32; export.frame.damage.width = 1);
#undef REFUSED

    producer_export(producer, &picture);
    g_assert_cmpuint(producer_await(producer, VDMABUF_GUEST_RELEASED).value, ==, picture.sequence);
    close(file);
    close(dmabuf);
    close(producer);
    expect_all_free();
}

static void
test_export_again(void)
{
    int producer = producer_open(), other = producer_open();
    int dmabuf = producer_alloc(producer, PRODUCER_PAGE, 0);
    struct vdmabuf_export first = producer_frame(dmabuf), second = first, foreign = first;

    producer_export(producer, &first);
    g_assert_cmpuint(producer_await(producer, VDMABUF_GUEST_RELEASED).value, ==, first.sequence);
    producer_export(producer, &second);
    g_assert_true(memcmp(&first.id, &second.id, sizeof first.id) == 0);
    g_assert_cmpuint(second.sequence, >, first.sequence);

    /* Each open file has buffers of its own */
    producer_export(other, &foreign);
    g_assert_true(memcmp(&first.id, &foreign.id, sizeof first.id) != 0);
    g_assert_cmpint(producer_unexport_errno(producer, &foreign.id), ==, ENOENT);
    g_assert_cmpint(producer_unexport_errno(other, &first.id), ==, ENOENT);

    producer_unexport(producer, &second.id);
    g_assert_cmpint(producer_unexport_errno(producer, &second.id), ==, ENOENT);
    /* A new registration, with a new id */
    producer_export(producer, &second);
    g_assert_true(memcmp(&first.id, &second.id, sizeof first.id) != 0);
    close(dmabuf);
    close(other);
    close(producer);
    expect_all_free();
}

static void
test_export_busy(void)
{
    int producer = producer_open(), vgem = vgem_open();
    struct pollfd poller = {.fd = producer, .events = POLLIN};
    struct vdmabuf_export export;
    guint32 handle, fence;
    int dmabuf;

    g_assert_cmpint(vgem, >=, 0);
    dmabuf = vgem_buffer_new(vgem, PRODUCER_PAGE, &handle);
    g_assert_cmpint(dmabuf, >=, 0);
    export = producer_frame(dmabuf);
    producer_await(producer, VDMABUF_GUEST_CONSUMERS);

    g_assert_true(vgem_fence_attach(vgem, handle, &fence));
    producer_export(producer, &export);
    g_assert_cmpint(producer_export_errno(producer, &export), ==, EBUSY);
    g_assert_true(vgem_fence_signal(vgem, fence));
    g_assert_cmpint(poll(&poller, 1, 60000), ==, 1);
    /* It has come back, but the producer does not know yet */
    g_assert_cmpint(producer_export_errno(producer, &export), ==, EBUSY);
    g_assert_cmpuint(producer_await(producer, VDMABUF_GUEST_RELEASED).value, ==, export.sequence);
    producer_export(producer, &export);
    g_assert_cmpuint(producer_await(producer, VDMABUF_GUEST_RELEASED).value, ==, export.sequence);

    /* A frame that has not left ends with its buffer */
    g_assert_true(vgem_fence_attach(vgem, handle, &fence));
    producer_export(producer, &export);
    producer_unexport(producer, &export.id);
    poller.revents = 0;
    g_assert_cmpint(poll(&poller, 1, 0), ==, 0);
    g_assert_true(vgem_fence_signal(vgem, fence));
    close(dmabuf);
    close(vgem);
    close(producer);
    expect_all_free();
}

/* A caller that cannot be told of its frame has not sent one */
static void
test_export_untold(void)
{
    int producer = producer_open();
    int dmabuf = producer_alloc(producer, PRODUCER_PAGE, 0);
    struct vdmabuf_export *nowhere =
        mmap(NULL, PRODUCER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct vdmabuf_export export = producer_frame(dmabuf);

    *nowhere = export;
    g_assert_cmpint(mprotect(nowhere, PRODUCER_PAGE, PROT_READ), ==, 0);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(ioctl(producer, VDMABUF_IOC_EXPORT, nowhere), ==, -1);
        g_assert_cmpint(errno, ==, EFAULT);
    }
    producer_export(producer, &export);
    g_assert_cmpuint(producer_await(producer, VDMABUF_GUEST_RELEASED).value, ==, export.sequence);
    munmap(nowhere, PRODUCER_PAGE);
    close(dmabuf);
    close(producer);
    expect_all_free();
}

/* --- Limits --- */

static void
test_limits(void)
{
    int producer = producer_open();
    struct vdmabuf_info info = producer_info(producer);
    const guint64 pages = info.limits.max_entries + 1;
    int large = producer_alloc(producer, info.limits.max_bytes, 0);
    int small = producer_alloc(producer, PRODUCER_PAGE, 0);
    int scattered = producer_alloc(producer, pages * PRODUCER_PAGE, VDMABUF_ALLOC_SCATTERED);
    int gathered = producer_alloc(producer, pages * PRODUCER_PAGE, 0);
    struct vdmabuf_export export = producer_frame(scattered), all = producer_frame(large);

    /* It counts runs of pages, not pages */
    g_assert_cmpint(producer_export_errno(producer, &export), ==, E2BIG);
    export = producer_frame(gathered);
    producer_export(producer, &export);
    producer_unexport(producer, &export.id);

    producer_export(producer, &all);
    export = producer_frame(small);
    g_assert_cmpint(producer_export_errno(producer, &export), ==, EDQUOT);
    producer_unexport(producer, &all.id);
    producer_export(producer, &export);
    close(gathered);
    close(scattered);
    close(large);
    close(small);
    close(producer);
    expect_all_free();
}

/* --- read(2) --- */

static void
test_read(void)
{
    int producer = producer_open();
    struct vdmabuf_guest_event events[8];
    struct vdmabuf_export exports[3];
    gsize got = 0;
    void *nowhere = mmap(NULL, PRODUCER_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_cmpint(read(producer, events, sizeof events[0] - 1), ==, -1);
    g_assert_cmpint(errno, ==, EINVAL);
    /* An event that could not be delivered is still there */
    g_assert_cmpint(read(producer, nowhere, sizeof events[0]), ==, -1);
    g_assert_cmpint(errno, ==, EFAULT);
    g_assert_cmpint(read(producer, events, sizeof events), ==, sizeof events[0]);
    g_assert_cmpuint(events[0].type, ==, VDMABUF_GUEST_CONSUMERS);
    g_assert_cmpuint(events[0].value, >, 0);
    g_assert_cmpint(read(producer, events, sizeof events), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);

    for (guint i = 0; i < 3; i++) {
        int dmabuf = producer_alloc(producer, PRODUCER_PAGE, 0);

        exports[i] = producer_frame(dmabuf);
        exports[i].frame.output = i;
        producer_export(producer, &exports[i]);
        close(dmabuf);
    }
    while (got < 3) {
        struct pollfd poller = {.fd = producer, .events = POLLIN};
        gssize n;

        g_assert_cmpint(poll(&poller, 1, 60000), ==, 1);
        g_assert_cmpint(read(producer, nowhere, sizeof events), ==, -1);
        /* Only whole events */
        n = read(producer, events, sizeof events - 1);
        g_assert_cmpint(n % sizeof events[0], ==, 0);
        for (gsize i = 0; i < n / sizeof events[0]; i++) {
            guint which;

            g_assert_cmpuint(events[i].type, ==, VDMABUF_GUEST_RELEASED);
            for (which = 0; which < 3; which++)
                if (exports[which].sequence == events[i].value)
                    break;
            g_assert_cmpuint(which, <, 3);
            g_assert_true(memcmp(&exports[which].id, &events[i].id, sizeof events[i].id) == 0);
            exports[which].sequence = 0;
            got++;
        }
    }
    munmap(nowhere, PRODUCER_PAGE);
    close(producer);
}

/* --- The end of a file, and many at once --- */

static void
test_close(void)
{
    for (guint turn = 0; turn < 50; turn++) {
        int producer = producer_open();
        int vgem = vgem_open();
        guint32 handle, fence;
        int dmabuf = turn % 2 ? producer_alloc(producer, 16 * PRODUCER_PAGE, 0)
                              : vgem_buffer_new(vgem, PRODUCER_PAGE, &handle);
        struct vdmabuf_export export = producer_frame(dmabuf);

        g_assert_true(turn % 2 || vgem_fence_attach(vgem, handle, &fence));
        while (producer_export_errno(producer, &export) == EDQUOT)
            g_usleep(1000);
        if (turn % 3)
            close(dmabuf);
        close(producer);
        if (!(turn % 3))
            close(dmabuf);
        close(vgem);
    }
    expect_all_free();
}

typedef struct {
    int producer;
    int dmabufs[3];
    gint stop;
    guint exports, unexports;
} Race;

static gpointer
race_export(gpointer data)
{
    Race *race = data;

    for (guint i = 0; !g_atomic_int_get(&race->stop); i++) {
        struct vdmabuf_export export = producer_frame(race->dmabufs[i % 3]);
        int err;

        export.frame.output = i % 2;
        if (ioctl(race->producer, VDMABUF_IOC_EXPORT, &export)) {
            err = errno;
            g_assert_true(err == EBUSY || err == EDQUOT);
            continue;
        }
        g_atomic_int_inc(&race->exports);
        if (i % 4)
            continue;
        err = producer_unexport_errno(race->producer, &export.id);
        g_assert_true(err == 0 || err == ENOENT);
        g_atomic_int_inc(&race->unexports);
    }
    return NULL;
}

static gpointer
race_read(gpointer data)
{
    Race *race = data;

    while (!g_atomic_int_get(&race->stop)) {
        struct pollfd poller = {.fd = race->producer, .events = POLLIN};
        struct vdmabuf_guest_event event;

        if (poll(&poller, 1, 10) == 1)
            g_assert_true(read(race->producer, &event, sizeof event) == sizeof event ||
                          errno == EAGAIN);
    }
    return NULL;
}

static void
test_race(void)
{
    Race race = {.producer = producer_open()};
    gint64 deadline = g_get_monotonic_time() + 300 * G_TIME_SPAN_SECOND;
    GThread *threads[4];

    for (guint i = 0; i < 3; i++)
        race.dmabufs[i] = producer_alloc(race.producer, (i + 1) * PRODUCER_PAGE, 0);
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new("race", i % 2 ? race_read : race_export, &race);
    while (g_atomic_int_get(&race.exports) < 2000 || g_atomic_int_get(&race.unexports) < 200) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
    g_atomic_int_set(&race.stop, 1);
    for (guint i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    for (guint i = 0; i < 3; i++)
        close(race.dmabufs[i]);
    close(race.producer);
    expect_all_free();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/info", test_info);
    g_test_add_func("/device/alloc/arguments", test_alloc_arguments);
    g_test_add_func("/device/alloc/zeroed", test_alloc_zeroed);
    g_test_add_func("/device/alloc/mmap", test_alloc_mmap);
    g_test_add_func("/device/export/arguments", test_export_arguments);
    g_test_add_func("/device/export/again", test_export_again);
    g_test_add_func("/device/export/busy", test_export_busy);
    g_test_add_func("/device/export/untold", test_export_untold);
    g_test_add_func("/device/limits", test_limits);
    g_test_add_func("/device/read", test_read);
    g_test_add_func("/device/close", test_close);
    g_test_add_func("/device/race", test_race);
    return g_test_run();
}
