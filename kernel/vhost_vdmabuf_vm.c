// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the VM that a device belongs to, where the kernel tells it. Elsewhere, and for what is
 * no VM of KVM's, only the end of the vhost file counts.
 *
 * Which VM that is, its address space says: that of the process that SET_VM has named, or else the
 * owner's. A process may have more than one VM; the device ends with the last of them.
 */
#include <linux/err.h>
#include <linux/kvm_notifier.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include "vhost_vdmabuf.h"

static bool is_own_vm(const struct vhost_vdmabuf *vd, const struct kvm_notifier_vm *vm)
{
	return vm->mm == vd->vm_mm;
}

static void vm_created(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm)
{
	struct vhost_vdmabuf *vd = container_of(notifier, struct vhost_vdmabuf, vm_notifier);

	if (is_own_vm(vd, vm))
		vd->nr_vms++;
}

static void vm_destroyed(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm)
{
	struct vhost_vdmabuf *vd = container_of(notifier, struct vhost_vdmabuf, vm_notifier);

	if (is_own_vm(vd, vm) && !--vd->nr_vms)
		vhost_vdmabuf_revoke(vd);
}

/*
 * The address space of a process, with a reference to the structure. If there is none the process
 * has ended, and its VM with it.
 */
struct mm_struct *vhost_vdmabuf_vm_of(struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mm_struct *mm = NULL;

	if (task) {
		mm = get_task_mm(task);
		put_task_struct(task);
	}
	if (!mm)
		return ERR_PTR(-ESRCH);

	mmgrab(mm);
	mmput(mm);

	return mm;
}

/* The VM is that of @mm from now on, whose reference the device takes over */
void vhost_vdmabuf_watch_vm(struct vhost_vdmabuf *vd, struct mm_struct *mm)
{
	vhost_vdmabuf_unwatch_vm(vd);

	vd->vm_mm = mm;
	vd->nr_vms = 0;
	vd->vm_notifier.created = vm_created;
	vd->vm_notifier.destroyed = vm_destroyed;
	kvm_notifier_register(&vd->vm_notifier);

	/* Too late to be told */
	if (!atomic_read(&mm->mm_users))
		vhost_vdmabuf_revoke(vd);
}

/* The VM is the owner's, where nobody has said another */
void vhost_vdmabuf_watch_owner(struct vhost_vdmabuf *vd)
{
	lockdep_assert_held(&vd->dev.mutex);

	if (!vd->vm_mm) {
		mmgrab(vd->mm);
		vhost_vdmabuf_watch_vm(vd, vd->mm);
	}
}

void vhost_vdmabuf_unwatch_vm(struct vhost_vdmabuf *vd)
{
	lockdep_assert_held(&vd->dev.mutex);

	if (!vd->vm_mm)
		return;
	kvm_notifier_unregister(&vd->vm_notifier);
	mmdrop(vd->vm_mm);
	vd->vm_mm = NULL;
}
