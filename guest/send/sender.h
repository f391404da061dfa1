/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The buffers of vdmabuf-send on their way to the host and back. */
#pragma once

#include "buffer.h"

typedef struct {
    gboolean verbose;
    gboolean json;
    gboolean check_written; /* compare each buffer with what it was when it comes back */
    int timeout_ms;         /* longest wait for the host, -1 for ever */
} SenderOptions;

typedef struct {
    guint64 sent;
    guint64 taken;      /* released by the consumers that took them */
    guint64 superseded; /* released because a newer one replaced them */
    guint64 lost;       /* refused by the host, or the device was reset */
    guint64 written;    /* found changed, with check_written */
} SenderCounts;

typedef enum {
    SENDER_READY,
    SENDER_INTERRUPTED, /* SIGINT or SIGTERM */
    SENDER_ALONE,       /* consumers took frames, and the last of them has gone */
    SENDER_FAILED,      /* the error is set; VDMABUF_ERROR_TIMED_OUT when it is the timeout's */
} SenderResult;

typedef struct _Sender Sender;

/* @options and @producer have to outlive it. It blocks SIGINT and SIGTERM from here on. */
Sender *sender_new(VdmabufProducer *producer, const SenderOptions *options, GError **error);
void sender_free(Sender *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sender, sender_free)

/* Takes @buffer. */
void sender_add_buffer(Sender *self, Buffer *buffer);
const SenderCounts *sender_get_counts(Sender *self);

/* Waits until a buffer is free. */
SenderResult sender_wait_buffer(Sender *self, Buffer **buffer, GError **error);
/* Waits until @fd can be read. */
SenderResult sender_wait_input(Sender *self, int fd, GError **error);
/* Waits until @time, which is monotonic. */
SenderResult sender_wait_until(Sender *self, gint64 time, GError **error);
/* Waits until a consumer is connected, if the host has said that none is. */
SenderResult sender_wait_consumer(Sender *self, GError **error);
/* Waits until every frame has come back. */
SenderResult sender_wait_released(Sender *self, GError **error);

/* Exports @frame; its checksum, where one is wanted, is of the first @used bytes. */
gboolean sender_send(Sender *self, Buffer *buffer, const struct vdmabuf_frame *frame, guint64 used,
                     GError **error);
/* Says what became of it all. */
void sender_print_counts(Sender *self);
