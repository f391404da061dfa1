/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a person's keys and movements go: into virt-viewer's SPICE or VNC session, which has the only
 * way there is to a guest's keyboard and mouse.
 */
#pragma once

#include "virt-viewer.h"

G_BEGIN_DECLS

/* Buttons as VNC and SPICE number them; in a mask, bit (button - 1) */
typedef enum {
    VIEWER_BUTTON_NONE,
    VIEWER_BUTTON_LEFT,
    VIEWER_BUTTON_MIDDLE,
    VIEWER_BUTTON_RIGHT,
    VIEWER_BUTTON_UP,
    VIEWER_BUTTON_DOWN,
} ViewerButton;

#define VIEWER_BUTTON_MASK(button) (1u << ((button) - 1))

typedef struct _ViewerSink ViewerSink;

typedef struct {
    void (*free)(ViewerSink *self);
    /* Whether the guest can be reached just now */
    gboolean (*is_ready)(ViewerSink *self);
    /* Whether the guest's pointer goes where one says, and not only by so much */
    gboolean (*is_absolute)(ViewerSink *self);
    /* The session's own desktop, in pixels: places are places on it. */
    void (*get_size)(ViewerSink *self, int *width, int *height);
    void (*move_to)(ViewerSink *self, int x, int y, guint buttons);
    void (*move_by)(ViewerSink *self, int dx, int dy, guint buttons);
    /* @buttons: those that are down, @button included when it is pressed */
    void (*set_button)(ViewerSink *self, ViewerButton button, gboolean pressed, guint buttons);
    /* @qnum: see keymap.h */
    void (*set_key)(ViewerSink *self, guint qnum, guint keyval, gboolean pressed);
} ViewerSinkClass;

struct _ViewerSink {
    const ViewerSinkClass *class;
};

ViewerSink *viewer_sink_vnc_new(VirtViewerSession *session);
ViewerSink *viewer_sink_spice_new(VirtViewerSession *session);

/* (nullable): for a session of a kind that is known */
ViewerSink *viewer_sink_new(VirtViewerSession *session);
void viewer_sink_free(ViewerSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewerSink, viewer_sink_free)

/* A pixel of one desktop as a pixel of another one that shows the same */
int viewer_sink_scale(int position, int size, int other_size);

G_END_DECLS
