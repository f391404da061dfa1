/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vhost-user messages that this back-end takes part in: from bytes to a checked structure.
 *
 * Nothing here touches a socket, a mapping or the kernel, so that all of it can be tested and
 * fuzzed with plain memory. The peer is not believed: a message that comes out of
 * vhost_user_message_parse() has the size its request asks for, as many file descriptors, ring
 * indices inside the device, and a memory table whose sums do not overflow.
 */
#pragma once

#include <glib.h>
#include <linux/vhost_types.h>

G_BEGIN_DECLS

#define VHOST_USER_HEADER_SIZE 12
#define VHOST_USER_MAX_REGIONS 8
#define VHOST_USER_MAX_FDS VHOST_USER_MAX_REGIONS
#define VHOST_USER_CONFIG_HEADER_SIZE 12
#define VHOST_USER_MAX_CONFIG 256
#define VHOST_USER_MAX_PAYLOAD (VHOST_USER_CONFIG_HEADER_SIZE + VHOST_USER_MAX_CONFIG)
#define VHOST_USER_MAX_VRING_SIZE 32768
#define VHOST_USER_N_VRINGS 2

/* Feature bit of the transport itself, never handed to the kernel */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_CONFIG 9

typedef enum {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_LOG_BASE = 6,
    VHOST_USER_SET_LOG_FD = 7,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_SET_BACKEND_REQ_FD = 21,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
} VhostUserRequest;

/**
 * VhostUserError:
 * @VHOST_USER_ERROR_MALFORMED: the peer does not keep to the protocol; the connection ends
 * @VHOST_USER_ERROR_REFUSED: a proper message that cannot be obeyed; the peer is told, if it
 *   asked for an answer, and the connection goes on
 */
typedef enum {
    VHOST_USER_ERROR_MALFORMED,
    VHOST_USER_ERROR_REFUSED,
} VhostUserError;

#define VHOST_USER_ERROR (vhost_user_error_quark())
GQuark vhost_user_error_quark(void);

typedef struct {
    guint32 request;
    guint32 flags;
    guint32 size;
} VhostUserHeader;

typedef struct {
    guint64 guest_addr;
    guint64 size;
    guint64 user_addr;   /* in QEMU */
    guint64 mmap_offset; /* into the file descriptor that came with it */
} VhostUserRegion;

typedef struct {
    guint32 index;
    guint32 value;
} VhostUserVringState;

typedef struct {
    guint32 index;
    gboolean has_fd;
} VhostUserVringFd;

typedef struct {
    guint n_regions;
    VhostUserRegion regions[VHOST_USER_MAX_REGIONS];
} VhostUserMemory;

typedef struct {
    guint32 offset;
    guint32 size;
    guint32 flags;
    guint8 data[VHOST_USER_MAX_CONFIG];
} VhostUserConfig;

typedef struct {
    VhostUserRequest request;
    gboolean need_reply;
    union {
        guint64 u64;                  /* SET_FEATURES, SET_PROTOCOL_FEATURES */
        VhostUserVringState vring;    /* SET_VRING_NUM, _BASE, _ENABLE, GET_VRING_BASE */
        VhostUserVringFd vring_fd;    /* SET_VRING_KICK, _CALL, _ERR */
        struct vhost_vring_addr addr; /* SET_VRING_ADDR; its layout is that of the message */
        VhostUserMemory memory;       /* SET_MEM_TABLE */
        VhostUserConfig config;       /* GET_CONFIG, SET_CONFIG */
    };
} VhostUserMessage;

/* An answer; size 0 means that there is none to send */
typedef struct {
    gsize size;
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
} VhostUserReply;

/* The name in the specification, without its prefix; "request N" is for the caller to say */
const char *vhost_user_request_name(guint32 request);

/**
 * vhost_user_header_parse:
 *
 * The size of the payload is checked against the request here, before anything of it is read, so
 * that the peer cannot make the reader wait for, or store, more than a request can carry.
 */
gboolean vhost_user_header_parse(const guint8 bytes[VHOST_USER_HEADER_SIZE],
                                 VhostUserHeader *header, GError **error);

/**
 * vhost_user_message_parse:
 * @payload: header->size bytes
 * @n_fds: how many file descriptors came with the message
 * @page_size: of this host
 */
gboolean vhost_user_message_parse(const VhostUserHeader *header, const guint8 *payload, guint n_fds,
                                  guint64 page_size, VhostUserMessage *message, GError **error);

void vhost_user_reply_u64(VhostUserReply *reply, VhostUserRequest request, guint64 value);
void vhost_user_reply_vring(VhostUserReply *reply, VhostUserRequest request, guint32 index,
                            guint32 value);
/* The same offset, size and flags as in @config, with its data */
void vhost_user_reply_config(VhostUserReply *reply, VhostUserRequest request,
                             const VhostUserConfig *config);

/* Bytes of the three parts of a split ring, each with the room that EVENT_IDX needs */
guint64 vhost_user_vring_desc_size(guint32 num);
guint64 vhost_user_vring_avail_size(guint32 num);
guint64 vhost_user_vring_used_size(guint32 num);

G_END_DECLS
