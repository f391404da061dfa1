/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest driver of the virtio dma-buf device: what its files share.
 *
 *   virtio_vdmabuf_main.c    a device comes, goes, sleeps
 *   virtio_vdmabuf_queue.c   virtqueues: requests and their replies, events
 *   virtio_vdmabuf_file.c    the device node
 *   virtio_vdmabuf_buffer.c  registered buffers
 *   virtio_vdmabuf_frame.c   frames, and the fences they wait for
 *   virtio_vdmabuf_alloc.c   dma-bufs of the driver's own pages
 *
 * Locks, outermost first:
 *
 *   vdmabuf_file.read_lock   one reader at a time; held over copy_to_user()
 *   vdmabuf_device.lock      everything else: spinlock, never taken in interrupts
 *
 * No function of dma-buf, dma-fence or dma-resv is called under
 * vdmabuf_device.lock: they take locks of other drivers. Callbacks of virtqueues
 * and fences, which come in interrupts, only queue work.
 *
 * References: an open file and a buffer hold the device. A buffer is held by its
 * registration, by its request while that is queued or with the host, by each of
 * its events that nobody has read, and by a fence it waits for. The last put of a
 * buffer frees memory only; dma-buf, attachment and mapping are given up before, by
 * vdmabuf_device.nr_buffers of which removal waits to become zero.
 */
#ifndef _VIRTIO_VDMABUF_DRV_H
#define _VIRTIO_VDMABUF_DRV_H

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/vdmabuf.h>
#include <linux/virtio_vdmabuf.h>

#include "compat.h"

/* How long an EXPORT waits for the host's answer */
#define VDMABUF_REPLY_TIMEOUT	(10 * HZ)
/* How long removal and suspend wait for the answer to RESET */
#define VDMABUF_RESET_TIMEOUT	(5 * HZ)

#define VDMABUF_HASH_BITS	8

struct vdmabuf_buffer;
struct vdmabuf_file;

/* Entries of a REGISTER, in physically contiguous pieces of the same size */
struct vdmabuf_entries {
	struct sg_table sgt;
	u32 nr_entries;
	u32 nr_chunks;
	u32 per_chunk;
	struct virtio_vdmabuf_entry *chunk[];
};

enum vdmabuf_request_state {
	VDMABUF_REQUEST_IDLE,
	VDMABUF_REQUEST_QUEUED,		/* on vdmabuf_device.requests */
	VDMABUF_REQUEST_SENT,		/* in the control queue */
};

/* A request; the device reads the union and writes the reply */
struct vdmabuf_request {
	struct list_head node;
	enum vdmabuf_request_state state;
	u32 type;
	u32 size;			/* of the readable part, without entries */
	struct vdmabuf_buffer *buf;	/* NULL: RESET */
	struct vdmabuf_entries *entries;
	union {
		struct virtio_vdmabuf_ctrl ctrl;
		struct virtio_vdmabuf_register reg;
		struct virtio_vdmabuf_frame frame;
		struct virtio_vdmabuf_unregister unreg;
	} ____cacheline_aligned;
	struct virtio_vdmabuf_reply reply ____cacheline_aligned;
};

/* A buffer of the event queue */
struct vdmabuf_host_event {
	struct list_head node;		/* on vdmabuf_device.spare_events */
	struct virtio_vdmabuf_event event ____cacheline_aligned;
};

enum vdmabuf_device_state {
	VDMABUF_RUNNING,
	VDMABUF_STOPPED,		/* suspended, or being reset: comes back */
	VDMABUF_DEAD,			/* removed or broken */
};

struct vdmabuf_device {
	struct kref ref;
	struct virtio_device *vdev;	/* until removal */
	struct device *dma_dev;		/* until nr_buffers is zero at removal */
	bool refuse_bounced;
	int index;
	char name[32];
	struct miscdevice misc;

	spinlock_t lock;		/* of all that follows */
	enum vdmabuf_device_state state;
	bool queues_live;
	bool reset_answered;		/* other requests may be sent */
	bool reset_refused;
	bool goodbye_answered;
	struct virtqueue *vqs[VIRTIO_VDMABUF_VQ_NUM];
	u32 queue_size;			/* of the control queue */
	struct list_head requests;
	struct vdmabuf_request hello;	/* RESET, first of all requests */
	struct vdmabuf_request goodbye;	/* RESET, last of all requests */
	struct vdmabuf_host_event *host_events;
	struct list_head spare_events;
	struct work_struct queue_work;
	struct delayed_work retry_work;

	u32 page_size;
	u32 max_buffers;
	u32 max_entries;
	u64 max_bytes;
	u32 nr_consumers;

	u64 sequence;
	struct list_head files;
	struct list_head buffers;
	DECLARE_HASHTABLE(by_id, VDMABUF_HASH_BITS);
	DECLARE_HASHTABLE(by_dmabuf, VDMABUF_HASH_BITS);
	u32 nr_buffers;			/* that may have an attachment */
	u32 nr_registering;		/* EXPORTs that use dma_dev */
	wait_queue_head_t wait;		/* state, replies, both numbers */
};

/* One open file */
struct vdmabuf_file {
	struct vdmabuf_device *dev;
	struct mutex read_lock;		/* one reader at a time */
	wait_queue_head_t wait;
	/* under dev->lock: */
	struct list_head node;		/* on vdmabuf_device.files */
	struct list_head buffers;
	struct list_head waiting;	/* frames in the order of their export */
	struct list_head events;
	bool tell_consumers;
};

/* An event for a producer; each buffer has one of both kinds */
struct vdmabuf_event_slot {
	struct list_head node;
	struct vdmabuf_buffer *buf;
	u32 type;
	u32 flags;
	u64 value;
};

enum vdmabuf_buffer_state {
	VDMABUF_REGISTERING,	/* belongs to the EXPORT that made it */
	VDMABUF_REFUSED,	/* the same, and the host has said no */
	VDMABUF_ABANDONED,	/* REGISTER is with the host, nobody waits for it */
	VDMABUF_REGISTERED,
	VDMABUF_UNREGISTERING,
	VDMABUF_GONE,		/* its pages are being given back */
};

enum vdmabuf_frame_state {
	VDMABUF_FRAME_NONE,
	VDMABUF_FRAME_CLAIMED,	/* an EXPORT is preparing it */
	VDMABUF_FRAME_WAITING,	/* for fences, or for a frame before it */
	VDMABUF_FRAME_SENT,	/* FRAME is queued, or with the host */
	VDMABUF_FRAME_OUTSTANDING,
	VDMABUF_FRAME_RELEASED,	/* the event has not been read */
};

/* A frame that waits for a fence */
struct vdmabuf_fence_wait {
	struct dma_fence_cb cb;
	struct work_struct work;
	struct list_head node;
	refcount_t ref;
	struct dma_fence *fence;
	struct vdmabuf_buffer *buf;
	u64 sequence;
};

struct vdmabuf_buffer {
	struct kref ref;
	struct vdmabuf_device *dev;
	/* of whoever registers, then of vdmabuf_buffer_free_work(): */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	u64 size;
	struct work_struct free_work;
	/* under dev->lock: */
	enum vdmabuf_buffer_state state;
	int error;			/* why it is REFUSED */
	struct virtio_vdmabuf_id id;
	struct vdmabuf_file *file;	/* NULL: nobody to tell */
	struct list_head dev_node;
	struct list_head file_node;
	struct hlist_node id_node;
	struct hlist_node dmabuf_node;
	struct vdmabuf_event_slot released;
	struct vdmabuf_event_slot unregistered;
	enum vdmabuf_frame_state frame;
	u64 sequence;
	u64 stream;
	bool ready;			/* its fences have signalled */
	struct list_head wait_node;	/* on vdmabuf_file.waiting */
	struct vdmabuf_fence_wait *wait;
	struct vdmabuf_request req;
};

extern struct workqueue_struct *vdmabuf_wq;

/* virtio_vdmabuf_main.c */
void vdmabuf_device_get(struct vdmabuf_device *dev);
void vdmabuf_device_put(struct vdmabuf_device *dev);
int vdmabuf_state_error(struct vdmabuf_device *dev);
void vdmabuf_device_dead(struct vdmabuf_device *dev);

/* virtio_vdmabuf_queue.c */
void vdmabuf_queues_init(struct vdmabuf_device *dev);
int vdmabuf_queues_start(struct vdmabuf_device *dev);
bool vdmabuf_queues_say_goodbye(struct vdmabuf_device *dev);
void vdmabuf_queues_stop(struct vdmabuf_device *dev);
void vdmabuf_request_init(struct vdmabuf_request *req, struct vdmabuf_buffer *buf);
void vdmabuf_request_queue(struct vdmabuf_device *dev, struct vdmabuf_request *req,
			   u32 type, u32 size);
bool vdmabuf_request_cancel(struct vdmabuf_request *req);
void vdmabuf_requests_send(struct vdmabuf_device *dev);
struct vdmabuf_entries *vdmabuf_entries_alloc(struct vdmabuf_device *dev, u32 nr_entries);
void vdmabuf_entries_free(struct vdmabuf_entries *entries);

/* virtio_vdmabuf_file.c */
extern const struct file_operations vdmabuf_fops;
void vdmabuf_event_push(struct vdmabuf_event_slot *slot, u32 type, u32 flags, u64 value);

/* virtio_vdmabuf_buffer.c */
struct vdmabuf_buffer *vdmabuf_buffer_get(struct vdmabuf_file *file, struct dma_buf *dmabuf);
int vdmabuf_buffer_unexport(struct vdmabuf_file *file, const struct vdmabuf_id *id);
void vdmabuf_buffers_close(struct vdmabuf_file *file, struct list_head *waits);
void vdmabuf_buffers_drop(struct vdmabuf_device *dev);
void vdmabuf_buffer_put(struct vdmabuf_buffer *buf);
void vdmabuf_buffer_reply(struct vdmabuf_buffer *buf, u32 type, int err);
void vdmabuf_buffer_released(struct vdmabuf_device *dev,
			     const struct virtio_vdmabuf_id *id, u64 sequence, u32 flags);
void vdmabuf_buffer_unregistered(struct vdmabuf_device *dev,
				 const struct virtio_vdmabuf_id *id);

/* virtio_vdmabuf_frame.c */
int vdmabuf_frame_export(struct vdmabuf_file *file, struct vdmabuf_export *arg,
			 void __user *uarg);
void vdmabuf_frame_drop(struct vdmabuf_buffer *buf, struct list_head *waits);
void vdmabuf_stream_advance(struct vdmabuf_file *file, u64 stream);
void vdmabuf_fence_waits_cancel(struct list_head *waits);

/* virtio_vdmabuf_alloc.c */
int vdmabuf_alloc_ioctl(struct vdmabuf_device *dev, struct vdmabuf_alloc *arg,
			void __user *uarg);

static inline void vdmabuf_id_to_user(struct vdmabuf_id *to,
				      const struct virtio_vdmabuf_id *from)
{
	to->vmm_pid = le32_to_cpu(from->vmm_pid);
	to->counter = le32_to_cpu(from->counter);
	to->random = le64_to_cpu(from->random);
}

static inline void vdmabuf_id_from_user(struct virtio_vdmabuf_id *to,
					const struct vdmabuf_id *from)
{
	to->vmm_pid = cpu_to_le32(from->vmm_pid);
	to->counter = cpu_to_le32(from->counter);
	to->random = cpu_to_le64(from->random);
}

#endif /* _VIRTIO_VDMABUF_DRV_H */
