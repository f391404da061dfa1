/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What EGL and cairo are told of a frame, and what is refused before they could read too far. */
#include <drm/drm_fourcc.h>
#include <epoxy/egl.h>
#include <string.h>

#include "vdmabuf-stream.h"
#include "view-format.h"
#include "view-proof.h"

#define MOD_TILED 0x0100000000000001ull

typedef struct {
    const char *name;
    guint32 fourcc, width, height;
    guint64 modifier;
    guint32 nr_planes;
    struct vdmabuf_plane planes[VDMABUF_MAX_PLANES];
    guint64 size;
    gboolean gpu, cpu; /* whether they may read it */
} Layout;

static const Layout layouts[] = {
    {"xr24", DRM_FORMAT_XRGB8888, 64, 64, 0, 1, {{0, 256}}, 16384, TRUE, TRUE},
    {"xr24 a byte short", DRM_FORMAT_XRGB8888, 64, 64, 0, 1, {{0, 256}}, 16383, FALSE, FALSE},
    {"xr24 at an offset", DRM_FORMAT_XRGB8888, 64, 64, 0, 1, {{4, 256}}, 16384, FALSE, FALSE},
    {"xr24 short rows", DRM_FORMAT_XRGB8888, 64, 64, 0, 1, {{0, 255}}, 16384, FALSE, FALSE},
    {"xr24 last row", DRM_FORMAT_XRGB8888, 64, 2, 0, 1, {{0, 4096}}, 4096 + 256, TRUE, TRUE},
    {"xr24 huge rows", DRM_FORMAT_XRGB8888, 1, 1, 0, 1, {{0, G_MAXUINT32}}, 4096, TRUE, TRUE},
    {"xr24 huge height",
     DRM_FORMAT_XRGB8888,
     1,
     65535,
     0,
     1,
     {{0, G_MAXUINT32}},
     1ull << 62,
     TRUE,
     FALSE},
    {"too high for cairo", DRM_FORMAT_XRGB8888, 1, 32768, 0, 1, {{0, 4}}, 131072, TRUE, FALSE},
    {"rg16", DRM_FORMAT_RGB565, 64, 64, 0, 1, {{0, 128}}, 8192, TRUE, TRUE},
    {"two planes of one",
     DRM_FORMAT_XRGB8888,
     64,
     64,
     0,
     2,
     {{0, 256}, {0, 256}},
     16384,
     FALSE,
     FALSE},
    {"half floats", DRM_FORMAT_ABGR16161616F, 8, 8, 0, 1, {{0, 64}}, 512, TRUE, FALSE},
    {"nv12", DRM_FORMAT_NV12, 64, 64, 0, 2, {{0, 64}, {4096, 64}}, 6144, TRUE, FALSE},
    {"nv12 odd", DRM_FORMAT_NV12, 63, 63, 0, 2, {{0, 64}, {4032, 64}}, 6080, TRUE, FALSE},
    {"nv12 second plane short",
     DRM_FORMAT_NV12,
     64,
     64,
     0,
     2,
     {{0, 64}, {4096, 64}},
     6143,
     FALSE,
     FALSE},
    {"nv12 second plane narrow",
     DRM_FORMAT_NV12,
     64,
     64,
     0,
     2,
     {{0, 64}, {4096, 63}},
     8192,
     FALSE,
     FALSE},
    {"yu12", DRM_FORMAT_YUV420, 64, 64, 0, 3, {{0, 64}, {4096, 32}, {5120, 32}}, 6144, TRUE, FALSE},
    {"unknown linear", fourcc_code('Q', 'Q', 'Q', 'Q'), 8, 8, 0, 1, {{0, 64}}, 4096, FALSE, FALSE},
    /* How large it is only its driver knows. */
    {"tiled", DRM_FORMAT_XRGB8888, 64, 64, MOD_TILED, 1, {{0, 512}}, 4096, TRUE, FALSE},
    {"compressed, four planes",
     DRM_FORMAT_XRGB8888,
     64,
     64,
     MOD_TILED,
     4,
     {{0, 512}, {1024, 64}, {2048, 64}, {3072, 64}},
     4096,
     TRUE,
     FALSE},
    {"plane behind the end",
     DRM_FORMAT_XRGB8888,
     64,
     64,
     MOD_TILED,
     2,
     {{0, 512}, {4096, 64}},
     4096,
     FALSE,
     FALSE},
};

static void
frame_init(struct vdmabuf_frame *frame, const Layout *layout)
{
    memset(frame, 0, sizeof(*frame));
    frame->fourcc = layout->fourcc;
    frame->modifier = layout->modifier;
    frame->width = layout->width;
    frame->height = layout->height;
    frame->nr_planes = layout->nr_planes;
    memcpy(frame->planes, layout->planes, sizeof(frame->planes));
}

static void
test_check(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(layouts); i++) {
        const Layout *layout = &layouts[i];
        g_autoptr(GError) gpu = NULL;
        g_autoptr(GError) cpu = NULL;
        struct vdmabuf_frame frame;

        g_test_message("%s", layout->name);
        frame_init(&frame, layout);
        g_assert_cmpint(view_format_check(&frame, layout->size, &gpu), ==, layout->gpu);
        g_assert_cmpint(gpu == NULL, ==, layout->gpu);
        g_assert_cmpint(view_format_check_cpu(&frame, layout->size, &cpu), ==, layout->cpu);
        g_assert_cmpint(cpu == NULL, ==, layout->cpu);
    }
}

static gint32
get_attribute(const gint32 *attributes, gint32 name)
{
    for (; *attributes != EGL_NONE; attributes += 2) {
        if (attributes[0] == name)
            return attributes[1];
    }
    return -12345;
}

static void
test_egl(void)
{
    const struct vdmabuf_frame frame = {
        .fourcc = DRM_FORMAT_ARGB8888,
        .modifier = 0xfedcba9876543210ull,
        .width = 640,
        .height = 480,
        .nr_planes = 4,
        .planes = {{0, 2560}, {1 << 20, 64}, {2 << 20, 65}, {3 << 20, 66}},
    };
    struct vdmabuf_frame plain;
    gint32 attributes[VIEW_FORMAT_EGL_ATTRIBUTES];
    g_autoptr(GError) error = NULL;

    g_assert_true(view_format_get_egl(&frame, 7, TRUE, attributes, &error));
    g_assert_no_error(error);
    g_assert_cmpint(get_attribute(attributes, EGL_WIDTH), ==, 640);
    g_assert_cmpint(get_attribute(attributes, EGL_HEIGHT), ==, 480);
    /* A screen has nothing behind it. */
    g_assert_cmpint(get_attribute(attributes, EGL_LINUX_DRM_FOURCC_EXT), ==, DRM_FORMAT_XRGB8888);
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE0_FD_EXT), ==, 7);
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE3_FD_EXT), ==, 7);
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE2_OFFSET_EXT), ==, 2 << 20);
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE3_PITCH_EXT), ==, 66);
    g_assert_cmphex((guint32) get_attribute(attributes, EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT), ==,
                    0x76543210);
    g_assert_cmphex((guint32) get_attribute(attributes, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT), ==,
                    0xfedcba98);

    /* Without the extension for modifiers, and with the modifier that is none */
    g_assert_false(view_format_get_egl(&frame, 7, FALSE, attributes, &error));
    g_assert_nonnull(error);
    vdmabuf_frame_init(&plain, DRM_FORMAT_XBGR8888, 8, 8, 32);
    g_assert_true(view_format_get_egl(&plain, 7, FALSE, attributes, NULL));
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT), ==, -12345);
    plain.modifier = DRM_FORMAT_MOD_INVALID;
    g_assert_true(view_format_get_egl(&plain, 7, TRUE, attributes, NULL));
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT), ==, -12345);
    plain.modifier = DRM_FORMAT_MOD_LINEAR;
    g_assert_true(view_format_get_egl(&plain, 7, TRUE, attributes, NULL));
    g_assert_cmpint(get_attribute(attributes, EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT), ==, 0);

    /* EGL's numbers have a sign. */
    plain.planes[0].stride = 0x80000000u;
    g_assert_false(view_format_get_egl(&plain, 7, TRUE, attributes, NULL));
}

static void
test_opaque(void)
{
    static const guint32 pairs[][2] = {
        {DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB8888},
        {DRM_FORMAT_ABGR8888, DRM_FORMAT_XBGR8888},
        {DRM_FORMAT_RGBA8888, DRM_FORMAT_RGBX8888},
        {DRM_FORMAT_BGRA8888, DRM_FORMAT_BGRX8888},
        {DRM_FORMAT_ARGB2101010, DRM_FORMAT_XRGB2101010},
        {DRM_FORMAT_ABGR2101010, DRM_FORMAT_XBGR2101010},
        {DRM_FORMAT_RGBA1010102, DRM_FORMAT_RGBX1010102},
        {DRM_FORMAT_BGRA1010102, DRM_FORMAT_BGRX1010102},
        {DRM_FORMAT_ARGB1555, DRM_FORMAT_XRGB1555},
        {DRM_FORMAT_ABGR1555, DRM_FORMAT_XBGR1555},
        {DRM_FORMAT_RGBA5551, DRM_FORMAT_RGBX5551},
        {DRM_FORMAT_BGRA5551, DRM_FORMAT_BGRX5551},
        {DRM_FORMAT_ARGB16161616F, DRM_FORMAT_XRGB16161616F},
        {DRM_FORMAT_ABGR16161616F, DRM_FORMAT_XBGR16161616F},
        {DRM_FORMAT_RGB565, DRM_FORMAT_RGB565},
        {DRM_FORMAT_NV12, DRM_FORMAT_NV12},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
        const struct vdmabuf_frame frame = {.fourcc = pairs[i][0]};

        g_assert_cmphex(vdmabuf_frame_get_opaque_fourcc(&frame), ==, pairs[i][1]);
    }
}

static void
test_cairo(void)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, DRM_FORMAT_ARGB8888, 8, 8, 32);
    g_assert_cmpint(view_format_get_cairo(&frame), ==, CAIRO_FORMAT_RGB24);
    vdmabuf_frame_init(&frame, DRM_FORMAT_RGB565, 8, 8, 16);
    g_assert_cmpint(view_format_get_cairo(&frame), ==, CAIRO_FORMAT_RGB16_565);
    /* cairo cannot have rows that do not begin at a word. */
    frame.planes[0].stride = 18;
    g_assert_cmpint(view_format_get_cairo(&frame), ==, CAIRO_FORMAT_INVALID);
    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, 8, 8, 32);
    frame.planes[0].offset = 2;
    g_assert_cmpint(view_format_get_cairo(&frame), ==, CAIRO_FORMAT_INVALID);
    vdmabuf_frame_init(&frame, DRM_FORMAT_XBGR8888, 8, 8, 32);
    g_assert_cmpint(view_format_get_cairo(&frame), ==, CAIRO_FORMAT_INVALID);
}

static void
test_convert(void)
{
    const cairo_rectangle_int_t part = {1, 1, 2, 1};
    struct vdmabuf_frame frame;
    guint32 pixels[2] = {0};
    guint8 data[3 * 16];

    for (guint i = 0; i < sizeof(data); i++)
        data[i] = (guint8) i;
    vdmabuf_frame_init(&frame, DRM_FORMAT_ABGR8888, 4, 3, 16);
    view_format_convert(&frame, data, &part, (guint8 *) pixels, 8);
    g_assert_cmphex(pixels[0], ==, 0xff141516);
    g_assert_cmphex(pixels[1], ==, 0xff18191a);

    frame.planes[0].offset = 4;
    frame.height = 2;
    frame.flags = VDMABUF_FRAME_Y_INVERTED;
    view_format_convert(&frame, data, &part, (guint8 *) pixels, 8);
    g_assert_cmphex(pixels[0], ==, 0xff08090a);
}

static void
test_describe(void)
{
    struct vdmabuf_frame frame;
    g_autofree char *linear = NULL, *tiled = NULL, *none = NULL;

    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, 8, 8, 32);
    linear = view_format_describe(&frame);
    g_assert_cmpstr(linear, ==, "XR24");
    frame.modifier = MOD_TILED;
    tiled = view_format_describe(&frame);
    g_assert_cmpstr(tiled, ==, "XR24, modifier 0x0100000000000001");
    frame.modifier = DRM_FORMAT_MOD_INVALID;
    none = view_format_describe(&frame);
    g_assert_cmpstr(none, ==, "XR24, no modifier");
}

/* A picture that is the same all over proves nothing. */
static void
test_find_part(void)
{
    const guint32 side = 300;
    g_autofree guint32 *data = g_new0(guint32, side * side);
    g_autofree guint32 *found = g_new0(guint32, VIEW_PROOF_SIDE * VIEW_PROOF_SIDE);
    cairo_rectangle_int_t part;
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, side, side, side * 4);
    g_assert_false(view_proof_find_part(&frame, (guint8 *) data, &part, found));
    for (guint i = 0; i < side * side; i++)
        data[i] = 0x00445566;
    g_assert_false(view_proof_find_part(&frame, (guint8 *) data, &part, found));

    data[(side - 1) * side + side - 1] = 0x00010203;
    g_assert_true(view_proof_find_part(&frame, (guint8 *) data, &part, found));
    g_assert_cmpint(part.x + part.width, ==, side);
    g_assert_cmpint(part.y + part.height, ==, side);
    g_assert_cmphex(found[part.width * part.height - 1], ==, 0xff010203);
    g_assert_cmphex(found[0], ==, 0xff445566);

    /* Smaller than what is looked at */
    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, 2, 1, 8);
    data[0] = 1;
    g_assert_true(view_proof_find_part(&frame, (guint8 *) data, &part, found));
    g_assert_cmpint(part.width, ==, 2);
    g_assert_cmpint(part.height, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/view-format/check", test_check);
    g_test_add_func("/view-format/egl", test_egl);
    g_test_add_func("/view-format/opaque", test_opaque);
    g_test_add_func("/view-format/cairo", test_cairo);
    g_test_add_func("/view-format/convert", test_convert);
    g_test_add_func("/view-format/describe", test_describe);
    g_test_add_func("/view-format/find-part", test_find_part);
    return g_test_run();
}
