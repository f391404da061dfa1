/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual machines of KVM's that do nothing, and what the kernel tells of them: /dev/kvm and
 * /dev/vdmabuf-vms.
 */
#pragma once

#include "vms/vdmabuf_vms.h"

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Ends the program like check_prerequisites() when there is no KVM, or its notifier is not there */
void machines_prerequisites(void);

/* A VM of this process, and a VCPU of it */
int machine_new(void);
int machine_add_vcpu(int machine);

/* A registration */
int notified_open(void);
struct vdmabuf_vms_count notified(int fd);
/* Asserts how many VMs of this process it was told of, and how many of them have ended */
void notified_expect_own(int fd, guint created, guint destroyed);
/* Waits, within bounds, until it was told of so many VMs, of all processes */
void notified_wait(int fd, guint created, guint destroyed);

/* test-notifier-revoke.c */
void add_revoke_tests(void);

G_END_DECLS
