/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells other parts of the kernel of the creation and of the end of KVM's virtual machines.
 *
 * A VM is alive from when its file exists until the first of these:
 *
 * - the last file is closed with which a VCPU of it can be run or made: the VM's own and those
 *   of its VCPUs;
 * - the address space that it was created in is torn down. Nobody can run a VCPU from then on,
 *   whoever still has the files.
 *
 * References in the kernel neither keep it alive nor delay that its end is told.
 *
 * The code is never a module, so that who uses it depends neither on KVM being loaded nor on its
 * symbols, and can register before KVM has been initialised.
 */
#ifndef __LINUX_KVM_NOTIFIER_H
#define __LINUX_KVM_NOTIFIER_H

#include <linux/list.h>
#include <linux/refcount.h>

struct kvm;
struct mm_struct;
struct module;

/**
 * struct kvm_notifier_vm - a virtual machine, as notifiers see it; a part of its struct kvm
 * @kvm: the VM
 * @mm: the address space that it was created in; a reference to the VM keeps the structure
 */
struct kvm_notifier_vm {
	struct kvm *kvm;
	struct mm_struct *mm;
	/* private: */
	struct list_head node;		/* of those that are alive */
	refcount_t files;
	struct module *owner;
	void (*get)(struct kvm *kvm);
	void (*put)(struct kvm *kvm);
};

/**
 * struct kvm_notifier - who wants to be told; zeroed but for the functions
 * @created: a VM is alive; may be NULL
 * @destroyed: a VM that @created was called for has come to its end; may be NULL
 *
 * Between registering and unregistering @created is called exactly once for each VM that is alive
 * then or becomes so, and @destroyed exactly once for each of these that ends. The calls come one
 * at a time, in process context, and may sleep. In both the VM has a reference that is not the
 * caller's to give up: it may be used as is, and kvm_notifier_get_vm() makes it last.
 *
 * They may come from the tear-down of an address space, so they must not wait for one to end: no
 * mmu_notifier_unregister(), and not kvm_notifier_register() or kvm_notifier_unregister().
 */
struct kvm_notifier {
	void (*created)(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm);
	void (*destroyed)(struct kvm_notifier *notifier, struct kvm_notifier_vm *vm);
	/* private: */
	struct list_head node;
};

void kvm_notifier_register(struct kvm_notifier *notifier);
void kvm_notifier_unregister(struct kvm_notifier *notifier);
void kvm_notifier_get_vm(struct kvm_notifier_vm *vm);
void kvm_notifier_put_vm(struct kvm_notifier_vm *vm);

/* For KVM itself */
void kvm_notifier_vm_begin(struct kvm_notifier_vm *vm);
void kvm_notifier_vm_end(struct kvm_notifier_vm *vm);
void kvm_notifier_file_get(struct kvm_notifier_vm *vm);
void kvm_notifier_file_put(struct kvm_notifier_vm *vm);

#endif /* __LINUX_KVM_NOTIFIER_H */
