# SPDX-License-Identifier: GPL-2.0-only
"""The first patch: KVM tells of the creation and the end of its virtual machines."""

FILES = ("MAINTAINERS", "include/linux/kvm_host.h", "virt/kvm/Kconfig", "virt/kvm/kvm_main.c",
         "virt/lib/Makefile")
MAIN = "virt/kvm/kvm_main.c"

CREATED = """\
/* From here on others are told of the VM. Its file is there, but nobody can close it yet. */
static void kvm_tell_created(struct kvm *kvm)
{
	struct kvm_notifier_vm *vm = &kvm->notifier_vm;

	vm->kvm = kvm;
	vm->mm = kvm->mm;
	vm->owner = kvm_vm_fops.owner;
	vm->get = kvm_get_kvm;
	vm->put = kvm_put_kvm;
	kvm_notifier_vm_begin(vm);
}

"""


def _main(tree):
    tree.in_function(MAIN, "static struct kvm *kvm_create_vm(", "\tINIT_LIST_HEAD(&kvm->devices);\n",
                     "\tINIT_LIST_HEAD(&kvm->devices);\n"
                     "\tINIT_LIST_HEAD(&kvm->notifier_vm.node);\n")
    tree.before(MAIN, "static int kvm_dev_ioctl_create_vm(unsigned long type)\n", CREATED)
    told = "\tkvm_uevent_notify_change(KVM_EVENT_CREATE_VM, kvm);\n"
    tree.in_function(MAIN, "static int kvm_dev_ioctl_create_vm(", told,
                     told + "\tkvm_tell_created(kvm);\n")

    tree.in_function(MAIN, "static int kvm_vm_release(", "\tkvm_put_kvm(kvm);\n",
                     "\tkvm_notifier_file_put(&kvm->notifier_vm);\n\tkvm_put_kvm(kvm);\n")
    tree.in_function(MAIN, "static int kvm_vcpu_release(", "\tkvm_put_kvm(vcpu->kvm);\n",
                     "\tkvm_notifier_file_put(&vcpu->kvm->notifier_vm);\n"
                     "\tkvm_put_kvm(vcpu->kvm);\n")

    head = "static int create_vcpu_fd("
    name = "\tchar name[8 + 1 + ITOA_MAX_LEN + 1];\n"
    tree.in_function(MAIN, head, name,
                     "\tstruct kvm_notifier_vm *vm = &vcpu->kvm->notifier_vm;\n" + name +
                     "\tint fd;\n")
    get = "anon_inode_getfd(name, &kvm_vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);\n"
    tree.in_function(MAIN, head, "\treturn " + get,
                     "\n\t/* Before anybody can close it */\n"
                     "\tkvm_notifier_file_get(vm);\n"
                     "\tfd = " + get +
                     "\tif (fd < 0)\n"
                     "\t\tkvm_notifier_file_put(vm);\n"
                     "\n"
                     "\treturn fd;\n")

    unlock = "\tsrcu_read_unlock(&kvm->srcu, idx);\n"
    tree.in_function(MAIN, "static void kvm_mmu_notifier_release(", unlock,
                     unlock + "\n"
                     "\t/* Nobody can run a VCPU any more, even if the VM's files live on */\n"
                     "\tkvm_notifier_vm_end(&kvm->notifier_vm);\n")


def apply(tree, material, author):
    """The whole patch."""
    tree.add("include/linux/kvm_notifier.h", material.read("kvm/kvm_notifier.h"))
    tree.add("virt/lib/kvm_notifier.c", material.read("kvm/kvm_notifier.c"))
    host = "include/linux/kvm_host.h"
    tree.after(host, "#include <linux/irqbypass.h>\n", "#include <linux/kvm_notifier.h>\n")
    tree.after(host, "\trefcount_t users_count;\n", "\tstruct kvm_notifier_vm notifier_vm;\n")
    _main(tree)

    kconfig = "virt/kvm/Kconfig"
    tree.in_order(kconfig, "config KVM_COMMON\n", "       select INTERVAL_TREE\n",
                  "       select KVM_NOTIFIER\n")
    tree.before(kconfig, "config HAVE_KVM_PFNCACHE\n", material.template("Kconfig-notifier"))
    tree.after("virt/lib/Makefile", "obj-$(CONFIG_IRQ_BYPASS_MANAGER) += irqbypass.o\n",
               "obj-$(CONFIG_KVM_NOTIFIER) += kvm_notifier.o\n")
    tree.before("MAINTAINERS", "KVM PARAVIRT (KVM/paravirt)\n",
                material.template("MAINTAINERS-notifier", author=author))
