/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost_device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "confinement.h"

struct _VhostDevice {
    int fd;
    VhostDeviceIoctl ioctl;
    gpointer data;
};

G_DEFINE_QUARK(vhost-device-error-quark, vhost_device_error)

static int
real_ioctl(gpointer data G_GNUC_UNUSED, int fd, gulong request, gpointer argument)
{
    return ioctl(fd, request, argument);
}

VhostDevice *
vhost_device_new(int fd, VhostDeviceIoctl function, gpointer data)
{
    VhostDevice *self = g_new0(VhostDevice, 1);

    self->fd = fd;
    self->ioctl = function;
    self->data = data;
    return self;
}

VhostDevice *
vhost_device_open(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int saved = errno;
    struct vdmabuf_limits limits;
    const char *hint;

    if (fd >= 0) {
        /* What no other file has */
        if (ioctl(fd, VHOST_VDMABUF_GET_LIMITS, &limits) == 0)
            return vhost_device_new(fd, real_ioctl, NULL);
        close(fd);
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_OPEN,
                    "%s is not the device of the vhost_vdmabuf module; that is "
                    "/dev/vhost-vdmabuf, unless somebody has renamed it",
                    path);
        return NULL;
    }

    switch (saved) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_OPEN,
                    "there is no %s; load the kernel module with 'modprobe vhost_vdmabuf', and if "
                    "there is no such module, install vdmabuf-host-dkms",
                    path);
        break;
    case EACCES:
    case EPERM:
        hint = confinement_hint(path, saved);
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_OPEN,
                    "the user with id %u may not open %s%s", (guint) geteuid(), path,
                    *hint ? hint
                          : "; put it into the group that owns the device (vdmabuf, see "
                            "60-vdmabuf-host.rules)");
        break;
    default:
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_OPEN, "cannot open %s: %s", path,
                    g_strerror(saved));
        break;
    }
    return NULL;
}

void
vhost_device_free(VhostDevice *self)
{
    if (!self)
        return;
    close(self->fd);
    g_free(self);
}

static gboolean
call(VhostDevice *self, const char *name, gulong request, gpointer argument, GError **error)
{
    int saved;

    if (self->ioctl(self->data, self->fd, request, argument) >= 0)
        return TRUE;
    saved = errno;
    g_set_error(error, VHOST_DEVICE_ERROR,
                saved == EDQUOT ? VHOST_DEVICE_ERROR_LIMIT : VHOST_DEVICE_ERROR_KERNEL,
                "the kernel refuses %s: %s", name, g_strerror(saved));
    return FALSE;
}

gboolean
vhost_device_get_features(VhostDevice *self, guint64 *features, GError **error)
{
    __u64 value = 0;

    if (!call(self, "VHOST_GET_FEATURES", VHOST_GET_FEATURES, &value, error))
        return FALSE;
    *features = value;
    return TRUE;
}

gboolean
vhost_device_set_features(VhostDevice *self, guint64 features, GError **error)
{
    __u64 value = features;

    return call(self, "VHOST_SET_FEATURES", VHOST_SET_FEATURES, &value, error);
}

gboolean
vhost_device_set_owner(VhostDevice *self, GError **error)
{
    return call(self, "VHOST_SET_OWNER", VHOST_SET_OWNER, NULL, error);
}

gboolean
vhost_device_set_memory(VhostDevice *self, const GuestMemory *memory, GError **error)
{
    gsize size =
        sizeof(struct vhost_memory) + memory->n_regions * sizeof(struct vhost_memory_region);
    g_autofree struct vhost_memory *table = g_malloc0(size);

    table->nregions = memory->n_regions;
    for (guint i = 0; i < memory->n_regions; i++) {
        table->regions[i].guest_phys_addr = memory->regions[i].guest_addr;
        table->regions[i].memory_size = memory->regions[i].size;
        table->regions[i].userspace_addr = memory->regions[i].host_addr;
    }
    return call(self, "VHOST_SET_MEM_TABLE", VHOST_SET_MEM_TABLE, table, error);
}

gboolean
vhost_device_set_vring_num(VhostDevice *self, guint index, guint num, GError **error)
{
    struct vhost_vring_state state = {.index = index, .num = num};

    return call(self, "VHOST_SET_VRING_NUM", VHOST_SET_VRING_NUM, &state, error);
}

gboolean
vhost_device_set_vring_base(VhostDevice *self, guint index, guint base, GError **error)
{
    struct vhost_vring_state state = {.index = index, .num = base};

    return call(self, "VHOST_SET_VRING_BASE", VHOST_SET_VRING_BASE, &state, error);
}

gboolean
vhost_device_get_vring_base(VhostDevice *self, guint index, guint *base, GError **error)
{
    struct vhost_vring_state state = {.index = index};

    if (!call(self, "VHOST_GET_VRING_BASE", VHOST_GET_VRING_BASE, &state, error))
        return FALSE;
    *base = state.num;
    return TRUE;
}

gboolean
vhost_device_set_vring_addr(VhostDevice *self, const struct vhost_vring_addr *addr, GError **error)
{
    struct vhost_vring_addr copy = *addr;

    return call(self, "VHOST_SET_VRING_ADDR", VHOST_SET_VRING_ADDR, &copy, error);
}

gboolean
vhost_device_set_vring_kick(VhostDevice *self, guint index, int fd, GError **error)
{
    struct vhost_vring_file file = {.index = index, .fd = fd};

    return call(self, "VHOST_SET_VRING_KICK", VHOST_SET_VRING_KICK, &file, error);
}

gboolean
vhost_device_set_vring_call(VhostDevice *self, guint index, int fd, GError **error)
{
    struct vhost_vring_file file = {.index = index, .fd = fd};

    return call(self, "VHOST_SET_VRING_CALL", VHOST_SET_VRING_CALL, &file, error);
}

gboolean
vhost_device_set_vring_err(VhostDevice *self, guint index, int fd, GError **error)
{
    struct vhost_vring_file file = {.index = index, .fd = fd};

    return call(self, "VHOST_SET_VRING_ERR", VHOST_SET_VRING_ERR, &file, error);
}

gboolean
vhost_device_set_running(VhostDevice *self, gboolean running, GError **error)
{
    int value = running ? 1 : 0;

    return call(self, "VHOST_VDMABUF_SET_RUNNING", VHOST_VDMABUF_SET_RUNNING, &value, error);
}

gboolean
vhost_device_set_vm(VhostDevice *self, const struct vdmabuf_vm *vm, GError **error)
{
    struct vdmabuf_vm copy = *vm;

    return call(self, "VHOST_VDMABUF_SET_VM", VHOST_VDMABUF_SET_VM, &copy, error);
}

gboolean
vhost_device_get_limits(VhostDevice *self, struct vdmabuf_limits *limits, GError **error)
{
    memset(limits, 0, sizeof(*limits));
    return call(self, "VHOST_VDMABUF_GET_LIMITS", VHOST_VDMABUF_GET_LIMITS, limits, error);
}

gboolean
vhost_device_set_limits(VhostDevice *self, const struct vdmabuf_limits *limits, GError **error)
{
    struct vdmabuf_limits copy = *limits;

    if (self->ioctl(self->data, self->fd, VHOST_VDMABUF_SET_LIMITS, &copy) >= 0)
        return TRUE;
    if (errno == EINVAL) {
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_LIMIT,
                    "the limits (%u buffers, %" G_GUINT64_FORMAT
                    " bytes, %u entries, %u consumers) "
                    "are higher than the module allows; lower them, or raise those under "
                    "/sys/module/vhost_vdmabuf/parameters",
                    limits->max_buffers, (guint64) limits->max_bytes, limits->max_entries,
                    limits->max_consumers);
    } else {
        g_set_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_KERNEL,
                    "the kernel refuses VHOST_VDMABUF_SET_LIMITS: %s", g_strerror(errno));
    }
    return FALSE;
}

int
vhost_device_get_consumer(VhostDevice *self, pid_t pid, uid_t uid, guint32 flags, GError **error)
{
    struct vdmabuf_consumer consumer = {.pid = pid, .uid = uid, .flags = flags, .fd = -1};

    if (!call(self, "VHOST_VDMABUF_GET_CONSUMER", VHOST_VDMABUF_GET_CONSUMER, &consumer, error))
        return -1;
    return consumer.fd;
}
