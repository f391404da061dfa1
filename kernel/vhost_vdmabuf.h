/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host side of the virtio dma-buf device: what the files of the module share.
 *
 * vhost_vdmabuf_main.c      device node, vhost ioctls, both rings
 * vhost_vdmabuf_buffer.c    which buffers there are
 * vhost_vdmabuf_pages.c     their pages: translating, pinning
 * vhost_vdmabuf_frame.c     frames, and events for the guest
 * vhost_vdmabuf_consumer.c  consumer files, their events
 * vhost_vdmabuf_dmabuf.c    dma-bufs made of buffers
 * vhost_vdmabuf_vm.c        the end of the VM, in kernels that tell it
 *
 * Locks, outermost first:
 *
 *   consumer->read_lock   readers of one consumer file take turns
 *   buf->pin_lock         the pages of one buffer
 *     vd->dev.mutex       vhost's: owner, memory table, start and stop; whose VM it is
 *       vq->mutex         vhost's: one ring, and the memory table as it sees it
 *       (KVM's notifier)  held when the end of a VM is told
 *         vd->lock        buffers, frames, holds, consumers, limits, state
 *       mmap_lock         of the owner
 *
 * vd->lock and buf->pin_lock do not nest. User memory is never accessed under vd->lock.
 * imp->lock, of one dma-buf, is taken under its reservation lock, and nothing under it.
 *
 * References: a struct vhost_vdmabuf lives as long as its vhost file, each of its consumer
 * files and each of its buffers. A buffer lives as long as the guest has it registered or is
 * owed an UNREGISTERED for it, each dma-buf made of it, and each hold of it. Buffers are
 * put under vd->lock, by someone who has a reference to vd.
 */
#ifndef _VHOST_VDMABUF_H
#define _VHOST_VDMABUF_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uio.h>
#include <linux/vdmabuf.h>
#include <linux/vhost_iotlb.h>
#include <linux/virtio_vdmabuf.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#if IS_ENABLED(CONFIG_KVM_NOTIFIER)
#include <linux/kvm_notifier.h>
#endif

#include "vhost.h"
#include "compat.h"

struct vhost_vdmabuf {
	struct vhost_dev dev;
	struct vhost_virtqueue vqs[VIRTIO_VDMABUF_VQ_NUM];
	struct vhost_virtqueue *vq_list[VIRTIO_VDMABUF_VQ_NUM];
	struct vhost_work event_work;
	struct kref ref;

	/* The owner; set once, under dev.mutex, before anything can be running */
	struct mm_struct *mm;
	struct task_struct *task;
	bool may_lock;

	/* Under dev.mutex */
	u64 memory_tables;		/* there have been */
	bool dev_gone;			/* no memory table, no owner any more */

#if IS_ENABLED(CONFIG_KVM_NOTIFIER)
	struct mm_struct *vm_mm;	/* changes under dev.mutex while not registered */
	struct kvm_notifier vm_notifier;
	unsigned int nr_vms;		/* of vm_mm; only the notifier's calls use it */
#endif

	atomic64_t bytes_pinned;

	struct mutex lock;		/* protects all that follows */
	u32 state;			/* VDMABUF_VM_* */
	struct vdmabuf_limits limits;
	struct vdmabuf_vm who;

	struct xarray registered;	/* buffers, by id.counter */
	struct list_head buffers;	/* these, and those that are not freed yet */
	u32 next_counter;		/* 0 when all have been used */
	u32 nr_buffers;
	u32 nr_imports;
	u64 bytes_registered;

	struct list_head frames;	/* buffers with a frame, in order of arrival */
	u64 last_serial;
	u32 nr_outstanding;
	u64 nr_frames;
	u64 nr_released;
	u64 nr_superseded;

	struct list_head events;	/* buffers with an event for the guest */
	u32 consumers_told;		/* the number that the guest knows */

	struct list_head consumers;
	u32 nr_consumers;
};

/* Adjacent pages of the guest, by its address */
struct vhost_vdmabuf_run {
	u64 addr;
	u64 length;
};

/*
 * Pinned pages, in pieces that have one pin each. With @single every piece is a page; otherwise
 * @firsts says which page of the buffer is its first.
 */
struct vhost_vdmabuf_pages {
	bool single;
	u32 nr;				/* of pieces */
	u32 room;
	unsigned long *pfns;
	u32 *firsts;			/* behind @pfns, in the same memory */
};

enum vhost_vdmabuf_frame_state {
	VHOST_VDMABUF_FRAME_NONE,	/* FRAME is possible */
	VHOST_VDMABUF_FRAME_WAITING,	/* who has not read it can take it */
	VHOST_VDMABUF_FRAME_SUPERSEDED,	/* nobody else can */
	VHOST_VDMABUF_FRAME_RELEASED,	/* the guest's event waits */
};

struct vhost_vdmabuf_buffer {
	struct vhost_vdmabuf *vd;
	struct vdmabuf_id id;
	u64 size;
	unsigned long nr_pages;
	u32 nr_runs;
	struct vhost_vdmabuf_run *runs;

	struct mutex pin_lock;		/* protects the next three */
	unsigned int nr_pins;
	bool written;			/* some import could write */
	struct vhost_vdmabuf_pages pages; /* stay while nr_pins is not 0 */

	/* The rest is under vd->lock */
	struct kref ref;
	struct list_head node;		/* in vd->buffers */
	bool registered;
	bool owed;			/* the guest waits for UNREGISTERED */
	u32 nr_imports;
	struct list_head holds;

	enum vhost_vdmabuf_frame_state frame_state;
	bool frame_taken;		/* by any consumer, at any time */
	u32 frame_holders;
	struct list_head frame_node;	/* in vd->frames */
	u64 serial;
	u64 sequence;
	u64 timestamp_ns;
	struct vdmabuf_frame frame;

	u32 event;			/* VIRTIO_VDMABUF_EVT_* in vd->events, or 0 */
	struct list_head event_node;
};

struct vhost_vdmabuf_consumer {
	struct vhost_vdmabuf *vd;
	s32 pid;
	u32 uid;
	u32 flags;			/* VDMABUF_LIMITS_* */
	struct mutex read_lock;
	wait_queue_head_t wait;

	/* The rest is under vd->lock */
	struct list_head node;		/* in vd->consumers */
	struct list_head holds;		/* of registered buffers */
	struct list_head gone;		/* of others, until GONE is read */
	u32 nr_gone;
	u64 cursor;			/* serial of the last frame it has read */
	u64 superseded;
	u32 state_told;
	bool state_read;
};

/* A consumer knows a buffer; under vd->lock */
struct vhost_vdmabuf_hold {
	struct list_head consumer_node;
	struct list_head buffer_node;
	struct vhost_vdmabuf_consumer *consumer;
	struct vhost_vdmabuf_buffer *buf;	/* counted; NULL once it is gone */
	struct vdmabuf_id id;
	bool taken;				/* the buffer's frame */
};

/* vhost_vdmabuf_main.c */
void vhost_vdmabuf_free(struct kref *ref);
void vhost_vdmabuf_kick_guest(struct vhost_vdmabuf *vd);
void vhost_vdmabuf_revoke(struct vhost_vdmabuf *vd);
void vhost_vdmabuf_fill_status(struct vhost_vdmabuf *vd, struct vdmabuf_status *status);

static inline void vhost_vdmabuf_get(struct vhost_vdmabuf *vd)
{
	kref_get(&vd->ref);
}

static inline void vhost_vdmabuf_put(struct vhost_vdmabuf *vd)
{
	kref_put(&vd->ref, vhost_vdmabuf_free);
}

/* vhost_vdmabuf_buffer.c */
u32 vhost_vdmabuf_register(struct vhost_vdmabuf *vd, struct vhost_iotlb *umem, u64 size,
			   u32 nr_entries, struct iov_iter *entries, struct vdmabuf_id *id);
u32 vhost_vdmabuf_unregister(struct vhost_vdmabuf *vd, const struct vdmabuf_id *id);
void vhost_vdmabuf_forget_all(struct vhost_vdmabuf *vd);
struct vhost_vdmabuf_buffer *vhost_vdmabuf_find(struct vhost_vdmabuf *vd,
						const struct vdmabuf_id *id);
void vhost_vdmabuf_buffer_put(struct vhost_vdmabuf_buffer *buf);
void vhost_vdmabuf_import_ended(struct vhost_vdmabuf_buffer *buf);

/* vhost_vdmabuf_pages.c */
int vhost_vdmabuf_translate(struct vhost_iotlb *umem, u64 addr, u64 *length, unsigned long *hva);
int vhost_vdmabuf_pin(struct vhost_vdmabuf_buffer *buf, bool write);
void vhost_vdmabuf_unpin(struct vhost_vdmabuf_buffer *buf);
unsigned long vhost_vdmabuf_pfn(const struct vhost_vdmabuf_buffer *buf, unsigned long index,
				unsigned long *nr);

/* vhost_vdmabuf_frame.c */
u32 vhost_vdmabuf_frame(struct vhost_vdmabuf *vd, const struct vdmabuf_id *id, u64 sequence,
			const struct virtio_vdmabuf_frame_desc *desc);
void vhost_vdmabuf_frame_take(struct vhost_vdmabuf_hold *hold);
void vhost_vdmabuf_frame_give_back(struct vhost_vdmabuf_hold *hold);
void vhost_vdmabuf_frame_drop(struct vhost_vdmabuf_buffer *buf);
void vhost_vdmabuf_frames_settle(struct vhost_vdmabuf *vd);
void vhost_vdmabuf_event_add(struct vhost_vdmabuf_buffer *buf, u32 type);
void vhost_vdmabuf_event_remove(struct vhost_vdmabuf_buffer *buf);
bool vhost_vdmabuf_event_peek(struct vhost_vdmabuf *vd, struct virtio_vdmabuf_event *event);
bool vhost_vdmabuf_event_done(struct vhost_vdmabuf *vd, const struct virtio_vdmabuf_event *event);

/* vhost_vdmabuf_consumer.c */
int vhost_vdmabuf_consumer_create(struct vhost_vdmabuf *vd, struct vdmabuf_consumer __user *arg);
void vhost_vdmabuf_consumers_wake(struct vhost_vdmabuf *vd);
void vhost_vdmabuf_hold_gone(struct vhost_vdmabuf_hold *hold);

/* vhost_vdmabuf_dmabuf.c */
struct dma_buf *vhost_vdmabuf_export(struct vhost_vdmabuf_buffer *buf, bool write);
struct vhost_vdmabuf_buffer *vhost_vdmabuf_exported(struct dma_buf *dmabuf);

/* vhost_vdmabuf_vm.c */
#if IS_ENABLED(CONFIG_KVM_NOTIFIER)
struct mm_struct *vhost_vdmabuf_vm_of(struct pid *pid);
void vhost_vdmabuf_watch_vm(struct vhost_vdmabuf *vd, struct mm_struct *mm);
void vhost_vdmabuf_watch_owner(struct vhost_vdmabuf *vd);
void vhost_vdmabuf_unwatch_vm(struct vhost_vdmabuf *vd);
#else
static inline struct mm_struct *vhost_vdmabuf_vm_of(struct pid *pid)
{
	return NULL;
}

static inline void vhost_vdmabuf_watch_vm(struct vhost_vdmabuf *vd, struct mm_struct *mm) { }
static inline void vhost_vdmabuf_watch_owner(struct vhost_vdmabuf *vd) { }
static inline void vhost_vdmabuf_unwatch_vm(struct vhost_vdmabuf *vd) { }
#endif

/* Ids on the wire */
static inline void vhost_vdmabuf_id_get(struct vdmabuf_id *to, const struct virtio_vdmabuf_id *from)
{
	to->vmm_pid = le32_to_cpu(from->vmm_pid);
	to->counter = le32_to_cpu(from->counter);
	to->random = le64_to_cpu(from->random);
}

static inline void vhost_vdmabuf_id_set(struct virtio_vdmabuf_id *to, const struct vdmabuf_id *from)
{
	to->vmm_pid = cpu_to_le32(from->vmm_pid);
	to->counter = cpu_to_le32(from->counter);
	to->random = cpu_to_le64(from->random);
}

static inline bool vhost_vdmabuf_id_equal(const struct vdmabuf_id *a, const struct vdmabuf_id *b)
{
	return a->vmm_pid == b->vmm_pid && a->counter == b->counter && a->random == b->random;
}

#endif /* _VHOST_VDMABUF_H */
