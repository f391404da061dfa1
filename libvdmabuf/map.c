/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "private.h"

struct _VdmabufMap {
    int fd;
    gpointer data;
    gsize size;
    guint64 direction; /* DMA_BUF_SYNC_READ, and _WRITE for a writable mapping */
};

VdmabufMap *
vdmabuf_map_new(int dmabuf_fd, guint64 size, gboolean writable, GError **error)
{
    g_autoptr(VdmabufMap) self = g_new0(VdmabufMap, 1);

    self->fd = -1;
    self->data = MAP_FAILED;
    self->direction = writable ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;

    if (size == 0 || size > G_MAXSSIZE) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Cannot map %" G_GUINT64_FORMAT " bytes of a dma-buf into this process", size);
        return NULL;
    }
    self->size = size;

    self->fd = fcntl(dmabuf_fd, F_DUPFD_CLOEXEC, 0);
    if (self->fd < 0) {
        g_set_error(error, VDMABUF_ERROR,
                    errno == EMFILE ? VDMABUF_ERROR_LIMIT : VDMABUF_ERROR_INVALID,
                    "Cannot keep the dma-buf (descriptor %d): %s", dmabuf_fd, g_strerror(errno));
        return NULL;
    }

    self->data = mmap(NULL, self->size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      self->fd, 0);
    if (self->data == MAP_FAILED) {
        switch (errno) {
        case EACCES:
        case EPERM:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION,
                        "The dma-buf may not be mapped%s: %s",
                        writable ? " for writing; it may have been imported for reading only" : "",
                        g_strerror(errno));
            break;
        case ENOMEM:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                        "No room to map %" G_GUINT64_FORMAT " bytes of a dma-buf", size);
            break;
        case EINVAL:
        case ENODEV:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                        "Cannot map %" G_GUINT64_FORMAT " bytes of descriptor %d: it is no dma-buf "
                        "of this size, or one that programs cannot map",
                        size, dmabuf_fd);
            break;
        default:
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot map the dma-buf: %s",
                        g_strerror(errno));
        }
        return NULL;
    }

    return g_steal_pointer(&self);
}

void
vdmabuf_map_free(VdmabufMap *self)
{
    if (self == NULL)
        return;

    if (self->data != MAP_FAILED)
        munmap(self->data, self->size);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

gpointer
vdmabuf_map_get_data(VdmabufMap *self)
{
    return self->data;
}

gsize
vdmabuf_map_get_size(VdmabufMap *self)
{
    return self->size;
}

static gboolean
map_sync(VdmabufMap *self, guint64 point, GError **error)
{
    struct dma_buf_sync sync = {.flags = point | self->direction};
    int ret;

    /* The exporter's begin_cpu_access may ask for another try */
    do {
        ret = vdmabuf_io_ioctl(self->fd, DMA_BUF_IOCTL_SYNC, &sync);
    } while (ret < 0 && errno == EAGAIN);

    if (ret < 0) {
        g_set_error(error, VDMABUF_ERROR,
                    errno == ENOTTY ? VDMABUF_ERROR_INVALID : VDMABUF_ERROR_FAILED,
                    "Cannot %s access of the CPU to the dma-buf: %s",
                    point == DMA_BUF_SYNC_START ? "begin" : "end",
                    errno == ENOTTY ? "the descriptor is no dma-buf" : g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

gboolean
vdmabuf_map_begin(VdmabufMap *self, GError **error)
{
    return map_sync(self, DMA_BUF_SYNC_START, error);
}

gboolean
vdmabuf_map_end(VdmabufMap *self, GError **error)
{
    return map_sync(self, DMA_BUF_SYNC_END, error);
}
