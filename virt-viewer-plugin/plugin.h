/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the GTK module finds in the plug-in. */
#pragma once

#include <gio/gio.h>
#include <gmodule.h>

G_BEGIN_DECLS

/* @app: virt-viewer; shows its domain's vdmabuf devices until it ends */
G_MODULE_EXPORT void viewer_plugin_start(GApplication *app);

G_END_DECLS
