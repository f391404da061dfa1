/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VdmabufScanoutError:
 * @VDMABUF_SCANOUT_ERROR_FAILED: anything without a code of its own
 * @VDMABUF_SCANOUT_ERROR_USAGE: the command line is wrong
 * @VDMABUF_SCANOUT_ERROR_NO_CARD: there is no such DRM card
 * @VDMABUF_SCANOUT_ERROR_NO_KMS: the card drives no outputs
 * @VDMABUF_SCANOUT_ERROR_PERMISSION: a capability or a file permission is missing
 * @VDMABUF_SCANOUT_ERROR_GONE: the card, or the framebuffer, went away meanwhile
 * @VDMABUF_SCANOUT_ERROR_UNSUPPORTED: a framebuffer that no frame can describe
 */
typedef enum {
    VDMABUF_SCANOUT_ERROR_FAILED,
    VDMABUF_SCANOUT_ERROR_USAGE,
    VDMABUF_SCANOUT_ERROR_NO_CARD,
    VDMABUF_SCANOUT_ERROR_NO_KMS,
    VDMABUF_SCANOUT_ERROR_PERMISSION,
    VDMABUF_SCANOUT_ERROR_GONE,
    VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
} VdmabufScanoutError;

#define VDMABUF_SCANOUT_ERROR (vdmabuf_scanout_error_quark())
GQuark vdmabuf_scanout_error_quark(void);

G_END_DECLS
