/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a plane's picture is to be exported. Times are CLOCK_MONOTONIC in microseconds. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VdmabufScanoutAction:
 * @VDMABUF_SCANOUT_IDLE: nothing is to be done
 * @VDMABUF_SCANOUT_LATER: there is something new, but the rate's limit is reached
 * @VDMABUF_SCANOUT_EXPORT: there is something new
 * @VDMABUF_SCANOUT_REFRESH: nothing new to see; the pixels may have changed in place
 */
typedef enum {
    VDMABUF_SCANOUT_IDLE,
    VDMABUF_SCANOUT_LATER,
    VDMABUF_SCANOUT_EXPORT,
    VDMABUF_SCANOUT_REFRESH,
} VdmabufScanoutAction;

/**
 * VdmabufScanoutPace:
 * @interval: between two frames at least; 0 for no limit
 * @refresh: between two frames of an unchanged framebuffer at least; 0 for never
 * @last: when the last frame left
 * @started: whether one has left
 * @pending: whether there is something that has not been exported
 * @flips: how often the framebuffer was another one
 */
typedef struct {
    gint64 interval;
    gint64 refresh;
    gint64 last;
    gboolean started;
    gboolean pending;
    guint64 flips;
} VdmabufScanoutPace;

/* @max_rate and @refresh_rate are per second; 0 stands for no limit and for never */
void vdmabuf_scanout_pace_init(VdmabufScanoutPace *self, guint max_rate, guint refresh_rate);
/* The plane has another framebuffer than before */
void vdmabuf_scanout_pace_flip(VdmabufScanoutPace *self);
/* The current picture has to be exported (again) */
void vdmabuf_scanout_pace_touch(VdmabufScanoutPace *self);
VdmabufScanoutAction vdmabuf_scanout_pace_decide(const VdmabufScanoutPace *self, gint64 now);
/* A frame has left, or a look at the pixels found nothing new */
void vdmabuf_scanout_pace_done(VdmabufScanoutPace *self, gint64 now);
/* How many vertical blanks to wait for, so that no more are waited for than @max_rate needs */
guint vdmabuf_scanout_pace_skip(guint refresh_mhz, guint max_rate);

G_END_DECLS
