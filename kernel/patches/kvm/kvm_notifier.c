// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells other parts of the kernel of the creation and of the end of KVM's virtual machines.
 *
 * One mutex orders everything: a VM that comes, one that ends, and who registers. It is held over
 * the calls, so that nobody misses a VM, sees one twice, or is called after it has unregistered.
 *
 * While a VM is on the list it has a reference: each file that counts holds one, and gives it up
 * only after the last of them has taken the VM off the list, for which it needs the mutex.
 */
#include <linux/export.h>
#include <linux/kvm_notifier.h>
#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(kvm_notifier_lock);
static LIST_HEAD(kvm_notifier_vms);
static LIST_HEAD(kvm_notifiers);

/**
 * kvm_notifier_register - want to be told
 * @notifier: stays as it is until kvm_notifier_unregister()
 *
 * Possible at any time, whether KVM is there or not. @notifier->created has been called for all
 * VMs that are alive when this returns.
 */
void kvm_notifier_register(struct kvm_notifier *notifier)
{
	struct kvm_notifier_vm *vm;

	mutex_lock(&kvm_notifier_lock);
	if (notifier->created) {
		list_for_each_entry(vm, &kvm_notifier_vms, node)
			notifier->created(notifier, vm);
	}
	list_add_tail(&notifier->node, &kvm_notifiers);
	mutex_unlock(&kvm_notifier_lock);
}
EXPORT_SYMBOL_GPL(kvm_notifier_register);

/**
 * kvm_notifier_unregister - do not want to be told any more
 * @notifier: is not used any more when this returns
 */
void kvm_notifier_unregister(struct kvm_notifier *notifier)
{
	mutex_lock(&kvm_notifier_lock);
	list_del(&notifier->node);
	mutex_unlock(&kvm_notifier_lock);
}
EXPORT_SYMBOL_GPL(kvm_notifier_unregister);

/**
 * kvm_notifier_get_vm - take a reference to a VM
 * @vm: what a notifier was given, during the call, or one with a reference
 *
 * It keeps struct kvm and the code that frees it, but not the VM alive.
 */
void kvm_notifier_get_vm(struct kvm_notifier_vm *vm)
{
	__module_get(vm->owner);
	vm->get(vm->kvm);
}
EXPORT_SYMBOL_GPL(kvm_notifier_get_vm);

/**
 * kvm_notifier_put_vm - give up a reference that kvm_notifier_get_vm() has taken
 * @vm: may be freed by this
 */
void kvm_notifier_put_vm(struct kvm_notifier_vm *vm)
{
	struct module *owner = vm->owner;

	vm->put(vm->kvm);
	module_put(owner);
}
EXPORT_SYMBOL_GPL(kvm_notifier_put_vm);

/**
 * kvm_notifier_vm_begin - a VM has become alive
 * @vm: the VM, filled in; it has one file
 *
 * Before anybody can close that file.
 */
void kvm_notifier_vm_begin(struct kvm_notifier_vm *vm)
{
	struct kvm_notifier *notifier;

	refcount_set(&vm->files, 1);

	mutex_lock(&kvm_notifier_lock);
	list_add_tail(&vm->node, &kvm_notifier_vms);
	list_for_each_entry(notifier, &kvm_notifiers, node) {
		if (notifier->created)
			notifier->created(notifier, vm);
	}
	mutex_unlock(&kvm_notifier_lock);
}
EXPORT_SYMBOL_GPL(kvm_notifier_vm_begin);

/**
 * kvm_notifier_vm_end - a VM has come to its end
 * @vm: the VM; nothing happens if it was not alive
 */
void kvm_notifier_vm_end(struct kvm_notifier_vm *vm)
{
	struct kvm_notifier *notifier;

	mutex_lock(&kvm_notifier_lock);
	if (!list_empty(&vm->node)) {
		list_del_init(&vm->node);
		list_for_each_entry(notifier, &kvm_notifiers, node) {
			if (notifier->destroyed)
				notifier->destroyed(notifier, vm);
		}
	}
	mutex_unlock(&kvm_notifier_lock);
}
EXPORT_SYMBOL_GPL(kvm_notifier_vm_end);

/**
 * kvm_notifier_file_get - one more file that a VCPU can be run with
 * @vm: has another one, which nobody closes meanwhile
 */
void kvm_notifier_file_get(struct kvm_notifier_vm *vm)
{
	refcount_inc(&vm->files);
}
EXPORT_SYMBOL_GPL(kvm_notifier_file_get);

/**
 * kvm_notifier_file_put - a file is being closed
 * @vm: the file's, which still has the file's reference
 */
void kvm_notifier_file_put(struct kvm_notifier_vm *vm)
{
	if (refcount_dec_and_test(&vm->files))
		kvm_notifier_vm_end(vm);
}
EXPORT_SYMBOL_GPL(kvm_notifier_file_put);
