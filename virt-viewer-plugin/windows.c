/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "windows.h"

#include "display.h"

/* An update is under way: data of the application. An object has our handlers: its own data. */
#define DATA_PENDING "vdmabuf-windows-pending"
#define DATA_SEEN "vdmabuf-windows-seen"

#define ACTION "vdmabuf-statistics"
/* Beside virt-viewer's own F11 and Shift+F12 */
#define ACCELERATOR "<Shift>F11"

/* Whether it is the first time */
static gboolean
is_new(gpointer object)
{
    if (g_object_get_data(object, DATA_SEEN))
        return FALSE;
    g_object_set_data(object, DATA_SEEN, object);
    return TRUE;
}

/* (nullable): the display of ours in a window */
static ViewerDisplay *
get_display(VirtViewerWindow *window)
{
    VirtViewerDisplay *display = virt_viewer_window_get_display(window);

    return display && VIEWER_IS_DISPLAY(display) ? VIEWER_DISPLAY(display) : NULL;
}

/* --- Titles --- */

static void
set_subtitle(VirtViewerWindow *window)
{
    ViewerDisplay *display = get_display(window);
    g_autoptr(GObject) app = NULL;
    g_autofree char *guest = NULL;
    g_autofree char *present = NULL;
    g_autofree char *subtitle = NULL;

    if (display == NULL || viewer_display_get_title(display) == NULL)
        return;
    g_object_get(window, "app", &app, "subtitle", &present, NULL);
    g_object_get(app, "title", &guest, NULL);
    subtitle = g_strdup_printf("%s (%s)", guest ? guest : "", viewer_display_get_title(display));
    if (g_strcmp0(present, subtitle) != 0)
        g_object_set(window, "subtitle", subtitle, NULL);
}

/* --- The menu of displays --- */

/* (nullable) (transfer full): the menu entry's new text, if it is one of ours */
static char *
get_label(GList *windows, const char *action)
{
    for (GList *link = windows; link; link = link->next) {
        ViewerDisplay *display = get_display(link->data);
        g_autofree char *name = NULL;

        if (display == NULL || viewer_display_get_title(display) == NULL)
            continue;
        name = g_strdup_printf("app.monitor-%d",
                               virt_viewer_display_get_nth((VirtViewerDisplay *) display));
        if (g_strcmp0(name, action) == 0) {
            /* One underscore marks the letter for the keyboard. */
            g_auto(GStrv) parts = g_strsplit(viewer_display_get_title(display), "_", -1);

            return g_strjoinv("__", parts);
        }
    }
    return NULL;
}

static void
set_labels(GMenuModel *menu, GList *windows)
{
    for (int i = 0; i < g_menu_model_get_n_items(menu); i++) {
        g_autofree char *action = NULL;
        g_autofree char *present = NULL;
        g_autofree char *label = NULL;

        g_menu_model_get_item_attribute(menu, i, G_MENU_ATTRIBUTE_ACTION, "s", &action);
        g_menu_model_get_item_attribute(menu, i, G_MENU_ATTRIBUTE_LABEL, "s", &present);
        label = get_label(windows, action);
        if (label && g_strcmp0(label, present) != 0) {
            g_autoptr(GMenuItem) item = g_menu_item_new(label, action);

            g_menu_remove(G_MENU(menu), i);
            g_menu_insert_item(G_MENU(menu), i, item);
        }
    }
}

/* --- The statistics --- */

static void
on_statistics(GSimpleAction *action, GVariant *state, gpointer data)
{
    ViewerDisplay *display = get_display(data);

    if (display == NULL)
        return;
    g_simple_action_set_state(action, state);
    viewer_display_set_statistics(display, g_variant_get_boolean(state));
}

static void
add_action(VirtViewerWindow *window)
{
    const GActionEntry entry = {.name = ACTION, .state = "false", .change_state = on_statistics};
    GtkBuilder *builder = virt_viewer_window_get_builder(window);
    GObject *button = gtk_builder_get_object(builder, "header-action");
    GMenuModel *menu = NULL;

    g_action_map_add_action_entries(G_ACTION_MAP(virt_viewer_window_get_window(window)), &entry, 1,
                                    window);
    /* The same menu is in the header bar and in the bar of a full screen. */
    if (GTK_IS_MENU_BUTTON(button))
        menu = gtk_menu_button_get_menu_model(GTK_MENU_BUTTON(button));
    if (G_IS_MENU(menu)) {
        g_autoptr(GMenu) section = g_menu_new();
        g_autoptr(GMenuItem) item = g_menu_item_new("vdmabuf s_tatistics", "win." ACTION);

        g_menu_item_set_attribute(item, "hidden-when", "s", "action-disabled");
        g_menu_append_item(section, item);
        g_menu_append_section(G_MENU(menu), NULL, G_MENU_MODEL(section));
    }
}

static void
update_action(VirtViewerWindow *window)
{
    GActionMap *map = G_ACTION_MAP(virt_viewer_window_get_window(window));
    GAction *action = g_action_map_lookup_action(map, ACTION);

    g_simple_action_set_enabled(G_SIMPLE_ACTION(action), get_display(window) != NULL);
}

/* --- All together --- */

static gboolean
on_update(gpointer data)
{
    VirtViewerApp *app = data;
    GList *windows = virt_viewer_app_get_windows(app);

    g_object_set_data(G_OBJECT(app), DATA_PENDING, NULL);
    for (GList *link = windows; link; link = link->next) {
        g_autoptr(GMenuModel) menu = virt_viewer_window_get_menu_displays(link->data);

        if (is_new(link->data)) {
            g_signal_connect(link->data, "notify::subtitle", G_CALLBACK(set_subtitle), NULL);
            add_action(link->data);
        }
        set_subtitle(link->data);
        update_action(link->data);
        if (!G_IS_MENU(menu))
            continue;
        if (is_new(menu))
            g_signal_connect_object(menu, "items-changed", G_CALLBACK(viewer_windows_update), app,
                                    G_CONNECT_SWAPPED);
        set_labels(menu, windows);
    }
    return G_SOURCE_REMOVE;
}

void
viewer_windows_update(VirtViewerApp *app)
{
    if (is_new(app))
        gtk_application_set_accels_for_action(app, "win." ACTION,
                                              (const char *const[]) {ACCELERATOR, NULL});
    if (g_object_get_data(G_OBJECT(app), DATA_PENDING))
        return;
    g_object_set_data(G_OBJECT(app), DATA_PENDING, app);
    /* A menu must not change while it tells of a change; before it is drawn is early enough. */
    g_idle_add_full(G_PRIORITY_HIGH_IDLE, on_update, g_object_ref(app), g_object_unref);
}
