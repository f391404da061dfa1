/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a VM is the end of its buffers, whoever still has the vhost file.
 */
#include "check.h"
#include "guest-model.h"
#include "machines.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define PAGES 64u
#define QEMU "qemu-system-x86_64"

/* A buffer, its consumer, and what that has imported */
typedef struct {
    struct vdmabuf_id id;
    guint64 sequence;
    int consumer;
    int dmabuf;
    guint8 *map;
    gint64 pins;
} Shared;

static Guest *new_guest(void)
{
    GuestOptions options = { .ram_bytes = 2 * MIB, .small_pages = TRUE };

    return guest_new(&options);
}

static void share_begin(Shared *shared, Guest *guest)
{
    struct virtio_vdmabuf_frame_desc desc;

    shared->sequence = 0;
    shared->consumer = consumer_open(guest, 0);
    g_assert_cmpuint(guest_register_run(guest, 0, PAGES, &shared->id), ==, VIRTIO_VDMABUF_S_OK);
    guest->ram[0] = 77;
    guest_desc_data(&desc);
    g_assert_cmpuint(guest_frame(guest, &shared->id, &desc, &shared->sequence), ==,
                     VIRTIO_VDMABUF_S_OK);
}

static void share_import(Shared *shared)
{
    shared->pins = check_pins();
    consumer_expect_frame(shared->consumer, &shared->id, shared->sequence, NULL);
    shared->dmabuf = consumer_import(shared->consumer, &shared->id, O_RDONLY, NULL);
    g_assert_cmpint(shared->dmabuf, >=, 0);
    shared->map = dmabuf_map(shared->dmabuf, PAGES * GUEST_PAGE_SIZE, FALSE);
    check_pins_become(shared->pins + PAGES);
}

/* The VM goes on */
static void share_expect_alive(Shared *shared)
{
    int again = consumer_import(shared->consumer, &shared->id, O_RDONLY, NULL);

    g_assert_cmpint(again, >=, 0);
    close(again);
    g_assert_false(consumer_status(shared->consumer).state & VDMABUF_VM_DEAD);
    consumer_expect_nothing(shared->consumer);
}

/* The VM has ended, and somebody has the vhost file; all of it is closed afterwards */
static void share_expect_revoked(Shared *shared, int vhost)
{
    struct vdmabuf_consumer args = { .pid = getpid() };

    consumer_expect_gone(shared->consumer, &shared->id);
    consumer_expect_dead(shared->consumer);
    consumer_expect_end(shared->consumer);
    g_assert_cmpint(consumer_import(shared->consumer, &shared->id, O_RDONLY, NULL), ==, -ENODEV);
    g_assert_cmpint(ioctl(vhost, VHOST_VDMABUF_GET_CONSUMER, &args), ==, -1);
    g_assert_cmpint(errno, ==, ENODEV);
    /* What was imported stays, until the last mapping goes */
    check_pins_become(shared->pins + PAGES);
    close(shared->dmabuf);
    g_assert_cmpuint(shared->map[0], ==, 77);
    check_pins_become(shared->pins + PAGES);
    munmap(shared->map, PAGES * GUEST_PAGE_SIZE);
    check_pins_become(shared->pins);
    close(shared->consumer);
    close(vhost);
}

/* One process is VMM and owner of the vhost device, another one has the vhost file too */
static void test_owner(void)
{
    int sockets[2], fds[2], observer = notified_open();
    Shared shared;
    pid_t pid;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    pid = fork_child();
    if (pid == 0) {
        g_autoptr(Guest) guest = NULL;

        machine_add_vcpu(machine_new());
        guest = new_guest();
        share_begin(&shared, guest);
        fds[0] = guest->vhost_fd;
        fds[1] = shared.consumer;
        send_fds(sockets[1], fds, 2, &shared, sizeof shared);
        for (;;)
            pause();
    }
    receive_fds(sockets[0], fds, 2, &shared, sizeof shared);
    shared.consumer = fds[1];
    share_import(&shared);
    share_expect_alive(&shared);
    notified_wait(observer, 1, 0);
    kill_child(pid);
    notified_wait(observer, 1, 1);
    share_expect_revoked(&shared, fds[0]);
    close(observer);
    close(sockets[0]);
    close(sockets[1]);
}

static void set_vm(Guest *guest, pid_t pid)
{
    struct vdmabuf_vm vm = { .pid = pid, .name = "another" };

    g_assert_cmpint(ioctl(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm), ==, 0);
}

/* The rest of a device that its owner still has: nothing can be done with it but to close it */
static void expect_useless(Guest *guest)
{
    struct vdmabuf_id id;

    g_assert_cmpuint(guest_status(guest).state, ==, VDMABUF_VM_DEAD);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 1);
    g_assert_cmpuint(guest_register_run(guest, 0, 4, &id), ==, VIRTIO_VDMABUF_S_LIMIT);
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpint(guest_set_running(guest, 0), ==, 0);
    g_assert_cmpint(guest_set_running(guest, 1), ==, -ENODEV);
    g_assert_cmpuint(guest_status(guest).state, ==, VDMABUF_VM_DEAD);
}

/* As with the broker: the device is this process's, the VM another's, which SET_VM names */
static void revoke_with(pid_t (*start)(int observer))
{
    g_autoptr(Guest) guest = new_guest();
    int observer = notified_open(), own, vhost;
    Shared shared;
    pid_t pid;

    pid = start(observer);
    own = machine_new();
    set_vm(guest, pid);
    share_begin(&shared, guest);
    share_import(&shared);
    /* The owner's is not the one */
    close(own);
    notified_expect_own(observer, 1, 1);
    share_expect_alive(&shared);
    kill_child(pid);
    notified_wait(observer, 2, 2);
    expect_useless(guest);
    vhost = fcntl(guest->vhost_fd, F_DUPFD_CLOEXEC, 0);
    share_expect_revoked(&shared, vhost);
    close(observer);
}

static pid_t start_plain(int observer)
{
    pid_t pid = fork_child();

    if (pid == 0) {
        machine_add_vcpu(machine_new());
        for (;;)
            pause();
    }
    notified_wait(observer, 1, 0);
    return pid;
}

static void test_process(void)
{
    revoke_with(start_plain);
}

static pid_t start_qemu(int observer)
{
    pid_t pid = fork_child();

    if (pid == 0) {
        execlp(QEMU, QEMU, "-accel", "kvm", "-nodefaults", "-display", "none", "-m", "64M",
               NULL);
        _exit(127);
    }
    notified_wait(observer, 1, 0);
    return pid;
}

static void test_qemu(void)
{
    g_autofree char *qemu = g_find_program_in_path(QEMU);

    g_assert_nonnull(qemu);
    revoke_with(start_qemu);
}

/* With several VMs of one process the last one counts, and orderly ends do as well */
static void test_several(void)
{
    g_autoptr(Guest) guest = new_guest();
    int first = machine_new(), second = machine_new(), vhost;
    Shared shared;

    share_begin(&shared, guest);
    share_import(&shared);
    close(first);
    share_expect_alive(&shared);
    first = machine_new();
    close(second);
    share_expect_alive(&shared);
    close(first);
    expect_useless(guest);
    vhost = fcntl(guest->vhost_fd, F_DUPFD_CLOEXEC, 0);
    share_expect_revoked(&shared, vhost);
}

/* Without a VM nothing is revoked, whatever others do */
static void test_none(void)
{
    g_autoptr(Guest) guest = new_guest();
    int observer = notified_open();
    Shared shared;
    pid_t pid;

    share_begin(&shared, guest);
    share_import(&shared);
    pid = fork_child();
    if (pid == 0) {
        machine_add_vcpu(machine_new());
        for (;;)
            pause();
    }
    notified_wait(observer, 1, 0);
    kill_child(pid);
    notified_wait(observer, 1, 1);
    share_expect_alive(&shared);
    g_assert_cmpint(consumer_release(shared.consumer, &shared.id, shared.sequence), ==, 0);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, &shared.id, shared.sequence, 0);
    munmap(shared.map, PAGES * GUEST_PAGE_SIZE);
    close(shared.dmabuf);
    close(shared.consumer);
    close(observer);
}

/* SET_VM names a process that has ended */
static void test_ended(void)
{
    g_autoptr(Guest) guest = new_guest();
    struct vdmabuf_vm vm = { .name = "ended" };
    siginfo_t info;
    pid_t pid = fork_child();

    if (pid == 0)
        _exit(0);
    g_assert_cmpint(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), ==, 0);
    vm.pid = pid;
    g_assert_cmpint(ioctl(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm), ==, -1);
    g_assert_cmpint(errno, ==, ESRCH);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_assert_false(guest_status(guest).state & VDMABUF_VM_DEAD);
}

typedef struct {
    int consumer;
    struct vdmabuf_id id;
} Racer;

static gpointer import_until_dead(gpointer data)
{
    Racer *racer = data;

    for (;;) {
        int fd = consumer_import(racer->consumer, &racer->id, O_RDONLY, NULL);

        if (fd < 0) {
            g_assert_cmpint(fd, ==, -ENODEV);
            return NULL;
        }
        close(fd);
    }
}

/* IMPORT, FRAME and close of the vhost file against the end of the VM */
static void test_races(void)
{
    guint rounds = check_env("VDMABUF_TEST_RACES", 100), i;
    gint64 pins = check_pins();

    for (i = 0; i < rounds; i++) {
        Guest *guest = new_guest();
        int machine = machine_new(), consumer = consumer_open(guest, 0);
        Racer racer = { .consumer = consumer };
        struct virtio_vdmabuf_frame_desc desc;
        GThread *thread;
        pid_t pid;

        g_assert_cmpuint(guest_register_run(guest, 0, 32, &racer.id), ==, VIRTIO_VDMABUF_S_OK);
        thread = g_thread_new("import", import_until_dead, &racer);
        guest_desc_data(&desc);
        g_usleep(i % 20 * 50);
        switch (i % 3) {
        case 0:
            close(machine);
            break;
        case 1:
            guest_frame(guest, &racer.id, &desc, NULL);
            close(machine);
            break;
        default:
            /* Both at once, in two processes */
            pid = fork_child();
            if (pid == 0) {
                close(guest->vhost_fd);
                g_usleep(i % 7 * 200);
                _exit(0);
            }
            close(machine);
            guest_close_vhost(guest);
            g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
            break;
        }
        g_thread_join(thread);
        close(consumer);
        guest_free(guest);
    }
    check_pins_become(pins);
}

void add_revoke_tests(void)
{
    check_add_test("/revoke/owner", test_owner);
    check_add_test("/revoke/process", test_process);
    check_add_test("/revoke/qemu", test_qemu);
    check_add_test("/revoke/several", test_several);
    check_add_test("/revoke/none", test_none);
    check_add_test("/revoke/ended", test_ended);
    check_add_test("/revoke/races", test_races);
}
