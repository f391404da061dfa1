/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's device as the kernel has it, without a library in between. Functions named _errno give 0
 * or the errno of the system call; the others assert that it succeeds.
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

G_BEGIN_DECLS

#define PRODUCER_PAGE 4096

/* A file description of its own of the device; close(2) it */
int producer_open(void);

struct vdmabuf_info producer_info(int producer);

/* A new dma-buf of the driver's pages */
int producer_alloc(int producer, guint64 size, guint32 flags);
int producer_alloc_errno(int producer, guint64 size, guint32 flags);

/* A frame that is no picture, of output 0 */
struct vdmabuf_export producer_frame(int dmabuf);

/* Exports it and returns its id and sequence in @export */
void producer_export(int producer, struct vdmabuf_export *export);
int producer_export_errno(int producer, const struct vdmabuf_export *export);
int producer_unexport_errno(int producer, const struct vdmabuf_id *id);

/* The next event of this type, within a bound; those of other types before it are dropped */
struct vdmabuf_guest_event producer_await(int producer, guint32 type);

/* Takes a buffer back and waits until the host has let go of it */
void producer_unexport(int producer, const struct vdmabuf_id *id);

G_END_DECLS
