/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EGL on X11. GTK's OpenGL is GLX there, which cannot import dma-bufs: so this is an EGL display on
 * GDK's X display, and a window of its own inside the program's.
 */
#include "view-backend-gl.h"

#ifdef GDK_WINDOWING_X11
#include <gdk/gdkx.h>

/* Which context was current: the program may have one of its own. */
typedef struct {
    EGLDisplay display;
    EGLContext context;
    EGLSurface draw, read;
    EGLenum api;
} Current;

typedef struct {
    ViewBackendGl parent;
    gboolean set_up;  /* tried, once */
    EGLConfig config; /* NULL: there is no way */
    EGLContext context;
    EGLSurface surface;
    Current before; /* between enter and leave */
} X11Backend;

/* --- Contexts --- */

static void
x11_enter(ViewBackendGl *backend)
{
    X11Backend *self = (X11Backend *) backend;

    self->before = (Current) {
        .display = eglGetCurrentDisplay(),
        .context = eglGetCurrentContext(),
        .draw = eglGetCurrentSurface(EGL_DRAW),
        .read = eglGetCurrentSurface(EGL_READ),
        .api = eglQueryAPI(),
    };

    /* A thread cannot have a context of GLX and one of EGL. GTK makes its own current again. */
    if (self->before.context == EGL_NO_CONTEXT)
        gdk_gl_context_clear_current();
    eglBindAPI(EGL_OPENGL_ES_API);
    eglMakeCurrent(backend->display, self->surface, self->surface, self->context);
}

static void
x11_leave(ViewBackendGl *backend)
{
    const Current *before = &((X11Backend *) backend)->before;

    if (before->context != EGL_NO_CONTEXT)
        eglMakeCurrent(before->display, before->draw, before->read, before->context);
    else
        eglMakeCurrent(backend->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (before->api != EGL_NONE)
        eglBindAPI(before->api);
}

static gboolean
x11_open_display(X11Backend *self, GError **error)
{
    GdkDisplay *display = gtk_widget_get_display(self->parent.base.widget);

    if (!epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_platform_base")) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "There is no EGL for X11 here");
        return FALSE;
    }
    /* It is the whole process's, as other users of EGL have it: so it is never terminated. */
    self->parent.display =
        eglGetPlatformDisplayEXT(EGL_PLATFORM_X11_EXT, gdk_x11_display_get_xdisplay(display), NULL);
    if (self->parent.display == EGL_NO_DISPLAY ||
        !eglInitialize(self->parent.display, NULL, NULL)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "EGL does not start on this X display: error 0x%x", (guint) eglGetError());
        return FALSE;
    }
    return view_gl_check_display(self->parent.display, error);
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
    GdkScreen *screen = gtk_widget_get_screen(self->parent.base.widget);
    int depth = gdk_visual_get_depth(gdk_screen_get_system_visual(screen));
    g_autofree EGLConfig *configs = NULL;
    EGLint count = 0;

    if (eglChooseConfig(self->parent.display, wanted, NULL, 0, &count) && count > 0) {
        configs = g_new0(EGLConfig, count);
        if (!eglChooseConfig(self->parent.display, wanted, configs, count, &count))
            count = 0;
    }
    for (EGLint i = 0; i < count; i++) {
        GdkVisual *visual;
        EGLint id = 0;

        eglGetConfigAttrib(self->parent.display, configs[i], EGL_NATIVE_VISUAL_ID, &id);
        visual = gdk_x11_screen_lookup_visual(screen, (VisualID) id);
        if (visual != NULL && gdk_visual_get_depth(visual) == depth) {
            self->config = configs[i];
            gtk_widget_set_visual(self->parent.base.widget, visual);
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
    GdkWindow *window = gtk_widget_get_window(self->parent.base.widget);

    eglBindAPI(EGL_OPENGL_ES_API);
    if (gdk_window_ensure_native(window))
        self->context =
            eglCreateContext(self->parent.display, self->config, EGL_NO_CONTEXT, version);
    if (self->context != EGL_NO_CONTEXT)
        self->surface =
            eglCreateWindowSurface(self->parent.display, self->config,
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
    EGLDisplay display = self->parent.display;

    if (self->parent.gl != NULL) {
        x11_enter(&self->parent);
        view_gl_free(self->parent.gl, TRUE);
        self->parent.gl = NULL;
        x11_leave(&self->parent);
    }
    if (self->surface != EGL_NO_SURFACE)
        eglDestroySurface(display, self->surface);
    if (self->context != EGL_NO_CONTEXT)
        eglDestroyContext(display, self->context);
    self->surface = EGL_NO_SURFACE;
    self->context = EGL_NO_CONTEXT;
}

static void
x11_realized(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    X11Backend *self = data;
    EGLenum api;

    /* Nobody asked for it yet. */
    if (self->config == NULL)
        return;

    g_clear_error(&self->parent.failure);
    api = eglQueryAPI();
    if (x11_open_surface(self, &self->parent.failure)) {
        x11_enter(&self->parent);
        /* The main loop never waits for the screen: the frame clock paces it. */
        eglSwapInterval(self->parent.display, 0);
        self->parent.gl = view_gl_new(self->parent.display, &self->parent.failure);
        x11_leave(&self->parent);
    }
    if (api != EGL_NONE)
        eglBindAPI(api);
    if (self->parent.gl == NULL)
        x11_close(self);
}

static void
x11_unrealize(G_GNUC_UNUSED GtkWidget *widget, gpointer data)
{
    x11_close(data);
}

static void
x11_open(ViewBackendGl *backend)
{
    X11Backend *self = (X11Backend *) backend;

    /* EGL says which visual the window has to have, before it is made. */
    if (!self->set_up) {
        self->set_up = TRUE;
        if (x11_open_display(self, &backend->failure))
            x11_find_config(self, &backend->failure);
    }
    if (self->config != NULL)
        gtk_widget_realize(backend->base.widget);
}

/* --- Drawing --- */

static gboolean
x11_draw(GtkWidget *widget, G_GNUC_UNUSED cairo_t *cr, gpointer data)
{
    X11Backend *self = data;
    ViewBackend *base = &self->parent.base;
    EGLDisplay display = self->parent.display;
    int scale = gtk_widget_get_scale_factor(widget);
    int wanted_width = gtk_widget_get_allocated_width(widget) * scale;
    int wanted_height = gtk_widget_get_allocated_height(widget) * scale;
    EGLint width = wanted_width, height = wanted_height;
    ViewFence *fence;
    ViewScene scene;

    if (self->parent.gl == NULL)
        return TRUE;

    base->host.begin(base->host.view, base, wanted_width, wanted_height, &scene);
    x11_enter(&self->parent);
    view_gl_draw(self->parent.gl, &scene);
    fence = view_fence_new(display);
    eglSwapBuffers(display, self->surface);
    eglQuerySurface(display, self->surface, EGL_WIDTH, &width);
    eglQuerySurface(display, self->surface, EGL_HEIGHT, &height);
    x11_leave(&self->parent);
    base->host.end(base->host.view, base, fence);

    /* The server has not heard of a new size when the first picture of that size is drawn. */
    if (width != wanted_width || height != wanted_height)
        gtk_widget_queue_draw(widget);
    return TRUE;
}

static void
x11_queue_draw(ViewBackend *backend, G_GNUC_UNUSED const cairo_rectangle_int_t *area)
{
    gtk_widget_queue_draw(backend->widget);
}

ViewBackend *
view_backend_x11_new(const ViewBackendHost *host)
{
    static const ViewBackendClass class = {
        .path = VDMABUF_VIEW_PATH_EGL_X11,
        .prepare = view_backend_gl_prepare,
        .prove = view_backend_gl_prove,
        .read = view_backend_gl_read,
        .queue_draw = x11_queue_draw,
        .forget = view_backend_gl_forget,
        .get_n_images = view_backend_gl_get_n_images,
        .free = view_backend_gl_free,
    };
    GdkDisplay *display = gdk_display_get_default();
    ViewBackendGl *backend;
    X11Backend *self;
    GtkWidget *widget;

    if (!GDK_IS_X11_DISPLAY(display))
        return NULL;

    self = g_new0(X11Backend, 1);
    backend = &self->parent;
    backend->base.class = &class;
    backend->base.host = *host;
    backend->open = x11_open;
    backend->enter = x11_enter;
    backend->leave = x11_leave;
    widget = backend->base.widget = gtk_drawing_area_new();
    gtk_widget_set_app_paintable(widget, TRUE);
    /* GTK would draw over it; there is no other way to say that it must not. */
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    gtk_widget_set_double_buffered(widget, FALSE);
    G_GNUC_END_IGNORE_DEPRECATIONS
    g_signal_connect(widget, "realize", G_CALLBACK(x11_realized), self);
    g_signal_connect(widget, "unrealize", G_CALLBACK(x11_unrealize), self);
    g_signal_connect(widget, "draw", G_CALLBACK(x11_draw), self);
    return &backend->base;
}

#else

ViewBackend *
view_backend_x11_new(G_GNUC_UNUSED const ViewBackendHost *host)
{
    return NULL;
}

#endif
