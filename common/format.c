/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <drm/drm_fourcc.h>
#include <string.h>

#include "format.h"
#include "vdmabuf.h"

static const Format formats[] = {
    /* fourcc, bytes, and of red, green and blue the shift and the bits */
    {DRM_FORMAT_ABGR8888, 4, {0, 8}, {8, 8}, {16, 8}},
    {DRM_FORMAT_ARGB8888, 4, {16, 8}, {8, 8}, {0, 8}},
    {DRM_FORMAT_BGR888, 3, {0, 8}, {8, 8}, {16, 8}},
    {DRM_FORMAT_BGRA8888, 4, {8, 8}, {16, 8}, {24, 8}},
    {DRM_FORMAT_BGRX8888, 4, {8, 8}, {16, 8}, {24, 8}},
    {DRM_FORMAT_RGB565, 2, {11, 5}, {5, 6}, {0, 5}},
    {DRM_FORMAT_RGB888, 3, {16, 8}, {8, 8}, {0, 8}},
    {DRM_FORMAT_RGBA8888, 4, {24, 8}, {16, 8}, {8, 8}},
    {DRM_FORMAT_RGBX8888, 4, {24, 8}, {16, 8}, {8, 8}},
    {DRM_FORMAT_XBGR2101010, 4, {0, 10}, {10, 10}, {20, 10}},
    {DRM_FORMAT_XBGR8888, 4, {0, 8}, {8, 8}, {16, 8}},
    {DRM_FORMAT_XRGB2101010, 4, {20, 10}, {10, 10}, {0, 10}},
    {DRM_FORMAT_XRGB8888, 4, {16, 8}, {8, 8}, {0, 8}},
};

const Format *
format_find(guint32 fourcc)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].fourcc == fourcc)
            return &formats[i];
    }
    return NULL;
}

char *
format_list(void)
{
    GString *list = g_string_new(NULL);
    char text[FOURCC_TEXT_SIZE];

    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
        g_string_append_printf(list, "%s%s", i > 0 ? ", " : "",
                               fourcc_format(formats[i].fourcc, text));

    return g_string_free(list, FALSE);
}

G_GNUC_PRINTF(2, 3)
static gboolean
format_refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error != NULL)
        *error = g_error_new_valist(VDMABUF_ERROR, VDMABUF_ERROR_INVALID, format, args);
    va_end(args);
    return FALSE;
}

gboolean
format_check_frame(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    const struct vdmabuf_plane *plane = &frame->planes[0];
    const Format *format = format_find(frame->fourcc);
    char text[FOURCC_TEXT_SIZE];
    guint64 row;

    if (frame->fourcc == 0)
        return format_refuse(error, "The frame is no picture");
    if (frame->modifier != DRM_FORMAT_MOD_LINEAR)
        return format_refuse(
            error,
            "The picture is tiled or compressed (modifier 0x%016" G_GINT64_MODIFIER
            "x): only a GPU's driver can read it; let the producer use linear "
            "buffers",
            (guint64) frame->modifier);
    if (format == NULL || frame->nr_planes != 1) {
        g_autofree char *known = format_list();

        return format_refuse(error,
                             "Pictures in the format %s with %u planes cannot be converted; "
                             "%s can",
                             fourcc_format(frame->fourcc, text), frame->nr_planes, known);
    }

    row = (guint64) frame->width * format->bytes;
    if (plane->stride < row)
        return format_refuse(error, "The stride of %u bytes is too small for %u pixels",
                             plane->stride, frame->width);
    if (plane->offset + (guint64) plane->stride * (frame->height - 1) + row > size)
        return format_refuse(error,
                             "The last row of the picture ends behind the buffer of "
                             "%" G_GUINT64_FORMAT " bytes",
                             size);
    return TRUE;
}

static guint32
channel_pack(FormatChannel channel, guint8 value)
{
    guint32 max = (1u << channel.bits) - 1;

    return (value * max + 127) / 255 << channel.shift;
}

static guint8
channel_unpack(FormatChannel channel, guint32 pixel)
{
    guint32 max = (1u << channel.bits) - 1;

    return (guint8) (((pixel >> channel.shift & max) * 255 + max / 2) / max);
}

/* DRM's formats are little-endian numbers, on any machine */
void
format_pack(const Format *self, guint8 *pixel, const guint8 rgb[3])
{
    guint32 value = channel_pack(self->red, rgb[0]) | channel_pack(self->green, rgb[1]) |
                    channel_pack(self->blue, rgb[2]);

    value = GUINT32_TO_LE(value);
    memcpy(pixel, &value, self->bytes);
}

void
format_unpack(const Format *self, const guint8 *pixel, guint8 rgb[3])
{
    guint32 value = 0;

    memcpy(&value, pixel, self->bytes);
    value = GUINT32_FROM_LE(value);

    rgb[0] = channel_unpack(self->red, value);
    rgb[1] = channel_unpack(self->green, value);
    rgb[2] = channel_unpack(self->blue, value);
}

const char *
fourcc_format(guint32 fourcc, char text[FOURCC_TEXT_SIZE])
{
    for (guint i = 0; i < 4; i++) {
        text[i] = (char) (fourcc >> 8 * i & 0xff);
        if (!g_ascii_isgraph(text[i]) && !(text[i] == ' ' && i > 0)) {
            g_snprintf(text, FOURCC_TEXT_SIZE, "0x%08x", fourcc);
            return text;
        }
    }

    text[4] = '\0';
    return text;
}

gboolean
fourcc_parse(const char *text, guint32 *fourcc)
{
    if (strlen(text) != 4)
        return FALSE;

    *fourcc = 0;
    for (guint i = 0; i < 4; i++) {
        if (!g_ascii_isprint(text[i]))
            return FALSE;
        *fourcc |= (guint32) (guint8) text[i] << 8 * i;
    }
    return TRUE;
}
