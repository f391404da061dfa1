/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a split virtqueue, over memory that the caller owns. It makes correct
 * chains, and leaves the ring's memory open to callers who want incorrect ones.
 */
#pragma once

#include <glib.h>
#include <linux/virtio_ring.h>

G_BEGIN_DECLS

/* A piece of a descriptor chain, by guest address */
typedef struct {
    guint64 address;
    guint32 length;
    gboolean writable;
} VringSegment;

/* An indirect descriptor table: where the caller has room for one */
typedef struct {
    struct vring_desc *table;
    guint64 address;
} VringIndirect;

/**
 * Vring:
 * @num: of descriptors, a power of two
 * @available: index of the next entry of the available ring
 * @published: what the device has been told of @available
 * @last_used: index of the next entry of the used ring
 * @next: the free list, and the chains that are under way; the device cannot write to it
 * @in_flight: whether a chain starts at this descriptor
 * @cookies: of the chains under way
 * @n_free: free descriptors
 * @kick_fd: eventfd: the device has requests
 * @call_fd: eventfd: the driver has replies
 * @error_fd: eventfd: the device has given up the ring
 */
typedef struct {
    guint16 num;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    guint16 available;
    guint16 published;
    guint16 last_used;
    guint16 free_head;
    guint16 n_free;
    guint16 *next;
    gboolean *in_flight;
    gpointer *cookies;
    int kick_fd;
    int call_fd;
    int error_fd;
} Vring;

/* Bytes of memory that a ring takes; the memory has to be aligned to a page */
gsize vring_bytes(guint16 num);
/* Offsets of the three parts inside that memory */
gsize vring_avail_offset(guint16 num);
gsize vring_used_offset(guint16 num);

void vring_setup(Vring *self, gpointer memory, guint16 num);
/* As after setup: every chain is forgotten, the ring's memory is zeroed */
void vring_forget(Vring *self);
void vring_clear(Vring *self);

/**
 * vring_add:
 * @indirect: (nullable): put the chain into this table, and one descriptor into the ring
 *
 * The device does not see the chain before vring_publish().
 *
 * Returns: the chain's first descriptor, or -1 when the ring is full
 */
int vring_add(Vring *self, const VringSegment *segments, guint n_segments,
              const VringIndirect *indirect, gpointer cookie);
void vring_publish(Vring *self);
/* Publishes, and tells the device unless it has asked not to be told */
void vring_kick(Vring *self);

/* Takes the next used chain; %FALSE at once when there is none */
gboolean vring_take(Vring *self, gpointer *cookie, guint32 *length);
/* Waits until vring_take() would succeed; %FALSE when that has not come within @timeout_ms */
gboolean vring_wait(Vring *self, int timeout_ms);
/* Whether the device has reported an error of this ring since the last call */
gboolean vring_take_error(Vring *self);

G_END_DECLS
