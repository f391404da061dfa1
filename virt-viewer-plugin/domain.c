/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <libvirt-glib/libvirt-glib.h>
#include <libvirt-gobject/libvirt-gobject.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "uri.h"

/* The pause before a connection that broke, or could not be made, is tried again */
#define RETRY_SECONDS 2

/* What was asked of libvirt beside libvirt-glib, to be taken back */
typedef struct {
    virConnectPtr handle;
    int event;
} Watch;

struct _ViewerDomain {
    GObject parent;
    char *uri;
    char *uuid;
    char *host;
    ViewerDomainInfo *info;

    GCancellable *cancellable;
    GVirConnection *connection;
    GVirDomain *domain;
    Watch *watch;
    guint retry;
    /* Something happened while it was being read: what is read may be old. */
    gboolean reading;
    gboolean read_again;
};

enum {
    CHANGED,
    STARTED,
    NR_SIGNALS,
};
static guint signals[NR_SIGNALS];

G_DEFINE_FINAL_TYPE(ViewerDomain, viewer_domain, G_TYPE_OBJECT)

static void viewer_domain_open(ViewerDomain *self);
static void viewer_domain_read(ViewerDomain *self);

/* --- Reading the XML --- */

static void
read_in_thread(GTask *task, gpointer source, gpointer data G_GNUC_UNUSED,
               GCancellable *cancellable G_GNUC_UNUSED)
{
    GError *error = NULL;
    g_autoptr(GObject) config = (GObject *) gvir_domain_get_config(GVIR_DOMAIN(source), 0, &error);

    if (config)
        g_task_return_pointer(task, gvir_config_object_to_xml(GVIR_CONFIG_OBJECT(config)), g_free);
    else
        g_task_return_error(task, error);
}

static void
on_read(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
    g_autoptr(ViewerDomain) self = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = g_task_propagate_pointer(G_TASK(result), &error);
    g_autoptr(ViewerDomainInfo) info = NULL;

    self->reading = FALSE;
    if (xml)
        info = viewer_domain_info_parse(xml, NULL, &error);
    if (info) {
        g_clear_pointer(&self->info, viewer_domain_info_free);
        self->info = g_steal_pointer(&info);
        g_signal_emit(self, signals[CHANGED], 0);
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        /* It is being removed, or the connection breaks: an event follows. */
        g_debug("%s: %s", self->uuid, error->message);
    }
    if (self->read_again) {
        self->read_again = FALSE;
        viewer_domain_read(self);
    }
}

static void
viewer_domain_read(ViewerDomain *self)
{
    g_autoptr(GTask) task = NULL;

    if (self->domain == NULL)
        return;
    if (self->reading) {
        self->read_again = TRUE;
        return;
    }
    self->reading = TRUE;
    task = g_task_new(self->domain, self->cancellable, on_read, g_object_ref(self));
    g_task_run_in_thread(task, read_in_thread);
}

/* --- Events --- */

static void
on_started(ViewerDomain *self)
{
    g_signal_emit(self, signals[STARTED], 0);
    /* What is in the XML of one that runs is what it was started with. */
    viewer_domain_read(self);
}

static void
viewer_domain_take(ViewerDomain *self, GVirDomain *domain)
{
    if (self->domain)
        g_signal_handlers_disconnect_by_data(self->domain, self);
    g_set_object(&self->domain, domain);
    if (domain == NULL)
        return;
    g_signal_connect_object(domain, "started", G_CALLBACK(on_started), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(domain, "stopped", G_CALLBACK(viewer_domain_read), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(domain, "updated", G_CALLBACK(viewer_domain_read), self,
                            G_CONNECT_SWAPPED);
    viewer_domain_read(self);
}

static void
on_domain_added(GVirConnection *connection G_GNUC_UNUSED, GVirDomain *domain, gpointer data)
{
    ViewerDomain *self = data;

    if (g_str_equal(gvir_domain_get_uuid(domain), self->uuid))
        viewer_domain_take(self, domain);
}

/* --- The connection --- */

/* libvirt's callbacks come in the main loop, and may come once more than one wants. */
static GWeakRef *
weak_new(ViewerDomain *self)
{
    GWeakRef *weak = g_new(GWeakRef, 1);

    g_weak_ref_init(weak, self);
    return weak;
}

static void
weak_free(void *data)
{
    g_weak_ref_clear(data);
    g_free(data);
}

static void
on_metadata_changed(virConnectPtr connection G_GNUC_UNUSED, virDomainPtr domain,
                    int type G_GNUC_UNUSED, const char *uri G_GNUC_UNUSED, void *data)
{
    g_autoptr(ViewerDomain) self = g_weak_ref_get(data);
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (self && virDomainGetUUIDString(domain, uuid) == 0 && g_str_equal(uuid, self->uuid))
        viewer_domain_read(self);
}

static gboolean
on_retry(gpointer data)
{
    ViewerDomain *self = data;

    self->retry = 0;
    viewer_domain_open(self);
    return G_SOURCE_REMOVE;
}

static void
viewer_domain_retry(ViewerDomain *self)
{
    if (self->retry == 0)
        self->retry = g_timeout_add_seconds(RETRY_SECONDS, on_retry, self);
}

static void
on_closed(virConnectPtr connection G_GNUC_UNUSED, int reason G_GNUC_UNUSED, void *data)
{
    g_autoptr(ViewerDomain) self = g_weak_ref_get(data);

    if (self == NULL)
        return;
    viewer_domain_take(self, NULL);
    viewer_domain_retry(self);
}

/* What libvirt-glib has no signals for; each call waits for libvirt. */

static void
watch_free(Watch *self)
{
    virConnectUnregisterCloseCallback(self->handle, on_closed);
    if (self->event >= 0)
        virConnectDomainEventDeregisterAny(self->handle, self->event);
    virConnectClose(self->handle);
    g_free(self);
}

static void
watch_in_thread(GTask *task, gpointer source, gpointer data G_GNUC_UNUSED,
                GCancellable *cancellable G_GNUC_UNUSED)
{
    ViewerDomain *self = source;
    Watch *watch = g_new0(Watch, 1);
    GWeakRef *weak = weak_new(self);

    /* A reference of its own */
    g_object_get(self->connection, "handle", &watch->handle, NULL);
    watch->event = virConnectDomainEventRegisterAny(
        watch->handle, NULL, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
        (virConnectDomainEventGenericCallback) G_CALLBACK(on_metadata_changed), weak, weak_free);
    if (watch->event < 0) {
        weak_free(weak);
        g_debug("no events for metadata: %s", virGetLastErrorMessage());
    }
    weak = weak_new(self);
    if (virConnectRegisterCloseCallback(watch->handle, on_closed, weak, weak_free) < 0) {
        weak_free(weak);
        g_debug("no event for a broken connection: %s", virGetLastErrorMessage());
    }
    g_task_return_pointer(task, watch, (GDestroyNotify) watch_free);
}

static void
on_watched(GObject *source, GAsyncResult *result, gpointer data G_GNUC_UNUSED)
{
    ViewerDomain *self = VIEWER_DOMAIN(source);

    g_clear_pointer(&self->watch, watch_free);
    self->watch = g_task_propagate_pointer(G_TASK(result), NULL);
}

static void
on_fetched(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(ViewerDomain) self = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GObject) domain = NULL;

    if (!gvir_connection_fetch_domains_finish(GVIR_CONNECTION(source), result, &error)) {
        g_debug("%s", error->message);
        return;
    }
    domain = (GObject *) gvir_connection_get_domain(GVIR_CONNECTION(source), self->uuid);
    if (domain)
        viewer_domain_take(self, GVIR_DOMAIN(domain));
}

static void
on_opened(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(ViewerDomain) self = data;
    GVirConnection *connection = GVIR_CONNECTION(source);
    g_autoptr(GError) error = NULL;
    g_autoptr(GTask) task = NULL;

    if (!gvir_connection_open_read_only_finish(connection, result, &error)) {
        g_debug("%s", error->message);
        /* Another machine is not asked again and again, each time with a login. */
        if (self->host == NULL && !g_cancellable_is_cancelled(self->cancellable))
            viewer_domain_retry(self);
        return;
    }
    if (self->host == NULL)
        self->host = viewer_uri_get_host(gvir_connection_get_uri(connection));
    g_signal_connect_object(connection, "domain-added", G_CALLBACK(on_domain_added), self, 0);

    task = g_task_new(self, NULL, on_watched, NULL);
    g_task_run_in_thread(task, watch_in_thread);
    gvir_connection_fetch_domains_async(connection, self->cancellable, on_fetched,
                                        g_object_ref(self));
}

static void
viewer_domain_open(ViewerDomain *self)
{
    if (self->connection)
        g_signal_handlers_disconnect_by_data(self->connection, self);
    g_clear_object(&self->connection);
    self->connection = gvir_connection_new(self->uri);
    gvir_connection_open_read_only_async(self->connection, self->cancellable, on_opened,
                                         g_object_ref(self));
}

/* --- The object --- */

static void
viewer_domain_dispose(GObject *object)
{
    ViewerDomain *self = VIEWER_DOMAIN(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_handle_id(&self->retry, g_source_remove);
    viewer_domain_take(self, NULL);
    g_clear_pointer(&self->watch, watch_free);
    g_clear_object(&self->connection);
    G_OBJECT_CLASS(viewer_domain_parent_class)->dispose(object);
}

static void
viewer_domain_finalize(GObject *object)
{
    ViewerDomain *self = VIEWER_DOMAIN(object);

    g_free(self->uri);
    g_free(self->uuid);
    g_free(self->host);
    g_clear_pointer(&self->info, viewer_domain_info_free);
    g_clear_object(&self->cancellable);
    G_OBJECT_CLASS(viewer_domain_parent_class)->finalize(object);
}

static void
viewer_domain_class_init(ViewerDomainClass *class)
{
    G_OBJECT_CLASS(class)->dispose = viewer_domain_dispose;
    G_OBJECT_CLASS(class)->finalize = viewer_domain_finalize;

    signals[CHANGED] = g_signal_new("changed", VIEWER_TYPE_DOMAIN, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
    signals[STARTED] = g_signal_new("started", VIEWER_TYPE_DOMAIN, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
}

static void
viewer_domain_init(ViewerDomain *self)
{
    self->cancellable = g_cancellable_new();
}

ViewerDomain *
viewer_domain_new(const char *uri, const char *uuid)
{
    ViewerDomain *self = g_object_new(VIEWER_TYPE_DOMAIN, NULL);

    self->uuid = g_strdup(uuid);
    self->host = uri ? viewer_uri_get_host(uri) : NULL;
    self->uri = self->host ? viewer_uri_without_questions(uri) : g_strdup(uri);
    gvir_event_register();
    viewer_domain_open(self);
    return self;
}

const ViewerDomainInfo *
viewer_domain_get_info(ViewerDomain *self)
{
    return self->info;
}

const char *
viewer_domain_get_host(ViewerDomain *self)
{
    return self->host;
}
