/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A GTK 3 widget that shows one output of a guest.
 *
 * The picture is fitted into the widget, keeping its shape, in the middle; the rest is black. It is
 * drawn when GDK's frame clock says so, from the guest's own pages: by EGL where that can import
 * them and has proved so, otherwise through a mapping by cairo. The frame goes back to the guest
 * when the next one is drawn and nothing reads it any more.
 *
 * Events: the widget is a GtkEventBox whose window is above its child. Connect to its own
 * "button-press-event" and so on; coordinates are the widget's. It can take the focus.
 */
#pragma once

#include <gtk/gtk.h>
#include <vdmabuf-stream.h>

G_BEGIN_DECLS

/**
 * VdmabufViewPath:
 * @VDMABUF_VIEW_PATH_NONE: nothing has been drawn yet
 * @VDMABUF_VIEW_PATH_EGL_WAYLAND: imported, drawn in a GtkGLArea
 * @VDMABUF_VIEW_PATH_EGL_X11: imported, drawn through an EGL display of the view's own
 * @VDMABUF_VIEW_PATH_CPU: mapped, drawn by cairo
 *
 * The way from the guest's pages to the screen. It can change with the format of the picture.
 */
typedef enum {
    VDMABUF_VIEW_PATH_NONE,
    VDMABUF_VIEW_PATH_EGL_WAYLAND,
    VDMABUF_VIEW_PATH_EGL_X11,
    VDMABUF_VIEW_PATH_CPU,
} VdmabufViewPath;

/**
 * VdmabufViewStats:
 * @shown: pictures drawn, each counted once
 * @draws: drawing in all, the same picture again included
 * @images: GL images kept, one per buffer of the guest
 * @held: pictures that the guest has not got back yet because of this view
 */
typedef struct {
    guint64 shown;
    guint64 draws;
    guint images;
    guint held;
} VdmabufViewStats;

/* So many frames are remembered by vdmabuf_view_get_history() */
#define VDMABUF_VIEW_HISTORY 240

/**
 * VdmabufView:
 *
 * Signals:
 *   "picture" (VdmabufView *)        a picture was shown for the first time (the overlay may want
 *                                    to know; emitted after drawing)
 *   "cursor-changed" (VdmabufView *) for vdmabuf_view_get_gdk_cursor(): the cursor's picture or
 *                                    visibility, or the scale; not when it only moved
 *
 * Property: "problem", with notification.
 */
#define VDMABUF_TYPE_VIEW (vdmabuf_view_get_type())
G_DECLARE_FINAL_TYPE(VdmabufView, vdmabuf_view, VDMABUF, VIEW, GtkEventBox)

/* @output: (nullable) */
GtkWidget *vdmabuf_view_new(VdmabufOutput *output);
void vdmabuf_view_set_output(VdmabufView *self, VdmabufOutput *output);
VdmabufOutput *vdmabuf_view_get_output(VdmabufView *self);

/* Whether a picture is held, and can be drawn and saved */
gboolean vdmabuf_view_has_picture(VdmabufView *self);
/* (transfer none) (nullable): of the picture that is shown; its format, modifier, flags */
const struct vdmabuf_frame *vdmabuf_view_get_frame(VdmabufView *self);
/* (transfer full) (nullable): the picture that is shown, in its own size, upright and opaque */
GdkPixbuf *vdmabuf_view_get_pixbuf(VdmabufView *self, GError **error);

VdmabufViewPath vdmabuf_view_get_path(VdmabufView *self);
/* "EGL on Wayland", "EGL on X11", "CPU", or "none" */
const char *vdmabuf_view_get_import_path(VdmabufView *self);
/* Why it is not EGL, as a sentence; %NULL when it is, or nothing was drawn. */
const char *vdmabuf_view_get_path_reason(VdmabufView *self);
/*
 * Why the guest's pictures cannot be shown in any way (their format, their modifier), as a sentence;
 * %NULL when they can. The view is black then, and takes and gives back frames all the same.
 */
const char *vdmabuf_view_get_problem(VdmabufView *self);

/* Where the picture is, in the widget's coordinates; %FALSE without one. */
gboolean vdmabuf_view_get_area(VdmabufView *self, GdkRectangle *area);
/*
 * A place of the widget as a pixel of the guest's output; kept inside the output. Returns whether
 * it was inside; *@x and *@y are 0 without a picture.
 */
gboolean vdmabuf_view_to_guest(VdmabufView *self, double widget_x, double widget_y, int *x, int *y);

/*
 * Whether the guest's cursor is drawn into the picture, where the guest has it (the default), or
 * left to the caller, who then gives vdmabuf_view_get_gdk_cursor() to the window.
 */
void vdmabuf_view_set_draw_cursor(VdmabufView *self, gboolean draw);
/*
 * (transfer full) (nullable): the guest's cursor, scaled as the picture is, its hot spot right; an
 * empty cursor while the guest hides it, %NULL while the guest has none of its own.
 */
GdkCursor *vdmabuf_view_get_gdk_cursor(VdmabufView *self);

/**
 * VdmabufViewOverlayFunc:
 * @cr: in the widget's coordinates, transparent
 *
 * Draws above the picture and the cursor. A widget above the view (GtkOverlay) would be hidden by
 * it where it has a window of its own.
 */
typedef void (*VdmabufViewOverlayFunc)(VdmabufView *self, cairo_t *cr, int width, int height,
                                       gpointer data);
/* @func: %NULL for none; called when the size changes and after vdmabuf_view_queue_overlay() */
void vdmabuf_view_set_overlay(VdmabufView *self, VdmabufViewOverlayFunc func, gpointer data,
                              GDestroyNotify destroy);
/* Calls the function again when the next frame is drawn. */
void vdmabuf_view_queue_overlay(VdmabufView *self);

void vdmabuf_view_get_stats(VdmabufView *self, VdmabufViewStats *stats);
/*
 * The ways of the last frames that were shown, oldest first, at most @max of them. @presented is
 * filled in later than the rest.
 *
 * Returns: how many were written
 */
guint vdmabuf_view_get_history(VdmabufView *self, VdmabufTimes *times, guint max);

G_END_DECLS
