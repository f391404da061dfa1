/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is drawn above a picture: a hint, and when somebody asks for it, what the picture is, how fast
 * it comes and where its time goes.
 */
#pragma once

#include "vdmabuf-view.h"

G_BEGIN_DECLS

#define VIEWER_TYPE_OVERLAY (viewer_overlay_get_type())
G_DECLARE_FINAL_TYPE(ViewerOverlay, viewer_overlay, VIEWER, OVERLAY, GObject)

/* It lives no longer than @view. */
ViewerOverlay *viewer_overlay_new(VdmabufView *view);
void viewer_overlay_set_statistics(ViewerOverlay *self, gboolean show);
/* @hint: (nullable): a sentence to be shown for a while */
void viewer_overlay_set_hint(ViewerOverlay *self, const char *hint);

G_END_DECLS
