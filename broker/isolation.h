/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the broker gives up before it listens to anybody.
 *
 * 1. isolation_drop_privileges(): no new privileges, no capabilities, not traceable by another
 *    broker of the same user.
 * 2. isolation_filter_syscalls(): an allow-list of system calls, and of ioctls by number.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean isolation_drop_privileges(GError **error);
gboolean isolation_filter_syscalls(GError **error);

G_END_DECLS
