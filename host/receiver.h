/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as they come from one device, and the buffers that they are in. */
#pragma once

#include "vdmabuf.h"

typedef struct _Receiver Receiver;

typedef enum {
    RECEIVER_EVENT,
    RECEIVER_TIMED_OUT,
    RECEIVER_INTERRUPTED, /* SIGINT or SIGTERM */
    RECEIVER_CLOSED,      /* the VM is gone */
    RECEIVER_FAILED,      /* the error is set */
} ReceiverResult;

/* Takes signals from here on, so that what was begun can be undone. */
Receiver *receiver_new(const char *path, GError **error);
/* Gives back every frame. */
void receiver_free(Receiver *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Receiver, receiver_free)

VdmabufConsumer *receiver_get_consumer(Receiver *self);

/* @deadline: monotonic; -1 for none */
ReceiverResult receiver_next(Receiver *self, gint64 deadline, struct vdmabuf_event *event,
                             GError **error);
/* It is no failure that the guest has taken the buffer back meanwhile. */
gboolean receiver_release(Receiver *self, const struct vdmabuf_event *event, GError **error);

/*
 * The buffer of a frame that is held, in memory; it stays imported as long as it is there.
 * Returns %NULL without an error when the guest has taken it back meanwhile.
 */
VdmabufMap *receiver_map(Receiver *self, const struct vdmabuf_event *event, GError **error);
/*
 * The first @size bytes of it, copied, so that the guest cannot change them between two looks;
 * and the frame is released. %NULL as above.
 */
guint8 *receiver_copy(Receiver *self, const struct vdmabuf_event *event, guint64 size,
                      GError **error);

/* When a wait of @timeout_ms (-1: for ever) that begins now ends, for receiver_next() */
gint64 receiver_get_deadline(int timeout_ms);
