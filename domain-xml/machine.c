/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#define UNSUPPORTED(error, ...)                                                                    \
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED, __VA_ARGS__)

static gboolean
check_type(const xmlNode *root, const xmlNode *os_type, GError **error)
{
    g_autofree char *type = node_attribute(root, "type");
    g_autofree char *kind = node_text(os_type);

    if (g_strcmp0(type, "kvm") != 0 && g_strcmp0(type, "qemu") != 0) {
        UNSUPPORTED(error,
                    "a vdmabuf device needs a domain of the type 'kvm' or 'qemu', this one has "
                    "'%s'",
                    type ? type : "");
        return FALSE;
    }
    if (g_strcmp0(kind, "hvm") != 0) {
        UNSUPPORTED(error,
                    "a vdmabuf device needs a whole virtual machine, <os><type>hvm</type></os>; "
                    "this domain has '%s'",
                    kind ? kind : "");
        return FALSE;
    }
    return TRUE;
}

/* Where libvirt's default machine, and every one that is named "virt", has PCI Express */
static gboolean
has_virt(const char *arch)
{
    static const char *const archs[] = {"aarch64", "armv7l", "loongarch64", "riscv64", NULL};

    return arch && g_strv_contains(archs, arch);
}

static gboolean
has_express(const char *arch, const char *machine)
{
    if (!machine)
        return has_virt(arch);
    if (g_str_equal(machine, "virt") || g_str_has_prefix(machine, "virt-"))
        return !arch || has_virt(arch);
    return g_str_equal(machine, "q35") || g_str_has_prefix(machine, "pc-q35-") ||
           g_str_has_suffix(machine, "-q35");
}

gboolean
machine_check(const xmlNode *root, GError **error)
{
    const xmlNode *type = node_find(root, "os/type");
    const xmlNode *security = node_find(root, "launchSecurity");
    g_autofree char *arch = node_attribute(type, "arch");
    g_autofree char *machine = node_attribute(type, "machine");

    if (!check_type(root, type, error))
        return FALSE;
    if (!has_express(arch, machine)) {
        UNSUPPORTED(error,
                    "a vdmabuf device needs PCI Express, which the machine '%s' does not have; "
                    "a domain with machine='q35' does (on Arm: 'virt')",
                    machine ? machine : "pc");
        return FALSE;
    }
    if (security) {
        UNSUPPORTED(error, "the memory of a domain with <launchSecurity> is encrypted; a vdmabuf "
                           "device cannot share it with the host");
        return FALSE;
    }
    return TRUE;
}
