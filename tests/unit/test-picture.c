/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the sender's test card over every format to plain pixels, and PNG. */
#include <drm/drm_fourcc.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "format.h"
#include "picture.h"

#define WIDTH 97 /* no multiple of anything */
#define HEIGHT 61
#define OFFSET 36
#define GAP 20 /* bytes behind the pixels of each row */

static const guint32 fourccs[] = {
    DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_XBGR8888,    DRM_FORMAT_ABGR8888,
    DRM_FORMAT_RGBX8888, DRM_FORMAT_BGRA8888, DRM_FORMAT_RGB888,      DRM_FORMAT_BGR888,
    DRM_FORMAT_RGB565,   DRM_FORMAT_RGBA8888, DRM_FORMAT_XRGB2101010, DRM_FORMAT_XBGR2101010,
};

static guint8 *
draw(guint32 fourcc, guint32 flags, guint64 number, struct vdmabuf_frame *frame, guint64 *size)
{
    const Format *format = format_find(fourcc);
    guint32 stride;
    guint8 *data;

    g_assert_nonnull(format);
    stride = WIDTH * format->bytes + GAP;
    /* To the byte: a conversion that reads more is found by AddressSanitizer */
    *size = OFFSET + (guint64) stride * (HEIGHT - 1) + WIDTH * format->bytes;
    data = g_malloc(*size);
    memset(data, 0x5a, *size);

    vdmabuf_frame_init(frame, fourcc, WIDTH, HEIGHT, stride);
    frame->planes[0].offset = OFFSET;
    frame->flags = flags;
    card_draw(format, data + OFFSET, WIDTH, HEIGHT, stride, number,
              (flags & VDMABUF_FRAME_Y_INVERTED) != 0);
    return data;
}

/* As near to the card as the format's bits allow */
static void
check_picture(const Picture *picture, guint64 number, guint tolerance)
{
    g_assert_cmpuint(picture->width, ==, WIDTH);
    g_assert_cmpuint(picture->height, ==, HEIGHT);
    for (guint32 y = 0; y < HEIGHT; y++) {
        for (guint32 x = 0; x < WIDTH; x++) {
            guint8 rgb[3];

            card_pixel(WIDTH, HEIGHT, number, x, y, rgb);
            for (guint i = 0; i < 3; i++) {
                int difference = picture->rgb[(y * WIDTH + x) * 3 + i] - rgb[i];

                g_assert_cmpint(ABS(difference), <=, tolerance);
            }
        }
    }
}

static void
test_formats(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fourccs); i++) {
        for (guint32 flags = 0; flags <= VDMABUF_FRAME_Y_INVERTED; flags++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(Picture) picture = NULL;
            g_autofree guint8 *data = NULL;
            struct vdmabuf_frame frame;
            char text[FOURCC_TEXT_SIZE];
            guint64 size;

            g_test_message("%s, flags %u", fourcc_format(fourccs[i], text), flags);
            data = draw(fourccs[i], flags, i, &frame, &size);
            picture = picture_new(&frame, data, size, &error);
            g_assert_no_error(error);
            check_picture(picture, i, fourccs[i] == DRM_FORMAT_RGB565 ? 4 : 0);
        }
    }
}

/* By hand, so that drawing and reading cannot be wrong in the same way */
static void
test_bytes(void)
{
    static const struct {
        guint32 fourcc;
        const char *bytes;
    } orange[] = {
        {DRM_FORMAT_XRGB8888, "\x00\x80\xff\x00"},
        {DRM_FORMAT_ARGB8888, "\x00\x80\xff\x00"}, /* transparent, and shown all the same */
        {DRM_FORMAT_ARGB8888, "\x00\x80\xff\x80"},
        {DRM_FORMAT_XBGR8888, "\xff\x80\x00\x12"},
        {DRM_FORMAT_ABGR8888, "\xff\x80\x00\xff"},
        {DRM_FORMAT_RGBX8888, "\x00\x00\x80\xff"},
        {DRM_FORMAT_BGRX8888, "\x00\xff\x80\x00"},
        {DRM_FORMAT_RGB888, "\x00\x80\xff"},
        {DRM_FORMAT_BGR888, "\xff\x80\x00"},
        {DRM_FORMAT_XRGB2101010, "\x00\x08\xf8\x3f"},
        {DRM_FORMAT_RGB565, "\x00\xfc"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(orange); i++) {
        const Format *format = format_find(orange[i].fourcc);
        g_autoptr(GError) error = NULL;
        g_autoptr(Picture) picture = NULL;
        struct vdmabuf_frame frame;

        g_test_message("%" G_GSIZE_FORMAT, i);
        vdmabuf_frame_init(&frame, orange[i].fourcc, 1, 1, format->bytes);
        picture = picture_new(&frame, (const guint8 *) orange[i].bytes, format->bytes, &error);
        g_assert_no_error(error);
        g_assert_cmpint(picture->rgb[0], ==, 0xff);
        g_assert_cmpint(picture->rgb[1], >=, 0x7f);
        g_assert_cmpint(picture->rgb[1], <=, 0x82);
        g_assert_cmpint(picture->rgb[2], ==, 0);
    }
}

static void
check_refused(const struct vdmabuf_frame *frame, const guint8 *data, guint64 size,
              const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(picture_new(frame, data, size, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, words));
    g_assert_null(picture_new(frame, data, size, NULL));
}

static void
test_refused(void)
{
    const struct vdmabuf_frame nothing = {0};
    g_autofree guint8 *data = NULL;
    struct vdmabuf_frame good, frame;
    guint64 size;

    data = draw(DRM_FORMAT_XRGB8888, 0, 0, &good, &size);
    check_refused(&nothing, data, size, "no picture");
    check_refused(&good, data, size - 1, "last row");

    frame = good;
    frame.modifier = DRM_FORMAT_MOD_VENDOR_INTEL;
    check_refused(&frame, data, size, "tiled");
    frame = good;
    frame.modifier = DRM_FORMAT_MOD_INVALID;
    check_refused(&frame, data, size, "tiled");
    frame = good;
    frame.fourcc = DRM_FORMAT_NV12;
    check_refused(&frame, data, size, "NV12");
    frame = good;
    frame.fourcc = DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN;
    check_refused(&frame, data, size, "format");
    frame = good;
    frame.nr_planes = 2;
    frame.planes[1].stride = 4;
    check_refused(&frame, data, size, "2 planes");
    frame = good;
    frame.planes[0].stride = WIDTH * 4 - 1;
    check_refused(&frame, data, size, "stride");
    frame = good;
    frame.planes[0].offset = G_MAXUINT32;
    check_refused(&frame, data, size, "Plane 0");
    frame = good;
    frame.width = G_MAXUINT32;
    check_refused(&frame, data, size, "pixels");
}

static void
test_png(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Picture) picture = NULL;
    g_autoptr(Picture) back = NULL;
    g_autoptr(GBytes) png = NULL;
    g_autofree guint8 *data = NULL;
    g_autofree char *path = NULL;
    struct vdmabuf_frame frame;
    guint64 size;
    int fd;

    data = draw(DRM_FORMAT_XRGB8888, 0, 3, &frame, &size);
    picture = picture_new(&frame, data, size, &error);
    g_assert_no_error(error);
    png = picture_to_png(picture, &error);
    g_assert_no_error(error);

    fd = g_file_open_tmp("vdmabuf-XXXXXX", &path, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_set_contents(path, g_bytes_get_data(png, NULL),
                                      (gssize) g_bytes_get_size(png), &error));
    back = picture_new_from_png(path, &error);
    g_assert_no_error(error);
    check_picture(back, 3, 0);
    g_assert_cmpuint(picture_count_differences(picture, back), ==, 0);
    back->rgb[WIDTH * HEIGHT * 3 - 1] ^= 1;
    g_assert_cmpuint(picture_count_differences(picture, back), ==, 1);

    g_assert_true(g_file_set_contents(path, "no png", -1, &error));
    g_assert_null(picture_new_from_png(path, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED);
    close(fd);
    g_unlink(path);
}

/* The card's parts are where they are said to be, and the stripe moves. */
static void
test_card(void)
{
    guint8 rgb[3], next[3];

    card_pixel(640, 480, 20, 0, 0, rgb);
    g_assert_cmpmem(rgb, 3, "\xff\0\0", 3);
    card_pixel(640, 480, 20, 639, 0, rgb);
    g_assert_cmpmem(rgb, 3, "\0\0\0", 3);
    card_pixel(640, 480, 20, 160, 240, rgb);
    card_pixel(640, 480, 21, 160, 240, next);
    g_assert_cmpmem(rgb, 3, "\xff\xff\xff", 3);
    g_assert_cmpint(memcmp(rgb, next, 3), !=, 0);
    card_pixel(640, 480, 21, 168, 240, next);
    g_assert_cmpmem(next, 3, "\xff\xff\xff", 3);
    card_pixel(640, 480, 0, 639, 479, rgb);
    g_assert_cmpmem(rgb, 3, "\xfe\xfe\xfe", 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/formats", test_formats);
    g_test_add_func("/picture/bytes", test_bytes);
    g_test_add_func("/picture/refused", test_refused);
    g_test_add_func("/picture/png", test_png);
    g_test_add_func("/picture/card", test_card);
    return g_test_run();
}
