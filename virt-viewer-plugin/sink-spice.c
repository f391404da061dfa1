/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keymap.h"
#include "sink.h"

/* Of spice-gtk, which virt-viewer is linked with */
/* (transfer container) */
VIRT_VIEWER_WEAK GList *spice_session_get_channels(GObject *session);
VIRT_VIEWER_WEAK void spice_inputs_channel_motion(GObject *channel, int dx, int dy, int buttons);
VIRT_VIEWER_WEAK void spice_inputs_channel_position(GObject *channel, int x, int y, int display,
                                                    int buttons);
VIRT_VIEWER_WEAK void spice_inputs_channel_button_press(GObject *channel, int button, int buttons);
VIRT_VIEWER_WEAK void spice_inputs_channel_button_release(GObject *channel, int button,
                                                          int buttons);
VIRT_VIEWER_WEAK void spice_inputs_channel_key_press(GObject *channel, guint scancode);
VIRT_VIEWER_WEAK void spice_inputs_channel_key_release(GObject *channel, guint scancode);

/* The main channel's "mouse-mode" when the guest takes places */
#define MOUSE_MODE_CLIENT 2

typedef struct {
    ViewerSink parent;
    VirtViewerSession *session;
} SpiceSink;

/* (transfer none) (nullable): the first channel of a type */
static GObject *
get_channel(ViewerSink *sink, const char *type)
{
    g_autoptr(GObject) session = NULL;
    g_autoptr(GList) channels = NULL;

    if (!spice_session_get_channels || !spice_inputs_channel_motion ||
        !spice_inputs_channel_position || !spice_inputs_channel_button_press ||
        !spice_inputs_channel_button_release || !spice_inputs_channel_key_press ||
        !spice_inputs_channel_key_release)
        return NULL;
    g_object_get(((SpiceSink *) sink)->session, "spice-session", &session, NULL);
    if (session)
        channels = spice_session_get_channels(session);
    for (GList *link = channels; link; link = link->next) {
        if (g_str_equal(G_OBJECT_TYPE_NAME(link->data), type))
            return link->data;
    }
    return NULL;
}

static GObject *
get_inputs(ViewerSink *sink)
{
    return get_channel(sink, "SpiceInputsChannel");
}

static void
spice_sink_free(ViewerSink *sink)
{
    SpiceSink *self = (SpiceSink *) sink;

    g_object_unref(self->session);
    g_free(self);
}

static gboolean
spice_sink_is_ready(ViewerSink *sink)
{
    return get_inputs(sink) != NULL;
}

static void
spice_sink_get_size(ViewerSink *sink, int *width, int *height)
{
    GObject *display = get_channel(sink, "SpiceDisplayChannel");
    guint w = 0, h = 0;

    if (display)
        g_object_get(display, "width", &w, "height", &h, NULL);
    *width = (int) w;
    *height = (int) h;
}

static gboolean
spice_sink_is_absolute(ViewerSink *sink)
{
    GObject *main = get_channel(sink, "SpiceMainChannel");
    int mode = 0, width, height;

    if (main)
        g_object_get(main, "mouse-mode", &mode, NULL);
    spice_sink_get_size(sink, &width, &height);
    /* A place is one on the session's desktop; without a video device it has none. */
    return mode == MOUSE_MODE_CLIENT && width > 0 && height > 0;
}

static void
spice_sink_move_to(ViewerSink *sink, int x, int y, guint buttons)
{
    GObject *inputs = get_inputs(sink);

    if (inputs)
        spice_inputs_channel_position(inputs, x, y, 0, (int) buttons);
}

static void
spice_sink_move_by(ViewerSink *sink, int dx, int dy, guint buttons)
{
    GObject *inputs = get_inputs(sink);

    if (inputs)
        spice_inputs_channel_motion(inputs, dx, dy, (int) buttons);
}

static void
spice_sink_set_button(ViewerSink *sink, ViewerButton button, gboolean pressed, guint buttons)
{
    GObject *inputs = get_inputs(sink);

    if (inputs == NULL)
        return;
    if (pressed)
        spice_inputs_channel_button_press(inputs, (int) button, (int) buttons);
    else
        spice_inputs_channel_button_release(inputs, (int) button, (int) buttons);
}

static void
spice_sink_set_key(ViewerSink *sink, guint qnum, guint keyval G_GNUC_UNUSED, gboolean pressed)
{
    GObject *inputs = get_inputs(sink);

    if (inputs == NULL || qnum == 0)
        return;
    if (pressed)
        spice_inputs_channel_key_press(inputs, viewer_keymap_get_spice(qnum));
    else
        spice_inputs_channel_key_release(inputs, viewer_keymap_get_spice(qnum));
}

ViewerSink *
viewer_sink_spice_new(VirtViewerSession *session)
{
    static const ViewerSinkClass class = {
        .free = spice_sink_free,
        .is_ready = spice_sink_is_ready,
        .is_absolute = spice_sink_is_absolute,
        .get_size = spice_sink_get_size,
        .move_to = spice_sink_move_to,
        .move_by = spice_sink_move_by,
        .set_button = spice_sink_set_button,
        .set_key = spice_sink_set_key,
    };
    SpiceSink *self = g_new0(SpiceSink, 1);

    self->parent.class = &class;
    self->session = g_object_ref(session);
    return &self->parent;
}
