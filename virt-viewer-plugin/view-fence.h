/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures that the GPU may still be reading: they go back to the guest when it has finished. */
#pragma once

#include <epoxy/egl.h>
#include <epoxy/gl.h>

#include "vdmabuf-stream.h"

/* The end of what was drawn until now */
typedef struct _ViewFence ViewFence;

/* A context of @display is current; %NULL when the driver makes none. */
ViewFence *view_fence_new(EGLDisplay display);
void view_fence_free(ViewFence *self);
gboolean view_fence_is_signalled(ViewFence *self);

typedef struct _ViewRetirement ViewRetirement;

ViewRetirement *view_retirement_new(void);
/* Gives all of them back, finished or not. */
void view_retirement_free(ViewRetirement *self);
/* Takes both. @fence: %NULL when the GPU has nothing to do with it. */
void view_retirement_add(ViewRetirement *self, VdmabufPicture *picture, ViewFence *fence);
guint view_retirement_get_length(ViewRetirement *self);
