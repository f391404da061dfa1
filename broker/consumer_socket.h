/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket for consumers: whoever connects gets one packet, and with it a consumer fd.
 *
 * The mode and group of the socket's file, or an access control list on it, say who may connect;
 * the credentials that the kernel has noted are what the consumer fd is made for.
 */
#pragma once

#include <sys/types.h>

#include "backend.h"

G_BEGIN_DECLS

#define CONSUMER_SOCKET_OK "vdmabuf 1 ok\n"
#define CONSUMER_SOCKET_ERROR "vdmabuf 1 error "

/* Answers one consumer; takes @fd. Returns: whether it got a consumer fd */
gboolean consumer_socket_serve(int fd, pid_t pid, uid_t uid, Backend *backend);

G_END_DECLS
