// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: the device node.
 *
 * Lock order: see virtio_vdmabuf_drv.h.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "virtio_vdmabuf_drv.h"

/* The file of the slot's buffer gets an event; there is one of each kind at a time. */
void vdmabuf_event_push(struct vdmabuf_event_slot *slot, u32 type, u32 flags, u64 value)
{
	struct vdmabuf_file *file = slot->buf->file;

	lockdep_assert_held(&slot->buf->dev->lock);

	if (WARN_ON_ONCE(!list_empty(&slot->node)))
		return;
	slot->type = type;
	slot->flags = flags;
	slot->value = value;
	kref_get(&slot->buf->ref);
	list_add_tail(&slot->node, &file->events);
	wake_up_interruptible_poll(&file->wait, EPOLLIN | EPOLLRDNORM);
}

static bool vdmabuf_file_has_event(struct vdmabuf_file *file)
{
	return file->tell_consumers || !list_empty(&file->events);
}

static bool vdmabuf_file_wants_reader(struct vdmabuf_file *file)
{
	struct vdmabuf_device *dev = file->dev;
	bool wants;

	spin_lock(&dev->lock);
	wants = vdmabuf_file_has_event(file) || dev->state == VDMABUF_DEAD;
	spin_unlock(&dev->lock);
	return wants;
}

/*
 * Copy one event to user space. It leaves the queue after that, so that a bad address
 * loses none; nobody else takes events away while the file is open.
 *
 * Return: 1; 0 there is none; or an error
 */
static int vdmabuf_read_one(struct vdmabuf_file *file, char __user *ubuf)
{
	struct vdmabuf_guest_event event = {};
	struct vdmabuf_device *dev = file->dev;
	struct vdmabuf_event_slot *slot = NULL;

	lockdep_assert_held(&file->read_lock);

	spin_lock(&dev->lock);
	if (file->tell_consumers) {
		file->tell_consumers = false;
		event.type = VDMABUF_GUEST_CONSUMERS;
		event.value = dev->nr_consumers;
	} else if (!list_empty(&file->events)) {
		slot = list_first_entry(&file->events, struct vdmabuf_event_slot, node);
		event.type = slot->type;
		event.flags = slot->flags;
		event.value = slot->value;
		vdmabuf_id_to_user(&event.id, &slot->buf->id);
	}
	spin_unlock(&dev->lock);

	if (!event.type)
		return 0;

	if (copy_to_user(ubuf, &event, sizeof(event))) {
		if (!slot) {
			spin_lock(&dev->lock);
			file->tell_consumers = true;
			spin_unlock(&dev->lock);
		}
		return -EFAULT;
	}

	if (slot) {
		spin_lock(&dev->lock);
		list_del_init(&slot->node);
		/* Only now the producer knows, and may export the buffer again */
		if (slot->type == VDMABUF_GUEST_RELEASED)
			slot->buf->frame = VDMABUF_FRAME_NONE;
		vdmabuf_buffer_put(slot->buf);
		spin_unlock(&dev->lock);
	}
	return 1;
}

static ssize_t vdmabuf_read(struct file *filp, char __user *ubuf, size_t count, loff_t *pos)
{
	struct vdmabuf_file *file = filp->private_data;
	struct vdmabuf_device *dev = file->dev;
	size_t done = 0;
	bool dead;
	int ret;

	if (count < sizeof(struct vdmabuf_guest_event))
		return -EINVAL;

	for (;;) {
		spin_lock(&dev->lock);
		dead = dev->state == VDMABUF_DEAD;
		spin_unlock(&dev->lock);

		ret = mutex_lock_interruptible(&file->read_lock);
		if (ret)
			return ret;
		while (count - done >= sizeof(struct vdmabuf_guest_event)) {
			ret = vdmabuf_read_one(file, ubuf + done);
			if (ret <= 0)
				break;
			done += sizeof(struct vdmabuf_guest_event);
		}
		mutex_unlock(&file->read_lock);

		if (done)
			return done;
		if (ret < 0)
			return ret;
		/* It was dead before there was no event: there will be none */
		if (dead)
			return -ENODEV;
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(file->wait, vdmabuf_file_wants_reader(file));
		if (ret)
			return ret;
	}
}

static __poll_t vdmabuf_poll(struct file *filp, poll_table *wait)
{
	struct vdmabuf_file *file = filp->private_data;
	struct vdmabuf_device *dev = file->dev;
	__poll_t mask = 0;

	poll_wait(filp, &file->wait, wait);

	spin_lock(&dev->lock);
	if (vdmabuf_file_has_event(file))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (dev->state == VDMABUF_DEAD)
		mask |= EPOLLHUP | EPOLLERR;
	spin_unlock(&dev->lock);

	return mask;
}

static int vdmabuf_get_info(struct vdmabuf_device *dev, void __user *uarg)
{
	struct vdmabuf_info info = {};
	bool dead;

	spin_lock(&dev->lock);
	dead = dev->state == VDMABUF_DEAD;
	info.limits.max_buffers = dev->max_buffers;
	info.limits.max_entries = dev->max_entries;
	info.limits.max_bytes = dev->max_bytes;
	info.page_size = dev->page_size;
	info.nr_consumers = dev->nr_consumers;
	spin_unlock(&dev->lock);

	if (dead)
		return -ENODEV;
	return copy_to_user(uarg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vdmabuf_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct vdmabuf_file *file = filp->private_data;
	void __user *uarg = (void __user *)arg;
	union {
		struct vdmabuf_alloc alloc;
		struct vdmabuf_export export;
		struct vdmabuf_unexport unexport;
	} u;

	switch (cmd) {
	case VDMABUF_IOC_GET_INFO:
		return vdmabuf_get_info(file->dev, uarg);
	case VDMABUF_IOC_ALLOC:
		if (copy_from_user(&u.alloc, uarg, sizeof(u.alloc)))
			return -EFAULT;
		return vdmabuf_alloc_ioctl(file->dev, &u.alloc, uarg);
	case VDMABUF_IOC_EXPORT:
		if (copy_from_user(&u.export, uarg, sizeof(u.export)))
			return -EFAULT;
		return vdmabuf_frame_export(file, &u.export, uarg);
	case VDMABUF_IOC_UNEXPORT:
		if (copy_from_user(&u.unexport, uarg, sizeof(u.unexport)))
			return -EFAULT;
		return vdmabuf_buffer_unexport(file, &u.unexport.id);
	default:
		return -ENOTTY;
	}
}

static int vdmabuf_open(struct inode *inode, struct file *filp)
{
	/* misc_open() has set it, and keeps the device until this returns */
	struct vdmabuf_device *dev = container_of(filp->private_data,
						  struct vdmabuf_device, misc);
	struct vdmabuf_file *file;
	bool dead;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;

	file->dev = dev;
	mutex_init(&file->read_lock);
	init_waitqueue_head(&file->wait);
	INIT_LIST_HEAD(&file->buffers);
	INIT_LIST_HEAD(&file->waiting);
	INIT_LIST_HEAD(&file->events);
	file->tell_consumers = true;

	spin_lock(&dev->lock);
	dead = dev->state == VDMABUF_DEAD;
	if (!dead) {
		vdmabuf_device_get(dev);
		list_add_tail(&file->node, &dev->files);
	}
	spin_unlock(&dev->lock);
	if (dead) {
		kfree(file);
		return -ENODEV;
	}

	filp->private_data = file;
	return stream_open(inode, filp);
}

static int vdmabuf_release(struct inode *inode, struct file *filp)
{
	struct vdmabuf_file *file = filp->private_data;
	struct vdmabuf_device *dev = file->dev;
	struct vdmabuf_event_slot *slot, *next;
	LIST_HEAD(waits);

	spin_lock(&dev->lock);
	list_del(&file->node);
	vdmabuf_buffers_close(file, &waits);
	list_for_each_entry_safe(slot, next, &file->events, node) {
		list_del_init(&slot->node);
		vdmabuf_buffer_put(slot->buf);
	}
	spin_unlock(&dev->lock);

	vdmabuf_fence_waits_cancel(&waits);
	kfree(file);
	vdmabuf_device_put(dev);
	return 0;
}

const struct file_operations vdmabuf_fops = {
	.owner		= THIS_MODULE,
	.open		= vdmabuf_open,
	.release	= vdmabuf_release,
	.read		= vdmabuf_read,
	.poll		= vdmabuf_poll,
	.unlocked_ioctl	= vdmabuf_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};
