/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two ways through EGL have in common; they differ in where the context and the window are. */
#pragma once

#include "view-backend.h"

typedef struct _ViewBackendGl ViewBackendGl;

struct _ViewBackendGl {
    ViewBackend base;
    EGLDisplay display;
    ViewGl *gl;      /* while the widget is realized */
    GError *failure; /* why there is no @gl */
    /* Realizes the widget, so that there is @gl or @failure. */
    void (*open)(ViewBackendGl *self);
    /* Makes the context current that @gl belongs to; and what was before it */
    void (*enter)(ViewBackendGl *self);
    void (*leave)(ViewBackendGl *self);
};

/* Of a ViewBackendClass */
gboolean view_backend_gl_prepare(ViewBackend *backend, VdmabufPicture *picture, GError **error);
ViewProof view_backend_gl_prove(ViewBackend *backend, VdmabufPicture *picture);
gboolean view_backend_gl_read(ViewBackend *backend, VdmabufPicture *picture,
                              cairo_surface_t *surface, GError **error);
void view_backend_gl_forget(ViewBackend *backend, VdmabufBuffer *buffer);
guint view_backend_gl_get_n_images(ViewBackend *backend);
void view_backend_gl_free(ViewBackend *backend);
