/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mapping of the guest's pages, drawn by cairo: works everywhere, and is a copy. */
#include "view-backend.h"
#include "view-format.h"

typedef struct {
    ViewBackend base;
    /* For formats that cairo does not have: converted here */
    cairo_surface_t *converted;
    VdmabufPicture *of; /* what is in it; not a reference, only to be compared */
    guint64 sequence;   /* of that */
} CairoBackend;

static gboolean
cairo_backend_prepare(ViewBackend *backend, VdmabufPicture *picture, GError **error)
{
    CairoBackend *self = (CairoBackend *) backend;
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);

    self->of = NULL;
    return view_format_check_cpu(vdmabuf_picture_get_frame(picture),
                                 vdmabuf_buffer_get_size(buffer), error) &&
           vdmabuf_buffer_get_map(buffer, error) != NULL;
}

static cairo_surface_t *
cairo_backend_convert(CairoBackend *self, VdmabufPicture *picture, const guint8 *data)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    const cairo_rectangle_int_t all = {0, 0, (int) frame->width, (int) frame->height};

    if (self->of == picture)
        return cairo_surface_reference(self->converted);

    if (self->converted == NULL || cairo_image_surface_get_width(self->converted) != all.width ||
        cairo_image_surface_get_height(self->converted) != all.height) {
        g_clear_pointer(&self->converted, cairo_surface_destroy);
        self->converted = cairo_image_surface_create(CAIRO_FORMAT_RGB24, all.width, all.height);
    }
    if (cairo_surface_status(self->converted) == CAIRO_STATUS_SUCCESS) {
        cairo_surface_flush(self->converted);
        view_format_convert(frame, data, &all, cairo_image_surface_get_data(self->converted),
                            (gsize) cairo_image_surface_get_stride(self->converted));
        cairo_surface_mark_dirty(self->converted);
        self->of = picture;
    }
    return cairo_surface_reference(self->converted);
}

/* The mapping itself, or a converted copy; @flip: whether its rows still have to be turned round */
static cairo_surface_t *
cairo_backend_get_surface(CairoBackend *self, VdmabufPicture *picture, guint8 *data, gboolean *flip)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    cairo_format_t format = view_format_get_cairo(frame);

    *flip = FALSE;
    if (format == CAIRO_FORMAT_INVALID)
        return cairo_backend_convert(self, picture, data);
    *flip = (frame->flags & VDMABUF_FRAME_Y_INVERTED) != 0;
    return cairo_image_surface_create_for_data(data + frame->planes[0].offset, format,
                                               (int) frame->width, (int) frame->height,
                                               (int) frame->planes[0].stride);
}

/* @cr is in pixels of the screen. */
static void
cairo_backend_draw_picture(CairoBackend *self, cairo_t *cr, const ViewScene *scene)
{
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(scene->picture);
    VdmabufMap *map = vdmabuf_buffer_get_map(buffer, NULL);
    const ViewFit *fit = &scene->fit;
    cairo_surface_t *surface;
    gboolean flip;

    if (map == NULL || !vdmabuf_map_begin(map, NULL))
        return;

    surface = cairo_backend_get_surface(self, scene->picture, vdmabuf_map_get_data(map), &flip);
    cairo_save(cr);
    cairo_translate(cr, fit->area.x, fit->area.y);
    cairo_rectangle(cr, 0, 0, fit->area.width, fit->area.height);
    cairo_clip(cr);
    cairo_scale(cr, (double) fit->area.width / fit->width, (double) fit->area.height / fit->height);
    if (flip) {
        cairo_translate(cr, 0, fit->height);
        cairo_scale(cr, 1, -1);
    }
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), view_fit_is_integral(fit)
                                                       ? CAIRO_FILTER_NEAREST
                                                       : CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_paint(cr);
    cairo_restore(cr);

    /* Nobody reads the guest's pages through it after the release. */
    if (surface != self->converted)
        cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    vdmabuf_map_end(map, NULL);
}

static void
draw_layer(cairo_t *cr, const ViewLayer *layer, const ViewScene *scene, gboolean clip)
{
    double width = cairo_image_surface_get_width(layer->surface);
    double height = cairo_image_surface_get_height(layer->surface);
    const cairo_rectangle_int_t *area = &scene->fit.area;

    cairo_save(cr);
    if (clip) {
        cairo_rectangle(cr, area->x, area->y, area->width, area->height);
        cairo_clip(cr);
    }
    cairo_translate(cr, layer->area.x, layer->area.y);
    cairo_scale(cr, layer->area.width / width, layer->area.height / height);
    cairo_set_source_surface(cr, layer->surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), view_fit_is_integral(&scene->fit)
                                                       ? CAIRO_FILTER_NEAREST
                                                       : CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_restore(cr);
}

static gboolean
cairo_backend_draw(GtkWidget *widget, cairo_t *cr, gpointer data)
{
    CairoBackend *self = data;
    int scale = gtk_widget_get_scale_factor(widget);
    ViewScene scene;

    self->base.host.begin(self->base.host.view, &self->base,
                          gtk_widget_get_allocated_width(widget) * scale,
                          gtk_widget_get_allocated_height(widget) * scale, &scene);

    cairo_save(cr);
    cairo_scale(cr, 1.0 / scale, 1.0 / scale);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_paint(cr);
    if (scene.picture != NULL && !view_fit_is_empty(&scene.fit))
        cairo_backend_draw_picture(self, cr, &scene);
    for (guint i = 0; i < VIEW_N_LAYERS; i++) {
        if (scene.layers[i].surface != NULL)
            draw_layer(cr, &scene.layers[i], &scene, i == VIEW_LAYER_CURSOR);
    }
    cairo_restore(cr);

    self->base.host.end(self->base.host.view, &self->base, NULL);
    return TRUE;
}

static gboolean
cairo_backend_read(G_GNUC_UNUSED ViewBackend *backend, VdmabufPicture *picture,
                   cairo_surface_t *surface, GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    const cairo_rectangle_int_t all = {0, 0, (int) frame->width, (int) frame->height};
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);
    VdmabufMap *map;

    if (!view_format_check_cpu(frame, vdmabuf_buffer_get_size(buffer), error))
        return FALSE;
    map = vdmabuf_buffer_get_map(buffer, error);
    if (map == NULL || !vdmabuf_map_begin(map, error))
        return FALSE;
    cairo_surface_flush(surface);
    view_format_convert(frame, vdmabuf_map_get_data(map), &all,
                        cairo_image_surface_get_data(surface),
                        (gsize) cairo_image_surface_get_stride(surface));
    cairo_surface_mark_dirty(surface);
    vdmabuf_map_end(map, NULL);
    return TRUE;
}

static void
cairo_backend_queue_draw(ViewBackend *backend, const cairo_rectangle_int_t *area)
{
    if (area == NULL)
        gtk_widget_queue_draw(backend->widget);
    else
        gtk_widget_queue_draw_area(backend->widget, area->x, area->y, area->width, area->height);
}

static void
cairo_backend_free(ViewBackend *backend)
{
    CairoBackend *self = (CairoBackend *) backend;

    g_clear_pointer(&self->converted, cairo_surface_destroy);
    g_free(self);
}

ViewBackend *
view_backend_cairo_new(const ViewBackendHost *host)
{
    static const ViewBackendClass class = {
        .path = VDMABUF_VIEW_PATH_CPU,
        .prepare = cairo_backend_prepare,
        .read = cairo_backend_read,
        .queue_draw = cairo_backend_queue_draw,
        .free = cairo_backend_free,
    };
    CairoBackend *self = g_new0(CairoBackend, 1);

    self->base.class = &class;
    self->base.host = *host;
    self->base.widget = gtk_drawing_area_new();
    g_signal_connect(self->base.widget, "draw", G_CALLBACK(cairo_backend_draw), self);
    return &self->base;
}
