/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways of the last frames that were shown. */
#pragma once

#include <gdk/gdk.h>

#include "vdmabuf-view.h"

typedef struct {
    VdmabufTimes times[VDMABUF_VIEW_HISTORY];
    gint64 counters[VDMABUF_VIEW_HISTORY]; /* of GDK's frame; -1: it need not be asked any more */
    guint next;
    guint length;
} ViewHistory;

/* @counter: of the frame that GDK draws, or -1 */
void view_history_add(ViewHistory *self, const VdmabufTimes *times, gint64 counter);
/* Asks @clock when frames were on the screen, as far as it knows by now. */
void view_history_update(ViewHistory *self, GdkFrameClock *clock);
guint view_history_get(const ViewHistory *self, VdmabufTimes *times, guint max);
