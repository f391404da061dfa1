/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sink.h"

/* Of gtk-vnc and gvnc, which virt-viewer is linked with */
VIRT_VIEWER_WEAK GObject *vnc_display_get_connection(GtkWidget *display);
VIRT_VIEWER_WEAK gboolean vnc_connection_is_initialized(GObject *connection);
VIRT_VIEWER_WEAK gboolean vnc_connection_get_abs_pointer(GObject *connection);
VIRT_VIEWER_WEAK int vnc_connection_get_width(GObject *connection);
VIRT_VIEWER_WEAK int vnc_connection_get_height(GObject *connection);
VIRT_VIEWER_WEAK gboolean vnc_connection_pointer_event(GObject *connection, guint8 buttons,
                                                       guint16 x, guint16 y);
VIRT_VIEWER_WEAK gboolean vnc_connection_key_event(GObject *connection, gboolean down,
                                                   guint32 keyval, guint16 scancode);

/* No movement, where movements are sent instead of places */
#define STILL 0x7fff

typedef struct {
    ViewerSink parent;
    VirtViewerApp *app;
    int x, y;
} VncSink;

/* The widget is in the session's display, and nowhere else to be had. */
static GObject *
get_connection(ViewerSink *sink)
{
    VncSink *self = (VncSink *) sink;

    if (!vnc_display_get_connection || !vnc_connection_is_initialized ||
        !vnc_connection_get_abs_pointer || !vnc_connection_get_width ||
        !vnc_connection_get_height || !vnc_connection_pointer_event || !vnc_connection_key_event)
        return NULL;
    for (GList *link = virt_viewer_app_get_windows(self->app); link; link = link->next) {
        VirtViewerDisplay *display = virt_viewer_window_get_display(link->data);
        GtkWidget *widget;

        if (display == NULL || !g_str_equal(G_OBJECT_TYPE_NAME(display), "VirtViewerDisplayVnc"))
            continue;
        widget = gtk_bin_get_child(GTK_BIN(display));
        if (widget && g_str_equal(G_OBJECT_TYPE_NAME(widget), "VncDisplay"))
            return vnc_display_get_connection(widget);
    }
    return NULL;
}

static gboolean
vnc_sink_is_ready(ViewerSink *sink)
{
    GObject *connection = get_connection(sink);

    return connection && vnc_connection_is_initialized(connection);
}

static gboolean
vnc_sink_is_absolute(ViewerSink *sink)
{
    GObject *connection = get_connection(sink);

    return connection && vnc_connection_get_abs_pointer(connection);
}

static void
vnc_sink_get_size(ViewerSink *sink, int *width, int *height)
{
    GObject *connection = get_connection(sink);

    *width = connection ? vnc_connection_get_width(connection) : 0;
    *height = connection ? vnc_connection_get_height(connection) : 0;
}

static void
send_pointer(VncSink *self, int x, int y, guint buttons)
{
    GObject *connection = get_connection(&self->parent);

    if (connection && vnc_connection_is_initialized(connection))
        vnc_connection_pointer_event(connection, (guint8) buttons, (guint16) x, (guint16) y);
}

static void
vnc_sink_move_to(ViewerSink *sink, int x, int y, guint buttons)
{
    VncSink *self = (VncSink *) sink;

    self->x = x;
    self->y = y;
    send_pointer(self, x, y, buttons);
}

static void
vnc_sink_move_by(ViewerSink *sink, int dx, int dy, guint buttons)
{
    send_pointer((VncSink *) sink, CLAMP(STILL + dx, 0, G_MAXUINT16),
                 CLAMP(STILL + dy, 0, G_MAXUINT16), buttons);
}

static void
vnc_sink_set_button(ViewerSink *sink, ViewerButton button G_GNUC_UNUSED,
                    gboolean pressed G_GNUC_UNUSED, guint buttons)
{
    VncSink *self = (VncSink *) sink;
    gboolean absolute = vnc_sink_is_absolute(sink);

    send_pointer(self, absolute ? self->x : STILL, absolute ? self->y : STILL, buttons);
}

static void
vnc_sink_set_key(ViewerSink *sink, guint qnum, guint keyval, gboolean pressed)
{
    GObject *connection = get_connection(sink);

    /* Shift and Tab are two keys to a VNC server. */
    if (keyval == GDK_KEY_ISO_Left_Tab)
        keyval = GDK_KEY_Tab;
    if (connection && vnc_connection_is_initialized(connection))
        vnc_connection_key_event(connection, pressed, keyval, (guint16) qnum);
}

ViewerSink *
viewer_sink_vnc_new(VirtViewerSession *session)
{
    static const ViewerSinkClass class = {
        .free = (void (*)(ViewerSink *)) g_free,
        .is_ready = vnc_sink_is_ready,
        .is_absolute = vnc_sink_is_absolute,
        .get_size = vnc_sink_get_size,
        .move_to = vnc_sink_move_to,
        .move_by = vnc_sink_move_by,
        .set_button = vnc_sink_set_button,
        .set_key = vnc_sink_set_key,
    };
    VncSink *self = g_new0(VncSink, 1);

    self->parent.class = &class;
    self->app = virt_viewer_session_get_app(session);
    return &self->parent;
}
