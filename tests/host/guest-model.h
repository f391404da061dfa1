/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest and its monitor in one process: memory, memory table, both virtqueues and the requests
 * of a correct driver, straight on /dev/vhost-vdmabuf. And the consumers of its buffers.
 *
 * Functions that return a status give the VIRTIO_VDMABUF_S_* of the reply. Whatever cannot fail
 * with a correct device is asserted here.
 */
#pragma once

#include "vring.h"

#include <linux/vdmabuf.h>
#include <linux/vhost.h>
#include <linux/virtio_vdmabuf.h>

G_BEGIN_DECLS

#define GUEST_DEVICE "/dev/vhost-vdmabuf"
/* No test waits longer than this for one thing; the machine may be an emulated one */
#define GUEST_WAIT_MS 120000
#define GUEST_PAGE_SIZE 4096ull
/* Of the host's large pages */
#define GUEST_HUGE_SIZE (2ull << 20)

/* Where things are in the guest's address space */
#define GUEST_LOW_ADDRESS 0x10000000ull
#define GUEST_RAM_ADDRESS 0x100000000ull
/* The low memory: rings, slots, and a big area for the entries of REGISTER */
#define GUEST_SLOT_SIZE 4096u
#define GUEST_SLOT_REPLY 2048u
#define GUEST_SLOT_TABLE 2304u
#define GUEST_SLOT_TABLE_NUM ((GUEST_SLOT_SIZE - GUEST_SLOT_TABLE) / sizeof(struct vring_desc))
#define GUEST_BIG_BYTES (8u << 20)

#define GUEST_MAX_REGIONS 16

/* Instead of a status: the chain came back with a used length of 0 */
#define GUEST_NO_REPLY G_MAXUINT32

/**
 * GuestOptions:
 * @ram_bytes: memory for buffers
 * @num: descriptors of the control queue; 0 for 256
 * @event_num: buffers of the event queue; 0 for 64
 * @limits: (nullable): to set; the module's defaults otherwise
 * @small_pages: the RAM is made of small pages of the host, which are all there from the beginning
 * @no_driver: leave it to the test to start the rings and to say RESET
 * @vhost_fd: an open device node to use; 0 to open one
 */
typedef struct {
    gsize ram_bytes;
    guint16 num;
    guint16 event_num;
    const struct vdmabuf_limits *limits;
    gboolean small_pages;
    gboolean no_driver;
    int vhost_fd;
} GuestOptions;

typedef struct {
    guint64 address;
    guint64 bytes;
    gpointer memory;
} GuestRegion;

typedef struct {
    gboolean busy;
    gpointer cookie;
} GuestSlot;

typedef struct {
    int vhost_fd;
    int memory_fd;
    guint8 *low;
    gsize low_bytes;
    guint8 *ram;
    gsize ram_bytes;
    GuestRegion regions[GUEST_MAX_REGIONS];
    guint n_regions;
    Vring control;
    Vring events;
    GuestSlot *slots;
    guint n_slots;
    guint next_slot;
    guint64 slots_offset;
    guint64 event_offset;
    guint64 big_offset;
    guint64 sequence;
    /* Of the last CONSUMERS event */
    guint64 consumers;
    guint consumer_events;
    gboolean running;
} Guest;

typedef struct {
    guint slot;
    gpointer cookie;
    /* That the device has written; the reply is meaningful when it is its size */
    guint32 length;
    struct virtio_vdmabuf_reply reply;
} GuestReply;

/* --- Device --- */

Guest *guest_new(const GuestOptions *options);
void guest_free(Guest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Guest, guest_free)
/* Frees all but the vhost fd and the dma-bufs made of it: the monitor's death, step by step */
void guest_close_vhost(Guest *self);

/* 0 or -errno */
int guest_set_running(Guest *self, int running);
int guest_set_regions(Guest *self, const GuestRegion *regions, guint n_regions);
int guest_set_limits(Guest *self, const struct vdmabuf_limits *limits);
int guest_set_ring(Guest *self, guint index, Vring *ring);
struct vdmabuf_limits guest_limits(Guest *self);
struct vdmabuf_status guest_status(Guest *self);
/* Stops the rings, makes them new, starts them and says RESET: a reboot, or the end of a ring */
void guest_restart(Guest *self);

gpointer guest_pointer(Guest *self, guint64 address);
guint64 guest_low(Guest *self, guint64 offset);

/* --- Requests, low level --- */

/* A free slot: its memory holds a request, its reply and an indirect table; G_MAXUINT if none */
guint guest_slot_take(Guest *self);
guint8 *guest_slot_memory(Guest *self, guint slot);
guint64 guest_slot_address(Guest *self, guint slot);
void guest_slot_give(Guest *self, guint slot);
/* Queues a chain that belongs to @slot; %FALSE when the ring is full. Not published yet. */
gboolean guest_submit_chain(Guest *self, guint slot, const VringSegment *segments,
                            guint n_segments, gboolean indirect, gpointer cookie);
/* The same for a request that is copied into a slot, with a whole reply behind it */
gboolean guest_submit(Guest *self, gconstpointer request, gsize length, gpointer cookie);
void guest_kick(Guest *self);
/* The next reply, its slot is free again; %FALSE when there is none within the time */
gboolean guest_reap(Guest *self, GuestReply *reply, int timeout_ms);

/* Sends @request, waits, and gives the status; GUEST_NO_REPLY when no reply was written */
guint32 guest_call(Guest *self, gconstpointer request, gsize length,
                   struct virtio_vdmabuf_reply *reply);
guint32 guest_call_chain(Guest *self, guint slot, const VringSegment *segments, guint n_segments,
                         gboolean indirect, struct virtio_vdmabuf_reply *reply);

/* --- Requests of a correct driver --- */

guint32 guest_reset(Guest *self);
guint32 guest_register(Guest *self, const struct virtio_vdmabuf_entry *entries, guint n_entries,
                       guint64 size, struct vdmabuf_id *id);
/* The same for pages [first, first + count) of the RAM as one run */
guint32 guest_register_run(Guest *self, guint64 first_page, guint64 count,
                           struct vdmabuf_id *id);
/* @sequence 0: the next one. */
guint32 guest_frame(Guest *self, const struct vdmabuf_id *id,
                    const struct virtio_vdmabuf_frame_desc *desc, guint64 *sequence);
guint32 guest_unregister(Guest *self, const struct vdmabuf_id *id);

void guest_frame_request(struct virtio_vdmabuf_frame *request, const struct vdmabuf_id *id,
                         guint64 sequence, const struct virtio_vdmabuf_frame_desc *desc);
void guest_unregister_request(struct virtio_vdmabuf_unregister *request,
                              const struct vdmabuf_id *id);
/* Data without a picture; output 0 */
void guest_desc_data(struct virtio_vdmabuf_frame_desc *desc);
/* A linear XRGB8888 picture */
void guest_desc_picture(struct virtio_vdmabuf_frame_desc *desc, guint32 width, guint32 height,
                        guint32 output);

void guest_id_to_wire(struct virtio_vdmabuf_id *wire, const struct vdmabuf_id *id);
void guest_id_from_wire(struct vdmabuf_id *id, const struct virtio_vdmabuf_id *wire);
gboolean guest_id_equal(gconstpointer a, gconstpointer b);
guint guest_id_hash(gconstpointer id);

/* Entries for @count pages of the RAM from @first_page on, one each, shuffled by @rand if given */
struct virtio_vdmabuf_entry *guest_scatter(guint64 first_page, guint64 count, GRand *rand);

/* --- Events --- */

/* The next event, its buffer goes back to the device; %FALSE when none comes within the time */
gboolean guest_next_event(Guest *self, struct virtio_vdmabuf_event *event, int timeout_ms);
/* Puts every free buffer back; guest_next_event() does it by itself */
void guest_post_events(Guest *self);
/* The next event but for CONSUMERS has to be this one */
void guest_expect(Guest *self, guint32 type, const struct vdmabuf_id *id, guint64 value,
                  guint32 flags);
/* The next @count RELEASED, in any order: of what ends at the same moment none is the first */
void guest_expect_released(Guest *self, const struct vdmabuf_id *ids, const guint64 *sequences,
                           guint count);
/* No event but CONSUMERS is there after two round trips of the control queue: whatever the device
 * had to say before is in the ring by then */
void guest_expect_silence(Guest *self);

/* --- Consumers --- */

/* A new consumer that has read its first STATE; -errno */
int consumer_try_open(Guest *self, guint32 flags);
int consumer_open(Guest *self, guint32 flags);
/* The next event; %FALSE when none comes within the time, type 0 at the end */
gboolean consumer_read(int fd, struct vdmabuf_event *event, int timeout_ms);
void consumer_expect_frame(int fd, const struct vdmabuf_id *id, guint64 sequence,
                           struct vdmabuf_event *event);
void consumer_expect_gone(int fd, const struct vdmabuf_id *id);
void consumer_expect_state(int fd, guint32 state);
/* STATE with DEAD and without RUNNING; that the guest had a driver once may still be in it */
void consumer_expect_dead(int fd);
void consumer_expect_end(int fd);
void consumer_expect_nothing(int fd);
/* Like the ioctls: a dma-buf, or 0; -errno */
int consumer_import(int fd, const struct vdmabuf_id *id, guint32 flags, guint64 *size);
int consumer_release(int fd, const struct vdmabuf_id *id, guint64 sequence);
int consumer_query(int fd, struct vdmabuf_query *query);
struct vdmabuf_status consumer_status(int fd);

/* MAP_SHARED, asserted */
gpointer dmabuf_map(int fd, gsize size, gboolean writable);

G_END_DECLS
