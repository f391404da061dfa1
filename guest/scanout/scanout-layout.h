/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what KMS says about a framebuffer to what a frame says about a buffer. Pure
 * functions: no file descriptor is touched here.
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

G_BEGIN_DECLS

/**
 * VdmabufScanoutFb:
 * @id: KMS object id; the kernel gives it to another framebuffer after RmFB
 * @fourcc: DRM format code
 * @has_modifier: whether the framebuffer was made with an explicit modifier
 * @modifier: DRM format modifier; what vdmabuf_scanout_implied_modifier() says without one
 * @n_planes: how many of the arrays' elements are used
 * @offsets: into the buffer, in bytes
 * @pitches: in bytes
 */
typedef struct {
    guint32 id;
    guint32 width;
    guint32 height;
    guint32 fourcc;
    gboolean has_modifier;
    guint64 modifier;
    guint n_planes;
    guint32 offsets[VDMABUF_MAX_PLANES];
    guint32 pitches[VDMABUF_MAX_PLANES];
} VdmabufScanoutFb;

/**
 * VdmabufScanoutPlaneState:
 * @fb_id: 0 when the plane shows nothing
 * @has_src: whether the driver tells the source rectangle (atomic drivers do)
 * @src_x: in 1/65536 pixels of the framebuffer, as @src_y, @src_w and @src_h
 * @crtc_x: where the plane begins on its output, in pixels, as @crtc_y
 * @hot_x: hot spot of a cursor inside its picture, as @hot_y
 * @rotation: DRM_MODE_ROTATE_* | DRM_MODE_REFLECT_*; 0 when the driver has no such property
 */
typedef struct {
    guint32 fb_id;
    gboolean has_src;
    guint32 src_x;
    guint32 src_y;
    guint32 src_w;
    guint32 src_h;
    gint32 crtc_x;
    gint32 crtc_y;
    gint32 hot_x;
    gint32 hot_y;
    guint32 rotation;
} VdmabufScanoutPlaneState;

gboolean vdmabuf_scanout_plane_state_equal(const VdmabufScanoutPlaneState *a,
                                           const VdmabufScanoutPlaneState *b);

/* "XR24", or "0x..." when a character is not printable. Free with g_free(). */
char *vdmabuf_scanout_fourcc_to_text(guint32 fourcc);

/**
 * vdmabuf_scanout_implied_modifier:
 * @driver: the DRM driver's name
 * @only_linear: whether the plane's IN_FORMATS lists no modifier but linear
 *
 * The modifier of a framebuffer that was made without one.
 */
guint64 vdmabuf_scanout_implied_modifier(const char *driver, gboolean only_linear);

/* Whether an IN_FORMATS blob lists linear and nothing else; %FALSE for a malformed one. */
gboolean vdmabuf_scanout_in_formats_only_linear(gconstpointer blob, gsize size);

/**
 * vdmabuf_scanout_visible_rect:
 *
 * The part of @fb that @state shows, in whole pixels and inside @fb.
 *
 * Returns: %FALSE when nothing of it is visible
 */
gboolean vdmabuf_scanout_visible_rect(const VdmabufScanoutFb *fb,
                                      const VdmabufScanoutPlaneState *state,
                                      struct vdmabuf_rect *rect);

/**
 * vdmabuf_scanout_build_frame:
 * @cursor: whether the plane is a cursor
 *
 * Describes the visible part of @fb. @frame->output stays 0.
 */
gboolean vdmabuf_scanout_build_frame(struct vdmabuf_frame *frame, const VdmabufScanoutFb *fb,
                                     const VdmabufScanoutPlaneState *state, gboolean cursor,
                                     GError **error);

/**
 * vdmabuf_scanout_plane_extent:
 * @rows: (out): rows of plane @plane in a picture of @height rows
 * @bytes: (out): bytes of one row of it that carry pixels
 *
 * Returns: %FALSE for a format that this program cannot take apart
 */
gboolean vdmabuf_scanout_plane_extent(guint32 fourcc, guint plane, guint32 width, guint32 height,
                                      guint32 *rows, guint32 *bytes);

/**
 * vdmabuf_scanout_build_copy:
 * @source: a frame of a linear picture
 * @frame: (out): the same picture, laid out for a buffer of its own
 * @size: (out): that it needs
 */
gboolean vdmabuf_scanout_build_copy(const struct vdmabuf_frame *source, struct vdmabuf_frame *frame,
                                    guint64 *size, GError **error);

/* Whether every row of @frame lies inside @size bytes. */
gboolean vdmabuf_scanout_frame_fits(const struct vdmabuf_frame *frame, guint64 size);

/* Both frames have been through vdmabuf_scanout_frame_fits(). Returns the bytes copied. */
guint64 vdmabuf_scanout_copy_rows(gpointer to_data, const struct vdmabuf_frame *to,
                                  gconstpointer from_data, const struct vdmabuf_frame *from);
gboolean vdmabuf_scanout_rows_equal(gconstpointer a_data, const struct vdmabuf_frame *a,
                                    gconstpointer b_data, const struct vdmabuf_frame *b);

/* How often a mode is refreshed, in 1/1000 Hz; 60 Hz when its timings make no sense. */
guint vdmabuf_scanout_refresh_mhz(guint32 clock_khz, guint16 htotal, guint16 vtotal, guint16 vscan,
                                  gboolean interlaced, gboolean doublescan);

G_END_DECLS
