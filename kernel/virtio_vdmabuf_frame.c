// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: frames, and the fences they wait for.
 *
 * A frame is NONE -> CLAIMED -> WAITING -> SENT -> OUTSTANDING -> RELEASED -> NONE. It
 * holds up later frames of its stream, that is of its file, output and kind, until it
 * is SENT. UNEXPORT, close and the end of the device take it to NONE from everywhere but
 * RELEASED.
 *
 * Lock order: see virtio_vdmabuf_drv.h.
 */
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vdmabuf_frame.h"
#include "virtio_vdmabuf_drv.h"

/* ------------------------------------------------------------------ fences */

static void vdmabuf_fence_wait_put(struct vdmabuf_fence_wait *wait)
{
	if (!refcount_dec_and_test(&wait->ref))
		return;
	dma_fence_put(wait->fence);
	vdmabuf_buffer_put(wait->buf);
	kfree(wait);
}

/* Nobody waits any more. The callback has a reference until its work has run. */
static void vdmabuf_fence_wait_cancel(struct vdmabuf_fence_wait *wait)
{
	if (dma_fence_remove_callback(wait->fence, &wait->cb))
		vdmabuf_fence_wait_put(wait);
	vdmabuf_fence_wait_put(wait);
}

void vdmabuf_fence_waits_cancel(struct list_head *waits)
{
	struct vdmabuf_fence_wait *wait, *next;

	list_for_each_entry_safe(wait, next, waits, node) {
		list_del(&wait->node);
		vdmabuf_fence_wait_cancel(wait);
	}
}

/* May be in an interrupt, and holds the fence's lock. */
static void vdmabuf_fence_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct vdmabuf_fence_wait *wait = container_of(cb, struct vdmabuf_fence_wait, cb);

	queue_work(vdmabuf_wq, &wait->work);
}

/* ------------------------------------------------------------------ frames */

/* Send the frames of a stream that neither wait for fences nor for one before them. */
void vdmabuf_stream_advance(struct vdmabuf_file *file, u64 stream)
{
	struct vdmabuf_device *dev = file->dev;
	struct vdmabuf_buffer *buf, *next;

	lockdep_assert_held(&dev->lock);

	if (dev->state != VDMABUF_RUNNING)
		return;

	list_for_each_entry_safe(buf, next, &file->waiting, wait_node) {
		if (buf->stream != stream)
			continue;
		if (!buf->ready)
			break;
		list_del_init(&buf->wait_node);
		buf->frame = VDMABUF_FRAME_SENT;
		vdmabuf_request_queue(dev, &buf->req, VIRTIO_VDMABUF_CMD_FRAME,
				      sizeof(buf->req.frame));
	}
	vdmabuf_requests_send(dev);
}

static bool vdmabuf_frame_waits(struct vdmabuf_buffer *buf, u64 sequence)
{
	return buf->frame == VDMABUF_FRAME_WAITING && buf->sequence == sequence;
}

/* The frame will not be sent. What it waited for goes to @waits, to be cancelled. */
void vdmabuf_frame_drop(struct vdmabuf_buffer *buf, struct list_head *waits)
{
	if (buf->frame == VDMABUF_FRAME_WAITING) {
		list_del_init(&buf->wait_node);
		buf->frame = VDMABUF_FRAME_NONE;
	}
	if (buf->wait)
		list_add_tail(&buf->wait->node, waits);
	buf->wait = NULL;
}

static void vdmabuf_fence_work(struct work_struct *work)
{
	struct vdmabuf_fence_wait *wait = container_of(work, struct vdmabuf_fence_wait, work);
	struct vdmabuf_buffer *buf = wait->buf;
	struct vdmabuf_device *dev = buf->dev;
	bool had_wait = false;

	spin_lock(&dev->lock);
	if (vdmabuf_frame_waits(buf, wait->sequence)) {
		if (buf->wait == wait) {
			buf->wait = NULL;
			had_wait = true;
		}
		buf->ready = true;
		vdmabuf_stream_advance(buf->file, buf->stream);
	}
	spin_unlock(&dev->lock);

	if (had_wait)
		vdmabuf_fence_wait_put(wait);
	vdmabuf_fence_wait_put(wait);
}

static void vdmabuf_frame_to_wire(struct virtio_vdmabuf_frame_desc *to,
				  const struct vdmabuf_frame *from)
{
	u32 i;

	memset(to, 0, sizeof(*to));
	to->fourcc = cpu_to_le32(from->fourcc);
	to->flags = cpu_to_le32(from->flags);
	to->modifier = cpu_to_le64(from->modifier);
	to->width = cpu_to_le32(from->width);
	to->height = cpu_to_le32(from->height);
	to->output = cpu_to_le32(from->output);
	to->nr_planes = cpu_to_le32(from->nr_planes);
	for (i = 0; i < VDMABUF_MAX_PLANES; i++) {
		to->planes[i].offset = cpu_to_le32(from->planes[i].offset);
		to->planes[i].stride = cpu_to_le32(from->planes[i].stride);
	}
	to->damage.x = cpu_to_le32(from->damage.x);
	to->damage.y = cpu_to_le32(from->damage.y);
	to->damage.width = cpu_to_le32(from->damage.width);
	to->damage.height = cpu_to_le32(from->damage.height);
	to->x = cpu_to_le32(from->x);
	to->y = cpu_to_le32(from->y);
	to->hot_x = cpu_to_le32(from->hot_x);
	to->hot_y = cpu_to_le32(from->hot_y);
	to->timestamp_ns = cpu_to_le64(from->timestamp_ns);
	to->app_size = cpu_to_le32(from->app_size);
	memcpy(to->app, from->app, from->app_size);
}

/* The claimed frame takes its place in the order of its stream, but does not leave yet. */
static int vdmabuf_frame_enter(struct vdmabuf_buffer *buf, struct vdmabuf_export *arg)
{
	struct virtio_vdmabuf_frame *frame = &buf->req.frame;
	struct vdmabuf_device *dev = buf->dev;
	int err = 0;

	spin_lock(&dev->lock);
	if (buf->state != VDMABUF_REGISTERED) {
		/* Unexported by another thread, or the device was reset: as if it had been new */
		err = vdmabuf_state_error(dev) ?: -EAGAIN;
		goto out_unlock;
	}
	err = vdmabuf_state_error(dev);
	if (err) {
		buf->frame = VDMABUF_FRAME_NONE;
		goto out_unlock;
	}

	buf->sequence = ++dev->sequence;
	buf->stream = (u64)arg->frame.output << 1;
	if (arg->frame.flags & VDMABUF_FRAME_CURSOR)
		buf->stream++;
	buf->ready = false;
	buf->frame = VDMABUF_FRAME_WAITING;
	list_add_tail(&buf->wait_node, &buf->file->waiting);

	frame->id = buf->id;
	frame->sequence = cpu_to_le64(buf->sequence);
	vdmabuf_frame_to_wire(&frame->desc, &arg->frame);
	vdmabuf_id_to_user(&arg->id, &buf->id);
	arg->sequence = buf->sequence;

out_unlock:
	spin_unlock(&dev->lock);
	return err;
}

/* Take the frame back before it has left: the caller could not be told of it. */
static void vdmabuf_frame_leave(struct vdmabuf_buffer *buf, u64 sequence)
{
	struct vdmabuf_device *dev = buf->dev;

	spin_lock(&dev->lock);
	if (vdmabuf_frame_waits(buf, sequence)) {
		list_del_init(&buf->wait_node);
		buf->frame = VDMABUF_FRAME_NONE;
		vdmabuf_stream_advance(buf->file, buf->stream);
	}
	spin_unlock(&dev->lock);
}

/* The frame leaves when @wait (or nothing) and the frames before it allow it. */
static void vdmabuf_frame_start(struct vdmabuf_buffer *buf, u64 sequence,
				struct vdmabuf_fence_wait *wait)
{
	struct vdmabuf_device *dev = buf->dev;
	bool armed = false;

	if (wait) {
		wait->sequence = sequence;
		refcount_inc(&wait->ref);	/* the callback's */
		armed = !dma_fence_add_callback(wait->fence, &wait->cb,
						vdmabuf_fence_signalled);
		if (!armed)
			vdmabuf_fence_wait_put(wait);
	}

	spin_lock(&dev->lock);
	if (vdmabuf_frame_waits(buf, sequence)) {
		if (armed && !buf->ready) {
			buf->wait = wait;
			wait = NULL;
		} else {
			buf->ready = true;
			vdmabuf_stream_advance(buf->file, buf->stream);
		}
	}
	spin_unlock(&dev->lock);

	/* Signalled already, or dropped meanwhile */
	if (wait && armed)
		vdmabuf_fence_wait_cancel(wait);
	else if (wait)
		vdmabuf_fence_wait_put(wait);
}

/* The claimed frame does not come about. */
static void vdmabuf_frame_unclaim(struct vdmabuf_buffer *buf)
{
	struct vdmabuf_device *dev = buf->dev;

	spin_lock(&dev->lock);
	if (buf->state == VDMABUF_REGISTERED)
		buf->frame = VDMABUF_FRAME_NONE;
	spin_unlock(&dev->lock);
}

/* What the writes to the buffer that are pending now will signal; NULL if there are none. */
static int vdmabuf_fence_wait_alloc(struct vdmabuf_buffer *buf, struct dma_buf *dmabuf,
				    struct vdmabuf_fence_wait **result)
{
	struct vdmabuf_fence_wait *wait;
	struct dma_fence *fence;
	int err;

	*result = NULL;

	err = dma_resv_get_singleton(dmabuf->resv, dma_resv_usage_rw(false), &fence);
	if (err)
		return err;
	if (!fence)
		return 0;

	wait = kzalloc(sizeof(*wait), GFP_KERNEL_ACCOUNT);
	if (!wait) {
		dma_fence_put(fence);
		return -ENOMEM;
	}

	INIT_LIST_HEAD(&wait->cb.node);
	INIT_WORK(&wait->work, vdmabuf_fence_work);
	INIT_LIST_HEAD(&wait->node);
	refcount_set(&wait->ref, 1);
	wait->fence = fence;
	kref_get(&buf->ref);
	wait->buf = buf;
	*result = wait;
	return 0;
}

static int vdmabuf_export_once(struct vdmabuf_file *file, struct dma_buf *dmabuf,
			       struct vdmabuf_export *arg, void __user *uarg)
{
	struct vdmabuf_fence_wait *wait;
	struct vdmabuf_buffer *buf;
	int err;

	buf = vdmabuf_buffer_get(file, dmabuf);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	err = vdmabuf_fence_wait_alloc(buf, dmabuf, &wait);
	if (err) {
		vdmabuf_frame_unclaim(buf);
		goto out_put;
	}

	err = vdmabuf_frame_enter(buf, arg);
	if (err)
		goto out_put_wait;

	/* Before the frame leaves: one that the caller has no id of would be lost */
	if (copy_to_user(uarg, arg, sizeof(*arg))) {
		vdmabuf_frame_leave(buf, arg->sequence);
		err = -EFAULT;
		goto out_put_wait;
	}

	vdmabuf_frame_start(buf, arg->sequence, wait);
	goto out_put;

out_put_wait:
	if (wait)
		vdmabuf_fence_wait_put(wait);
out_put:
	vdmabuf_buffer_put(buf);
	return err;
}

int vdmabuf_frame_export(struct vdmabuf_file *file, struct vdmabuf_export *arg,
			 void __user *uarg)
{
	struct vdmabuf_frame *frame = &arg->frame;
	struct dma_buf *dmabuf;
	int err;

	if (arg->flags)
		return -EINVAL;

	dmabuf = dma_buf_get(arg->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	err = vdmabuf_frame_check(frame, dmabuf->size);
	if (!err && memchr_inv(frame->app + frame->app_size, 0,
			       sizeof(frame->app) - frame->app_size))
		err = -EINVAL;
	if (err)
		goto out_put;

	frame->timestamp_ns = ktime_get_ns();
	do {
		err = vdmabuf_export_once(file, dmabuf, arg, uarg);
	} while (err == -EAGAIN && !signal_pending(current));
	if (err == -EAGAIN)
		err = -ERESTARTSYS;

out_put:
	dma_buf_put(dmabuf);
	return err;
}
