/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everybody dies, in every order: whoever is left is told, and nothing is left behind.
 */
#include "check.h"
#include "guest-model.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024ull * 1024)

static Guest *new_guest(gsize ram_bytes)
{
    /* So that as many pages are pinned as there are pins */
    GuestOptions options = { .ram_bytes = ram_bytes, .small_pages = TRUE };

    return guest_new(&options);
}

/* --- Consumers --- */

static void test_consumer_holding(void)
{
    const guint n_buffers = 4;
    g_autoptr(Guest) guest = new_guest(4 * MIB);
    int survivor = consumer_open(guest, 0);
    gint64 pins = check_pins();
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_id ids[4];
    guint64 sequences[4] = { 0 };
    int pipe_fds[2], victim;
    pid_t pid;
    guint i;

    guest_desc_data(&desc);
    for (i = 0; i < n_buffers; i++)
        g_assert_cmpuint(guest_register_run(guest, i * 16, 16, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    victim = consumer_open(guest, 0);
    /* One reads, imports, maps and holds; of the last frame it knows nothing */
    for (i = 0; i < n_buffers; i++) {
        desc.output = GUINT32_TO_LE(i);
        g_assert_cmpuint(guest_frame(guest, &ids[i], &desc, &sequences[i]), ==,
                         VIRTIO_VDMABUF_S_OK);
    }
    pid = fork_child();
    if (pid == 0) {
        volatile guint8 sum = 0;

        for (i = 0; i + 1 < n_buffers; i++) {
            int fd;

            consumer_expect_frame(victim, &ids[i], sequences[i], NULL);
            fd = consumer_import(victim, &ids[i], O_RDONLY, NULL);
            g_assert_cmpint(fd, >=, 0);
            sum += *(guint8 *) dmabuf_map(fd, 16 * GUEST_PAGE_SIZE, FALSE);
            if (i == 1)
                close(fd);
        }
        say(pipe_fds[1]);
        for (;;)
            pause();
    }
    close(victim);
    close(pipe_fds[1]);
    hear(pipe_fds[0]);
    check_pins_become(pins + 48);
    /* The other one has done its part */
    for (i = 0; i < n_buffers; i++) {
        consumer_expect_frame(survivor, &ids[i], sequences[i], NULL);
        g_assert_cmpint(consumer_release(survivor, &ids[i], sequences[i]), ==, 0);
    }
    guest_expect_silence(guest);
    kill_child(pid);
    for (i = 0; i < n_buffers; i++) {
        struct virtio_vdmabuf_event event;

        do
            g_assert_true(guest_next_event(guest, &event, GUEST_WAIT_MS));
        while (event.type == VIRTIO_VDMABUF_EVT_CONSUMERS);
        g_assert_cmpuint(event.type, ==, VIRTIO_VDMABUF_EVT_RELEASED);
        g_assert_cmpuint(event.flags, ==, 0);
    }
    guest_expect_silence(guest);
    check_pins_become(pins);
    g_assert_cmpuint(guest_status(guest).nr_consumers, ==, 1);
    g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
    g_assert_cmpuint(guest_status(guest).nr_outstanding, ==, 0);
    close(pipe_fds[0]);
    close(survivor);
}

static void test_consumer_importing(void)
{
    const guint64 bytes = check_env("VDMABUF_TEST_KILL_MIB", 128) * MIB;
    const guint64 pages = bytes / GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = new_guest(bytes);
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    g_autofree struct virtio_vdmabuf_entry *entries = guest_scatter(0, pages, rand);
    gint64 pins = check_pins();
    struct vdmabuf_id id;
    guint i;

    g_assert_cmpuint(guest_register(guest, entries, pages, bytes, &id), ==, VIRTIO_VDMABUF_S_OK);
    /* The pages are not there yet at the first import, which makes it slow */
    for (i = 0; i < 40; i++) {
        int victim = consumer_open(guest, 0);
        int pipe_fds[2];
        pid_t pid;

        g_assert_cmpint(pipe(pipe_fds), ==, 0);
        pid = fork_child();
        if (pid == 0) {
            say(pipe_fds[1]);
            for (;;) {
                int fd = consumer_import(victim, &id, O_RDONLY, NULL);

                g_assert_cmpint(fd, >=, 0);
                if (i % 3 == 0)
                    dmabuf_map(fd, bytes, FALSE);
                close(fd);
            }
        }
        close(victim);
        close(pipe_fds[1]);
        hear(pipe_fds[0]);
        /* Somewhere in an import; where, does not matter */
        g_usleep(i * 1000);
        kill_child(pid);
        close(pipe_fds[0]);
        check_pins_become(pins);
        g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
        g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
    }
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
}

/* --- The owner --- */

typedef struct {
    struct vdmabuf_id ids[2];
    guint64 sequence;
} Hello;

/* A monitor in a process of its own, that hands over a consumer and lives until it is killed */
static pid_t start_owner(int *consumer, Hello *hello, guint64 pages)
{
    int sockets[2];
    pid_t pid;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    pid = fork_child();
    if (pid == 0) {
        g_autoptr(Guest) guest = new_guest(2 * pages * GUEST_PAGE_SIZE);
        struct virtio_vdmabuf_frame_desc desc;
        guint64 i;

        for (i = 0; i < 2 * pages; i++)
            guest->ram[i * GUEST_PAGE_SIZE] = i * 7;
        guest_desc_data(&desc);
        hello->sequence = 0;
        for (i = 0; i < 2; i++)
            g_assert_cmpuint(guest_register_run(guest, i * pages, pages, &hello->ids[i]), ==,
                             VIRTIO_VDMABUF_S_OK);
        g_assert_cmpuint(guest_frame(guest, &hello->ids[0], &desc, &hello->sequence), ==,
                         VIRTIO_VDMABUF_S_OK);
        *consumer = consumer_open(guest, 0);
        send_fds(sockets[1], consumer, 1, hello, sizeof *hello);
        close(*consumer);
        for (;;)
            pause();
    }
    receive_fds(sockets[0], consumer, 1, hello, sizeof *hello);
    close(sockets[0]);
    close(sockets[1]);
    return pid;
}

static void test_owner(void)
{
    const guint64 pages = 256;
    gint64 pins = check_pins();
    struct vdmabuf_status status;
    Hello hello;
    guint8 *maps[2];
    int consumer, fds[2];
    pid_t pid;
    guint64 i;

    pid = start_owner(&consumer, &hello, pages);
    consumer_expect_frame(consumer, &hello.ids[0], hello.sequence, NULL);
    for (i = 0; i < 2; i++) {
        fds[i] = consumer_import(consumer, &hello.ids[i], O_RDONLY, NULL);
        g_assert_cmpint(fds[i], >=, 0);
        maps[i] = dmabuf_map(fds[i], pages * GUEST_PAGE_SIZE, FALSE);
    }
    check_pins_become(pins + 2 * pages);
    kill_child(pid);
    consumer_expect_gone(consumer, &hello.ids[0]);
    consumer_expect_gone(consumer, &hello.ids[1]);
    consumer_expect_dead(consumer);
    consumer_expect_end(consumer);
    g_assert_cmpint(consumer_import(consumer, &hello.ids[0], O_RDONLY, NULL), ==, -ENODEV);
    g_assert_cmpint(consumer_release(consumer, &hello.ids[0], hello.sequence), ==, -ENOENT);
    status = consumer_status(consumer);
    g_assert_cmpuint(status.state & (VDMABUF_VM_DEAD | VDMABUF_VM_RUNNING), ==, VDMABUF_VM_DEAD);
    /* The guest's memory has no owner any more, but for us */
    for (i = 0; i < 2 * pages; i++)
        g_assert_cmpuint(maps[i / pages][i % pages * GUEST_PAGE_SIZE], ==, (guint8) (i * 7));
    check_pins_become(pins + 2 * pages);
    munmap(maps[0], pages * GUEST_PAGE_SIZE);
    close(fds[0]);
    check_pins_become(pins + pages);
    close(consumer);
    check_pins_become(pins + pages);
    close(fds[1]);
    munmap(maps[1], pages * GUEST_PAGE_SIZE);
    check_pins_become(pins);
}

static void test_owner_importing(void)
{
    gint64 pins = check_pins();
    guint i;

    for (i = 0; i < 20; i++) {
        Hello hello;
        int consumer, fd;
        pid_t pid = start_owner(&consumer, &hello, 2048);
        pid_t killer = fork_child();

        if (killer == 0) {
            g_usleep(i * 500);
            kill(pid, SIGKILL);
            _exit(0);
        }
        do {
            fd = consumer_import(consumer, &hello.ids[i % 2], O_RDONLY, NULL);
            if (fd >= 0)
                close(fd);
        } while (fd >= 0);
        /* A dying owner's memory cannot be had any more, or the VM is gone already */
        g_assert_true(fd == -ENODEV || fd == -EFAULT || fd == -ENOMEM);
        g_assert_cmpint(waitpid(killer, NULL, 0), ==, killer);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(consumer);
        check_pins_become(pins);
    }
}

/* --- Orders --- */

enum { CLOSE_VHOST, CLOSE_CONSUMER, CLOSE_DMABUF, CLOSE_OTHER, CLOSE_MAP, N_CLOSE };

static void close_in_order(const guint *order)
{
    Guest *guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_id id;
    guint64 sequence = 0;
    gboolean mapped = TRUE;
    guint8 *map;
    int fds[2];
    guint i;

    g_assert_cmpuint(guest_register_run(guest, 0, 4, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest->ram[0] = 55;
    guest_desc_data(&desc);
    g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_frame(consumer, &id, sequence, NULL);
    for (i = 0; i < 2; i++)
        g_assert_cmpint(fds[i] = consumer_import(consumer, &id, O_RDONLY, NULL), >=, 0);
    map = dmabuf_map(fds[0], 4 * GUEST_PAGE_SIZE, FALSE);
    for (i = 0; i < N_CLOSE; i++) {
        if (mapped)
            g_assert_cmpuint(map[0], ==, 55);
        switch (order[i]) {
        case CLOSE_VHOST:
            guest_close_vhost(guest);
            break;
        case CLOSE_CONSUMER:
            close(consumer);
            break;
        case CLOSE_DMABUF:
            close(fds[0]);
            break;
        case CLOSE_OTHER:
            close(fds[1]);
            break;
        default:
            munmap(map, 4 * GUEST_PAGE_SIZE);
            mapped = FALSE;
            break;
        }
    }
    guest_free(guest);
}

static void permute(guint *order, guint n, gint64 pins)
{
    guint i;

    if (n == 1) {
        close_in_order(order);
        check_pins_become(pins);
        return;
    }
    for (i = 0; i < n; i++) {
        guint last = order[n - 1];

        permute(order, n - 1, pins);
        order[n - 1] = order[n % 2 ? 0 : i];
        order[n % 2 ? 0 : i] = last;
    }
}

static void test_orders(void)
{
    guint order[N_CLOSE] = { 0, 1, 2, 3, 4 };

    permute(order, N_CLOSE, check_pins());
    g_assert_cmpint(check_module_users(), ==, 0);
}

/* --- Races --- */

typedef struct {
    int consumer;
    struct vdmabuf_id id;
    gint stop;
    guint imported;
} Racer;

static gpointer import_always(gpointer data)
{
    Racer *racer = data;

    while (!g_atomic_int_get(&racer->stop)) {
        int fd = consumer_import(racer->consumer, &racer->id, O_RDONLY, NULL);

        if (fd >= 0) {
            racer->imported++;
            close(fd);
            continue;
        }
        g_assert_true(fd == -ENOENT || fd == -ENODEV);
        break;
    }
    return NULL;
}

/* IMPORT and close against UNREGISTER, RESET and the end of the VM */
static void test_races(void)
{
    guint rounds = check_env("VDMABUF_TEST_RACES", 300);
    gint64 pins = check_pins();
    guint i, imported = 0;

    for (i = 0; i < rounds; i++) {
        Guest *guest = new_guest(1 * MIB);
        Racer racers[2] = { 0 };
        GThread *threads[2];
        struct vdmabuf_id id;
        guint j;

        g_assert_cmpuint(guest_register_run(guest, 0, 32, &id), ==, VIRTIO_VDMABUF_S_OK);
        for (j = 0; j < 2; j++) {
            racers[j].consumer = consumer_open(guest, 0);
            racers[j].id = id;
            threads[j] = g_thread_new("import", import_always, &racers[j]);
        }
        g_usleep(i % 50 * 20);
        if (i % 3 == 0) {
            g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
            for (j = 0; j < 2; j++)
                g_thread_join(threads[j]);
            guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
            guest_expect_silence(guest);
        } else if (i % 3 == 1) {
            g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
            for (j = 0; j < 2; j++)
                g_thread_join(threads[j]);
            guest_expect_silence(guest);
        } else {
            guest_close_vhost(guest);
            for (j = 0; j < 2; j++)
                g_thread_join(threads[j]);
        }
        for (j = 0; j < 2; j++) {
            imported += racers[j].imported;
            close(racers[j].consumer);
        }
        guest_free(guest);
    }
    check_pins_become(pins);
    g_test_message("%u imports in %u rounds", imported, rounds);
    check_kmemleak();
}

/* --- The module --- */

static void expect_module_stays(const char *what)
{
    long ret = syscall(SYS_delete_module, "vhost_vdmabuf", O_NONBLOCK);

    if (ret == 0)
        g_error("the module was removed with %s", what);
    g_assert_true(errno == EWOULDBLOCK || errno == EBUSY);
}

static void test_module(void)
{
    Guest *guest;
    struct vdmabuf_id id;
    int consumer, fd;
    guint8 *map;

    if (check_module_users() < 0) {
        g_test_skip("not a module");
        return;
    }
    g_assert_cmpint(check_module_users(), ==, 0);
    guest = new_guest(1 * MIB);
    expect_module_stays("the device open");
    g_assert_cmpuint(guest_register_run(guest, 0, 4, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest->ram[0] = 66;
    consumer = consumer_open(guest, 0);
    fd = consumer_import(consumer, &id, O_RDONLY, NULL);
    g_assert_cmpint(fd, >=, 0);
    guest_free(guest);
    expect_module_stays("a consumer and a dma-buf");
    close(consumer);
    expect_module_stays("a dma-buf");
    map = dmabuf_map(fd, 4 * GUEST_PAGE_SIZE, FALSE);
    close(fd);
    expect_module_stays("a mapping of a dma-buf");
    g_assert_cmpuint(map[0], ==, 66);
    munmap(map, 4 * GUEST_PAGE_SIZE);
    g_assert_cmpint(check_module_users(), ==, 0);

    guest = new_guest(1 * MIB);
    consumer = consumer_open(guest, 0);
    guest_free(guest);
    expect_module_stays("a consumer");
    close(consumer);
    g_assert_cmpint(check_module_users(), ==, 0);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();
    check_add_test("/death/consumer-holding", test_consumer_holding);
    check_add_test("/death/consumer-importing", test_consumer_importing);
    check_add_test("/death/owner", test_owner);
    check_add_test("/death/owner-importing", test_owner_importing);
    check_add_test("/death/orders", test_orders);
    check_add_test("/death/races", test_races);
    check_add_test("/death/module", test_module);
    return g_test_run();
}
