/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stage.h"

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RAM_BYTES (64u << 20)

G_STATIC_ASSERT(sizeof(struct vdmabuf_frame) == sizeof(struct virtio_vdmabuf_frame_desc));

/* --- The guest --- */

static int
open_consumer(Guest *guest)
{
    struct vdmabuf_consumer consumer = {.pid = getpid()};

    g_assert_no_errno(ioctl(guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &consumer));
    return consumer.fd;
}

void
stage_buffer_init(Stage *self, StageBuffer *buffer, gsize bytes)
{
    guint64 count = (bytes + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE;

    *buffer = (StageBuffer) {
        .memory = self->guest->ram + self->pages * GUEST_PAGE_SIZE,
        .bytes = count * GUEST_PAGE_SIZE,
    };
    g_assert_cmpuint((self->pages + count) * GUEST_PAGE_SIZE, <=, RAM_BYTES);
    g_assert_cmpuint(guest_register_run(self->guest, self->pages, count, &buffer->id), ==,
                     VIRTIO_VDMABUF_S_OK);
    self->pages += count;
}

void
stage_buffer_drop(Stage *self, StageBuffer *buffer)
{
    g_assert_cmpuint(guest_unregister(self->guest, &buffer->id), ==, VIRTIO_VDMABUF_S_OK);
    buffer->sequence = 0;
}

void
stage_send(Stage *self, StageBuffer *buffer, const struct vdmabuf_frame *frame)
{
    struct virtio_vdmabuf_frame_desc desc;

    /* The same fields in the same places; the wire has the byte order of this machine. */
    memcpy(&desc, frame, sizeof(desc));
    desc.timestamp_ns = (guint64) g_get_monotonic_time() * 1000;
    buffer->sequence = 0;
    g_assert_cmpuint(guest_frame(self->guest, &buffer->id, &desc, &buffer->sequence), ==,
                     VIRTIO_VDMABUF_S_OK);
    self->sent++;
}

void
stage_collect(Stage *self, StageBuffer *buffers, guint count)
{
    struct virtio_vdmabuf_event event;

    while (guest_next_event(self->guest, &event, 0)) {
        struct vdmabuf_id id;

        if (event.type != VIRTIO_VDMABUF_EVT_RELEASED)
            continue;
        guest_id_from_wire(&id, &event.id);
        for (guint i = 0; i < count; i++) {
            if (guest_id_equal(&buffers[i].id, &id) && buffers[i].sequence == event.value)
                buffers[i].sequence = 0;
        }
    }
}

/* --- The window --- */

const char *
stage_get_expected_path(void)
{
    const char *path = g_getenv("VDMABUF_TEST_PATH");

    if (path == NULL)
        g_error("VDMABUF_TEST_PATH has to say which way to the screen is tested");
    return path;
}

static gboolean
on_tick(G_GNUC_UNUSED gpointer data)
{
    return G_SOURCE_CONTINUE;
}

void
stage_iterate(void)
{
    g_main_context_iteration(NULL, TRUE);
}

static void
on_output_added(G_GNUC_UNUSED VdmabufStream *stream, VdmabufOutput *output, gpointer data)
{
    Stage *self = data;

    if (self->output != NULL)
        return;
    self->output = output;
    vdmabuf_view_set_output(self->view, output);
}

/* A compositor without a keyboard, as in the lab, makes GTK complain of itself. */
static gboolean
is_fatal(G_GNUC_UNUSED const char *domain, G_GNUC_UNUSED GLogLevelFlags level, const char *message,
         G_GNUC_UNUSED gpointer data)
{
    return strstr(message, "SEAT") == NULL;
}

static void
log_gdk(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    if (is_fatal(domain, level, message, data))
        g_log_default_handler(domain, level, message, data);
}

Stage *
stage_new(void)
{
    const GuestOptions options = {.ram_bytes = RAM_BYTES};
    Stage *self = g_new0(Stage, 1);

    g_test_log_set_fatal_handler(is_fatal, NULL);
    g_log_set_handler("Gdk", G_LOG_LEVEL_CRITICAL | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION,
                      log_gdk, NULL);
    gtk_init(NULL, NULL);
    /* So that a wait in vain ends */
    self->tick = g_timeout_add(50, on_tick, NULL);
    self->guest = guest_new(&options);
    self->stream = vdmabuf_stream_new_for_fd(open_consumer(self->guest));
    g_signal_connect(self->stream, "output-added", G_CALLBACK(on_output_added), self);
    vdmabuf_stream_start(self->stream);

    self->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_decorated(GTK_WINDOW(self->window), FALSE);
    gtk_window_set_default_size(GTK_WINDOW(self->window), STAGE_WIDTH, STAGE_HEIGHT);
    gtk_window_fullscreen(GTK_WINDOW(self->window));
    self->view = VDMABUF_VIEW(vdmabuf_view_new(NULL));
    gtk_container_add(GTK_CONTAINER(self->window), GTK_WIDGET(self->view));
    gtk_widget_show_all(self->window);
    stage_wait(gtk_widget_get_allocated_width(GTK_WIDGET(self->view)) == STAGE_WIDTH &&
               gtk_widget_get_allocated_height(GTK_WIDGET(self->view)) == STAGE_HEIGHT);
    return self;
}

void
stage_free(Stage *self)
{
    gtk_widget_destroy(self->window);
    g_object_add_weak_pointer(G_OBJECT(self->stream), (gpointer *) &self->stream);
    g_object_unref(self->stream);
    while (self->stream != NULL)
        stage_iterate();
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_source_remove(self->tick);
    guest_free(self->guest);
    g_free(self);
}

guint64
stage_count_shown(Stage *self)
{
    VdmabufViewStats stats;

    vdmabuf_view_get_stats(self->view, &stats);
    return stats.shown;
}

guint
stage_count_held(Stage *self)
{
    VdmabufViewStats stats;

    vdmabuf_view_get_stats(self->view, &stats);
    return stats.held;
}

/* --- Pictures --- */

void
stage_frame_init(struct vdmabuf_frame *frame, guint32 width, guint32 height)
{
    vdmabuf_frame_init(frame, DRM_FORMAT_XRGB8888, width, height, width * 4);
}

guint32
stage_pixel(guint32 x, guint32 y, guint32 seed)
{
    guint32 value = (x * 73856093u) ^ (y * 19349663u) ^ (seed * 83492791u);

    return (value ^ value >> 13) & 0xffffff;
}

void
stage_draw(StageBuffer *buffer, const struct vdmabuf_frame *frame, guint32 seed, guint8 alpha)
{
    for (guint32 y = 0; y < frame->height; y++) {
        guint32 line = frame->flags & VDMABUF_FRAME_Y_INVERTED ? frame->height - 1 - y : y;
        guint32 *row = (gpointer) (buffer->memory + frame->planes[0].offset +
                                   (gsize) frame->planes[0].stride * line);

        for (guint32 x = 0; x < frame->width; x++)
            row[x] = (guint32) alpha << 24 | stage_pixel(x, y, seed);
    }
}

/* --- The screen --- */

static GdkPixbuf *
take_x11(Stage *self)
{
    GdkWindow *window = gtk_widget_get_window(self->window);
    int x, y;

    gdk_window_get_origin(window, &x, &y);
    gdk_display_sync(gdk_display_get_default());
    return gdk_pixbuf_get_from_window(gdk_get_default_root_window(), x, y, STAGE_WIDTH,
                                      STAGE_HEIGHT);
}

/* The compositor's own program writes a file of a name that it chooses. */
static GdkPixbuf *
take_wayland(void)
{
    char *argv[] = {"weston-screenshooter", NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("stage-XXXXXX", &error);
    g_autoptr(GdkPixbuf) pixbuf = NULL;
    g_autoptr(GDir) dir = NULL;
    const char *name;
    int status = 0;

    g_assert_no_error(error);
    g_spawn_sync(directory, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);

    dir = g_dir_open(directory, 0, &error);
    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_set_object(&pixbuf, NULL);
        pixbuf = gdk_pixbuf_new_from_file(path, &error);
        g_assert_no_error(error);
        g_unlink(path);
    }
    g_rmdir(directory);
    g_assert_nonnull(pixbuf);
    return g_steal_pointer(&pixbuf);
}

static GdkPixbuf *
take_screen(Stage *self)
{
    const char *type = G_OBJECT_TYPE_NAME(gdk_display_get_default());

    return g_str_equal(type, "GdkX11Display") ? take_x11(self) : take_wayland();
}

static guint32
get_pixel(GdkPixbuf *pixbuf, int x, int y)
{
    const guint8 *at = gdk_pixbuf_read_pixels(pixbuf) + y * gdk_pixbuf_get_rowstride(pixbuf) +
                       x * gdk_pixbuf_get_n_channels(pixbuf);

    return (guint32) at[0] << 16 | (guint32) at[1] << 8 | at[2];
}

static guint
count_differences(GdkPixbuf *pixbuf, StagePixelFunc pixel, gconstpointer data, char **first)
{
    guint count = 0;

    for (int y = 0; y < STAGE_HEIGHT; y++) {
        for (int x = 0; x < STAGE_WIDTH; x++) {
            guint32 expected = pixel(x, y, data), found = get_pixel(pixbuf, x, y);

            if (expected != found && count++ == 0)
                *first = g_strdup_printf("%d,%d is %06x and not %06x", x, y, found, expected);
        }
    }
    return count;
}

void
stage_expect(Stage *self, StagePixelFunc pixel, gconstpointer data)
{
    gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    g_autoptr(GdkPixbuf) screen = NULL;

    for (;;) {
        g_autofree char *first = NULL;
        guint count;

        stage_iterate();
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_clear_object(&screen);
        screen = take_screen(self);
        g_assert_cmpint(gdk_pixbuf_get_width(screen), ==, STAGE_WIDTH);
        g_assert_cmpint(gdk_pixbuf_get_height(screen), ==, STAGE_HEIGHT);
        count = count_differences(screen, pixel, data, &first);
        if (count == 0)
            return;
        if (g_get_monotonic_time() > deadline) {
            if (g_getenv("LAB_OUT") != NULL) {
                g_autofree char *path =
                    g_strdup_printf("%s/stage-%d.png", g_getenv("LAB_OUT"), getpid());

                gdk_pixbuf_save(screen, path, "png", NULL, NULL);
            }
            g_error("%u pixels of the screen are wrong; %s", count, first);
        }
    }
}

typedef struct {
    guint32 width, height;
    guint zoom;
    guint32 seed;
} Expected;

static guint32
expected_pixel(int x, int y, gconstpointer data)
{
    const Expected *self = data;
    int zoom = (int) self->zoom;
    int left = (STAGE_WIDTH - (int) self->width * zoom) / 2;
    int top = (STAGE_HEIGHT - (int) self->height * zoom) / 2;

    if (x < left || y < top || x >= left + (int) self->width * zoom ||
        y >= top + (int) self->height * zoom)
        return 0;
    return stage_pixel((guint32) ((x - left) / zoom), (guint32) ((y - top) / zoom), self->seed);
}

void
stage_expect_picture(Stage *self, guint32 width, guint32 height, guint zoom, guint32 seed)
{
    const Expected expected = {width, height, zoom, seed};

    stage_expect(self, expected_pixel, &expected);
}

static guint32
black_pixel(G_GNUC_UNUSED int x, G_GNUC_UNUSED int y, G_GNUC_UNUSED gconstpointer data)
{
    return 0;
}

void
stage_expect_black(Stage *self)
{
    stage_expect(self, black_pixel, NULL);
}
