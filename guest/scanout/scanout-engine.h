/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches the outputs of the cards and exports what they show.
 *
 * Every output has an open file of its own on the vdmabuf device. The device allows one
 * outstanding frame for a buffer of an open file, and one framebuffer may span several
 * outputs (X does that): so each of them can have its frame.
 */
#pragma once

#include <glib.h>

#include "scanout-options.h"

G_BEGIN_DECLS

typedef struct _VdmabufScanoutEngine VdmabufScanoutEngine;

/* @options: must outlive the engine */
VdmabufScanoutEngine *vdmabuf_scanout_engine_new(const VdmabufScanoutOptions *options);
void vdmabuf_scanout_engine_free(VdmabufScanoutEngine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufScanoutEngine, vdmabuf_scanout_engine_free)

/* Runs until a signal, or with --once until the last release. */
gboolean vdmabuf_scanout_engine_run(VdmabufScanoutEngine *self, GError **error);

/* Free with g_free(). */
char *vdmabuf_scanout_engine_stats(VdmabufScanoutEngine *self);

G_END_DECLS
