/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brokers on a host without systemd: a process of its own, found again by the file DEVICE.pid in
 * the domain's directory. The broker has that file locked as long as it lives, so that the number
 * in it is never that of somebody else.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/**
 * Alone:
 * @program: the broker
 * @user: that it runs as
 * @group: likewise
 * @seconds: how long it may take to listen, and to end
 */
typedef struct {
    const char *program;
    uid_t user;
    gid_t group;
    guint seconds;
} Alone;

/**
 * alone_start:
 * @directory: of the domain
 * @path: of the same
 *
 * Starts a broker with @path/@alias.conf; it listens when this returns.
 */
gboolean alone_start(const Alone *self, int directory, const char *path, const char *alias,
                     GError **error);
gboolean alone_is_running(int directory, const char *alias);
/* Asks the broker to end, and after @seconds does not ask any more. */
void alone_stop(const Alone *self, int directory, const char *alias);

G_END_DECLS
