/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "latency.h"

const char *
viewer_stage_get_name(ViewerStage stage)
{
    static const char *const names[] = {
        [VIEWER_STAGE_TRANSPORT] = "guest to host",
        [VIEWER_STAGE_QUEUE] = "until read",
        [VIEWER_STAGE_IMPORT] = "import",
        [VIEWER_STAGE_FRAME_CLOCK] = "until drawn",
        [VIEWER_STAGE_PRESENTATION] = "to the screen",
    };

    return names[stage];
}

void
viewer_latency_get_stages(const VdmabufTimes *times, gint64 stages[VIEWER_NR_STAGES])
{
    const gint64 points[VIEWER_NR_STAGES + 1] = {times->exported, times->arrived, times->read,
                                                 times->imported, times->drawn,   times->presented};

    for (guint i = 0; i < VIEWER_NR_STAGES; i++) {
        gboolean known = points[i] > 0 && points[i + 1] > 0;

        stages[i] = known ? MAX(points[i + 1] - points[i], 0) : -1;
    }
}

double
viewer_latency_get_means(const VdmabufTimes *times, guint nr, double means[VIEWER_NR_STAGES])
{
    gint64 sums[VIEWER_NR_STAGES] = {0};
    guint known[VIEWER_NR_STAGES] = {0};
    double sum = 0;

    for (guint i = 0; i < nr; i++) {
        gint64 stages[VIEWER_NR_STAGES];

        viewer_latency_get_stages(&times[i], stages);
        for (guint stage = 0; stage < VIEWER_NR_STAGES; stage++) {
            if (stages[stage] < 0)
                continue;
            sums[stage] += stages[stage];
            known[stage]++;
        }
    }
    for (guint stage = 0; stage < VIEWER_NR_STAGES; stage++) {
        means[stage] = known[stage] > 0 ? sums[stage] / 1000.0 / known[stage] : -1;
        sum += MAX(means[stage], 0);
    }
    return sum;
}

/* Frames are counted between the first and the last, so that the beginning of a second is nothing. */
double
viewer_latency_get_rate(const VdmabufTimes *times, guint nr, gint64 now)
{
    gint64 first = 0, last = 0;
    guint count = 0;

    for (guint i = 0; i < nr; i++) {
        if (times[i].drawn <= 0 || times[i].drawn < now - G_TIME_SPAN_SECOND)
            continue;
        if (count++ == 0)
            first = times[i].drawn;
        last = times[i].drawn;
    }
    if (count < 2 || last <= first)
        return count;
    return (count - 1) * (double) G_TIME_SPAN_SECOND / (last - first);
}
