/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings together a domain's vdmabuf devices and virt-viewer's session: for each output of each
 * device there is a display, as long as there is a session for it to belong to.
 */
#pragma once

#include "virt-viewer.h"

G_BEGIN_DECLS

#define VIEWER_TYPE_CONTROLLER (viewer_controller_get_type())
G_DECLARE_FINAL_TYPE(ViewerController, viewer_controller, VIEWER, CONTROLLER, GObject)

/**
 * viewer_controller_new:
 * @app: virt-viewer; it outlives the controller
 * @uri: (nullable): of libvirt
 */
ViewerController *viewer_controller_new(VirtViewerApp *app, const char *uri);

/* A session of virt-viewer is connected, and has its own displays. */
void viewer_controller_take_session(ViewerController *self, VirtViewerSession *session);

G_END_DECLS
