/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other processes for tests: made, killed, and talked to.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A child that does not outlive a test that fails */
pid_t fork_child(void);
void kill_child(pid_t pid);

/* One byte through a pipe, and waiting for it */
void say(int fd);
void hear(int fd);

/* Descriptors and @length bytes of data through a socket, which keeps packets apart */
void send_fds(int socket, const int *fds, guint n_fds, gconstpointer data, gsize length);
void receive_fds(int socket, int *fds, guint n_fds, gpointer data, gsize length);

G_END_DECLS
