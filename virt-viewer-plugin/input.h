/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A person's keyboard and pointer over a view, for the guest: through the session's own inputs, in the
 * manner of virt-viewer's other displays. Places are those of the guest's output, whatever the zoom.
 */
#pragma once

#include "vdmabuf-view.h"
#include "virt-viewer.h"

G_BEGIN_DECLS

/**
 * ViewerInput:
 *
 * Signals:
 *   "refused" (ViewerInput *)  somebody typed or clicked, and there is no session that could take it
 */
#define VIEWER_TYPE_INPUT (viewer_input_get_type())
G_DECLARE_FINAL_TYPE(ViewerInput, viewer_input, VIEWER, INPUT, GObject)

/* @display has @view in it and outlives what is returned. */
ViewerInput *viewer_input_new(VirtViewerDisplay *display, VdmabufView *view,
                              VirtViewerSession *session);

/* Whether the guest can be reached */
gboolean viewer_input_is_ready(ViewerInput *self);
/* Gives keyboard and pointer back to the host. */
void viewer_input_release(ViewerInput *self);
/* Presses all these keys, and lets them go. */
void viewer_input_send_keys(ViewerInput *self, const guint *keyvals, guint nr);

G_END_DECLS
