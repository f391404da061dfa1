/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "backend.h"
#include "connection.h"
#include "consumer_socket.h"
#include "exit.h"
#include "fd.h"
#include "isolation.h"
#include "listener.h"
#include "log.h"
#include "options.h"

#define EXIT_USAGE 2

typedef struct {
    Options *options;
    GMainLoop *loop;
    int status;

    Backend *backend;
    Listener *qemu;
    Listener *consumers;
    Connection *connection;
    pid_t qemu_pid;
    gboolean one_connection; /* --fd was a connected socket: when it ends, so does the program */
} Broker;

static void
broker_quit(Broker *self, int status)
{
    self->status = status;
    g_main_loop_quit(self->loop);
}

/* Back to the state of the program's start; consumers of the old VM see it die. */
static void
broker_reset(Broker *self)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&self->connection, connection_free);
    backend_detach(self->backend);
    if (self->one_connection) {
        broker_quit(self, EXIT_SUCCESS);
    } else if (!backend_open(self->backend, &error)) {
        broker_log(BROKER_LOG_ERROR, "%s", error->message);
        broker_quit(self, EXIT_FAILURE);
    } else {
        sd_notify(0, "STATUS=Waiting for QEMU");
    }
}

static void
on_closed(Connection *connection G_GNUC_UNUSED, const GError *error, gpointer data)
{
    Broker *self = data;

    if (error)
        broker_log(BROKER_LOG_ERROR, "%s; the connection of QEMU (process %d) is closed",
                   error->message, (int) self->qemu_pid);
    else
        broker_log(BROKER_LOG_INFO, "QEMU (process %d) has disconnected", (int) self->qemu_pid);
    broker_reset(self);
}

static void
broker_attach(Broker *self, int fd, pid_t pid)
{
    auto_fd int socket_fd = fd;
    g_autoptr(GError) error = NULL;

    if (!backend_attach(self->backend, pid, &error)) {
        broker_log(BROKER_LOG_ERROR, "process %d cannot be served: %s", (int) pid, error->message);
        if (self->one_connection)
            broker_quit(self, EXIT_FAILURE);
        return;
    }
    self->qemu_pid = pid;
    self->connection = connection_new(g_steal_fd(&socket_fd), self->backend, on_closed, self);
    broker_log(BROKER_LOG_INFO, "QEMU (process %d) has connected", (int) pid);
    sd_notifyf(0, "STATUS=Serving QEMU, process %d", (int) pid);
}

static void
on_qemu(int fd, const struct ucred *peer, gpointer data)
{
    Broker *self = data;

    /* A device that is unplugged and plugged again can be faster than the end of the old one. */
    if (self->connection && connection_is_hung_up(self->connection)) {
        broker_log(BROKER_LOG_INFO, "QEMU (process %d) has disconnected", (int) self->qemu_pid);
        broker_reset(self);
        if (self->status != EXIT_SUCCESS) {
            close(fd);
            return;
        }
    }
    if (self->connection) {
        broker_log(BROKER_LOG_WARNING,
                   "process %d is sent away: QEMU (process %d) is connected, "
                   "and a broker serves one device",
                   (int) peer->pid, (int) self->qemu_pid);
        close(fd);
        return;
    }
    broker_attach(self, fd, peer->pid);
}

static void
on_consumer(int fd, const struct ucred *peer, gpointer data)
{
    Broker *self = data;

    if (consumer_socket_serve(fd, peer->pid, peer->uid, self->backend))
        broker_log(BROKER_LOG_INFO, "process %d of user %u is a consumer", (int) peer->pid,
                   (guint) peer->uid);
}

static gboolean
on_signal(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
    Broker *self = data;
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return G_SOURCE_CONTINUE;
    broker_log(BROKER_LOG_INFO, "ending because of %s",
               info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
    broker_quit(self, self->status);
    return G_SOURCE_CONTINUE;
}

/* Not g_unix_signal_add(): its thread would have to be isolated as well. */
static int
block_signals(GError **error)
{
    sigset_t signals;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ||
        (fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "cannot wait for signals: %s",
                    g_strerror(errno));
        return -1;
    }
    return fd;
}

/* What consumers import is pinned on the account of this process. */
static void
raise_memlock(guint64 wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0)
        return;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_MEMLOCK, &limit);
    }
    broker_log(BROKER_LOG_WARNING,
               "consumers can import at most %" G_GUINT64_FORMAT " bytes of the "
               "%" G_GUINT64_FORMAT " that are allowed: raise the limit of "
               "locked memory (LimitMEMLOCK= in the unit)",
               (guint64) limit.rlim_cur, wanted);
}

static gboolean
use_inherited_fd(Broker *self, GError **error)
{
    int fd = self->options->fd;
    int listening = 0;
    int type = 0;
    int domain = 0;
    socklen_t size = sizeof(int);
    struct ucred peer = {0};

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || domain != AF_UNIX ||
        type != SOCK_STREAM) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "file descriptor %d is not a UNIX stream socket", fd);
        return FALSE;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot use file descriptor %d: %s", fd,
                    g_strerror(errno));
        return FALSE;
    }
    if (listening) {
        self->qemu = listener_new_for_fd(fd, on_qemu, self);
        return TRUE;
    }
    size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "cannot tell who is connected to file descriptor %d: %s", fd,
                    g_strerror(errno));
        return FALSE;
    }
    self->one_connection = TRUE;
    broker_attach(self, fd, peer.pid);
    return TRUE;
}

static gboolean
listen_on_sockets(Broker *self, GError **error)
{
    const Options *options = self->options;
    const char *const qemu_groups[] = {options->socket_group, NULL};

    self->consumers = listener_new(
        SOCK_SEQPACKET, options->consumer_socket, (const char *const *) options->consumer_users,
        (const char *const *) options->consumer_groups, on_consumer, self, error);
    if (!self->consumers)
        return FALSE;
    if (options->fd >= 0)
        return use_inherited_fd(self, error);
    self->qemu =
        listener_new(SOCK_STREAM, options->socket_path, NULL, qemu_groups, on_qemu, self, error);
    return self->qemu != NULL;
}

static VhostDevice *
open_device(gpointer data, GError **error)
{
    const Options *options = data;

    return vhost_device_open(options->device, error);
}

static int
broker_run(Options *options)
{
    Broker self = {.options = options, .status = EXIT_SUCCESS};
    BackendSettings settings = {.name = options->name, .limits = options->limits};
    g_autoptr(GError) error = NULL;
    auto_fd int signal_fd = -1;
    guint signal_source = 0;

    memcpy(settings.uuid, options->uuid, sizeof(settings.uuid));
    self.loop = g_main_loop_new(NULL, FALSE);
    self.backend = backend_new(&settings, open_device, options);

    /* Groups are looked up and files made before the program gives up what that takes. */
    if ((signal_fd = block_signals(&error)) < 0 || !backend_open(self.backend, &error) ||
        !listen_on_sockets(&self, &error))
        goto out;
    signal_source = g_unix_fd_add(signal_fd, G_IO_IN, on_signal, &self);
    raise_memlock(backend_get_max_bytes(self.backend));
    if (!isolation_drop_privileges(&error) ||
        (options->seccomp && !isolation_filter_syscalls(&error)))
        goto out;

    if (self.status == EXIT_SUCCESS) {
        if (options->label)
            broker_log(BROKER_LOG_INFO, "this is the device '%s'", options->label);
        sd_notify(0, "READY=1");
        g_main_loop_run(self.loop);
        sd_notify(0, "STOPPING=1");
    }
out:
    if (error) {
        broker_log(BROKER_LOG_ERROR, "%s", error->message);
        /* The libvirt hook shows this to whoever starts the domain. */
        sd_notifyf(0, "STATUS=%s", error->message);
        self.status = EXIT_FAILURE;
    }
    g_clear_handle_id(&signal_source, g_source_remove);
    g_clear_pointer(&self.qemu, listener_free);
    g_clear_pointer(&self.consumers, listener_free);
    g_clear_pointer(&self.connection, connection_free);
    backend_free(self.backend);
    g_main_loop_unref(self.loop);
    return self.status;
}

int
main(int argc G_GNUC_UNUSED, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Options) options = NULL;

    exit_check_output();
    options = options_parse(argv, &error);
    if (!options) {
        broker_log(BROKER_LOG_ERROR, "%s; see --help", error->message);
        /* A file that cannot be read is a failure, not a misuse. */
        return error->domain == G_FILE_ERROR ? EXIT_FAILURE : EXIT_USAGE;
    }
    if (options->version) {
        g_print("vhost-user-vdmabuf %s\n", VDMABUF_VERSION);
        return EXIT_SUCCESS;
    }
    if (options->print_capabilities) {
        g_print("{\n  \"type\": \"vdmabuf\",\n"
                "  \"features\": [\"consumer-socket\", \"config-file\", \"seccomp\"]\n}\n");
        return EXIT_SUCCESS;
    }
    return broker_run(options);
}
