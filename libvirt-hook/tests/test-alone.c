/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brokers on a host without systemd. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alone.h"
#include "fd.h"
#include "fixture.h"

static void
set_up(Fixture *self, gconstpointer name)
{
    fixture_set_up(self, name);
}

static void
tear_down(Fixture *self, gconstpointer name G_GNUC_UNUSED)
{
    fixture_tear_down(self);
}

/* By what is in the file, whoever it is now */
static pid_t
read_pid(Fixture *self, const char *domain)
{
    g_autofree char *path = g_build_filename(self->directory, domain, "vdmabuf0.pid", NULL);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    return (pid_t) g_ascii_strtoull(text, NULL, 10);
}

static char *
program_of(pid_t pid)
{
    g_autofree char *link = g_strdup_printf("/proc/%d/exe", (int) pid);

    return g_file_read_link(link, NULL);
}

static void
assert_broker(pid_t pid)
{
    g_autofree char *program = program_of(pid);

    g_assert_cmpint(pid, >, 0);
    g_assert_cmpstr(program, ==, STAND_IN_BROKER);
}

static void
assert_gone(pid_t pid)
{
    g_autofree char *program = program_of(pid);

    g_assert_null(program);
}

static void
test_life(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);
    pid_t pid;

    fixture_assert_runs(self, name, "prepare", "begin", "-");
    pid = read_pid(self, name);
    assert_broker(pid);
    g_assert_cmpint(getsid(pid), ==, pid);
    fixture_assert_runs(self, name, "reconnect", "begin", "-");
    g_assert_cmpint(read_pid(self, name), ==, pid);
    assert_broker(pid);
    /* Not every broker ends when it is asked to. */
    if (g_str_equal(name, "stubborn"))
        self->host.seconds = 1;
    fixture_assert_runs(self, name, "release", "end", "-");
    assert_gone(pid);
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
}

/* Nothing is held open that libvirt reads to its end: it would wait as long as the broker lives. */
static void
test_streams(Fixture *self, gconstpointer data)
{
    static const char *const expected[] = {"/dev/null", "/dev/null"};
    const char *name = data;
    g_autoptr(GDir) descriptors = NULL;
    g_autofree char *folder = NULL;
    const char *number;
    pid_t pid;
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    fixture_assert_runs(self, name, "prepare", "begin", "-");
    pid = read_pid(self, name);
    folder = g_strdup_printf("/proc/%d/fd", (int) pid);
    descriptors = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(descriptors);
    while ((number = g_dir_read_name(descriptors))) {
        g_autofree char *link = g_build_filename(folder, number, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);
        guint64 fd = g_ascii_strtoull(number, NULL, 10);

        if (fd < G_N_ELEMENTS(expected))
            g_assert_cmpstr(target, ==, expected[fd]);
        g_assert_false(g_str_has_prefix(target, "pipe:"));
    }
    fixture_assert_runs(self, name, "release", "end", "-");
    close(ends[0]);
    close(ends[1]);
}

/* It is started anew; and the number of the one that was is nobody's. */
static void
test_killed(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);
    auto_fd int directory = -1;
    pid_t pid;

    fixture_assert_runs(self, name, "prepare", "begin", "-");
    pid = read_pid(self, name);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_true(alone_is_running(directory, "vdmabuf0"));
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    while (alone_is_running(directory, "vdmabuf0"))
        g_thread_yield();
    fixture_assert_runs(self, name, "reconnect", "begin", "-");
    g_assert_cmpint(read_pid(self, name), !=, pid);
    assert_broker(read_pid(self, name));
    fixture_assert_runs(self, name, "release", "end", "-");
}

static void
test_reused_number(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);
    g_autofree char *file = g_build_filename(path, "vdmabuf0.pid", NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *own = g_strdup_printf("%d\n", (int) getpid());

    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_true(g_file_set_contents(file, own, -1, NULL));
    g_assert_true(g_file_set_contents(config, "", 0, NULL));
    /* This process would not see the next line. */
    fixture_assert_runs(self, name, "release", "end", "-");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
}

/* A broker that its guest has taken over names a process that it would like to see dead. */
static void
test_planted(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);
    g_autofree char *file = g_build_filename(path, "vdmabuf0.pid", NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *own = g_strdup_printf("%d\n", (int) getpid());
    auto_fd int lock = -1;

    if (geteuid() != 0) {
        g_test_skip("only root can make a file that is somebody else's");
        return;
    }
    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_true(g_file_set_contents(file, own, -1, NULL));
    g_assert_true(g_file_set_contents(config, "", 0, NULL));
    g_assert_cmpint(chown(file, 1, 1), ==, 0);
    lock = open(file, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(flock(lock, LOCK_EX), ==, 0);
    /* This process would not see the next line. */
    fixture_assert_runs(self, name, "release", "end", "-");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
}

static void
test_does_not_start(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);

    if (g_str_equal(name, "mute"))
        self->host.seconds = 1;
    if (g_str_equal(name, "absent"))
        self->host.program = "/no/such/broker";
    fixture_assert_fails(self, name, "prepare", "-", self->xml,
                         g_str_equal(name, "broken")   ? "device 'vdmabuf0': the broker does not "
                                                         "start: there is no /dev/vhost-vdmabuf"
                         : g_str_equal(name, "hasty")  ? "it has ended at once"
                         : g_str_equal(name, "absent") ? "/no/such/broker"
                                                       : "is not ready after 1 seconds");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/alone/" name, Fixture, name, set_up, function, tear_down)
    ADD("life", test_life);
    ADD("stubborn", test_life);
    ADD("streams", test_streams);
    ADD("killed", test_killed);
    ADD("reused-number", test_reused_number);
    ADD("planted", test_planted);
    ADD("broken", test_does_not_start);
    ADD("hasty", test_does_not_start);
    ADD("mute", test_does_not_start);
    ADD("absent", test_does_not_start);
#undef ADD
    return g_test_run();
}
