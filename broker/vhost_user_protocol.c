/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost_user_protocol.h"

#include <string.h>

#define FLAG_VERSION_MASK 0x3
#define FLAG_VERSION 0x1
#define FLAG_REPLY 0x4
#define FLAG_NEED_REPLY 0x8

/* In the payload of SET_VRING_KICK, _CALL and _ERR */
#define VRING_INDEX_MASK 0xff
#define VRING_NOFD 0x100

#define REGION_SIZE 32
#define MEMORY_HEADER_SIZE 8
#define MEMORY_MAX_SIZE (MEMORY_HEADER_SIZE + VHOST_USER_MAX_REGIONS * REGION_SIZE)

typedef struct {
    const char *name;
    guint32 min_size;
    guint32 max_size;
    guint min_fds;
    guint max_fds;
    const char *refused; /* why a request of this kind never fits this device */
} RequestInfo;

static const RequestInfo requests[] = {
    [VHOST_USER_GET_FEATURES] = {"GET_FEATURES", 0, 0, 0, 0, NULL},
    [VHOST_USER_SET_FEATURES] = {"SET_FEATURES", 8, 8, 0, 0, NULL},
    [VHOST_USER_SET_OWNER] = {"SET_OWNER", 0, 0, 0, 0, NULL},
    [VHOST_USER_RESET_OWNER] = {"RESET_OWNER", 0, 0, 0, 0, NULL},
    [VHOST_USER_SET_MEM_TABLE] = {"SET_MEM_TABLE", MEMORY_HEADER_SIZE, MEMORY_MAX_SIZE, 0,
                                  VHOST_USER_MAX_REGIONS, NULL},
    [VHOST_USER_SET_LOG_BASE] = {"SET_LOG_BASE", 0, 16, 0, 1,
                                 "a vdmabuf device cannot be migrated"},
    [VHOST_USER_SET_LOG_FD] = {"SET_LOG_FD", 0, 8, 0, 1, "a vdmabuf device cannot be migrated"},
    [VHOST_USER_SET_VRING_NUM] = {"SET_VRING_NUM", 8, 8, 0, 0, NULL},
    [VHOST_USER_SET_VRING_ADDR] = {"SET_VRING_ADDR", 40, 40, 0, 0, NULL},
    [VHOST_USER_SET_VRING_BASE] = {"SET_VRING_BASE", 8, 8, 0, 0, NULL},
    [VHOST_USER_GET_VRING_BASE] = {"GET_VRING_BASE", 8, 8, 0, 0, NULL},
    [VHOST_USER_SET_VRING_KICK] = {"SET_VRING_KICK", 8, 8, 0, 1, NULL},
    [VHOST_USER_SET_VRING_CALL] = {"SET_VRING_CALL", 8, 8, 0, 1, NULL},
    [VHOST_USER_SET_VRING_ERR] = {"SET_VRING_ERR", 8, 8, 0, 1, NULL},
    [VHOST_USER_GET_PROTOCOL_FEATURES] = {"GET_PROTOCOL_FEATURES", 0, 0, 0, 0, NULL},
    [VHOST_USER_SET_PROTOCOL_FEATURES] = {"SET_PROTOCOL_FEATURES", 8, 8, 0, 0, NULL},
    [VHOST_USER_GET_QUEUE_NUM] = {"GET_QUEUE_NUM", 0, 0, 0, 0, NULL},
    [VHOST_USER_SET_VRING_ENABLE] = {"SET_VRING_ENABLE", 8, 8, 0, 0, NULL},
    [VHOST_USER_SET_BACKEND_REQ_FD] = {"SET_BACKEND_REQ_FD", 0, 0, 1, 1, NULL},
    [VHOST_USER_GET_CONFIG] = {"GET_CONFIG", VHOST_USER_CONFIG_HEADER_SIZE, VHOST_USER_MAX_PAYLOAD,
                               0, 0, NULL},
    [VHOST_USER_SET_CONFIG] = {"SET_CONFIG", VHOST_USER_CONFIG_HEADER_SIZE, VHOST_USER_MAX_PAYLOAD,
                               0, 0, NULL},
};

G_DEFINE_QUARK(vhost-user-error-quark, vhost_user_error)

#define MALFORMED(error, ...)                                                                      \
    g_set_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_MALFORMED, __VA_ARGS__)

static const RequestInfo *
request_info(guint32 request)
{
    if (request >= G_N_ELEMENTS(requests) || !requests[request].name)
        return NULL;
    return &requests[request];
}

const char *
vhost_user_request_name(guint32 request)
{
    const RequestInfo *info = request_info(request);

    return info ? info->name : NULL;
}

static guint32
get_u32(const guint8 *bytes)
{
    guint32 value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static guint64
get_u64(const guint8 *bytes)
{
    guint64 value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

gboolean
vhost_user_header_parse(const guint8 bytes[VHOST_USER_HEADER_SIZE], VhostUserHeader *header,
                        GError **error)
{
    const RequestInfo *info;

    header->request = get_u32(bytes);
    header->flags = get_u32(bytes + 4);
    header->size = get_u32(bytes + 8);

    info = request_info(header->request);
    if (!info) {
        MALFORMED(error, "unknown vhost-user request %u", header->request);
        return FALSE;
    }
    if ((header->flags & FLAG_VERSION_MASK) != FLAG_VERSION) {
        MALFORMED(error, "%s has version %u of vhost-user, only version 1 is known", info->name,
                  header->flags & FLAG_VERSION_MASK);
        return FALSE;
    }
    if (header->flags & ~(FLAG_VERSION_MASK | FLAG_NEED_REPLY)) {
        MALFORMED(error, "%s has the flags 0x%x, which a request cannot have", info->name,
                  header->flags);
        return FALSE;
    }
    if (header->size < info->min_size || header->size > info->max_size) {
        MALFORMED(error, "%s has a payload of %u bytes, it takes %u to %u", info->name,
                  header->size, info->min_size, info->max_size);
        return FALSE;
    }
    return TRUE;
}

static gboolean
ranges_overlap(guint64 a, guint64 a_size, guint64 b, guint64 b_size)
{
    return a < b + b_size && b < a + a_size;
}

static gboolean
parse_region(const guint8 *payload, guint index, guint64 page_size, VhostUserMemory *memory,
             GError **error)
{
    VhostUserRegion *region = &memory->regions[index];
    const guint8 *bytes = payload + MEMORY_HEADER_SIZE + index * REGION_SIZE;
    guint64 end;

    region->guest_addr = get_u64(bytes);
    region->size = get_u64(bytes + 8);
    region->user_addr = get_u64(bytes + 16);
    region->mmap_offset = get_u64(bytes + 24);

    if (region->size == 0) {
        MALFORMED(error, "SET_MEM_TABLE: region %u is empty", index);
        return FALSE;
    }
    if ((region->guest_addr | region->size | region->user_addr | region->mmap_offset) &
        (page_size - 1)) {
        MALFORMED(error,
                  "SET_MEM_TABLE: region %u (guest address 0x%" G_GINT64_MODIFIER
                  "x, size 0x%" G_GINT64_MODIFIER "x, user address 0x%" G_GINT64_MODIFIER
                  "x, offset 0x%" G_GINT64_MODIFIER "x) is not made of whole pages",
                  index, region->guest_addr, region->size, region->user_addr, region->mmap_offset);
        return FALSE;
    }
    if (!g_uint64_checked_add(&end, region->guest_addr, region->size) ||
        !g_uint64_checked_add(&end, region->user_addr, region->size) ||
        !g_uint64_checked_add(&end, region->mmap_offset, region->size) || end > G_MAXINT64) {
        MALFORMED(error, "SET_MEM_TABLE: region %u goes over the end of the address space", index);
        return FALSE;
    }
    for (guint i = 0; i < index; i++) {
        const VhostUserRegion *other = &memory->regions[i];

        if (ranges_overlap(region->guest_addr, region->size, other->guest_addr, other->size) ||
            ranges_overlap(region->user_addr, region->size, other->user_addr, other->size)) {
            MALFORMED(error, "SET_MEM_TABLE: regions %u and %u overlap", i, index);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
parse_memory(const VhostUserHeader *header, const guint8 *payload, guint n_fds, guint64 page_size,
             VhostUserMemory *memory, GError **error)
{
    guint32 n_regions = get_u32(payload);

    if (n_regions == 0) {
        MALFORMED(error, "SET_MEM_TABLE has no region; the domain needs shared memory: "
                         "<memoryBacking> with <source type='memfd'/> and <access mode='shared'/>");
        return FALSE;
    }
    if (n_regions > VHOST_USER_MAX_REGIONS) {
        MALFORMED(error, "SET_MEM_TABLE has %u regions, at most %u are possible", n_regions,
                  VHOST_USER_MAX_REGIONS);
        return FALSE;
    }
    if (header->size != MEMORY_HEADER_SIZE + n_regions * REGION_SIZE) {
        MALFORMED(error, "SET_MEM_TABLE has %u regions in a payload of %u bytes", n_regions,
                  header->size);
        return FALSE;
    }
    if (n_fds != n_regions) {
        MALFORMED(error, "SET_MEM_TABLE has %u regions and came with %u file descriptors",
                  n_regions, n_fds);
        return FALSE;
    }
    for (guint i = 0; i < n_regions; i++) {
        if (!parse_region(payload, i, page_size, memory, error))
            return FALSE;
    }
    memory->n_regions = n_regions;
    return TRUE;
}

static gboolean
check_index(const char *name, guint64 index, GError **error)
{
    if (index >= VHOST_USER_N_VRINGS) {
        MALFORMED(error, "%s names ring %" G_GUINT64_FORMAT ", the device has %u", name, index,
                  VHOST_USER_N_VRINGS);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_vring(VhostUserRequest request, const char *name, const guint8 *payload,
            VhostUserVringState *vring, GError **error)
{
    vring->index = get_u32(payload);
    vring->value = get_u32(payload + 4);

    if (!check_index(name, vring->index, error))
        return FALSE;

    switch (request) {
    case VHOST_USER_SET_VRING_NUM:
        if (vring->value == 0 || vring->value > VHOST_USER_MAX_VRING_SIZE ||
            (vring->value & (vring->value - 1))) {
            MALFORMED(error, "%s: ring %u cannot have %u entries, only a power of two up to %u",
                      name, vring->index, vring->value, VHOST_USER_MAX_VRING_SIZE);
            return FALSE;
        }
        break;
    case VHOST_USER_SET_VRING_BASE:
        if (vring->value > G_MAXUINT16) {
            MALFORMED(error, "%s: ring %u cannot start at %u", name, vring->index, vring->value);
            return FALSE;
        }
        break;
    case VHOST_USER_SET_VRING_ENABLE:
        if (vring->value > 1) {
            MALFORMED(error, "%s: ring %u can be set to 0 or 1, not to %u", name, vring->index,
                      vring->value);
            return FALSE;
        }
        break;
    default:
        break;
    }
    return TRUE;
}

static gboolean
parse_vring_fd(const char *name, const guint8 *payload, guint n_fds, VhostUserVringFd *vring_fd,
               GError **error)
{
    guint64 value = get_u64(payload);

    if (value & ~(guint64) (VRING_INDEX_MASK | VRING_NOFD)) {
        MALFORMED(error, "%s has unknown bits in 0x%" G_GINT64_MODIFIER "x", name, value);
        return FALSE;
    }
    if (!check_index(name, value & VRING_INDEX_MASK, error))
        return FALSE;
    if (n_fds != (value & VRING_NOFD ? 0 : 1)) {
        MALFORMED(error, "%s of ring %u says that it has %s file descriptor and came with %u", name,
                  (guint) (value & VRING_INDEX_MASK), value & VRING_NOFD ? "no" : "a", n_fds);
        return FALSE;
    }
    vring_fd->index = value & VRING_INDEX_MASK;
    vring_fd->has_fd = n_fds == 1;
    return TRUE;
}

static gboolean
parse_addr(const char *name, const guint8 *payload, struct vhost_vring_addr *addr, GError **error)
{
    memcpy(addr, payload, sizeof(*addr));

    if (!check_index(name, addr->index, error))
        return FALSE;
    if (addr->flags) {
        MALFORMED(error,
                  "%s of ring %u has the flags 0x%x; writes cannot be logged, a vdmabuf "
                  "device cannot be migrated",
                  name, addr->index, addr->flags);
        return FALSE;
    }
    if (addr->desc_user_addr % 16 || addr->avail_user_addr % 2 || addr->used_user_addr % 4) {
        MALFORMED(error, "%s of ring %u has a misaligned address", name, addr->index);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_config(const char *name, const VhostUserHeader *header, const guint8 *payload,
             VhostUserConfig *config, GError **error)
{
    config->offset = get_u32(payload);
    config->size = get_u32(payload + 4);
    config->flags = get_u32(payload + 8);

    if (config->size != header->size - VHOST_USER_CONFIG_HEADER_SIZE) {
        MALFORMED(error, "%s says that it has %u bytes of configuration and has %u", name,
                  config->size, header->size - VHOST_USER_CONFIG_HEADER_SIZE);
        return FALSE;
    }
    if (config->offset > VHOST_USER_MAX_CONFIG ||
        config->size > VHOST_USER_MAX_CONFIG - config->offset) {
        MALFORMED(error,
                  "%s reaches to byte %" G_GUINT64_FORMAT " of the configuration, which has "
                  "at most %u",
                  name, (guint64) config->offset + config->size, VHOST_USER_MAX_CONFIG);
        return FALSE;
    }
    memcpy(config->data, payload + VHOST_USER_CONFIG_HEADER_SIZE, config->size);
    return TRUE;
}

gboolean
vhost_user_message_parse(const VhostUserHeader *header, const guint8 *payload, guint n_fds,
                         guint64 page_size, VhostUserMessage *message, GError **error)
{
    const RequestInfo *info = request_info(header->request);

    g_return_val_if_fail(info != NULL, FALSE);
    G_STATIC_ASSERT(sizeof(message->addr) == 40);

    memset(message, 0, sizeof(*message));
    message->request = header->request;
    message->need_reply = (header->flags & FLAG_NEED_REPLY) != 0;

    if (info->refused) {
        MALFORMED(error, "%s is not possible: %s", info->name, info->refused);
        return FALSE;
    }
    if (n_fds < info->min_fds || n_fds > info->max_fds) {
        MALFORMED(error, "%s came with %u file descriptors, it takes %u to %u", info->name, n_fds,
                  info->min_fds, info->max_fds);
        return FALSE;
    }

    switch (message->request) {
    case VHOST_USER_SET_FEATURES:
    case VHOST_USER_SET_PROTOCOL_FEATURES:
        message->u64 = get_u64(payload);
        return TRUE;
    case VHOST_USER_SET_MEM_TABLE:
        return parse_memory(header, payload, n_fds, page_size, &message->memory, error);
    case VHOST_USER_SET_VRING_NUM:
    case VHOST_USER_SET_VRING_BASE:
    case VHOST_USER_GET_VRING_BASE:
    case VHOST_USER_SET_VRING_ENABLE:
        return parse_vring(message->request, info->name, payload, &message->vring, error);
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        return parse_vring_fd(info->name, payload, n_fds, &message->vring_fd, error);
    case VHOST_USER_SET_VRING_ADDR:
        return parse_addr(info->name, payload, &message->addr, error);
    case VHOST_USER_GET_CONFIG:
    case VHOST_USER_SET_CONFIG:
        return parse_config(info->name, header, payload, &message->config, error);
    default:
        return TRUE;
    }
}

static void
reply_start(VhostUserReply *reply, VhostUserRequest request, guint32 size)
{
    guint32 header[3] = {request, FLAG_VERSION | FLAG_REPLY, size};

    memcpy(reply->bytes, header, sizeof(header));
    reply->size = VHOST_USER_HEADER_SIZE + size;
}

void
vhost_user_reply_u64(VhostUserReply *reply, VhostUserRequest request, guint64 value)
{
    reply_start(reply, request, sizeof(value));
    memcpy(reply->bytes + VHOST_USER_HEADER_SIZE, &value, sizeof(value));
}

void
vhost_user_reply_vring(VhostUserReply *reply, VhostUserRequest request, guint32 index,
                       guint32 value)
{
    guint32 payload[2] = {index, value};

    reply_start(reply, request, sizeof(payload));
    memcpy(reply->bytes + VHOST_USER_HEADER_SIZE, payload, sizeof(payload));
}

void
vhost_user_reply_config(VhostUserReply *reply, VhostUserRequest request,
                        const VhostUserConfig *config)
{
    guint32 payload[3] = {config->offset, config->size, config->flags};

    g_return_if_fail(config->size <= VHOST_USER_MAX_CONFIG);

    reply_start(reply, request, VHOST_USER_CONFIG_HEADER_SIZE + config->size);
    memcpy(reply->bytes + VHOST_USER_HEADER_SIZE, payload, sizeof(payload));
    memcpy(reply->bytes + VHOST_USER_HEADER_SIZE + sizeof(payload), config->data, config->size);
}

guint64
vhost_user_vring_desc_size(guint32 num)
{
    return (guint64) num * 16;
}

guint64
vhost_user_vring_avail_size(guint32 num)
{
    return 6 + (guint64) num * 2;
}

guint64
vhost_user_vring_used_size(guint32 num)
{
    return 6 + (guint64) num * 8;
}
