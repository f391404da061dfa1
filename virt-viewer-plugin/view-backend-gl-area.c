/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EGL on Wayland: there a GtkGLArea's context is one of EGL, and imports dma-bufs. */
#include <gdk/gdk.h>
#ifdef GDK_WINDOWING_WAYLAND
#include <gdk/gdkwayland.h>
#endif

#include "view-backend.h"

typedef struct {
    ViewBackend base;
    ViewGl *gl;
    EGLDisplay display;
    GError *failure; /* why there is no @gl */
} AreaBackend;

#define AREA(self) GTK_GL_AREA((self)->base.widget)

static void
area_realized(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    AreaBackend *self = data;

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
    AreaBackend *self = data;

    if (self->gl == NULL)
        return;
    gtk_gl_area_make_current(AREA(self));
    view_gl_free(self->gl, gtk_gl_area_get_error(AREA(self)) == NULL);
    self->gl = NULL;
}

static gboolean
area_render(GtkGLArea *area, G_GNUC_UNUSED GdkGLContext *context, gpointer data)
{
    AreaBackend *self = data;
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

/* It may be called while GTK draws with this context, or out of the blue. */
static gboolean
area_make_current(AreaBackend *self, GError **error)
{
    gtk_widget_realize(self->base.widget);
    if (self->gl != NULL) {
        gtk_gl_area_make_current(AREA(self));
        return TRUE;
    }
    if (self->failure != NULL && error != NULL)
        *error = g_error_copy(self->failure);
    else
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "There is no EGL here");
    return FALSE;
}

static gboolean
area_prepare(ViewBackend *backend, VdmabufPicture *picture, GError **error)
{
    AreaBackend *self = (AreaBackend *) backend;

    return area_make_current(self, error) && view_gl_import(self->gl, picture, error);
}

static ViewProof
area_prove(ViewBackend *backend, VdmabufPicture *picture)
{
    AreaBackend *self = (AreaBackend *) backend;

    return area_make_current(self, NULL) ? view_proof(self->gl, picture) : VIEW_PROOF_UNDECIDED;
}

static gboolean
area_read(ViewBackend *backend, VdmabufPicture *picture, cairo_surface_t *surface, GError **error)
{
    AreaBackend *self = (AreaBackend *) backend;

    return area_make_current(self, error) &&
           view_gl_read_surface(self->gl, picture, surface, error);
}

static void
area_queue_draw(ViewBackend *backend, G_GNUC_UNUSED const cairo_rectangle_int_t *area)
{
    gtk_gl_area_queue_render(GTK_GL_AREA(backend->widget));
}

static void
area_forget(ViewBackend *backend, VdmabufBuffer *buffer)
{
    AreaBackend *self = (AreaBackend *) backend;

    if (self->gl == NULL)
        return;
    gtk_gl_area_make_current(AREA(self));
    view_gl_forget(self->gl, buffer);
}

static guint
area_get_n_images(ViewBackend *backend)
{
    AreaBackend *self = (AreaBackend *) backend;

    return self->gl != NULL ? view_gl_get_n_images(self->gl) : 0;
}

static void
area_free(ViewBackend *backend)
{
    AreaBackend *self = (AreaBackend *) backend;

    g_clear_error(&self->failure);
    g_free(self);
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
        .prepare = area_prepare,
        .prove = area_prove,
        .read = area_read,
        .queue_draw = area_queue_draw,
        .forget = area_forget,
        .get_n_images = area_get_n_images,
        .free = area_free,
    };
    AreaBackend *self;

    if (!display_is_wayland())
        return NULL;

    self = g_new0(AreaBackend, 1);
    self->base.class = &class;
    self->base.host = *host;
    self->base.widget = gtk_gl_area_new();
    g_signal_connect(self->base.widget, "realize", G_CALLBACK(area_realized), self);
    g_signal_connect(self->base.widget, "unrealize", G_CALLBACK(area_unrealize), self);
    g_signal_connect(self->base.widget, "render", G_CALLBACK(area_render), self);
    return &self->base;
}
