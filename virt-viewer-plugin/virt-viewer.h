/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this plug-in uses of virt-viewer 11. It installs no headers, but its program exports these
 * functions. They are weak here: the loader finds them when it loads the plug-in into virt-viewer,
 * and virt_viewer_is_known() says whether all are there and types are of the sizes written below.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VIRT_VIEWER_WEAK __attribute__((weak))

typedef GtkApplication VirtViewerApp;
typedef GObject VirtViewerSession;
typedef GObject VirtViewerWindow;
typedef GtkNotebook VirtViewerNotebook;

typedef struct {
    GtkBin parent;
} VirtViewerDisplay;

typedef struct {
    GtkBinClass parent;

    void (*send_keys)(VirtViewerDisplay *self, const guint *keyvals, int nr);
    GdkPixbuf *(*get_pixbuf)(VirtViewerDisplay *self);
    void (*release_cursor)(VirtViewerDisplay *self);
    void (*close)(VirtViewerDisplay *self);
    gboolean (*selectable)(VirtViewerDisplay *self);
    void (*enable)(VirtViewerDisplay *self);
    void (*disable)(VirtViewerDisplay *self);
} VirtViewerDisplayClass;

typedef struct {
    GtkApplicationClass parent;

    gboolean (*start)(VirtViewerApp *self, GError **error);
    gboolean (*initial_connect)(VirtViewerApp *self, GError **error);
    gboolean (*activate)(VirtViewerApp *self, GError **error);
    void (*deactivated)(VirtViewerApp *self, gboolean connect_error);
    gboolean (*open_connection)(VirtViewerApp *self, int *fd);
    void (*add_option_entries)(VirtViewerApp *self, GOptionContext *context, GOptionGroup *group);
} VirtViewerAppClass;

/* Bits of the display's "show-hint" */
#define VIRT_VIEWER_SHOW_READY (1 << 0)
#define VIRT_VIEWER_SHOW_DISABLED (1 << 1)

/* The sizes of the smallest display, and the zoom in percent that changes nothing */
#define VIRT_VIEWER_MIN_WIDTH 320
#define VIRT_VIEWER_MIN_HEIGHT 200

VIRT_VIEWER_WEAK GType virt_viewer_app_get_type(void);
/* (transfer none): of VirtViewerWindow */
VIRT_VIEWER_WEAK GList *virt_viewer_app_get_windows(VirtViewerApp *self);
VIRT_VIEWER_WEAK VirtViewerSession *virt_viewer_app_get_session(VirtViewerApp *self);
VIRT_VIEWER_WEAK gboolean virt_viewer_app_create_session(VirtViewerApp *self, const char *type,
                                                         GError **error);
VIRT_VIEWER_WEAK gboolean virt_viewer_app_get_fullscreen(VirtViewerApp *self);
VIRT_VIEWER_WEAK int virt_viewer_app_get_initial_monitor_for_display(VirtViewerApp *self, int nth);

VIRT_VIEWER_WEAK GType virt_viewer_session_get_type(void);
VIRT_VIEWER_WEAK VirtViewerApp *virt_viewer_session_get_app(VirtViewerSession *self);
VIRT_VIEWER_WEAK void virt_viewer_session_add_display(VirtViewerSession *self,
                                                      VirtViewerDisplay *display);
VIRT_VIEWER_WEAK void virt_viewer_session_remove_display(VirtViewerSession *self,
                                                         VirtViewerDisplay *display);

VIRT_VIEWER_WEAK VirtViewerDisplay *virt_viewer_window_get_display(VirtViewerWindow *self);
VIRT_VIEWER_WEAK GtkWindow *virt_viewer_window_get_window(VirtViewerWindow *self);
VIRT_VIEWER_WEAK VirtViewerNotebook *virt_viewer_window_get_notebook(VirtViewerWindow *self);
VIRT_VIEWER_WEAK GtkBuilder *virt_viewer_window_get_builder(VirtViewerWindow *self);
/* (transfer full) */
VIRT_VIEWER_WEAK GMenuModel *virt_viewer_window_get_menu_displays(VirtViewerWindow *self);
VIRT_VIEWER_WEAK void virt_viewer_window_enter_fullscreen(VirtViewerWindow *self, int monitor);

VIRT_VIEWER_WEAK void virt_viewer_notebook_show_status(VirtViewerNotebook *self, const char *format,
                                                       ...) G_GNUC_PRINTF(2, 3);

VIRT_VIEWER_WEAK GType virt_viewer_display_get_type(void);
VIRT_VIEWER_WEAK int virt_viewer_display_get_nth(VirtViewerDisplay *self);
VIRT_VIEWER_WEAK guint virt_viewer_display_get_show_hint(VirtViewerDisplay *self);
VIRT_VIEWER_WEAK void virt_viewer_display_set_show_hint(VirtViewerDisplay *self, guint mask,
                                                        gboolean enable);
VIRT_VIEWER_WEAK void virt_viewer_display_set_enabled(VirtViewerDisplay *self, gboolean enabled);
VIRT_VIEWER_WEAK void virt_viewer_display_set_desktop_size(VirtViewerDisplay *self, guint width,
                                                           guint height);

/* Only virt-viewer 11 has these two; the plug-in does not call them. */
VIRT_VIEWER_WEAK gboolean virt_viewer_session_has_vm_action(VirtViewerSession *self, int action);
VIRT_VIEWER_WEAK gboolean virt_viewer_app_get_supports_share_clipboard(VirtViewerApp *self);

/* Whether this process is a virt-viewer that the plug-in was written for; @error says what differs. */
gboolean virt_viewer_is_known(GError **error);

G_END_DECLS
