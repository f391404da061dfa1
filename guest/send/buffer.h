/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A buffer of vdmabuf-send: a dma-buf, and what has become of its frame. */
#pragma once

#include "vdmabuf.h"

typedef struct {
    int fd;
    guint64 size;
    VdmabufMap *map;

    /* Of its last frame */
    gboolean outstanding;
    struct vdmabuf_id id;
    guint64 sequence;
    char *sha256; /* when it was exported; %NULL if nobody wanted to know */
} Buffer;

/* Memory of the vdmabuf driver, VDMABUF_ALLOC_* in @flags */
Buffer *buffer_new_alloc(VdmabufProducer *producer, guint64 size, guint32 flags, GError **error);
/* Memory of a memfd, through /dev/udmabuf */
Buffer *buffer_new_udmabuf(guint64 size, GError **error);
/* A dma-buf that somebody else has made; @fd stays the caller's. It is only read. */
Buffer *buffer_new_for_fd(int fd, GError **error);
void buffer_free(Buffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Buffer, buffer_free)

/* SHA-256 of the first @size bytes, as hexadecimal digits */
char *buffer_get_sha256(Buffer *self, guint64 size, GError **error);
