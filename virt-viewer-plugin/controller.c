/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "controller.h"

#include "display.h"
#include "domain.h"
#include "stand-in.h"
#include "windows.h"

/* For the first picture, so that a window has the right size from the beginning */
#define PATIENCE_MS 1000

/* A device of the domain, its stream and its displays; these only while there is a session */
typedef struct {
    ViewerController *controller;
    ViewerDevice *device;
    VdmabufStream *stream;
    GPtrArray *displays;
    guint patience;
} Entry;

struct _ViewerController {
    GObject parent;
    VirtViewerApp *app;
    char *uri;
    ViewerDomain *domain;
    VirtViewerSession *session;
    GPtrArray *entries;
};

G_DEFINE_FINAL_TYPE(ViewerController, viewer_controller, G_TYPE_OBJECT)

/* --- Displays --- */

static gboolean
is_taken(ViewerController *self, int nth)
{
    for (GList *link = virt_viewer_app_get_windows(self->app); link; link = link->next) {
        VirtViewerDisplay *display = virt_viewer_window_get_display(link->data);

        if (display && virt_viewer_display_get_nth(display) == nth)
            return TRUE;
    }
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);

        for (guint j = 0; j < entry->displays->len; j++) {
            if (virt_viewer_display_get_nth(g_ptr_array_index(entry->displays, j)) == nth)
                return TRUE;
        }
    }
    return FALSE;
}

/*
 * virt-viewer keeps its displays by number, and the session's own come when they like: theirs are
 * left free. The next ones are small enough for its mapping of displays to monitors.
 */
static int
get_free_number(ViewerController *self)
{
    int nth = (int) viewer_domain_get_info(self->domain)->session_displays;

    while (is_taken(self, nth))
        nth++;
    return nth;
}

/* (transfer full) (nullable): what is to be seen instead of any picture */
static char *
get_sentence(ViewerController *self)
{
    const char *host = viewer_domain_get_host(self->domain);

    if (host)
        return g_strdup_printf("This domain runs on %s, and a guest's buffers cannot leave its "
                               "machine. Start virt-viewer there to see this display.",
                               host);
    return NULL;
}

static void
entry_set_titles(Entry *entry)
{
    for (guint i = 0; i < entry->displays->len; i++) {
        ViewerDisplay *display = g_ptr_array_index(entry->displays, i);
        VdmabufOutput *output = viewer_display_get_output(display);
        gboolean alone = entry->displays->len == 1 || output == NULL;
        g_autofree char *title = viewer_device_get_title(
            entry->device, alone ? -1 : (int) vdmabuf_output_get_number(output));

        viewer_display_set_title(display, title);
    }
    viewer_windows_update(entry->controller->app);
}

static void
entry_add_display(Entry *entry, VdmabufOutput *output)
{
    ViewerController *self = entry->controller;
    g_autofree char *sentence = get_sentence(self);
    ViewerDisplay *display =
        viewer_display_new(self->session, get_free_number(self), entry->stream);

    g_ptr_array_add(entry->displays, g_object_ref_sink(display));
    viewer_display_set_output(display, output);
    viewer_display_set_sentence(display, sentence);
    entry_set_titles(entry);
    viewer_display_open(display);
}

static void
on_output_added(VdmabufStream *stream G_GNUC_UNUSED, VdmabufOutput *output, gpointer data)
{
    Entry *entry = data;

    if (entry->displays->len == 0)
        return;
    for (guint i = 0; i < entry->displays->len; i++) {
        ViewerDisplay *display = g_ptr_array_index(entry->displays, i);

        if (viewer_display_get_output(display) == NULL) {
            viewer_display_set_output(display, output);
            entry_set_titles(entry);
            return;
        }
    }
    entry_add_display(entry, output);
}

/* Each device has a display, so that there is a place to say why there is no picture. */
static void
entry_add_displays(Entry *entry)
{
    GPtrArray *outputs = vdmabuf_stream_get_outputs(entry->stream);

    g_clear_handle_id(&entry->patience, g_source_remove);
    if (outputs->len == 0)
        entry_add_display(entry, NULL);
    for (guint i = 0; i < outputs->len; i++)
        entry_add_display(entry, g_ptr_array_index(outputs, i));
}

static gboolean
on_patience_lost(gpointer data)
{
    Entry *entry = data;

    entry->patience = 0;
    entry_add_displays(entry);
    return G_SOURCE_REMOVE;
}

static void
on_state(VdmabufStream *stream, GParamSpec *property G_GNUC_UNUSED, gpointer data)
{
    Entry *entry = data;

    if (entry->patience == 0)
        return;
    switch (vdmabuf_stream_get_state(stream)) {
    case VDMABUF_STREAM_STOPPED:
    case VDMABUF_STREAM_CONNECTING:
    case VDMABUF_STREAM_NO_DRIVER:
    case VDMABUF_STREAM_NO_PRODUCER:
        /* A picture may follow at once. */
        break;
    default:
        entry_add_displays(entry);
    }
}

static void
entry_open(Entry *entry)
{
    if (viewer_domain_get_host(entry->controller->domain)) {
        entry_add_displays(entry);
        return;
    }
    entry->patience = g_timeout_add(PATIENCE_MS, on_patience_lost, entry);
    vdmabuf_stream_start(entry->stream);
}

static void
entry_close(Entry *entry)
{
    g_clear_handle_id(&entry->patience, g_source_remove);
    vdmabuf_stream_stop(entry->stream);
}

/* --- Devices --- */

static void
entry_free(Entry *entry)
{
    ViewerController *self = entry->controller;
    g_autoptr(GPtrArray) displays = g_steal_pointer(&entry->displays);

    /* Seen as removed by us: see on_display_removed(). */
    entry->displays = g_ptr_array_new();
    for (guint i = 0; self->session && i < displays->len; i++)
        virt_viewer_session_remove_display(self->session, g_ptr_array_index(displays, i));
    g_signal_handlers_disconnect_by_data(entry->stream, entry);
    entry_close(entry);
    g_object_unref(entry->stream);
    viewer_device_free(entry->device);
    g_ptr_array_unref(entry->displays);
    g_free(entry);
}

static Entry *
entry_new(ViewerController *self, const ViewerDevice *device)
{
    Entry *entry = g_new0(Entry, 1);

    entry->controller = self;
    entry->device = viewer_device_copy(device);
    entry->displays = g_ptr_array_new_with_free_func(g_object_unref);
    entry->stream = vdmabuf_stream_new(device->path);
    g_signal_connect(entry->stream, "output-added", G_CALLBACK(on_output_added), entry);
    g_signal_connect(entry->stream, "notify::state", G_CALLBACK(on_state), entry);
    return entry;
}

static Entry *
find_entry(ViewerController *self, const ViewerDevice *device)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);

        if (g_str_equal(entry->device->path, device->path))
            return entry;
    }
    return NULL;
}

static const ViewerDevice *
find_device(const ViewerDomainInfo *info, const char *path)
{
    for (guint i = 0; i < info->devices->len; i++) {
        const ViewerDevice *device = g_ptr_array_index(info->devices, i);

        if (g_str_equal(device->path, path))
            return device;
    }
    return NULL;
}

static void
on_domain_changed(ViewerController *self)
{
    const ViewerDomainInfo *info = viewer_domain_get_info(self->domain);

    if (info == NULL)
        return;
    if (viewer_domain_get_host(self->domain) == NULL)
        viewer_stand_in_prepare(self->app, info);
    for (guint i = self->entries->len; i > 0; i--) {
        Entry *entry = g_ptr_array_index(self->entries, i - 1);

        if (find_device(info, entry->device->path) == NULL)
            g_ptr_array_remove_index(self->entries, i - 1);
    }
    for (guint i = 0; i < info->devices->len; i++) {
        const ViewerDevice *device = g_ptr_array_index(info->devices, i);
        Entry *entry = find_entry(self, device);

        if (entry == NULL) {
            entry = entry_new(self, device);
            g_ptr_array_add(self->entries, entry);
            if (self->session)
                entry_open(entry);
        } else if (!viewer_device_equal(entry->device, device)) {
            viewer_device_free(entry->device);
            entry->device = viewer_device_copy(device);
            entry_set_titles(entry);
        }
    }
}

static void
on_domain_started(ViewerController *self)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);

        vdmabuf_stream_hurry(entry->stream);
    }
}

static void
on_uuid(ViewerController *self)
{
    g_autofree char *uuid = NULL;

    g_object_get(self->app, "uuid", &uuid, NULL);
    /* For lack of one, virt-viewer may have put a sentence there. */
    if (uuid == NULL || !g_uuid_string_is_valid(uuid) || self->domain)
        return;
    self->domain = viewer_domain_new(self->uri, uuid);
    g_signal_connect_object(self->domain, "changed", G_CALLBACK(on_domain_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->domain, "started", G_CALLBACK(on_domain_started), self,
                            G_CONNECT_SWAPPED);
}

/* --- The session --- */

/*
 * virt-viewer has closed the session, and all displays with it. Should it connect again, there will be
 * new ones; until then the guest need not work for us.
 */
static void
viewer_controller_drop_session(ViewerController *self)
{
    if (self->session == NULL)
        return;
    g_signal_handlers_disconnect_by_data(self->session, self);
    g_clear_object(&self->session);
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);

        g_ptr_array_set_size(entry->displays, 0);
        entry_close(entry);
    }
}

static void
on_display_removed(VirtViewerSession *session G_GNUC_UNUSED, VirtViewerDisplay *display,
                   gpointer data)
{
    ViewerController *self = data;

    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);

        if (g_ptr_array_find(entry->displays, display, NULL)) {
            viewer_controller_drop_session(self);
            return;
        }
    }
}

void
viewer_controller_take_session(ViewerController *self, VirtViewerSession *session)
{
    if (self->session == session)
        return;
    viewer_controller_drop_session(self);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "session-display-removed", G_CALLBACK(on_display_removed),
                            self, 0);
    g_signal_connect_object(session, "session-disconnected",
                            G_CALLBACK(viewer_controller_drop_session), self, G_CONNECT_SWAPPED);
    for (guint i = 0; i < self->entries->len; i++)
        entry_open(g_ptr_array_index(self->entries, i));
}

/* --- The object --- */

static void
viewer_controller_dispose(GObject *object)
{
    ViewerController *self = VIEWER_CONTROLLER(object);

    viewer_controller_drop_session(self);
    g_ptr_array_set_size(self->entries, 0);
    g_clear_object(&self->domain);
    G_OBJECT_CLASS(viewer_controller_parent_class)->dispose(object);
}

static void
viewer_controller_finalize(GObject *object)
{
    ViewerController *self = VIEWER_CONTROLLER(object);

    g_free(self->uri);
    g_ptr_array_unref(self->entries);
    G_OBJECT_CLASS(viewer_controller_parent_class)->finalize(object);
}

static void
viewer_controller_class_init(ViewerControllerClass *class)
{
    G_OBJECT_CLASS(class)->dispose = viewer_controller_dispose;
    G_OBJECT_CLASS(class)->finalize = viewer_controller_finalize;
}

static void
viewer_controller_init(ViewerController *self)
{
    self->entries = g_ptr_array_new_with_free_func((GDestroyNotify) entry_free);
}

ViewerController *
viewer_controller_new(VirtViewerApp *app, const char *uri)
{
    ViewerController *self = g_object_new(VIEWER_TYPE_CONTROLLER, NULL);

    self->app = app;
    self->uri = g_strdup(uri);
    g_signal_connect_object(app, "notify::uuid", G_CALLBACK(on_uuid), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(app, "window-added", G_CALLBACK(viewer_windows_update), app,
                            G_CONNECT_SWAPPED);
    on_uuid(self);
    return self;
}
