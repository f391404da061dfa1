/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What EGL and cairo have to be told of a frame, and whether its rows lie inside its buffer. */
#pragma once

#include <cairo.h>
#include <linux/vdmabuf.h>
#include <vdmabuf.h>

/* Values for eglCreateImage(), with the one that ends them */
#define VIEW_FORMAT_EGL_ATTRIBUTES (6 + VDMABUF_MAX_PLANES * 10 + 1)

/*
 * Checks what a GPU's driver, or the CPU in its place, is going to read. Linear pictures must have a
 * format whose rows are known; how large others are is known to the driver alone, which checks them.
 */
gboolean view_format_check(const struct vdmabuf_frame *frame, guint64 size, GError **error);

/*
 * Fills @attributes for eglCreateImage(EGL_LINUX_DMA_BUF_EXT); the format is the one without an
 * alpha channel. @modifiers: whether EGL_EXT_image_dma_buf_import_modifiers is there.
 *
 * Returns: %FALSE when the frame needs what is not there
 */
gboolean view_format_get_egl(const struct vdmabuf_frame *frame, int fd, gboolean modifiers,
                             gint32 attributes[VIEW_FORMAT_EGL_ATTRIBUTES], GError **error);

/*
 * Checks that the CPU can read the picture, and cairo can draw it: linear, one plane, a format of
 * common/format.h, not too large, and all rows inside the buffer.
 */
gboolean view_format_check_cpu(const struct vdmabuf_frame *frame, guint64 size, GError **error);
/*
 * The format of cairo that has the same pixels in memory, if cairo can use them where they are;
 * %CAIRO_FORMAT_INVALID when they have to be converted. The frame has passed the check above.
 */
cairo_format_t view_format_get_cairo(const struct vdmabuf_frame *frame);
/* Converts a part of the picture, seen upright, to cairo's RGB24. */
void view_format_convert(const struct vdmabuf_frame *frame, const guint8 *data,
                         const cairo_rectangle_int_t *part, guint8 *pixels, gsize stride);

/* "XR24", and with a modifier that is not linear "XR24, modifier 0x0100000000000002" */
char *view_format_describe(const struct vdmabuf_frame *frame);
