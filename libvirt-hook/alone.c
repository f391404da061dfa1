/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alone.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

#define PID_SUFFIX ".pid"
#define NOTIFY_SUFFIX ".notify"
#define SYSTEM_LOG "/dev/log"

#define FAIL(error, ...) g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, __VA_ARGS__)

/* What the new process does before it becomes the broker */
typedef struct {
    const Alone *alone;
    int pid_file; /* for its number, and */
    int lock;     /* for what it keeps; the broker itself must not write there */
    int log;
} Child;

static int
open_pid_file(int directory, const char *alias, int flags)
{
    g_autofree char *name = g_strconcat(alias, PID_SUFFIX, NULL);

    return openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, 0644);
}

/* Brokers can make files in the directory, too: one of theirs could name any process. */
static gboolean
is_own(int file)
{
    struct stat info;

    return fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid();
}

/* Returns: a pidfd, or -1 where no broker runs */
static int
find_broker(int directory, const char *alias)
{
    auto_fd int file = open_pid_file(directory, alias, O_RDONLY | O_NONBLOCK);
    auto_fd int process = -1;
    char text[16] = "";
    guint64 pid;

    if (file < 0 || !is_own(file) || flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
        read(file, text, sizeof(text) - 1) <= 0 ||
        !g_ascii_string_to_unsigned(g_strchomp(text), 10, 1, G_MAXINT32, &pid, NULL))
        return -1;
    process = pidfd_open((pid_t) pid, 0);
    /* Still locked: then it was this process all the time. */
    if (process < 0 || flock(file, LOCK_EX | LOCK_NB) == 0)
        return -1;
    return g_steal_fd(&process);
}

gboolean
alone_is_running(int directory, const char *alias)
{
    auto_fd int process = find_broker(directory, alias);

    return process >= 0;
}

/* Returns: whether the process has ended */
static gboolean
await_end(int process, guint seconds)
{
    struct pollfd poll_fd = {.fd = process, .events = POLLIN};
    gint64 end = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    int result;

    do {
        result = poll(&poll_fd, 1, MAX(0, (end - g_get_monotonic_time()) / 1000));
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

void
alone_stop(const Alone *self, int directory, const char *alias)
{
    auto_fd int process = find_broker(directory, alias);

    if (process < 0)
        return;
    (void) pidfd_send_signal(process, SIGTERM, NULL, 0);
    if (await_end(process, self->seconds))
        return;
    (void) pidfd_send_signal(process, SIGKILL, NULL, 0);
    (void) await_end(process, self->seconds);
}

/* Where the broker says that it listens, as sd_notify(3) does */
static int
listen_for_ready(const Alone *self, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int on = 1;

    (void) unlink(path);
    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        FAIL(error, "the socket path '%s' is too long: give the domain a shorter name", path);
        return -1;
    }
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ||
        chmod(path, 0600) < 0 || chown(path, self->user, self->group) < 0) {
        FAIL(error, "cannot make the socket '%s': %s", path, g_strerror(errno));
        return -1;
    }
    return g_steal_fd(&fd);
}

/* Standard error of the broker; log.c knows what a datagram socket means. */
static int
open_log(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSTEM_LOG};
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
        return -1;
    return g_steal_fd(&fd);
}

/* In the child, and therefore only what is safe in a handler of signals */
static void
become_broker(gpointer data)
{
    const Child *self = data;
    const struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    const struct rlimit none = {0};
    char text[16];
    char *digit = text + sizeof(text);
    pid_t pid = getpid();

    *--digit = '\n';
    for (; pid > 0; pid /= 10)
        *--digit = (char) ('0' + pid % 10);
    if (setsid() < 0 || write(self->pid_file, digit, text + sizeof(text) - digit) < 0 ||
        fcntl(self->lock, F_SETFD, 0) < 0 || (self->log >= 0 && dup2(self->log, 2) < 0))
        _exit(EXIT_FAILURE);
    /* As the unit has it */
    (void) umask(0077);
    (void) setrlimit(RLIMIT_MEMLOCK, &unlimited);
    (void) setrlimit(RLIMIT_CORE, &none);
    /* Who is not root, in tests, has nothing to give up. */
    if (geteuid() == 0 &&
        (setgroups(1, &self->alone->group) < 0 ||
         setresgid(self->alone->group, self->alone->group, self->alone->group) < 0 ||
         setresuid(self->alone->user, self->alone->user, self->alone->user) < 0))
        _exit(EXIT_FAILURE);
}

/* GLib makes the process a grandchild, so that it does not have to be waited for. */
static gboolean
spawn(const Alone *self, Child *child, const char *path, const char *alias, const char *notify,
      GError **error)
{
    g_autofree char *config = g_strdup_printf("--config=%s/%s.conf", path, alias);
    g_autofree char *variable = g_strconcat("NOTIFY_SOCKET=", notify, NULL);
    char *argv[] = {(char *) self->program, config, NULL};
    char *environment[] = {(char *) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *) "LC_ALL=C.UTF-8",
                           variable, NULL};

    return g_spawn_async("/", argv, environment,
                         G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, become_broker,
                         child, NULL, error);
}

/* "READY=1", or "STATUS=" and why not; who is not our broker is not heard. */
static gboolean
read_notification(int fd, uid_t user, gboolean *ready, char **status)
{
    char text[4096];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr packet = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *cmsg;
    struct ucred peer;
    g_auto(GStrv) lines = NULL;

    if (got < 0)
        return FALSE;
    cmsg = CMSG_FIRSTHDR(&packet);
    if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_CREDENTIALS)
        return TRUE;
    memcpy(&peer, CMSG_DATA(cmsg), sizeof(peer));
    if (peer.uid != user)
        return TRUE;
    text[got] = '\0';
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (g_str_equal(lines[i], "READY=1"))
            *ready = TRUE;
        else if (g_str_has_prefix(lines[i], "STATUS=") && g_utf8_validate(lines[i], -1, NULL)) {
            g_free(*status);
            *status = g_strdup(lines[i] + strlen("STATUS="));
        }
    }
    return TRUE;
}

/* Until it listens, has ended (@process is -1 where it has already), or the time is over */
static gboolean
await_ready(const Alone *self, int notify, int process, GError **error)
{
    struct pollfd polled[] = {{.fd = notify, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    gint64 end = g_get_monotonic_time() + self->seconds * G_USEC_PER_SEC;
    g_autofree char *status = NULL;
    gboolean ready = FALSE;

    while (!ready) {
        int result = 0;

        if (process >= 0)
            result =
                poll(polled, G_N_ELEMENTS(polled), MAX(0, (end - g_get_monotonic_time()) / 1000));
        if (result < 0 && errno == EINTR)
            continue;
        while (read_notification(notify, self->user, &ready, &status))
            continue;
        if (ready)
            break;
        if (process < 0 || polled[1].revents) {
            FAIL(error, "%s", status ? status : "it has ended at once");
            return FALSE;
        }
        if (result <= 0) {
            FAIL(error, "%s is not ready after %u seconds", self->program, self->seconds);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
alone_start(const Alone *self, int directory, const char *path, const char *alias, GError **error)
{
    g_autofree char *notify = g_strconcat(path, "/", alias, NOTIFY_SUFFIX, NULL);
    auto_fd int notify_fd = listen_for_ready(self, notify, error);
    auto_fd int pid_file = -1;
    auto_fd int lock = -1;
    auto_fd int log = open_log();
    auto_fd int process = -1;
    g_autofree char *name = g_strconcat(alias, PID_SUFFIX, NULL);
    Child child = {.alone = self, .log = log};
    gboolean done = FALSE;

    if (notify_fd < 0)
        return FALSE;
    (void) unlinkat(directory, name, 0);
    child.pid_file = pid_file = open_pid_file(directory, alias, O_WRONLY | O_CREAT | O_EXCL);
    child.lock = lock = open_pid_file(directory, alias, O_RDONLY);
    if (pid_file < 0 || lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
        FAIL(error, "cannot make '%s/%s': %s", path, name, g_strerror(errno));
    } else if (spawn(self, &child, path, alias, notify, error)) {
        /* From here on only the broker has it locked. */
        fd_clear(&lock);
        process = find_broker(directory, alias);
        done = await_ready(self, notify_fd, process, error);
        if (!done)
            alone_stop(self, directory, alias);
    }
    (void) unlink(notify);
    return done;
}
