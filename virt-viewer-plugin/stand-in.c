/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stand-in.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "uri.h"

/* Data of a session that stands in, and of the application */
#define DATA_STAND_IN "vdmabuf-stand-in"
#define DATA_URI "vdmabuf-uri"
/* Of virt-viewer's type: what its class has had before us */
#define DATA_CLASS "vdmabuf-class"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

static const VirtViewerAppClass *
get_class(VirtViewerApp *app)
{
    return g_type_get_qdata(G_OBJECT_TYPE(app), g_quark_from_static_string(DATA_CLASS));
}

gboolean
viewer_session_is_stand_in(VirtViewerSession *session)
{
    return g_object_get_data(session, DATA_STAND_IN) != NULL;
}

static gboolean
is_needed(const ViewerDomainInfo *info)
{
    return info->devices->len > 0 && g_strcmp0(info->graphics, "vnc") != 0 &&
           g_strcmp0(info->graphics, "spice") != 0;
}

/* --- The session's life, as an open one would tell it --- */

static gboolean
on_open(gpointer data)
{
    VirtViewerSession *session = data;

    g_signal_emit_by_name(session, "session-connected");
    g_signal_emit_by_name(session, "session-initialized");
    return G_SOURCE_REMOVE;
}

static gboolean
on_closed(gpointer data)
{
    VirtViewerSession *session = data;
    g_autoptr(GObject) app = G_OBJECT(virt_viewer_session_get_app(session));

    g_object_ref(app);
    for (GList *link = virt_viewer_app_get_windows(GTK_APPLICATION(app)); link; link = link->next) {
        if (virt_viewer_window_get_display(link->data))
            return G_SOURCE_REMOVE;
    }
    if (virt_viewer_app_get_session(GTK_APPLICATION(app)) == session)
        g_signal_emit_by_name(session, "session-disconnected", NULL);
    return G_SOURCE_REMOVE;
}

/* virt-viewer has closed it when all displays have gone. */
static void
on_display_removed(VirtViewerSession *session)
{
    g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, on_closed, g_object_ref(session), g_object_unref);
}

static gboolean
make_session(VirtViewerApp *app, GError **error)
{
    VirtViewerSession *session;

    if (!virt_viewer_app_create_session(app, "vnc", error))
        return FALSE;
    session = virt_viewer_app_get_session(app);
    g_object_set_data(session, DATA_STAND_IN, session);
    g_signal_connect_after(session, "session-display-removed", G_CALLBACK(on_display_removed),
                           NULL);
    return TRUE;
}

void
viewer_stand_in_prepare(VirtViewerApp *app, const ViewerDomainInfo *info)
{
    if (is_needed(info) && virt_viewer_app_get_session(app) == NULL)
        make_session(app, NULL);
}

/* --- What virt-viewer does to connect --- */

/*
 * It was about to give up, with a dialog, and has asked libvirt the same in this way just before. Only
 * then libvirt is waited for.
 */
static gboolean
domain_needs_stand_in(VirtViewerApp *app)
{
    const char *uri = g_object_get_data(G_OBJECT(app), DATA_URI);
    g_autofree char *host = uri ? viewer_uri_get_host(uri) : NULL;
    g_autofree char *uuid = NULL;
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(virDomain) domain = NULL;
    g_autoptr(ViewerDomainInfo) info = NULL;
    char *xml = NULL;

    g_object_get(app, "uuid", &uuid, NULL);
    if (host || uuid == NULL || !g_uuid_string_is_valid(uuid))
        return FALSE;
    connection = virConnectOpenReadOnly(uri);
    if (connection)
        domain = virDomainLookupByUUIDString(connection, uuid);
    if (domain)
        xml = virDomainGetXMLDesc(domain, 0);
    if (xml)
        info = viewer_domain_info_parse(xml, NULL, NULL);
    free(xml);
    return info && is_needed(info);
}

static gboolean
stand_in_initial_connect(VirtViewerApp *app, GError **error)
{
    g_autoptr(GError) refusal = NULL;

    if (get_class(app)->initial_connect(app, &refusal))
        return TRUE;
    if (refusal == NULL || virt_viewer_app_get_session(app) || !domain_needs_stand_in(app)) {
        if (refusal)
            g_propagate_error(error, g_steal_pointer(&refusal));
        return FALSE;
    }
    return make_session(app, error) && get_class(app)->initial_connect(app, error);
}

static gboolean
stand_in_activate(VirtViewerApp *app, GError **error)
{
    VirtViewerSession *session = virt_viewer_app_get_session(app);

    if (session == NULL || !viewer_session_is_stand_in(session))
        return get_class(app)->activate(app, error);
    g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, on_open, g_object_ref(session), g_object_unref);
    return TRUE;
}

void
viewer_stand_in_install(VirtViewerApp *app, const char *uri)
{
    VirtViewerAppClass *class = (VirtViewerAppClass *) G_OBJECT_GET_CLASS(app);

    g_object_set_data_full(G_OBJECT(app), DATA_URI, g_strdup(uri), g_free);
    g_type_set_qdata(G_OBJECT_TYPE(app), g_quark_from_static_string(DATA_CLASS),
                     g_memdup2(class, sizeof(*class)));
    class->initial_connect = stand_in_initial_connect;
    class->activate = stand_in_activate;
}
