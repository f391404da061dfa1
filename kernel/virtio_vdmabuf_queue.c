// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: the two virtqueues.
 *
 * Requests wait in a list and go into the control queue in its order, as far as
 * there is room; the work that takes replies out sends the next ones. So a caller
 * never waits for room, and no request is lost for want of it. Their number is
 * bounded: each buffer has one request, and uses it for one thing at a time.
 *
 * Lock order: see virtio_vdmabuf_drv.h. All of this runs under vdmabuf_device.lock.
 */
#include <linux/log2.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include "virtio_vdmabuf_drv.h"

#define VDMABUF_MIN_QUEUE_SIZE	4
#define VDMABUF_MAX_HOST_EVENTS	64
#define VDMABUF_RETRY_DELAY	(HZ / 50)

/* ---------------------------------------------------------------- requests */

static int vdmabuf_status_to_errno(u32 status)
{
	switch (status) {
	case VIRTIO_VDMABUF_S_OK:
		return 0;
	case VIRTIO_VDMABUF_S_BAD_ADDRESS:
		return -EOPNOTSUPP;
	case VIRTIO_VDMABUF_S_BAD_FRAME:
		return -EINVAL;
	case VIRTIO_VDMABUF_S_NO_BUFFER:
		return -ENOENT;
	case VIRTIO_VDMABUF_S_BUSY:
		return -EBUSY;
	case VIRTIO_VDMABUF_S_LIMIT:
		return -EDQUOT;
	case VIRTIO_VDMABUF_S_ENTRIES:
		return -E2BIG;
	case VIRTIO_VDMABUF_S_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

void vdmabuf_entries_free(struct vdmabuf_entries *entries)
{
	u32 i;

	if (!entries)
		return;

	for (i = 0; i < entries->nr_chunks; i++)
		kfree(entries->chunk[i]);
	sg_free_table(&entries->sgt);
	kfree(entries);
}

/*
 * Memory for the entries of one REGISTER, in as many pieces as fit into one
 * descriptor chain beside the request itself and its reply.
 */
struct vdmabuf_entries *vdmabuf_entries_alloc(struct vdmabuf_device *dev, u32 nr_entries)
{
	size_t total = array_size(nr_entries, sizeof(struct virtio_vdmabuf_entry));
	struct vdmabuf_entries *entries;
	struct scatterlist *sg;
	size_t chunk_size, size;
	u32 nr_chunks, i;

	/* queue_size does not change while an EXPORT is registering */
	chunk_size = max_t(size_t, PAGE_SIZE,
			   roundup_pow_of_two(DIV_ROUND_UP(total, dev->queue_size - 2)));
	nr_chunks = DIV_ROUND_UP(total, chunk_size);

	entries = kzalloc(struct_size(entries, chunk, nr_chunks), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return NULL;
	if (sg_alloc_table(&entries->sgt, nr_chunks, GFP_KERNEL_ACCOUNT)) {
		kfree(entries);
		return NULL;
	}

	entries->nr_entries = nr_entries;
	entries->per_chunk = chunk_size / sizeof(struct virtio_vdmabuf_entry);
	for_each_sgtable_sg(&entries->sgt, sg, i) {
		size = min(chunk_size, total);
		entries->chunk[i] = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!entries->chunk[i]) {
			vdmabuf_entries_free(entries);
			return NULL;
		}
		entries->nr_chunks++;
		sg_set_buf(sg, entries->chunk[i], size);
		total -= size;
	}

	return entries;
}

void vdmabuf_request_init(struct vdmabuf_request *req, struct vdmabuf_buffer *buf)
{
	INIT_LIST_HEAD(&req->node);
	req->state = VDMABUF_REQUEST_IDLE;
	req->buf = buf;
}

/*
 * Put a request into the list; the caller has filled in what comes behind the header.
 * It holds its buffer from here until it is cancelled or answered.
 */
void vdmabuf_request_queue(struct vdmabuf_device *dev, struct vdmabuf_request *req,
			   u32 type, u32 size)
{
	lockdep_assert_held(&dev->lock);

	if (WARN_ON_ONCE(req->state != VDMABUF_REQUEST_IDLE))
		return;
	if (req->buf)
		kref_get(&req->buf->ref);
	req->type = type;
	req->size = size;
	req->ctrl.type = cpu_to_le32(type);
	req->ctrl.flags = 0;
	memset(&req->reply, 0, sizeof(req->reply));
	req->state = VDMABUF_REQUEST_QUEUED;
	list_add_tail(&req->node, &dev->requests);
}

/* The request is idle from now on, or was before. The caller has a reference of its own. */
static void vdmabuf_request_end(struct vdmabuf_request *req)
{
	list_del_init(&req->node);
	req->state = VDMABUF_REQUEST_IDLE;
	vdmabuf_entries_free(req->entries);
	req->entries = NULL;
}

/* Take back a request that the host has not seen; false: it is with the host. */
bool vdmabuf_request_cancel(struct vdmabuf_request *req)
{
	if (req->state == VDMABUF_REQUEST_SENT)
		return false;
	if (req->state == VDMABUF_REQUEST_QUEUED) {
		vdmabuf_request_end(req);
		if (req->buf)
			vdmabuf_buffer_put(req->buf);
	}
	return true;
}

/* Send what there is room for. */
void vdmabuf_requests_send(struct vdmabuf_device *dev)
{
	struct virtqueue *vq = dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL];
	struct scatterlist head, reply, *sgs[3];
	struct vdmabuf_request *req;
	bool sent = false;
	unsigned int out;
	int err = 0;

	lockdep_assert_held(&dev->lock);

	if (!dev->queues_live)
		return;

	while (!list_empty(&dev->requests)) {
		req = list_first_entry(&dev->requests, struct vdmabuf_request, node);
		/* Nothing may follow the first RESET before it is answered */
		if (!dev->reset_answered && req != &dev->hello)
			break;

		out = 0;
		sg_init_one(&head, &req->ctrl, req->size);
		sgs[out++] = &head;
		if (req->entries)
			sgs[out++] = req->entries->sgt.sgl;
		sg_init_one(&reply, &req->reply, sizeof(req->reply));
		sgs[out] = &reply;

		err = virtqueue_add_sgs(vq, sgs, out, 1, req, GFP_ATOMIC);
		if (err)
			break;
		list_del_init(&req->node);
		req->state = VDMABUF_REQUEST_SENT;
		sent = true;
	}

	if (sent && !virtqueue_kick(vq))
		err = -EIO;

	if (err == -EIO)
		vdmabuf_device_dead(dev);
	else if (err && err != -ENOSPC)
		/* Short of memory; without room a reply makes some */
		queue_delayed_work(vdmabuf_wq, &dev->retry_work, VDMABUF_RETRY_DELAY);
}

static void vdmabuf_request_answered(struct vdmabuf_device *dev,
				     struct vdmabuf_request *req, unsigned int len)
{
	int err = -EPROTO;

	if (len >= sizeof(req->reply))
		err = vdmabuf_status_to_errno(le32_to_cpu(req->reply.status));

	vdmabuf_request_end(req);

	if (req->buf) {
		vdmabuf_buffer_reply(req->buf, req->type, err);
		vdmabuf_buffer_put(req->buf);
		return;
	}

	if (err)
		dev_err(&dev->vdev->dev, "the host refuses RESET: error %d\n", err);
	if (req == &dev->goodbye) {
		dev->goodbye_answered = true;
	} else if (err) {
		dev->reset_refused = true;
		vdmabuf_device_dead(dev);
	} else {
		dev->reset_answered = true;
	}
	wake_up_all(&dev->wait);
}

static void vdmabuf_requests_reap(struct vdmabuf_device *dev)
{
	struct virtqueue *vq = dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL];
	struct vdmabuf_request *req;
	unsigned int len;

	while ((req = virtqueue_get_buf(vq, &len)))
		vdmabuf_request_answered(dev, req, len);
}

/* ------------------------------------------------------------------ events */

static void vdmabuf_host_events_post(struct vdmabuf_device *dev)
{
	struct virtqueue *vq = dev->vqs[VIRTIO_VDMABUF_VQ_EVENT];
	struct vdmabuf_host_event *evt;
	struct scatterlist sg;
	bool posted = false;
	int err = 0;

	/* What the host has to say then is no older than the answer */
	if (!dev->reset_answered)
		return;

	while (!list_empty(&dev->spare_events)) {
		evt = list_first_entry(&dev->spare_events, struct vdmabuf_host_event, node);
		sg_init_one(&sg, &evt->event, sizeof(evt->event));
		err = virtqueue_add_inbuf(vq, &sg, 1, evt, GFP_ATOMIC);
		if (err)
			break;
		list_del_init(&evt->node);
		posted = true;
	}

	if (posted)
		virtqueue_kick(vq);
	if (err && err != -EIO)
		queue_delayed_work(vdmabuf_wq, &dev->retry_work, VDMABUF_RETRY_DELAY);
}

static void vdmabuf_consumers_changed(struct vdmabuf_device *dev, u64 nr_consumers)
{
	struct vdmabuf_file *file;

	nr_consumers = min_t(u64, nr_consumers, U32_MAX);
	if (dev->nr_consumers == nr_consumers)
		return;
	dev->nr_consumers = nr_consumers;

	list_for_each_entry(file, &dev->files, node) {
		file->tell_consumers = true;
		wake_up_interruptible_poll(&file->wait, EPOLLIN | EPOLLRDNORM);
	}
}

static void vdmabuf_host_event(struct vdmabuf_device *dev,
			       const struct virtio_vdmabuf_event *event, unsigned int len)
{
	u64 value = le64_to_cpu(event->value);

	if (len < sizeof(*event)) {
		dev_warn_ratelimited(&dev->vdev->dev, "event of %u bytes ignored\n", len);
		return;
	}

	switch (le32_to_cpu(event->type)) {
	case VIRTIO_VDMABUF_EVT_RELEASED:
		vdmabuf_buffer_released(dev, &event->id, value, le32_to_cpu(event->flags));
		break;
	case VIRTIO_VDMABUF_EVT_UNREGISTERED:
		vdmabuf_buffer_unregistered(dev, &event->id);
		break;
	case VIRTIO_VDMABUF_EVT_CONSUMERS:
		vdmabuf_consumers_changed(dev, value);
		break;
	default:
		dev_warn_ratelimited(&dev->vdev->dev, "event of unknown type %u ignored\n",
				     le32_to_cpu(event->type));
	}
}

/* Both queues: replies, events, and whatever has waited for them */
static void vdmabuf_queue_work(struct work_struct *work)
{
	struct vdmabuf_device *dev = container_of(work, struct vdmabuf_device, queue_work);
	struct virtqueue *control, *events;
	struct virtio_vdmabuf_event event;
	struct vdmabuf_host_event *evt;
	unsigned int len;
	bool more;

	spin_lock(&dev->lock);
	if (!dev->queues_live)
		goto out_unlock;
	control = dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL];
	events = dev->vqs[VIRTIO_VDMABUF_VQ_EVENT];

	virtqueue_disable_cb(control);
	virtqueue_disable_cb(events);

	vdmabuf_requests_reap(dev);
	while ((evt = virtqueue_get_buf(events, &len))) {
		/* The reply that an event builds upon is there before the event */
		vdmabuf_requests_reap(dev);
		event = evt->event;
		vdmabuf_host_event(dev, &event, len);
		list_add_tail(&evt->node, &dev->spare_events);
	}

	vdmabuf_host_events_post(dev);
	vdmabuf_requests_send(dev);

	more = !virtqueue_enable_cb(control);
	more |= !virtqueue_enable_cb(events);
	if (more)
		queue_work(vdmabuf_wq, &dev->queue_work);

	if (virtqueue_is_broken(control) || virtqueue_is_broken(events))
		vdmabuf_device_dead(dev);

out_unlock:
	spin_unlock(&dev->lock);
}

static void vdmabuf_retry_work(struct work_struct *work)
{
	struct vdmabuf_device *dev = container_of(to_delayed_work(work),
						  struct vdmabuf_device, retry_work);

	spin_lock(&dev->lock);
	if (dev->queues_live) {
		vdmabuf_host_events_post(dev);
		vdmabuf_requests_send(dev);
	}
	spin_unlock(&dev->lock);
}

/* In an interrupt. The queues are reset before vdmabuf_queues_stop() waits for the work. */
static void vdmabuf_queue_callback(struct virtqueue *vq)
{
	struct vdmabuf_device *dev = vq->vdev->priv;

	queue_work(vdmabuf_wq, &dev->queue_work);
}

/* --------------------------------------------------------- start and stop */

void vdmabuf_queues_init(struct vdmabuf_device *dev)
{
	INIT_LIST_HEAD(&dev->requests);
	INIT_LIST_HEAD(&dev->spare_events);
	INIT_WORK(&dev->queue_work, vdmabuf_queue_work);
	INIT_DELAYED_WORK(&dev->retry_work, vdmabuf_retry_work);
	vdmabuf_request_init(&dev->hello, NULL);
	vdmabuf_request_init(&dev->goodbye, NULL);
}

/* Nothing else uses the queues yet. After success the device is RUNNING. */
int vdmabuf_queues_start(struct vdmabuf_device *dev)
{
	struct virtio_device *vdev = dev->vdev;
	struct vdmabuf_host_event *host_events;
	struct virtqueue *vqs[VIRTIO_VDMABUF_VQ_NUM];
	u32 queue_size, nr_events, i;
	int err;

	err = compat_find_two_vqs(vdev, vqs, vdmabuf_queue_callback, "control", "event");
	if (err) {
		dev_err(&vdev->dev, "cannot set up the virtqueues: error %d\n", err);
		return err;
	}

	queue_size = virtqueue_get_vring_size(vqs[VIRTIO_VDMABUF_VQ_CONTROL]);
	nr_events = min_t(u32, virtqueue_get_vring_size(vqs[VIRTIO_VDMABUF_VQ_EVENT]),
			  VDMABUF_MAX_HOST_EVENTS);
	if (queue_size < VDMABUF_MIN_QUEUE_SIZE) {
		dev_err(&vdev->dev, "a control queue of %u is too small: it must be at least %u\n",
			queue_size, VDMABUF_MIN_QUEUE_SIZE);
		err = -EINVAL;
		goto err_del_vqs;
	}

	host_events = kcalloc(nr_events, sizeof(*host_events), GFP_KERNEL);
	if (!host_events) {
		err = -ENOMEM;
		goto err_del_vqs;
	}

	virtio_device_ready(vdev);

	spin_lock(&dev->lock);
	dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL] = vqs[VIRTIO_VDMABUF_VQ_CONTROL];
	dev->vqs[VIRTIO_VDMABUF_VQ_EVENT] = vqs[VIRTIO_VDMABUF_VQ_EVENT];
	dev->queue_size = queue_size;
	dev->host_events = host_events;
	for (i = 0; i < nr_events; i++)
		list_add_tail(&host_events[i].node, &dev->spare_events);
	dev->queues_live = true;
	dev->reset_answered = false;
	dev->reset_refused = false;
	dev->goodbye_answered = false;
	dev->state = VDMABUF_RUNNING;
	vdmabuf_consumers_changed(dev, 0);
	vdmabuf_request_queue(dev, &dev->hello, VIRTIO_VDMABUF_CMD_RESET,
			      sizeof(dev->hello.ctrl));
	vdmabuf_requests_send(dev);
	wake_up_all(&dev->wait);
	spin_unlock(&dev->lock);

	return 0;

err_del_vqs:
	vdev->config->del_vqs(vdev);
	return err;
}

static bool vdmabuf_hello_answered(struct vdmabuf_device *dev)
{
	bool answered;

	spin_lock(&dev->lock);
	answered = dev->reset_answered || dev->reset_refused;
	spin_unlock(&dev->lock);
	return answered;
}

static bool vdmabuf_goodbye_answered(struct vdmabuf_device *dev)
{
	bool answered;

	spin_lock(&dev->lock);
	answered = dev->goodbye_answered;
	spin_unlock(&dev->lock);
	return answered;
}

/*
 * Tell the host to forget everything, and give it a moment to say that it has. Requests
 * that it has not seen are dropped: RESET would undo them. False: nobody answers, or the
 * first RESET was refused already.
 */
bool vdmabuf_queues_say_goodbye(struct vdmabuf_device *dev)
{
	struct vdmabuf_request *req, *next;
	bool live, answered, refused;

	spin_lock(&dev->lock);
	list_for_each_entry_safe(req, next, &dev->requests, node)
		vdmabuf_request_cancel(req);
	live = dev->queues_live && !virtqueue_is_broken(dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL]);
	spin_unlock(&dev->lock);
	if (!live)
		return false;

	answered = wait_event_timeout(dev->wait, vdmabuf_hello_answered(dev),
				      VDMABUF_RESET_TIMEOUT);
	if (answered) {
		spin_lock(&dev->lock);
		refused = dev->reset_refused;
		if (!refused) {
			vdmabuf_request_queue(dev, &dev->goodbye, VIRTIO_VDMABUF_CMD_RESET,
					      sizeof(dev->goodbye.ctrl));
			vdmabuf_requests_send(dev);
		}
		spin_unlock(&dev->lock);
		if (refused)
			return false;

		answered = wait_event_timeout(dev->wait, vdmabuf_goodbye_answered(dev),
					      VDMABUF_RESET_TIMEOUT);
	}
	if (!answered)
		dev_warn(&dev->vdev->dev, "the host does not answer, going on without it\n");
	return answered;
}

/* Afterwards no request is queued or with the host. */
void vdmabuf_queues_stop(struct vdmabuf_device *dev)
{
	struct virtio_device *vdev = dev->vdev;
	struct vdmabuf_request *req, *next;
	struct virtqueue *vq;
	bool live;

	spin_lock(&dev->lock);
	live = dev->queues_live;
	dev->queues_live = false;
	spin_unlock(&dev->lock);
	if (!live)
		return;

	virtio_reset_device(vdev);
	cancel_work_sync(&dev->queue_work);
	cancel_delayed_work_sync(&dev->retry_work);

	spin_lock(&dev->lock);
	list_for_each_entry_safe(req, next, &dev->requests, node)
		vdmabuf_request_cancel(req);
	vq = dev->vqs[VIRTIO_VDMABUF_VQ_CONTROL];
	while ((req = virtqueue_detach_unused_buf(vq))) {
		vdmabuf_request_end(req);
		if (req->buf)
			vdmabuf_buffer_put(req->buf);
	}
	vq = dev->vqs[VIRTIO_VDMABUF_VQ_EVENT];
	while (virtqueue_detach_unused_buf(vq))
		;
	INIT_LIST_HEAD(&dev->spare_events);
	spin_unlock(&dev->lock);

	vdev->config->del_vqs(vdev);
	/* A shared interrupt of a device that is no longer there may have come meanwhile */
	cancel_work_sync(&dev->queue_work);
	kfree(dev->host_events);
	dev->host_events = NULL;
}
