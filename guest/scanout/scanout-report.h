/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

#include "scanout-options.h"

G_BEGIN_DECLS

/* --dry-run: what would be exported, as text or JSON. Free with g_free(). */
char *vdmabuf_scanout_report(const VdmabufScanoutOptions *options, GError **error);

G_END_DECLS
