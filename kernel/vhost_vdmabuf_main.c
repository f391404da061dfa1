// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host side of the virtio dma-buf device: the device node, vhost's ioctls and both rings.
 *
 * One open file is the device of one VM. The broker sets it up as any vhost device, and makes
 * consumer files with it; when it is closed, or KVM says that the VM has come to its end, the VM is
 * dead to the consumers.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vhost_vdmabuf.h"

/* What a ring may do before others get a turn: requests and bytes */
#define RING_WEIGHT		256
#define RING_BYTE_WEIGHT	0x80000

#define DEVICE_FEATURES	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |	\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |	\
			 BIT_ULL(VIRTIO_F_VERSION_1))

static unsigned int max_buffers = 1024;
module_param(max_buffers, uint, 0644);
MODULE_PARM_DESC(max_buffers, "Buffers that a VM may have registered at a time (default: 1024)");

static unsigned int max_entries = 262144;
module_param(max_entries, uint, 0644);
MODULE_PARM_DESC(max_entries, "Runs of pages in one buffer (default: 262144)");

static unsigned long long max_bytes = 4ULL << 30;
module_param(max_bytes, ullong, 0644);
MODULE_PARM_DESC(max_bytes, "Bytes that a VM may have registered in all (default: 4294967296)");

static unsigned int max_consumers = 64;
module_param(max_consumers, uint, 0644);
MODULE_PARM_DESC(max_consumers, "Consumers of one VM that are connected at a time (default: 64)");

static void ceilings(struct vdmabuf_limits *limits)
{
	limits->max_buffers = READ_ONCE(max_buffers);
	limits->max_entries = READ_ONCE(max_entries);
	limits->max_bytes = READ_ONCE(max_bytes);
	limits->max_consumers = READ_ONCE(max_consumers);
	limits->flags = 0;
}

/* Returns VIRTIO_VDMABUF_S_* for the request that follows @ctrl in @from */
static u32 do_register(struct vhost_vdmabuf *vd, struct vhost_virtqueue *vq,
		       const struct virtio_vdmabuf_register *request, struct iov_iter *from,
		       struct virtio_vdmabuf_id *id)
{
	u32 nr_entries = le32_to_cpu(request->nr_entries);
	struct vdmabuf_id new_id;
	u32 status;

	if (request->reserved || !nr_entries ||
	    iov_iter_count(from) != (u64)nr_entries * sizeof(struct virtio_vdmabuf_entry))
		return VIRTIO_VDMABUF_S_BAD_REQUEST;

	status = vhost_vdmabuf_register(vd, vq->umem, le64_to_cpu(request->size), nr_entries,
					from, &new_id);
	if (!status)
		vhost_vdmabuf_id_set(id, &new_id);

	return status;
}

static void do_reset(struct vhost_vdmabuf *vd)
{
	mutex_lock(&vd->lock);
	vhost_vdmabuf_forget_all(vd);
	vd->consumers_told = 0;
	if (!(vd->state & VDMABUF_VM_DEAD))
		vd->state |= VDMABUF_VM_DRIVER;
	vhost_vdmabuf_consumers_wake(vd);
	vhost_vdmabuf_kick_guest(vd);
	mutex_unlock(&vd->lock);
}

static u32 do_request(struct vhost_vdmabuf *vd, struct vhost_virtqueue *vq, struct iov_iter *from,
		      struct virtio_vdmabuf_reply *reply)
{
	size_t size = iov_iter_count(from), fixed;
	union {
		struct virtio_vdmabuf_ctrl ctrl;
		struct virtio_vdmabuf_register reg;
		struct virtio_vdmabuf_frame frame;
		struct virtio_vdmabuf_unregister unreg;
	} request;
	struct vdmabuf_id id;
	u32 type;

	if (!copy_from_iter_full(&request.ctrl, sizeof(request.ctrl), from))
		return VIRTIO_VDMABUF_S_BAD_REQUEST;

	type = le32_to_cpu(request.ctrl.type);
	switch (type) {
	case VIRTIO_VDMABUF_CMD_RESET:
		fixed = sizeof(request.ctrl);
		break;
	case VIRTIO_VDMABUF_CMD_REGISTER:
		fixed = sizeof(request.reg);
		break;
	case VIRTIO_VDMABUF_CMD_FRAME:
		fixed = sizeof(request.frame);
		break;
	case VIRTIO_VDMABUF_CMD_UNREGISTER:
		fixed = sizeof(request.unreg);
		break;
	default:
		return VIRTIO_VDMABUF_S_BAD_REQUEST;
	}

	if (size < fixed ||
	    !copy_from_iter_full((void *)&request + sizeof(request.ctrl),
				 fixed - sizeof(request.ctrl), from))
		return VIRTIO_VDMABUF_S_BAD_REQUEST;

	if (type == VIRTIO_VDMABUF_CMD_FRAME)
		reply->id = request.frame.id;
	else if (type == VIRTIO_VDMABUF_CMD_UNREGISTER)
		reply->id = request.unreg.id;

	if (request.ctrl.flags)
		return VIRTIO_VDMABUF_S_BAD_REQUEST;

	if (type == VIRTIO_VDMABUF_CMD_REGISTER)
		return do_register(vd, vq, &request.reg, from, &reply->id);

	if (size != fixed)
		return VIRTIO_VDMABUF_S_BAD_REQUEST;

	vhost_vdmabuf_id_get(&id, &reply->id);

	switch (type) {
	case VIRTIO_VDMABUF_CMD_FRAME:
		return vhost_vdmabuf_frame(vd, &id, le64_to_cpu(request.frame.sequence),
					   &request.frame.desc);
	case VIRTIO_VDMABUF_CMD_UNREGISTER:
		return vhost_vdmabuf_unregister(vd, &id);
	default:
		do_reset(vd);
		return VIRTIO_VDMABUF_S_OK;
	}
}

/* Handles the chain in vq->iov. Returns how many bytes were written to it. */
static int handle_chain(struct vhost_vdmabuf *vd, struct vhost_virtqueue *vq, unsigned int out,
			unsigned int in, size_t out_size)
{
	size_t in_size = iov_length(vq->iov + out, in);
	struct virtio_vdmabuf_reply reply = {};
	struct iov_iter from, to;

	/* A request that cannot be answered is not carried out */
	if (in_size < sizeof(reply)) {
		vq_err(vq, "Room of %zu bytes is too short for a reply\n", in_size);
		return 0;
	}

	iov_iter_init(&from, ITER_SOURCE, vq->iov, out, out_size);
	iov_iter_init(&to, ITER_DEST, vq->iov + out, in, in_size);

	reply.status = cpu_to_le32(do_request(vd, vq, &from, &reply));
	if (copy_to_iter(&reply, sizeof(reply), &to) != sizeof(reply)) {
		vq_err(vq, "Reply cannot be written\n");
		return 0;
	}

	return sizeof(reply);
}

static void handle_control_kick(struct vhost_work *work)
{
	struct vhost_virtqueue *vq = container_of(work, struct vhost_virtqueue, poll.work);
	struct vhost_vdmabuf *vd = container_of(vq->dev, struct vhost_vdmabuf, dev);
	int requests = 0, bytes = 0;
	unsigned int out, in;
	bool added = false;
	size_t size;
	int head;

	mutex_lock(&vq->mutex);
	if (!vhost_vq_get_backend(vq))
		goto out;

	vhost_disable_notify(&vd->dev, vq);
	do {
		head = vhost_get_vq_desc(vq, vq->iov, ARRAY_SIZE(vq->iov), &out, &in, NULL, NULL);
		/* The ring itself is broken; vhost has told the owner */
		if (head < 0)
			break;
		if (head == vq->num) {
			if (unlikely(vhost_enable_notify(&vd->dev, vq))) {
				vhost_disable_notify(&vd->dev, vq);
				continue;
			}
			break;
		}

		size = iov_length(vq->iov, out);
		if (vhost_add_used(vq, head, handle_chain(vd, vq, out, in, size)))
			break;
		added = true;
		bytes = min_t(size_t, bytes + size, RING_BYTE_WEIGHT);
	} while (!vhost_exceeds_weight(vq, ++requests, bytes));

	if (added)
		vhost_signal(&vd->dev, vq);
out:
	mutex_unlock(&vq->mutex);
}

/* Puts the event into the chain in vq->iov. Returns how many bytes were written to it. */
static int fill_event(struct vhost_vdmabuf *vd, struct vhost_virtqueue *vq, unsigned int out,
		      unsigned int in, const struct virtio_vdmabuf_event *event)
{
	size_t size = iov_length(vq->iov + out, in);
	struct iov_iter to;

	if (size < sizeof(*event)) {
		vq_err(vq, "Event buffer of %zu bytes is too short\n", size);
		return 0;
	}

	iov_iter_init(&to, ITER_DEST, vq->iov + out, in, size);
	if (copy_to_iter(event, sizeof(*event), &to) != sizeof(*event)) {
		vq_err(vq, "Event cannot be written\n");
		return 0;
	}

	return vhost_vdmabuf_event_done(vd, event) ? sizeof(*event) : 0;
}

static void send_events(struct vhost_vdmabuf *vd)
{
	struct vhost_virtqueue *vq = &vd->vqs[VIRTIO_VDMABUF_VQ_EVENT];
	struct virtio_vdmabuf_event event;
	unsigned int out, in;
	bool added = false;
	int events = 0;
	int head;

	mutex_lock(&vq->mutex);
	if (!vhost_vq_get_backend(vq))
		goto out;

	vhost_disable_notify(&vd->dev, vq);
	do {
		/* Without events the guest need not tell of its buffers */
		if (!vhost_vdmabuf_event_peek(vd, &event))
			break;

		head = vhost_get_vq_desc(vq, vq->iov, ARRAY_SIZE(vq->iov), &out, &in, NULL, NULL);
		if (head < 0)
			break;
		if (head == vq->num) {
			if (unlikely(vhost_enable_notify(&vd->dev, vq))) {
				vhost_disable_notify(&vd->dev, vq);
				continue;
			}
			break;
		}

		if (vhost_add_used(vq, head, fill_event(vd, vq, out, in, &event)))
			break;
		added = true;
	} while (!vhost_exceeds_weight(vq, ++events, 0));

	if (added)
		vhost_signal(&vd->dev, vq);
out:
	mutex_unlock(&vq->mutex);
}

static void handle_event_kick(struct vhost_work *work)
{
	struct vhost_virtqueue *vq = container_of(work, struct vhost_virtqueue, poll.work);

	send_events(container_of(vq->dev, struct vhost_vdmabuf, dev));
}

static void handle_event_work(struct vhost_work *work)
{
	send_events(container_of(work, struct vhost_vdmabuf, event_work));
}

/* There may be an event for the guest; while the rings are stopped it waits */
void vhost_vdmabuf_kick_guest(struct vhost_vdmabuf *vd)
{
	lockdep_assert_held(&vd->lock);

	if (vd->state & VDMABUF_VM_RUNNING)
		compat_vhost_work_queue(&vd->vqs[VIRTIO_VDMABUF_VQ_EVENT], &vd->event_work);
}

void vhost_vdmabuf_fill_status(struct vhost_vdmabuf *vd, struct vdmabuf_status *status)
{
	memset(status, 0, sizeof(*status));

	mutex_lock(&vd->lock);
	status->vm = vd->who;
	status->limits = vd->limits;
	status->state = vd->state;
	status->nr_consumers = vd->nr_consumers;
	status->nr_buffers = vd->nr_buffers;
	status->nr_outstanding = vd->nr_outstanding;
	status->nr_imports = vd->nr_imports;
	status->bytes_registered = vd->bytes_registered;
	status->frames = vd->nr_frames;
	status->released = vd->nr_released;
	status->superseded = vd->nr_superseded;
	mutex_unlock(&vd->lock);

	status->bytes_pinned = atomic64_read(&vd->bytes_pinned);
}

/* The owner, as the process whose memory is shared and that has to pay for it */
static void remember_owner(struct vhost_vdmabuf *vd)
{
	vd->mm = vd->dev.mm;
	mmgrab(vd->mm);
	vd->task = get_task_struct(current->group_leader);
	vd->may_lock = capable(CAP_IPC_LOCK);

	mutex_lock(&vd->lock);
	if (!vd->who.pid)
		vd->who.pid = task_tgid_vnr(current);
	mutex_unlock(&vd->lock);

	vhost_vdmabuf_watch_owner(vd);
}

/*
 * The VM is dead to the consumers, and its device of no use any more. In one step: to a consumer
 * GONE and DEAD are the end of it.
 */
void vhost_vdmabuf_revoke(struct vhost_vdmabuf *vd)
{
	mutex_lock(&vd->lock);
	vd->state = VDMABUF_VM_DEAD;
	vhost_vdmabuf_forget_all(vd);
	vhost_vdmabuf_consumers_wake(vd);
	mutex_unlock(&vd->lock);
}

/* What is dead stays so; returns whether it is not */
static bool set_running(struct vhost_vdmabuf *vd, bool running)
{
	bool alive;

	mutex_lock(&vd->lock);
	alive = !(vd->state & VDMABUF_VM_DEAD);
	if (alive) {
		if (running)
			vd->state |= VDMABUF_VM_RUNNING;
		else
			vd->state &= ~VDMABUF_VM_RUNNING;
		vhost_vdmabuf_consumers_wake(vd);
		vhost_vdmabuf_kick_guest(vd);
	}
	mutex_unlock(&vd->lock);

	return alive;
}

static void stop_rings(struct vhost_vdmabuf *vd)
{
	unsigned int i;

	lockdep_assert_held(&vd->dev.mutex);

	/* Who queues work does so with the lock, and only while this is set */
	set_running(vd, false);

	for (i = 0; i < ARRAY_SIZE(vd->vqs); i++) {
		mutex_lock(&vd->vqs[i].mutex);
		vhost_vq_set_backend(&vd->vqs[i], NULL);
		mutex_unlock(&vd->vqs[i].mutex);
	}
}

static int start_ring(struct vhost_vdmabuf *vd, struct vhost_virtqueue *vq)
{
	int ret = 0;

	mutex_lock(&vq->mutex);
	if (vhost_vq_get_backend(vq))
		goto out;

	ret = -EFAULT;
	if (!vhost_vq_is_setup(vq))
		goto out;

	ret = -EINVAL;
	if (!vhost_has_feature(vq, VIRTIO_F_VERSION_1))
		goto out;

	vhost_vq_set_backend(vq, vd);
	ret = vhost_vq_init_access(vq);
	if (ret)
		vhost_vq_set_backend(vq, NULL);
out:
	mutex_unlock(&vq->mutex);

	return ret;
}

static long ioctl_set_running(struct vhost_vdmabuf *vd, int __user *arg)
{
	unsigned int i;
	int running;
	long ret;

	if (get_user(running, arg))
		return -EFAULT;
	if (running != 0 && running != 1)
		return -EINVAL;

	mutex_lock(&vd->dev.mutex);
	ret = vhost_dev_check_owner(&vd->dev);
	if (ret)
		goto out;

	if (!running) {
		stop_rings(vd);
		goto out;
	}

	for (i = 0; i < ARRAY_SIZE(vd->vqs); i++) {
		ret = start_ring(vd, &vd->vqs[i]);
		if (ret) {
			stop_rings(vd);
			goto out;
		}
	}
	if (!set_running(vd, true)) {
		stop_rings(vd);
		ret = -ENODEV;
		goto out;
	}

	/* What the guest has made available before has no kick to come */
	for (i = 0; i < ARRAY_SIZE(vd->vqs); i++)
		vhost_poll_queue(&vd->vqs[i].poll);
out:
	mutex_unlock(&vd->dev.mutex);

	return ret;
}

static long ioctl_set_features(struct vhost_vdmabuf *vd, u64 __user *arg)
{
	unsigned int i;
	long ret = 0;
	u64 features;

	if (copy_from_user(&features, arg, sizeof(features)))
		return -EFAULT;
	if (features & ~DEVICE_FEATURES)
		return -EOPNOTSUPP;

	mutex_lock(&vd->dev.mutex);
	for (i = 0; i < ARRAY_SIZE(vd->vqs) && !ret; i++) {
		mutex_lock(&vd->vqs[i].mutex);
		if (vhost_vq_get_backend(&vd->vqs[i]))
			ret = -EBUSY;
		else
			vd->vqs[i].acked_features = features;
		mutex_unlock(&vd->vqs[i].mutex);
	}
	mutex_unlock(&vd->dev.mutex);

	return ret;
}

static long ioctl_set_vm(struct vhost_vdmabuf *vd, struct vdmabuf_vm __user *arg)
{
	struct vdmabuf_vm who;
	struct mm_struct *mm;
	struct pid *pid;
	long ret = 0;

	if (copy_from_user(&who, arg, sizeof(who)))
		return -EFAULT;
	if (who.reserved || strnlen(who.name, sizeof(who.name)) == sizeof(who.name))
		return -EINVAL;

	/* Only its number is kept: ids go on meaning this VM when the process has ended */
	pid = who.pid > 0 ? find_get_pid(who.pid) : NULL;
	if (!pid)
		return -ESRCH;
	mm = vhost_vdmabuf_vm_of(pid);
	put_pid(pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);

	mutex_lock(&vd->dev.mutex);

	mutex_lock(&vd->lock);
	if (vd->next_counter != 1)
		ret = -EBUSY;
	else
		vd->who = who;
	mutex_unlock(&vd->lock);

	if (!ret)
		vhost_vdmabuf_watch_vm(vd, mm);
	mutex_unlock(&vd->dev.mutex);
	if (ret && mm)
		mmdrop(mm);

	return ret;
}

static long ioctl_set_limits(struct vhost_vdmabuf *vd, struct vdmabuf_limits __user *arg)
{
	struct vdmabuf_limits limits, most;

	if (copy_from_user(&limits, arg, sizeof(limits)))
		return -EFAULT;

	ceilings(&most);
	if (limits.max_buffers > most.max_buffers || limits.max_entries > most.max_entries ||
	    limits.max_bytes > most.max_bytes || limits.max_consumers > most.max_consumers ||
	    (limits.flags & ~VDMABUF_LIMITS_WRITABLE))
		return -EINVAL;

	mutex_lock(&vd->lock);
	vd->limits = limits;
	mutex_unlock(&vd->lock);

	return 0;
}

static long ioctl_get_limits(struct vhost_vdmabuf *vd, struct vdmabuf_limits __user *arg)
{
	struct vdmabuf_limits limits;

	mutex_lock(&vd->lock);
	limits = vd->limits;
	mutex_unlock(&vd->lock);

	return copy_to_user(arg, &limits, sizeof(limits)) ? -EFAULT : 0;
}

static long ioctl_get_status(struct vhost_vdmabuf *vd, struct vdmabuf_status __user *arg)
{
	struct vdmabuf_status status;

	vhost_vdmabuf_fill_status(vd, &status);

	return copy_to_user(arg, &status, sizeof(status)) ? -EFAULT : 0;
}

static long ioctl_vhost(struct vhost_vdmabuf *vd, unsigned int cmd, void __user *argp)
{
	long ret;

	mutex_lock(&vd->dev.mutex);
	ret = vhost_dev_ioctl(&vd->dev, cmd, argp);
	if (ret == -ENOIOCTLCMD)
		ret = vhost_vring_ioctl(&vd->dev, cmd, argp);
	else
		vhost_dev_flush(&vd->dev);
	if (cmd == VHOST_SET_OWNER && !ret)
		remember_owner(vd);
	if (cmd == VHOST_SET_MEM_TABLE)
		vd->memory_tables++;
	mutex_unlock(&vd->dev.mutex);

	return ret;
}

static long vhost_vdmabuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vhost_vdmabuf *vd = file->private_data;
	void __user *argp = (void __user *)arg;
	u64 features;

	switch (cmd) {
	case VHOST_VDMABUF_SET_RUNNING:
		return ioctl_set_running(vd, argp);
	case VHOST_VDMABUF_SET_VM:
		return ioctl_set_vm(vd, argp);
	case VHOST_VDMABUF_SET_LIMITS:
		return ioctl_set_limits(vd, argp);
	case VHOST_VDMABUF_GET_LIMITS:
		return ioctl_get_limits(vd, argp);
	case VHOST_VDMABUF_GET_CONSUMER:
		return vhost_vdmabuf_consumer_create(vd, argp);
	case VHOST_VDMABUF_GET_STATUS:
		return ioctl_get_status(vd, argp);
	case VHOST_GET_FEATURES:
		features = DEVICE_FEATURES;
		return copy_to_user(argp, &features, sizeof(features)) ? -EFAULT : 0;
	case VHOST_SET_FEATURES:
		return ioctl_set_features(vd, argp);
	case VHOST_GET_BACKEND_FEATURES:
		features = 0;
		return copy_to_user(argp, &features, sizeof(features)) ? -EFAULT : 0;
	case VHOST_SET_BACKEND_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return features ? -EOPNOTSUPP : 0;
	default:
		return ioctl_vhost(vd, cmd, argp);
	}
}

static int vhost_vdmabuf_open(struct inode *inode, struct file *file)
{
	struct vhost_vdmabuf *vd;
	unsigned int i;

	vd = kvzalloc(sizeof(*vd), GFP_KERNEL_ACCOUNT);
	if (!vd)
		return -ENOMEM;

	kref_init(&vd->ref);
	mutex_init(&vd->lock);
	xa_init_flags(&vd->registered, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&vd->buffers);
	INIT_LIST_HEAD(&vd->frames);
	INIT_LIST_HEAD(&vd->events);
	INIT_LIST_HEAD(&vd->consumers);
	vd->next_counter = 1;
	ceilings(&vd->limits);

	vd->vqs[VIRTIO_VDMABUF_VQ_CONTROL].handle_kick = handle_control_kick;
	vd->vqs[VIRTIO_VDMABUF_VQ_EVENT].handle_kick = handle_event_kick;
	for (i = 0; i < ARRAY_SIZE(vd->vqs); i++)
		vd->vq_list[i] = &vd->vqs[i];
	vhost_work_init(&vd->event_work, handle_event_work);
	vhost_dev_init(&vd->dev, vd->vq_list, ARRAY_SIZE(vd->vqs), UIO_MAXIOV, RING_WEIGHT,
		       RING_BYTE_WEIGHT, true, NULL);

	file->private_data = vd;

	return 0;
}

void vhost_vdmabuf_free(struct kref *ref)
{
	struct vhost_vdmabuf *vd = container_of(ref, struct vhost_vdmabuf, ref);

	if (vd->mm) {
		mmdrop(vd->mm);
		put_task_struct(vd->task);
	}
	xa_destroy(&vd->registered);
	mutex_destroy(&vd->lock);
	kvfree(vd);
}

static int vhost_vdmabuf_release(struct inode *inode, struct file *file)
{
	struct vhost_vdmabuf *vd = file->private_data;

	vhost_vdmabuf_revoke(vd);

	mutex_lock(&vd->dev.mutex);
	vhost_vdmabuf_unwatch_vm(vd);
	stop_rings(vd);
	mutex_unlock(&vd->dev.mutex);

	vhost_dev_stop(&vd->dev);

	/* An IMPORT that came before DEAD still uses the memory table and the owner */
	mutex_lock(&vd->dev.mutex);
	vd->dev_gone = true;
	vhost_dev_cleanup(&vd->dev);
	mutex_unlock(&vd->dev.mutex);

	vhost_vdmabuf_put(vd);

	return 0;
}

static const struct file_operations vhost_vdmabuf_fops = {
	.owner		= THIS_MODULE,
	.llseek		= noop_llseek,
	.open		= vhost_vdmabuf_open,
	.release	= vhost_vdmabuf_release,
	.unlocked_ioctl	= vhost_vdmabuf_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice vhost_vdmabuf_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vhost-vdmabuf",
	.fops	= &vhost_vdmabuf_fops,
};
module_misc_device(vhost_vdmabuf_misc);

COMPAT_MODULE_IMPORT_NS_DMA_BUF;
MODULE_DESCRIPTION("Host side of the virtio dma-buf device");
MODULE_LICENSE("GPL");
