/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vhost-user connection: reads messages as they trickle in, hands them to the backend and
 * sends its answers. It never blocks and never holds more than one message.
 */
#pragma once

#include "backend.h"

G_BEGIN_DECLS

typedef struct _Connection Connection;

/**
 * ConnectionClosed:
 * @error: (nullable): why, if the peer did not simply close
 *
 * Called once; it may free the connection.
 */
typedef void (*ConnectionClosed)(Connection *self, const GError *error, gpointer data);

/* Takes @fd, blocking or not. @backend has to live longer. */
Connection *connection_new(int fd, Backend *backend, ConnectionClosed closed, gpointer data);
void connection_free(Connection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, connection_free)

/* Whether the peer has closed its end, even if nobody has read that far */
gboolean connection_is_hung_up(Connection *self);

G_END_DECLS
