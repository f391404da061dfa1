/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend.h"

#include <errno.h>
#include <gio/gio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vdmabuf.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

/*
 * What a guest may negotiate, of what the kernel offers. Not VHOST_F_LOG_ALL, since the device
 * cannot be migrated, and not ACCESS_PLATFORM: addresses behind a guest's IOMMU would have to be
 * translated by QEMU, at every request.
 */
#define RING_FEATURES                                                                              \
    ((G_GUINT64_CONSTANT(1) << VIRTIO_F_VERSION_1) |                                               \
     (G_GUINT64_CONSTANT(1) << VIRTIO_RING_F_INDIRECT_DESC) |                                      \
     (G_GUINT64_CONSTANT(1) << VIRTIO_RING_F_EVENT_IDX) |                                          \
     (G_GUINT64_CONSTANT(1) << VIRTIO_F_NOTIFY_ON_EMPTY) |                                         \
     (G_GUINT64_CONSTANT(1) << VIRTIO_F_ANY_LAYOUT))

#define TRANSPORT_FEATURE (G_GUINT64_CONSTANT(1) << VHOST_USER_F_PROTOCOL_FEATURES)

#define PROTOCOL_FEATURES                                                                          \
    ((G_GUINT64_CONSTANT(1) << VHOST_USER_PROTOCOL_F_MQ) |                                         \
     (G_GUINT64_CONSTANT(1) << VHOST_USER_PROTOCOL_F_REPLY_ACK) |                                  \
     (G_GUINT64_CONSTANT(1) << VHOST_USER_PROTOCOL_F_CONFIG))

#define REFUSED(error, ...)                                                                        \
    g_set_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_REFUSED, __VA_ARGS__)
#define MALFORMED(error, ...)                                                                      \
    g_set_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_MALFORMED, __VA_ARGS__)

typedef struct {
    guint num; /* 0: not said yet */
    guint base;
    gboolean has_addr;
    struct vhost_vring_addr addr; /* as QEMU has it: addresses of QEMU */
    gboolean enabled;
    int kick; /* -1: none */
    int call;
    int err;
} Ring;

struct _Backend {
    BackendSettings settings;
    BackendOpen open_device;
    gpointer open_data;

    VhostDevice *device;
    struct vdmabuf_limits limits;
    guint64 offered; /* features */

    gboolean has_owner;
    guint64 features;
    guint64 protocol_features;
    GuestMemory *memory;
    Ring rings[VHOST_USER_N_VRINGS];
    gboolean running;
    gboolean config_write_said;
};

static void
ring_reset(Ring *ring)
{
    fd_clear(&ring->kick);
    fd_clear(&ring->call);
    fd_clear(&ring->err);
    memset(ring, 0, sizeof(*ring));
    ring->kick = ring->call = ring->err = -1;
}

Backend *
backend_new(const BackendSettings *settings, BackendOpen open_device, gpointer data)
{
    Backend *self = g_new0(Backend, 1);

    self->settings = *settings;
    self->settings.name = g_strdup(settings->name);
    self->open_device = open_device;
    self->open_data = data;
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++) {
        self->rings[i].kick = self->rings[i].call = self->rings[i].err = -1;
    }
    return self;
}

void
backend_free(Backend *self)
{
    if (!self)
        return;
    backend_detach(self);
    g_free((char *) self->settings.name);
    g_free(self);
}

gboolean
backend_open(Backend *self, GError **error)
{
    g_autoptr(VhostDevice) device = NULL;
    const struct vdmabuf_limits *wanted = &self->settings.limits;
    struct vdmabuf_limits limits;
    guint64 features;

    g_return_val_if_fail(self->device == NULL, FALSE);

    device = self->open_device(self->open_data, error);
    if (!device || !vhost_device_get_features(device, &features, error) ||
        !vhost_device_get_limits(device, &limits, error))
        return FALSE;

    if (wanted->max_buffers)
        limits.max_buffers = wanted->max_buffers;
    if (wanted->max_entries)
        limits.max_entries = wanted->max_entries;
    if (wanted->max_bytes)
        limits.max_bytes = wanted->max_bytes;
    if (wanted->max_consumers)
        limits.max_consumers = wanted->max_consumers;
    limits.flags = wanted->flags;
    if (!vhost_device_set_limits(device, &limits, error))
        return FALSE;

    self->offered = (features & RING_FEATURES) | TRANSPORT_FEATURE;
    self->limits = limits;
    self->device = g_steal_pointer(&device);
    return TRUE;
}

guint64
backend_get_max_bytes(Backend *self)
{
    return self->limits.max_bytes;
}

gboolean
backend_attach(Backend *self, pid_t pid, GError **error)
{
    struct vdmabuf_vm vm = {.pid = pid};
    const char *end;

    if (self->settings.name &&
        g_strlcpy(vm.name, self->settings.name, sizeof(vm.name)) >= sizeof(vm.name) &&
        !g_utf8_validate(vm.name, -1, &end)) {
        /* A name that is too long is cut, but not in the middle of a character. */
        memset(vm.name + (end - vm.name), 0, sizeof(vm.name) - (end - vm.name));
    }
    memcpy(vm.uuid, self->settings.uuid, sizeof(vm.uuid));
    return vhost_device_set_vm(self->device, &vm, error);
}

static gboolean
stop(Backend *self, GError **error)
{
    if (!self->running)
        return TRUE;
    if (!vhost_device_set_running(self->device, FALSE, error))
        return FALSE;
    self->running = FALSE;
    return TRUE;
}

void
backend_detach(Backend *self)
{
    g_autoptr(GError) error = NULL;

    if (!stop(self, &error))
        broker_log(BROKER_LOG_WARNING, "%s", error->message);
    self->running = FALSE;
    /* The kernel lets go of the memory before it is unmapped. */
    g_clear_pointer(&self->device, vhost_device_free);
    g_clear_pointer(&self->memory, guest_memory_free);
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++)
        ring_reset(&self->rings[i]);
    self->has_owner = FALSE;
    self->features = 0;
    self->protocol_features = 0;
    self->config_write_said = FALSE;
}

static gboolean
translate_ring(Backend *self, guint index, struct vhost_vring_addr *out, GError **error)
{
    const Ring *ring = &self->rings[index];
    const struct {
        const char *name;
        guint64 user_addr;
        guint64 size;
        __u64 *host_addr;
    } parts[] = {
        {"descriptor table", ring->addr.desc_user_addr, vhost_user_vring_desc_size(ring->num),
         &out->desc_user_addr},
        {"available ring", ring->addr.avail_user_addr, vhost_user_vring_avail_size(ring->num),
         &out->avail_user_addr},
        {"used ring", ring->addr.used_user_addr, vhost_user_vring_used_size(ring->num),
         &out->used_user_addr},
    };

    memset(out, 0, sizeof(*out));
    out->index = index;
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        guint64 host_addr;

        if (!guest_memory_translate(self->memory, parts[i].user_addr, parts[i].size, &host_addr)) {
            REFUSED(error,
                    "the %s of ring %u (%" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
                    "x) is not inside the guest's memory",
                    parts[i].name, index, parts[i].size, parts[i].user_addr);
            return FALSE;
        }
        *parts[i].host_addr = host_addr;
    }
    return TRUE;
}

static gboolean
ring_is_ready(Backend *self, const Ring *ring)
{
    /* Without protocol features there is no SET_VRING_ENABLE: rings are born enabled. */
    gboolean enabled = ring->enabled || !(self->features & TRANSPORT_FEATURE);

    return enabled && ring->num && ring->has_addr && ring->kick >= 0;
}

static gboolean
give_ring(Backend *self, guint index, GError **error)
{
    Ring *ring = &self->rings[index];
    struct vhost_vring_addr addr;

    return translate_ring(self, index, &addr, error) &&
           vhost_device_set_vring_num(self->device, index, ring->num, error) &&
           vhost_device_set_vring_base(self->device, index, ring->base, error) &&
           vhost_device_set_vring_addr(self->device, &addr, error) &&
           vhost_device_set_vring_call(self->device, index, ring->call, error) &&
           vhost_device_set_vring_err(self->device, index, ring->err, error) &&
           vhost_device_set_vring_kick(self->device, index, ring->kick, error);
}

/* The kernel runs both rings or none. */
static gboolean
start_if_ready(Backend *self, GError **error)
{
    if (self->running || !self->memory || !self->has_owner)
        return TRUE;
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++) {
        if (!ring_is_ready(self, &self->rings[i]))
            return TRUE;
    }
    if (!(self->features & (G_GUINT64_CONSTANT(1) << VIRTIO_F_VERSION_1))) {
        REFUSED(error, "the guest's driver has not accepted VIRTIO_F_VERSION_1");
        return FALSE;
    }
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++) {
        if (!give_ring(self, i, error))
            return FALSE;
    }
    if (!vhost_device_set_running(self->device, TRUE, error))
        return FALSE;
    self->running = TRUE;
    return TRUE;
}

/* Stops, and keeps where each ring has got to: the kernel may be asked only while it knows. */
static gboolean
stop_and_keep(Backend *self, GError **error)
{
    if (!self->running)
        return TRUE;
    if (!stop(self, error))
        return FALSE;
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++) {
        if (!vhost_device_get_vring_base(self->device, i, &self->rings[i].base, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
refuse_while_running(Backend *self, VhostUserRequest request, GError **error)
{
    if (!self->running)
        return TRUE;
    REFUSED(error, "%s came while the rings are running", vhost_user_request_name(request));
    return FALSE;
}

static gboolean
set_features(Backend *self, guint64 features, GError **error)
{
    if (features & ~self->offered) {
        MALFORMED(error,
                  "SET_FEATURES has 0x%" G_GINT64_MODIFIER "x, of which 0x%" G_GINT64_MODIFIER
                  "x was not offered",
                  features, features & ~self->offered);
        return FALSE;
    }
    if (self->running && features == self->features)
        return TRUE;
    if (!refuse_while_running(self, VHOST_USER_SET_FEATURES, error) ||
        !vhost_device_set_features(self->device, features & ~TRANSPORT_FEATURE, error))
        return FALSE;
    self->features = features;
    return TRUE;
}

static gboolean
set_protocol_features(Backend *self, guint64 features, GError **error)
{
    if (features & ~PROTOCOL_FEATURES) {
        MALFORMED(error,
                  "SET_PROTOCOL_FEATURES has 0x%" G_GINT64_MODIFIER
                  "x, of which 0x%" G_GINT64_MODIFIER "x was not offered",
                  features, features & ~PROTOCOL_FEATURES);
        return FALSE;
    }
    self->protocol_features = features;
    return TRUE;
}

static gboolean
set_memory(Backend *self, const VhostUserMemory *table, const int *fds, GError **error)
{
    g_autoptr(GuestMemory) memory = guest_memory_map(table, fds, error);

    if (!memory)
        return FALSE;
    /*
     * A table can change under a running guest (memory is plugged, a shared region appears). The
     * old mappings go last: until then consumers can import through them.
     */
    if (!stop_and_keep(self, error))
        return FALSE;
    if (!vhost_device_set_memory(self->device, memory, error)) {
        /* The kernel has kept the old table, and so do we. */
        (void) start_if_ready(self, NULL);
        return FALSE;
    }
    g_clear_pointer(&self->memory, guest_memory_free);
    self->memory = g_steal_pointer(&memory);
    return start_if_ready(self, error);
}

static gboolean
set_vring_addr(Backend *self, const struct vhost_vring_addr *addr, GError **error)
{
    Ring *ring = &self->rings[addr->index];
    struct vhost_vring_addr translated;

    if (!refuse_while_running(self, VHOST_USER_SET_VRING_ADDR, error))
        return FALSE;
    ring->addr = *addr;
    ring->has_addr = TRUE;
    /* Checked again when the rings start; what is known to be wrong is said at once. */
    if (self->memory && ring->num && !translate_ring(self, addr->index, &translated, error)) {
        ring->has_addr = FALSE;
        return FALSE;
    }
    return start_if_ready(self, error);
}

static gboolean
set_vring_fd(Backend *self, VhostUserRequest request, const VhostUserVringFd *vring_fd, int *fd,
             GError **error)
{
    Ring *ring = &self->rings[vring_fd->index];
    int *slot;
    gboolean (*tell)(VhostDevice *, guint, int, GError **);

    switch (request) {
    case VHOST_USER_SET_VRING_KICK:
        slot = &ring->kick;
        tell = vhost_device_set_vring_kick;
        break;
    case VHOST_USER_SET_VRING_CALL:
        slot = &ring->call;
        tell = vhost_device_set_vring_call;
        break;
    default:
        slot = &ring->err;
        tell = vhost_device_set_vring_err;
        break;
    }

    if (request == VHOST_USER_SET_VRING_KICK && !vring_fd->has_fd) {
        /* The kernel does not poll rings: one without a kick cannot run. */
        if (!stop_and_keep(self, error))
            return FALSE;
        fd_clear(&ring->kick);
        REFUSED(error, "ring %u has no kick; it cannot be polled", vring_fd->index);
        return FALSE;
    }
    if (self->running && !tell(self->device, vring_fd->index, vring_fd->has_fd ? *fd : -1, error))
        return FALSE;
    fd_clear(slot);
    if (vring_fd->has_fd)
        *slot = g_steal_fd(fd);
    return start_if_ready(self, error);
}

static gboolean
set_vring_enable(Backend *self, const VhostUserVringState *vring, GError **error)
{
    if (!(self->features & TRANSPORT_FEATURE)) {
        MALFORMED(error, "SET_VRING_ENABLE came without VHOST_USER_F_PROTOCOL_FEATURES");
        return FALSE;
    }
    if (!vring->value && !stop_and_keep(self, error))
        return FALSE;
    self->rings[vring->index].enabled = vring->value;
    return start_if_ready(self, error);
}

static gboolean
get_vring_base(Backend *self, guint index, VhostUserReply *reply, GError **error)
{
    Ring *ring = &self->rings[index];

    if (!stop_and_keep(self, error))
        return FALSE;
    /* It starts again with the next kick. */
    fd_clear(&ring->kick);
    vhost_user_reply_vring(reply, VHOST_USER_GET_VRING_BASE, index, ring->base);
    return TRUE;
}

static gboolean
reset_owner(Backend *self, GError **error)
{
    /* Its meaning was never agreed on; the specification allows to disable the rings. */
    if (!stop_and_keep(self, error))
        return FALSE;
    for (guint i = 0; i < VHOST_USER_N_VRINGS; i++) {
        self->rings[i].enabled = FALSE;
        fd_clear(&self->rings[i].kick);
    }
    return TRUE;
}

static gboolean
get_config(Backend *self, const VhostUserConfig *asked, VhostUserReply *reply)
{
    VhostUserConfig config = {.offset = asked->offset, .size = asked->size, .flags = asked->flags};
    struct virtio_vdmabuf_config space = {
        .page_size = GUINT32_TO_LE(sysconf(_SC_PAGESIZE)),
        .max_buffers = GUINT32_TO_LE(self->limits.max_buffers),
        .max_entries = GUINT32_TO_LE(self->limits.max_entries),
        .max_bytes = GUINT64_TO_LE(self->limits.max_bytes),
    };

    /* Behind the end there are zeros: a config_size that is too large does no harm. */
    if (asked->offset < sizeof(space))
        memcpy(config.data, (const guint8 *) &space + asked->offset,
               MIN(asked->size, sizeof(space) - asked->offset));
    vhost_user_reply_config(reply, VHOST_USER_GET_CONFIG, &config);
    return TRUE;
}

static gboolean
dispatch(Backend *self, const VhostUserMessage *message, int *fds, VhostUserReply *reply,
         GError **error)
{
    switch (message->request) {
    case VHOST_USER_GET_FEATURES:
        vhost_user_reply_u64(reply, message->request, self->offered);
        return TRUE;
    case VHOST_USER_SET_FEATURES:
        return set_features(self, message->u64, error);
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        vhost_user_reply_u64(reply, message->request, PROTOCOL_FEATURES);
        return TRUE;
    case VHOST_USER_SET_PROTOCOL_FEATURES:
        return set_protocol_features(self, message->u64, error);
    case VHOST_USER_GET_QUEUE_NUM:
        vhost_user_reply_u64(reply, message->request, VHOST_USER_N_VRINGS);
        return TRUE;
    case VHOST_USER_SET_OWNER:
        if (!vhost_device_set_owner(self->device, error))
            return FALSE;
        self->has_owner = TRUE;
        return TRUE;
    case VHOST_USER_RESET_OWNER:
        return reset_owner(self, error);
    case VHOST_USER_SET_MEM_TABLE:
        return set_memory(self, &message->memory, fds, error);
    case VHOST_USER_SET_VRING_NUM:
        if (!refuse_while_running(self, message->request, error))
            return FALSE;
        self->rings[message->vring.index].num = message->vring.value;
        return start_if_ready(self, error);
    case VHOST_USER_SET_VRING_BASE:
        if (!refuse_while_running(self, message->request, error))
            return FALSE;
        self->rings[message->vring.index].base = message->vring.value;
        return TRUE;
    case VHOST_USER_SET_VRING_ADDR:
        return set_vring_addr(self, &message->addr, error);
    case VHOST_USER_GET_VRING_BASE:
        return get_vring_base(self, message->vring.index, reply, error);
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        return set_vring_fd(self, message->request, &message->vring_fd, &fds[0], error);
    case VHOST_USER_SET_VRING_ENABLE:
        return set_vring_enable(self, &message->vring, error);
    case VHOST_USER_GET_CONFIG:
        return get_config(self, &message->config, reply);
    case VHOST_USER_SET_CONFIG:
        /* The guest can do this as often as it likes, and the log is not its to fill. */
        if (!self->config_write_said)
            broker_log(BROKER_LOG_WARNING, "the guest writes to the configuration of the device, "
                                           "which is read-only; this is said once");
        self->config_write_said = TRUE;
        if (message->need_reply && backend_has_reply_ack(self))
            vhost_user_reply_u64(reply, message->request, 1);
        return TRUE;
    case VHOST_USER_SET_BACKEND_REQ_FD:
        /* There is nothing to ask QEMU for; the caller closes the descriptor. */
        return TRUE;
    default:
        MALFORMED(error, "%s is not known here", vhost_user_request_name(message->request));
        return FALSE;
    }
}

gboolean
backend_handle(Backend *self, const VhostUserMessage *message, int *fds, VhostUserReply *reply,
               GError **error)
{
    GError *cause = NULL;

    reply->size = 0;
    if (dispatch(self, message, fds, reply, &cause))
        return TRUE;
    if (cause->domain != VHOST_USER_ERROR) {
        /* What the kernel refuses is a proper message to a device that cannot do it. */
        REFUSED(error, "%s: %s", vhost_user_request_name(message->request), cause->message);
        g_error_free(cause);
    } else {
        g_propagate_error(error, cause);
    }
    return FALSE;
}

gboolean
backend_has_reply_ack(Backend *self)
{
    return (self->protocol_features >> VHOST_USER_PROTOCOL_F_REPLY_ACK) & 1;
}

gboolean
backend_is_running(Backend *self)
{
    return self->running;
}

int
backend_get_consumer(Backend *self, pid_t pid, uid_t uid, GError **error)
{
    /* A consumer that connects while the broker ends, or cannot open the device anew */
    if (self->device == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                            "the broker has no device just now; try again");
        return -1;
    }
    return vhost_device_get_consumer(self->device, pid, uid,
                                     self->limits.flags & VDMABUF_LIMITS_WRITABLE, error);
}
