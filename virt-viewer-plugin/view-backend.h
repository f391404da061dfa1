/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways from a picture to the screen. Each has a widget that fills the view; which of them is
 * shown is decided by the view, picture by picture.
 */
#pragma once

#include <gtk/gtk.h>

#include "vdmabuf-view.h"
#include "view-fence.h"
#include "view-gl.h"
#include "view-proof.h"

typedef struct _ViewBackend ViewBackend;

/* What a backend asks the view, while its widget is drawn */
typedef struct {
    /* Fills @scene for a widget of @width x @height pixels of the screen. */
    void (*begin)(gpointer view, ViewBackend *backend, int width, int height, ViewScene *scene);
    /* It was drawn. Takes @fence: the end of the GPU's work; %NULL when that has ended. */
    void (*end)(gpointer view, ViewBackend *backend, ViewFence *fence);
    gpointer view;
} ViewBackendHost;

typedef struct {
    VdmabufViewPath path;
    /*
     * Makes ready what is needed for drawing @picture; once for each picture. The view is realized.
     *
     * Returns: %FALSE with a sentence when this way cannot show it
     */
    gboolean (*prepare)(ViewBackend *self, VdmabufPicture *picture, GError **error);
    /* Whether what is imported has the right pixels, as far as @picture tells; of EGL only */
    ViewProof (*prove)(ViewBackend *self, VdmabufPicture *picture);
    /* Reads the picture into a surface of RGB24 of its size. */
    gboolean (*read)(ViewBackend *self, VdmabufPicture *picture, cairo_surface_t *surface,
                     GError **error);
    /* @area in the widget's coordinates has to be drawn; %NULL for all */
    void (*queue_draw)(ViewBackend *self, const cairo_rectangle_int_t *area);
    /* What was made of a buffer; of EGL only */
    void (*forget)(ViewBackend *self, VdmabufBuffer *buffer);
    guint (*get_n_images)(ViewBackend *self);
    void (*free)(ViewBackend *self);
} ViewBackendClass;

struct _ViewBackend {
    const ViewBackendClass *class;
    GtkWidget *widget; /* belongs to whoever it is packed into */
    ViewBackendHost host;
};

/* Each: %NULL where the display of the program is of another kind */
ViewBackend *view_backend_gl_area_new(const ViewBackendHost *host);
ViewBackend *view_backend_x11_new(const ViewBackendHost *host);
/* Always there */
ViewBackend *view_backend_cairo_new(const ViewBackendHost *host);
