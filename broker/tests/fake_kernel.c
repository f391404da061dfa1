/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

#define BIT64(n) (G_GUINT64_CONSTANT(1) << (n))

void
fake_kernel_init(FakeKernel *self)
{
    memset(self, 0, sizeof(*self));
    self->probe = -1;
    /* More than a guest may negotiate here: bit 26 is VHOST_F_LOG_ALL. */
    self->offered = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_RING_F_EVENT_IDX) |
                    BIT64(VIRTIO_RING_F_INDIRECT_DESC) | BIT64(VIRTIO_F_ACCESS_PLATFORM) |
                    BIT64(26);
    self->module = (struct vdmabuf_limits) {
        .max_buffers = 256, .max_entries = 262144, .max_bytes = BIT64(30), .max_consumers = 4};
}

void
fake_kernel_clear(FakeKernel *self)
{
    fd_clear(&self->probe);
}

gboolean
fake_kernel_is_open(FakeKernel *self)
{
    struct pollfd poll_fd = {.fd = self->probe, .events = POLLIN};

    if (self->probe < 0)
        return FALSE;
    if (poll(&poll_fd, 1, 0) == 0)
        return TRUE;
    fd_clear(&self->probe);
    self->closes++;
    return FALSE;
}

static int
fail(int code)
{
    errno = code;
    return -1;
}

/* Whether all of a ring's part is in the memory table, by addresses of this process */
static gboolean
is_accessible(FakeKernel *self, guint64 addr, guint64 size)
{
    for (guint i = 0; i < self->n_regions; i++) {
        const struct vhost_memory_region *region = &self->regions[i];

        if (addr >= region->userspace_addr &&
            addr + size <= region->userspace_addr + region->memory_size)
            return TRUE;
    }
    return FALSE;
}

static int
set_running(FakeKernel *self, gboolean running)
{
    if (!self->owner)
        return fail(EPERM);
    for (guint i = 0; running && i < VHOST_USER_N_VRINGS; i++) {
        const FakeRing *ring = &self->rings[i];

        if (!ring->num || ring->kick < 0 ||
            !is_accessible(self, ring->addr.desc_user_addr,
                           vhost_user_vring_desc_size(ring->num)) ||
            !is_accessible(self, ring->addr.avail_user_addr,
                           vhost_user_vring_avail_size(ring->num)) ||
            !is_accessible(self, ring->addr.used_user_addr, vhost_user_vring_used_size(ring->num)))
            return fail(EFAULT);
    }
    if (running)
        self->starts++;
    else
        self->stops++;
    self->running = running;
    return 0;
}

static int
set_limits(FakeKernel *self, const struct vdmabuf_limits *limits)
{
    if (limits->max_buffers > self->module.max_buffers ||
        limits->max_bytes > self->module.max_bytes ||
        limits->max_entries > self->module.max_entries ||
        limits->max_consumers > self->module.max_consumers)
        return fail(EINVAL);
    self->limits = *limits;
    return 0;
}

static int
get_consumer(FakeKernel *self, struct vdmabuf_consumer *consumer)
{
    if (self->consumers >= self->limits.max_consumers)
        return fail(EDQUOT);
    self->consumers++;
    consumer->fd = eventfd(0, EFD_CLOEXEC);
    self->last_consumer = *consumer;
    return consumer->fd < 0 ? -1 : 0;
}

static int
set_vring_file(FakeKernel *self, gulong request, const struct vhost_vring_file *file)
{
    FakeRing *ring = &self->rings[file->index];

    if (file->fd >= 0 && fcntl(file->fd, F_GETFD) < 0)
        return fail(EBADF);
    if (request == VHOST_SET_VRING_KICK)
        ring->kick = file->fd;
    else if (request == VHOST_SET_VRING_CALL)
        ring->call = file->fd;
    else
        ring->err = file->fd;
    return 0;
}

static int
fake_ioctl(gpointer data, int fd G_GNUC_UNUSED, gulong request, gpointer argument)
{
    FakeKernel *self = data;
    const struct vhost_vring_state *state = argument;
    const struct vhost_vring_addr *addr = argument;
    const struct vhost_memory *memory = argument;

    if (self->fail_request == request)
        return fail(self->fail_errno);

    switch (request) {
    case VHOST_GET_FEATURES:
        *(__u64 *) argument = self->offered;
        return 0;
    case VHOST_SET_FEATURES:
        if (*(__u64 *) argument & ~self->offered)
            return fail(EOPNOTSUPP);
        self->features = *(__u64 *) argument;
        return 0;
    case VHOST_SET_OWNER:
        if (self->owner)
            return fail(EBUSY);
        self->owner = TRUE;
        return 0;
    case VHOST_SET_MEM_TABLE:
        if (!self->owner)
            return fail(EPERM);
        if (self->running)
            return fail(EBUSY);
        self->n_regions = memory->nregions;
        memcpy(self->regions, memory->regions, memory->nregions * sizeof(memory->regions[0]));
        return 0;
    case VHOST_SET_VRING_NUM:
        if (self->running)
            return fail(EBUSY);
        self->rings[state->index].num = state->num;
        return 0;
    case VHOST_SET_VRING_BASE:
        if (self->running)
            return fail(EBUSY);
        self->rings[state->index].base = state->num;
        return 0;
    case VHOST_GET_VRING_BASE:
        ((struct vhost_vring_state *) argument)->num = self->rings[state->index].base;
        return 0;
    case VHOST_SET_VRING_ADDR:
        self->rings[addr->index].addr = *addr;
        return 0;
    case VHOST_SET_VRING_KICK:
    case VHOST_SET_VRING_CALL:
    case VHOST_SET_VRING_ERR:
        return set_vring_file(self, request, argument);
    case VHOST_VDMABUF_SET_RUNNING:
        return set_running(self, *(int *) argument);
    case VHOST_VDMABUF_SET_VM:
        self->vm = *(struct vdmabuf_vm *) argument;
        return 0;
    case VHOST_VDMABUF_GET_LIMITS:
        *(struct vdmabuf_limits *) argument = self->limits;
        return 0;
    case VHOST_VDMABUF_SET_LIMITS:
        return set_limits(self, argument);
    case VHOST_VDMABUF_GET_CONSUMER:
        return get_consumer(self, argument);
    default:
        return fail(ENOTTY);
    }
}

VhostDevice *
fake_kernel_open(gpointer data, GError **error G_GNUC_UNUSED)
{
    FakeKernel *self = data;
    int ends[2];

    g_assert_false(fake_kernel_is_open(self));
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    self->probe = ends[0];
    self->opens++;
    self->owner = FALSE;
    self->running = FALSE;
    self->features = 0;
    self->n_regions = 0;
    self->consumers = 0;
    self->limits = self->module;
    memset(self->rings, 0, sizeof(self->rings));
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++)
        self->rings[i].kick = self->rings[i].call = self->rings[i].err = -1;
    memset(&self->vm, 0, sizeof(self->vm));
    return vhost_device_new(ends[1], fake_ioctl, self);
}

int
test_memfd(gsize size)
{
    int fd = memfd_create("vdmabuf-test", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    return fd;
}

guint
test_count_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

guint
test_count_mappings(const char *name)
{
    g_autofree char *maps = NULL;
    guint n = 0;

    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    for (const char *at = maps; (at = strstr(at, name)); at++)
        n++;
    return n;
}
