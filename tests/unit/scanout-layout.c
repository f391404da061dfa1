/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From KMS framebuffers to frames: visible parts, offsets, cursors, copies. */
#include <drm_fourcc.h>
#include <drm_mode.h>
#include <string.h>
#include <vdmabuf.h>

#include "scanout-error.h"
#include "scanout-layout.h"

#define TILED 0x0100000000000001 /* some modifier that is not linear */

static VdmabufScanoutFb
make_fb(guint32 fourcc, guint32 width, guint32 height, guint32 pitch)
{
    VdmabufScanoutFb fb = {.id = 42, .width = width, .height = height, .fourcc = fourcc};

    fb.modifier = DRM_FORMAT_MOD_LINEAR;
    fb.n_planes = 1;
    fb.pitches[0] = pitch;
    return fb;
}

static VdmabufScanoutPlaneState
make_state(guint32 x, guint32 y, guint32 w, guint32 h)
{
    VdmabufScanoutPlaneState state = {.fb_id = 42, .has_src = TRUE};

    state.src_x = x << 16;
    state.src_y = y << 16;
    state.src_w = w << 16;
    state.src_h = h << 16;
    return state;
}

static void
test_whole(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_XRGB8888, 1920, 1080, 7680);
    VdmabufScanoutPlaneState state = make_state(0, 0, 1920, 1080);
    struct vdmabuf_frame frame;
    g_autoptr(GError) error = NULL;

    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(frame.width, ==, 1920);
    g_assert_cmpuint(frame.height, ==, 1080);
    g_assert_cmpuint(frame.planes[0].offset, ==, 0);
    g_assert_cmpuint(frame.planes[0].stride, ==, 7680);
    g_assert_cmpuint(frame.flags, ==, 0);
    g_assert_true(vdmabuf_frame_check(&frame, 7680 * 1080, &error));
    g_assert_no_error(error);
    g_assert_false(vdmabuf_scanout_frame_fits(&frame, 7680 * 1080 - 1));
    g_assert_true(vdmabuf_scanout_frame_fits(&frame, 7680 * 1080));
}

static void
test_part(void)
{
    /* Two outputs side by side in one framebuffer, as X has it */
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_XRGB8888, 3840, 1200, 15360);
    VdmabufScanoutPlaneState state = make_state(1920, 120, 1920, 1080);
    struct vdmabuf_frame frame;
    g_autoptr(GError) error = NULL;

    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_cmpuint(frame.planes[0].offset, ==, 120 * 15360 + 1920 * 4);
    g_assert_cmpuint(frame.planes[0].stride, ==, 15360);
    /* The end of the last row is the end of the buffer: no byte behind it is used. */
    g_assert_true(vdmabuf_scanout_frame_fits(&frame, 15360 * 1200));
    g_assert_false(vdmabuf_scanout_frame_fits(&frame, 15360 * 1200 - 1));

    fb.modifier = TILED;
    g_assert_false(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    state = make_state(0, 0, 1920, 1080);
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_cmpuint(frame.width, ==, 1920);
}

static void
test_fractions(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_XRGB8888, 100, 100, 400);
    VdmabufScanoutPlaneState state = make_state(0, 0, 0, 0);
    struct vdmabuf_rect rect;

    g_assert_false(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    state.src_x = 0x18000; /* 1.5 to 3.0 */
    state.src_w = 0x18000;
    state.src_y = 0;
    state.src_h = 0x8000; /* half a pixel */
    g_assert_true(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    g_assert_cmpuint(rect.x, ==, 1);
    g_assert_cmpuint(rect.width, ==, 2);
    g_assert_cmpuint(rect.height, ==, 1);
    /* What a driver says is not believed: clamped, and no overflow */
    state = make_state(90, 90, 65535, 65535);
    g_assert_true(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    g_assert_cmpuint(rect.width, ==, 10);
    g_assert_cmpuint(rect.height, ==, 10);
    state = make_state(100, 0, 10, 10);
    g_assert_false(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    state.src_x = state.src_w = G_MAXUINT32;
    g_assert_false(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    state.has_src = FALSE;
    g_assert_true(vdmabuf_scanout_visible_rect(&fb, &state, &rect));
    g_assert_cmpuint(rect.width, ==, 100);
}

static void
test_yuv(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_NV12, 1280, 720, 1280);
    VdmabufScanoutPlaneState state = make_state(64, 32, 640, 360);
    struct vdmabuf_frame frame;
    g_autoptr(GError) error = NULL;

    fb.n_planes = 2;
    fb.pitches[1] = 1280;
    fb.offsets[1] = 1280 * 720;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_cmpuint(frame.planes[0].offset, ==, 32 * 1280 + 64);
    g_assert_cmpuint(frame.planes[1].offset, ==, 1280 * 720 + 16 * 1280 + 32 * 2);

    state = make_state(63, 32, 640, 360);
    g_assert_false(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    g_assert_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED);
    g_clear_error(&error);

    /* A format that is not in the table is fine as long as all of it is shown. */
    fb = make_fb(fourcc_code('Z', 'Z', '9', '9'), 64, 64, 64);
    state = make_state(0, 0, 64, 64);
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, &error));
    state = make_state(1, 0, 63, 64);
    g_assert_false(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
    fb.n_planes = 5;
    g_assert_false(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
}

static void
test_cursor_and_rotation(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_ARGB8888, 64, 64, 256);
    VdmabufScanoutPlaneState state = make_state(0, 0, 64, 64);
    struct vdmabuf_frame frame;

    state.crtc_x = -5;
    state.crtc_y = 10;
    state.hot_x = 3;
    state.hot_y = 4;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, TRUE, NULL));
    g_assert_cmpuint(frame.flags, ==, VDMABUF_FRAME_CURSOR);
    g_assert_cmpint(frame.x, ==, -2);
    g_assert_cmpint(frame.y, ==, 14);
    g_assert_cmpint(frame.hot_x, ==, 3);
    g_assert_cmpint(frame.hot_y, ==, 4);
    state.crtc_x = G_MAXINT32;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, TRUE, NULL));
    g_assert_cmpint(frame.x, ==, G_MAXINT32);

    state.rotation = DRM_MODE_ROTATE_0;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
    g_assert_cmpuint(frame.flags, ==, 0);
    state.rotation = DRM_MODE_ROTATE_0 | DRM_MODE_REFLECT_Y;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
    g_assert_cmpuint(frame.flags, ==, VDMABUF_FRAME_Y_INVERTED);
    state.rotation = DRM_MODE_ROTATE_90;
    g_assert_false(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
}

static void
test_copy(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_XRGB8888, 100, 50, 512);
    VdmabufScanoutPlaneState state = make_state(10, 5, 70, 40);
    g_autofree guint8 *from = g_malloc(512 * 50);
    g_autofree guint8 *to = NULL;
    struct vdmabuf_frame frame, copy;
    guint64 size;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 512 * 50; i++)
        from[i] = (guint8) (i * 7 + i / 512);
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
    g_assert_true(vdmabuf_scanout_build_copy(&frame, &copy, &size, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(copy.planes[0].offset, ==, 0);
    g_assert_cmpuint(copy.planes[0].stride, ==, 512); /* 280 rounded up */
    g_assert_cmpuint(size, ==, 512 * 40);
    g_assert_true(vdmabuf_frame_check(&copy, size, NULL));
    g_assert_true(vdmabuf_scanout_frame_fits(&copy, size));

    /* No more than the copy's size is written: the sanitizer looks. */
    to = g_malloc0(size);
    g_assert_false(vdmabuf_scanout_rows_equal(from, &frame, to, &copy));
    g_assert_cmpuint(vdmabuf_scanout_copy_rows(to, &copy, from, &frame), ==, 280 * 40);
    g_assert_true(vdmabuf_scanout_rows_equal(from, &frame, to, &copy));
    for (guint row = 0; row < 40; row++)
        g_assert_cmpmem(to + row * 512, 280, from + (row + 5) * 512 + 40, 280);
    to[39 * 512 + 279]++;
    g_assert_false(vdmabuf_scanout_rows_equal(from, &frame, to, &copy));

    frame.modifier = TILED;
    g_assert_false(vdmabuf_scanout_build_copy(&frame, &copy, &size, &error));
    g_assert_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED);
    frame.modifier = DRM_FORMAT_MOD_LINEAR;
    frame.fourcc = fourcc_code('Z', 'Z', '9', '9');
    g_assert_false(vdmabuf_scanout_build_copy(&frame, &copy, &size, NULL));
}

static void
test_copy_planar(void)
{
    VdmabufScanoutFb fb = make_fb(DRM_FORMAT_YUV420, 101, 51, 128);
    VdmabufScanoutPlaneState state = {.fb_id = 42};
    struct vdmabuf_frame frame, copy;
    guint64 size;
    guint32 rows, bytes;

    fb.n_planes = 3;
    fb.pitches[1] = fb.pitches[2] = 64;
    fb.offsets[1] = 128 * 51;
    fb.offsets[2] = fb.offsets[1] + 64 * 26;
    g_assert_true(vdmabuf_scanout_build_frame(&frame, &fb, &state, FALSE, NULL));
    g_assert_true(vdmabuf_scanout_plane_extent(frame.fourcc, 2, 101, 51, &rows, &bytes));
    g_assert_cmpuint(rows, ==, 26);
    g_assert_cmpuint(bytes, ==, 51);
    g_assert_true(vdmabuf_scanout_frame_fits(&frame, fb.offsets[2] + 64 * 25 + 51));
    g_assert_false(vdmabuf_scanout_frame_fits(&frame, fb.offsets[2] + 64 * 25 + 50));
    g_assert_true(vdmabuf_scanout_build_copy(&frame, &copy, &size, NULL));
    g_assert_cmpuint(copy.planes[1].offset, ==, 256 * 51);
    g_assert_cmpuint(size, ==, 256 * (51 + 26 + 26));
    /* Rows that overlap each other are refused. */
    frame.planes[1].stride = 50;
    g_assert_false(vdmabuf_scanout_frame_fits(&frame, G_MAXUINT32));
}

static void
test_modifiers(void)
{
    struct {
        struct drm_format_modifier_blob header;
        guint32 formats[2];
        struct drm_format_modifier modifiers[2];
    } blob = {.header = {.version = 1, .count_formats = 2, .count_modifiers = 2}};

    blob.header.formats_offset = sizeof(blob.header);
    blob.header.modifiers_offset = G_STRUCT_OFFSET(__typeof__(blob), modifiers);
    g_assert_true(vdmabuf_scanout_in_formats_only_linear(&blob, sizeof(blob)));
    g_assert_false(vdmabuf_scanout_in_formats_only_linear(&blob, sizeof(blob) - 1));
    g_assert_false(vdmabuf_scanout_in_formats_only_linear(&blob, 4));
    g_assert_false(vdmabuf_scanout_in_formats_only_linear(NULL, 0));
    blob.modifiers[1].modifier = TILED;
    g_assert_false(vdmabuf_scanout_in_formats_only_linear(&blob, sizeof(blob)));
    blob.header.modifiers_offset = G_MAXUINT32;
    g_assert_false(vdmabuf_scanout_in_formats_only_linear(&blob, sizeof(blob)));

    g_assert_cmpuint(vdmabuf_scanout_implied_modifier("virtio_gpu", FALSE), ==,
                     DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(vdmabuf_scanout_implied_modifier("i915", FALSE), ==, DRM_FORMAT_MOD_INVALID);
    g_assert_cmpuint(vdmabuf_scanout_implied_modifier("i915", TRUE), ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(vdmabuf_scanout_implied_modifier(NULL, FALSE), ==, DRM_FORMAT_MOD_INVALID);
}

static void
test_texts_and_rates(void)
{
    g_autofree char *good = vdmabuf_scanout_fourcc_to_text(DRM_FORMAT_XRGB8888);
    g_autofree char *bad = vdmabuf_scanout_fourcc_to_text(0x22000001);

    g_assert_cmpstr(good, ==, "XR24");
    g_assert_cmpstr(bad, ==, "0x22000001");
    g_assert_cmpuint(vdmabuf_scanout_refresh_mhz(148500, 2200, 1125, 0, FALSE, FALSE), ==, 60000);
    g_assert_cmpuint(vdmabuf_scanout_refresh_mhz(74250, 2200, 1125, 0, TRUE, FALSE), ==, 60000);
    g_assert_cmpuint(vdmabuf_scanout_refresh_mhz(0, 0, 0, 0, FALSE, FALSE), ==, 60000);
    g_assert_cmpuint(vdmabuf_scanout_refresh_mhz(G_MAXUINT32, 1, 1, 0, FALSE, FALSE), ==, 60000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scanout/layout/whole", test_whole);
    g_test_add_func("/scanout/layout/part", test_part);
    g_test_add_func("/scanout/layout/fractions", test_fractions);
    g_test_add_func("/scanout/layout/yuv", test_yuv);
    g_test_add_func("/scanout/layout/cursor-and-rotation", test_cursor_and_rotation);
    g_test_add_func("/scanout/layout/copy", test_copy);
    g_test_add_func("/scanout/layout/copy-planar", test_copy_planar);
    g_test_add_func("/scanout/layout/modifiers", test_modifiers);
    g_test_add_func("/scanout/layout/texts-and-rates", test_texts_and_rates);
    return g_test_run();
}
