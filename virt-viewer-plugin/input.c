/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "input.h"

#include "keymap.h"
#include "sink.h"
#include "stand-in.h"

/* How near to the edge of its monitor a pointer that only moves is put back into the middle */
#define EDGE 2

struct _ViewerInput {
    GObject parent;
    VirtViewerDisplay *display;
    VdmabufView *view;
    VirtViewerApp *app;
    ViewerSink *sink;

    GHashTable *keys; /* that are down: hardware keycode to keyval */
    guint buttons;
    double scroll;
    gboolean inside;
    gboolean keyboard_grabbed;
    /* Only where the guest takes movements instead of places */
    gboolean pointer_grabbed;
    double last_x, last_y;
    double rest_x, rest_y;
};

enum {
    REFUSED,
    NR_SIGNALS,
};
static guint signals[NR_SIGNALS];

G_DEFINE_FINAL_TYPE(ViewerInput, viewer_input, G_TYPE_OBJECT)

static GdkSeat *
get_seat(ViewerInput *self)
{
    return gdk_display_get_default_seat(gtk_widget_get_display(GTK_WIDGET(self->view)));
}

static gboolean
is_absolute(ViewerInput *self)
{
    return self->sink->class->is_absolute(self->sink);
}

/* --- Keyboard --- */

static void
release_keys(ViewerInput *self)
{
    GHashTableIter iter;
    gpointer keycode, keyval;

    g_hash_table_iter_init(&iter, self->keys);
    while (g_hash_table_iter_next(&iter, &keycode, &keyval))
        self->sink->class->set_key(self->sink, viewer_keymap_get_qnum(GPOINTER_TO_UINT(keycode)),
                                   GPOINTER_TO_UINT(keyval), FALSE);
    g_hash_table_remove_all(self->keys);
}

/* virt-viewer's own hotkey for displays, such as "Control_L+Alt_L": when all of it is down */
static gboolean
is_release_hotkey(ViewerInput *self)
{
    g_autofree char *hotkey = NULL;
    g_auto(GStrv) names = NULL;

    g_object_get(self->app, "release-cursor-display-hotkey", &hotkey, NULL);
    if (hotkey == NULL || *hotkey == '\0')
        return FALSE;
    names = g_strsplit(hotkey, "+", -1);
    if (g_strv_length(names) != g_hash_table_size(self->keys))
        return FALSE;
    for (guint i = 0; names[i]; i++) {
        GHashTableIter iter;
        gpointer keyval;
        gboolean found = FALSE;

        g_hash_table_iter_init(&iter, self->keys);
        while (!found && g_hash_table_iter_next(&iter, NULL, &keyval))
            found = GPOINTER_TO_UINT(keyval) == gdk_keyval_from_name(names[i]);
        if (!found)
            return FALSE;
    }
    return TRUE;
}

static gboolean
on_key(GtkWidget *widget G_GNUC_UNUSED, GdkEventKey *event, gpointer data)
{
    ViewerInput *self = data;
    gpointer keycode = GUINT_TO_POINTER(event->hardware_keycode);
    gpointer keyval = GUINT_TO_POINTER(event->keyval);
    guint qnum = viewer_keymap_get_qnum(event->hardware_keycode);
    gboolean pressed = event->type == GDK_KEY_PRESS;

    if (pressed && self->sink == NULL)
        g_signal_emit(self, signals[REFUSED], 0);
    if (!viewer_input_is_ready(self))
        return FALSE;
    if (!pressed) {
        /* Released as what it was pressed as; with Shift that may differ. */
        if (g_hash_table_lookup_extended(self->keys, keycode, NULL, &keyval)) {
            self->sink->class->set_key(self->sink, qnum, GPOINTER_TO_UINT(keyval), FALSE);
            g_hash_table_remove(self->keys, keycode);
        }
        return TRUE;
    }
    g_hash_table_insert(self->keys, keycode, keyval);
    self->sink->class->set_key(self->sink, qnum, event->keyval, TRUE);
    if (is_release_hotkey(self))
        viewer_input_release(self);
    return TRUE;
}

void
viewer_input_send_keys(ViewerInput *self, const guint *keyvals, guint nr)
{
    GdkKeymap *keymap = gdk_keymap_get_for_display(gtk_widget_get_display(GTK_WIDGET(self->view)));
    g_autofree guint *qnums = g_new0(guint, nr);

    if (!viewer_input_is_ready(self))
        return;
    for (guint i = 0; i < nr; i++) {
        g_autofree GdkKeymapKey *found = NULL;
        int count = 0;

        if (gdk_keymap_get_entries_for_keyval(keymap, keyvals[i], &found, &count) && count > 0)
            qnums[i] = viewer_keymap_get_qnum(found[0].keycode);
        self->sink->class->set_key(self->sink, qnums[i], keyvals[i], TRUE);
    }
    for (guint i = nr; i > 0; i--)
        self->sink->class->set_key(self->sink, qnums[i - 1], keyvals[i - 1], FALSE);
}

/* Keys that the host's desktop has a use for go to the guest as well, while the pointer is here. */
static void
grab_keyboard(ViewerInput *self)
{
    GtkWidget *widget = GTK_WIDGET(self->view);
    GtkWidget *top = gtk_widget_get_toplevel(widget);

    GdkSeat *seat = get_seat(self);

    if (self->keyboard_grabbed || !viewer_input_is_ready(self) || !GTK_IS_WINDOW(top) ||
        !gtk_window_is_active(GTK_WINDOW(top)) || seat == NULL)
        return;
    if (gdk_seat_grab(seat, gtk_widget_get_window(widget), GDK_SEAT_CAPABILITY_KEYBOARD, FALSE,
                      NULL, NULL, NULL, NULL) != GDK_GRAB_SUCCESS)
        return;
    self->keyboard_grabbed = TRUE;
    g_signal_emit_by_name(self->display, "display-keyboard-grab");
}

static void
ungrab_keyboard(ViewerInput *self)
{
    if (!self->keyboard_grabbed)
        return;
    self->keyboard_grabbed = FALSE;
    if (!self->pointer_grabbed)
        gdk_seat_ungrab(get_seat(self));
    g_signal_emit_by_name(self->display, "display-keyboard-ungrab");
}

static gboolean
on_focus_out(GtkWidget *widget G_GNUC_UNUSED, GdkEventFocus *event G_GNUC_UNUSED, gpointer data)
{
    ViewerInput *self = data;

    /* They will be let go somewhere else. */
    release_keys(self);
    viewer_input_release(self);
    return FALSE;
}

/* --- The pointer's shape --- */

/* The guest's cursor is the pointer where the pointer goes where the guest's cursor is. */
static void
update_cursor(ViewerInput *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->view));
    gboolean ready = viewer_input_is_ready(self);
    gboolean ours = ready && self->inside && is_absolute(self);
    g_autoptr(GdkCursor) cursor = NULL;

    if (self->pointer_grabbed)
        cursor = gdk_cursor_new_for_display(gtk_widget_get_display(GTK_WIDGET(self->view)),
                                            GDK_BLANK_CURSOR);
    else if (ours)
        cursor = vdmabuf_view_get_gdk_cursor(self->view);
    vdmabuf_view_set_draw_cursor(self->view, !ours);
    if (window)
        gdk_window_set_cursor(window, cursor);
}

/* --- Pointer --- */

static void
grab_pointer(ViewerInput *self)
{
    GtkWidget *widget = GTK_WIDGET(self->view);
    GdkSeat *seat = get_seat(self);

    if (seat == NULL || gdk_seat_grab(seat, gtk_widget_get_window(widget), GDK_SEAT_CAPABILITY_ALL,
                                      FALSE, NULL, NULL, NULL, NULL) != GDK_GRAB_SUCCESS)
        return;
    self->pointer_grabbed = TRUE;
    self->rest_x = self->rest_y = 0;
    update_cursor(self);
    g_signal_emit_by_name(self->display, "display-pointer-grab");
}

static void
ungrab_pointer(ViewerInput *self)
{
    if (!self->pointer_grabbed)
        return;
    self->pointer_grabbed = FALSE;
    gdk_seat_ungrab(get_seat(self));
    update_cursor(self);
    g_signal_emit_by_name(self->display, "display-pointer-ungrab");
}

static void
move_to(ViewerInput *self, double widget_x, double widget_y)
{
    int x, y, width, height;
    guint32 guest_width = 0, guest_height = 0;

    vdmabuf_view_to_guest(self->view, widget_x, widget_y, &x, &y);
    vdmabuf_output_get_size(vdmabuf_view_get_output(self->view), &guest_width, &guest_height);
    self->sink->class->get_size(self->sink, &width, &height);
    self->sink->class->move_to(self->sink, viewer_sink_scale(x, (int) guest_width, width),
                               viewer_sink_scale(y, (int) guest_height, height), self->buttons);
}

/* A pointer at the edge of the monitor would stop there, however far the guest's can still go. */
static gboolean
wrap_pointer(ViewerInput *self, GdkEventMotion *event)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->view));
    GdkMonitor *monitor = gdk_display_get_monitor_at_window(display, event->window);
    GdkRectangle area;

    if (monitor == NULL)
        return FALSE;
    gdk_monitor_get_geometry(monitor, &area);
    if (event->x_root > area.x + EDGE && event->x_root < area.x + area.width - EDGE &&
        event->y_root > area.y + EDGE && event->y_root < area.y + area.height - EDGE)
        return FALSE;
    self->last_x = event->x + area.x + area.width / 2.0 - event->x_root;
    self->last_y = event->y + area.y + area.height / 2.0 - event->y_root;
    gdk_device_warp(event->device, gtk_widget_get_screen(GTK_WIDGET(self->view)),
                    area.x + area.width / 2, area.y + area.height / 2);
    return TRUE;
}

/* Movements are scaled as the picture is; what is less than a pixel of the guest is kept. */
static void
move_by(ViewerInput *self, GdkEventMotion *event)
{
    GdkRectangle area;
    guint32 guest_width = 0, guest_height = 0;
    int dx, dy;

    if (!vdmabuf_view_get_area(self->view, &area) || area.width == 0 || area.height == 0)
        return;
    vdmabuf_output_get_size(vdmabuf_view_get_output(self->view), &guest_width, &guest_height);
    self->rest_x += (event->x - self->last_x) * guest_width / area.width;
    self->rest_y += (event->y - self->last_y) * guest_height / area.height;
    dx = (int) self->rest_x;
    dy = (int) self->rest_y;
    self->rest_x -= dx;
    self->rest_y -= dy;
    if (dx != 0 || dy != 0)
        self->sink->class->move_by(self->sink, dx, dy, self->buttons);
    if (!wrap_pointer(self, event)) {
        self->last_x = event->x;
        self->last_y = event->y;
    }
}

static gboolean
on_motion(GtkWidget *widget G_GNUC_UNUSED, GdkEventMotion *event, gpointer data)
{
    ViewerInput *self = data;

    if (!viewer_input_is_ready(self) || !vdmabuf_view_has_picture(self->view))
        return FALSE;
    if (is_absolute(self))
        move_to(self, event->x, event->y);
    else if (self->pointer_grabbed)
        move_by(self, event);
    return TRUE;
}

static void
set_button(ViewerInput *self, ViewerButton button, gboolean pressed)
{
    if (pressed)
        self->buttons |= VIEWER_BUTTON_MASK(button);
    else
        self->buttons &= ~VIEWER_BUTTON_MASK(button);
    self->sink->class->set_button(self->sink, button, pressed, self->buttons);
}

static gboolean
on_button(GtkWidget *widget, GdkEventButton *event, gpointer data)
{
    ViewerInput *self = data;
    gboolean pressed = event->type == GDK_BUTTON_PRESS;

    gtk_widget_grab_focus(widget);
    if (pressed && self->sink == NULL)
        g_signal_emit(self, signals[REFUSED], 0);
    if (!viewer_input_is_ready(self) || !vdmabuf_view_has_picture(self->view))
        return FALSE;
    grab_keyboard(self);
    /* GDK's first three are the same; others, and second clicks in one, are no button of a guest. */
    if (event->button > VIEWER_BUTTON_RIGHT || (!pressed && event->type != GDK_BUTTON_RELEASE))
        return TRUE;
    if (is_absolute(self)) {
        move_to(self, event->x, event->y);
    } else if (!self->pointer_grabbed) {
        if (!pressed)
            return TRUE;
        self->last_x = event->x;
        self->last_y = event->y;
        grab_pointer(self);
    }
    set_button(self, event->button, pressed);
    return TRUE;
}

static void
turn_wheel(ViewerInput *self, ViewerButton button)
{
    set_button(self, button, TRUE);
    set_button(self, button, FALSE);
}

static gboolean
on_scroll(GtkWidget *widget G_GNUC_UNUSED, GdkEventScroll *event, gpointer data)
{
    ViewerInput *self = data;

    if (!viewer_input_is_ready(self) || !vdmabuf_view_has_picture(self->view))
        return FALSE;
    if (event->direction == GDK_SCROLL_UP)
        turn_wheel(self, VIEWER_BUTTON_UP);
    else if (event->direction == GDK_SCROLL_DOWN)
        turn_wheel(self, VIEWER_BUTTON_DOWN);
    else if (event->direction == GDK_SCROLL_SMOOTH)
        self->scroll += event->delta_y;
    for (; self->scroll <= -1; self->scroll += 1)
        turn_wheel(self, VIEWER_BUTTON_UP);
    for (; self->scroll >= 1; self->scroll -= 1)
        turn_wheel(self, VIEWER_BUTTON_DOWN);
    return TRUE;
}

static gboolean
on_crossing(GtkWidget *widget G_GNUC_UNUSED, GdkEventCrossing *event, gpointer data)
{
    ViewerInput *self = data;

    /* A grab, its end included, is no movement. */
    if (event->mode != GDK_CROSSING_NORMAL)
        return FALSE;
    self->inside = event->type == GDK_ENTER_NOTIFY;
    if (self->inside)
        grab_keyboard(self);
    else
        ungrab_keyboard(self);
    update_cursor(self);
    return FALSE;
}

/* --- The object --- */

gboolean
viewer_input_is_ready(ViewerInput *self)
{
    return self->sink && self->sink->class->is_ready(self->sink) &&
           vdmabuf_view_get_output(self->view);
}

void
viewer_input_release(ViewerInput *self)
{
    ungrab_pointer(self);
    ungrab_keyboard(self);
}

static void
viewer_input_dispose(GObject *object)
{
    ViewerInput *self = VIEWER_INPUT(object);

    if (self->view) {
        g_signal_handlers_disconnect_by_data(self->view, self);
        viewer_input_release(self);
    }
    self->view = NULL;
    g_clear_pointer(&self->sink, viewer_sink_free);
    G_OBJECT_CLASS(viewer_input_parent_class)->dispose(object);
}

static void
viewer_input_finalize(GObject *object)
{
    ViewerInput *self = VIEWER_INPUT(object);

    g_hash_table_unref(self->keys);
    G_OBJECT_CLASS(viewer_input_parent_class)->finalize(object);
}

static void
viewer_input_class_init(ViewerInputClass *class)
{
    G_OBJECT_CLASS(class)->dispose = viewer_input_dispose;
    G_OBJECT_CLASS(class)->finalize = viewer_input_finalize;

    signals[REFUSED] = g_signal_new("refused", VIEWER_TYPE_INPUT, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
}

static void
viewer_input_init(ViewerInput *self)
{
    self->keys = g_hash_table_new(NULL, NULL);
}

ViewerInput *
viewer_input_new(VirtViewerDisplay *display, VdmabufView *view, VirtViewerSession *session)
{
    ViewerInput *self = g_object_new(VIEWER_TYPE_INPUT, NULL);

    self->display = display;
    self->view = view;
    self->app = virt_viewer_session_get_app(session);
    if (!viewer_session_is_stand_in(session))
        self->sink = viewer_sink_new(session);
    gtk_widget_add_events(GTK_WIDGET(view), GDK_POINTER_MOTION_MASK | GDK_BUTTON_PRESS_MASK |
                                                GDK_BUTTON_RELEASE_MASK | GDK_SCROLL_MASK |
                                                GDK_SMOOTH_SCROLL_MASK | GDK_ENTER_NOTIFY_MASK |
                                                GDK_LEAVE_NOTIFY_MASK | GDK_KEY_PRESS_MASK |
                                                GDK_KEY_RELEASE_MASK | GDK_FOCUS_CHANGE_MASK);
    g_signal_connect(view, "key-press-event", G_CALLBACK(on_key), self);
    g_signal_connect(view, "key-release-event", G_CALLBACK(on_key), self);
    g_signal_connect(view, "focus-out-event", G_CALLBACK(on_focus_out), self);
    g_signal_connect(view, "motion-notify-event", G_CALLBACK(on_motion), self);
    g_signal_connect(view, "button-press-event", G_CALLBACK(on_button), self);
    g_signal_connect(view, "button-release-event", G_CALLBACK(on_button), self);
    g_signal_connect(view, "scroll-event", G_CALLBACK(on_scroll), self);
    g_signal_connect(view, "enter-notify-event", G_CALLBACK(on_crossing), self);
    g_signal_connect(view, "leave-notify-event", G_CALLBACK(on_crossing), self);
    g_signal_connect_swapped(view, "cursor-changed", G_CALLBACK(update_cursor), self);
    return self;
}
