/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dma-bufs that one plane has shown of late, so that a swapchain is registered with the
 * host once. They are told apart by their inode: a framebuffer's id is given to
 * another one after RmFB, an inode of a dma-buf that is held open is not.
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>
#include <vdmabuf.h>

G_BEGIN_DECLS

/**
 * VdmabufScanoutBuffer:
 * @inode: of the dma-buf
 * @fd: the dma-buf, owned
 * @size: in bytes
 * @registered: whether the host knows it, as @id
 * @outstanding: whether a frame of it, @sequence, has not been released
 * @refused: whether exporting it failed for good
 * @retired: of a ring: not to be drawn into again
 * @map: (nullable): where a copy is made
 * @frame: what is in it, of the last copy
 * @used: when it was last shown, CLOCK_MONOTONIC in microseconds
 */
typedef struct {
    guint64 inode;
    int fd;
    guint64 size;
    gboolean registered;
    struct vdmabuf_id id;
    gboolean outstanding;
    guint64 sequence;
    gboolean refused;
    gboolean retired;
    VdmabufMap *map;
    struct vdmabuf_frame frame;
    gint64 used;
} VdmabufScanoutBuffer;

/* Takes @fd. */
VdmabufScanoutBuffer *vdmabuf_scanout_buffer_new(guint64 inode, int fd, guint64 size);
void vdmabuf_scanout_buffer_free(VdmabufScanoutBuffer *self);

/* Called before a buffer is freed, to take it back from the host. */
typedef void (*VdmabufScanoutDropFunc)(VdmabufScanoutBuffer *buffer, gpointer data);

typedef struct _VdmabufScanoutCache VdmabufScanoutCache;

VdmabufScanoutCache *vdmabuf_scanout_cache_new(guint limit, VdmabufScanoutDropFunc drop,
                                               gpointer data);
void vdmabuf_scanout_cache_free(VdmabufScanoutCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufScanoutCache, vdmabuf_scanout_cache_free)

VdmabufScanoutBuffer *vdmabuf_scanout_cache_find(VdmabufScanoutCache *self, guint64 inode);
VdmabufScanoutBuffer *vdmabuf_scanout_cache_find_id(VdmabufScanoutCache *self,
                                                    const struct vdmabuf_id *id);
/* Takes @buffer. */
void vdmabuf_scanout_cache_add(VdmabufScanoutCache *self, VdmabufScanoutBuffer *buffer);
/**
 * vdmabuf_scanout_cache_trim:
 * @keep: (nullable): the buffer that is shown
 * @before: those not shown since then go, however few there are; 0 for none
 *
 * Drops what is over the limit, least recently used first; never @keep, nor
 * a buffer whose frame is outstanding.
 */
void vdmabuf_scanout_cache_trim(VdmabufScanoutCache *self, const VdmabufScanoutBuffer *keep,
                                gint64 before);
/* Drops one buffer now, whatever its state. */
void vdmabuf_scanout_cache_remove(VdmabufScanoutCache *self, VdmabufScanoutBuffer *buffer);
guint vdmabuf_scanout_cache_size(VdmabufScanoutCache *self);
guint vdmabuf_scanout_cache_outstanding(VdmabufScanoutCache *self);
VdmabufScanoutBuffer *vdmabuf_scanout_cache_nth(VdmabufScanoutCache *self, guint n);

G_END_DECLS
