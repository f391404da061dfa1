/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM tells of the creation and the end of its virtual machines: kernel/patches, seen through
 * the module vdmabuf_vms, which holds a reference to every VM that it knows.
 */
#include "check.h"
#include "guest-model.h"
#include "machines.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void test_order(void)
{
    int early = notified_open(), late, machines[2], i;

    notified_expect_own(early, 0, 0);
    for (i = 0; i < 2; i++) {
        machines[i] = machine_new();
        notified_expect_own(early, i + 1, 0);
    }
    /* One of them has ended before this one wants to know, one has not */
    close(machines[0]);
    notified_expect_own(early, 2, 1);
    late = notified_open();
    notified_expect_own(late, 1, 0);
    close(machines[1]);
    notified_expect_own(early, 2, 2);
    notified_expect_own(late, 1, 1);
    close(late);
    machines[0] = machine_new();
    notified_expect_own(early, 3, 2);
    /* Its reference is all that is left of the VM then, and goes with it */
    late = notified_open();
    close(early);
    notified_expect_own(late, 1, 0);
    close(machines[0]);
    notified_expect_own(late, 1, 1);
    close(late);
}

/* A VM without its own file runs on */
static void test_vcpu(void)
{
    int observer = notified_open(), machine = machine_new(), vcpu = machine_add_vcpu(machine);
    int copy = dup(machine);

    close(machine);
    notified_expect_own(observer, 1, 0);
    close(copy);
    notified_expect_own(observer, 1, 0);
    close(vcpu);
    notified_expect_own(observer, 1, 1);

    /* And one without its VCPUs can get others */
    machine = machine_new();
    close(machine_add_vcpu(machine));
    notified_expect_own(observer, 2, 1);
    close(machine);
    notified_expect_own(observer, 2, 2);

    /* Registered while only a VCPU is left */
    machine = machine_new();
    vcpu = machine_add_vcpu(machine);
    close(machine);
    close(observer);
    observer = notified_open();
    notified_expect_own(observer, 1, 0);
    close(vcpu);
    notified_expect_own(observer, 1, 1);
    close(observer);
}

/* A process with a VM, whose file it hands over */
static pid_t start_monitor(int *machine)
{
    int sockets[2];
    pid_t pid;
    char byte = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    pid = fork_child();
    if (pid == 0) {
        *machine = machine_new();
        machine_add_vcpu(*machine);
        send_fds(sockets[1], machine, 1, &byte, 1);
        for (;;)
            pause();
    }
    receive_fds(sockets[0], machine, 1, &byte, 1);
    close(sockets[0]);
    close(sockets[1]);
    return pid;
}

/* The VM's file lives on, and nobody can do anything with it */
static void test_killed(void)
{
    int observer = notified_open(), late, machine;
    pid_t pid = start_monitor(&machine);

    notified_wait(observer, 1, 0);
    notified_expect_own(observer, 0, 0);
    kill_child(pid);
    notified_wait(observer, 1, 1);
    late = notified_open();
    g_assert_cmpuint(notified(late).created, ==, 0);
    close(machine);
    g_assert_cmpuint(notified(observer).destroyed, ==, 1);
    g_assert_cmpuint(notified(late).destroyed, ==, 0);
    close(late);
    close(observer);
}

/* --- Many --- */

#define N_THREADS 4
#define N_CONSTANT 3

typedef struct {
    guint machines;
    gint *running;
    guint rounds;
} Load;

static gpointer make_machines(gpointer data)
{
    Load *load = data;
    guint i;

    for (i = 0; i < load->machines; i++) {
        int machine = machine_new();

        if (i % 3 == 0) {
            int vcpu = machine_add_vcpu(machine);

            /* Both orders */
            if (i % 2) {
                close(machine);
                machine = vcpu;
            } else {
                close(vcpu);
            }
        }
        close(machine);
    }
    g_atomic_int_add(load->running, -1);
    return NULL;
}

static gpointer register_always(gpointer data)
{
    Load *load = data;

    while (g_atomic_int_get(load->running) > 0) {
        int fd = notified_open();
        struct vdmabuf_vms_count count = notified(fd);

        /* Those that were there all the time; of the others nobody knows how many there are */
        g_assert_cmpuint(count.own_created - count.own_destroyed, >=, N_CONSTANT);
        if (load->rounds % 3 == 0)
            g_usleep(load->rounds % 50 * 100);
        count = notified(fd);
        g_assert_cmpuint(count.own_created - count.own_destroyed, >=, N_CONSTANT);
        g_assert_cmpuint(count.own_created - count.own_destroyed, <=, N_CONSTANT + N_THREADS);
        close(fd);
        load->rounds++;
    }
    return NULL;
}

static void test_load(void)
{
    guint total = check_env("VDMABUF_TEST_VMS", 500), i;
    int observer = notified_open(), constant[N_CONSTANT];
    gint running = N_THREADS;
    Load makers[N_THREADS], registrars[2];
    GThread *threads[N_THREADS + 2];

    for (i = 0; i < N_CONSTANT; i++)
        constant[i] = machine_new();
    for (i = 0; i < N_THREADS; i++) {
        makers[i] = (Load) { .machines = total / N_THREADS, .running = &running };
        threads[i] = g_thread_new("machines", make_machines, &makers[i]);
    }
    for (i = 0; i < G_N_ELEMENTS(registrars); i++) {
        registrars[i] = (Load) { .running = &running };
        threads[N_THREADS + i] = g_thread_new("register", register_always, &registrars[i]);
    }
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    total = total / N_THREADS * N_THREADS;
    notified_expect_own(observer, total + N_CONSTANT, total);
    for (i = 0; i < N_CONSTANT; i++)
        close(constant[i]);
    notified_expect_own(observer, total + N_CONSTANT, total + N_CONSTANT);
    close(observer);
    g_test_message("%u VMs, %u registrations", total, registrars[0].rounds + registrars[1].rounds);
    g_assert_cmpuint(registrars[0].rounds, >, 0);
    g_assert_cmpuint(registrars[1].rounds, >, 0);
}

/* A reference keeps what it needs: the module with the code that frees the VM */
static void test_module(void)
{
    static const char *const names[] = { "kvm_amd", "kvm_intel" };
    int machine, observer = notified_open();
    pid_t pid = start_monitor(&machine);
    guint i;

    notified_wait(observer, 1, 0);
    for (i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(syscall(SYS_delete_module, names[i], O_NONBLOCK) < 0 &&
                      (errno == EWOULDBLOCK || errno == EBUSY || errno == ENOENT));
    kill_child(pid);
    close(machine);
    notified_wait(observer, 1, 1);
    close(observer);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();
    machines_prerequisites();
    check_add_test("/notifier/order", test_order);
    check_add_test("/notifier/vcpu", test_vcpu);
    check_add_test("/notifier/killed", test_killed);
    check_add_test("/notifier/load", test_load);
    check_add_test("/notifier/module", test_module);
    add_revoke_tests();
    return g_test_run();
}
