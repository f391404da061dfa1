/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* The kernel's virtual GEM device. Functions that fail set errno and give -1 or FALSE. */

/* A file descriptor of the device; ENODEV where the module vgem is not loaded */
int vgem_open(void);

/* A new buffer of so many bytes as a dma-buf; its handle is for vgem_fence_attach(). */
int vgem_buffer_new(int vgem, guint64 size, guint32 *handle);

/* The buffer is being written to from now on, until the fence is signalled. The kernel does that
 * by itself after ten seconds, and when vgem is closed. */
gboolean vgem_fence_attach(int vgem, guint32 handle, guint32 *fence);
gboolean vgem_fence_signal(int vgem, guint32 fence);
