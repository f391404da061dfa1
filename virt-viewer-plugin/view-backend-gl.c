/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-backend-gl.h"

static gboolean
gl_open(ViewBackendGl *self, GError **error)
{
    self->open(self);
    if (self->gl != NULL)
        return TRUE;
    if (self->failure != NULL && error != NULL)
        *error = g_error_copy(self->failure);
    else
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "There is no EGL here");
    return FALSE;
}

gboolean
view_backend_gl_prepare(ViewBackend *backend, VdmabufPicture *picture, GError **error)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;
    gboolean ok;

    if (!gl_open(self, error))
        return FALSE;
    self->enter(self);
    ok = view_gl_import(self->gl, picture, error);
    self->leave(self);
    return ok;
}

ViewProof
view_backend_gl_prove(ViewBackend *backend, VdmabufPicture *picture)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;
    ViewProof proof;

    if (!gl_open(self, NULL))
        return VIEW_PROOF_UNDECIDED;
    self->enter(self);
    proof = view_proof(self->gl, picture);
    self->leave(self);
    return proof;
}

gboolean
view_backend_gl_read(ViewBackend *backend, VdmabufPicture *picture, cairo_surface_t *surface,
                     GError **error)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;
    gboolean ok;

    if (!gl_open(self, error))
        return FALSE;
    self->enter(self);
    ok = view_gl_read_surface(self->gl, picture, surface, error);
    self->leave(self);
    return ok;
}

void
view_backend_gl_forget(ViewBackend *backend, VdmabufBuffer *buffer)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;

    if (self->gl == NULL)
        return;
    self->enter(self);
    view_gl_forget(self->gl, buffer);
    self->leave(self);
}

guint
view_backend_gl_get_n_images(ViewBackend *backend)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;

    return self->gl != NULL ? view_gl_get_n_images(self->gl) : 0;
}

void
view_backend_gl_free(ViewBackend *backend)
{
    ViewBackendGl *self = (ViewBackendGl *) backend;

    g_clear_error(&self->failure);
    g_free(self);
}
