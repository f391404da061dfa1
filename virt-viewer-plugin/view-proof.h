/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether what EGL imports has the right pixels. An image that was made is no proof: some drivers
 * make one and show zeros.
 */
#pragma once

#include "view-gl.h"

typedef enum {
    VIEW_PROOF_RIGHT,
    VIEW_PROOF_WRONG,
    VIEW_PROOF_UNDECIDED, /* there was nothing to compare with, or nothing that tells */
} ViewProof;

/* Compares a part of an imported picture of the guest with its mapping. */
ViewProof view_proof_picture(ViewGl *gl, VdmabufPicture *picture);
/* Makes a buffer of this process's own (/dev/udmabuf), imports it and compares. */
ViewProof view_proof_test_buffer(ViewGl *gl);

/* The one, or where that tells nothing the other */
ViewProof view_proof(ViewGl *gl, VdmabufPicture *picture);

/*
 * Finds a part of @width x @height pixels, at most VIEW_PROOF_SIDE each way, in a picture that
 * passed view_format_check_cpu(), whose pixels are not all the same and not all black, and copies
 * it, as cairo's RGB24. %FALSE when none of the places that are looked at is one.
 */
#define VIEW_PROOF_SIDE 64
gboolean view_proof_find_part(const struct vdmabuf_frame *frame, const guint8 *data,
                              cairo_rectangle_int_t *part, guint32 *pixels);
