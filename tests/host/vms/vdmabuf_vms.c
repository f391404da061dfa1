// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: says what KVM's notifier of virtual machines has told, and whether it was right.
 */
#include <linux/fs.h>
#include <linux/kvm_notifier.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "vdmabuf_vms.h"

struct registration {
	struct kvm_notifier notifier;
	struct mm_struct *mm;
	struct mutex lock;		/* protects what follows */
	struct xarray vms;		/* each with a reference, by its address */
	struct vdmabuf_vms_count count;
};

static void vm_created(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm)
{
	struct registration *reg = container_of(notifier, struct registration, notifier);

	mutex_lock(&reg->lock);
	reg->count.created++;
	if (vm->mm == reg->mm)
		reg->count.own_created++;
	/* Its address is no other VM's while there is a reference */
	if (xa_insert(&reg->vms, (unsigned long)vm, vm, GFP_KERNEL)) {
		reg->count.mistakes++;
	} else {
		kvm_notifier_get_vm(vm);
		reg->count.references++;
	}
	mutex_unlock(&reg->lock);
}

static void vm_destroyed(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm)
{
	struct registration *reg = container_of(notifier, struct registration, notifier);

	mutex_lock(&reg->lock);
	reg->count.destroyed++;
	if (vm->mm == reg->mm)
		reg->count.own_destroyed++;
	if (xa_erase(&reg->vms, (unsigned long)vm) == vm) {
		kvm_notifier_put_vm(vm);
		reg->count.references--;
	} else {
		reg->count.mistakes++;
	}
	mutex_unlock(&reg->lock);
}

static int vms_open(struct inode *inode, struct file *file)
{
	struct registration *reg = kzalloc(sizeof(*reg), GFP_KERNEL);

	if (!reg)
		return -ENOMEM;

	mutex_init(&reg->lock);
	xa_init(&reg->vms);
	reg->mm = current->mm;
	mmgrab(reg->mm);
	reg->notifier.created = vm_created;
	reg->notifier.destroyed = vm_destroyed;
	file->private_data = reg;
	kvm_notifier_register(&reg->notifier);

	return 0;
}

static int vms_release(struct inode *inode, struct file *file)
{
	struct registration *reg = file->private_data;
	struct kvm_notifier_vm *vm;
	unsigned long index;

	kvm_notifier_unregister(&reg->notifier);
	/* Each may be the last, and then free the VM */
	xa_for_each(&reg->vms, index, vm)
		kvm_notifier_put_vm(vm);
	xa_destroy(&reg->vms);
	mmdrop(reg->mm);
	mutex_destroy(&reg->lock);
	kfree(reg);

	return 0;
}

static long vms_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct registration *reg = file->private_data;
	struct vdmabuf_vms_count count;

	if (cmd != VDMABUF_VMS_COUNT)
		return -ENOTTY;

	mutex_lock(&reg->lock);
	count = reg->count;
	mutex_unlock(&reg->lock);

	return copy_to_user((void __user *)arg, &count, sizeof(count)) ? -EFAULT : 0;
}

static const struct file_operations vms_fops = {
	.owner		= THIS_MODULE,
	.open		= vms_open,
	.release	= vms_release,
	.unlocked_ioctl	= vms_ioctl,
};

static struct miscdevice vms_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vdmabuf-vms",
	.mode	= 0600,
	.fops	= &vms_fops,
};
module_misc_device(vms_misc);

MODULE_DESCRIPTION("Says what KVM's notifier of virtual machines tells, for tests");
MODULE_LICENSE("GPL");
