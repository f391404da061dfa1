/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <string.h>
#include <sys/xattr.h>

#include "private.h"

#define ACCESS_LIST "system.posix_acl_access"

static char *
user_name(guint id)
{
    struct passwd entry, *user = NULL;
    char names[4096];

    if (getpwuid_r(id, &entry, names, sizeof(names), &user) != 0 || user == NULL)
        return g_strdup_printf("the user %u", id);
    return g_strdup_printf("the user %s", user->pw_name);
}

static char *
group_name(guint id)
{
    struct group entry, *group = NULL;
    char names[4096];

    if (getgrgid_r(id, &entry, names, sizeof(names), &group) != 0 || group == NULL)
        return g_strdup_printf("members of the group %u", id);
    return g_strdup_printf("members of the group %s", group->gr_name);
}

char *
vdmabuf_io_describe_list(const char *path)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct {
        struct posix_acl_xattr_header header;
        struct posix_acl_xattr_entry entries[128];
    } list;
    gssize size = getxattr(path, ACCESS_LIST, &list, sizeof(list));
    gsize n;

    if (size < (gssize) sizeof(list.header) ||
        GUINT32_FROM_LE(list.header.a_version) != POSIX_ACL_XATTR_VERSION)
        return NULL;
    n = ((gsize) size - sizeof(list.header)) / sizeof(list.entries[0]);
    for (gsize i = 0; i < n; i++) {
        guint tag = GUINT16_FROM_LE(list.entries[i].e_tag);
        guint id = GUINT32_FROM_LE(list.entries[i].e_id);
        g_autofree char *name = NULL;

        if (!(GUINT16_FROM_LE(list.entries[i].e_perm) & ACL_WRITE))
            continue;
        if (tag == ACL_USER)
            name = user_name(id);
        else if (tag == ACL_GROUP)
            name = group_name(id);
        else
            continue;
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", name);
    }
    if (text->len == 0)
        return NULL;
    g_string_prepend(text, " is for ");
    g_string_prepend(text, path);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
