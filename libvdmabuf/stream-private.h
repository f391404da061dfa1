/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files behind vdmabuf-stream.h share; none of it is exported. */
#pragma once

#include "vdmabuf-stream.h"

G_BEGIN_DECLS

/* --- link.c: a connection, which ends when the last of its users lets go of it --- */

typedef struct _VdmabufLink VdmabufLink;

VdmabufLink *vdmabuf_link_new(VdmabufConsumer *consumer); /* takes @consumer */
VdmabufLink *vdmabuf_link_ref(VdmabufLink *self);
void vdmabuf_link_unref(VdmabufLink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufLink, vdmabuf_link_unref)
/* %NULL once it is closed */
VdmabufConsumer *vdmabuf_link_get_consumer(VdmabufLink *self);
/* Gives back every frame, whoever holds pictures still; at the end of an import that is under way. */
void vdmabuf_link_close(VdmabufLink *self);

/* --- link.c: buffers and pictures --- */

VdmabufBuffer *vdmabuf_buffer_new(const struct vdmabuf_id *id, int fd,
                                  guint64 size); /* takes @fd */

/* Of a FRAME event that was read; without its buffer */
VdmabufPicture *vdmabuf_picture_new(VdmabufLink *link, const struct vdmabuf_event *event);
const struct vdmabuf_id *vdmabuf_picture_get_id(VdmabufPicture *self);
/* @waited: the buffer had to be imported for it */
void vdmabuf_picture_set_buffer(VdmabufPicture *self, VdmabufBuffer *buffer, gboolean waited);
void vdmabuf_picture_set_damage(VdmabufPicture *self, const struct vdmabuf_rect *damage);

/*
 * Imports in a worker thread. @callback is called in the caller's main loop, whatever happens;
 * @buffer is its own, or @error says why there is none.
 */
typedef void (*VdmabufImportFunc)(const struct vdmabuf_id *id, VdmabufBuffer *buffer,
                                  const GError *error, gpointer data);
void vdmabuf_link_import(VdmabufLink *self, const struct vdmabuf_id *id, VdmabufImportFunc callback,
                         gpointer data);

/* --- output.c --- */

/* What an output asks its stream for */
typedef struct {
    /* (transfer none): the buffer, if it is there; else it is on its way */
    VdmabufBuffer *(*get_buffer)(gpointer stream, const struct vdmabuf_id *id);
    /* The output's state has changed, or it has its first picture. */
    void (*changed)(gpointer stream, VdmabufOutput *output);
    gpointer stream;
} VdmabufOutputOwner;

/* @superseded: of the event before the first */
VdmabufOutput *vdmabuf_output_new(guint32 number, guint64 superseded, GMainContext *context,
                                  const VdmabufOutputOwner *owner);
/* A FRAME of this output; takes @picture. @superseded is the event's. */
void vdmabuf_output_add(VdmabufOutput *self, VdmabufPicture *picture, guint64 superseded);
/* An import has ended: @buffer is in the stream's keeping, or @error is set. */
void vdmabuf_output_imported(VdmabufOutput *self, const struct vdmabuf_id *id,
                             VdmabufBuffer *buffer, const GError *error);
/* The guest has taken a buffer back. */
void vdmabuf_output_buffer_gone(VdmabufOutput *self, const struct vdmabuf_id *id);
/* The stream keeps it no longer: the guest has taken it back, or there are too many. */
void vdmabuf_output_drop_buffer(VdmabufOutput *self, VdmabufBuffer *buffer);
/* The connection has ended, or the stream: nothing holds any more. */
void vdmabuf_output_reset(VdmabufOutput *self);
/* The stream is going away: nothing is asked of it from now on. */
void vdmabuf_output_orphan(VdmabufOutput *self);
/* Whether it has ever shown or hidden anything: the program hears of no other. */
gboolean vdmabuf_output_is_known(VdmabufOutput *self);

/* --- cursor.c --- */

/* Copies the cursor that @picture is; %FALSE, and *@cursor as it was, when it cannot be read. */
gboolean vdmabuf_cursor_read(VdmabufCursor *cursor, VdmabufPicture *picture, GError **error);
void vdmabuf_cursor_hide(VdmabufCursor *cursor);

G_END_DECLS
