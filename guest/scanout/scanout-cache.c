/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-cache.h"

#include <unistd.h>

struct _VdmabufScanoutCache {
    guint limit;
    VdmabufScanoutDropFunc drop;
    gpointer data;
    GPtrArray *buffers; /* VdmabufScanoutBuffer; a handful, so a plain array */
};

VdmabufScanoutBuffer *
vdmabuf_scanout_buffer_new(guint64 inode, int fd, guint64 size)
{
    VdmabufScanoutBuffer *self = g_new0(VdmabufScanoutBuffer, 1);

    self->inode = inode;
    self->fd = fd;
    self->size = size;
    return self;
}

void
vdmabuf_scanout_buffer_free(VdmabufScanoutBuffer *self)
{
    if (self == NULL)
        return;
    g_clear_pointer(&self->map, vdmabuf_map_free);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

VdmabufScanoutCache *
vdmabuf_scanout_cache_new(guint limit, VdmabufScanoutDropFunc drop, gpointer data)
{
    VdmabufScanoutCache *self = g_new0(VdmabufScanoutCache, 1);

    self->limit = limit;
    self->drop = drop;
    self->data = data;
    self->buffers = g_ptr_array_new();
    return self;
}

static void
drop_index(VdmabufScanoutCache *self, guint index)
{
    VdmabufScanoutBuffer *buffer = g_ptr_array_remove_index(self->buffers, index);

    if (self->drop != NULL)
        self->drop(buffer, self->data);
    vdmabuf_scanout_buffer_free(buffer);
}

void
vdmabuf_scanout_cache_free(VdmabufScanoutCache *self)
{
    if (self == NULL)
        return;
    while (self->buffers->len > 0)
        drop_index(self, self->buffers->len - 1);
    g_ptr_array_unref(self->buffers);
    g_free(self);
}

VdmabufScanoutBuffer *
vdmabuf_scanout_cache_find(VdmabufScanoutCache *self, guint64 inode)
{
    for (guint i = 0; i < self->buffers->len; i++) {
        VdmabufScanoutBuffer *buffer = g_ptr_array_index(self->buffers, i);

        if (buffer->inode == inode)
            return buffer;
    }
    return NULL;
}

VdmabufScanoutBuffer *
vdmabuf_scanout_cache_find_id(VdmabufScanoutCache *self, const struct vdmabuf_id *id)
{
    for (guint i = 0; i < self->buffers->len; i++) {
        VdmabufScanoutBuffer *buffer = g_ptr_array_index(self->buffers, i);

        if (buffer->registered && vdmabuf_id_equal(&buffer->id, id))
            return buffer;
    }
    return NULL;
}

void
vdmabuf_scanout_cache_add(VdmabufScanoutCache *self, VdmabufScanoutBuffer *buffer)
{
    g_ptr_array_add(self->buffers, buffer);
}

void
vdmabuf_scanout_cache_trim(VdmabufScanoutCache *self, const VdmabufScanoutBuffer *keep,
                           gint64 before)
{
    for (;;) {
        guint oldest = G_MAXUINT;

        for (guint i = 0; i < self->buffers->len; i++) {
            const VdmabufScanoutBuffer *buffer = g_ptr_array_index(self->buffers, i);
            const VdmabufScanoutBuffer *best;

            if (buffer == keep || buffer->outstanding)
                continue;
            best = oldest == G_MAXUINT ? NULL : g_ptr_array_index(self->buffers, oldest);
            if (best == NULL || buffer->used < best->used)
                oldest = i;
        }
        if (oldest == G_MAXUINT)
            return;
        if (self->buffers->len <= self->limit) {
            const VdmabufScanoutBuffer *buffer = g_ptr_array_index(self->buffers, oldest);

            if (buffer->used >= before)
                return;
        }
        drop_index(self, oldest);
    }
}

void
vdmabuf_scanout_cache_remove(VdmabufScanoutCache *self, VdmabufScanoutBuffer *buffer)
{
    guint index;

    if (g_ptr_array_find(self->buffers, buffer, &index))
        drop_index(self, index);
}

guint
vdmabuf_scanout_cache_size(VdmabufScanoutCache *self)
{
    return self->buffers->len;
}

guint
vdmabuf_scanout_cache_outstanding(VdmabufScanoutCache *self)
{
    guint count = 0;

    for (guint i = 0; i < self->buffers->len; i++) {
        const VdmabufScanoutBuffer *buffer = g_ptr_array_index(self->buffers, i);

        count += buffer->outstanding ? 1 : 0;
    }
    return count;
}

VdmabufScanoutBuffer *
vdmabuf_scanout_cache_nth(VdmabufScanoutCache *self, guint n)
{
    return n < self->buffers->len ? g_ptr_array_index(self->buffers, n) : NULL;
}
