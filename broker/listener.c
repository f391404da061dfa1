/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listener.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "access.h"
#include "confinement.h"
#include "fd.h"
#include "log.h"

/* Connections that wait while the main loop is busy */
#define BACKLOG 16

struct _Listener {
    int fd;
    guint source;
    char *path; /* NULL: not made here */
    dev_t device;
    ino_t inode;
    ListenerAccept accept;
    gpointer data;
};

#define FAIL(error, ...) g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, __VA_ARGS__)

/* With the reason in errno */
static void
fail_at(GError **error, const char *what, const char *path)
{
    int reason = errno;

    FAIL(error, "%s '%s': %s%s", what, path, g_strerror(reason), confinement_hint(path, reason));
}

static gboolean
fill_address(const char *path, struct sockaddr_un *address, GError **error)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) >=
        sizeof(address->sun_path)) {
        FAIL(error,
             "the socket path '%s' is longer than the %" G_GSIZE_FORMAT " bytes that the "
             "system allows",
             path, sizeof(address->sun_path) - 1);
        return FALSE;
    }
    return TRUE;
}

/* A socket's file outlives a program that was killed; bind(2) does not replace it. */
static gboolean
remove_stale(const char *path, int type, const struct sockaddr_un *address, GError **error)
{
    auto_fd int probe = -1;
    struct stat info;

    if (lstat(path, &info) < 0) {
        if (errno == ENOENT)
            return TRUE;
        fail_at(error, "cannot look at", path);
        return FALSE;
    }
    if (!S_ISSOCK(info.st_mode)) {
        FAIL(error, "'%s' exists and is not a socket; remove it or choose another path", path);
        return FALSE;
    }
    probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        FAIL(error, "cannot make a socket: %s", g_strerror(errno));
        return FALSE;
    }
    if (connect(probe, (const struct sockaddr *) address, sizeof(*address)) == 0 ||
        (errno != ECONNREFUSED && errno != ENOENT)) {
        FAIL(error, "another program listens on '%s'; stop it or choose another path", path);
        return FALSE;
    }
    if (unlink(path) < 0 && errno != ENOENT) {
        FAIL(error, "cannot remove the stale socket '%s': %s", path, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

static gboolean
on_connect(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
    Listener *self = data;
    auto_fd int peer_fd = -1;
    struct ucred peer;
    socklen_t size = sizeof(peer);

    peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer_fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            broker_log(BROKER_LOG_WARNING, "cannot accept a connection: %s", g_strerror(errno));
        return G_SOURCE_CONTINUE;
    }
    if (getsockopt(peer_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        broker_log(BROKER_LOG_WARNING, "cannot tell who has connected: %s", g_strerror(errno));
        return G_SOURCE_CONTINUE;
    }
    self->accept(g_steal_fd(&peer_fd), &peer, self->data);
    return G_SOURCE_CONTINUE;
}

Listener *
listener_new_for_fd(int fd, ListenerAccept accept, gpointer data)
{
    Listener *self = g_new0(Listener, 1);

    self->fd = fd;
    self->accept = accept;
    self->data = data;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    self->source = g_unix_fd_add(fd, G_IO_IN, on_connect, self);
    return self;
}

Listener *
listener_new(int type, const char *path, const char *const *users, const char *const *groups,
             ListenerAccept accept, gpointer data, GError **error)
{
    g_autoptr(Listener) self = NULL;
    auto_fd int fd = -1;
    struct sockaddr_un address;
    struct stat info;
    mode_t mask;
    int result;

    if (!fill_address(path, &address, error) || !remove_stale(path, type, &address, error))
        return NULL;

    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        FAIL(error, "cannot make a socket: %s", g_strerror(errno));
        return NULL;
    }
    /* Nobody may connect before it is said who may. */
    mask = umask(0177);
    result = bind(fd, (const struct sockaddr *) &address, sizeof(address));
    umask(mask);
    if (result < 0 || lstat(path, &info) < 0) {
        fail_at(error, "cannot make the socket", path);
        return NULL;
    }

    self = listener_new_for_fd(g_steal_fd(&fd), accept, data);
    self->path = g_strdup(path);
    self->device = info.st_dev;
    self->inode = info.st_ino;

    if (((users && *users) || (groups && *groups)) && !access_grant(path, users, groups, error))
        return NULL;
    if (listen(self->fd, BACKLOG) < 0) {
        FAIL(error, "cannot listen on '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
listener_free(Listener *self)
{
    struct stat info;

    if (!self)
        return;
    g_clear_handle_id(&self->source, g_source_remove);
    if (self->path && lstat(self->path, &info) == 0 && info.st_dev == self->device &&
        info.st_ino == self->inode)
        unlink(self->path);
    fd_clear(&self->fd);
    g_free(self->path);
    g_free(self);
}
