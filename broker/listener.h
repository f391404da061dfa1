/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening UNIX sockets in the file system. */
#pragma once

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

typedef struct _Listener Listener;

/* Takes @fd. It may free the listener. */
typedef void (*ListenerAccept)(int fd, const struct ucred *peer, gpointer data);

/**
 * listener_new:
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @path: a socket that nobody listens on any more is replaced, anything else is not
 * @users: (nullable): names of users who may connect beside the owner
 * @groups: (nullable): names of groups whose members may
 */
Listener *listener_new(int type, const char *path, const char *const *users,
                       const char *const *groups, ListenerAccept accept, gpointer data,
                       GError **error);
/* Of a socket that listens already; takes @fd. */
Listener *listener_new_for_fd(int fd, ListenerAccept accept, gpointer data);
/* Removes the socket's file, if it is still the one that was made here. */
void listener_free(Listener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listener, listener_free)

G_END_DECLS
