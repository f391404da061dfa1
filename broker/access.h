/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may connect to a socket: an access control list on its file. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * access_grant:
 * @path: of a file that belongs to this user
 * @users: (nullable): names, ends with %NULL
 * @groups: (nullable): likewise
 *
 * Lets the owner, @users and the members of @groups read and write, and nobody else. The owner
 * of a file may do so without being a member of the groups.
 */
gboolean access_grant(const char *path, const char *const *users, const char *const *groups,
                      GError **error);

G_END_DECLS
