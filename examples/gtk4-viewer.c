/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gtk4-viewer DOMAIN|SOCKET: what a domain's outputs show, each in a window, with GTK 4.14 or newer.
 * GTK imports the guest's dma-bufs; nothing is copied on the way.
 */
#include <gtk/gtk.h>
#include <string.h>
#include <vdmabuf-stream.h>

typedef struct {
    GtkApplication *application;
    VdmabufStream *stream;
    GtkWidget *status;
    const char *name;
} Viewer;

static GdkTexture *
make_texture(VdmabufPicture *picture, GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    int fd = vdmabuf_buffer_get_fd(vdmabuf_picture_get_buffer(picture));
    g_autoptr(GdkDmabufTextureBuilder) builder = gdk_dmabuf_texture_builder_new();
    GdkTexture *texture;

    gdk_dmabuf_texture_builder_set_width(builder, frame->width);
    gdk_dmabuf_texture_builder_set_height(builder, frame->height);
    gdk_dmabuf_texture_builder_set_fourcc(builder, vdmabuf_frame_get_opaque_fourcc(frame));
    gdk_dmabuf_texture_builder_set_modifier(builder, frame->modifier);
    gdk_dmabuf_texture_builder_set_n_planes(builder, frame->nr_planes);
    for (guint i = 0; i < frame->nr_planes; i++) {
        gdk_dmabuf_texture_builder_set_fd(builder, i, fd);
        gdk_dmabuf_texture_builder_set_offset(builder, i, frame->planes[i].offset);
        gdk_dmabuf_texture_builder_set_stride(builder, i, frame->planes[i].stride);
    }
    texture = gdk_dmabuf_texture_builder_build(builder, NULL, NULL, error);
    /* The frame goes back to the guest when GTK lets go of the texture. */
    if (texture != NULL)
        g_object_set_data_full(G_OBJECT(texture), "picture", vdmabuf_picture_ref(picture),
                               (GDestroyNotify) vdmabuf_picture_unref);
    return texture;
}

static GdkPaintable *
make_paintable(VdmabufPicture *picture, GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    g_autoptr(GdkTexture) texture = make_texture(picture, error);
    GtkSnapshot *snapshot;

    if (texture == NULL || !(frame->flags & VDMABUF_FRAME_Y_INVERTED))
        return (GdkPaintable *) g_steal_pointer(&texture);

    snapshot = gtk_snapshot_new();
    gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(0, (float) frame->height));
    gtk_snapshot_scale(snapshot, 1, -1);
    gdk_paintable_snapshot(GDK_PAINTABLE(texture), snapshot, frame->width, frame->height);
    return gtk_snapshot_free_to_paintable(
        snapshot, &GRAPHENE_SIZE_INIT((float) frame->width, (float) frame->height));
}

/* The display's frame clock says when the next picture is taken: that is the guest's pace. */
static gboolean
on_tick(GtkWidget *widget, G_GNUC_UNUSED GdkFrameClock *clock, gpointer data)
{
    g_autoptr(VdmabufPicture) picture = vdmabuf_output_take_picture(data);
    g_autoptr(GdkPaintable) paintable = NULL;
    g_autoptr(GError) error = NULL;

    /* Nothing that is no longer live stays on the screen. */
    if (vdmabuf_output_get_state(data) != VDMABUF_OUTPUT_SHOWING)
        gtk_picture_set_paintable(GTK_PICTURE(widget), NULL);
    if (picture == NULL)
        return G_SOURCE_CONTINUE;
    paintable = make_paintable(picture, &error);
    if (paintable == NULL)
        g_printerr("A picture cannot be shown: %s\n", error->message);
    gtk_picture_set_paintable(GTK_PICTURE(widget), paintable);
    return G_SOURCE_CONTINUE;
}

static void
on_size_changed(VdmabufOutput *output, GtkWindow *window)
{
    guint32 width, height;

    vdmabuf_output_get_size(output, &width, &height);
    gtk_window_set_default_size(window, (int) width, (int) height);
}

static void
on_output_added(G_GNUC_UNUSED VdmabufStream *stream, VdmabufOutput *output, Viewer *self)
{
    GtkWidget *window = gtk_application_window_new(self->application);
    GtkWidget *picture = gtk_picture_new();

    gtk_window_set_title(GTK_WINDOW(window), self->name);
    g_signal_connect_swapped(window, "close-request", G_CALLBACK(g_application_quit),
                             self->application);
    gtk_window_set_child(GTK_WINDOW(window), gtk_graphics_offload_new(picture));
    gtk_widget_add_tick_callback(picture, on_tick, g_object_ref(output), g_object_unref);
    g_signal_connect_object(output, "size-changed", G_CALLBACK(on_size_changed), window, 0);
    gtk_window_present(GTK_WINDOW(window));
}

static void
on_state(VdmabufStream *stream, G_GNUC_UNUSED GParamSpec *pspec, Viewer *self)
{
    gtk_label_set_text(GTK_LABEL(gtk_window_get_child(GTK_WINDOW(self->status))),
                       vdmabuf_stream_get_message(stream));
    gtk_widget_set_visible(self->status,
                           vdmabuf_stream_get_state(stream) != VDMABUF_STREAM_STREAMING);
}

static void
on_activate(GtkApplication *application, Viewer *self)
{
    self->status = gtk_application_window_new(application);
    gtk_window_set_child(GTK_WINDOW(self->status), gtk_label_new(NULL));
    g_signal_connect(self->stream, "output-added", G_CALLBACK(on_output_added), self);
    g_signal_connect(self->stream, "notify::message", G_CALLBACK(on_state), self);
    vdmabuf_stream_start(self->stream);
}

int
main(int argc, char **argv)
{
    g_autoptr(GtkApplication) application = gtk_application_new(NULL, G_APPLICATION_DEFAULT_FLAGS);
    g_autoptr(GPtrArray) endpoints = vdmabuf_endpoint_list(NULL, NULL);
    g_autoptr(VdmabufStream) stream = NULL;
    const char *path = argc == 2 ? argv[1] : "";
    Viewer self = {.application = application, .name = path};

    for (guint i = 0; endpoints != NULL && i < endpoints->len; i++) {
        const VdmabufEndpoint *endpoint = g_ptr_array_index(endpoints, i);

        if (strcmp(endpoint->domain, self.name) == 0)
            path = endpoint->path;
    }
    if (strchr(path, '/') == NULL) {
        g_printerr("Usage: %s DOMAIN|SOCKET, of a domain that runs and has a vdmabuf device\n",
                   argv[0]);
        return 1;
    }

    self.stream = stream = vdmabuf_stream_new(path);
    g_signal_connect(application, "activate", G_CALLBACK(on_activate), &self);
    return g_application_run(G_APPLICATION(application), 0, NULL);
}
