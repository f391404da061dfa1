/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a picture goes inside a widget. Sizes are in pixels of the screen unless said otherwise. */
#pragma once

#include <cairo.h>
#include <glib.h>
#include <linux/vdmabuf.h>

typedef struct {
    cairo_rectangle_int_t area; /* of the picture, inside the widget */
    guint32 width;              /* of the picture itself */
    guint32 height;
} ViewFit;

/*
 * Fits a picture into a widget, keeping its shape, in the middle. A whole multiple of the picture's
 * size that is a pixel or two away is taken, so that pixels stay pixels.
 */
void view_fit_init(ViewFit *self, int widget_width, int widget_height, guint32 width,
                   guint32 height);
gboolean view_fit_is_empty(const ViewFit *self);
/* Whether each pixel of the picture becomes a square of whole pixels: then nothing is smoothed. */
gboolean view_fit_is_integral(const ViewFit *self);

/* A place in the widget as a pixel of the picture, kept inside; whether it was inside. */
gboolean view_fit_to_picture(const ViewFit *self, double x, double y, int *picture_x,
                             int *picture_y);
/*
 * A part of the picture, which may reach out of it, as the pixels of the widget that have to be
 * drawn anew, neighbours that smoothing mixes in included.
 */
void view_fit_from_picture(const ViewFit *self, double x, double y, double width, double height,
                           cairo_rectangle_int_t *rect);
/* The same, for damage that a guest has sent */
void view_fit_damage(const ViewFit *self, const struct vdmabuf_rect *damage,
                     cairo_rectangle_int_t *rect);
