/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-layers.h"

#include <math.h>
#include <string.h>

void
view_layers_clear(ViewLayers *self)
{
    view_layers_set_overlay(self, NULL, NULL, NULL);
    g_clear_pointer(&self->cursor, cairo_surface_destroy);
    g_clear_pointer(&self->overlay, cairo_surface_destroy);
}

/* --- Cursor --- */

static cairo_surface_t *
make_cursor(const VdmabufCursor *cursor)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int) cursor->width, (int) cursor->height);

    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(surface);
        return NULL;
    }
    /* Rows of this format have nothing behind them, in the surface as in the bytes. */
    memcpy(cairo_image_surface_get_data(surface), g_bytes_get_data(cursor->pixels, NULL),
           g_bytes_get_size(cursor->pixels));
    cairo_surface_mark_dirty(surface);
    return surface;
}

gboolean
view_layers_set_cursor(ViewLayers *self, const VdmabufCursor *cursor)
{
    gboolean had = self->cursor != NULL;
    gboolean has = cursor != NULL && cursor->pixels != NULL;

    if (had && has && self->cursor_serial == cursor->serial)
        return FALSE;

    g_clear_pointer(&self->cursor, cairo_surface_destroy);
    if (has) {
        self->cursor_serial = cursor->serial;
        self->cursor = make_cursor(cursor);
    }
    return had || has;
}

void
view_layers_place_cursor(ViewLayers *self, const VdmabufCursor *cursor, const ViewFit *fit,
                         cairo_rectangle_int_t *area)
{
    double scale_x, scale_y;

    *area = (cairo_rectangle_int_t) {0};
    if (!self->draw_cursor || self->cursor == NULL || cursor == NULL || !cursor->visible ||
        view_fit_is_empty(fit))
        return;

    scale_x = (double) fit->area.width / fit->width;
    scale_y = (double) fit->area.height / fit->height;
    area->width = MAX((int) (cursor->width * scale_x + 0.5), 1);
    area->height = MAX((int) (cursor->height * scale_y + 0.5), 1);
    /* A guest may say any place; what is far outside is outside. */
    area->x = fit->area.x + (int) floor(CLAMP(((double) cursor->x - cursor->hot_x) * scale_x,
                                              -area->width, fit->area.width));
    area->y = fit->area.y + (int) floor(CLAMP(((double) cursor->y - cursor->hot_y) * scale_y,
                                              -area->height, fit->area.height));
}

GdkCursor *
view_layers_make_pointer(ViewLayers *self, const VdmabufCursor *cursor, GdkDisplay *display,
                         double scale, int device)
{
    cairo_surface_t *surface;
    GdkCursor *pointer;
    int width, height;
    cairo_t *cr;

    if (self->cursor == NULL || cursor == NULL)
        return NULL;
    if (!cursor->visible)
        return gdk_cursor_new_for_display(display, GDK_BLANK_CURSOR);

    width = MAX((int) ceil(cursor->width * scale), 1);
    height = MAX((int) ceil(cursor->height * scale), 1);
    surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    cr = cairo_create(surface);
    cairo_scale(cr, (double) width / cursor->width, (double) height / cursor->height);
    cairo_set_source_surface(cr, self->cursor, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr),
                             scale == floor(scale) ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_set_device_scale(surface, device, device);
    pointer = gdk_cursor_new_from_surface(display, surface,
                                          CLAMP(cursor->hot_x * scale, 0, width - 1) / device,
                                          CLAMP(cursor->hot_y * scale, 0, height - 1) / device);
    cairo_surface_destroy(surface);
    return pointer;
}

/* --- Overlay --- */

void
view_layers_set_overlay(ViewLayers *self, VdmabufViewOverlayFunc func, gpointer data,
                        GDestroyNotify destroy)
{
    if (self->overlay_destroy != NULL)
        self->overlay_destroy(self->overlay_data);
    self->overlay_func = func;
    self->overlay_data = data;
    self->overlay_destroy = destroy;
    self->overlay_old = TRUE;
}

static void
update_overlay(ViewLayers *self, VdmabufView *view, int width, int height, int device)
{
    cairo_t *cr;

    if (self->overlay != NULL &&
        (self->overlay_func == NULL || cairo_image_surface_get_width(self->overlay) != width ||
         cairo_image_surface_get_height(self->overlay) != height))
        g_clear_pointer(&self->overlay, cairo_surface_destroy);
    if (self->overlay_func == NULL || (self->overlay != NULL && !self->overlay_old))
        return;

    if (self->overlay == NULL)
        self->overlay = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    cr = cairo_create(self->overlay);
    cairo_set_operator(cr, CAIRO_OPERATOR_CLEAR);
    cairo_paint(cr);
    cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
    cairo_scale(cr, device, device);
    self->overlay_old = FALSE;
    self->overlay_serial++;
    self->overlay_func(view, cr, width / device, height / device, self->overlay_data);
    cairo_destroy(cr);
}

void
view_layers_fill(ViewLayers *self, VdmabufView *view, const VdmabufCursor *cursor, int device,
                 ViewScene *scene)
{
    update_overlay(self, view, scene->width, scene->height, device);
    view_layers_place_cursor(self, cursor, &scene->fit, &self->cursor_area);

    if (self->cursor_area.width > 0)
        scene->layers[VIEW_LAYER_CURSOR] =
            (ViewLayer) {self->cursor, self->cursor_serial, self->cursor_area};
    if (self->overlay != NULL)
        scene->layers[VIEW_LAYER_OVERLAY] =
            (ViewLayer) {self->overlay, self->overlay_serial, {0, 0, scene->width, scene->height}};
}
