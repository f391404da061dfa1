/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VdmabufView on a real display server, with buffers of the real module. */
#include <drm/drm_fourcc.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "stage.h"

#define FULL_BYTES (STAGE_WIDTH * STAGE_HEIGHT * 4)

/* --- Pixels --- */

static void
test_pixels(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffer;

    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    stage_draw(&buffer, &frame, 1, 0);
    stage_send(stage, &buffer, &frame);
    stage_wait(stage_count_shown(stage) == 1);
    g_assert_cmpstr(vdmabuf_view_get_import_path(stage->view), ==, stage_get_expected_path());
    g_assert_null(vdmabuf_view_get_problem(stage->view));
    if (g_str_equal(stage_get_expected_path(), "CPU"))
        g_assert_nonnull(vdmabuf_view_get_path_reason(stage->view));
    else
        g_assert_null(vdmabuf_view_get_path_reason(stage->view));
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 1);
}

static void
test_alpha(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffer;

    /* All of it is transparent, and nothing of that is to be seen. */
    stage_buffer_init(stage, &buffer, FULL_BYTES);
    vdmabuf_frame_init(&frame, DRM_FORMAT_ARGB8888, STAGE_WIDTH, STAGE_HEIGHT, STAGE_WIDTH * 4);
    stage_draw(&buffer, &frame, 2, 0);
    stage_send(stage, &buffer, &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 2);
    g_assert_cmpstr(vdmabuf_view_get_import_path(stage->view), ==, stage_get_expected_path());
}

static void
test_y_inverted(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffer;

    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    frame.flags = VDMABUF_FRAME_Y_INVERTED;
    stage_draw(&buffer, &frame, 3, 0);
    stage_send(stage, &buffer, &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 3);
    g_assert_cmpstr(vdmabuf_view_get_import_path(stage->view), ==, stage_get_expected_path());
}

static void
test_layout(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[2];

    /* Twice as large as it is, with room between its rows and in front of it */
    stage_buffer_init(stage, &buffers[0], FULL_BYTES);
    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, 320, 240, 320 * 4 + 256);
    frame.planes[0].offset = 4096;
    stage_draw(&buffers[0], &frame, 4, 0xff);
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, 320, 240, 2, 4);

    stage_buffer_init(stage, &buffers[1], FULL_BYTES);
    stage_frame_init(&frame, 160, 240);
    stage_draw(&buffers[1], &frame, 5, 0);
    stage_send(stage, &buffers[1], &frame);
    stage_expect_picture(stage, 160, 240, 2, 5);

    /* The first buffer in another way: what was made of it before is of no use. */
    stage_wait((stage_collect(stage, buffers, 2), buffers[0].sequence == 0));
    stage_frame_init(&frame, 320, 240);
    stage_draw(&buffers[0], &frame, 6, 0);
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, 320, 240, 2, 6);
}

/* Black and white, which all formats and roundings agree on; different for each seed */
static guint32
black_or_white(int x, int y, gconstpointer data)
{
    return stage_pixel((guint32) x, (guint32) y, *(const guint32 *) data) & 1 ? 0xffffff : 0;
}

static void
test_formats(void)
{
    /* What EGL does not import is shown all the same: all of these can be converted. */
    static const guint32 formats[] = {DRM_FORMAT_RGB565, DRM_FORMAT_XBGR8888, DRM_FORMAT_RGBX8888,
                                      DRM_FORMAT_XRGB2101010};
    g_autoptr(Stage) stage = stage_new();

    for (guint32 i = 0; i < G_N_ELEMENTS(formats); i++) {
        guint bytes = formats[i] == DRM_FORMAT_RGB565 ? 2 : 4;
        struct vdmabuf_frame frame;
        StageBuffer buffer;

        stage_buffer_init(stage, &buffer, FULL_BYTES);
        vdmabuf_frame_init(&frame, formats[i], STAGE_WIDTH, STAGE_HEIGHT, STAGE_WIDTH * bytes);
        for (int p = 0; p < STAGE_WIDTH * STAGE_HEIGHT; p++)
            memset(buffer.memory + (gsize) p * bytes,
                   black_or_white(p % STAGE_WIDTH, p / STAGE_WIDTH, &i) != 0 ? 0xff : 0, bytes);
        stage_send(stage, &buffer, &frame);
        stage_expect(stage, black_or_white, &i);
        g_test_message("%.4s by %s", (const char *) &formats[i],
                       vdmabuf_view_get_import_path(stage->view));
    }
}

/* A picture that is all black tells nothing about the driver, and is shown; so is the next. */
static void
test_undecided(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffer, other;

    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_buffer_init(stage, &other, FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    memset(buffer.memory, 0, FULL_BYTES);
    stage_send(stage, &buffer, &frame);
    stage_wait(stage_count_shown(stage) == 1);
    stage_draw(&other, &frame, 7, 0);
    stage_send(stage, &other, &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 7);
    g_assert_cmpstr(vdmabuf_view_get_import_path(stage->view), ==, stage_get_expected_path());
}

static void
test_smaller(void)
{
    g_autoptr(Stage) stage = stage_new();
    GdkRectangle area;
    struct vdmabuf_frame frame;
    StageBuffer buffer;
    int x, y;

    /* Halved, pixels are mixed: a grey of two colours is half of each. */
    stage_buffer_init(stage, &buffer, FULL_BYTES * 4);
    stage_frame_init(&frame, STAGE_WIDTH * 2, STAGE_HEIGHT * 2);
    for (gsize i = 0; i < (gsize) FULL_BYTES; i++)
        ((guint32 *) (gpointer) buffer.memory)[i] = 0x336699;
    stage_send(stage, &buffer, &frame);
    stage_wait(stage_count_shown(stage) == 1);
    g_assert_true(vdmabuf_view_get_area(stage->view, &area));
    g_assert_cmpint(area.width, ==, STAGE_WIDTH);
    g_assert_cmpint(area.height, ==, STAGE_HEIGHT);
    g_assert_true(vdmabuf_view_to_guest(stage->view, 100.5, 30, &x, &y));
    g_assert_cmpint(x, ==, 201);
    g_assert_cmpint(y, ==, 60);
}

/* --- Damage, cursor, overlay --- */

typedef struct {
    guint32 seed;
    GdkRectangle part;
    guint32 other_seed;
} Patched;

static guint32
patched_pixel(int x, int y, gconstpointer data)
{
    const Patched *self = data;
    gboolean inside = x >= self->part.x && y >= self->part.y &&
                      x < self->part.x + self->part.width && y < self->part.y + self->part.height;

    return stage_pixel((guint32) x, (guint32) y, inside ? self->other_seed : self->seed);
}

static void
test_damage(void)
{
    const Patched expected = {8, {100, 50, 200, 100}, 9};
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[2];

    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    for (guint i = 0; i < 2; i++) {
        stage_buffer_init(stage, &buffers[i], FULL_BYTES);
        stage_draw(&buffers[i], &frame, expected.seed, 0);
    }
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, expected.seed);

    for (int y = expected.part.y; y < expected.part.y + expected.part.height; y++) {
        for (int x = expected.part.x; x < expected.part.x + expected.part.width; x++)
            ((guint32 *) (gpointer) buffers[1].memory)[y * STAGE_WIDTH + x] =
                stage_pixel((guint32) x, (guint32) y, expected.other_seed);
    }
    frame.damage = (struct vdmabuf_rect) {100, 50, 200, 100};
    stage_send(stage, &buffers[1], &frame);
    stage_expect(stage, patched_pixel, &expected);
}

/* The cursor: a column that is opaque, one that is half of it, and what is transparent */
#define CURSOR_SIDE 4
static const guint32 cursor_row[CURSOR_SIDE] = {0xffff8000, 0x80800000, 0, 0};

typedef struct {
    int x, y; /* of the picture's corner */
    gboolean overlay;
} Above;

static guint32
above_pixel(int x, int y, gconstpointer data)
{
    const Above *self = data;

    if (self->overlay && x < 50 && y < 20)
        return 0x00ff00;
    if (y >= self->y && y < self->y + CURSOR_SIDE && x == self->x)
        return 0xff8000;
    if (y >= self->y && y < self->y + CURSOR_SIDE && x == self->x + 1)
        /* Half red, already multiplied, over 0x404040 */
        return 0xa02020;
    return 0x404040;
}

static void
send_cursor(Stage *stage, StageBuffer *buffer, int x, int y, guint32 flags)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, DRM_FORMAT_ARGB8888, CURSOR_SIDE, CURSOR_SIDE, CURSOR_SIDE * 4);
    for (guint i = 0; i < CURSOR_SIDE; i++)
        memcpy(buffer->memory + i * sizeof(cursor_row), cursor_row, sizeof(cursor_row));
    frame.flags = VDMABUF_FRAME_CURSOR | flags;
    frame.x = x;
    frame.y = y;
    frame.hot_x = 2;
    frame.hot_y = 1;
    stage_wait((stage_collect(stage, buffer, 1), buffer->sequence == 0));
    stage_send(stage, buffer, &frame);
}

static void
draw_overlay(G_GNUC_UNUSED VdmabufView *view, cairo_t *cr, int width, int height,
             G_GNUC_UNUSED gpointer data)
{
    g_assert_cmpint(width, ==, STAGE_WIDTH);
    g_assert_cmpint(height, ==, STAGE_HEIGHT);
    cairo_set_source_rgb(cr, 0, 1, 0);
    cairo_rectangle(cr, 0, 0, 50, 20);
    cairo_fill(cr);
}

static void
test_above(void)
{
    g_autoptr(Stage) stage = stage_new();
    g_autoptr(GdkCursor) pointer = NULL;
    Above expected = {98, 199, FALSE};
    struct vdmabuf_frame frame;
    StageBuffer picture, cursor;

    stage_buffer_init(stage, &picture, FULL_BYTES);
    stage_buffer_init(stage, &cursor, 4096);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    for (gsize i = 0; i < FULL_BYTES / 4; i++)
        ((guint32 *) (gpointer) picture.memory)[i] = 0x404040;
    /* Something that tells whether EGL is right, under the overlay */
    ((guint32 *) (gpointer) picture.memory)[0] = 0x123456;
    stage_send(stage, &picture, &frame);
    stage_wait(stage_count_shown(stage) == 1);
    vdmabuf_view_set_overlay(stage->view, draw_overlay, NULL, NULL);
    expected.overlay = TRUE;
    send_cursor(stage, &cursor, 100, 200, 0);
    stage_expect(stage, above_pixel, &expected);

    /* It moves, also partly out of the picture. */
    send_cursor(stage, &cursor, 1, 479, 0);
    expected.x = -1;
    expected.y = 478;
    stage_expect(stage, above_pixel, &expected);
    pointer = vdmabuf_view_get_gdk_cursor(stage->view);
    g_assert_nonnull(pointer);

    send_cursor(stage, &cursor, 0, 0, VDMABUF_FRAME_HIDDEN);
    expected.y = 10000;
    stage_expect(stage, above_pixel, &expected);

    /* Left to the pointer */
    send_cursor(stage, &cursor, 100, 200, 0);
    vdmabuf_view_set_draw_cursor(stage->view, FALSE);
    stage_expect(stage, above_pixel, &expected);
}

/* --- Whose the frames are --- */

static void
test_release(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[3];

    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    for (guint i = 0; i < 3; i++) {
        stage_buffer_init(stage, &buffers[i], FULL_BYTES);
        stage_draw(&buffers[i], &frame, 10 + i, 0);
    }
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 10);
    /* Shown, and drawn again: it is not given back. */
    gtk_widget_queue_draw(GTK_WIDGET(stage->view));
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 10);
    stage_collect(stage, buffers, 3);
    g_assert_cmpuint(buffers[0].sequence, !=, 0);

    stage_send(stage, &buffers[1], &frame);
    stage_wait((stage_collect(stage, buffers, 3), buffers[0].sequence == 0));
    /* Not before the next one was drawn */
    g_assert_cmpuint(stage_count_shown(stage), ==, 2);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 11);
    stage_collect(stage, buffers, 3);
    g_assert_cmpuint(buffers[1].sequence, !=, 0);
    g_assert_cmpuint(stage_count_held(stage), ==, 1);

    /* Two at once: one of them is never shown, and comes back. */
    stage_send(stage, &buffers[2], &frame);
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 10);
    stage_wait(
        (stage_collect(stage, buffers, 3), buffers[1].sequence == 0 && buffers[2].sequence == 0));
    g_assert_cmpuint(buffers[0].sequence, !=, 0);
}

/* A guest of two buffers goes on while nobody looks, and what it showed last is there again. */
static void
test_hidden(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[2];

    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    for (guint i = 0; i < 2; i++)
        stage_buffer_init(stage, &buffers[i], FULL_BYTES);
    stage_draw(&buffers[0], &frame, 20, 0);
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 20);

    gtk_widget_hide(stage->window);
    for (guint i = 1; i < 6; i++) {
        StageBuffer *buffer = &buffers[i % 2];

        stage_wait((stage_collect(stage, buffers, 2), buffer->sequence == 0));
        stage_draw(buffer, &frame, 20 + i, 0);
        stage_send(stage, buffer, &frame);
    }
    gtk_widget_show(stage->window);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 25);
}

static void
test_pixbuf(void)
{
    g_autoptr(Stage) stage = stage_new();
    g_autoptr(GdkPixbuf) pixbuf = NULL;
    g_autoptr(GError) error = NULL;
    struct vdmabuf_frame frame;
    StageBuffer buffer;

    g_assert_null(vdmabuf_view_get_pixbuf(stage->view, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);

    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_frame_init(&frame, 123, 45);
    frame.flags = VDMABUF_FRAME_Y_INVERTED;
    stage_draw(&buffer, &frame, 13, 0);
    stage_send(stage, &buffer, &frame);
    stage_wait(stage_count_shown(stage) == 1);
    pixbuf = vdmabuf_view_get_pixbuf(stage->view, &error);
    g_assert_no_error(error);
    g_assert_cmpint(gdk_pixbuf_get_width(pixbuf), ==, 123);
    g_assert_cmpint(gdk_pixbuf_get_height(pixbuf), ==, 45);
    for (guint32 y = 0; y < 45; y++) {
        for (guint32 x = 0; x < 123; x++) {
            const guint8 *at = gdk_pixbuf_read_pixels(pixbuf) +
                               y * (guint32) gdk_pixbuf_get_rowstride(pixbuf) +
                               x * (guint32) gdk_pixbuf_get_n_channels(pixbuf);

            g_assert_cmphex((guint32) at[0] << 16 | (guint32) at[1] << 8 | at[2], ==,
                            stage_pixel(x, y, 13));
        }
    }
}

/* --- Ends --- */

/* Where EGL is, the display server and our own window have pages pinned too, now more, now fewer. */
static gboolean
pins_are_ours(void)
{
    return g_str_equal(stage_get_expected_path(), "CPU");
}

static void
test_gone(void)
{
    gint64 pins = check_pins();
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffer;
    VdmabufViewStats stats;

    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    stage_draw(&buffer, &frame, 14, 0);
    stage_send(stage, &buffer, &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 14);
    if (pins_are_ours())
        g_assert_cmpint(check_pins(), >, pins);

    /* The producer ends: no old picture stays, and no page of it. */
    stage_buffer_drop(stage, &buffer);
    stage_wait(vdmabuf_output_get_state(stage->output) == VDMABUF_OUTPUT_WAITING);
    stage_expect_black(stage);
    g_assert_false(vdmabuf_view_has_picture(stage->view));
    vdmabuf_view_get_stats(stage->view, &stats);
    g_assert_cmpuint(stats.images, ==, 0);
    g_assert_cmpuint(stats.held, ==, 0);
    if (pins_are_ours())
        check_pins_become(pins);

    /* And comes back, after the guest has started anew */
    guest_restart(stage->guest);
    stage_buffer_init(stage, &buffer, FULL_BYTES);
    stage_frame_init(&frame, 320, 240);
    stage_draw(&buffer, &frame, 15, 0);
    stage_send(stage, &buffer, &frame);
    stage_expect_picture(stage, 320, 240, 2, 15);
}

static void
test_impossible(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[2];

    stage_buffer_init(stage, &buffers[0], FULL_BYTES);
    stage_buffer_init(stage, &buffers[1], FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    frame.modifier = DRM_FORMAT_MOD_BROADCOM_UIF;
    stage_send(stage, &buffers[0], &frame);
    stage_wait(vdmabuf_view_get_problem(stage->view) != NULL);
    g_test_message("%s", vdmabuf_view_get_problem(stage->view));
    g_assert_nonnull(strstr(vdmabuf_view_get_problem(stage->view), "tiled"));
    /* The guest is not kept waiting by what cannot be shown. */
    stage_wait((stage_collect(stage, buffers, 2), buffers[0].sequence == 0));
    stage_expect_black(stage);

    frame.modifier = 0;
    stage_draw(&buffers[1], &frame, 16, 0);
    stage_send(stage, &buffers[1], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 16);
    g_assert_null(vdmabuf_view_get_problem(stage->view));
}

/* --- For long --- */

static gsize
resident_bytes(void)
{
    g_autofree char *text = NULL;
    gulong size = 0, resident = 0;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    g_assert_cmpint(sscanf(text, "%lu %lu", &size, &resident), ==, 2);
    return resident * (gsize) getpagesize();
}

/* Of however many frames: so many are drawn */
#define MIN_SHOWN 100

static void
run_frames(Stage *stage, StageBuffer *buffers, guint count, guint64 frames)
{
    struct vdmabuf_frame frame;
    guint64 until = stage->sent + frames;
    guint64 shown = stage_count_shown(stage) + MIN_SHOWN;

    stage_frame_init(&frame, 64, 64);
    while (stage->sent < until || stage_count_shown(stage) < shown) {
        StageBuffer *idle = NULL;

        stage_collect(stage, buffers, count);
        for (guint i = 0; i < count && idle == NULL; i++) {
            if (buffers[i].sequence == 0)
                idle = &buffers[i];
        }
        if (idle == NULL) {
            stage_iterate();
            continue;
        }
        ((guint32 *) (gpointer) idle->memory)[stage->sent % 4096] = (guint32) stage->sent;
        stage_send(stage, idle, &frame);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

static void
test_long(void)
{
    const guint64 frames = check_env("VDMABUF_TEST_FRAMES", 10000);
    g_autoptr(Stage) stage = stage_new();
    StageBuffer buffers[3];
    VdmabufViewStats stats;
    guint64 shown;
    gint64 pins;
    gsize memory;
    guint fds;

    for (guint i = 0; i < G_N_ELEMENTS(buffers); i++) {
        stage_buffer_init(stage, &buffers[i], 64 * 64 * 4);
        memset(buffers[i].memory, 0x55, 64 * 64 * 4);
    }
    /* What is made once is there after this. */
    run_frames(stage, buffers, G_N_ELEMENTS(buffers), frames / 10);
    fds = check_fds();
    memory = resident_bytes();
    pins = check_pins();
    shown = stage_count_shown(stage);

    run_frames(stage, buffers, G_N_ELEMENTS(buffers), frames);
    vdmabuf_view_get_stats(stage->view, &stats);
    g_test_message("%" G_GUINT64_FORMAT " sent, %" G_GUINT64_FORMAT " shown", frames,
                   stats.shown - shown);
    g_assert_cmpuint(stats.held, <=, 3);
    g_assert_cmpuint(stats.images, <=, 3);
    /* A fence may be on its way */
    g_assert_cmpuint(check_fds(), <=, fds + 2);
    if (pins_are_ours())
        g_assert_cmpint(check_pins(), ==, pins);
    g_assert_cmpuint(resident_bytes(), <, memory + (4u << 20));
}

/* While it is drawn: longer than the display takes for a frame */
static void
take_long(void)
{
    g_usleep(40000);
}

static gboolean
count_turns(gpointer data)
{
    (*(guint *) data)++;
    return G_SOURCE_CONTINUE;
}

/* Pictures that take longer to draw than to come leave the rest of the program its turn. */
static void
test_turns(void)
{
    const guint pictures = 20;
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    StageBuffer buffers[3];
    guint64 shown;
    guint turns = 0;
    guint idle;

    stage_frame_init(&frame, 64, 64);
    for (guint i = 0; i < G_N_ELEMENTS(buffers); i++) {
        stage_buffer_init(stage, &buffers[i], 64 * 64 * 4);
        stage_draw(&buffers[i], &frame, i, 0);
    }
    stage_send(stage, &buffers[0], &frame);
    stage_wait(stage_count_shown(stage) == 1);
    g_signal_connect(stage->view, "picture", G_CALLBACK(take_long), NULL);

    idle = g_idle_add(count_turns, &turns);
    shown = stage_count_shown(stage);
    while (stage_count_shown(stage) < shown + pictures) {
        stage_collect(stage, buffers, G_N_ELEMENTS(buffers));
        for (guint i = 0; i < G_N_ELEMENTS(buffers); i++) {
            if (buffers[i].sequence == 0)
                stage_send(stage, &buffers[i], &frame);
        }
        g_main_context_iteration(NULL, FALSE);
    }
    g_source_remove(idle);
    g_assert_cmpuint(turns, >=, pictures / 2);
}

/* A guest that never uses a buffer twice */
static void
test_many_buffers(void)
{
    g_autoptr(Stage) stage = stage_new();
    struct vdmabuf_frame frame;
    VdmabufViewStats stats;
    StageBuffer buffer, last = {.bytes = 0};
    guint fds = check_fds();

    stage_frame_init(&frame, 64, 64);
    for (guint i = 0; i < 200; i++) {
        guint64 shown = stage_count_shown(stage);

        stage_buffer_init(stage, &buffer, 64 * 64 * 4);
        stage_draw(&buffer, &frame, i, 0);
        stage_send(stage, &buffer, &frame);
        stage_wait(stage_count_shown(stage) > shown);
        if (last.bytes > 0 && i % 2 == 0)
            stage_buffer_drop(stage, &last);
        last = buffer;
        stage_collect(stage, NULL, 0);
    }
    vdmabuf_view_get_stats(stage->view, &stats);
    g_assert_cmpuint(stats.images, <=, 32);
    g_assert_cmpuint(check_fds(), <, fds + 3 * 64 + 32);
}

static void
test_two_outputs(void)
{
    g_autoptr(Stage) stage = stage_new();
    GtkWidget *other = vdmabuf_view_new(NULL);
    struct vdmabuf_frame frame;
    StageBuffer buffers[2];
    VdmabufViewStats stats;

    stage_buffer_init(stage, &buffers[0], FULL_BYTES);
    stage_buffer_init(stage, &buffers[1], FULL_BYTES);
    stage_frame_init(&frame, STAGE_WIDTH, STAGE_HEIGHT);
    frame.output = 3;
    stage_draw(&buffers[0], &frame, 20, 0);
    stage_send(stage, &buffers[0], &frame);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 20);

    /* The second one takes the first one's place in the window. */
    frame.output = 1;
    stage_draw(&buffers[1], &frame, 21, 0);
    stage_send(stage, &buffers[1], &frame);
    stage_wait(vdmabuf_stream_get_output(stage->stream, 1) != NULL);
    g_object_ref(stage->view);
    gtk_container_remove(GTK_CONTAINER(stage->window), GTK_WIDGET(stage->view));
    vdmabuf_view_set_output(VDMABUF_VIEW(other), vdmabuf_stream_get_output(stage->stream, 1));
    gtk_container_add(GTK_CONTAINER(stage->window), other);
    gtk_widget_show(other);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 21);
    vdmabuf_view_get_stats(VDMABUF_VIEW(other), &stats);
    g_assert_cmpuint(stats.shown, ==, 1);

    /* And back: what was drawn with is made anew. */
    gtk_container_remove(GTK_CONTAINER(stage->window), other);
    gtk_container_add(GTK_CONTAINER(stage->window), GTK_WIDGET(stage->view));
    g_object_unref(stage->view);
    stage_expect_picture(stage, STAGE_WIDTH, STAGE_HEIGHT, 1, 20);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();

    g_test_add_func("/view/pixels", test_pixels);
    g_test_add_func("/view/alpha", test_alpha);
    g_test_add_func("/view/y-inverted", test_y_inverted);
    g_test_add_func("/view/layout", test_layout);
    g_test_add_func("/view/formats", test_formats);
    g_test_add_func("/view/undecided", test_undecided);
    g_test_add_func("/view/smaller", test_smaller);
    g_test_add_func("/view/damage", test_damage);
    g_test_add_func("/view/above", test_above);
    g_test_add_func("/view/release", test_release);
    g_test_add_func("/view/hidden", test_hidden);
    g_test_add_func("/view/pixbuf", test_pixbuf);
    g_test_add_func("/view/gone", test_gone);
    g_test_add_func("/view/impossible", test_impossible);
    g_test_add_func("/view/two-outputs", test_two_outputs);
    g_test_add_func("/view/many-buffers", test_many_buffers);
    g_test_add_func("/view/turns", test_turns);
    g_test_add_func("/view/long", test_long);
    return g_test_run();
}
