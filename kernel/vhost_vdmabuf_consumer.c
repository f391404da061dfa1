// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consumer files: what a program on the host sees of a VM's buffers.
 */
#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vhost_vdmabuf.h"

/* Events, or what decides about them, have changed for every consumer */
void vhost_vdmabuf_consumers_wake(struct vhost_vdmabuf *vd)
{
	struct vhost_vdmabuf_consumer *consumer;

	lockdep_assert_held(&vd->lock);

	list_for_each_entry(consumer, &vd->consumers, node)
		wake_up_interruptible_poll(&consumer->wait, EPOLLIN | EPOLLRDNORM |
					   (vd->state & VDMABUF_VM_DEAD ? EPOLLHUP : 0));
}

/* The hold's buffer is no longer registered: what remains is to tell the consumer */
void vhost_vdmabuf_hold_gone(struct vhost_vdmabuf_hold *hold)
{
	struct vhost_vdmabuf_consumer *consumer = hold->consumer;
	struct vhost_vdmabuf_buffer *buf = hold->buf;

	hold->taken = false;
	hold->buf = NULL;
	list_del(&hold->buffer_node);
	list_move_tail(&hold->consumer_node, &consumer->gone);
	consumer->nr_gone++;
	wake_up_interruptible_poll(&consumer->wait, EPOLLIN | EPOLLRDNORM);
	vhost_vdmabuf_buffer_put(buf);
}

static struct vhost_vdmabuf_hold *find_hold(struct vhost_vdmabuf_consumer *consumer,
					    struct vhost_vdmabuf_buffer *buf)
{
	struct vhost_vdmabuf_hold *hold;

	list_for_each_entry(hold, &buf->holds, buffer_node) {
		if (hold->consumer == consumer)
			return hold;
	}

	return NULL;
}

/*
 * This consumer's record of the buffer. If there is none yet it is made of *@spare, which the
 * caller has allocated before it took the lock.
 */
static struct vhost_vdmabuf_hold *make_hold(struct vhost_vdmabuf_consumer *consumer,
					    struct vhost_vdmabuf_buffer *buf,
					    struct vhost_vdmabuf_hold **spare)
{
	struct vhost_vdmabuf_hold *hold = find_hold(consumer, buf);

	if (hold)
		return hold;

	hold = *spare;
	*spare = NULL;
	hold->consumer = consumer;
	hold->id = buf->id;
	hold->buf = buf;
	kref_get(&buf->ref);
	list_add(&hold->buffer_node, &buf->holds);
	list_add_tail(&hold->consumer_node, &consumer->holds);

	if (!buf->registered)
		vhost_vdmabuf_hold_gone(hold);

	return hold;
}

static struct vhost_vdmabuf_buffer *next_frame(struct vhost_vdmabuf_consumer *consumer)
{
	struct vhost_vdmabuf_buffer *buf;

	list_for_each_entry(buf, &consumer->vd->frames, frame_node) {
		if (buf->serial > consumer->cursor &&
		    buf->frame_state == VHOST_VDMABUF_FRAME_WAITING)
			return buf;
	}

	return NULL;
}

static bool state_is_news(struct vhost_vdmabuf_consumer *consumer)
{
	return !consumer->state_read || consumer->state_told != consumer->vd->state;
}

/*
 * The next event, as if it had been read; *@serial is that of its frame. What is gone comes before
 * frames, so that a consumer that wants more of them has to read it, and before DEAD, which is the
 * last event there is. Returns false if there is no event.
 */
static bool peek_event(struct vhost_vdmabuf_consumer *consumer, struct vdmabuf_event *event,
		       u64 *serial)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_buffer *buf;
	bool waits = true;

	memset(event, 0, sizeof(*event));

	mutex_lock(&vd->lock);
	event->state = vd->state;
	event->superseded = consumer->superseded;
	if (state_is_news(consumer) &&
	    (list_empty(&consumer->gone) || !(vd->state & VDMABUF_VM_DEAD))) {
		event->type = VDMABUF_EVENT_STATE;
	} else if (!list_empty(&consumer->gone)) {
		event->type = VDMABUF_EVENT_GONE;
		event->id = list_first_entry(&consumer->gone, struct vhost_vdmabuf_hold,
					     consumer_node)->id;
	} else {
		buf = next_frame(consumer);
		if (buf) {
			event->type = VDMABUF_EVENT_FRAME;
			event->id = buf->id;
			event->sequence = buf->sequence;
			event->size = buf->size;
			event->timestamp_ns = buf->timestamp_ns;
			event->frame = buf->frame;
			*serial = buf->serial;
		}
		waits = buf;
	}
	mutex_unlock(&vd->lock);

	return waits;
}

/*
 * The event was copied to the reader. Returns false if it has become void in the meantime, and the
 * reader must not see it.
 */
static bool take_event(struct vhost_vdmabuf_consumer *consumer, const struct vdmabuf_event *event,
		       u64 serial, struct vhost_vdmabuf_hold **spare)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_hold *hold = NULL;
	struct vhost_vdmabuf_buffer *buf;
	bool valid = true;

	mutex_lock(&vd->lock);
	switch (event->type) {
	case VDMABUF_EVENT_GONE:
		hold = list_first_entry(&consumer->gone, struct vhost_vdmabuf_hold, consumer_node);
		list_del(&hold->consumer_node);
		consumer->nr_gone--;
		break;
	case VDMABUF_EVENT_STATE:
		consumer->state_told = event->state;
		consumer->state_read = true;
		break;
	case VDMABUF_EVENT_FRAME:
		buf = next_frame(consumer);
		valid = buf && buf->serial == serial;
		if (valid)
			vhost_vdmabuf_frame_take(make_hold(consumer, buf, spare));
		break;
	}
	mutex_unlock(&vd->lock);

	kfree(hold);

	return valid;
}

/* As many whole events as fit; 0 at the end of the VM, -EAGAIN if there is none */
static ssize_t read_events(struct vhost_vdmabuf_consumer *consumer, char __user *to, size_t size)
{
	struct vhost_vdmabuf_hold *spare = NULL;
	struct vdmabuf_event event;
	size_t done = 0;
	u64 serial = 0;
	ssize_t ret;

	ret = mutex_lock_interruptible(&consumer->read_lock);
	if (ret)
		return -ERESTARTSYS;

	while (size - done >= sizeof(event)) {
		ret = -EAGAIN;
		if (!peek_event(consumer, &event, &serial)) {
			if (event.state & VDMABUF_VM_DEAD)
				ret = 0;
			break;
		}

		ret = -ENOMEM;
		if (event.type == VDMABUF_EVENT_FRAME && !spare) {
			spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
			if (!spare)
				break;
		}

		ret = -EFAULT;
		if (copy_to_user(to + done, &event, sizeof(event)))
			break;

		if (take_event(consumer, &event, serial, &spare))
			done += sizeof(event);
	}

	mutex_unlock(&consumer->read_lock);
	kfree(spare);

	return done ?: ret;
}

static ssize_t consumer_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	struct vhost_vdmabuf_consumer *consumer = file->private_data;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	ssize_t ret;

	if (size < sizeof(struct vdmabuf_event))
		return -EINVAL;

	add_wait_queue(&consumer->wait, &wait);
	for (;;) {
		ret = read_events(consumer, to, size);
		if (ret != -EAGAIN || (file->f_flags & O_NONBLOCK))
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	}
	remove_wait_queue(&consumer->wait, &wait);

	return ret;
}

static __poll_t consumer_poll(struct file *file, poll_table *table)
{
	struct vhost_vdmabuf_consumer *consumer = file->private_data;
	struct vhost_vdmabuf *vd = consumer->vd;
	__poll_t mask = 0;

	poll_wait(file, &consumer->wait, table);

	mutex_lock(&vd->lock);
	if (!list_empty(&consumer->gone) || state_is_news(consumer) || next_frame(consumer))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (vd->state & VDMABUF_VM_DEAD)
		mask |= EPOLLHUP;
	mutex_unlock(&vd->lock);

	return mask;
}

/*
 * Whether the consumer has left so many GONEs unread, which are kept for it, that it gets no more
 * buffers. One that reads has as many as there can be buffers, and some more that came in between.
 */
static bool is_choked(const struct vhost_vdmabuf_consumer *consumer)
{
	return consumer->nr_gone > 2ULL * consumer->vd->limits.max_buffers;
}

/* Finds the buffer and claims it for one more dma-buf, which vhost_vdmabuf_import_ended() ends */
static struct vhost_vdmabuf_buffer *import_begin(struct vhost_vdmabuf_consumer *consumer,
						 const struct vdmabuf_id *id, bool write)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_buffer *buf;
	int ret = 0;

	mutex_lock(&vd->lock);
	buf = vhost_vdmabuf_find(vd, id);
	if (vd->state & VDMABUF_VM_DEAD) {
		ret = -ENODEV;
	} else if (!buf) {
		ret = -ENOENT;
	} else if (write && !(vd->limits.flags & consumer->flags & VDMABUF_LIMITS_WRITABLE)) {
		ret = -EACCES;
	} else if (is_choked(consumer)) {
		ret = -ENOBUFS;
	} else {
		kref_get(&buf->ref);
		buf->nr_imports++;
		vd->nr_imports++;
	}
	mutex_unlock(&vd->lock);

	return ret ? ERR_PTR(ret) : buf;
}

/* A new dma-buf of the buffer */
static struct dma_buf *import(struct vhost_vdmabuf_consumer *consumer, const struct vdmabuf_id *id,
			      bool write)
{
	struct vhost_vdmabuf_buffer *buf;
	struct dma_buf *dmabuf;
	int ret;

	buf = import_begin(consumer, id, write);
	if (IS_ERR(buf))
		return ERR_CAST(buf);

	ret = vhost_vdmabuf_pin(buf, write);
	if (ret)
		goto err_import;

	dmabuf = vhost_vdmabuf_export(buf, write);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto err_pin;
	}

	return dmabuf;

err_pin:
	vhost_vdmabuf_unpin(buf);
err_import:
	vhost_vdmabuf_import_ended(buf);

	return ERR_PTR(ret);
}

static int consumer_import(struct vhost_vdmabuf_consumer *consumer,
			   struct vdmabuf_import __user *arg)
{
	struct vhost_vdmabuf_hold *spare;
	struct vdmabuf_import args;
	struct dma_buf *dmabuf;
	int ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags != O_RDONLY && args.flags != O_RDWR)
		return -EINVAL;

	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;

	args.fd = get_unused_fd_flags(O_CLOEXEC);
	if (args.fd < 0) {
		ret = args.fd;
		goto err_spare;
	}

	dmabuf = import(consumer, &args.id, args.flags == O_RDWR);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto err_fd;
	}

	args.size = dmabuf->size;
	if (copy_to_user(arg, &args, sizeof(args))) {
		ret = -EFAULT;
		goto err_dmabuf;
	}

	mutex_lock(&consumer->vd->lock);
	make_hold(consumer, vhost_vdmabuf_exported(dmabuf), &spare);
	mutex_unlock(&consumer->vd->lock);

	fd_install(args.fd, dmabuf->file);
	kfree(spare);

	return 0;

err_dmabuf:
	dma_buf_put(dmabuf);
err_fd:
	put_unused_fd(args.fd);
err_spare:
	kfree(spare);

	return ret;
}

static int consumer_release_frame(struct vhost_vdmabuf_consumer *consumer,
				  struct vdmabuf_release __user *arg)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_buffer *buf;
	struct vhost_vdmabuf_hold *hold;
	struct vdmabuf_release args;
	int ret = -ENOENT;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;

	mutex_lock(&vd->lock);
	buf = vhost_vdmabuf_find(vd, &args.id);
	hold = buf ? find_hold(consumer, buf) : NULL;
	if (hold && hold->taken && buf->sequence == args.sequence) {
		vhost_vdmabuf_frame_give_back(hold);
		ret = 0;
	}
	mutex_unlock(&vd->lock);

	return ret;
}

static int consumer_query(struct vhost_vdmabuf_consumer *consumer, struct vdmabuf_query __user *arg)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_buffer *buf;
	struct vdmabuf_query args;
	unsigned long counter;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~VDMABUF_QUERY_NEXT)
		return -EINVAL;

	mutex_lock(&vd->lock);
	if (args.flags & VDMABUF_QUERY_NEXT) {
		counter = args.id.counter;
		buf = xa_find_after(&vd->registered, &counter, U32_MAX, XA_PRESENT);
	} else {
		buf = vhost_vdmabuf_find(vd, &args.id);
	}
	if (!buf) {
		mutex_unlock(&vd->lock);
		return -ENOENT;
	}

	args.id = buf->id;
	args.state = VDMABUF_BUFFER_REGISTERED;
	if (READ_ONCE(buf->nr_pins))
		args.state |= VDMABUF_BUFFER_PINNED;
	if (buf->frame_state != VHOST_VDMABUF_FRAME_NONE)
		args.state |= VDMABUF_BUFFER_OUTSTANDING;
	args.size = buf->size;
	args.nr_entries = buf->nr_runs;
	args.nr_imports = buf->nr_imports;
	args.sequence = buf->sequence;
	args.frame = buf->frame;
	mutex_unlock(&vd->lock);

	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : 0;
}

static int consumer_get_status(struct vhost_vdmabuf_consumer *consumer,
			       struct vdmabuf_status __user *arg)
{
	struct vdmabuf_status status;

	vhost_vdmabuf_fill_status(consumer->vd, &status);

	return copy_to_user(arg, &status, sizeof(status)) ? -EFAULT : 0;
}

static long consumer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vhost_vdmabuf_consumer *consumer = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case VDMABUF_IOC_IMPORT:
		return consumer_import(consumer, argp);
	case VDMABUF_IOC_RELEASE:
		return consumer_release_frame(consumer, argp);
	case VDMABUF_IOC_QUERY:
		return consumer_query(consumer, argp);
	case VDMABUF_IOC_GET_STATUS:
		return consumer_get_status(consumer, argp);
	default:
		return -ENOTTY;
	}
}

static void consumer_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vhost_vdmabuf_consumer *consumer = file->private_data;
	struct vhost_vdmabuf *vd = consumer->vd;

	mutex_lock(&vd->lock);
	seq_printf(m, "vdmabuf-vm:\t%d\n", vd->who.pid);
	seq_printf(m, "vdmabuf-consumer-pid:\t%d\n", consumer->pid);
	seq_printf(m, "vdmabuf-consumer-uid:\t%u\n", consumer->uid);
	seq_printf(m, "vdmabuf-superseded:\t%llu\n", consumer->superseded);
	mutex_unlock(&vd->lock);
}

static void consumer_destroy(struct vhost_vdmabuf_consumer *consumer)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	struct vhost_vdmabuf_hold *hold, *next;

	mutex_lock(&vd->lock);
	list_del(&consumer->node);
	vd->nr_consumers--;

	list_for_each_entry_safe(hold, next, &consumer->holds, consumer_node) {
		if (hold->taken)
			vhost_vdmabuf_frame_give_back(hold);
		list_del(&hold->buffer_node);
		vhost_vdmabuf_buffer_put(hold->buf);
		kfree(hold);
	}
	list_for_each_entry_safe(hold, next, &consumer->gone, consumer_node)
		kfree(hold);

	vhost_vdmabuf_frames_settle(vd);
	vhost_vdmabuf_kick_guest(vd);
	mutex_unlock(&vd->lock);

	mutex_destroy(&consumer->read_lock);
	kfree(consumer);
	vhost_vdmabuf_put(vd);
}

static int consumer_release(struct inode *inode, struct file *file)
{
	consumer_destroy(file->private_data);

	return 0;
}

static const struct file_operations consumer_fops = {
	.owner		= THIS_MODULE,
	.llseek		= noop_llseek,
	.read		= consumer_read,
	.poll		= consumer_poll,
	.unlocked_ioctl	= consumer_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= consumer_release,
	.show_fdinfo	= consumer_show_fdinfo,
};

static int consumer_connect(struct vhost_vdmabuf_consumer *consumer)
{
	struct vhost_vdmabuf *vd = consumer->vd;
	int ret = 0;

	mutex_lock(&vd->lock);
	if (vd->state & VDMABUF_VM_DEAD) {
		ret = -ENODEV;
	} else if (vd->nr_consumers >= vd->limits.max_consumers) {
		ret = -EDQUOT;
	} else {
		list_add_tail(&consumer->node, &vd->consumers);
		vd->nr_consumers++;
		vhost_vdmabuf_kick_guest(vd);
	}
	mutex_unlock(&vd->lock);

	return ret;
}

/* VHOST_VDMABUF_GET_CONSUMER */
int vhost_vdmabuf_consumer_create(struct vhost_vdmabuf *vd, struct vdmabuf_consumer __user *arg)
{
	struct vhost_vdmabuf_consumer *consumer;
	struct vdmabuf_consumer args;
	struct file *file;
	int ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~VDMABUF_LIMITS_WRITABLE)
		return -EINVAL;

	consumer = kzalloc(sizeof(*consumer), GFP_KERNEL_ACCOUNT);
	if (!consumer)
		return -ENOMEM;

	vhost_vdmabuf_get(vd);
	consumer->vd = vd;
	consumer->pid = args.pid;
	consumer->uid = args.uid;
	consumer->flags = args.flags;
	mutex_init(&consumer->read_lock);
	init_waitqueue_head(&consumer->wait);
	INIT_LIST_HEAD(&consumer->holds);
	INIT_LIST_HEAD(&consumer->gone);

	args.fd = get_unused_fd_flags(O_CLOEXEC);
	if (args.fd < 0) {
		ret = args.fd;
		goto err_consumer;
	}

	ret = consumer_connect(consumer);
	if (ret)
		goto err_fd;

	file = anon_inode_getfile("[vdmabuf-consumer]", &consumer_fops, consumer, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(args.fd);
		consumer_destroy(consumer);
		return PTR_ERR(file);
	}

	/* From here on the file owns the consumer */
	if (copy_to_user(arg, &args, sizeof(args))) {
		put_unused_fd(args.fd);
		fput(file);
		return -EFAULT;
	}

	fd_install(args.fd, file);

	return 0;

err_fd:
	put_unused_fd(args.fd);
err_consumer:
	mutex_destroy(&consumer->read_lock);
	kfree(consumer);
	vhost_vdmabuf_put(vd);

	return ret;
}
