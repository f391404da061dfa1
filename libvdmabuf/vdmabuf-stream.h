/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a viewer needs above <vdmabuf.h>: the outputs of one device, live, in the main loop.
 *
 *   VdmabufStream    one device: connects, connects again, says why there is no picture
 *   VdmabufOutput    one output of it: a mailbox with the newest picture, and the cursor
 *   VdmabufPicture   a frame on loan from the guest: the last unref gives it back
 *   VdmabufBuffer    the imported dma-buf that a picture lies in; pictures share it
 *
 * Everything belongs to the thread that called vdmabuf_stream_start(), and to the GMainContext that
 * was its default then. Nothing here blocks it: connecting and importing happen in worker threads.
 */
#pragma once

#include <glib-object.h>
#include <vdmabuf.h>

G_BEGIN_DECLS

/* --- Buffers --- */

/*
 * A boxed type. The stream keeps the buffers that the guest uses, so that each is imported once;
 * whoever makes something of one (an EGLImage, a texture) keeps that beside it and drops it at
 * VdmabufOutput::buffer-gone, so that the guest gets its memory back.
 */
typedef struct _VdmabufBuffer VdmabufBuffer;

#define VDMABUF_TYPE_BUFFER (vdmabuf_buffer_get_type())
GType vdmabuf_buffer_get_type(void);
VdmabufBuffer *vdmabuf_buffer_ref(VdmabufBuffer *self);
void vdmabuf_buffer_unref(VdmabufBuffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufBuffer, vdmabuf_buffer_unref)

const struct vdmabuf_id *vdmabuf_buffer_get_id(VdmabufBuffer *self);
/* A read-only dma-buf, owned by @self */
int vdmabuf_buffer_get_fd(VdmabufBuffer *self);
guint64 vdmabuf_buffer_get_size(VdmabufBuffer *self);
/* The buffer in memory, owned by @self; mapped at the first call and kept. */
VdmabufMap *vdmabuf_buffer_get_map(VdmabufBuffer *self, GError **error);

/* --- Pictures --- */

/**
 * VdmabufTimes:
 * @exported: when the guest exported the frame: its own clock, shifted so that the fastest frame
 *  of this stream took no time at all to arrive (the clocks are not compared otherwise); 0 when
 *  unknown
 * @arrived: at the host's kernel module
 * @read: by this process
 * @imported: its buffer was there; equal to @read for buffers that were known
 * @drawn: for the viewer to fill in: the drawing commands were sent
 * @presented: for the viewer to fill in; 0 when unknown
 *
 * A frame's way, in microseconds of g_get_monotonic_time()
 */
typedef struct {
    gint64 exported;
    gint64 arrived;
    gint64 read;
    gint64 imported;
    gint64 drawn;
    gint64 presented;
} VdmabufTimes;

/* A boxed type. The guest may draw into the buffer again after the last unref. */
typedef struct _VdmabufPicture VdmabufPicture;

#define VDMABUF_TYPE_PICTURE (vdmabuf_picture_get_type())
GType vdmabuf_picture_get_type(void);
VdmabufPicture *vdmabuf_picture_ref(VdmabufPicture *self);
void vdmabuf_picture_unref(VdmabufPicture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufPicture, vdmabuf_picture_unref)

/*
 * What the guest says is in the buffer. vdmabuf_frame_check() holds for it; that the last row ends
 * inside the buffer, and anything about planes 1 to 3, has to be checked by who reads it.
 */
const struct vdmabuf_frame *vdmabuf_picture_get_frame(VdmabufPicture *self);
VdmabufBuffer *vdmabuf_picture_get_buffer(VdmabufPicture *self);
guint64 vdmabuf_picture_get_sequence(VdmabufPicture *self);
/* May be written to */
VdmabufTimes *vdmabuf_picture_get_times(VdmabufPicture *self);
/*
 * What differs from the picture that was taken from the output before this one, frames that were
 * left out included; the whole picture when that is not known.
 */
void vdmabuf_picture_get_damage(VdmabufPicture *self, struct vdmabuf_rect *damage);

/* The format without its alpha channel: a screen has nothing behind it. AR24 becomes XR24. */
guint32 vdmabuf_frame_get_opaque_fourcc(const struct vdmabuf_frame *frame);

/* --- Cursors --- */

/**
 * VdmabufCursor:
 * @visible: %FALSE when the guest shows none, or has not said anything of one
 * @pixels: (nullable): @width * @height pixels, premultiplied ARGB in 32 bits of this machine's
 *  byte order, as cairo has them, rows without a gap; @serial changes with it
 * @hot_x: inside the picture, may be outside of it
 * @x: where the hot spot stands on the output, in the output's pixels
 *
 * A cursor of the guest, copied: it belongs to the output until its next "cursor-changed".
 */
typedef struct {
    gboolean visible;
    guint32 width;
    guint32 height;
    gint32 hot_x;
    gint32 hot_y;
    gint32 x;
    gint32 y;
    GBytes *pixels;
    guint64 serial;
} VdmabufCursor;

/* --- Outputs --- */

/**
 * VdmabufOutputState:
 * @VDMABUF_OUTPUT_WAITING: no producer shows anything, or has yet
 * @VDMABUF_OUTPUT_HIDDEN: the guest has switched the output off
 * @VDMABUF_OUTPUT_SHOWING: there was a picture, and it still holds
 */
typedef enum {
    VDMABUF_OUTPUT_WAITING,
    VDMABUF_OUTPUT_HIDDEN,
    VDMABUF_OUTPUT_SHOWING,
} VdmabufOutputState;

/**
 * VdmabufOutputStats:
 * @frames: read from the device
 * @skipped: of these, replaced in the mailbox by a newer one before anybody took them
 * @superseded: replaced in the kernel before they were read; of all outputs of the device
 * @taken: by vdmabuf_output_take_picture()
 *
 * Counted since the output is there.
 */
typedef struct {
    guint64 frames;
    guint64 skipped;
    guint64 superseded;
    guint64 taken;
} VdmabufOutputStats;

/**
 * VdmabufOutput:
 *
 * Signals:
 *   "frame" (VdmabufOutput *)           a new picture waits to be taken
 *   "size-changed" (VdmabufOutput *)    before the "frame" that has the new size
 *   "cursor-changed" (VdmabufOutput *)  picture, place or visibility
 *   "gone" (VdmabufOutput *)            the picture no longer holds: drop what was taken of it. Its
 *                                       producer ended, the guest restarted or is gone. A mode
 *                                       change, which replaces buffers within moments, is none.
 *   "buffer-gone" (VdmabufOutput *, VdmabufBuffer *)  drop what was made of it. Every output of the
 *                                       device says so, whichever showed it.
 *
 * Properties: "state" and "problem", with notification.
 */
#define VDMABUF_TYPE_OUTPUT (vdmabuf_output_get_type())
G_DECLARE_FINAL_TYPE(VdmabufOutput, vdmabuf_output, VDMABUF, OUTPUT, GObject)

/* The guest's number of it */
guint32 vdmabuf_output_get_number(VdmabufOutput *self);
VdmabufOutputState vdmabuf_output_get_state(VdmabufOutput *self);
/* Of the newest picture, in pixels; 0 before the first. */
void vdmabuf_output_get_size(VdmabufOutput *self, guint32 *width, guint32 *height);
/*
 * A sentence when frames come that cannot be had (no memory may be locked, too many open files);
 * else %NULL.
 */
const char *vdmabuf_output_get_problem(VdmabufOutput *self);

/**
 * vdmabuf_output_take_picture:
 *
 * Takes the newest picture out of the mailbox. Older ones have gone back to the guest. To be called
 * when the next frame of the display is drawn, so that the display sets the guest's pace; and the
 * picture kept until the one after it is drawn and the GPU has finished with it.
 *
 * Returns: (transfer full) (nullable): %NULL when none came since the last call
 */
VdmabufPicture *vdmabuf_output_take_picture(VdmabufOutput *self);
/* (transfer none) (nullable): it stays in the mailbox. */
VdmabufPicture *vdmabuf_output_peek_picture(VdmabufOutput *self);
/* (transfer none) */
const VdmabufCursor *vdmabuf_output_get_cursor(VdmabufOutput *self);
void vdmabuf_output_get_stats(VdmabufOutput *self, VdmabufOutputStats *stats);

/* --- Streams --- */

/* A guest may number its outputs as it likes; more than so many are not shown. */
#define VDMABUF_STREAM_MAX_OUTPUTS 16

/**
 * VdmabufStreamState:
 * @VDMABUF_STREAM_STOPPED: not started, or stopped
 * @VDMABUF_STREAM_CONNECTING: for the first time
 * @VDMABUF_STREAM_NO_BROKER: there is no socket, or nobody listens on it
 * @VDMABUF_STREAM_NO_PERMISSION: the caller may not use the socket; the message names the group
 * @VDMABUF_STREAM_FAILED: another error; the message says which
 * @VDMABUF_STREAM_NO_DRIVER: connected; the guest's driver has not said anything
 * @VDMABUF_STREAM_NO_PRODUCER: the driver is there, but no output shows anything
 * @VDMABUF_STREAM_STREAMING: at least one output is SHOWING or HIDDEN
 * @VDMABUF_STREAM_DEAD: the VM is gone, or its device was unplugged
 *
 * In every state but STOPPED the stream tries to get to STREAMING by itself.
 */
typedef enum {
    VDMABUF_STREAM_STOPPED,
    VDMABUF_STREAM_CONNECTING,
    VDMABUF_STREAM_NO_BROKER,
    VDMABUF_STREAM_NO_PERMISSION,
    VDMABUF_STREAM_FAILED,
    VDMABUF_STREAM_NO_DRIVER,
    VDMABUF_STREAM_NO_PRODUCER,
    VDMABUF_STREAM_STREAMING,
    VDMABUF_STREAM_DEAD,
} VdmabufStreamState;

/**
 * VdmabufStream:
 *
 * Signals:
 *   "output-added" (VdmabufStream *, VdmabufOutput *)  an output was seen for the first time; it
 *                                                      stays for the life of the stream
 *
 * Properties: "path" (construct only), "state" and "message", with notification.
 */
#define VDMABUF_TYPE_STREAM (vdmabuf_stream_get_type())
G_DECLARE_FINAL_TYPE(VdmabufStream, vdmabuf_stream, VDMABUF, STREAM, GObject)

/* @path: a broker's consumer socket, which need not be there yet */
VdmabufStream *vdmabuf_stream_new(const char *path);
/* Of a consumer fd that came another way; takes @fd. It is never connected again. */
VdmabufStream *vdmabuf_stream_new_for_fd(int fd);

/* Connects, and again whenever it has to. Signals come from the main loop only. */
void vdmabuf_stream_start(VdmabufStream *self);
/*
 * Gives everything back: outputs are WAITING, and the guest sees one consumer less, so that it may
 * stop working for nobody. The last unref does the same.
 */
void vdmabuf_stream_stop(VdmabufStream *self);
/* Tries now instead of after the next pause: for who knows that the domain has just started. */
void vdmabuf_stream_hurry(VdmabufStream *self);

const char *vdmabuf_stream_get_path(VdmabufStream *self);
VdmabufStreamState vdmabuf_stream_get_state(VdmabufStream *self);
/* A sentence for a person, for every state */
const char *vdmabuf_stream_get_message(VdmabufStream *self);
/* (transfer none) (element-type VdmabufOutput): in the order of their numbers */
GPtrArray *vdmabuf_stream_get_outputs(VdmabufStream *self);
/* (transfer none) (nullable) */
VdmabufOutput *vdmabuf_stream_get_output(VdmabufStream *self, guint32 number);
/* Who the VM is, its limits and counters; %FALSE while there is no connection. */
gboolean vdmabuf_stream_get_status(VdmabufStream *self, struct vdmabuf_status *status);

G_END_DECLS
