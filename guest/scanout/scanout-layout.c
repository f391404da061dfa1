/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-layout.h"

#include <drm_fourcc.h>
#include <drm_mode.h>
#include <string.h>

#include "scanout-error.h"

/* GPUs that import a buffer want rows at multiples of this (amdgpu asks for the most). */
#define PITCH_ALIGNMENT 256

typedef struct {
    guint32 fourcc;
    guint8 n_planes;
    guint8 bytes[3]; /* of one sample of each plane */
    guint8 hsub;     /* of the planes behind the first */
    guint8 vsub;
    guint8 block; /* pixels in one sample of the first plane */
} FormatInfo;

static const FormatInfo formats[] = {
    {DRM_FORMAT_C8, 1, {1}, 1, 1, 1},
    {DRM_FORMAT_R8, 1, {1}, 1, 1, 1},
    {DRM_FORMAT_RGB565, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_BGR565, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_XRGB1555, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_ARGB1555, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_XRGB4444, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_ARGB4444, 1, {2}, 1, 1, 1},
    {DRM_FORMAT_RGB888, 1, {3}, 1, 1, 1},
    {DRM_FORMAT_BGR888, 1, {3}, 1, 1, 1},
    {DRM_FORMAT_XRGB8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_XBGR8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_RGBX8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_BGRX8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_ARGB8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_ABGR8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_RGBA8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_BGRA8888, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_XRGB2101010, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_XBGR2101010, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_ARGB2101010, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_ABGR2101010, 1, {4}, 1, 1, 1},
    {DRM_FORMAT_XRGB16161616F, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_XBGR16161616F, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_ARGB16161616F, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_ABGR16161616F, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_XRGB16161616, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_XBGR16161616, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_ARGB16161616, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_ABGR16161616, 1, {8}, 1, 1, 1},
    {DRM_FORMAT_YUYV, 1, {4}, 1, 1, 2},
    {DRM_FORMAT_YVYU, 1, {4}, 1, 1, 2},
    {DRM_FORMAT_UYVY, 1, {4}, 1, 1, 2},
    {DRM_FORMAT_VYUY, 1, {4}, 1, 1, 2},
    {DRM_FORMAT_NV12, 2, {1, 2}, 2, 2, 1},
    {DRM_FORMAT_NV21, 2, {1, 2}, 2, 2, 1},
    {DRM_FORMAT_NV16, 2, {1, 2}, 2, 1, 1},
    {DRM_FORMAT_NV61, 2, {1, 2}, 2, 1, 1},
    {DRM_FORMAT_P010, 2, {2, 4}, 2, 2, 1},
    {DRM_FORMAT_P012, 2, {2, 4}, 2, 2, 1},
    {DRM_FORMAT_P016, 2, {2, 4}, 2, 2, 1},
    {DRM_FORMAT_YUV420, 3, {1, 1, 1}, 2, 2, 1},
    {DRM_FORMAT_YVU420, 3, {1, 1, 1}, 2, 2, 1},
    {DRM_FORMAT_YUV422, 3, {1, 1, 1}, 2, 1, 1},
    {DRM_FORMAT_YUV444, 3, {1, 1, 1}, 1, 1, 1},
};

static const FormatInfo *
find_format(guint32 fourcc)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].fourcc == fourcc)
            return &formats[i];
    }
    return NULL;
}

gboolean
vdmabuf_scanout_plane_state_equal(const VdmabufScanoutPlaneState *a,
                                  const VdmabufScanoutPlaneState *b)
{
    return a->fb_id == b->fb_id && a->has_src == b->has_src && a->src_x == b->src_x &&
           a->src_y == b->src_y && a->src_w == b->src_w && a->src_h == b->src_h &&
           a->crtc_x == b->crtc_x && a->crtc_y == b->crtc_y && a->hot_x == b->hot_x &&
           a->hot_y == b->hot_y && a->rotation == b->rotation;
}

char *
vdmabuf_scanout_fourcc_to_text(guint32 fourcc)
{
    char text[5] = {0};

    for (guint i = 0; i < 4; i++) {
        text[i] = (char) (fourcc >> (8 * i));
        if (!g_ascii_isprint(text[i]) || text[i] == '"' || text[i] == '\\')
            return g_strdup_printf("0x%08x", fourcc);
    }
    return g_strdup(text);
}

guint64
vdmabuf_scanout_implied_modifier(const char *driver, gboolean only_linear)
{
    /*
     * Without a modifier the driver decides on the layout. Where it can do nothing but
     * linear there is no doubt; these drivers tell no modifiers and know no tiling either.
     */
    static const char *const linear_drivers[] = {"virtio_gpu", "qxl",       "bochs-drm", "cirrus",
                                                 "simpledrm",  "vboxvideo", NULL};

    if (only_linear || (driver != NULL && g_strv_contains(linear_drivers, driver)))
        return DRM_FORMAT_MOD_LINEAR;
    return DRM_FORMAT_MOD_INVALID;
}

gboolean
vdmabuf_scanout_in_formats_only_linear(gconstpointer blob, gsize size)
{
    struct drm_format_modifier_blob header;

    if (blob == NULL || size < sizeof(header))
        return FALSE;
    memcpy(&header, blob, sizeof(header));
    if (header.count_modifiers == 0 || header.modifiers_offset > size ||
        (size - header.modifiers_offset) / sizeof(struct drm_format_modifier) <
            header.count_modifiers)
        return FALSE;
    for (guint32 i = 0; i < header.count_modifiers; i++) {
        struct drm_format_modifier entry;

        memcpy(&entry,
               (const char *) blob + header.modifiers_offset +
                   i * sizeof(struct drm_format_modifier),
               sizeof(entry));
        if (entry.modifier != DRM_FORMAT_MOD_LINEAR)
            return FALSE;
    }
    return TRUE;
}

gboolean
vdmabuf_scanout_visible_rect(const VdmabufScanoutFb *fb, const VdmabufScanoutPlaneState *state,
                             struct vdmabuf_rect *rect)
{
    guint64 right, bottom;

    memset(rect, 0, sizeof(*rect));
    if (!state->has_src) {
        rect->width = fb->width;
        rect->height = fb->height;
        return fb->width > 0 && fb->height > 0;
    }
    if (state->src_w == 0 || state->src_h == 0)
        return FALSE;
    /* A pixel of which a fraction is seen belongs to the picture. */
    rect->x = state->src_x >> 16;
    rect->y = state->src_y >> 16;
    right = ((guint64) state->src_x + state->src_w + 0xffff) >> 16;
    bottom = ((guint64) state->src_y + state->src_h + 0xffff) >> 16;
    right = MIN(right, fb->width);
    bottom = MIN(bottom, fb->height);
    if (rect->x >= right || rect->y >= bottom)
        return FALSE;
    rect->width = (guint32) (right - rect->x);
    rect->height = (guint32) (bottom - rect->y);
    return TRUE;
}

gboolean
vdmabuf_scanout_build_frame(struct vdmabuf_frame *frame, const VdmabufScanoutFb *fb,
                            const VdmabufScanoutPlaneState *state, gboolean cursor, GError **error)
{
    const FormatInfo *info = find_format(fb->fourcc);
    g_autofree char *name = vdmabuf_scanout_fourcc_to_text(fb->fourcc);
    struct vdmabuf_rect rect;

    memset(frame, 0, sizeof(*frame));
    if (fb->n_planes == 0 || fb->n_planes > VDMABUF_MAX_PLANES) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                    "framebuffer %u (%s) has %u planes; a frame has 1 to %d", fb->id, name,
                    fb->n_planes, VDMABUF_MAX_PLANES);
        return FALSE;
    }
    if (!vdmabuf_scanout_visible_rect(fb, state, &rect)) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                    "nothing of framebuffer %u (%ux%u) is inside the visible rectangle", fb->id,
                    fb->width, fb->height);
        return FALSE;
    }
    if (state->rotation != 0 && state->rotation != DRM_MODE_ROTATE_0) {
        /* Mirrored rows are the one transformation that a frame can tell. */
        if (state->rotation == (DRM_MODE_ROTATE_0 | DRM_MODE_REFLECT_Y)) {
            frame->flags |= VDMABUF_FRAME_Y_INVERTED;
        } else {
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "framebuffer %u is rotated by the display hardware (0x%x), which a frame "
                        "cannot express; let the compositor rotate while it draws",
                        fb->id, state->rotation);
            return FALSE;
        }
    }

    frame->fourcc = fb->fourcc;
    frame->modifier = fb->modifier;
    frame->width = rect.width;
    frame->height = rect.height;
    frame->nr_planes = fb->n_planes;
    for (guint i = 0; i < fb->n_planes; i++) {
        frame->planes[i].offset = fb->offsets[i];
        frame->planes[i].stride = fb->pitches[i];
    }

    if (rect.x != 0 || rect.y != 0) {
        /*
         * A frame has no origin of its own: the part begins at another offset. That is right
         * only where rows follow each other in memory, and on whole samples of every plane.
         */
        if (info == NULL || info->n_planes != fb->n_planes ||
            fb->modifier != DRM_FORMAT_MOD_LINEAR) {
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "the output shows framebuffer %u (%s, modifier 0x%016" G_GINT64_MODIFIER
                        "x) from %u,%u on; only linear framebuffers can be shown in part",
                        fb->id, name, fb->modifier, rect.x, rect.y);
            return FALSE;
        }
        if (rect.x % (info->hsub * info->block) != 0 || rect.y % info->vsub != 0) {
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "the output shows framebuffer %u (%s) from %u,%u on, which is between two "
                        "chroma samples",
                        fb->id, name, rect.x, rect.y);
            return FALSE;
        }
        for (guint i = 0; i < fb->n_planes; i++) {
            guint32 x = rect.x / (i == 0 ? info->block : info->hsub);
            guint32 y = rect.y / (i == 0 ? 1 : info->vsub);
            guint64 offset =
                fb->offsets[i] + (guint64) y * fb->pitches[i] + (guint64) x * info->bytes[i];

            if (offset > G_MAXUINT32) {
                g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                            "the visible part of framebuffer %u begins behind 4 GiB", fb->id);
                return FALSE;
            }
            frame->planes[i].offset = (guint32) offset;
        }
    }

    if (cursor) {
        frame->flags |= VDMABUF_FRAME_CURSOR;
        frame->hot_x = state->hot_x;
        frame->hot_y = state->hot_y;
        frame->x = (gint32) CLAMP((gint64) state->crtc_x + state->hot_x, G_MININT32, G_MAXINT32);
        frame->y = (gint32) CLAMP((gint64) state->crtc_y + state->hot_y, G_MININT32, G_MAXINT32);
    }
    return TRUE;
}

gboolean
vdmabuf_scanout_plane_extent(guint32 fourcc, guint plane, guint32 width, guint32 height,
                             guint32 *rows, guint32 *bytes)
{
    const FormatInfo *info = find_format(fourcc);
    guint64 samples, row;

    if (info == NULL || plane >= info->n_planes)
        return FALSE;
    if (plane == 0) {
        samples = ((guint64) width + info->block - 1) / info->block;
        *rows = height;
    } else {
        samples = ((guint64) width + info->hsub - 1) / info->hsub;
        *rows = (guint32) (((guint64) height + info->vsub - 1) / info->vsub);
    }
    row = samples * info->bytes[plane];
    if (row > G_MAXUINT32)
        return FALSE;
    *bytes = (guint32) row;
    return TRUE;
}

gboolean
vdmabuf_scanout_build_copy(const struct vdmabuf_frame *source, struct vdmabuf_frame *frame,
                           guint64 *size, GError **error)
{
    guint64 end = 0;

    if (source->modifier != DRM_FORMAT_MOD_LINEAR && source->modifier != DRM_FORMAT_MOD_INVALID) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                    "a framebuffer with modifier 0x%016" G_GINT64_MODIFIER
                    "x cannot be copied by the CPU; use --mode=direct",
                    (guint64) source->modifier);
        return FALSE;
    }
    *frame = *source;
    frame->modifier = DRM_FORMAT_MOD_LINEAR;
    for (guint i = 0; i < source->nr_planes; i++) {
        guint32 rows, bytes;
        guint64 stride;

        if (!vdmabuf_scanout_plane_extent(source->fourcc, i, source->width, source->height, &rows,
                                          &bytes)) {
            g_autofree char *name = vdmabuf_scanout_fourcc_to_text(source->fourcc);

            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "framebuffers of the format %s cannot be copied; use --mode=direct", name);
            return FALSE;
        }
        stride = ((guint64) bytes + PITCH_ALIGNMENT - 1) / PITCH_ALIGNMENT * PITCH_ALIGNMENT;
        if (stride > G_MAXUINT32 || end > G_MAXUINT32) {
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "a picture of %ux%u is too large to be copied", source->width,
                        source->height);
            return FALSE;
        }
        frame->planes[i].offset = (guint32) end;
        frame->planes[i].stride = (guint32) stride;
        end += stride * rows;
    }
    *size = end;
    return TRUE;
}

gboolean
vdmabuf_scanout_frame_fits(const struct vdmabuf_frame *frame, guint64 size)
{
    if (frame->nr_planes == 0 || frame->nr_planes > VDMABUF_MAX_PLANES)
        return FALSE;
    for (guint i = 0; i < frame->nr_planes; i++) {
        guint32 rows, bytes;

        if (!vdmabuf_scanout_plane_extent(frame->fourcc, i, frame->width, frame->height, &rows,
                                          &bytes) ||
            rows == 0 || bytes == 0 || frame->planes[i].stride < bytes)
            return FALSE;
        if (frame->planes[i].offset + (guint64) frame->planes[i].stride * (rows - 1) + bytes > size)
            return FALSE;
    }
    return TRUE;
}

guint64
vdmabuf_scanout_copy_rows(gpointer to_data, const struct vdmabuf_frame *to, gconstpointer from_data,
                          const struct vdmabuf_frame *from)
{
    guint64 copied = 0;

    for (guint i = 0; i < from->nr_planes; i++) {
        char *out = (char *) to_data + to->planes[i].offset;
        const char *in = (const char *) from_data + from->planes[i].offset;
        guint32 rows, bytes;

        if (!vdmabuf_scanout_plane_extent(from->fourcc, i, from->width, from->height, &rows,
                                          &bytes))
            return copied;
        for (guint32 row = 0; row < rows; row++) {
            memcpy(out + (gsize) row * to->planes[i].stride,
                   in + (gsize) row * from->planes[i].stride, bytes);
        }
        copied += (guint64) rows * bytes;
    }
    return copied;
}

gboolean
vdmabuf_scanout_rows_equal(gconstpointer a_data, const struct vdmabuf_frame *a,
                           gconstpointer b_data, const struct vdmabuf_frame *b)
{
    if (a->fourcc != b->fourcc || a->width != b->width || a->height != b->height ||
        a->nr_planes != b->nr_planes)
        return FALSE;
    for (guint i = 0; i < a->nr_planes; i++) {
        const char *one = (const char *) a_data + a->planes[i].offset;
        const char *other = (const char *) b_data + b->planes[i].offset;
        guint32 rows, bytes;

        if (!vdmabuf_scanout_plane_extent(a->fourcc, i, a->width, a->height, &rows, &bytes))
            return FALSE;
        for (guint32 row = 0; row < rows; row++) {
            if (memcmp(one + (gsize) row * a->planes[i].stride,
                       other + (gsize) row * b->planes[i].stride, bytes) != 0)
                return FALSE;
        }
    }
    return TRUE;
}

guint
vdmabuf_scanout_refresh_mhz(guint32 clock_khz, guint16 htotal, guint16 vtotal, guint16 vscan,
                            gboolean interlaced, gboolean doublescan)
{
    guint64 pixels = (guint64) htotal * vtotal;
    guint64 rate;

    if (vscan > 1)
        pixels *= vscan;
    if (doublescan)
        pixels *= 2;
    if (clock_khz == 0 || pixels == 0)
        return 60000;
    rate = (guint64) clock_khz * 1000000 / pixels;
    if (interlaced)
        rate *= 2;
    /* Virtual drivers fill in anything; a timer wants something sensible. */
    return rate < 1000 || rate > 1000000 ? 60000 : (guint) rate;
}
