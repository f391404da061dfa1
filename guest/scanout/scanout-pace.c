/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-pace.h"

#include <string.h>

void
vdmabuf_scanout_pace_init(VdmabufScanoutPace *self, guint max_rate, guint refresh_rate)
{
    memset(self, 0, sizeof(*self));
    self->interval = max_rate > 0 ? G_USEC_PER_SEC / max_rate : 0;
    self->refresh = refresh_rate > 0 ? G_USEC_PER_SEC / refresh_rate : 0;
}

void
vdmabuf_scanout_pace_flip(VdmabufScanoutPace *self)
{
    /* The first framebuffer that is seen says nothing about how the compositor works. */
    if (self->started)
        self->flips++;
    self->pending = TRUE;
}

void
vdmabuf_scanout_pace_touch(VdmabufScanoutPace *self)
{
    self->pending = TRUE;
}

VdmabufScanoutAction
vdmabuf_scanout_pace_decide(const VdmabufScanoutPace *self, gint64 now)
{
    gint64 elapsed = now - self->last;
    gint64 refresh = self->refresh;

    if (self->pending) {
        /* An eighth of slack: ticks jitter, and one that is a hair early must not cost a frame. */
        if (self->started && elapsed + self->interval / 8 < self->interval)
            return VDMABUF_SCANOUT_LATER;
        return VDMABUF_SCANOUT_EXPORT;
    }
    if (refresh == 0 || !self->started)
        return VDMABUF_SCANOUT_IDLE;
    /*
     * A compositor that flips leaves a framebuffer alone while it is shown. It may still turn to
     * drawing in place (X does when a full-screen window ends), so look now and then.
     */
    if (self->flips > 0)
        refresh = MAX(refresh, G_USEC_PER_SEC);
    refresh = MAX(refresh, self->interval);
    return elapsed + refresh / 8 >= refresh ? VDMABUF_SCANOUT_REFRESH : VDMABUF_SCANOUT_IDLE;
}

void
vdmabuf_scanout_pace_done(VdmabufScanoutPace *self, gint64 now)
{
    self->pending = FALSE;
    self->started = TRUE;
    self->last = now;
}

guint
vdmabuf_scanout_pace_skip(guint refresh_mhz, guint max_rate)
{
    if (max_rate == 0 || refresh_mhz <= max_rate * 1000)
        return 1;
    /* Down to a whole number: rather look too often than miss the rate that was asked for. */
    return refresh_mhz / (max_rate * 1000);
}
