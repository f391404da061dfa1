/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"
#include "size.h"

#define UDMABUF_DEVICE "/dev/udmabuf"

void
buffer_free(Buffer *self)
{
    if (self == NULL)
        return;

    vdmabuf_map_free(self->map);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self->sha256);
    g_free(self);
}

/* Takes @fd. */
static Buffer *
buffer_new(int fd, gboolean writable, GError **error)
{
    g_autoptr(Buffer) self = g_new0(Buffer, 1);
    off_t size = lseek(fd, 0, SEEK_END);

    self->fd = fd;
    if (size <= 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID, "Descriptor %d has no size", fd);
        return NULL;
    }

    self->size = (guint64) size;
    self->map = vdmabuf_map_new(fd, self->size, writable, error);

    return self->map != NULL ? g_steal_pointer(&self) : NULL;
}

Buffer *
buffer_new_alloc(VdmabufProducer *producer, guint64 size, guint32 flags, GError **error)
{
    int fd = vdmabuf_producer_alloc(producer, size, flags, error);

    return fd >= 0 ? buffer_new(fd, TRUE, error) : NULL;
}

/* The kernel takes a memfd whose size cannot shrink. Returns a descriptor or -1. */
static int
udmabuf_create(guint64 size, GError **error)
{
    struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = size};
    int device, memfd, fd = -1;

    device = open(UDMABUF_DEVICE, O_RDWR | O_CLOEXEC);
    if (device < 0) {
        g_set_error(error, VDMABUF_ERROR,
                    errno == EACCES ? VDMABUF_ERROR_PERMISSION : VDMABUF_ERROR_NO_DEVICE,
                    "Cannot open " UDMABUF_DEVICE ": %s%s", g_strerror(errno),
                    errno == ENOENT ? " (modprobe udmabuf)" : "");
        return -1;
    }

    memfd = memfd_create("vdmabuf-send", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0 || size > G_MAXINT64 || ftruncate(memfd, (off_t) size) < 0 ||
        fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "Cannot make a memfd of %" G_GUINT64_FORMAT " bytes: %s", size,
                    g_strerror(errno));
    } else {
        create.memfd = (guint32) memfd;
        fd = ioctl(device, UDMABUF_CREATE, &create);
        if (fd < 0)
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                        "udmabuf makes no buffer of %" G_GUINT64_FORMAT " bytes: %s%s", size,
                        g_strerror(errno),
                        errno == EINVAL ? " (the limit is in /sys/module/udmabuf/parameters/"
                                          "size_limit_mb)"
                                        : "");
    }

    if (memfd >= 0)
        close(memfd);
    close(device);
    return fd;
}

Buffer *
buffer_new_udmabuf(guint64 size, GError **error)
{
    guint64 page = (guint64) sysconf(_SC_PAGESIZE);
    int fd;

    if (size > G_MAXUINT64 - page) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "A buffer cannot have %" G_GUINT64_FORMAT " bytes", size);
        return NULL;
    }

    fd = udmabuf_create((size + page - 1) / page * page, error);
    return fd >= 0 ? buffer_new(fd, TRUE, error) : NULL;
}

Buffer *
buffer_new_for_fd(int fd, GError **error)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    g_autoptr(Buffer) self = NULL;
    g_autoptr(GError) local = NULL;

    if (copy < 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Descriptor %d is not open: it should be a dma-buf", fd);
        return NULL;
    }
    self = buffer_new(copy, FALSE, &local);
    /* Other files can be mapped as well, but know nothing of access by the CPU. */
    if (self != NULL && vdmabuf_map_begin(self->map, &local) && vdmabuf_map_end(self->map, &local))
        return g_steal_pointer(&self);

    if (g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_INVALID))
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Descriptor %d is not a dma-buf, or one that programs cannot map", fd);
    else
        g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

char *
buffer_get_sha256(Buffer *self, guint64 size, GError **error)
{
    g_autofree char *sha256 = NULL;

    if (!vdmabuf_map_begin(self->map, error))
        return NULL;
    sha256 = sha256_format(vdmabuf_map_get_data(self->map), size);
    if (!vdmabuf_map_end(self->map, error))
        return NULL;

    return g_steal_pointer(&sha256);
}
