/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is drawn above a picture: the guest's cursor, and the program's overlay. */
#pragma once

#include <gtk/gtk.h>

#include "vdmabuf-view.h"
#include "view-gl.h"

typedef struct {
    gboolean draw_cursor;
    cairo_surface_t *cursor; /* %NULL while the guest has none */
    guint64 cursor_serial;
    cairo_rectangle_int_t cursor_area; /* where it was drawn last; empty when it was not */

    VdmabufViewOverlayFunc overlay_func;
    gpointer overlay_data;
    GDestroyNotify overlay_destroy;
    cairo_surface_t *overlay;
    guint64 overlay_serial;
    gboolean overlay_old; /* it has to be drawn again */
} ViewLayers;

void view_layers_clear(ViewLayers *self);

/* @cursor: (nullable). Returns whether its picture is another one. */
gboolean view_layers_set_cursor(ViewLayers *self, const VdmabufCursor *cursor);
/* Where it is, in pixels of the screen; empty when it is not drawn */
void view_layers_place_cursor(ViewLayers *self, const VdmabufCursor *cursor, const ViewFit *fit,
                              cairo_rectangle_int_t *area);
/*
 * The cursor as a pointer of @display. @scale: pixels of the screen for one of the guest;
 * @device: for one of the widget. (transfer full) (nullable)
 */
GdkCursor *view_layers_make_pointer(ViewLayers *self, const VdmabufCursor *cursor,
                                    GdkDisplay *display, double scale, int device);

void view_layers_set_overlay(ViewLayers *self, VdmabufViewOverlayFunc func, gpointer data,
                             GDestroyNotify destroy);

/* Fills in the layers of @scene, which has all the rest. @device as above */
void view_layers_fill(ViewLayers *self, VdmabufView *view, const VdmabufCursor *cursor, int device,
                      ViewScene *scene);
