/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VdmabufScanoutStats: of one output, its cursor included
 * @frames: exported, the hidden ones included
 * @cursors: of these, cursors
 * @hidden: of these, hidden ones
 * @flips: of the primary plane, as far as they were seen
 * @refreshes: of @frames, those of a framebuffer that stayed
 * @busy: how often the newest picture had to wait for a release
 * @released: frames given back after use
 * @superseded: frames given back unseen
 * @lost: frames that the device refused or forgot
 * @errors: exports that failed
 * @copied: bytes
 */
typedef struct {
    guint64 frames;
    guint64 cursors;
    guint64 hidden;
    guint64 flips;
    guint64 refreshes;
    guint64 busy;
    guint64 released;
    guint64 superseded;
    guint64 lost;
    guint64 errors;
    guint64 copied;
} VdmabufScanoutStats;

/**
 * VdmabufScanoutStatsOutput:
 * @vblank: whether flips are looked for at vertical blanks, and not with a timer
 * @buffers: dma-bufs held
 */
typedef struct {
    const char *name;
    guint index;
    gboolean active;
    gboolean vblank;
    guint buffers;
    guint outstanding;
    const VdmabufScanoutStats *stats;
} VdmabufScanoutStatsOutput;

/* Appends @text as a JSON string. */
void vdmabuf_scanout_json_string(GString *to, const char *text);

/* One line, without its end. Free with g_free(). */
char *vdmabuf_scanout_stats_to_json(const char *mode, guint64 consumers,
                                    const VdmabufScanoutStatsOutput *outputs, guint n_outputs);
/* One line for each output. Free with g_free(). */
char *vdmabuf_scanout_stats_to_text(const char *mode, guint64 consumers,
                                    const VdmabufScanoutStatsOutput *outputs, guint n_outputs);

G_END_DECLS
