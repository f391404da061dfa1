/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"
#include "fd.h"

/* After an error number that is known: what helps, with its comma */
static const char *
remedy(int number)
{
    return number == ENOSPC || number == EDQUOT ? "; make room there and try again" : "";
}

static void
fail(GError **error, const char *what, const char *path, int number)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "cannot %s '%s': %s%s", what,
                path, g_strerror(number), remedy(number));
}

int
directory_open(const char *base, const char *domain)
{
    g_autofree char *path = g_build_filename(base, domain, NULL);

    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
directory_make(const char *base, const char *domain, uid_t owner, gid_t group, GError **error)
{
    g_autofree char *path = g_build_filename(base, domain, NULL);
    auto_fd int directory = -1;

    if ((mkdir(base, 0755) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST)) {
        fail(error, "make the directory", path, errno);
        return -1;
    }
    directory = directory_open(base, domain);
    if (directory < 0 || fchown(directory, owner, group) < 0 || fchmod(directory, 01775) < 0) {
        fail(error, "use the directory", path, errno);
        return -1;
    }
    return g_steal_fd(&directory);
}

static gboolean
write_all(int fd, const char *text)
{
    gsize left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno != EINTR)
            return FALSE;
        text += MAX(written, 0);
        left -= MAX(written, 0);
    }
    return TRUE;
}

gboolean
directory_write_config(int directory, const char *alias, const char *text, uid_t owner, gid_t group,
                       GError **error)
{
    g_autofree char *name = g_strconcat(alias, DIRECTORY_CONFIG_SUFFIX, NULL);
    auto_fd int fd = -1;

    /* New each time: what is there could be anybody's. */
    (void) unlinkat(directory, name, 0);
    (void) unlinkat(directory, alias, 0);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchown(fd, owner, group) < 0 || !write_all(fd, text) || fchmod(fd, 0640) < 0 ||
        symlinkat(".", directory, alias) < 0) {
        fail(error, "write the configuration of device", alias, errno);
        return FALSE;
    }
    return TRUE;
}

static GPtrArray *
list_names(int directory)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    if (!stream) {
        fd_clear(&copy);
        return names;
    }
    while ((entry = readdir(stream))) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    closedir(stream);
    return names;
}

GPtrArray *
directory_list(int directory)
{
    GPtrArray *aliases = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) names = list_names(directory);

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *alias = NULL;

        if (!g_str_has_suffix(name, DIRECTORY_CONFIG_SUFFIX))
            continue;
        alias = g_strndup(name, strlen(name) - strlen(DIRECTORY_CONFIG_SUFFIX));
        if (domain_alias_is_usable(alias))
            g_ptr_array_add(aliases, g_steal_pointer(&alias));
    }
    return aliases;
}

void
directory_clean(int directory, const char *alias)
{
    static const char *const suffixes[] = {DIRECTORY_CONFIG_SUFFIX, "", ".vhost", ".sock", ".pid"};

    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *name = g_strconcat(alias, suffixes[i], NULL);

        (void) unlinkat(directory, name, 0);
    }
}

void
directory_clear(int directory)
{
    g_autoptr(GPtrArray) names = list_names(directory);

    for (guint i = 0; i < names->len; i++)
        (void) unlinkat(directory, g_ptr_array_index(names, i), 0);
}

void
directory_remove(const char *base, const char *domain)
{
    g_autofree char *path = g_build_filename(base, domain, NULL);

    (void) rmdir(path);
}
