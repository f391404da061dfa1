/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

/* After so many messages in a row the other sources of the main loop have their turn. */
#define MESSAGES_PER_TURN 32

struct _Connection {
    int fd;
    guint source;
    Backend *backend;
    ConnectionClosed closed;
    gpointer data;
    guint64 page_size;

    gsize have; /* bytes of the message so far */
    gboolean has_header;
    VhostUserHeader header;
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
    guint n_fds;
    int fds[VHOST_USER_MAX_FDS];
};

typedef enum {
    READ_MESSAGE, /* a whole one is there */
    READ_LATER,
    READ_END,
    READ_FAILED,
} ReadResult;

static void
drop_fds(Connection *self)
{
    for (guint i = 0; i < self->n_fds; i++)
        fd_clear(&self->fds[i]);
    self->n_fds = 0;
}

#define MALFORMED(error, ...)                                                                      \
    g_set_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_MALFORMED, __VA_ARGS__)

/*
 * File descriptors travel with the first byte of a message. All that arrived are taken into
 * self->fds or closed, whatever is wrong with them.
 */
static gboolean
take_fds(Connection *self, struct msghdr *packet, gboolean at_start, GError **error)
{
    gboolean too_many = (packet->msg_flags & MSG_CTRUNC) != 0;
    gboolean misplaced = FALSE;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(packet); cmsg; cmsg = CMSG_NXTHDR(packet, cmsg)) {
        guint n;

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (guint i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (!at_start)
                misplaced = TRUE;
            else if (self->n_fds == VHOST_USER_MAX_FDS)
                too_many = TRUE;
            else {
                self->fds[self->n_fds++] = fd;
                continue;
            }
            close(fd);
        }
    }
    if (too_many) {
        MALFORMED(error, "a message came with more than %u file descriptors", VHOST_USER_MAX_FDS);
        return FALSE;
    }
    if (misplaced) {
        MALFORMED(error, "file descriptors came in the middle of a message");
        return FALSE;
    }
    return TRUE;
}

static ReadResult
read_some(Connection *self, gsize want, GError **error)
{
    /* Room for more than are allowed: MSG_CTRUNC alone would not say that none got lost. */
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * (VHOST_USER_MAX_FDS + 1))];
    } control;
    struct iovec iov = {.iov_base = self->bytes + self->have, .iov_len = want - self->have};
    struct msghdr packet = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    ssize_t got;

    do {
        got = recvmsg(self->fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);

    if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return READ_LATER;
        if (errno == ECONNRESET)
            return READ_END;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                    "cannot read from the vhost-user socket: %s", g_strerror(errno));
        return READ_FAILED;
    }
    if (!take_fds(self, &packet, self->have == 0, error))
        return READ_FAILED;
    if (got == 0) {
        if (self->have == 0)
            return READ_END;
        MALFORMED(error, "QEMU has closed the connection in the middle of a message");
        return READ_FAILED;
    }
    self->have += got;
    return self->have == want ? READ_MESSAGE : READ_LATER;
}

static ReadResult
read_message(Connection *self, GError **error)
{
    ReadResult result;

    if (!self->has_header) {
        result = read_some(self, VHOST_USER_HEADER_SIZE, error);
        if (result != READ_MESSAGE)
            return result;
        if (!vhost_user_header_parse(self->bytes, &self->header, error))
            return READ_FAILED;
        self->has_header = TRUE;
    }
    if (self->have < VHOST_USER_HEADER_SIZE + self->header.size)
        return read_some(self, VHOST_USER_HEADER_SIZE + self->header.size, error);
    return READ_MESSAGE;
}

static gboolean
send_reply(Connection *self, const VhostUserReply *reply, GError **error)
{
    ssize_t sent;

    if (reply->size == 0)
        return TRUE;
    do {
        sent = send(self->fd, reply->bytes, reply->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    /* Answers are small and QEMU waits for each: a full socket means that it does not. */
    if (sent == (ssize_t) reply->size)
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot answer %s: %s",
                vhost_user_request_name(self->header.request),
                sent < 0 ? g_strerror(errno) : "QEMU does not read its answers");
    return FALSE;
}

static gboolean
handle_message(Connection *self, GError **error)
{
    VhostUserMessage message;
    VhostUserReply reply = {.size = 0};
    g_autoptr(GError) refused = NULL;
    gboolean wants_ack;

    if (!vhost_user_message_parse(&self->header, self->bytes + VHOST_USER_HEADER_SIZE, self->n_fds,
                                  self->page_size, &message, error))
        return FALSE;

    wants_ack = message.need_reply && backend_has_reply_ack(self->backend);
    if (!backend_handle(self->backend, &message, self->fds, &reply, &refused)) {
        if (!wants_ack || !g_error_matches(refused, VHOST_USER_ERROR, VHOST_USER_ERROR_REFUSED)) {
            g_propagate_error(error, g_steal_pointer(&refused));
            return FALSE;
        }
        broker_log(BROKER_LOG_ERROR, "%s", refused->message);
        vhost_user_reply_u64(&reply, message.request, 1);
    } else if (wants_ack && reply.size == 0) {
        vhost_user_reply_u64(&reply, message.request, 0);
    }
    return send_reply(self, &reply, error);
}

static gboolean
on_readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
    Connection *self = data;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < MESSAGES_PER_TURN; i++) {
        ReadResult result = read_message(self, &error);

        if (result == READ_LATER)
            return G_SOURCE_CONTINUE;
        if (result == READ_MESSAGE) {
            /* The header may be there without its payload. */
            if (self->have < VHOST_USER_HEADER_SIZE + self->header.size)
                continue;
            if (handle_message(self, &error)) {
                drop_fds(self);
                self->have = 0;
                self->has_header = FALSE;
                continue;
            }
        }
        drop_fds(self);
        self->source = 0;
        self->closed(self, error, self->data);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

Connection *
connection_new(int fd, Backend *backend, ConnectionClosed closed, gpointer data)
{
    Connection *self = g_new0(Connection, 1);

    self->fd = fd;
    self->backend = backend;
    self->closed = closed;
    self->data = data;
    self->page_size = sysconf(_SC_PAGESIZE);
    self->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    return self;
}

void
connection_free(Connection *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->source, g_source_remove);
    drop_fds(self);
    fd_clear(&self->fd);
    g_free(self);
}

gboolean
connection_is_hung_up(Connection *self)
{
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLRDHUP};

    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
