/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-viewer shows a domain through its SPICE or VNC server, and refuses one that has none. A domain
 * whose only screen is a vdmabuf device gets a stand-in here: a session of virt-viewer's that is never
 * opened, for our displays to belong to.
 */
#pragma once

#include "domain-info.h"
#include "virt-viewer.h"

G_BEGIN_DECLS

/* @uri: (nullable): of libvirt. Before virt-viewer connects to it. */
void viewer_stand_in_install(VirtViewerApp *app, const char *uri);

/*
 * Makes the session, if @info is that of a domain which needs one and there is none yet: before the
 * domain starts, for virt-viewer asks for it then.
 */
void viewer_stand_in_prepare(VirtViewerApp *app, const ViewerDomainInfo *info);

gboolean viewer_session_is_stand_in(VirtViewerSession *session);

G_END_DECLS
