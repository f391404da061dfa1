/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is ours in virt-viewer's windows: titles and menu entries that tell a person which display it
 * is, where virt-viewer writes numbers again and again, and the action that shows the statistics.
 */
#pragma once

#include "virt-viewer.h"

G_BEGIN_DECLS

/* To be called whenever there may be a new window, display or title; does its work a little later. */
void viewer_windows_update(VirtViewerApp *app);

G_END_DECLS
