// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: registered buffers.
 *
 * A buffer is made by the first EXPORT of a dma-buf through an open file. It goes
 * REGISTERING -> REGISTERED -> UNREGISTERING -> GONE; the host's reply and event move it
 * on, and the end of the device moves it to GONE from everywhere. While it is
 * REGISTERING it belongs to the EXPORT that made it; an EXPORT that cannot wait any
 * longer leaves it ABANDONED, for the reply to take it back.
 *
 * Lock order: see virtio_vdmabuf_drv.h.
 */
#include <linux/dma-mapping.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "virtio_vdmabuf_drv.h"

/* ------------------------------------------------------- look up, get, put */

static u32 vdmabuf_id_key(const struct virtio_vdmabuf_id *id)
{
	return jhash(id, sizeof(*id), 0);
}

static struct vdmabuf_buffer *vdmabuf_find_id(struct vdmabuf_device *dev,
					      const struct virtio_vdmabuf_id *id)
{
	struct vdmabuf_buffer *buf;

	hash_for_each_possible(dev->by_id, buf, id_node, vdmabuf_id_key(id))
		if (!memcmp(&buf->id, id, sizeof(*id)))
			return buf;
	return NULL;
}

static struct vdmabuf_buffer *vdmabuf_find_dmabuf(struct vdmabuf_file *file,
						  struct dma_buf *dmabuf)
{
	struct vdmabuf_buffer *buf;

	hash_for_each_possible(file->dev->by_dmabuf, buf, dmabuf_node, (unsigned long)dmabuf)
		if (buf->dmabuf == dmabuf && buf->file == file)
			return buf;
	return NULL;
}

static void vdmabuf_buffer_free(struct kref *ref)
{
	struct vdmabuf_buffer *buf = container_of(ref, struct vdmabuf_buffer, ref);
	struct vdmabuf_device *dev = buf->dev;

	kfree(buf);
	vdmabuf_device_put(dev);
}

/* May be called under dev->lock by someone who holds the device in another way, too. */
void vdmabuf_buffer_put(struct vdmabuf_buffer *buf)
{
	kref_put(&buf->ref, vdmabuf_buffer_free);
}

/* ------------------------------------------------- pages of a dma-buf */

static void vdmabuf_buffer_unmap(struct vdmabuf_buffer *buf)
{
	if (buf->sgt)
		dma_buf_unmap_attachment_unlocked(buf->attach, buf->sgt, DMA_BIDIRECTIONAL);
	buf->sgt = NULL;
	if (buf->attach)
		dma_buf_detach(buf->dmabuf, buf->attach);
	buf->attach = NULL;
	if (buf->dmabuf)
		dma_buf_put(buf->dmabuf);
	buf->dmabuf = NULL;
}

/* Exporters answer in many ways that they cannot let this device at the pages. */
static int vdmabuf_exporter_error(long err)
{
	switch (err) {
	case -ENOMEM:
	case -EINTR:
	case -ERESTARTSYS:
		return err;
	default:
		return -EOPNOTSUPP;
	}
}

/* Attached without operations for moves: whatever the exporter, the pages stay pinned. */
static int vdmabuf_buffer_map(struct vdmabuf_buffer *buf)
{
	buf->attach = dma_buf_attach(buf->dmabuf, buf->dev->dma_dev);
	if (IS_ERR(buf->attach)) {
		long err = PTR_ERR(buf->attach);

		buf->attach = NULL;
		return vdmabuf_exporter_error(err);
	}

	buf->sgt = dma_buf_map_attachment_unlocked(buf->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(buf->sgt)) {
		long err = PTR_ERR(buf->sgt);

		buf->sgt = NULL;
		return vdmabuf_exporter_error(err);
	}

	return 0;
}

static int vdmabuf_put_run(struct vdmabuf_buffer *buf, struct vdmabuf_entries *entries,
			   u32 nr, u64 addr, u64 length)
{
	struct virtio_vdmabuf_entry *entry;

	if (!IS_ALIGNED(addr | length, buf->dev->page_size))
		return -EOPNOTSUPP;
	if (!entries)
		return 0;

	if (WARN_ON_ONCE(nr >= entries->nr_entries))
		return -EOPNOTSUPP;
	entry = &entries->chunk[nr / entries->per_chunk][nr % entries->per_chunk];
	entry->addr = cpu_to_le64(addr);
	entry->length = cpu_to_le64(length);
	return 0;
}

/*
 * Go through the DMA addresses of the mapping, adjacent pieces taken together, as far as
 * the buffer reaches. Writes the entries when there is room for them already.
 *
 * Return: how many runs there are, or an error
 */
static s64 vdmabuf_walk(struct vdmabuf_buffer *buf, struct vdmabuf_entries *entries)
{
	struct vdmabuf_device *dev = buf->dev;
	u64 left = buf->size, addr = 0, length = 0;
	struct scatterlist *sg;
	u32 nr = 0;
	int i, err;

	for_each_sgtable_dma_sg(buf->sgt, sg, i) {
		dma_addr_t piece = sg_dma_address(sg);
		u64 bytes = min_t(u64, sg_dma_len(sg), left);

		if (!bytes)
			continue;
		/* What the host would see is a copy that nobody keeps up to date */
		if (dev->refuse_bounced && dma_need_sync(dev->dma_dev, piece))
			return -EOPNOTSUPP;

		left -= bytes;
		if (length && addr + length == piece) {
			length += bytes;
			continue;
		}
		if (length) {
			err = vdmabuf_put_run(buf, entries, nr++, addr, length);
			if (err)
				return err;
		}
		addr = piece;
		length = bytes;
	}
	if (left || !length)
		return -EOPNOTSUPP;

	err = vdmabuf_put_run(buf, entries, nr++, addr, length);
	if (err)
		return err;
	return nr;
}

/* ---------------------------------------------- the start and end of a buffer */

/* Nobody finds the buffer through its file any more, nor tells the file of it. */
static void vdmabuf_buffer_leave_file(struct vdmabuf_buffer *buf)
{
	hash_del(&buf->dmabuf_node);
	list_del_init(&buf->file_node);
	buf->file = NULL;
}

/* The last use of dma_dev for this buffer is over. */
static void vdmabuf_buffer_leave_device(struct vdmabuf_buffer *buf)
{
	struct vdmabuf_device *dev = buf->dev;

	list_del_init(&buf->dev_node);
	if (!--dev->nr_buffers)
		wake_up_all(&dev->wait);
}

static void vdmabuf_buffer_free_work(struct work_struct *work)
{
	struct vdmabuf_buffer *buf = container_of(work, struct vdmabuf_buffer, free_work);
	struct vdmabuf_device *dev = buf->dev;

	vdmabuf_buffer_unmap(buf);

	spin_lock(&dev->lock);
	if (buf->file) {
		vdmabuf_event_push(&buf->unregistered, VDMABUF_GUEST_UNREGISTERED, 0, 0);
		vdmabuf_buffer_leave_file(buf);
	}
	vdmabuf_buffer_leave_device(buf);
	spin_unlock(&dev->lock);

	vdmabuf_buffer_put(buf);	/* the registration's */
}

/* Give the pages back, and then tell the buffer's file, if it has one. */
static void vdmabuf_buffer_gone(struct vdmabuf_buffer *buf)
{
	hash_del(&buf->id_node);
	hash_del(&buf->dmabuf_node);
	buf->state = VDMABUF_GONE;
	queue_work(vdmabuf_wq, &buf->free_work);
}

static struct vdmabuf_buffer *vdmabuf_buffer_alloc(struct vdmabuf_file *file,
						   struct dma_buf *dmabuf)
{
	struct vdmabuf_buffer *buf;

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return NULL;

	kref_init(&buf->ref);
	vdmabuf_device_get(file->dev);
	buf->dev = file->dev;
	get_dma_buf(dmabuf);
	buf->dmabuf = dmabuf;
	/* An exporter may map more than the buffer, to the end of some large page */
	buf->size = PAGE_ALIGN(dmabuf->size);
	INIT_WORK(&buf->free_work, vdmabuf_buffer_free_work);
	buf->state = VDMABUF_REGISTERING;
	INIT_LIST_HEAD(&buf->dev_node);
	INIT_LIST_HEAD(&buf->file_node);
	INIT_HLIST_NODE(&buf->id_node);
	INIT_HLIST_NODE(&buf->dmabuf_node);
	INIT_LIST_HEAD(&buf->released.node);
	buf->released.buf = buf;
	INIT_LIST_HEAD(&buf->unregistered.node);
	buf->unregistered.buf = buf;
	buf->frame = VDMABUF_FRAME_CLAIMED;
	INIT_LIST_HEAD(&buf->wait_node);
	vdmabuf_request_init(&buf->req, buf);

	return buf;
}

/* ------------------------------------------------------------ registration */

/* May use dma_dev until vdmabuf_registering_end(): removal and suspend wait for that. */
static int vdmabuf_registering_try(struct vdmabuf_device *dev)
{
	int err;

	spin_lock(&dev->lock);
	err = vdmabuf_state_error(dev);
	if (!err)
		dev->nr_registering++;
	spin_unlock(&dev->lock);
	return err;
}

static void vdmabuf_registering_end(struct vdmabuf_device *dev)
{
	spin_lock(&dev->lock);
	if (!--dev->nr_registering)
		wake_up_all(&dev->wait);
	spin_unlock(&dev->lock);
}

static int vdmabuf_registering_begin(struct vdmabuf_device *dev)
{
	int err, ret;

	ret = wait_event_interruptible(dev->wait,
				       (err = vdmabuf_registering_try(dev)) != -EAGAIN);
	return ret ?: err;
}

/* The buffer of a dma-buf, with a reference for the caller, its next frame CLAIMED. */
static struct vdmabuf_buffer *vdmabuf_buffer_claim(struct vdmabuf_file *file,
						   struct dma_buf *dmabuf, bool *is_new)
{
	struct vdmabuf_buffer *buf, *new = NULL;
	struct vdmabuf_device *dev = file->dev;

	for (;;) {
		spin_lock(&dev->lock);
		buf = vdmabuf_find_dmabuf(file, dmabuf);
		if (buf) {
			if (buf->frame == VDMABUF_FRAME_NONE) {
				buf->frame = VDMABUF_FRAME_CLAIMED;
				kref_get(&buf->ref);
			} else {
				buf = ERR_PTR(-EBUSY);
			}
			break;
		}
		if (new) {
			buf = new;
			new = NULL;
			buf->file = file;
			kref_get(&buf->ref);
			list_add_tail(&buf->dev_node, &dev->buffers);
			list_add_tail(&buf->file_node, &file->buffers);
			hash_add(dev->by_dmabuf, &buf->dmabuf_node, (unsigned long)dmabuf);
			dev->nr_buffers++;
			*is_new = true;
			break;
		}
		spin_unlock(&dev->lock);

		new = vdmabuf_buffer_alloc(file, dmabuf);
		if (!new)
			return ERR_PTR(-ENOMEM);
	}
	spin_unlock(&dev->lock);

	if (new) {
		vdmabuf_buffer_unmap(new);
		vdmabuf_buffer_put(new);
	}
	return buf;
}

static bool vdmabuf_buffer_settled(struct vdmabuf_buffer *buf)
{
	struct vdmabuf_device *dev = buf->dev;
	bool settled;

	spin_lock(&dev->lock);
	settled = buf->state != VDMABUF_REGISTERING || dev->state != VDMABUF_RUNNING;
	spin_unlock(&dev->lock);
	return settled;
}

/*
 * Send REGISTER and wait.
 *
 * Return: 0; or an error, and then *abandoned says whether the host may still have the
 * request: the buffer then belongs to the reply.
 */
static int vdmabuf_buffer_register(struct vdmabuf_buffer *buf,
				   struct vdmabuf_entries *entries, bool *abandoned)
{
	struct virtio_vdmabuf_register *reg = &buf->req.reg;
	struct vdmabuf_device *dev = buf->dev;
	long left;
	int err;

	spin_lock(&dev->lock);
	err = vdmabuf_state_error(dev);
	if (err) {
		spin_unlock(&dev->lock);
		vdmabuf_entries_free(entries);
		return err;
	}
	reg->size = cpu_to_le64(buf->size);
	reg->nr_entries = cpu_to_le32(entries->nr_entries);
	reg->reserved = 0;
	buf->req.entries = entries;
	vdmabuf_request_queue(dev, &buf->req, VIRTIO_VDMABUF_CMD_REGISTER, sizeof(*reg));
	vdmabuf_requests_send(dev);
	spin_unlock(&dev->lock);

	left = wait_event_interruptible_timeout(dev->wait, vdmabuf_buffer_settled(buf),
						VDMABUF_REPLY_TIMEOUT);

	spin_lock(&dev->lock);
	if (buf->state == VDMABUF_REGISTERED) {
		err = 0;
	} else if (buf->state == VDMABUF_REFUSED) {
		err = buf->error;
	} else if (buf->state != VDMABUF_REGISTERING) {
		/* Registered, and unexported or stopped before this thread ran */
		err = vdmabuf_state_error(dev) ?: -EAGAIN;
		*abandoned = true;
	} else {
		err = vdmabuf_state_error(dev) ?: left < 0 ? left : -ETIMEDOUT;
		if (!vdmabuf_request_cancel(&buf->req)) {
			vdmabuf_buffer_leave_file(buf);
			buf->state = VDMABUF_ABANDONED;
			*abandoned = true;
		}
	}
	spin_unlock(&dev->lock);

	return err;
}

/* Map and register a buffer that was just claimed; on failure it is no longer there. */
static int vdmabuf_buffer_setup(struct vdmabuf_buffer *buf)
{
	struct vdmabuf_device *dev = buf->dev;
	struct vdmabuf_entries *entries;
	bool abandoned = false;
	s64 nr_entries;
	int err;

	err = vdmabuf_buffer_map(buf);
	if (err)
		goto err_drop;

	nr_entries = vdmabuf_walk(buf, NULL);
	err = min_t(s64, nr_entries, 0);
	if (err)
		goto err_drop;
	if (nr_entries > dev->max_entries) {
		err = -E2BIG;
		goto err_drop;
	}
	if (buf->size > dev->max_bytes) {
		err = -EDQUOT;
		goto err_drop;
	}

	entries = vdmabuf_entries_alloc(dev, nr_entries);
	if (!entries) {
		err = -ENOMEM;
		goto err_drop;
	}
	vdmabuf_walk(buf, entries);

	err = vdmabuf_buffer_register(buf, entries, &abandoned);
	if (abandoned || !err)
		return err;

err_drop:
	spin_lock(&dev->lock);
	vdmabuf_buffer_leave_file(buf);
	spin_unlock(&dev->lock);
	vdmabuf_buffer_unmap(buf);
	spin_lock(&dev->lock);
	vdmabuf_buffer_leave_device(buf);
	spin_unlock(&dev->lock);
	vdmabuf_buffer_put(buf);	/* the registration's */
	return err;
}

/*
 * The buffer of a dma-buf, registered, with a reference for the caller, who makes its next
 * frame. -EAGAIN: the device was reset meanwhile, the same again will work.
 */
struct vdmabuf_buffer *vdmabuf_buffer_get(struct vdmabuf_file *file, struct dma_buf *dmabuf)
{
	struct vdmabuf_device *dev = file->dev;
	struct vdmabuf_buffer *buf;
	bool is_new = false;
	int err;

	err = vdmabuf_registering_begin(dev);
	if (err)
		return ERR_PTR(err);

	buf = vdmabuf_buffer_claim(file, dmabuf, &is_new);
	if (!IS_ERR(buf) && is_new) {
		err = vdmabuf_buffer_setup(buf);
		if (err) {
			vdmabuf_buffer_put(buf);
			buf = ERR_PTR(err);
		}
	}

	vdmabuf_registering_end(dev);
	return buf;
}

/* ---------------------------------------------------------- taking back */

static void vdmabuf_unregister_queue(struct vdmabuf_buffer *buf)
{
	struct virtio_vdmabuf_unregister *unreg = &buf->req.unreg;

	/* Of the last use of the request, a FRAME: its reply comes back here */
	if (!vdmabuf_request_cancel(&buf->req))
		return;
	/* Without the host there is only vdmabuf_buffers_drop() to wait for */
	if (buf->dev->state != VDMABUF_RUNNING)
		return;
	unreg->id = buf->id;
	vdmabuf_request_queue(buf->dev, &buf->req, VIRTIO_VDMABUF_CMD_UNREGISTER,
			      sizeof(*unreg));
}

/* The buffer's frame, if it has one, ends with it. */
static void vdmabuf_unregister_begin(struct vdmabuf_buffer *buf, struct list_head *waits)
{
	vdmabuf_frame_drop(buf, waits);
	if (buf->frame != VDMABUF_FRAME_RELEASED)
		buf->frame = VDMABUF_FRAME_NONE;
	hash_del(&buf->dmabuf_node);
	buf->state = VDMABUF_UNREGISTERING;
	vdmabuf_unregister_queue(buf);
}

int vdmabuf_buffer_unexport(struct vdmabuf_file *file, const struct vdmabuf_id *user_id)
{
	struct vdmabuf_device *dev = file->dev;
	struct virtio_vdmabuf_id id;
	struct vdmabuf_buffer *buf;
	LIST_HEAD(waits);
	int err = 0;

	vdmabuf_id_from_user(&id, user_id);

	spin_lock(&dev->lock);
	if (dev->state == VDMABUF_DEAD) {
		err = -ENODEV;
		goto out_unlock;
	}
	buf = vdmabuf_find_id(dev, &id);
	if (!buf || buf->file != file || buf->state != VDMABUF_REGISTERED) {
		err = -ENOENT;
		goto out_unlock;
	}
	vdmabuf_unregister_begin(buf, &waits);
	/* A frame that had to wait for this one's */
	vdmabuf_stream_advance(file, buf->stream);
	vdmabuf_requests_send(dev);

out_unlock:
	spin_unlock(&dev->lock);
	vdmabuf_fence_waits_cancel(&waits);
	return err;
}

/* The file is being closed: unexport all. */
void vdmabuf_buffers_close(struct vdmabuf_file *file, struct list_head *waits)
{
	struct vdmabuf_buffer *buf, *next;

	lockdep_assert_held(&file->dev->lock);

	list_for_each_entry_safe(buf, next, &file->buffers, file_node) {
		if (buf->state == VDMABUF_REGISTERED)
			vdmabuf_unregister_begin(buf, waits);
		vdmabuf_buffer_leave_file(buf);
	}
	vdmabuf_requests_send(file->dev);
}

static bool vdmabuf_no_buffers(struct vdmabuf_device *dev)
{
	bool none;

	spin_lock(&dev->lock);
	none = !dev->nr_buffers;
	spin_unlock(&dev->lock);
	return none;
}

/*
 * The queues are gone, and with them all that the host knew. Producers hear of it by
 * ENODEV, or where the device comes back, by the end of their frames.
 */
void vdmabuf_buffers_drop(struct vdmabuf_device *dev)
{
	struct vdmabuf_buffer *buf;
	LIST_HEAD(waits);
	bool dead;

	spin_lock(&dev->lock);
	dead = dev->state == VDMABUF_DEAD;
	list_for_each_entry(buf, &dev->buffers, dev_node) {
		bool lost = buf->frame == VDMABUF_FRAME_WAITING ||
			    buf->frame == VDMABUF_FRAME_SENT ||
			    buf->frame == VDMABUF_FRAME_OUTSTANDING;

		if (buf->state == VDMABUF_GONE)
			continue;

		vdmabuf_frame_drop(buf, &waits);
		if (buf->file && lost && !dead) {
			buf->frame = VDMABUF_FRAME_RELEASED;
			vdmabuf_event_push(&buf->released, VDMABUF_GUEST_RELEASED,
					   VDMABUF_RELEASED_LOST, buf->sequence);
		}
		/* UNREGISTERED answers an UNEXPORT; with the device gone it would be a guess */
		if (buf->file && (dead || buf->state != VDMABUF_UNREGISTERING))
			vdmabuf_buffer_leave_file(buf);
		vdmabuf_buffer_gone(buf);
	}
	spin_unlock(&dev->lock);

	vdmabuf_fence_waits_cancel(&waits);
	wait_event(dev->wait, vdmabuf_no_buffers(dev));
}

/* -------------------------------------------- what the host has to say */

static void vdmabuf_register_reply(struct vdmabuf_buffer *buf, int err)
{
	static const struct virtio_vdmabuf_id no_id;
	const struct virtio_vdmabuf_id id = buf->req.reply.id;
	struct vdmabuf_device *dev = buf->dev;

	if (!err && (!memcmp(&id, &no_id, sizeof(id)) || vdmabuf_find_id(dev, &id))) {
		dev_err_ratelimited(&dev->vdev->dev,
				    "the host has given a buffer an id that is taken\n");
		err = -EPROTO;
	}
	if (!err) {
		buf->id = id;
		hash_add(dev->by_id, &buf->id_node, vdmabuf_id_key(&id));
	}

	if (buf->state == VDMABUF_REGISTERING) {
		buf->state = err ? VDMABUF_REFUSED : VDMABUF_REGISTERED;
		buf->error = err;
		wake_up_all(&dev->wait);
	} else if (err) {
		vdmabuf_buffer_gone(buf);
	} else {
		buf->state = VDMABUF_UNREGISTERING;
		vdmabuf_unregister_queue(buf);
	}
}

static void vdmabuf_frame_reply(struct vdmabuf_buffer *buf, int err)
{
	if (buf->state == VDMABUF_UNREGISTERING) {
		vdmabuf_unregister_queue(buf);
		return;
	}
	if (buf->state != VDMABUF_REGISTERED || buf->frame != VDMABUF_FRAME_SENT)
		return;

	if (!err) {
		buf->frame = VDMABUF_FRAME_OUTSTANDING;
		return;
	}
	dev_warn_ratelimited(&buf->dev->vdev->dev, "the host refuses a frame: error %d\n", err);
	buf->frame = VDMABUF_FRAME_RELEASED;
	vdmabuf_event_push(&buf->released, VDMABUF_GUEST_RELEASED, VDMABUF_RELEASED_LOST,
			   buf->sequence);
}

static void vdmabuf_unregister_reply(struct vdmabuf_buffer *buf, int err)
{
	if (!err || buf->state != VDMABUF_UNREGISTERING)
		return;

	/* Does the host not know it, then nobody there can reach the pages */
	if (err == -ENOENT) {
		vdmabuf_buffer_gone(buf);
		return;
	}
	dev_err_ratelimited(&buf->dev->vdev->dev,
			    "the host does not take back a buffer: error %d; its pages stay in use\n",
			    err);
}

/* The request of the buffer is idle again; its sender holds a reference meanwhile. */
void vdmabuf_buffer_reply(struct vdmabuf_buffer *buf, u32 type, int err)
{
	lockdep_assert_held(&buf->dev->lock);

	switch (type) {
	case VIRTIO_VDMABUF_CMD_REGISTER:
		vdmabuf_register_reply(buf, err);
		break;
	case VIRTIO_VDMABUF_CMD_FRAME:
		vdmabuf_frame_reply(buf, err);
		break;
	case VIRTIO_VDMABUF_CMD_UNREGISTER:
		vdmabuf_unregister_reply(buf, err);
		break;
	}
}

void vdmabuf_buffer_released(struct vdmabuf_device *dev,
			     const struct virtio_vdmabuf_id *id, u64 sequence, u32 flags)
{
	struct vdmabuf_buffer *buf = vdmabuf_find_id(dev, id);

	/* What is being unregistered ends with UNREGISTERED; anything else is not known */
	if (!buf || buf->state != VDMABUF_REGISTERED ||
	    buf->frame != VDMABUF_FRAME_OUTSTANDING || buf->sequence != sequence) {
		dev_dbg(&dev->vdev->dev, "release of a frame that is not outstanding\n");
		return;
	}

	buf->frame = VDMABUF_FRAME_RELEASED;
	vdmabuf_event_push(&buf->released, VDMABUF_GUEST_RELEASED,
			   flags & VIRTIO_VDMABUF_EVT_F_SUPERSEDED ?
			   VDMABUF_RELEASED_SUPERSEDED : 0, sequence);
}

void vdmabuf_buffer_unregistered(struct vdmabuf_device *dev,
				 const struct virtio_vdmabuf_id *id)
{
	struct vdmabuf_buffer *buf = vdmabuf_find_id(dev, id);

	/* The host has to have seen the UNREGISTER */
	if (!buf || buf->state != VDMABUF_UNREGISTERING ||
	    buf->req.type != VIRTIO_VDMABUF_CMD_UNREGISTER ||
	    buf->req.state == VDMABUF_REQUEST_QUEUED) {
		dev_dbg(&dev->vdev->dev, "end of a buffer that was not unregistered\n");
		return;
	}

	vdmabuf_buffer_gone(buf);
}
