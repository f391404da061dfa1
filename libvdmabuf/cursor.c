/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "stream-private.h"

/* Of <drm/drm_fourcc.h>, which a library on GLib alone does not need for two numbers */
#define FOURCC_ARGB8888 0x34325241u
#define FOURCC_XRGB8888 0x34325258u

/* Larger than any cursor plane; it is copied in the main loop. */
#define MAX_SIDE 512
#define PIXEL_BYTES 4
#define OPAQUE_ALPHA 0xff000000u

void
vdmabuf_cursor_hide(VdmabufCursor *cursor)
{
    cursor->visible = FALSE;
}

static gboolean
cursor_check(const struct vdmabuf_frame *frame, guint64 size, GError **error)
{
    const struct vdmabuf_plane *plane = &frame->planes[0];
    guint64 row = (guint64) frame->width * PIXEL_BYTES;

    if (frame->modifier != 0 || frame->nr_planes != 1 ||
        (frame->fourcc != FOURCC_ARGB8888 && frame->fourcc != FOURCC_XRGB8888)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "The guest's cursor cannot be shown: it is not in linear AR24");
        return FALSE;
    }
    if (frame->width > MAX_SIDE || frame->height > MAX_SIDE) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "The guest's cursor cannot be shown: %ux%u pixels are more than %ux%u",
                    frame->width, frame->height, MAX_SIDE, MAX_SIDE);
        return FALSE;
    }
    if (plane->stride < row ||
        plane->offset + (guint64) plane->stride * (frame->height - 1) + row > size) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "The guest's cursor cannot be shown: its rows do not fit its buffer");
        return FALSE;
    }
    return TRUE;
}

/* DRM's formats are little-endian numbers; cairo's are numbers of this machine. */
static GBytes *
cursor_copy(const struct vdmabuf_frame *frame, const guint8 *data)
{
    guint32 *pixels = g_new(guint32, (gsize) frame->width * frame->height);

    for (guint32 y = 0; y < frame->height; y++) {
        guint32 line = frame->flags & VDMABUF_FRAME_Y_INVERTED ? frame->height - 1 - y : y;
        guint32 *row = pixels + (gsize) y * frame->width;

        memcpy(row, data + frame->planes[0].offset + (gsize) frame->planes[0].stride * line,
               (gsize) frame->width * PIXEL_BYTES);
        for (guint32 x = 0; x < frame->width; x++) {
            row[x] = GUINT32_FROM_LE(row[x]);
            if (frame->fourcc == FOURCC_XRGB8888)
                row[x] |= OPAQUE_ALPHA;
        }
    }
    return g_bytes_new_take(pixels, (gsize) frame->width * frame->height * PIXEL_BYTES);
}

gboolean
vdmabuf_cursor_read(VdmabufCursor *cursor, VdmabufPicture *picture, GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);
    g_autoptr(GBytes) pixels = NULL;
    VdmabufMap *map;

    if (!cursor_check(frame, vdmabuf_buffer_get_size(buffer), error))
        return FALSE;
    map = vdmabuf_buffer_get_map(buffer, error);
    if (map == NULL || !vdmabuf_map_begin(map, error))
        return FALSE;
    pixels = cursor_copy(frame, vdmabuf_map_get_data(map));
    vdmabuf_map_end(map, NULL);

    if (cursor->pixels == NULL || cursor->width != frame->width ||
        cursor->height != frame->height || !g_bytes_equal(cursor->pixels, pixels)) {
        g_clear_pointer(&cursor->pixels, g_bytes_unref);
        cursor->pixels = g_steal_pointer(&pixels);
        cursor->serial++;
    }
    cursor->visible = TRUE;
    cursor->width = frame->width;
    cursor->height = frame->height;
    cursor->hot_x = frame->hot_x;
    cursor->hot_y = frame->hot_y;
    cursor->x = frame->x;
    cursor->y = frame->y;
    return TRUE;
}
