/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GTK module. GTK loads it into every program that is started with GTK_MODULES set, so it is small:
 * in virt-viewer it loads the plug-in, and in any other it does nothing.
 */
#include <gio/gio.h>
#include <gmodule.h>

#include "plugin.h"

G_MODULE_EXPORT void gtk_module_init(int *argc, char ***argv);

void
gtk_module_init(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    GApplication *app = g_application_get_default();
    GModule *plugin;
    union {
        gpointer address;
        void (*call)(GApplication *app);
    } start;

    if (app == NULL || !g_str_equal(G_OBJECT_TYPE_NAME(app), "VirtViewer"))
        return;
    plugin = g_module_open(VIEWER_PLUGIN_PATH, G_MODULE_BIND_LOCAL);
    if (plugin == NULL || !g_module_symbol(plugin, "viewer_plugin_start", &start.address)) {
        g_printerr("virt-viewer-vdmabuf: %s\n", g_module_error());
        return;
    }
    /* It registers types, which stay for the life of the process. */
    g_module_make_resident(plugin);
    start.call(app);
}
