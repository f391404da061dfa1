/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define PRODUCER_DEVICE "/dev/virtio-vdmabuf"

struct _VdmabufProducer {
    int fd;
    char *path;
};

/* What every request can meet; @doing completes "Cannot ...". */
static void
producer_set_error(VdmabufProducer *self, GError **error, int errnum, const char *doing)
{
    switch (errnum) {
    case ENODEV:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                    "The vdmabuf device behind %s is gone: close it, and open it again when "
                    "it is back",
                    self->path);
        break;
    case ENOTTY:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                    "%s is not a vdmabuf device; the first one of a guest is " PRODUCER_DEVICE,
                    self->path);
        break;
    case ENOMEM:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT, "Cannot %s: out of memory", doing);
        break;
    case EMFILE:
    case ENFILE:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "Cannot %s: too many open files (ulimit -n)", doing);
        break;
    case ETIMEDOUT:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                    "Cannot %s: the host does not answer", doing);
        break;
    default:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot %s: %s", doing,
                    g_strerror(errnum));
    }
}

VdmabufProducer *
vdmabuf_producer_open(const char *path, GError **error)
{
    g_autoptr(VdmabufProducer) self = g_new0(VdmabufProducer, 1);
    struct vdmabuf_info info;
    struct stat st;

    if (path == NULL)
        path = g_getenv("VDMABUF_DEVICE");
    if (path == NULL || path[0] == '\0')
        path = PRODUCER_DEVICE;
    self->path = g_strdup(path);

    do {
        self->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } while (self->fd < 0 && errno == EINTR);

    if (self->fd < 0) {
        switch (errno) {
        case ENOENT:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                        "%s does not exist: this guest has no vdmabuf device, or the "
                        "virtio_vdmabuf module is not loaded (modprobe virtio_vdmabuf)",
                        path);
            break;
        case ENODEV:
        case ENXIO:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                        "The vdmabuf device behind %s is gone", path);
            break;
        case EACCES:
        case EPERM: {
            g_autofree char *owner = vdmabuf_io_describe_owner(path);

            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION, "You may not open %s: %s",
                        path, owner);
            break;
        }
        default:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot open %s: %s", path,
                        g_strerror(errno));
        }
        return NULL;
    }

    if (fstat(self->fd, &st) < 0 || !S_ISCHR(st.st_mode)) {
        producer_set_error(self, error, ENOTTY, NULL);
        return NULL;
    }
    if (!vdmabuf_producer_get_info(self, &info, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
vdmabuf_producer_free(VdmabufProducer *self)
{
    if (self == NULL)
        return;

    if (self->fd >= 0)
        close(self->fd);
    g_free(self->path);
    g_free(self);
}

int
vdmabuf_producer_get_fd(VdmabufProducer *self)
{
    return self->fd;
}

gboolean
vdmabuf_producer_get_info(VdmabufProducer *self, struct vdmabuf_info *info, GError **error)
{
    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_GET_INFO, info) < 0) {
        producer_set_error(self, error, errno, "ask the vdmabuf device for its limits");
        return FALSE;
    }
    return TRUE;
}

/* The driver says only EINVAL */
static void
producer_set_alloc_error(VdmabufProducer *self, GError **error, guint64 size, guint32 flags)
{
    struct vdmabuf_info info;

    if (vdmabuf_producer_get_info(self, &info, NULL) && size > info.limits.max_bytes)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "A buffer of %" G_GUINT64_FORMAT " bytes is more than the %" G_GUINT64_FORMAT
                    " that this VM may share in all; the limit is set on the host in the domain's "
                    "configuration",
                    size, (guint64) info.limits.max_bytes);
    else
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Cannot allocate a buffer of %" G_GUINT64_FORMAT " bytes (flags 0x%x): the "
                    "size is 0, or the driver does not know the flags",
                    size, flags);
}

int
vdmabuf_producer_alloc(VdmabufProducer *self, guint64 size, guint32 flags, GError **error)
{
    struct vdmabuf_alloc alloc = {.size = size, .flags = flags, .fd = -1};

    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_ALLOC, &alloc) == 0)
        return alloc.fd;

    switch (errno) {
    case EINVAL:
        producer_set_alloc_error(self, error, size, flags);
        break;
    case ENOMEM:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "The guest has no memory for a buffer of %" G_GUINT64_FORMAT " bytes", size);
        break;
    default:
        producer_set_error(self, error, errno, "allocate a buffer");
    }
    return -1;
}

gboolean
vdmabuf_producer_export(VdmabufProducer *self, int dmabuf_fd, const struct vdmabuf_frame *frame,
                        struct vdmabuf_id *id, guint64 *sequence, GError **error)
{
    struct vdmabuf_export export = {.fd = dmabuf_fd, .frame = *frame};
    off_t size = lseek(dmabuf_fd, 0, SEEK_END);

    if (size <= 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Cannot export descriptor %d: it is not a dma-buf", dmabuf_fd);
        return FALSE;
    }
    /* The driver says only EINVAL */
    if (!vdmabuf_frame_check(frame, (guint64) size, error))
        return FALSE;

    /* When a signal ends the wait for the host, the driver takes the registration back */
    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_EXPORT, &export) == 0) {
        if (id != NULL)
            *id = export.id;
        if (sequence != NULL)
            *sequence = export.sequence;
        return TRUE;
    }

    switch (errno) {
    case EBADF:
    case EINVAL:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Cannot export descriptor %d: it is not a dma-buf, or the frame does not fit "
                    "it",
                    dmabuf_fd);
        break;
    case EBUSY:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_BUSY,
                            "The buffer's last frame has not been released yet");
        break;
    case EOPNOTSUPP:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_PAGES,
                            "The dma-buf is not made of pages of the guest's memory (it may lie "
                            "in a GPU's own memory), so the host cannot share it");
        break;
    case E2BIG:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                            "The dma-buf's pages are too scattered: it has more runs of pages "
                            "than the host accepts for one buffer");
        break;
    case EDQUOT:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                            "This VM's limit of shared buffers or bytes is reached; it is set on "
                            "the host in the domain's configuration");
        break;
    default:
        producer_set_error(self, error, errno, "export the buffer");
    }
    return FALSE;
}

gboolean
vdmabuf_producer_unexport(VdmabufProducer *self, const struct vdmabuf_id *id, GError **error)
{
    struct vdmabuf_unexport unexport = {.id = *id};
    char text[VDMABUF_ID_TEXT_SIZE];

    if (vdmabuf_io_ioctl(self->fd, VDMABUF_IOC_UNEXPORT, &unexport) == 0)
        return TRUE;

    if (errno == ENOENT)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                    "This program has not exported a buffer %s, or has taken it back already",
                    vdmabuf_id_format(id, text));
    else
        producer_set_error(self, error, errno, "take the buffer back");
    return FALSE;
}

gboolean
vdmabuf_producer_next_event(VdmabufProducer *self, int timeout_ms,
                            struct vdmabuf_guest_event *event, GError **error)
{
    switch (vdmabuf_io_read_event(self->fd, timeout_ms, event, sizeof(*event))) {
    case VDMABUF_IO_EVENT:
        return TRUE;
    case VDMABUF_IO_TIMEOUT:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                            "The host has released nothing in time");
        return FALSE;
    case VDMABUF_IO_END:
        producer_set_error(self, error, ENODEV, NULL);
        return FALSE;
    case VDMABUF_IO_ERRNO:
        producer_set_error(self, error, errno, "read events of the vdmabuf device");
        return FALSE;
    case VDMABUF_IO_SHORT:
    default:
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "%s gave less than a whole event: the virtio_vdmabuf module is not of this "
                    "library's version",
                    self->path);
        return FALSE;
    }
}
