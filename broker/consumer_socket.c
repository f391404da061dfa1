/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "consumer_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

static gboolean
send_packet(int fd, const char *text, int passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (char *) text, .iov_len = strlen(text)};
    struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    if (passed >= 0) {
        struct cmsghdr *cmsg;

        packet.msg_control = &control;
        packet.msg_controllen = sizeof(control);
        cmsg = CMSG_FIRSTHDR(&packet);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &passed, sizeof(passed));
    }
    do {
        sent = sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t) iov.iov_len;
}

gboolean
consumer_socket_serve(int fd, pid_t pid, uid_t uid, Backend *backend)
{
    auto_fd int peer = fd;
    auto_fd int consumer = -1;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    consumer = backend_get_consumer(backend, pid, uid, &error);
    if (consumer < 0) {
        if (g_error_matches(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_LIMIT))
            text = g_strdup(CONSUMER_SOCKET_ERROR
                            "All consumers that this domain may have are "
                            "connected; close one, or raise the limit of consumers in the "
                            "domain's XML.\n");
        else
            text = g_strdup_printf(CONSUMER_SOCKET_ERROR "The broker cannot make a consumer: %s.\n",
                                   error->message);
        broker_log(BROKER_LOG_WARNING, "process %d of user %u gets no consumer: %s", (int) pid,
                   (guint) uid, error->message);
    }
    if (!send_packet(peer, text ? text : CONSUMER_SOCKET_OK, consumer)) {
        broker_log(BROKER_LOG_WARNING, "process %d of user %u went away before it was answered",
                   (int) pid, (guint) uid);
        return FALSE;
    }
    return consumer >= 0;
}
