// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames, from FRAME to RELEASED, and the events that wait for the guest.
 *
 * A buffer has room for one frame and one event. That is enough: a buffer cannot get another frame
 * before the guest was given the RELEASED of the last one, and UNREGISTERED takes the place of a
 * RELEASED that has not been delivered.
 */
#include <linux/ktime.h>
#include <linux/string.h>

#include "vdmabuf_frame.h"
#include "vhost_vdmabuf.h"

static void frame_from_wire(struct vdmabuf_frame *frame,
			    const struct virtio_vdmabuf_frame_desc *desc)
{
	unsigned int i;

	frame->fourcc = le32_to_cpu(desc->fourcc);
	frame->flags = le32_to_cpu(desc->flags);
	frame->modifier = le64_to_cpu(desc->modifier);
	frame->width = le32_to_cpu(desc->width);
	frame->height = le32_to_cpu(desc->height);
	frame->output = le32_to_cpu(desc->output);
	frame->nr_planes = le32_to_cpu(desc->nr_planes);
	for (i = 0; i < VDMABUF_MAX_PLANES; i++) {
		frame->planes[i].offset = le32_to_cpu(desc->planes[i].offset);
		frame->planes[i].stride = le32_to_cpu(desc->planes[i].stride);
	}
	frame->damage.x = le32_to_cpu(desc->damage.x);
	frame->damage.y = le32_to_cpu(desc->damage.y);
	frame->damage.width = le32_to_cpu(desc->damage.width);
	frame->damage.height = le32_to_cpu(desc->damage.height);
	frame->x = (s32)le32_to_cpu(desc->x);
	frame->y = (s32)le32_to_cpu(desc->y);
	frame->hot_x = (s32)le32_to_cpu(desc->hot_x);
	frame->hot_y = (s32)le32_to_cpu(desc->hot_y);
	frame->timestamp_ns = le64_to_cpu(desc->timestamp_ns);
	frame->app_size = le32_to_cpu(desc->app_size);
	frame->reserved = le32_to_cpu(desc->reserved);
	memcpy(frame->app, desc->app, sizeof(frame->app));
}

static bool same_stream(const struct vdmabuf_frame *a, const struct vdmabuf_frame *b)
{
	return a->output == b->output && !((a->flags ^ b->flags) & VDMABUF_FRAME_CURSOR);
}

/* Gives the frame back to the guest, if nobody holds it or can still take it who should */
static void frame_settle(struct vhost_vdmabuf_buffer *buf)
{
	struct vhost_vdmabuf_consumer *consumer;
	struct vhost_vdmabuf *vd = buf->vd;

	if (buf->frame_holders)
		return;

	if (buf->frame_state == VHOST_VDMABUF_FRAME_WAITING) {
		if (!buf->frame_taken)
			return;
		list_for_each_entry(consumer, &vd->consumers, node) {
			if (consumer->cursor < buf->serial)
				return;
		}
	} else if (buf->frame_state != VHOST_VDMABUF_FRAME_SUPERSEDED) {
		return;
	}

	list_del_init(&buf->frame_node);
	buf->frame_state = VHOST_VDMABUF_FRAME_RELEASED;
	vd->nr_released++;
	if (!buf->frame_taken)
		vd->nr_superseded++;
	vhost_vdmabuf_event_add(buf, VIRTIO_VDMABUF_EVT_RELEASED);
}

/* After consumers have gone */
void vhost_vdmabuf_frames_settle(struct vhost_vdmabuf *vd)
{
	struct vhost_vdmabuf_buffer *buf, *next;

	lockdep_assert_held(&vd->lock);

	list_for_each_entry_safe(buf, next, &vd->frames, frame_node)
		frame_settle(buf);
}

/* Replaces older frames of the stream by that of @new */
static void supersede(struct vhost_vdmabuf *vd, const struct vhost_vdmabuf_buffer *new)
{
	struct vhost_vdmabuf_consumer *consumer;
	struct vhost_vdmabuf_buffer *buf, *next;

	list_for_each_entry_safe(buf, next, &vd->frames, frame_node) {
		if (buf->frame_state != VHOST_VDMABUF_FRAME_WAITING ||
		    (buf->frame.flags & VDMABUF_FRAME_QUEUED) ||
		    !same_stream(&buf->frame, &new->frame))
			continue;

		list_for_each_entry(consumer, &vd->consumers, node) {
			if (consumer->cursor < buf->serial)
				consumer->superseded++;
		}
		buf->frame_state = VHOST_VDMABUF_FRAME_SUPERSEDED;
		frame_settle(buf);
	}
}

/* FRAME; returns VIRTIO_VDMABUF_S_* */
u32 vhost_vdmabuf_frame(struct vhost_vdmabuf *vd, const struct vdmabuf_id *id, u64 sequence,
			const struct virtio_vdmabuf_frame_desc *desc)
{
	struct vhost_vdmabuf_buffer *buf;
	struct vdmabuf_frame frame;
	u32 status;

	frame_from_wire(&frame, desc);

	mutex_lock(&vd->lock);

	status = VIRTIO_VDMABUF_S_NO_BUFFER;
	buf = vhost_vdmabuf_find(vd, id);
	if (!buf)
		goto out;

	status = VIRTIO_VDMABUF_S_BAD_FRAME;
	if (vdmabuf_frame_check(&frame, buf->size))
		goto out;

	status = VIRTIO_VDMABUF_S_BUSY;
	if (buf->frame_state != VHOST_VDMABUF_FRAME_NONE)
		goto out;

	memset(frame.app + frame.app_size, 0, sizeof(frame.app) - frame.app_size);
	buf->frame = frame;
	buf->sequence = sequence;
	buf->serial = ++vd->last_serial;
	buf->timestamp_ns = ktime_get_ns();
	buf->frame_taken = false;
	supersede(vd, buf);
	buf->frame_state = VHOST_VDMABUF_FRAME_WAITING;
	list_add_tail(&buf->frame_node, &vd->frames);
	vd->nr_frames++;
	vd->nr_outstanding++;
	vhost_vdmabuf_consumers_wake(vd);
	status = VIRTIO_VDMABUF_S_OK;
out:
	mutex_unlock(&vd->lock);

	return status;
}

/* A consumer has read the frame of the hold's buffer */
void vhost_vdmabuf_frame_take(struct vhost_vdmabuf_hold *hold)
{
	struct vhost_vdmabuf_buffer *buf = hold->buf;

	lockdep_assert_held(&buf->vd->lock);

	hold->taken = true;
	hold->consumer->cursor = buf->serial;
	buf->frame_holders++;
	buf->frame_taken = true;
}

void vhost_vdmabuf_frame_give_back(struct vhost_vdmabuf_hold *hold)
{
	struct vhost_vdmabuf_buffer *buf = hold->buf;

	lockdep_assert_held(&buf->vd->lock);

	hold->taken = false;
	buf->frame_holders--;
	frame_settle(buf);
}

/* The buffer is being delisted, its frame ends without RELEASED */
void vhost_vdmabuf_frame_drop(struct vhost_vdmabuf_buffer *buf)
{
	lockdep_assert_held(&buf->vd->lock);

	if (buf->frame_state == VHOST_VDMABUF_FRAME_NONE)
		return;

	buf->frame_state = VHOST_VDMABUF_FRAME_NONE;
	buf->frame_holders = 0;
	list_del_init(&buf->frame_node);
	vhost_vdmabuf_event_remove(buf);
	buf->vd->nr_outstanding--;
}

void vhost_vdmabuf_event_add(struct vhost_vdmabuf_buffer *buf, u32 type)
{
	lockdep_assert_held(&buf->vd->lock);

	WARN_ON_ONCE(buf->event);
	buf->event = type;
	list_add_tail(&buf->event_node, &buf->vd->events);
	vhost_vdmabuf_kick_guest(buf->vd);
}

void vhost_vdmabuf_event_remove(struct vhost_vdmabuf_buffer *buf)
{
	lockdep_assert_held(&buf->vd->lock);

	buf->event = 0;
	list_del_init(&buf->event_node);
}

/*
 * The next event for the guest, if there is one. It stays the next one until it is done: only the
 * end of the VM makes it void. A number of consumers that has changed again since is told all the
 * same; the chain that was taken for it must not come back empty.
 */
bool vhost_vdmabuf_event_peek(struct vhost_vdmabuf *vd, struct virtio_vdmabuf_event *event)
{
	struct vhost_vdmabuf_buffer *buf;

	memset(event, 0, sizeof(*event));

	mutex_lock(&vd->lock);
	buf = list_first_entry_or_null(&vd->events, struct vhost_vdmabuf_buffer, event_node);
	if (vd->nr_consumers != vd->consumers_told) {
		event->type = cpu_to_le32(VIRTIO_VDMABUF_EVT_CONSUMERS);
		event->value = cpu_to_le64(vd->nr_consumers);
	} else if (buf) {
		event->type = cpu_to_le32(buf->event);
		vhost_vdmabuf_id_set(&event->id, &buf->id);
		if (buf->event == VIRTIO_VDMABUF_EVT_RELEASED) {
			event->value = cpu_to_le64(buf->sequence);
			if (!buf->frame_taken)
				event->flags = cpu_to_le32(VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
		}
	}
	mutex_unlock(&vd->lock);

	return !!event->type;
}

/*
 * The event is in memory of the guest and about to be given to it. Returns false if it has become
 * void since it was looked at, and must not be.
 */
bool vhost_vdmabuf_event_done(struct vhost_vdmabuf *vd, const struct virtio_vdmabuf_event *event)
{
	u32 type = le32_to_cpu(event->type);
	struct vhost_vdmabuf_buffer *buf;
	struct vdmabuf_id id;
	bool valid = true;

	mutex_lock(&vd->lock);

	if (type == VIRTIO_VDMABUF_EVT_CONSUMERS) {
		vd->consumers_told = le64_to_cpu(event->value);
		goto out;
	}

	vhost_vdmabuf_id_get(&id, &event->id);
	buf = list_first_entry_or_null(&vd->events, struct vhost_vdmabuf_buffer, event_node);
	if (!buf || buf->event != type || !vhost_vdmabuf_id_equal(&buf->id, &id)) {
		valid = false;
		goto out;
	}

	vhost_vdmabuf_event_remove(buf);
	if (type == VIRTIO_VDMABUF_EVT_RELEASED) {
		buf->frame_state = VHOST_VDMABUF_FRAME_NONE;
		vd->nr_outstanding--;
	} else {
		buf->owed = false;
		vhost_vdmabuf_buffer_put(buf);
	}
out:
	mutex_unlock(&vd->lock);

	return valid;
}
