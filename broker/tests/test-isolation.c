/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each test runs in a child, since isolation cannot be undone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolation.h"

#include <linux/vhost.h>

typedef gboolean (*Check)(void);

/* _exit(2): a sanitizer's report at the end needs calls that the filter does not allow. */
static void
assert_in_child(gboolean (*isolate)(GError **error), Check check)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(!isolate(NULL) ? 3 : !check() ? 4 : 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static gboolean
is_unprivileged(void)
{
    static char status[65536];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, status, sizeof(status) - 1);

    return got > 0 && strstr(status, "CapEff:\t0000000000000000") &&
           strstr(status, "CapPrm:\t0000000000000000") && strstr(status, "NoNewPrivs:\t1") &&
           prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static gboolean
refused(long result)
{
    return result < 0 && errno == ENOSYS;
}

static gboolean
is_filtered(void)
{
    char *const argv[] = {(char *) "true", NULL};
    int ends[2];
    int value = 0;

    /* What the broker does goes on to work, */
    if (write(STDERR_FILENO, "", 0) != 0 || malloc(1 << 20) == NULL ||
        ioctl(0, VHOST_SET_OWNER, NULL) >= 0 || errno == ENOSYS)
        return FALSE;
    /* and what it never does is refused. */
    return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_UNIX, SOCK_STREAM, 0)) &&
           refused(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) && refused(fork()) &&
           refused(execve("/bin/true", argv, NULL)) && refused(ioctl(0, TIOCSTI, &value)) &&
           refused(open("/tmp/vdmabuf-isolation", O_RDWR | O_CREAT, 0600)) &&
           refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) && refused(kill(getppid(), 0)) &&
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
               MAP_FAILED &&
           errno == ENOSYS;
}

static void
test_privileges(void)
{
    assert_in_child(isolation_drop_privileges, is_unprivileged);
}

static void
test_filter(void)
{
#ifdef __SANITIZE_ADDRESS__
    g_test_skip("the address sanitizer needs system calls that are filtered");
    return;
#endif
    assert_in_child(isolation_filter_syscalls, is_filtered);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/isolation/privileges", test_privileges);
    g_test_add_func("/isolation/filter", test_filter);
    return g_test_run();
}
