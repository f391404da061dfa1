/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-format.h"

#include <drm/drm_fourcc.h>
#include <epoxy/egl.h>
#include <string.h>

#include "format.h"
#include "vdmabuf-stream.h"

/* Of an image of cairo's */
#define CAIRO_MAX_SIDE 32767

/* Rows of a plane: so many bytes for each group of across x down pixels */
typedef struct {
    guint8 bytes, across, down;
} Plane;

/* Linear formats that are not in common/format.h: EGL may know them, the CPU does not. */
static const struct {
    guint32 fourcc;
    guint nr_planes;
    Plane planes[VDMABUF_MAX_PLANES];
} layouts[] = {
    {DRM_FORMAT_XRGB1555, 1, {{2, 1, 1}}},
    {DRM_FORMAT_XBGR16161616F, 1, {{8, 1, 1}}},
    {DRM_FORMAT_YUYV, 1, {{4, 2, 1}}},
    {DRM_FORMAT_UYVY, 1, {{4, 2, 1}}},
    {DRM_FORMAT_XYUV8888, 1, {{4, 1, 1}}},
    {DRM_FORMAT_NV12, 2, {{1, 1, 1}, {2, 2, 2}}},
    {DRM_FORMAT_NV21, 2, {{1, 1, 1}, {2, 2, 2}}},
    {DRM_FORMAT_NV16, 2, {{1, 1, 1}, {2, 2, 1}}},
    {DRM_FORMAT_P010, 2, {{2, 1, 1}, {4, 2, 2}}},
    {DRM_FORMAT_YUV420, 3, {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
    {DRM_FORMAT_YVU420, 3, {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
    {DRM_FORMAT_YUV444, 3, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
};

char *
view_format_describe(const struct vdmabuf_frame *frame)
{
    char text[FOURCC_TEXT_SIZE];

    fourcc_format(frame->fourcc, text);
    if (frame->modifier == DRM_FORMAT_MOD_LINEAR)
        return g_strdup(text);
    if (frame->modifier == DRM_FORMAT_MOD_INVALID)
        return g_strdup_printf("%s, no modifier", text);
    return g_strdup_printf("%s, modifier 0x%016" G_GINT64_MODIFIER "x", text,
                           (guint64) frame->modifier);
}

G_GNUC_PRINTF(3, 4)
static gboolean
format_refuse(const struct vdmabuf_frame *frame, GError **error, const char *reason, ...)
{
    g_autofree char *what = view_format_describe(frame);
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, reason);
    why = g_strdup_vprintf(reason, args);
    va_end(args);
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID, "The guest's picture (%s) %s", what,
                why);
    return FALSE;
}

static gboolean
format_check_plane(const struct vdmabuf_frame *frame, guint index, const Plane *plane, guint64 size,
                   GError **error)
{
    guint64 row = ((guint64) frame->width + plane->across - 1) / plane->across * plane->bytes;
    guint64 rows = ((guint64) frame->height + plane->down - 1) / plane->down;
    guint64 stride = frame->planes[index].stride;

    if (stride < row)
        return format_refuse(frame, error, "has rows of %u bytes, too few for %u pixels",
                             frame->planes[index].stride, frame->width);
    if (frame->planes[index].offset + stride * (rows - 1) + row > size)
        return format_refuse(frame, error, "does not fit its buffer of %" G_GUINT64_FORMAT " bytes",
                             size);
    return TRUE;
}

gboolean
view_format_check(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    const Format *format = format_find(frame->fourcc);
    guint32 fourcc = vdmabuf_frame_get_opaque_fourcc(frame);

    if (!vdmabuf_frame_check(frame, size, error))
        return FALSE;
    if (frame->modifier != DRM_FORMAT_MOD_LINEAR && frame->modifier != DRM_FORMAT_MOD_INVALID)
        return TRUE;

    if (format != NULL && frame->nr_planes == 1) {
        const Plane plane = {(guint8) format->bytes, 1, 1};

        return format_check_plane(frame, 0, &plane, size, error);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(layouts); i++) {
        if (layouts[i].fourcc != fourcc || layouts[i].nr_planes != frame->nr_planes)
            continue;
        for (guint p = 0; p < frame->nr_planes; p++) {
            if (!format_check_plane(frame, p, &layouts[i].planes[p], size, error))
                return FALSE;
        }
        return TRUE;
    }
    return format_refuse(frame, error, "with %u planes is in a format that is not known",
                         frame->nr_planes);
}

gboolean
view_format_get_egl(const struct vdmabuf_frame *frame, int fd, gboolean modifiers,
                    gint32 attributes[VIEW_FORMAT_EGL_ATTRIBUTES], GError **error)
{
    static const struct {
        EGLint fd, offset, pitch, low, high;
    } names[VDMABUF_MAX_PLANES] = {
        {EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT,
         EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT,
         EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT,
         EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT,
         EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT},
    };
    gint32 *next = attributes;

    if (!modifiers && frame->nr_planes > 3)
        return format_refuse(frame, error, "has %u planes, too many for this EGL",
                             frame->nr_planes);
    if (!modifiers && frame->modifier != DRM_FORMAT_MOD_LINEAR &&
        frame->modifier != DRM_FORMAT_MOD_INVALID)
        return format_refuse(frame, error, "is tiled or compressed, and this EGL has no modifiers");

    *next++ = EGL_WIDTH;
    *next++ = (gint32) frame->width;
    *next++ = EGL_HEIGHT;
    *next++ = (gint32) frame->height;
    *next++ = EGL_LINUX_DRM_FOURCC_EXT;
    *next++ = (gint32) vdmabuf_frame_get_opaque_fourcc(frame);
    for (guint i = 0; i < frame->nr_planes; i++) {
        if (frame->planes[i].offset > G_MAXINT32 || frame->planes[i].stride > G_MAXINT32)
            return format_refuse(frame, error, "has offsets that are too large for EGL");
        *next++ = names[i].fd;
        *next++ = fd;
        *next++ = names[i].offset;
        *next++ = (gint32) frame->planes[i].offset;
        *next++ = names[i].pitch;
        *next++ = (gint32) frame->planes[i].stride;
        if (modifiers && frame->modifier != DRM_FORMAT_MOD_INVALID) {
            *next++ = names[i].low;
            *next++ = (gint32) (frame->modifier & 0xffffffff);
            *next++ = names[i].high;
            *next++ = (gint32) (frame->modifier >> 32);
        }
    }
    *next = EGL_NONE;
    return TRUE;
}

gboolean
view_format_check_cpu(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    if (!vdmabuf_frame_check(frame, size, error) || !format_check_frame(frame, size, error))
        return FALSE;
    if (frame->width > CAIRO_MAX_SIDE || frame->height > CAIRO_MAX_SIDE)
        return format_refuse(frame, error, "has %ux%u pixels, too many for cairo", frame->width,
                             frame->height);
    return TRUE;
}

cairo_format_t
view_format_get_cairo(const struct vdmabuf_frame *frame)
{
    const struct vdmabuf_plane *plane = &frame->planes[0];

    /* DRM's formats are little-endian, cairo's are the machine's; and cairo wants whole words. */
    if (G_BYTE_ORDER != G_LITTLE_ENDIAN || plane->stride % 4 != 0 || plane->offset % 4 != 0 ||
        plane->stride > G_MAXINT32)
        return CAIRO_FORMAT_INVALID;

    switch (vdmabuf_frame_get_opaque_fourcc(frame)) {
    case DRM_FORMAT_XRGB8888:
        return CAIRO_FORMAT_RGB24;
    case DRM_FORMAT_RGB565:
        return CAIRO_FORMAT_RGB16_565;
    default:
        return CAIRO_FORMAT_INVALID;
    }
}

void
view_format_convert(const struct vdmabuf_frame *frame, const guint8 *data,
                    const cairo_rectangle_int_t *part, guint8 *pixels, gsize stride)
{
    const Format *format = format_find(frame->fourcc);

    g_return_if_fail(format != NULL);
    g_return_if_fail(part->x >= 0 && (guint32) (part->x + part->width) <= frame->width);
    g_return_if_fail(part->y >= 0 && (guint32) (part->y + part->height) <= frame->height);

    for (guint32 y = 0; y < (guint32) part->height; y++) {
        guint32 row = (guint32) part->y + y;
        guint32 line = frame->flags & VDMABUF_FRAME_Y_INVERTED ? frame->height - 1 - row : row;
        const guint8 *from = data + frame->planes[0].offset +
                             (gsize) frame->planes[0].stride * line +
                             (gsize) part->x * format->bytes;
        guint8 *to = pixels + y * stride;

        for (guint32 x = 0; x < (guint32) part->width; x++) {
            guint8 rgb[3];
            guint32 pixel;

            format_unpack(format, from + (gsize) x * format->bytes, rgb);
            pixel = 0xff000000u | (guint32) rgb[0] << 16 | (guint32) rgb[1] << 8 | rgb[2];
            memcpy(to + (gsize) x * sizeof(pixel), &pixel, sizeof(pixel));
        }
    }
}
