/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/vhost-vdmabuf: every request to the kernel module goes through here.
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>
#include <linux/vhost.h>

#include "guest_memory.h"

G_BEGIN_DECLS

/**
 * VhostDeviceError:
 * @VHOST_DEVICE_ERROR_OPEN: no device node, no module, or no permission
 * @VHOST_DEVICE_ERROR_KERNEL: the kernel has said no
 * @VHOST_DEVICE_ERROR_LIMIT: a limit is reached, or is set higher than the module allows
 */
typedef enum {
    VHOST_DEVICE_ERROR_OPEN,
    VHOST_DEVICE_ERROR_KERNEL,
    VHOST_DEVICE_ERROR_LIMIT,
} VhostDeviceError;

#define VHOST_DEVICE_ERROR (vhost_device_error_quark())
GQuark vhost_device_error_quark(void);

/* ioctl(2); unit tests put a stand-in here where the module cannot be loaded. -1 and errno. */
typedef int (*VhostDeviceIoctl)(gpointer data, int fd, gulong request, gpointer argument);

typedef struct _VhostDevice VhostDevice;

VhostDevice *vhost_device_open(const char *path, GError **error);
/* Takes @fd. */
VhostDevice *vhost_device_new(int fd, VhostDeviceIoctl function, gpointer data);
/* The kernel forgets the VM: consumers are told that it is dead. */
void vhost_device_free(VhostDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhostDevice, vhost_device_free)

gboolean vhost_device_get_features(VhostDevice *self, guint64 *features, GError **error);
gboolean vhost_device_set_features(VhostDevice *self, guint64 features, GError **error);
gboolean vhost_device_set_owner(VhostDevice *self, GError **error);
gboolean vhost_device_set_memory(VhostDevice *self, const GuestMemory *memory, GError **error);

gboolean vhost_device_set_vring_num(VhostDevice *self, guint index, guint num, GError **error);
gboolean vhost_device_set_vring_base(VhostDevice *self, guint index, guint base, GError **error);
gboolean vhost_device_get_vring_base(VhostDevice *self, guint index, guint *base, GError **error);
/* @addr has addresses of this process */
gboolean vhost_device_set_vring_addr(VhostDevice *self, const struct vhost_vring_addr *addr,
                                     GError **error);
/* @fd stays the caller's; -1 takes away the one the kernel has */
gboolean vhost_device_set_vring_kick(VhostDevice *self, guint index, int fd, GError **error);
gboolean vhost_device_set_vring_call(VhostDevice *self, guint index, int fd, GError **error);
gboolean vhost_device_set_vring_err(VhostDevice *self, guint index, int fd, GError **error);

gboolean vhost_device_set_running(VhostDevice *self, gboolean running, GError **error);
gboolean vhost_device_set_vm(VhostDevice *self, const struct vdmabuf_vm *vm, GError **error);
gboolean vhost_device_get_limits(VhostDevice *self, struct vdmabuf_limits *limits, GError **error);
gboolean vhost_device_set_limits(VhostDevice *self, const struct vdmabuf_limits *limits,
                                 GError **error);
/* Returns: a consumer fd to be closed by the caller, or -1 */
int vhost_device_get_consumer(VhostDevice *self, pid_t pid, uid_t uid, guint32 flags,
                              GError **error);

G_END_DECLS
