/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the kernel module, for tests that run where it cannot be loaded. It keeps the
 * rules of the real ioctls that the broker depends on, and remembers what it was told.
 */
#pragma once

#include "vhost_device.h"
#include "vhost_user_protocol.h"

typedef struct {
    guint num;
    guint base;
    struct vhost_vring_addr addr;
    int kick; /* numbers only: as the broker said them */
    int call;
    int err;
} FakeRing;

typedef struct {
    guint opens;
    guint closes; /* noticed at the next open or by fake_kernel_is_open() */
    int probe;    /* reads end-of-file once the broker has closed its device */

    gboolean owner;
    gboolean running;
    guint starts;
    guint stops;
    guint64 features;
    guint64 offered;
    guint n_regions;
    struct vhost_memory_region regions[VHOST_USER_MAX_REGIONS];
    FakeRing rings[VHOST_USER_N_VRINGS];
    struct vdmabuf_vm vm;
    struct vdmabuf_limits limits;
    struct vdmabuf_limits module; /* the highest that can be set */
    guint consumers;
    struct vdmabuf_consumer last_consumer;

    gulong fail_request; /* this ioctl fails, */
    int fail_errno;      /* with this */
} FakeKernel;

void fake_kernel_init(FakeKernel *self);
void fake_kernel_clear(FakeKernel *self);
/* A BackendOpen */
VhostDevice *fake_kernel_open(gpointer self, GError **error);
gboolean fake_kernel_is_open(FakeKernel *self);

/* What the tests send: an unsealed memfd of @size bytes */
int test_memfd(gsize size);
guint test_count_fds(void);
guint test_count_mappings(const char *name);
