/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A GTK module for tests: does in a GTK 3 program what a person would, and tells what a person would
 * see. $VIEWER_CONTROL is the socket it listens on. One line is a command and one or more lines, then
 * a line with a dot, are its answer:
 *
 *   windows                      title, size, place and size of the view, and what is to be seen, of
 *                                each window that is shown
 *   menu TITLE                   the entries of a window's menu of displays
 *   frames TITLE                 how many pictures it has drawn since it was first asked
 *   changes TITLE FILE           from now on, a line of time (us) and colour (of red, in the middle)
 *                                into the file whenever it has drawn another one
 *   action TITLE NAME [STATE]    activates win.NAME or app.NAME, or changes its state
 *   save FILE                    answers a file chooser
 *   close                        answers a question with yes
 *   event TITLE KIND X Y VALUE   motion, press, release (VALUE: button), keydown, keyup (hardware code)
 *
 * TITLE is a part of a window's title; blanks in it are written as '+'.
 */
#include <execinfo.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <gmodule.h>
#include <gtk/gtk.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "viewer-frames.h"

G_MODULE_EXPORT void gtk_module_init(int *argc, char ***argv);

static GtkWindow *
find_window(const char *title)
{
    g_autoptr(GList) all = gtk_window_list_toplevels();
    g_autofree char *wanted = g_strdelimit(g_strdup(title), "+", ' ');

    for (GList *link = all; link; link = link->next) {
        const char *present = gtk_window_get_title(link->data);

        if (GTK_IS_APPLICATION_WINDOW(link->data) && present && strstr(present, wanted))
            return link->data;
    }
    return NULL;
}

/* What the notebook shows: "picture", or the sentence instead of it. */
static char *
describe_page(GtkWindow *window)
{
    GtkWidget *notebook = viewer_find_widget(GTK_WIDGET(window), "VirtViewerNotebook");
    GtkWidget *page;

    if (notebook == NULL)
        return g_strdup("-");
    page = gtk_notebook_get_nth_page(GTK_NOTEBOOK(notebook),
                                     gtk_notebook_get_current_page(GTK_NOTEBOOK(notebook)));
    if (GTK_IS_LABEL(page))
        return g_strdup_printf("status: %s", gtk_label_get_text(GTK_LABEL(page)));
    return g_strdup_printf("picture: %s", G_OBJECT_TYPE_NAME(page));
}

static void
do_windows(GString *answer)
{
    g_autoptr(GList) all = gtk_window_list_toplevels();

    for (GList *link = all; link; link = link->next) {
        GtkWindow *window = link->data;
        g_autofree char *page = NULL;
        GtkWidget *view;
        int width, height, x = 0, y = 0;

        if (!gtk_widget_get_visible(link->data) || gtk_window_get_title(window) == NULL)
            continue;
        page = describe_page(window);
        gtk_window_get_size(window, &width, &height);
        view = viewer_find_widget(link->data, "VdmabufView");
        if (view)
            gtk_widget_translate_coordinates(view, link->data, 0, 0, &x, &y);
        g_string_append_printf(answer, "%s | %dx%d | view %dx%d %d %d | %s | %s\n",
                               gtk_window_get_title(window), width, height,
                               view ? gtk_widget_get_allocated_width(view) : 0,
                               view ? gtk_widget_get_allocated_height(view) : 0, x, y,
                               G_OBJECT_TYPE_NAME(window), g_strdelimit(page, "\n", ' '));
    }
}

static void
do_menu(GtkWindow *window, GString *answer)
{
    GtkWidget *header = gtk_window_get_titlebar(window);
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(header));

    for (GList *link = children; link; link = link->next) {
        g_autoptr(GMenuModel) section = NULL;
        GMenuModel *menu;

        if (!GTK_IS_MENU_BUTTON(link->data))
            continue;
        menu = gtk_menu_button_get_menu_model(link->data);
        if (menu == NULL || g_menu_model_get_n_items(menu) == 0)
            continue;
        section = g_menu_model_get_item_link(menu, 0, G_MENU_LINK_SECTION);
        for (int i = 0; section && i < g_menu_model_get_n_items(section); i++) {
            g_autofree char *label = NULL;
            g_autofree char *action = NULL;

            g_menu_model_get_item_attribute(section, i, "label", "s", &label);
            g_menu_model_get_item_attribute(section, i, "action", "s", &action);
            if (action && g_str_has_prefix(action, "app.monitor-"))
                g_string_append_printf(answer, "%s %s\n", action, label);
        }
    }
}

typedef struct {
    GActionGroup *group;
    char *name;
    GVariant *state;
} Action;

/* An action may open a dialog that has a main loop of its own: the answer does not wait for it. */
static gboolean
on_action(gpointer data)
{
    Action *action = data;

    if (action->state)
        g_action_group_change_action_state(action->group, action->name, action->state);
    else
        g_action_group_activate_action(action->group, action->name, NULL);
    g_object_unref(action->group);
    g_free(action->name);
    g_clear_pointer(&action->state, g_variant_unref);
    g_free(action);
    return G_SOURCE_REMOVE;
}

static void
do_action(GtkWindow *window, const char *name, const char *state, GString *answer)
{
    GActionGroup *groups[] = {G_ACTION_GROUP(window), G_ACTION_GROUP(g_application_get_default())};

    for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
        Action *action;

        if (!g_action_group_has_action(groups[i], name))
            continue;
        if (!g_action_group_get_action_enabled(groups[i], name)) {
            g_string_append(answer, "error: not enabled\n");
            return;
        }
        action = g_new0(Action, 1);
        action->group = g_object_ref(groups[i]);
        action->name = g_strdup(name);
        if (state)
            action->state = g_variant_ref_sink(g_variant_new_boolean(g_str_equal(state, "true")));
        g_idle_add(on_action, action);
        return;
    }
    g_string_append(answer, "error: no such action\n");
}

static void
do_answer(const char *file, GString *answer)
{
    g_autoptr(GList) all = gtk_window_list_toplevels();

    for (GList *link = all; link; link = link->next) {
        if (file && GTK_IS_FILE_CHOOSER(link->data)) {
            g_autofree char *folder = g_path_get_dirname(file);
            g_autofree char *name = g_path_get_basename(file);

            gtk_file_chooser_set_current_folder(link->data, folder);
            gtk_file_chooser_set_current_name(link->data, name);
            g_string_append(answer, "saved\n");
            gtk_dialog_response(link->data, GTK_RESPONSE_ACCEPT);
            return;
        }
        if (!file && GTK_IS_MESSAGE_DIALOG(link->data)) {
            g_string_append(answer, "closed\n");
            gtk_dialog_response(link->data, GTK_RESPONSE_OK);
            return;
        }
    }
    g_string_append(answer, "error: no such dialog\n");
}

static void
do_event(GtkWindow *window, char **words, GString *answer)
{
    GtkWidget *view = viewer_find_widget(GTK_WIDGET(window), "VdmabufView");
    GdkSeat *seat = gdk_display_get_default_seat(gdk_display_get_default());
    const char *kind = words[0];
    double x = g_ascii_strtod(words[1], NULL), y = g_ascii_strtod(words[2], NULL);
    guint value = (guint) g_ascii_strtoull(words[3], NULL, 10);
    g_autoptr(GdkEvent) event = NULL;

    if (view == NULL) {
        g_string_append(answer, "error: no view\n");
        return;
    }
    if (g_str_equal(kind, "motion")) {
        event = gdk_event_new(GDK_MOTION_NOTIFY);
        event->motion.x = x;
        event->motion.y = y;
    } else if (g_str_has_prefix(kind, "key")) {
        event = gdk_event_new(g_str_equal(kind, "keydown") ? GDK_KEY_PRESS : GDK_KEY_RELEASE);
        event->key.hardware_keycode = (guint16) value;
    } else {
        event = gdk_event_new(g_str_equal(kind, "press") ? GDK_BUTTON_PRESS : GDK_BUTTON_RELEASE);
        event->button.x = x;
        event->button.y = y;
        event->button.button = value;
    }
    event->any.window = g_object_ref(gtk_widget_get_window(view));
    if (seat)
        gdk_event_set_device(event, gdk_seat_get_pointer(seat));
    gtk_widget_event(view, event);
}

static void
do_command(const char *line, GString *answer)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    guint nr = g_strv_length(words);
    GtkWindow *window = nr > 1 ? find_window(words[1]) : NULL;

    if (g_str_equal(line, "windows"))
        do_windows(answer);
    else if (g_str_equal(line, "close"))
        do_answer(NULL, answer);
    else if (nr == 2 && g_str_equal(words[0], "save"))
        do_answer(words[1], answer);
    else if (nr > 1 && window == NULL)
        g_string_append(answer, "error: no such window\n");
    else if (nr == 2 && g_str_equal(words[0], "menu"))
        do_menu(window, answer);
    else if (nr == 2 && g_str_equal(words[0], "frames"))
        viewer_frames(GTK_WIDGET(window), NULL, answer);
    else if (nr == 3 && g_str_equal(words[0], "changes"))
        viewer_frames(GTK_WIDGET(window), words[2], answer);
    else if (nr >= 3 && g_str_equal(words[0], "action"))
        do_action(window, words[2], words[3], answer);
    else if (nr == 6 && g_str_equal(words[0], "event"))
        do_event(window, words + 2, answer);
    else
        g_string_append(answer, "error: no such command\n");
}

static void
on_line(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GSocketConnection) connection = data;
    GDataInputStream *input = G_DATA_INPUT_STREAM(source);
    g_autofree char *line = g_data_input_stream_read_line_finish(input, result, NULL, NULL);
    g_autoptr(GString) answer = g_string_new(NULL);

    if (line) {
        do_command(line, answer);
        g_string_append(answer, ".\n");
        g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
                                  answer->str, answer->len, NULL, NULL, NULL);
    }
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
}

static gboolean
on_incoming(GSocketService *service G_GNUC_UNUSED, GSocketConnection *connection,
            GObject *source G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
    g_autoptr(GDataInputStream) input =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));

    g_data_input_stream_read_line_async(input, G_PRIORITY_DEFAULT, NULL, on_line,
                                        g_object_ref(connection));
    return TRUE;
}

/* A crash says where. */
static void
on_crash(int number)
{
    void *frames[64];

    backtrace_symbols_fd(frames, backtrace(frames, G_N_ELEMENTS(frames)), STDERR_FILENO);
    signal(number, SIG_DFL);
    raise(number);
}

void
gtk_module_init(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    const char *path = g_getenv("VIEWER_CONTROL");
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GError) error = NULL;
    GSocketService *service;

    if (path == NULL || g_application_get_default() == NULL)
        return;
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
    signal(SIGABRT, on_crash);
    /* It stays until the program ends. */
    service = g_socket_service_new();
    address = g_unix_socket_address_new(path);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error))
        g_printerr("viewer-control: %s\n", error->message);
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), NULL);
}
