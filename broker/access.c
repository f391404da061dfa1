/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "access.h"

#include <acl/libacl.h>
#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/acl.h>

#define FAIL(error, ...) g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, __VA_ARGS__)

static void
clear_acl(acl_t *acl)
{
    if (*acl)
        acl_free(*acl);
}

/* @id is NULL for the entries that every file has */
static gboolean
add_entry(acl_t *acl, acl_tag_t tag, const id_t *id, gboolean allowed)
{
    acl_entry_t entry;
    acl_permset_t permissions;

    if (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, tag) < 0 ||
        (id && acl_set_qualifier(entry, id) < 0) || acl_get_permset(entry, &permissions) < 0 ||
        acl_clear_perms(permissions) < 0)
        return FALSE;
    return !allowed ||
           (acl_add_perm(permissions, ACL_READ) == 0 && acl_add_perm(permissions, ACL_WRITE) == 0);
}

/* A name that is there twice would make the list invalid. */
static gboolean
add_named(acl_t *acl, acl_tag_t tag, GHashTable *known, id_t id)
{
    return !g_hash_table_add(known, GUINT_TO_POINTER(id)) || add_entry(acl, tag, &id, TRUE);
}

static gboolean
add_users(acl_t *acl, const char *const *users, GError **error)
{
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);

    for (; users && *users; users++) {
        const struct passwd *user = getpwnam(*users);

        if (!user) {
            FAIL(error, "there is no user '%s'; create it or name another one", *users);
            return FALSE;
        }
        if (!add_named(acl, ACL_USER, known, user->pw_uid)) {
            FAIL(error, "cannot list the user '%s': %s", *users, g_strerror(errno));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
add_groups(acl_t *acl, const char *const *groups, GError **error)
{
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);

    for (; groups && *groups; groups++) {
        const struct group *group = getgrnam(*groups);

        if (!group) {
            FAIL(error, "there is no group '%s'; create it or name another one", *groups);
            return FALSE;
        }
        if (!add_named(acl, ACL_GROUP, known, group->gr_gid)) {
            FAIL(error, "cannot list the group '%s': %s", *groups, g_strerror(errno));
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
access_grant(const char *path, const char *const *users, const char *const *groups, GError **error)
{
    __attribute__((cleanup(clear_acl))) acl_t acl = acl_init(4);

    if (!acl || !add_entry(&acl, ACL_USER_OBJ, NULL, TRUE) ||
        !add_entry(&acl, ACL_GROUP_OBJ, NULL, FALSE) || !add_entry(&acl, ACL_OTHER, NULL, FALSE) ||
        !add_entry(&acl, ACL_MASK, NULL, TRUE)) {
        FAIL(error, "cannot make an access control list: %s", g_strerror(errno));
        return FALSE;
    }
    if (!add_users(&acl, users, error) || !add_groups(&acl, groups, error))
        return FALSE;
    if (acl_set_file(path, ACL_TYPE_ACCESS, acl) < 0) {
        FAIL(error, "cannot set the access control list of '%s': %s", path, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}
