/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the time of frames goes, on their way from the guest to the screen. */
#pragma once

#include <vdmabuf-stream.h>

G_BEGIN_DECLS

/**
 * ViewerStage:
 * @VIEWER_STAGE_TRANSPORT: from the guest's export to the host's kernel
 * @VIEWER_STAGE_QUEUE: until this program has read it
 * @VIEWER_STAGE_IMPORT: until its buffer was imported
 * @VIEWER_STAGE_FRAME_CLOCK: until it was drawn, when the screen was ready for it
 * @VIEWER_STAGE_PRESENTATION: until it was on the screen
 */
typedef enum {
    VIEWER_STAGE_TRANSPORT,
    VIEWER_STAGE_QUEUE,
    VIEWER_STAGE_IMPORT,
    VIEWER_STAGE_FRAME_CLOCK,
    VIEWER_STAGE_PRESENTATION,
    VIEWER_NR_STAGES,
} ViewerStage;

const char *viewer_stage_get_name(ViewerStage stage);

/* Fills @stages, in microseconds; negative for what is not known. */
void viewer_latency_get_stages(const VdmabufTimes *times, gint64 stages[VIEWER_NR_STAGES]);
/*
 * The means of those frames of which a stage is known, in milliseconds; negative for a stage that is
 * known of none. Returns that of all stages together.
 */
double viewer_latency_get_means(const VdmabufTimes *times, guint nr,
                                double means[VIEWER_NR_STAGES]);
/* How many frames were drawn in the second up to @now */
double viewer_latency_get_rate(const VdmabufTimes *times, guint nr, gint64 now);

G_END_DECLS
