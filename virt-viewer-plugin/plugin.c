/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plug-in's beginning: the GTK module calls viewer_plugin_start() in virt-viewer, and only there. */
#include <gmodule.h>

#include "controller.h"
#include "plugin.h"
#include "stand-in.h"
#include "uri.h"
#include "virt-viewer.h"

#define DATA_CONTROLLER "vdmabuf-controller"

/* Each argument ends with a NUL, also in the file. */
static char *
get_uri(void)
{
    g_autofree char *contents = NULL;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_autofree char *uri = NULL;
    gsize length;

    if (!g_file_get_contents("/proc/self/cmdline", &contents, &length, NULL))
        return NULL;
    for (char *argument = contents; argument < contents + length; argument += strlen(argument) + 1)
        g_ptr_array_add(arguments, argument);
    g_ptr_array_add(arguments, NULL);
    uri = viewer_uri_from_arguments((const char *const *) arguments->pdata);
    return g_strdup(uri ? uri : g_getenv("LIBVIRT_DEFAULT_URI"));
}

static gboolean
on_session(gpointer data)
{
    VirtViewerSession *session = data;
    VirtViewerApp *app = virt_viewer_session_get_app(session);
    ViewerController *controller = app ? g_object_get_data(G_OBJECT(app), DATA_CONTROLLER) : NULL;

    /* It may be over already. */
    if (controller && virt_viewer_app_get_session(app) == session)
        viewer_controller_take_session(controller, session);
    return G_SOURCE_REMOVE;
}

/*
 * virt-viewer makes a session object for each connection and tells nobody. Whichever it is, it says
 * when it is connected; its displays follow at once.
 */
static gboolean
on_session_connected(GSignalInvocationHint *hint G_GNUC_UNUSED, guint nr G_GNUC_UNUSED,
                     const GValue *values, gpointer data G_GNUC_UNUSED)
{
    g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, on_session, g_value_dup_object(&values[0]),
                    g_object_unref);
    return TRUE;
}

void
viewer_plugin_start(GApplication *app)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *uri = NULL;
    guint signal;

    if (g_object_get_data(G_OBJECT(app), DATA_CONTROLLER))
        return;
    if (!virt_viewer_is_known(&error)) {
        g_printerr("virt-viewer-vdmabuf: this is not the virt-viewer 11 that it was made for (%s): "
                   "it shows no vdmabuf displays\n",
                   error->message);
        return;
    }
    uri = get_uri();
    g_object_set_data_full(G_OBJECT(app), DATA_CONTROLLER,
                           viewer_controller_new(GTK_APPLICATION(app), uri), g_object_unref);
    viewer_stand_in_install(GTK_APPLICATION(app), uri);
    /* Signals are there when the class is. */
    g_type_class_unref(g_type_class_ref(virt_viewer_session_get_type()));
    signal = g_signal_lookup("session-connected", virt_viewer_session_get_type());
    if (signal)
        g_signal_add_emission_hook(signal, 0, on_session_connected, NULL, NULL);
}
