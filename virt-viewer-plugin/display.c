/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "display.h"

#include "input.h"
#include "overlay.h"

/* Of the window before the first picture: room for a sentence */
#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 480
/* A longer sentence is broken into lines. */
#define STATUS_CHARS 64
#define STATUS_MARGIN 24

#define NO_INPUT_HINT                                                                              \
    "There is no way to this guest's keyboard and mouse: its domain has no <graphics>. "           \
    "virsh edit, add <graphics type='spice' autoport='yes'/> and "                                 \
    "<input type='tablet' bus='virtio'/> below <devices>, and start it anew."

struct _ViewerDisplay {
    VirtViewerDisplay parent;
    VirtViewerApp *app;
    VdmabufView *view;
    ViewerOverlay *overlay;
    ViewerInput *input;
    VdmabufStream *stream;
    VdmabufOutput *output;
    char *title;
    char *sentence;
    gboolean open;
};

typedef struct {
    VirtViewerDisplayClass parent;
} ViewerDisplayClass;

G_DEFINE_TYPE(ViewerDisplay, viewer_display, virt_viewer_display_get_type())

/* --- Picture or sentence --- */

/* (nullable): why there is no picture */
static char *
viewer_display_get_status(ViewerDisplay *self)
{
    const char *problem;

    if (self->sentence)
        return g_strdup(self->sentence);
    /* The domain runs, or there were no session. */
    if (vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_BROKER)
        return g_strdup(
            "The broker of this device, vhost-user-vdmabuf, is not running. Its log may "
            "say why: journalctl -u 'vhost-user-vdmabuf@*'");
    if (self->output == NULL || vdmabuf_stream_get_state(self->stream) != VDMABUF_STREAM_STREAMING)
        return g_strdup(vdmabuf_stream_get_message(self->stream));
    problem = vdmabuf_output_get_problem(self->output);
    if (problem)
        return g_strdup(problem);
    switch (vdmabuf_output_get_state(self->output)) {
    case VDMABUF_OUTPUT_SHOWING:
        return g_strdup(vdmabuf_view_get_problem(self->view));
    case VDMABUF_OUTPUT_HIDDEN:
        return g_strdup("The guest has switched this display off.");
    case VDMABUF_OUTPUT_WAITING:
    default:
        return g_strdup("Waiting for the guest to show something on this display.");
    }
}

static void
viewer_display_show_status(ViewerDisplay *self, const char *status)
{
    GtkWidget *notebook = gtk_widget_get_parent(GTK_WIDGET(self));
    GtkWidget *label;

    if (!GTK_IS_NOTEBOOK(notebook))
        return;
    label = gtk_notebook_get_nth_page(GTK_NOTEBOOK(notebook), 0);
    if (GTK_IS_LABEL(label)) {
        gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
        gtk_label_set_justify(GTK_LABEL(label), GTK_JUSTIFY_CENTER);
        gtk_label_set_max_width_chars(GTK_LABEL(label), STATUS_CHARS);
        gtk_widget_set_margin_start(label, STATUS_MARGIN);
        gtk_widget_set_margin_end(label, STATUS_MARGIN);
    }
    virt_viewer_notebook_show_status(GTK_NOTEBOOK(notebook), "%s", status);
}

/*
 * virt-viewer started in full screen has a window for each monitor, and hides the displays that are left
 * over: on most machines ours. They are shown all the same, above the others.
 */
static gboolean
viewer_display_is_left_over(ViewerDisplay *self)
{
    GdkDisplay *monitors = gtk_widget_get_display(GTK_WIDGET(self));

    return virt_viewer_app_get_fullscreen(self->app) &&
           virt_viewer_display_get_nth((VirtViewerDisplay *) self) >=
               gdk_display_get_n_monitors(monitors);
}

static void
viewer_display_show_left_over(ViewerDisplay *self)
{
    int nth = virt_viewer_display_get_nth((VirtViewerDisplay *) self);
    g_autofree char *action = g_strdup_printf("monitor-%d", nth);
    GtkWidget *top;
    VirtViewerWindow *window;

    /* What the entry in the menu does: it makes a window, too. */
    if (!GTK_IS_NOTEBOOK(gtk_widget_get_parent(GTK_WIDGET(self))))
        g_action_group_change_action_state(G_ACTION_GROUP(self->app), action,
                                           g_variant_new_boolean(TRUE));
    top = gtk_widget_get_toplevel(GTK_WIDGET(self));
    window = g_object_get_data(G_OBJECT(top), "virt-viewer-window");
    if (window == NULL)
        return;
    gtk_widget_show(top);
    virt_viewer_window_enter_fullscreen(
        window, virt_viewer_app_get_initial_monitor_for_display(self->app, nth));
}

static void
viewer_display_update(ViewerDisplay *self)
{
    VirtViewerDisplay *display = (VirtViewerDisplay *) self;
    g_autofree char *status = NULL;

    if (!self->open)
        return;
    status = viewer_display_get_status(self);
    /* It makes virt-viewer show the picture, or its own sentence, which is then replaced. */
    virt_viewer_display_set_show_hint(display, VIRT_VIEWER_SHOW_READY, status == NULL);
    if (viewer_display_is_left_over(self))
        viewer_display_show_left_over(self);
    if (status)
        viewer_display_show_status(self, status);
}

static void
viewer_display_update_size(ViewerDisplay *self)
{
    guint32 width = 0, height = 0;
    guint scale = (guint) gtk_widget_get_scale_factor(GTK_WIDGET(self));

    if (self->output)
        vdmabuf_output_get_size(self->output, &width, &height);
    if (width == 0 || height == 0)
        return;
    /* virt-viewer counts as GTK does, and one pixel of the guest is to be one of the monitor. */
    virt_viewer_display_set_desktop_size((VirtViewerDisplay *) self, MAX(width / scale, 1),
                                         MAX(height / scale, 1));
}

/* --- What virt-viewer asks a display for --- */

static GdkPixbuf *
viewer_display_get_pixbuf(VirtViewerDisplay *display)
{
    ViewerDisplay *self = VIEWER_DISPLAY(display);
    GtkWidget *top = gtk_widget_get_toplevel(GTK_WIDGET(self));
    GdkWindow *window = gtk_widget_get_window(top);
    GdkPixbuf *pixbuf = NULL;

    if (vdmabuf_view_has_picture(self->view))
        pixbuf = vdmabuf_view_get_pixbuf(self->view, NULL);
    /* Without a picture: what there is to see. virt-viewer cannot do with nothing. */
    if (pixbuf == NULL && window)
        pixbuf = gdk_pixbuf_get_from_window(window, 0, 0, gdk_window_get_width(window),
                                            gdk_window_get_height(window));
    if (pixbuf == NULL) {
        pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, VIRT_VIEWER_MIN_WIDTH,
                                VIRT_VIEWER_MIN_HEIGHT);
        gdk_pixbuf_fill(pixbuf, 0);
    }
    return pixbuf;
}

static void
viewer_display_send_keys(VirtViewerDisplay *display, const guint *keyvals, int nr)
{
    ViewerDisplay *self = VIEWER_DISPLAY(display);

    if (self->input)
        viewer_input_send_keys(self->input, keyvals, (guint) nr);
}

static void
viewer_display_release_cursor(VirtViewerDisplay *display)
{
    ViewerDisplay *self = VIEWER_DISPLAY(display);

    if (self->input)
        viewer_input_release(self->input);
}

static void
on_refused(ViewerDisplay *self)
{
    viewer_overlay_set_hint(self->overlay, NO_INPUT_HINT);
}

static void
viewer_display_close(VirtViewerDisplay *display)
{
    ViewerDisplay *self = VIEWER_DISPLAY(display);

    /* The guest gets its picture back now, and not when the last reference to this goes. */
    self->open = FALSE;
    g_clear_object(&self->input);
    viewer_display_set_output(self, NULL);
}

static gboolean
viewer_display_selectable(VirtViewerDisplay *display G_GNUC_UNUSED)
{
    return TRUE;
}

static void
viewer_display_enable(VirtViewerDisplay *display)
{
    virt_viewer_display_set_enabled(display, TRUE);
}

/* Somebody has hidden the window: a new picture must not open it again. */
static void
viewer_display_disable(VirtViewerDisplay *display)
{
    if (!viewer_display_is_left_over(VIEWER_DISPLAY(display)))
        virt_viewer_display_set_enabled(display, FALSE);
}

/* --- The object --- */

static void
viewer_display_dispose(GObject *object)
{
    ViewerDisplay *self = VIEWER_DISPLAY(object);

    self->open = FALSE;
    g_clear_object(&self->input);
    g_clear_object(&self->overlay);
    viewer_display_set_output(self, NULL);
    g_clear_object(&self->view);
    g_clear_object(&self->stream);
    G_OBJECT_CLASS(viewer_display_parent_class)->dispose(object);
}

static void
viewer_display_finalize(GObject *object)
{
    ViewerDisplay *self = VIEWER_DISPLAY(object);

    g_free(self->title);
    g_free(self->sentence);
    G_OBJECT_CLASS(viewer_display_parent_class)->finalize(object);
}

static void
viewer_display_class_init(ViewerDisplayClass *class)
{
    VirtViewerDisplayClass *display_class = &class->parent;

    G_OBJECT_CLASS(class)->dispose = viewer_display_dispose;
    G_OBJECT_CLASS(class)->finalize = viewer_display_finalize;
    display_class->send_keys = viewer_display_send_keys;
    display_class->get_pixbuf = viewer_display_get_pixbuf;
    display_class->release_cursor = viewer_display_release_cursor;
    display_class->close = viewer_display_close;
    display_class->selectable = viewer_display_selectable;
    display_class->enable = viewer_display_enable;
    display_class->disable = viewer_display_disable;
}

static void
viewer_display_init(ViewerDisplay *self)
{
    self->view = VDMABUF_VIEW(g_object_ref_sink(vdmabuf_view_new(NULL)));
    self->overlay = viewer_overlay_new(self->view);
    gtk_container_add(GTK_CONTAINER(self), GTK_WIDGET(self->view));
    gtk_widget_show(GTK_WIDGET(self->view));
    virt_viewer_display_set_desktop_size((VirtViewerDisplay *) self, DEFAULT_WIDTH, DEFAULT_HEIGHT);
    g_signal_connect_object(self->view, "notify::problem", G_CALLBACK(viewer_display_update), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect(self, "notify::scale-factor", G_CALLBACK(viewer_display_update_size), NULL);
}

ViewerDisplay *
viewer_display_new(VirtViewerSession *session, int nth, VdmabufStream *stream)
{
    ViewerDisplay *self =
        g_object_new(VIEWER_TYPE_DISPLAY, "session", session, "nth-display", nth, NULL);

    self->app = virt_viewer_session_get_app(session);
    self->stream = g_object_ref(stream);
    self->input = viewer_input_new((VirtViewerDisplay *) self, self->view, session);
    g_signal_connect_object(self->input, "refused", G_CALLBACK(on_refused), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(stream, "notify::state", G_CALLBACK(viewer_display_update), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(stream, "notify::message", G_CALLBACK(viewer_display_update), self,
                            G_CONNECT_SWAPPED);
    return self;
}

void
viewer_display_open(ViewerDisplay *self)
{
    VirtViewerDisplay *display = (VirtViewerDisplay *) self;
    g_autoptr(GObject) session = NULL;

    g_object_get(self, "session", &session, NULL);
    virt_viewer_display_set_enabled(display, TRUE);
    virt_viewer_session_add_display(session, display);
    /* Only for a display that is ready virt-viewer makes a window. */
    virt_viewer_display_set_show_hint(display, VIRT_VIEWER_SHOW_READY, TRUE);
    self->open = TRUE;
    /* After virt-viewer's own, which shows a sentence without a reason */
    g_signal_connect(self, "notify::show-hint", G_CALLBACK(viewer_display_update), NULL);
    viewer_display_update(self);
}

void
viewer_display_set_output(ViewerDisplay *self, VdmabufOutput *output)
{
    if (self->output == output)
        return;
    if (self->output)
        g_signal_handlers_disconnect_by_data(self->output, self);
    g_set_object(&self->output, output);
    if (self->view)
        vdmabuf_view_set_output(self->view, output);
    if (output) {
        g_signal_connect_object(output, "notify::state", G_CALLBACK(viewer_display_update), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(output, "notify::problem", G_CALLBACK(viewer_display_update), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(output, "size-changed", G_CALLBACK(viewer_display_update_size),
                                self, G_CONNECT_SWAPPED);
        viewer_display_update_size(self);
    }
    viewer_display_update(self);
}

VdmabufOutput *
viewer_display_get_output(ViewerDisplay *self)
{
    return self->output;
}

VdmabufStream *
viewer_display_get_stream(ViewerDisplay *self)
{
    return self->stream;
}

VdmabufView *
viewer_display_get_view(ViewerDisplay *self)
{
    return self->view;
}

void
viewer_display_set_title(ViewerDisplay *self, const char *title)
{
    g_free(self->title);
    self->title = g_strdup(title);
}

const char *
viewer_display_get_title(ViewerDisplay *self)
{
    return self->title;
}

void
viewer_display_set_statistics(ViewerDisplay *self, gboolean show)
{
    viewer_overlay_set_statistics(self->overlay, show);
}

void
viewer_display_set_sentence(ViewerDisplay *self, const char *sentence)
{
    g_free(self->sentence);
    self->sentence = g_strdup(sentence);
    viewer_display_update(self);
}
