/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures of a guest as textures, and drawing them. An EGL context is current for every call, the
 * same one each time.
 */
#pragma once

#include <cairo.h>
#include <epoxy/egl.h>
#include <epoxy/gl.h>

#include "vdmabuf-stream.h"
#include "view-geometry.h"

/* Something drawn above the picture: a surface of CAIRO_FORMAT_ARGB32 */
typedef struct {
    cairo_surface_t *surface; /* %NULL for nothing */
    guint64 serial;           /* changes with what is on it */
    cairo_rectangle_int_t area;
} ViewLayer;

enum { VIEW_LAYER_CURSOR, VIEW_LAYER_OVERLAY, VIEW_N_LAYERS };

/* What is to be seen, in pixels of the screen */
typedef struct {
    VdmabufPicture *picture; /* %NULL for black */
    ViewFit fit;
    int width;
    int height;
    ViewLayer layers[VIEW_N_LAYERS];
} ViewScene;

typedef struct _ViewGl ViewGl;

/* Both fail with a sentence where dma-bufs cannot be imported at all. No context is needed for: */
gboolean view_gl_check_display(EGLDisplay display, GError **error);
ViewGl *view_gl_new(EGLDisplay display, GError **error);
/* The context is current, or gone: then %FALSE, and GL's objects went with it. */
void view_gl_free(ViewGl *self, gboolean current);

/*
 * Makes a texture of the picture's buffer, or finds the one that is there; and tells the driver that
 * its contents are new, so it is called once for each picture.
 *
 * Returns: %FALSE with a sentence when it cannot be imported
 */
gboolean view_gl_import(ViewGl *self, VdmabufPicture *picture, GError **error);
/* Drops what was made of a buffer. */
void view_gl_forget(ViewGl *self, VdmabufBuffer *buffer);
void view_gl_forget_all(ViewGl *self);
guint view_gl_get_n_images(ViewGl *self);

/* Draws @scene, whose picture was imported, into the framebuffer that is bound. */
void view_gl_draw(ViewGl *self, const ViewScene *scene);

/*
 * Reads pixels of an imported picture as it would be drawn, upright, as cairo's RGB24. It waits for
 * the GPU: not for every frame.
 */
gboolean view_gl_read(ViewGl *self, VdmabufPicture *picture, const cairo_rectangle_int_t *part,
                      guint32 *pixels, GError **error);
/* All of it, into a surface of its size */
gboolean view_gl_read_surface(ViewGl *self, VdmabufPicture *picture, cairo_surface_t *surface,
                              GError **error);

/* The same for any dma-buf, which is not kept */
typedef struct {
    EGLImageKHR image;
    GLuint texture;
} ViewGlImage;

gboolean view_gl_image_init(ViewGl *self, ViewGlImage *image, const struct vdmabuf_frame *frame,
                            int fd, GError **error);
void view_gl_image_clear(ViewGl *self, ViewGlImage *image);
gboolean view_gl_image_read(ViewGl *self, const ViewGlImage *image,
                            const struct vdmabuf_frame *frame, const cairo_rectangle_int_t *part,
                            guint32 *pixels, GError **error);
