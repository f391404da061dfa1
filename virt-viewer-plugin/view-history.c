/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-history.h"

/* GDK forgets a frame after 16 more of them. */
#define ASK_BACK 16

void
view_history_add(ViewHistory *self, const VdmabufTimes *times, gint64 counter)
{
    self->times[self->next] = *times;
    self->counters[self->next] = counter;
    self->next = (self->next + 1) % VDMABUF_VIEW_HISTORY;
    self->length = MIN(self->length + 1, VDMABUF_VIEW_HISTORY);
}

void
view_history_update(ViewHistory *self, GdkFrameClock *clock)
{
    for (guint i = 1; i <= MIN(self->length, ASK_BACK); i++) {
        guint place = (self->next + VDMABUF_VIEW_HISTORY - i) % VDMABUF_VIEW_HISTORY;
        GdkFrameTimings *timings;

        if (self->counters[place] < 0)
            continue;
        timings = gdk_frame_clock_get_timings(clock, self->counters[place]);
        if (timings != NULL && !gdk_frame_timings_get_complete(timings))
            continue;
        if (timings != NULL)
            self->times[place].presented = gdk_frame_timings_get_presentation_time(timings);
        self->counters[place] = -1;
    }
}

guint
view_history_get(const ViewHistory *self, VdmabufTimes *times, guint max)
{
    guint count = MIN(max, self->length);

    for (guint i = 0; i < count; i++)
        times[i] =
            self->times[(self->next + VDMABUF_VIEW_HISTORY - count + i) % VDMABUF_VIEW_HISTORY];
    return count;
}
