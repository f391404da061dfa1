/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "viewer-frames.h"

#include <stdio.h>

/* Of virt-viewer, which exports it: what is in one of its displays */
__attribute__((weak)) GdkPixbuf *virt_viewer_display_get_pixbuf(GtkWidget *display);

GtkWidget *
viewer_find_widget(GtkWidget *widget, const char *type)
{
    g_autoptr(GList) children = NULL;
    GtkWidget *found = NULL;

    if (g_str_equal(G_OBJECT_TYPE_NAME(widget), type))
        return widget;
    if (!GTK_IS_CONTAINER(widget))
        return NULL;
    children = gtk_container_get_children(GTK_CONTAINER(widget));
    for (GList *link = children; link && !found; link = link->next)
        found = viewer_find_widget(link->data, type);
    return found;
}

/* What is known of a widget that shows a guest's pictures */
typedef struct {
    guint frames;
    FILE *changes;
    int colour;
} Shown;

static void
shown_free(gpointer data)
{
    Shown *self = data;

    g_clear_pointer(&self->changes, fclose);
    g_free(self);
}

static void
note_change(Shown *self, GtkWidget *widget)
{
    g_autoptr(GdkPixbuf) pixbuf = virt_viewer_display_get_pixbuf(gtk_widget_get_parent(widget));
    int x, y, colour;

    if (!pixbuf)
        return;
    x = gdk_pixbuf_get_width(pixbuf) / 2 * gdk_pixbuf_get_n_channels(pixbuf);
    y = gdk_pixbuf_get_height(pixbuf) / 2 * gdk_pixbuf_get_rowstride(pixbuf);
    colour = gdk_pixbuf_read_pixels(pixbuf)[y + x];
    if (colour == self->colour)
        return;
    self->colour = colour;
    fprintf(self->changes, "%" G_GINT64_FORMAT " %d\n", g_get_monotonic_time(), colour);
    fflush(self->changes);
}

/* As a handler of "draw" it goes on to the widget's own. */
static gboolean
on_frame(GtkWidget *widget)
{
    Shown *self = g_object_get_data(G_OBJECT(widget), "shown");

    self->frames++;
    if (self->changes)
        note_change(self, widget);
    return FALSE;
}

/* Of ours a picture is counted once; for VNC and SPICE a picture is what is drawn. */
static GtkWidget *
find_shown(GtkWidget *root)
{
    static const char *const kinds[][2] = {
        {"VdmabufView", "picture"}, {"VncDisplay", "draw"}, {"SpiceDisplay", "draw"}};

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        GtkWidget *widget = viewer_find_widget(root, kinds[i][0]);

        if (!widget)
            continue;
        if (!g_object_get_data(G_OBJECT(widget), "shown")) {
            g_object_set_data_full(G_OBJECT(widget), "shown", g_new0(Shown, 1), shown_free);
            g_signal_connect(widget, kinds[i][1], G_CALLBACK(on_frame), NULL);
        }
        return widget;
    }
    return NULL;
}

void
viewer_frames(GtkWidget *root, const char *file, GString *answer)
{
    GtkWidget *widget = find_shown(root);
    Shown *shown;

    if (!widget) {
        g_string_append(answer, "error: no such widget\n");
        return;
    }
    shown = g_object_get_data(G_OBJECT(widget), "shown");
    if (file) {
        g_clear_pointer(&shown->changes, fclose);
        shown->changes = fopen(file, "w");
        shown->colour = -1;
    }
    g_string_append_printf(answer, "%u\n", shown->frames);
}
