/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "private.h"
#include "vdmabuf-stream.h"

/* One past the largest width or height of a picture */
#define PICTURE_SIDE_END 65536

#define FOURCC(a, b, c, d)                                                                         \
    ((guint32) (a) | (guint32) (b) << 8 | (guint32) (c) << 16 | (guint32) (d) << 24)

static gboolean
is_zero(gconstpointer data, gsize size)
{
    const guint8 *bytes = data;

    for (gsize i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return FALSE;
    }
    return TRUE;
}

G_GNUC_PRINTF(2, 3)
static gboolean
frame_refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error != NULL)
        *error = g_error_new_valist(VDMABUF_ERROR, VDMABUF_ERROR_INVALID, format, args);
    va_end(args);

    return FALSE;
}

static gboolean
frame_check_data(const struct vdmabuf_frame *frame, GError **error)
{
    if (frame->modifier != 0 || frame->width != 0 || frame->height != 0 || frame->nr_planes != 0 ||
        !is_zero(frame->planes, sizeof(frame->planes)) ||
        !is_zero(&frame->damage, sizeof(frame->damage)) || frame->x != 0 || frame->y != 0 ||
        frame->hot_x != 0 || frame->hot_y != 0)
        return frame_refuse(error, "A frame without a format (fourcc 0) is no picture, but it "
                                   "describes one: modifier, size, planes, damage and hot spot "
                                   "have to be 0");

    if ((frame->flags & VDMABUF_FRAME_CURSOR) && !(frame->flags & VDMABUF_FRAME_HIDDEN))
        return frame_refuse(error, "A cursor needs a format (fourcc), unless it is hidden");

    return TRUE;
}

static gboolean
frame_check_planes(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    guint64 last_row;

    if (frame->nr_planes < 1 || frame->nr_planes > VDMABUF_MAX_PLANES)
        return frame_refuse(error, "A picture has 1 to %d planes, not %u", VDMABUF_MAX_PLANES,
                            frame->nr_planes);

    for (guint i = 0; i < frame->nr_planes; i++) {
        const struct vdmabuf_plane *plane = &frame->planes[i];

        if (plane->stride == 0)
            return frame_refuse(error, "Plane %u has no stride", i);
        if (plane->offset >= size)
            return frame_refuse(error,
                                "Plane %u starts at byte %u, behind the end of the buffer of "
                                "%" G_GUINT64_FORMAT " bytes",
                                i, plane->offset, size);
    }

    for (guint i = frame->nr_planes; i < VDMABUF_MAX_PLANES; i++) {
        if (frame->planes[i].offset != 0 || frame->planes[i].stride != 0)
            return frame_refuse(error,
                                "Plane %u is not used (the picture has %u), but it is not "
                                "zero",
                                i, frame->nr_planes);
    }

    /* How tall other planes are, and where tiles end, depends on the format: the importer knows */
    if (frame->modifier != 0)
        return TRUE;

    last_row = frame->planes[0].offset + (guint64) frame->planes[0].stride * (frame->height - 1);
    if (last_row >= size)
        return frame_refuse(error,
                            "%u rows of %u bytes from byte %u do not fit into the buffer of "
                            "%" G_GUINT64_FORMAT " bytes",
                            frame->height, frame->planes[0].stride, frame->planes[0].offset, size);

    return TRUE;
}

static gboolean
frame_check_picture(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    const struct vdmabuf_rect *damage = &frame->damage;

    if (frame->width == 0 || frame->width >= PICTURE_SIDE_END || frame->height == 0 ||
        frame->height >= PICTURE_SIDE_END)
        return frame_refuse(error, "A picture of %ux%u pixels: each side has to be 1 to %d",
                            frame->width, frame->height, PICTURE_SIDE_END - 1);

    if (!frame_check_planes(frame, size, error))
        return FALSE;

    if ((guint64) damage->x + damage->width > frame->width ||
        (guint64) damage->y + damage->height > frame->height)
        return frame_refuse(error,
                            "The damage of %ux%u pixels at %u,%u does not lie inside the picture "
                            "of %ux%u",
                            damage->width, damage->height, damage->x, damage->y, frame->width,
                            frame->height);

    return TRUE;
}

gboolean
vdmabuf_frame_check(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    if (frame->flags & ~VDMABUF_FRAME_FLAGS)
        return frame_refuse(error, "The frame has flags that this version does not know: 0x%x",
                            frame->flags & ~VDMABUF_FRAME_FLAGS);
    if (frame->reserved != 0)
        return frame_refuse(error, "The frame's reserved field is not 0");
    if (frame->app_size > VDMABUF_MAX_APP)
        return frame_refuse(error, "%u bytes of application data: there is room for %d",
                            frame->app_size, VDMABUF_MAX_APP);
    if (!is_zero(frame->app + frame->app_size, VDMABUF_MAX_APP - frame->app_size))
        return frame_refuse(error, "The application data is not zero behind its %u bytes",
                            frame->app_size);

    if (frame->fourcc == 0)
        return frame_check_data(frame, error);

    return frame_check_picture(frame, size, error);
}

void
vdmabuf_frame_init(struct vdmabuf_frame *frame, guint32 fourcc, guint32 width, guint32 height,
                   guint32 stride)
{
    memset(frame, 0, sizeof(*frame));
    frame->fourcc = fourcc;
    frame->width = width;
    frame->height = height;
    frame->nr_planes = 1;
    frame->planes[0].stride = stride;
}

guint32
vdmabuf_frame_get_opaque_fourcc(const struct vdmabuf_frame *frame)
{
    /* DRM's codes, with an alpha channel and without */
    static const guint32 pairs[][2] = {
        {FOURCC('A', 'R', '2', '4'), FOURCC('X', 'R', '2', '4')},
        {FOURCC('A', 'B', '2', '4'), FOURCC('X', 'B', '2', '4')},
        {FOURCC('R', 'A', '2', '4'), FOURCC('R', 'X', '2', '4')},
        {FOURCC('B', 'A', '2', '4'), FOURCC('B', 'X', '2', '4')},
        {FOURCC('A', 'R', '3', '0'), FOURCC('X', 'R', '3', '0')},
        {FOURCC('A', 'B', '3', '0'), FOURCC('X', 'B', '3', '0')},
        {FOURCC('R', 'A', '3', '0'), FOURCC('R', 'X', '3', '0')},
        {FOURCC('B', 'A', '3', '0'), FOURCC('B', 'X', '3', '0')},
        {FOURCC('A', 'R', '1', '5'), FOURCC('X', 'R', '1', '5')},
        {FOURCC('A', 'B', '1', '5'), FOURCC('X', 'B', '1', '5')},
        {FOURCC('R', 'A', '1', '5'), FOURCC('R', 'X', '1', '5')},
        {FOURCC('B', 'A', '1', '5'), FOURCC('B', 'X', '1', '5')},
        {FOURCC('A', 'R', '4', 'H'), FOURCC('X', 'R', '4', 'H')},
        {FOURCC('A', 'B', '4', 'H'), FOURCC('X', 'B', '4', 'H')},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (pairs[i][0] == frame->fourcc)
            return pairs[i][1];
    }
    return frame->fourcc;
}
