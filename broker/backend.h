/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device is just now: the guest's memory, the two rings, and the kernel's vhost file
 * that serves them. It obeys checked vhost-user messages and knows no socket.
 *
 * A backend has a vhost file at every time, so that consumers can connect before QEMU does. It
 * belongs to one QEMU: when that is gone, backend_detach() closes it (consumers see the VM die)
 * and backend_open() makes a new one.
 */
#pragma once

#include "vhost_device.h"
#include "vhost_user_protocol.h"

G_BEGIN_DECLS

/**
 * BackendSettings:
 * @name: (nullable): of the domain
 * @uuid: of the domain, zero if unknown
 * @limits: a limit of 0 is left as the module has it; @limits.flags is always in force
 */
typedef struct {
    const char *name;
    guint8 uuid[16];
    struct vdmabuf_limits limits;
} BackendSettings;

/* Opens the kernel's device; for tests, something that behaves like it. */
typedef VhostDevice *(*BackendOpen)(gpointer data, GError **error);

typedef struct _Backend Backend;

/* Without a vhost file as yet. */
Backend *backend_new(const BackendSettings *settings, BackendOpen open_device, gpointer data);
void backend_free(Backend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Backend, backend_free)

/* A vhost file with the limits of the settings; errors are worth ending the program for. */
gboolean backend_open(Backend *self, GError **error);
/* Bytes that consumers can make the kernel pin, by the limits of the open vhost file */
guint64 backend_get_max_bytes(Backend *self);

/* A QEMU has connected. */
gboolean backend_attach(Backend *self, pid_t pid, GError **error);
/* It is gone: nothing of it stays, neither rings nor mappings nor file descriptors. */
void backend_detach(Backend *self);

/**
 * backend_handle:
 * @fds: that came with @message; one that is kept is replaced with -1
 * @reply: (out): what to send
 *
 * Returns: %FALSE with %VHOST_USER_ERROR_MALFORMED or %VHOST_USER_ERROR_REFUSED
 */
gboolean backend_handle(Backend *self, const VhostUserMessage *message, int *fds,
                        VhostUserReply *reply, GError **error);

/* Whether the peer may ask for an answer to any request */
gboolean backend_has_reply_ack(Backend *self);
gboolean backend_is_running(Backend *self);

/* Returns: a consumer fd to be closed by the caller, or -1 */
int backend_get_consumer(Backend *self, pid_t pid, uid_t uid, GError **error);

G_END_DECLS
