/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which output has which index: an index stays with its output as long as the program runs. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VdmabufScanoutNames VdmabufScanoutNames;

/* @wanted: (nullable): with names the indexes follow their order, and no others get one */
VdmabufScanoutNames *vdmabuf_scanout_names_new(const char *const *wanted);
void vdmabuf_scanout_names_free(VdmabufScanoutNames *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufScanoutNames, vdmabuf_scanout_names_free)

/* @name: "card0-Virtual-1"; the index, or -1 when it is not to be exported */
int vdmabuf_scanout_names_lookup(VdmabufScanoutNames *self, const char *name);

/* Whether @wanted means the output @name: in full, or without its card. */
gboolean vdmabuf_scanout_name_matches(const char *wanted, const char *name);

G_END_DECLS
