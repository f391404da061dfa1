/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One output of a vdmabuf device as a display of virt-viewer: it has a window, an entry in the menu,
 * zoom, full screen and screenshots from there. While there is no picture, the window shows a sentence,
 * where virt-viewer shows its own.
 */
#pragma once

#include <vdmabuf-stream.h>

#include "vdmabuf-view.h"
#include "virt-viewer.h"

G_BEGIN_DECLS

#define VIEWER_TYPE_DISPLAY (viewer_display_get_type())
/* virt-viewer's type is found at run time, and no macro of GObject's knows that. */
GType viewer_display_get_type(void);
typedef struct _ViewerDisplay ViewerDisplay;
#define VIEWER_DISPLAY(object)                                                                     \
    (G_TYPE_CHECK_INSTANCE_CAST((object), VIEWER_TYPE_DISPLAY, ViewerDisplay))
#define VIEWER_IS_DISPLAY(object) (G_TYPE_CHECK_INSTANCE_TYPE((object), VIEWER_TYPE_DISPLAY))

/**
 * viewer_display_new:
 * @session: it will be added to
 * @nth: virt-viewer's number for it, that no other display of @session has
 * @stream: of its device
 *
 * Returns: (transfer floating)
 */
ViewerDisplay *viewer_display_new(VirtViewerSession *session, int nth, VdmabufStream *stream);

/* Adds it to its session and lets virt-viewer make a window for it. */
void viewer_display_open(ViewerDisplay *self);

/* @output: (nullable) */
void viewer_display_set_output(ViewerDisplay *self, VdmabufOutput *output);
VdmabufOutput *viewer_display_get_output(ViewerDisplay *self);
VdmabufStream *viewer_display_get_stream(ViewerDisplay *self);
VdmabufView *viewer_display_get_view(ViewerDisplay *self);

/* What a person calls it, in the window's title and the menu */
void viewer_display_set_title(ViewerDisplay *self, const char *title);
const char *viewer_display_get_title(ViewerDisplay *self);

/* Whether to show what the picture is and where its time goes */
void viewer_display_set_statistics(ViewerDisplay *self, gboolean show);

/* @sentence: (nullable): to be shown instead of a picture, whatever the stream says */
void viewer_display_set_sentence(ViewerDisplay *self, const char *sentence);

G_END_DECLS
