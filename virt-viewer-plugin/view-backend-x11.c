/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EGL on X11. GTK's OpenGL is GLX there, which cannot import dma-bufs: so this is an EGL display on
 * GDK's X display, and a window of its own inside the program's.
 */
#include "view-backend.h"

#ifdef GDK_WINDOWING_X11
#include <gdk/gdkx.h>

typedef struct {
    ViewBackend base;
    gboolean set_up; /* tried, once */
    EGLDisplay display;
    EGLConfig config; /* NULL: there is no way */
    EGLContext context;
    EGLSurface surface;
    ViewGl *gl;
    GError *failure; /* why there is no @gl */
} X11Backend;

/* Which context was current: the program may have one of its own. */
typedef struct {
    EGLDisplay display;
    EGLContext context;
    EGLSurface draw, read;
    EGLenum api;
} Current;

/* --- Contexts --- */

static void
x11_enter(X11Backend *self, Current *before)
{
    before->display = eglGetCurrentDisplay();
    before->context = eglGetCurrentContext();
    before->draw = eglGetCurrentSurface(EGL_DRAW);
    before->read = eglGetCurrentSurface(EGL_READ);
    before->api = eglQueryAPI();

    /* A thread cannot have a context of GLX and one of EGL. GTK makes its own current again. */
    if (before->context == EGL_NO_CONTEXT)
        gdk_gl_context_clear_current();
    eglBindAPI(EGL_OPENGL_ES_API);
    eglMakeCurrent(self->display, self->surface, self->surface, self->context);
}

static void
x11_leave(X11Backend *self, const Current *before)
{
    if (before->context != EGL_NO_CONTEXT)
        eglMakeCurrent(before->display, before->draw, before->read, before->context);
    else
        eglMakeCurrent(self->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (before->api != EGL_NONE)
        eglBindAPI(before->api);
}

static gboolean
x11_open_display(X11Backend *self, GError **error)
{
    GdkDisplay *display = gtk_widget_get_display(self->base.widget);

    if (!epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_platform_base")) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "There is no EGL for X11 here");
        return FALSE;
    }
    /* It is the whole process's, as other users of EGL have it: so it is never terminated. */
    self->display =
        eglGetPlatformDisplayEXT(EGL_PLATFORM_X11_EXT, gdk_x11_display_get_xdisplay(display), NULL);
    if (self->display == EGL_NO_DISPLAY || !eglInitialize(self->display, NULL, NULL)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "EGL does not start on this X display: error 0x%x", (guint) eglGetError());
        return FALSE;
    }
    return view_gl_check_display(self->display, error);
}

/*
 * Drawing without an alpha channel, in windows of a visual that GDK knows. Of visuals that look the
 * same EGL knows one, and GTK may like another.
 */
static gboolean
x11_find_config(X11Backend *self, GError **error)
{
    static const EGLint wanted[] = {EGL_SURFACE_TYPE,
                                    EGL_WINDOW_BIT,
                                    EGL_RENDERABLE_TYPE,
                                    EGL_OPENGL_ES2_BIT,
                                    EGL_RED_SIZE,
                                    8,
                                    EGL_GREEN_SIZE,
                                    8,
                                    EGL_BLUE_SIZE,
                                    8,
                                    EGL_NONE};
    GdkScreen *screen = gtk_widget_get_screen(self->base.widget);
    int depth = gdk_visual_get_depth(gdk_screen_get_system_visual(screen));
    g_autofree EGLConfig *configs = NULL;
    EGLint count = 0;

    if (eglChooseConfig(self->display, wanted, NULL, 0, &count) && count > 0) {
        configs = g_new0(EGLConfig, count);
        if (!eglChooseConfig(self->display, wanted, configs, count, &count))
            count = 0;
    }
    for (EGLint i = 0; i < count; i++) {
        GdkVisual *visual;
        EGLint id = 0;

        eglGetConfigAttrib(self->display, configs[i], EGL_NATIVE_VISUAL_ID, &id);
        visual = gdk_x11_screen_lookup_visual(screen, (VisualID) id);
        if (visual != NULL && gdk_visual_get_depth(visual) == depth) {
            self->config = configs[i];
            gtk_widget_set_visual(self->base.widget, visual);
            return TRUE;
        }
    }
    g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                        "EGL draws in no window of this X display");
    return FALSE;
}

static gboolean
x11_open_surface(X11Backend *self, GError **error)
{
    static const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE};
    GdkWindow *window = gtk_widget_get_window(self->base.widget);

    eglBindAPI(EGL_OPENGL_ES_API);
    if (gdk_window_ensure_native(window))
        self->context = eglCreateContext(self->display, self->config, EGL_NO_CONTEXT, version);
    if (self->context != EGL_NO_CONTEXT)
        self->surface =
            eglCreateWindowSurface(self->display, self->config,
                                   (EGLNativeWindowType) gdk_x11_window_get_xid(window), NULL);
    if (self->surface == EGL_NO_SURFACE) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "EGL makes no OpenGL ES for this X display: error 0x%x", (guint) eglGetError());
        return FALSE;
    }
    return TRUE;
}

static void
x11_close(X11Backend *self)
{
    if (self->gl != NULL) {
        Current before;

        x11_enter(self, &before);
        view_gl_free(self->gl, TRUE);
        self->gl = NULL;
        x11_leave(self, &before);
    }
    if (self->surface != EGL_NO_SURFACE)
        eglDestroySurface(self->display, self->surface);
    if (self->context != EGL_NO_CONTEXT)
        eglDestroyContext(self->display, self->context);
    self->surface = EGL_NO_SURFACE;
    self->context = EGL_NO_CONTEXT;
}

static void
x11_realized(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    X11Backend *self = data;
    EGLenum api;
    Current before;

    /* Nobody asked for it yet. */
    if (self->config == NULL)
        return;

    g_clear_error(&self->failure);
    api = eglQueryAPI();
    if (x11_open_surface(self, &self->failure)) {
        x11_enter(self, &before);
        /* The main loop never waits for the screen: the frame clock paces it. */
        eglSwapInterval(self->display, 0);
        self->gl = view_gl_new(self->display, &self->failure);
        x11_leave(self, &before);
    }
    if (api != EGL_NONE)
        eglBindAPI(api);
    if (self->gl == NULL)
        x11_close(self);
}

static void
x11_unrealize(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    x11_close(data);
}

/* --- Drawing --- */

static gboolean
x11_draw(GtkWidget *widget, G_GNUC_UNUSED cairo_t *cr, gpointer data)
{
    X11Backend *self = data;
    int scale = gtk_widget_get_scale_factor(widget);
    int wanted_width = gtk_widget_get_allocated_width(widget) * scale;
    int wanted_height = gtk_widget_get_allocated_height(widget) * scale;
    EGLint width = wanted_width, height = wanted_height;
    ViewFence *fence;
    ViewScene scene;
    Current before;

    if (self->gl == NULL)
        return TRUE;

    self->base.host.begin(self->base.host.view, &self->base, wanted_width, wanted_height, &scene);
    x11_enter(self, &before);
    view_gl_draw(self->gl, &scene);
    fence = view_fence_new(self->display);
    eglSwapBuffers(self->display, self->surface);
    eglQuerySurface(self->display, self->surface, EGL_WIDTH, &width);
    eglQuerySurface(self->display, self->surface, EGL_HEIGHT, &height);
    x11_leave(self, &before);
    self->base.host.end(self->base.host.view, &self->base, fence);

    /* The server has not heard of a new size when the first picture of that size is drawn. */
    if (width != wanted_width || height != wanted_height)
        gtk_widget_queue_draw(widget);
    return TRUE;
}

static gboolean
x11_is_ready(X11Backend *self, GError **error)
{
    /* EGL says which visual the window has to have, before it is made. */
    if (!self->set_up) {
        self->set_up = TRUE;
        if (x11_open_display(self, &self->failure))
            x11_find_config(self, &self->failure);
    }
    if (self->config != NULL)
        gtk_widget_realize(self->base.widget);
    if (self->gl != NULL)
        return TRUE;
    if (self->failure != NULL && error != NULL)
        *error = g_error_copy(self->failure);
    else
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "There is no EGL here");
    return FALSE;
}

static gboolean
x11_prepare(ViewBackend *backend, VdmabufPicture *picture, GError **error)
{
    X11Backend *self = (X11Backend *) backend;
    Current before;
    gboolean ok;

    if (!x11_is_ready(self, error))
        return FALSE;
    x11_enter(self, &before);
    ok = view_gl_import(self->gl, picture, error);
    x11_leave(self, &before);
    return ok;
}

static ViewProof
x11_prove(ViewBackend *backend, VdmabufPicture *picture)
{
    X11Backend *self = (X11Backend *) backend;
    ViewProof proof;
    Current before;

    if (!x11_is_ready(self, NULL))
        return VIEW_PROOF_UNDECIDED;
    x11_enter(self, &before);
    proof = view_proof(self->gl, picture);
    x11_leave(self, &before);
    return proof;
}

static gboolean
x11_read(ViewBackend *backend, VdmabufPicture *picture, cairo_surface_t *surface, GError **error)
{
    X11Backend *self = (X11Backend *) backend;
    Current before;
    gboolean ok;

    if (!x11_is_ready(self, error))
        return FALSE;
    x11_enter(self, &before);
    ok = view_gl_read_surface(self->gl, picture, surface, error);
    x11_leave(self, &before);
    return ok;
}

static void
x11_queue_draw(ViewBackend *backend, G_GNUC_UNUSED const cairo_rectangle_int_t *area)
{
    gtk_widget_queue_draw(backend->widget);
}

static void
x11_forget(ViewBackend *backend, VdmabufBuffer *buffer)
{
    X11Backend *self = (X11Backend *) backend;
    Current before;

    if (self->gl == NULL)
        return;
    x11_enter(self, &before);
    view_gl_forget(self->gl, buffer);
    x11_leave(self, &before);
}

static guint
x11_get_n_images(ViewBackend *backend)
{
    X11Backend *self = (X11Backend *) backend;

    return self->gl != NULL ? view_gl_get_n_images(self->gl) : 0;
}

static void
x11_free(ViewBackend *backend)
{
    X11Backend *self = (X11Backend *) backend;

    g_clear_error(&self->failure);
    g_free(self);
}

ViewBackend *
view_backend_x11_new(const ViewBackendHost *host)
{
    static const ViewBackendClass class = {
        .path = VDMABUF_VIEW_PATH_EGL_X11,
        .prepare = x11_prepare,
        .prove = x11_prove,
        .read = x11_read,
        .queue_draw = x11_queue_draw,
        .forget = x11_forget,
        .get_n_images = x11_get_n_images,
        .free = x11_free,
    };
    GdkDisplay *display = gdk_display_get_default();
    X11Backend *self;

    if (!GDK_IS_X11_DISPLAY(display))
        return NULL;

    self = g_new0(X11Backend, 1);
    self->base.class = &class;
    self->base.host = *host;
    self->base.widget = gtk_drawing_area_new();
    gtk_widget_set_app_paintable(self->base.widget, TRUE);
    /* GTK would draw over it; there is no other way to say that it must not. */
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    gtk_widget_set_double_buffered(self->base.widget, FALSE);
    G_GNUC_END_IGNORE_DEPRECATIONS
    g_signal_connect(self->base.widget, "realize", G_CALLBACK(x11_realized), self);
    g_signal_connect(self->base.widget, "unrealize", G_CALLBACK(x11_unrealize), self);
    g_signal_connect(self->base.widget, "draw", G_CALLBACK(x11_draw), self);
    return &self->base;
}

#else

ViewBackend *
view_backend_x11_new(G_GNUC_UNUSED const ViewBackendHost *host)
{
    return NULL;
}

#endif
