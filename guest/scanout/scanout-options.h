/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    VDMABUF_SCANOUT_DIRECT,
    VDMABUF_SCANOUT_COPY,
} VdmabufScanoutMode;

#define VDMABUF_SCANOUT_DEFAULT_REFRESH 30
#define VDMABUF_SCANOUT_DEFAULT_BUFFERS 3
#define VDMABUF_SCANOUT_MAX_BUFFERS     16
#define VDMABUF_SCANOUT_MAX_RATE        1000

/**
 * VdmabufScanoutOptions:
 * @device: (nullable): the vdmabuf device
 * @cards: (nullable): paths of the cards to look at; %NULL for all
 * @outputs: (nullable): names of the outputs to export; %NULL for all
 * @max_rate: frames per second and output; 0 for the mode's refresh rate
 * @refresh: looks per second at a framebuffer that stays; 0 for none
 * @buffers: in a ring of copies
 */
typedef struct {
    char *device;
    char **cards;
    char **outputs;
    VdmabufScanoutMode mode;
    guint max_rate;
    guint refresh;
    guint buffers;
    gboolean once;
    gboolean dry_run;
    gboolean json;
    gboolean verbose;
    gboolean version;
} VdmabufScanoutOptions;

/**
 * vdmabuf_scanout_options_parse:
 * @argv: (inout): a %NULL-terminated copy of the command line; its elements are consumed
 *
 * Prints the help and exits when it is asked for.
 *
 * Returns: (transfer full) (nullable): free with vdmabuf_scanout_options_free()
 */
VdmabufScanoutOptions *vdmabuf_scanout_options_parse(char ***argv, GError **error);
void vdmabuf_scanout_options_free(VdmabufScanoutOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufScanoutOptions, vdmabuf_scanout_options_free)

G_END_DECLS
