/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each call, with each of its allocations failing in turn. Needs a kernel with fault injection
 * (CONFIG_FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC and their debugfs files); skipped without.
 */
#include "check.h"
#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define PAGES 600

typedef struct {
    Guest *guest;
    int vhost_fd;
    int consumer;
    int fd;
    struct vdmabuf_id id;
    struct vdmabuf_id run_id;
    struct vdmabuf_id frame_id;
    struct virtio_vdmabuf_entry *entries;
    guint64 sequence;
} Scene;

/* Gives 0 or -errno; what it has made it puts into the scene */
typedef int (*Call)(Scene *scene);

static int fail_nth_fd(pid_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/fail-nth", tid);
    g_autofree char *other = g_strdup_printf("/proc/%d/fail-nth", tid);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd >= 0 ? fd : open(other, O_RDWR | O_CLOEXEC);
}

static void arm(int fd, guint nth)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%u", nth);

    g_assert_cmpint(pwrite(fd, text, length, 0), ==, length);
}

/* Whether the fault has happened; disarms */
static gboolean disarm(int fd)
{
    char text[16] = "";

    g_assert_cmpint(pread(fd, text, sizeof text - 1, 0), >, 0);
    arm(fd, 0);
    return atoi(text) == 0;
}

static int call_errno(int fd, unsigned long request, gpointer argument)
{
    return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static int call_open(Scene *scene)
{
    scene->fd = open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    return scene->fd < 0 ? -errno : 0;
}

static int call_set_owner(Scene *scene)
{
    int ret;

    scene->fd = open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    if (scene->fd < 0)
        return -errno;
    ret = call_errno(scene->fd, VHOST_SET_OWNER, NULL);
    if (ret < 0) {
        close(scene->fd);
        scene->fd = -1;
    }
    return ret;
}

static int call_set_vm(Scene *scene)
{
    struct vdmabuf_vm vm = { .pid = getpid(), .name = "fault" };
    int fd = open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    int ret;

    if (fd < 0)
        return -errno;
    ret = call_errno(fd, VHOST_VDMABUF_SET_VM, &vm);
    scene->fd = -1;
    close(fd);
    return ret;
}

static int call_set_memory(Scene *scene)
{
    return guest_set_regions(scene->guest, scene->guest->regions, scene->guest->n_regions);
}

static int call_set_limits(Scene *scene)
{
    struct vdmabuf_limits limits;
    int ret = call_errno(scene->guest->vhost_fd, VHOST_VDMABUF_GET_LIMITS, &limits);

    return ret < 0 ? ret : call_errno(scene->guest->vhost_fd, VHOST_VDMABUF_SET_LIMITS, &limits);
}

static int call_set_running(Scene *scene)
{
    int ret = guest_set_running(scene->guest, 0);

    return ret < 0 ? ret : guest_set_running(scene->guest, 1);
}

static int call_get_consumer(Scene *scene)
{
    struct vdmabuf_consumer consumer = { .pid = getpid() };
    int ret = call_errno(scene->guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &consumer);

    if (ret == 0)
        scene->fd = consumer.fd;
    return ret;
}

static int import(Scene *scene, const struct vdmabuf_id *id)
{
    struct vdmabuf_import import = { .id = *id };
    int ret = call_errno(scene->consumer, VDMABUF_IOC_IMPORT, &import);

    if (ret == 0)
        scene->fd = import.fd;
    return ret;
}

static int call_import(Scene *scene)
{
    return import(scene, &scene->id);
}

static int call_import_run(Scene *scene)
{
    return import(scene, &scene->run_id);
}

static int call_mmap(Scene *scene)
{
    struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
    int ret = call_import(scene);
    volatile guint8 *map;
    guint8 sum = 0;
    guint i;

    if (ret < 0)
        return ret;
    ret = call_errno(scene->fd, DMA_BUF_IOCTL_SYNC, &sync);
    map = mmap(NULL, PAGES * GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, scene->fd, 0);
    if (map == MAP_FAILED)
        ret = -errno;
    if (ret == 0)
        for (i = 0; i < PAGES; i += 50)
            sum += map[i * GUEST_PAGE_SIZE];
    if (map != MAP_FAILED)
        munmap((gpointer) map, PAGES * GUEST_PAGE_SIZE);
    close(scene->fd);
    scene->fd = -1;
    return ret;
}

static int call_read(Scene *scene)
{
    struct vdmabuf_event event;
    gssize length = read(scene->consumer, &event, sizeof event);

    if (length == sizeof event) {
        scene->sequence = event.sequence;
        scene->frame_id = event.id;
        return 0;
    }
    return length < 0 ? -errno : -EIO;
}

static int call_query(Scene *scene)
{
    struct vdmabuf_query query = { .flags = VDMABUF_QUERY_NEXT };
    struct vdmabuf_status status;
    int ret = call_errno(scene->consumer, VDMABUF_IOC_QUERY, &query);

    return ret < 0 ? ret : call_errno(scene->consumer, VDMABUF_IOC_GET_STATUS, &status);
}

static void close_made(Scene *scene)
{
    if (scene->fd >= 0)
        close(scene->fd);
    scene->fd = -1;
}

static Scene *scene_new(void)
{
    GuestOptions options = { .ram_bytes = 4 * MIB };
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    Scene *scene = g_new0(Scene, 1);

    scene->guest = guest_new(&options);
    scene->entries = guest_scatter(0, PAGES, rand);
    scene->consumer = consumer_open(scene->guest, 0);
    scene->fd = -1;
    g_assert_cmpuint(guest_register(scene->guest, scene->entries, PAGES, PAGES * GUEST_PAGE_SIZE,
                                    &scene->id),
                     ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(scene->guest, 100, PAGES, &scene->run_id), ==,
                     VIRTIO_VDMABUF_S_OK);
    return scene;
}

static void scene_free(Scene *scene)
{
    close_made(scene);
    close(scene->consumer);
    guest_free(scene->guest);
    g_free(scene->entries);
    g_free(scene);
}

static void try_call(const char *name, Call call, gint64 pins)
{
    Scene *scene = scene_new();
    int nth_fd = fail_nth_fd(syscall(SYS_gettid));
    guint nth, failed = 0;

    g_assert_cmpint(nth_fd, >=, 0);
    for (nth = 1;; nth++) {
        guint fds = check_fds();
        gboolean injected;
        int ret;

        arm(nth_fd, nth);
        ret = call(scene);
        injected = disarm(nth_fd);
        if (ret < 0) {
            failed++;
            if (ret != -ENOMEM && ret != -EFAULT && ret != -EAGAIN && ret != -ENFILE)
                g_error("%s: allocation %u failed, the call said %s", name, nth,
                        g_strerror(-ret));
            g_assert_true(injected);
            g_assert_cmpuint(check_fds(), ==, fds);
        }
        close_made(scene);
        check_pins_become(pins);
        if (!injected) {
            g_assert_cmpint(ret, ==, 0);
            break;
        }
        g_assert_cmpuint(nth, <, 5000);
    }
    g_test_message("%s: %u allocations, %u failures", name, nth - 1, failed);
    close(nth_fd);
    scene_free(scene);
}

static void test_calls(void)
{
    static const struct {
        const char *name;
        Call call;
    } calls[] = {
        { "open", call_open },           { "SET_OWNER", call_set_owner },
        { "SET_VM", call_set_vm },       { "SET_MEM_TABLE", call_set_memory },
        { "SET_LIMITS", call_set_limits }, { "SET_RUNNING", call_set_running },
        { "GET_CONSUMER", call_get_consumer }, { "IMPORT", call_import },
        { "IMPORT of a run", call_import_run }, { "mmap", call_mmap }, { "QUERY", call_query },
    };
    gint64 pins = check_pins();
    guint i;

    for (i = 0; i < G_N_ELEMENTS(calls); i++)
        try_call(calls[i].name, calls[i].call, pins);
}

/* A frame that cannot be taken for want of memory stays for the next read */
static void test_read(void)
{
    Scene *scene = scene_new();
    int nth_fd = fail_nth_fd(syscall(SYS_gettid));
    struct virtio_vdmabuf_frame_desc desc;
    guint nth, failed = 0;

    guest_desc_data(&desc);
    for (nth = 1;; nth++) {
        struct vdmabuf_id id;
        guint64 sequence = 0;
        gboolean injected;
        int ret;

        /* A new buffer each time, so that a record of it has to be made */
        g_assert_cmpuint(guest_register_run(scene->guest, 0, 1, &id), ==, VIRTIO_VDMABUF_S_OK);
        g_assert_cmpuint(guest_frame(scene->guest, &id, &desc, &sequence), ==,
                         VIRTIO_VDMABUF_S_OK);
        arm(nth_fd, nth);
        ret = call_read(scene);
        injected = disarm(nth_fd);
        if (ret < 0) {
            g_assert_true(ret == -ENOMEM || ret == -EFAULT);
            g_assert_true(injected);
            failed++;
            ret = call_read(scene);
        }
        g_assert_cmpint(ret, ==, 0);
        g_assert_cmpuint(scene->sequence, ==, sequence);
        g_assert_true(guest_id_equal(&scene->frame_id, &id));
        g_assert_cmpint(consumer_release(scene->consumer, &id, sequence), ==, 0);
        guest_expect(scene->guest, VIRTIO_VDMABUF_EVT_RELEASED, &id, sequence, 0);
        g_assert_cmpuint(guest_unregister(scene->guest, &id), ==, VIRTIO_VDMABUF_S_OK);
        guest_expect(scene->guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
        consumer_expect_gone(scene->consumer, &id);
        if (!injected)
            break;
    }
    g_test_message("read: %u allocations, %u failures", nth - 1, failed);
    close(nth_fd);
    scene_free(scene);
}

/* The task that serves the rings: a thread of this process, or a kernel thread, by kernel */
static pid_t find_worker(void)
{
    g_autofree char *name = g_strdup_printf("vhost-%d", getpid());
    static const char *const places[] = { "/proc/self/task", "/proc" };
    guint i;

    for (i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(GDir) dir = g_dir_open(places[i], 0, NULL);
        const char *entry;

        while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
            g_autofree char *path = g_build_filename(places[i], entry, "comm", NULL);
            g_autofree char *text = NULL;

            if (atoi(entry) > 0 && g_file_get_contents(path, &text, NULL, NULL) &&
                g_str_equal(g_strchomp(text), name))
                return atoi(entry);
        }
    }
    return -1;
}

static void test_requests(void)
{
    Scene *scene = scene_new();
    pid_t worker = find_worker();
    gboolean usercopy = access("/sys/kernel/debug/fail_usercopy", F_OK) == 0;
    struct virtio_vdmabuf_frame_desc desc;
    gint64 pins = check_pins();
    guint nth, failed = 0;
    int nth_fd;

    g_assert_cmpint(worker, >, 0);
    nth_fd = fail_nth_fd(worker);
    g_assert_cmpint(nth_fd, >=, 0);
    guest_desc_data(&desc);
    for (nth = 1;; nth++) {
        struct vdmabuf_id id;
        gboolean injected;
        guint32 status;

        arm(nth_fd, nth);
        status = guest_register(scene->guest, scene->entries, PAGES, PAGES * GUEST_PAGE_SIZE, &id);
        injected = disarm(nth_fd);
        if (status != VIRTIO_VDMABUF_S_OK) {
            failed++;
            g_assert_true(injected);
            if (!usercopy)
                g_assert_cmpuint(status, ==, VIRTIO_VDMABUF_S_NO_MEMORY);
            /* It says "try again" */
            g_assert_cmpuint(guest_register(scene->guest, scene->entries, PAGES,
                                            PAGES * GUEST_PAGE_SIZE, &id),
                             ==, VIRTIO_VDMABUF_S_OK);
        }
        if (!usercopy) {
            guint64 sequence = 0;

            /* These have no memory to be short of */
            arm(nth_fd, nth);
            g_assert_cmpuint(guest_frame(scene->guest, &id, &desc, &sequence), ==,
                             VIRTIO_VDMABUF_S_OK);
            disarm(nth_fd);
            consumer_expect_frame(scene->consumer, &id, sequence, NULL);
            arm(nth_fd, nth);
            g_assert_cmpint(consumer_release(scene->consumer, &id, sequence), ==, 0);
            guest_expect(scene->guest, VIRTIO_VDMABUF_EVT_RELEASED, &id, sequence, 0);
            disarm(nth_fd);
            arm(nth_fd, nth);
        }
        g_assert_cmpuint(guest_unregister(scene->guest, &id), ==, VIRTIO_VDMABUF_S_OK);
        guest_expect(scene->guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
        disarm(nth_fd);
        if (!usercopy)
            consumer_expect_gone(scene->consumer, &id);
        if (!injected)
            break;
        g_assert_cmpuint(nth, <, 5000);
    }
    g_test_message("REGISTER: %u allocations, %u failures", nth - 1, failed);
    g_assert_cmpuint(failed, >, 0);
    check_pins_become(pins);
    close(nth_fd);
    scene_free(scene);
    check_kmemleak();
}

static void put_setting(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
    close(fd);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();
    if (access("/proc/self/fail-nth", W_OK) < 0 ||
        access("/sys/kernel/debug/failslab", F_OK) < 0) {
        /* Not even in a run that counts: other kernels of the same run do not have it */
        printf("1..0 # SKIP the kernel has no fault injection, or debugfs is not mounted\n");
        return 0;
    }
    /* All allocations, not those alone that may not wait */
    put_setting("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
    put_setting("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
    put_setting("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
    put_setting("/sys/kernel/debug/fail_page_alloc/min-order", "0");
    put_setting("/sys/kernel/debug/failslab/verbose", "0");
    put_setting("/sys/kernel/debug/fail_page_alloc/verbose", "0");
    put_setting("/sys/kernel/debug/fail_usercopy/verbose", "0");

    check_add_test("/fault/calls", test_calls);
    check_add_test("/fault/read", test_read);
    check_add_test("/fault/requests", test_requests);
    return g_test_run();
}
