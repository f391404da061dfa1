/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "private.h"

/* How long a broker may take to answer, in all */
#define CONNECT_TIMEOUT (10 * G_TIME_SPAN_SECOND)

/* One packet; no broker of this protocol sends a longer one */
#define ANSWER_SIZE 1024
/* One descriptor is right. Room for more, so that they are seen, refused and closed. */
#define ANSWER_FDS 8

#define ANSWER_OK "vdmabuf 1 ok\n"
#define ANSWER_ERROR "vdmabuf 1 error "

struct _VdmabufConsumer {
    int fd;
};

/* --- Getting the consumer fd from the broker --- */

typedef struct {
    char text[ANSWER_SIZE + 1];
    gsize length;
    int fds[ANSWER_FDS];
    guint nr_fds;
    gboolean truncated;
} Answer;

static void
answer_clear(Answer *self)
{
    for (guint i = 0; i < self->nr_fds; i++)
        close(self->fds[i]);
    self->nr_fds = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
connect_set_timeout_error(GError **error, const char *path)
{
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                "The broker behind %s has not answered for %d seconds (its log may say why)", path,
                (int) (CONNECT_TIMEOUT / G_TIME_SPAN_SECOND));
}

static void
connect_set_error(GError **error, const char *path, int errnum)
{
    struct stat st;

    switch (errnum) {
    case ENOENT:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                    "%s does not exist: the domain is not running, or it has no such vdmabuf "
                    "device",
                    path);
        break;
    case ECONNREFUSED:
        /* Also what the kernel says of a file of another kind */
        if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
            connect_set_error(error, path, ENOTSOCK);
            break;
        }
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                    "Nobody listens on %s: its broker, vhost-user-vdmabuf, is not running", path);
        break;
    case EACCES:
    case EPERM: {
        g_autofree char *owner = vdmabuf_io_describe_owner(path);

        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION, "You may not connect to %s: %s",
                    path, owner);
        break;
    }
    case EPROTOTYPE:
    case ENOTSOCK:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "%s is not the consumer socket of a vdmabuf broker", path);
        break;
    case EAGAIN:
        connect_set_timeout_error(error, path);
        break;
    default:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot connect to %s: %s", path,
                    g_strerror(errnum));
    }
}

/*
 * A local socket whose listener is busy blocks in connect(2), and one that does not block
 * cannot be waited for: so it blocks, with a limit.
 */
static int
connect_open(const char *path, gint64 deadline, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, ret;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "%s is too long for a socket, which may have %" G_GSIZE_FORMAT " bytes", path,
                    sizeof(address.sun_path) - 1);
        return -1;
    }
    strcpy(address.sun_path, path);

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot make a socket: %s",
                    g_strerror(errno));
        return -1;
    }

    do {
        gint64 left = MAX(deadline - g_get_monotonic_time(), 1);
        struct timeval timeout = {
            .tv_sec = left / G_TIME_SPAN_SECOND,
            .tv_usec = left % G_TIME_SPAN_SECOND,
        };

        ret = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        if (ret == 0)
            ret = connect(fd, (const struct sockaddr *) &address, sizeof(address));
    } while (ret < 0 && errno == EINTR);

    if (ret < 0) {
        connect_set_error(error, path, errno);
        close(fd);
        return -1;
    }
    return fd;
}

static void
answer_take_fds(Answer *self, struct msghdr *msg)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        gsize nr;

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;

        nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (gsize i = 0; i < nr; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (self->nr_fds < ANSWER_FDS) {
                self->fds[self->nr_fds++] = fd;
            } else {
                close(fd);
                self->truncated = TRUE;
            }
        }
    }
}

static gboolean
answer_receive(Answer *self, int socket_fd, const char *path, gint64 deadline, GError **error)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(ANSWER_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = self->text, .iov_len = ANSWER_SIZE};
    gssize n;

    for (;;) {
        struct msghdr msg = {
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control.space,
            .msg_controllen = sizeof(control.space),
        };
        struct pollfd pfd = {.fd = socket_fd, .events = POLLIN};
        int wait;

        n = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n >= 0) {
            self->truncated = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
            answer_take_fds(self, &msg);
            break;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            connect_set_error(error, path, errno);
            return FALSE;
        }

        wait = vdmabuf_io_poll_timeout(deadline);
        if (wait == 0) {
            connect_set_timeout_error(error, path);
            return FALSE;
        }
        if (poll(&pfd, 1, wait) < 0 && errno != EINTR) {
            connect_set_error(error, path, errno);
            return FALSE;
        }
    }

    self->length = (gsize) n;
    self->text[self->length] = '\0';
    return TRUE;
}

/* The sentence of an error that a broker sends is shown to people: text only, on one line. */
static gboolean
answer_get_sentence(Answer *self, const char **sentence, gsize *length)
{
    gsize prefix = strlen(ANSWER_ERROR);

    if (!g_str_has_prefix(self->text, ANSWER_ERROR) || self->length < prefix + 2 ||
        self->text[self->length - 1] != '\n')
        return FALSE;

    *sentence = self->text + prefix;
    *length = self->length - prefix - 1;
    if (!g_utf8_validate(*sentence, (gssize) *length, NULL))
        return FALSE;

    for (const char *p = *sentence; p < *sentence + *length; p = g_utf8_next_char(p)) {
        if (!g_unichar_isprint(g_utf8_get_char(p)))
            return FALSE;
    }
    return TRUE;
}

/* Returns the consumer fd, which then is the caller's. */
static int
answer_parse(Answer *self, const char *path, GError **error)
{
    const char *sentence;
    gsize length;

    if (self->length == 0 && self->nr_fds == 0 && !self->truncated) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "The broker behind %s closed the connection without an answer (its log may "
                    "say why)",
                    path);
        return -1;
    }

    if (!self->truncated && self->nr_fds == 1 && self->length == strlen(ANSWER_OK) &&
        memcmp(self->text, ANSWER_OK, self->length) == 0) {
        self->nr_fds = 0;
        return self->fds[0];
    }

    if (!self->truncated && self->nr_fds == 0 && answer_get_sentence(self, &sentence, &length)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "The broker behind %s says: %.*s",
                    path, (int) length, sentence);
        return -1;
    }

    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                "What answers on %s does not speak version 1 of the vdmabuf consumer protocol "
                "(%" G_GSIZE_FORMAT " bytes and %u descriptors%s)",
                path, self->length, self->nr_fds, self->truncated ? ", and more" : "");
    return -1;
}

VdmabufConsumer *
vdmabuf_consumer_connect(const char *path, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + CONNECT_TIMEOUT;
    g_auto(Answer) answer = {.length = 0};
    int socket_fd, fd;
    gboolean ok;

    socket_fd = connect_open(path, deadline, error);
    if (socket_fd < 0)
        return NULL;
    ok = answer_receive(&answer, socket_fd, path, deadline, error);
    close(socket_fd);
    if (!ok)
        return NULL;

    fd = answer_parse(&answer, path, error);
    return fd >= 0 ? vdmabuf_consumer_new_for_fd(fd) : NULL;
}

/* --- Using it --- */

VdmabufConsumer *
vdmabuf_consumer_new_for_fd(int fd)
{
    VdmabufConsumer *self = g_new0(VdmabufConsumer, 1);

    self->fd = fd;
    /*
     * An event that poll(2) has seen can be gone before read(2), when its buffer is
     * unregistered. A descriptor that refuses this here fails at its first use.
     */
    vdmabuf_io_set_nonblocking(fd);

    return self;
}

void
vdmabuf_consumer_free(VdmabufConsumer *self)
{
    if (self == NULL)
        return;

    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

int
vdmabuf_consumer_get_fd(VdmabufConsumer *self)
{
    return self->fd;
}

/* What every request can meet; @doing completes "Cannot ...". */
static void
consumer_set_error(GError **error, int errnum, const char *doing)
{
    switch (errnum) {
    case ENODEV:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED, "Cannot %s: the VM is gone", doing);
        break;
    case ENOTTY:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "Cannot %s: what the broker handed over is not a descriptor of the "
                    "vhost_vdmabuf module",
                    doing);
        break;
    case EMFILE:
    case ENFILE:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "Cannot %s: too many open files (ulimit -n)", doing);
        break;
    case ENOMEM:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT, "Cannot %s: out of memory", doing);
        break;
    default:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot %s: %s", doing,
                    g_strerror(errnum));
    }
}

gboolean
vdmabuf_consumer_get_status(VdmabufConsumer *self, struct vdmabuf_status *status, GError **error)
{
    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_GET_STATUS, status) < 0) {
        consumer_set_error(error, errno, "ask for the status of the VM's buffers");
        return FALSE;
    }
    /* Whoever made the descriptor: a name without an end must not become a read past it */
    status->vm.name[VDMABUF_NAME_SIZE - 1] = '\0';
    return TRUE;
}

gboolean
vdmabuf_consumer_next_event(VdmabufConsumer *self, int timeout_ms, struct vdmabuf_event *event,
                            GError **error)
{
    switch (vdmabuf_io_read_event(self->fd, timeout_ms, event, sizeof(*event))) {
    case VDMABUF_IO_EVENT:
        return TRUE;
    case VDMABUF_IO_TIMEOUT:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                            "Nothing came from the guest in time");
        return FALSE;
    case VDMABUF_IO_END:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED,
                            "The VM is gone, or its vdmabuf device was unplugged");
        return FALSE;
    case VDMABUF_IO_ERRNO:
        consumer_set_error(error, errno, "read events");
        return FALSE;
    case VDMABUF_IO_SHORT:
    default:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                            "The kernel gave less than a whole event: the vhost_vdmabuf module is "
                            "not of this library's version");
        return FALSE;
    }
}

int
vdmabuf_consumer_import(VdmabufConsumer *self, const struct vdmabuf_id *id, gboolean writable,
                        guint64 *size, GError **error)
{
    struct vdmabuf_import import = {
        .id = *id,
        .flags = writable ? O_RDWR : O_RDONLY,
        .fd = -1,
    };
    char text[VDMABUF_ID_TEXT_SIZE];

    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_IMPORT, &import) == 0) {
        if (size != NULL)
            *size = import.size;
        return import.fd;
    }

    switch (errno) {
    case ENOENT:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                    "The guest shares no buffer %s (any more)", vdmabuf_id_format(id, text));
        break;
    case EACCES:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION,
                            "Buffers of this domain may be imported for reading only; that is set "
                            "in the domain's configuration");
        break;
    case EFAULT:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_PAGES,
                    "The guest memory that buffer %s lay in is no longer there",
                    vdmabuf_id_format(id, text));
        break;
    case ENOMEM:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "The pages of buffer %s cannot be locked: the host is out of memory, or the "
                    "broker's limit of locked memory (LimitMEMLOCK) is too small",
                    vdmabuf_id_format(id, text));
        break;
    case ENOBUFS:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "Buffer %s cannot be imported before the events that wait are read: too many "
                    "buffers have gone unnoticed",
                    vdmabuf_id_format(id, text));
        break;
    default:
        consumer_set_error(error, errno, "import the buffer");
    }
    return -1;
}

gboolean
vdmabuf_consumer_release(VdmabufConsumer *self, const struct vdmabuf_id *id, guint64 sequence,
                         GError **error)
{
    struct vdmabuf_release release = {.id = *id, .sequence = sequence};
    char text[VDMABUF_ID_TEXT_SIZE];

    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_RELEASE, &release) == 0)
        return TRUE;

    if (errno == ENOENT)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                    "Frame %" G_GUINT64_FORMAT " of buffer %s is not held: it was released "
                    "already, or the guest has taken the buffer back",
                    sequence, vdmabuf_id_format(id, text));
    else
        consumer_set_error(error, errno, "release the frame");
    return FALSE;
}

gboolean
vdmabuf_consumer_query(VdmabufConsumer *self, struct vdmabuf_query *query, GError **error)
{
    char text[VDMABUF_ID_TEXT_SIZE];

    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_QUERY, query) == 0)
        return TRUE;

    if (errno == ENOENT && (query->flags & VDMABUF_QUERY_NEXT))
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                            "The guest shares no further buffer");
    else if (errno == ENOENT)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                    "The guest shares no buffer %s (any more)",
                    vdmabuf_id_format(&query->id, text));
    else
        consumer_set_error(error, errno, "ask about a buffer");
    return FALSE;
}
