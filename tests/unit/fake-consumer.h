/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consumer fd without a kernel module: events are what the test writes into the other end, and
 * ioctls end here (the linker wraps vdmabuf_io_ioctl). One at a time.
 */
#pragma once

#include <vdmabuf-stream.h>

typedef struct {
    int fd;     /* the consumer fd, until somebody takes it */
    int events; /* the other end */
    guint64 superseded;
    guint64 sequence;

    GMutex mutex; /* imports come from other threads */
    GCond cond;
    gboolean hold_imports;
    int import_errno;
    guint imports;
    guint holding; /* imports that wait */
    GArray *held;  /* guint64: sequences that the consumer has not given back */
    guint bad_releases;
    guint pattern; /* of the bytes of a buffer that is imported: i * pattern */
} FakeConsumer;

void fake_consumer_init(FakeConsumer *self);
void fake_consumer_clear(FakeConsumer *self);
/* A new connection of the same, after the end of one */
void fake_consumer_reopen(FakeConsumer *self);
int fake_consumer_take_fd(FakeConsumer *self);
/* The VM is gone */
void fake_consumer_end(FakeConsumer *self);

void fake_consumer_state(FakeConsumer *self, guint32 state);
/* Returns the frame's sequence. @buffer is a number that stands for an id. */
guint64 fake_consumer_frame(FakeConsumer *self, guint buffer, const struct vdmabuf_frame *frame);
void fake_consumer_gone(FakeConsumer *self, guint buffer);
void fake_consumer_set_holding(FakeConsumer *self, gboolean hold);

gboolean fake_consumer_is_held(FakeConsumer *self, guint64 sequence);
guint fake_consumer_count_held(FakeConsumer *self);
guint fake_consumer_count_imports(FakeConsumer *self);
