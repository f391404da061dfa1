/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "vdmabuf.h"

#define XR24 0x34325258
#define BUFFER_SIZE (640 * 480 * 4)
#define ANY_MODIFIER 0x0100000000000002

/* What a change makes of a good frame; @words are part of the message, %NULL: it stays good. */
typedef struct {
    const char *name;
    void (*change)(struct vdmabuf_frame *frame);
    const char *words;
} Case;

#define CHANGE(function, ...)                                                                      \
    static void function(struct vdmabuf_frame *frame)                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* --- Of a picture --- */

CHANGE(no_change, (void) frame;)
CHANGE(all_flags, frame->flags = VDMABUF_FRAME_FLAGS;)
CHANGE(unknown_flag, frame->flags = 1 << 4;)
CHANGE(top_flag, frame->flags = 1u << 31;)
CHANGE(reserved, frame->reserved = 1;)
CHANGE(app_full, frame->app_size = 192; memset(frame->app, 1, 192);)
CHANGE(app_too_long, frame->app_size = 193;)
CHANGE(app_huge, frame->app_size = G_MAXUINT32;)
CHANGE(app_tail, frame->app_size = 5; frame->app[5] = 1;)
CHANGE(app_last_byte, frame->app[191] = 1;)
CHANGE(app_used, frame->app_size = 5; frame->app[4] = 1;)
CHANGE(width_zero, frame->width = 0;)
CHANGE(height_zero, frame->height = 0;)
CHANGE(width_most, frame->width = 65535;)
CHANGE(width_over, frame->width = 65536;)
CHANGE(height_over, frame->height = 65536; frame->planes[0].stride = 1;)
CHANGE(height_most, frame->height = 65535; frame->planes[0].stride = 1;)
CHANGE(planes_none, frame->nr_planes = 0;)
CHANGE(planes_over, frame->nr_planes = 5;)
CHANGE(planes_huge, frame->nr_planes = G_MAXUINT32;)
CHANGE(planes_four, frame->nr_planes = 4;
       for (guint i = 1; i < 4; i++) frame->planes[i] = (struct vdmabuf_plane) {1000, 16};)
CHANGE(plane_unused_offset, frame->planes[1].offset = 1;)
CHANGE(plane_unused_stride, frame->planes[3].stride = 1;)
CHANGE(plane_no_stride, frame->planes[0].stride = 0;)
CHANGE(plane_second_no_stride, frame->nr_planes = 2; frame->planes[1].offset = 1000;)
CHANGE(plane_last_byte, frame->height = 1; frame->planes[0].offset = BUFFER_SIZE - 1;)
CHANGE(plane_at_end, frame->height = 1; frame->planes[0].offset = BUFFER_SIZE;)
CHANGE(plane_second_at_end, frame->nr_planes = 2;
       frame->planes[1] = (struct vdmabuf_plane) {BUFFER_SIZE, 16};)
CHANGE(last_row_inside, frame->planes[0].offset = 640 * 4 - 1;)
CHANGE(last_row_outside, frame->planes[0].offset = 640 * 4;)
CHANGE(rows_overflow, frame->height = 65535; frame->planes[0].stride = G_MAXUINT32;)
/* 2 * 0x80000000 is 0 in 32 bits */
CHANGE(rows_wrap, frame->height = 3; frame->planes[0].stride = 0x80000000;)
CHANGE(tiled_rows, frame->modifier = ANY_MODIFIER; frame->planes[0].offset = 640 * 4;)
CHANGE(tiled_offset, frame->modifier = ANY_MODIFIER; frame->planes[0].offset = BUFFER_SIZE;)
CHANGE(second_plane_rows, frame->nr_planes = 2;
       frame->planes[1] = (struct vdmabuf_plane) {BUFFER_SIZE - 1, 640};)
CHANGE(damage_all, frame->damage = (struct vdmabuf_rect) {0, 0, 640, 480};)
CHANGE(damage_corner, frame->damage = (struct vdmabuf_rect) {639, 479, 1, 1};)
CHANGE(damage_right, frame->damage = (struct vdmabuf_rect) {1, 0, 640, 1};)
CHANGE(damage_below, frame->damage = (struct vdmabuf_rect) {0, 480, 1, 1};)
CHANGE(damage_x_wraps, frame->damage = (struct vdmabuf_rect) {G_MAXUINT32, 0, 2, 1};)
CHANGE(damage_y_wraps, frame->damage = (struct vdmabuf_rect) {0, 2, 1, G_MAXUINT32};)
CHANGE(cursor, frame->flags = VDMABUF_FRAME_CURSOR; frame->x = -3; frame->y = -4; frame->hot_x = 1;
       frame->hot_y = 2;)

static const Case picture_cases[] = {
    {"good", no_change, NULL},
    {"all-flags", all_flags, NULL},
    {"unknown-flag", unknown_flag, "flags"},
    {"top-flag", top_flag, "flags"},
    {"reserved", reserved, "reserved"},
    {"app-full", app_full, NULL},
    {"app-used", app_used, NULL},
    {"app-too-long", app_too_long, "193 bytes of application data"},
    {"app-huge", app_huge, "application data"},
    {"app-tail", app_tail, "not zero behind its 5 bytes"},
    {"app-last-byte", app_last_byte, "not zero behind its 0 bytes"},
    {"width-zero", width_zero, "0x480 pixels"},
    {"height-zero", height_zero, "640x0 pixels"},
    {"width-most", width_most, NULL},
    {"width-over", width_over, "65536x480 pixels"},
    {"height-most", height_most, NULL},
    {"height-over", height_over, "640x65536 pixels"},
    {"planes-none", planes_none, "1 to 4 planes"},
    {"planes-over", planes_over, "not 5"},
    {"planes-huge", planes_huge, "1 to 4 planes"},
    {"planes-four", planes_four, NULL},
    {"plane-unused-offset", plane_unused_offset, "Plane 1 is not used"},
    {"plane-unused-stride", plane_unused_stride, "Plane 3 is not used"},
    {"plane-no-stride", plane_no_stride, "Plane 0 has no stride"},
    {"plane-second-no-stride", plane_second_no_stride, "Plane 1 has no stride"},
    {"plane-last-byte", plane_last_byte, NULL},
    {"plane-at-end", plane_at_end, "Plane 0 starts"},
    {"plane-second-at-end", plane_second_at_end, "Plane 1 starts"},
    {"last-row-inside", last_row_inside, NULL},
    {"last-row-outside", last_row_outside, "480 rows"},
    {"rows-overflow", rows_overflow, "65535 rows"},
    {"rows-wrap", rows_wrap, "3 rows"},
    {"tiled-rows", tiled_rows, NULL},
    {"tiled-offset", tiled_offset, "Plane 0 starts"},
    {"second-plane-rows", second_plane_rows, NULL},
    {"damage-all", damage_all, NULL},
    {"damage-corner", damage_corner, NULL},
    {"damage-right", damage_right, "damage"},
    {"damage-below", damage_below, "damage"},
    {"damage-x-wraps", damage_x_wraps, "damage"},
    {"damage-y-wraps", damage_y_wraps, "damage"},
    {"cursor", cursor, NULL},
};

/* --- Of data --- */

CHANGE(data_output, frame->output = 3;)
CHANGE(data_queued, frame->flags = VDMABUF_FRAME_QUEUED;)
CHANGE(data_hidden, frame->flags = VDMABUF_FRAME_HIDDEN;)
CHANGE(data_cursor, frame->flags = VDMABUF_FRAME_CURSOR;)
CHANGE(data_cursor_hidden, frame->flags = VDMABUF_FRAME_CURSOR | VDMABUF_FRAME_HIDDEN;)
CHANGE(data_modifier, frame->modifier = ANY_MODIFIER;)
CHANGE(data_width, frame->width = 1;)
CHANGE(data_height, frame->height = 1;)
CHANGE(data_planes, frame->nr_planes = 1;)
CHANGE(data_offset, frame->planes[0].offset = 1;)
CHANGE(data_stride, frame->planes[3].stride = 1;)
CHANGE(data_damage, frame->damage.height = 1;)
CHANGE(data_x, frame->x = -1;)
CHANGE(data_y, frame->y = 1;)
CHANGE(data_hot_x, frame->hot_x = 1;)
CHANGE(data_hot_y, frame->hot_y = 1;)
CHANGE(data_hidden_width, frame->flags = VDMABUF_FRAME_HIDDEN; frame->width = 1;)
CHANGE(data_time, frame->timestamp_ns = 1;)

static const Case data_cases[] = {
    {"good", no_change, NULL},
    {"output", data_output, NULL},
    {"queued", data_queued, NULL},
    {"hidden", data_hidden, NULL},
    {"time", data_time, NULL},
    {"cursor", data_cursor, "cursor"},
    {"cursor-hidden", data_cursor_hidden, NULL},
    {"modifier", data_modifier, "no picture"},
    {"width", data_width, "no picture"},
    {"height", data_height, "no picture"},
    {"planes", data_planes, "no picture"},
    {"offset", data_offset, "no picture"},
    {"stride", data_stride, "no picture"},
    {"damage", data_damage, "no picture"},
    {"x", data_x, "no picture"},
    {"y", data_y, "no picture"},
    {"hot-x", data_hot_x, "no picture"},
    {"hot-y", data_hot_y, "no picture"},
    {"hidden-width", data_hidden_width, "no picture"},
    {"unknown-flag", unknown_flag, "flags"},
    {"reserved", reserved, "reserved"},
    {"app-too-long", app_too_long, "application data"},
    {"app-tail", app_tail, "application data"},
};

static void
check_case(const Case *test, struct vdmabuf_frame *frame)
{
    g_autoptr(GError) error = NULL;

    test->change(frame);
    if (test->words == NULL) {
        g_assert_true(vdmabuf_frame_check(frame, BUFFER_SIZE, &error));
        g_assert_no_error(error);
        return;
    }

    g_assert_false(vdmabuf_frame_check(frame, BUFFER_SIZE, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, test->words));
    /* and without anybody who wants to know why */
    g_assert_false(vdmabuf_frame_check(frame, BUFFER_SIZE, NULL));
}

static void
test_picture(gconstpointer data)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, XR24, 640, 480, 640 * 4);
    check_case(data, &frame);
}

static void
test_data(gconstpointer data)
{
    struct vdmabuf_frame frame = {0};

    check_case(data, &frame);
}

static void
test_init(void)
{
    struct vdmabuf_frame frame;
    struct vdmabuf_frame expected = {
        .fourcc = XR24,
        .width = 10,
        .height = 20,
        .nr_planes = 1,
        .planes = {{.stride = 64}},
    };

    memset(&frame, 0xff, sizeof(frame));
    vdmabuf_frame_init(&frame, XR24, 10, 20, 64);
    g_assert_cmpmem(&frame, sizeof(frame), &expected, sizeof(expected));
}

static void
add_cases(const char *group, const Case *cases, gsize number, GTestDataFunc function)
{
    for (gsize i = 0; i < number; i++) {
        g_autofree char *path = g_strdup_printf("/frame/%s/%s", group, cases[i].name);

        g_test_add_data_func(path, &cases[i], function);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("picture", picture_cases, G_N_ELEMENTS(picture_cases), test_picture);
    add_cases("data", data_cases, G_N_ELEMENTS(data_cases), test_data);
    g_test_add_func("/frame/init", test_init);
    return g_test_run();
}
