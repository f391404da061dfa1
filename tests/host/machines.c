/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machines.h"

#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KVM_DEVICE "/dev/kvm"
#define VMS_DEVICE "/dev/vdmabuf-vms"

void machines_prerequisites(void)
{
    const char *missing = NULL;

    if (access(VMS_DEVICE, R_OK) < 0)
        missing = VMS_DEVICE " cannot be opened: it takes a kernel with kernel/patches, and the "
                             "module vdmabuf_vms";
    else if (access(KVM_DEVICE, R_OK | W_OK) < 0)
        missing = KVM_DEVICE " cannot be opened: load kvm_amd or kvm_intel";
    if (missing == NULL)
        return;
    if (g_getenv("VDMABUF_TEST_REQUIRED") != NULL) {
        fprintf(stderr, "%s\n", missing);
        exit(1);
    }
    printf("1..0 # SKIP %s\n", missing);
    exit(0);
}

int machine_new(void)
{
    int kvm = open(KVM_DEVICE, O_RDWR | O_CLOEXEC), machine;

    g_assert_cmpint(kvm, >=, 0);
    machine = ioctl(kvm, KVM_CREATE_VM, 0);
    if (machine < 0)
        g_error("KVM_CREATE_VM: %s", g_strerror(errno));
    close(kvm);
    return machine;
}

int machine_add_vcpu(int machine)
{
    int vcpu = ioctl(machine, KVM_CREATE_VCPU, 0);

    if (vcpu < 0)
        g_error("KVM_CREATE_VCPU: %s", g_strerror(errno));
    return vcpu;
}

int notified_open(void)
{
    int fd = open(VMS_DEVICE, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        g_error("%s: %s", VMS_DEVICE, g_strerror(errno));
    return fd;
}

struct vdmabuf_vms_count notified(int fd)
{
    struct vdmabuf_vms_count count;

    g_assert_cmpint(ioctl(fd, VDMABUF_VMS_COUNT, &count), ==, 0);
    g_assert_cmpuint(count.mistakes, ==, 0);
    g_assert_cmpuint(count.references, ==, count.created - count.destroyed);
    return count;
}

void notified_expect_own(int fd, guint created, guint destroyed)
{
    struct vdmabuf_vms_count count = notified(fd);

    g_assert_cmpuint(count.own_created, ==, created);
    g_assert_cmpuint(count.own_destroyed, ==, destroyed);
}

void notified_wait(int fd, guint created, guint destroyed)
{
    gint64 deadline = g_get_monotonic_time() + GUEST_WAIT_MS * (gint64) 1000;
    struct vdmabuf_vms_count count = notified(fd);

    while ((count.created != created || count.destroyed != destroyed) &&
           g_get_monotonic_time() < deadline) {
        g_usleep(1000);
        count = notified(fd);
    }
    g_assert_cmpuint(count.created, ==, created);
    g_assert_cmpuint(count.destroyed, ==, destroyed);
}
