/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DRM card, looked at from beside its compositor. Nothing here changes the card's state:
 * it never keeps DRM master, sets a mode, or probes a connector.
 */
#pragma once

#include <glib.h>

#include "scanout-layout.h"

G_BEGIN_DECLS

typedef struct _VdmabufScanoutCard VdmabufScanoutCard;

/**
 * VdmabufScanoutHead: a CRTC that is on
 * @name: of the card and its first connector, "card0-Virtual-1", as in /sys/class/drm
 * @cursor_plane: 0 when the driver shows none
 * @overlays: planes on this CRTC that are neither primary nor cursor
 */
typedef struct {
    char *name;
    guint32 connector_id;
    guint32 crtc_id;
    guint32 primary_plane;
    guint32 cursor_plane;
    guint32 width;
    guint32 height;
    guint refresh_mhz;
    guint overlays;
} VdmabufScanoutHead;

void vdmabuf_scanout_head_free(VdmabufScanoutHead *self);

/**
 * vdmabuf_scanout_card_list:
 *
 * Returns: (transfer full): paths of the card nodes in /dev/dri, in the order of their numbers
 */
GPtrArray *vdmabuf_scanout_card_list(void);

VdmabufScanoutCard *vdmabuf_scanout_card_open(const char *path, GError **error);
void vdmabuf_scanout_card_free(VdmabufScanoutCard *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufScanoutCard, vdmabuf_scanout_card_free)

int vdmabuf_scanout_card_get_fd(const VdmabufScanoutCard *self);
const char *vdmabuf_scanout_card_get_path(const VdmabufScanoutCard *self);
const char *vdmabuf_scanout_card_get_driver(const VdmabufScanoutCard *self);

/* Returns: (transfer full) (element-type VdmabufScanoutHead) */
GPtrArray *vdmabuf_scanout_card_list_heads(VdmabufScanoutCard *self, GError **error);

/**
 * vdmabuf_scanout_card_read_plane:
 *
 * What @plane_id shows on @crtc_id. With a fb_id of 0 nothing.
 */
gboolean vdmabuf_scanout_card_read_plane(VdmabufScanoutCard *self, guint32 plane_id,
                                         guint32 crtc_id, VdmabufScanoutPlaneState *state,
                                         GError **error);

/**
 * vdmabuf_scanout_card_open_fb:
 * @plane_id: that shows it
 *
 * Returns: a dma-buf with all of the framebuffer's planes, to be closed by the caller; or -1
 */
int vdmabuf_scanout_card_open_fb(VdmabufScanoutCard *self, guint32 plane_id, guint32 fb_id,
                                 VdmabufScanoutFb *fb, GError **error);

/**
 * vdmabuf_scanout_card_queue_vblank:
 * @skip: how many vertical blanks from now
 * @token: comes back with the event
 *
 * Returns: %FALSE where there are no vertical blanks
 */
gboolean vdmabuf_scanout_card_queue_vblank(VdmabufScanoutCard *self, guint32 crtc_id, guint skip,
                                           guint64 token);

/* Called for each vertical blank that was asked for and has come. */
typedef void (*VdmabufScanoutVblankFunc)(guint64 token, gpointer data);
/* Reads the events that are there; %FALSE when the card is gone. */
gboolean vdmabuf_scanout_card_read_events(VdmabufScanoutCard *self, VdmabufScanoutVblankFunc func,
                                          gpointer data);

G_END_DECLS
