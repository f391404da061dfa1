/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FDS 8

pid_t fork_child(void)
{
    pid_t parent = getpid(), pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

void kill_child(pid_t pid)
{
    int status;

    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void say(int fd)
{
    g_assert_cmpint(write(fd, "x", 1), ==, 1);
}

void hear(int fd)
{
    char byte;

    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
}

void send_fds(int socket, const int *fds, guint n_fds, gconstpointer data, gsize length)
{
    struct iovec iov = { (gpointer) data, length };
    union {
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

    g_assert_cmpuint(n_fds, <=, MAX_FDS);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
    g_assert_cmpint(sendmsg(socket, &message, 0), ==, length);
}

void receive_fds(int socket, int *fds, guint n_fds, gpointer data, gsize length)
{
    struct iovec iov = { data, length };
    union {
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    struct cmsghdr *cmsg;

    g_assert_cmpint(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), ==, length);
    cmsg = CMSG_FIRSTHDR(&message);
    g_assert_nonnull(cmsg);
    g_assert_cmpuint(cmsg->cmsg_len, ==, CMSG_LEN(n_fds * sizeof(int)));
    memcpy(fds, CMSG_DATA(cmsg), n_fds * sizeof(int));
}
