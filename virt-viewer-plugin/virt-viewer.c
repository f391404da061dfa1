/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt-viewer.h"

/* Of virt-viewer 11.0 with GTK 3.24; an instance of a display is a GtkBin, of an application a
 * GtkApplication. */
static gboolean
has_sizes(GType type, gsize class_size, gsize instance_size, GError **error)
{
    GTypeQuery query;

    g_type_query(type, &query);
    if (query.class_size == class_size && query.instance_size == instance_size)
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "its type %s has %u and %u bytes instead of %" G_GSIZE_FORMAT
                " and %" G_GSIZE_FORMAT,
                query.type_name, query.class_size, query.instance_size, class_size, instance_size);
    return FALSE;
}

gboolean
virt_viewer_is_known(GError **error)
{
#define FUNCTION(name) {#name, (GCallback) name}
    const struct {
        const char *name;
        GCallback address;
    } functions[] = {
        FUNCTION(virt_viewer_app_get_type),
        FUNCTION(virt_viewer_app_get_windows),
        FUNCTION(virt_viewer_app_get_session),
        FUNCTION(virt_viewer_app_create_session),
        FUNCTION(virt_viewer_app_get_fullscreen),
        FUNCTION(virt_viewer_app_get_initial_monitor_for_display),
        FUNCTION(virt_viewer_session_get_type),
        FUNCTION(virt_viewer_session_get_app),
        FUNCTION(virt_viewer_session_add_display),
        FUNCTION(virt_viewer_session_remove_display),
        FUNCTION(virt_viewer_window_get_display),
        FUNCTION(virt_viewer_window_get_window),
        FUNCTION(virt_viewer_window_get_notebook),
        FUNCTION(virt_viewer_window_get_builder),
        FUNCTION(virt_viewer_window_get_menu_displays),
        FUNCTION(virt_viewer_window_enter_fullscreen),
        FUNCTION(virt_viewer_notebook_show_status),
        FUNCTION(virt_viewer_display_get_type),
        FUNCTION(virt_viewer_display_get_nth),
        FUNCTION(virt_viewer_display_get_show_hint),
        FUNCTION(virt_viewer_display_set_show_hint),
        FUNCTION(virt_viewer_display_set_enabled),
        FUNCTION(virt_viewer_display_set_desktop_size),
        FUNCTION(virt_viewer_session_has_vm_action),
        FUNCTION(virt_viewer_app_get_supports_share_clipboard),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(functions); i++) {
        if (functions[i].address == NULL) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "it has no %s()",
                        functions[i].name);
            return FALSE;
        }
    }
    return has_sizes(virt_viewer_display_get_type(), sizeof(VirtViewerDisplayClass),
                     sizeof(VirtViewerDisplay), error) &&
           has_sizes(virt_viewer_app_get_type(), sizeof(VirtViewerAppClass), sizeof(GtkApplication),
                     error);
}
