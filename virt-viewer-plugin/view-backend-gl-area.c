/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EGL on Wayland: there a GtkGLArea's context is one of EGL, and imports dma-bufs. */
#include <gdk/gdk.h>
#ifdef GDK_WINDOWING_WAYLAND
#include <gdk/gdkwayland.h>
#endif

#include "view-backend-gl.h"

#define AREA(self) GTK_GL_AREA((self)->base.widget)

static void
area_open(ViewBackendGl *self)
{
    gtk_widget_realize(self->base.widget);
}

/* It may be called while GTK draws with this context, or out of the blue. */
static void
area_enter(ViewBackendGl *self)
{
    gtk_gl_area_make_current(AREA(self));
}

/* GTK makes current what it needs. */
static void
area_leave(G_GNUC_UNUSED ViewBackendGl *self)
{
}

static void
area_realized(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    ViewBackendGl *self = data;

    g_clear_error(&self->failure);
    gtk_gl_area_make_current(AREA(self));
    if (gtk_gl_area_get_error(AREA(self)) != NULL) {
        self->failure = g_error_copy(gtk_gl_area_get_error(AREA(self)));
        g_prefix_error(&self->failure, "GTK has no OpenGL here: ");
        return;
    }
    self->display = eglGetCurrentDisplay();
    if (self->display == EGL_NO_DISPLAY) {
        g_set_error(&self->failure, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "GTK's OpenGL is not one of EGL here");
        return;
    }
    self->gl = view_gl_new(self->display, &self->failure);
}

static void
area_unrealize(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    ViewBackendGl *self = data;

    if (self->gl == NULL)
        return;
    gtk_gl_area_make_current(AREA(self));
    view_gl_free(self->gl, gtk_gl_area_get_error(AREA(self)) == NULL);
    self->gl = NULL;
}

static gboolean
area_render(GtkGLArea *area, G_GNUC_UNUSED GdkGLContext *context, gpointer data)
{
    ViewBackendGl *self = data;
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(area));
    ViewScene scene;

    if (self->gl == NULL)
        return FALSE;

    self->base.host.begin(self->base.host.view, &self->base,
                          gtk_widget_get_allocated_width(GTK_WIDGET(area)) * scale,
                          gtk_widget_get_allocated_height(GTK_WIDGET(area)) * scale, &scene);
    view_gl_draw(self->gl, &scene);
    self->base.host.end(self->base.host.view, &self->base, view_fence_new(self->display));
    return TRUE;
}

static void
area_queue_draw(ViewBackend *backend, G_GNUC_UNUSED const cairo_rectangle_int_t *area)
{
    gtk_gl_area_queue_render(GTK_GL_AREA(backend->widget));
}

static gboolean
display_is_wayland(void)
{
#ifdef GDK_WINDOWING_WAYLAND
    return GDK_IS_WAYLAND_DISPLAY(gdk_display_get_default());
#else
    return FALSE;
#endif
}

ViewBackend *
view_backend_gl_area_new(const ViewBackendHost *host)
{
    static const ViewBackendClass class = {
        .path = VDMABUF_VIEW_PATH_EGL_WAYLAND,
        .prepare = view_backend_gl_prepare,
        .prove = view_backend_gl_prove,
        .read = view_backend_gl_read,
        .queue_draw = area_queue_draw,
        .forget = view_backend_gl_forget,
        .get_n_images = view_backend_gl_get_n_images,
        .free = view_backend_gl_free,
    };
    ViewBackendGl *self;

    if (!display_is_wayland())
        return NULL;

    self = g_new0(ViewBackendGl, 1);
    self->base.class = &class;
    self->base.host = *host;
    self->base.widget = gtk_gl_area_new();
    self->open = area_open;
    self->enter = area_enter;
    self->leave = area_leave;
    g_signal_connect(self->base.widget, "realize", G_CALLBACK(area_realized), self);
    g_signal_connect(self->base.widget, "unrealize", G_CALLBACK(area_unrealize), self);
    g_signal_connect(self->base.widget, "render", G_CALLBACK(area_render), self);
    return &self->base;
}
