/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define ENDPOINT_DIRECTORY "/run/vdmabuf"
#define ENDPOINT_SUFFIX ".sock"

void
vdmabuf_endpoint_free(VdmabufEndpoint *self)
{
    if (self == NULL)
        return;

    g_free(self->domain);
    g_free(self->device);
    g_free(self->path);
    g_free(self);
}

static int
endpoint_compare(gconstpointer a, gconstpointer b)
{
    const VdmabufEndpoint *one = *(VdmabufEndpoint *const *) a;
    const VdmabufEndpoint *other = *(VdmabufEndpoint *const *) b;
    int ret = strcmp(one->domain, other->domain);

    return ret != 0 ? ret : strcmp(one->device, other->device);
}

static DIR *
endpoint_open_directory(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return NULL;

    dir = fdopendir(fd);
    if (dir == NULL) {
        int saved = errno;

        close(fd);
        errno = saved;
    }
    return dir;
}

static gboolean
endpoint_is_type(int dir_fd, const char *name, mode_t type)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type;
}

static void
endpoint_list_domain(GPtrArray *list, const char *directory, const char *domain, DIR *dir)
{
    const struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        gsize length = strlen(entry->d_name);
        VdmabufEndpoint *endpoint;

        if (entry->d_name[0] == '.' || !g_str_has_suffix(entry->d_name, ENDPOINT_SUFFIX) ||
            !endpoint_is_type(dirfd(dir), entry->d_name, S_IFSOCK))
            continue;

        endpoint = g_new0(VdmabufEndpoint, 1);
        endpoint->domain = g_strdup(domain);
        endpoint->device = g_strndup(entry->d_name, length - strlen(ENDPOINT_SUFFIX));
        endpoint->path = g_build_filename(directory, domain, entry->d_name, NULL);
        g_ptr_array_add(list, endpoint);
    }
}

GPtrArray *
vdmabuf_endpoint_list(const char *directory, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *unreadable = NULL;
    const struct dirent *entry;
    DIR *top;

    if (directory == NULL)
        directory = g_getenv("VDMABUF_RUNDIR");
    if (directory == NULL || directory[0] == '\0')
        directory = ENDPOINT_DIRECTORY;

    list = g_ptr_array_new_with_free_func((GDestroyNotify) vdmabuf_endpoint_free);

    top = endpoint_open_directory(AT_FDCWD, directory);
    if (top == NULL) {
        /* The first domain with a vdmabuf device makes the directory */
        if (errno == ENOENT)
            return g_steal_pointer(&list);

        g_set_error(error, VDMABUF_ERROR,
                    errno == EACCES ? VDMABUF_ERROR_PERMISSION : VDMABUF_ERROR_FAILED,
                    "Cannot look for domains in %s: %s", directory, g_strerror(errno));
        return NULL;
    }

    while ((entry = readdir(top)) != NULL) {
        DIR *dir;

        if (entry->d_name[0] == '.' || !endpoint_is_type(dirfd(top), entry->d_name, S_IFDIR))
            continue;

        dir = endpoint_open_directory(dirfd(top), entry->d_name);
        if (dir == NULL) {
            /* A domain may go while we look; one that hides must not be taken for none */
            if (errno == EACCES && unreadable == NULL)
                unreadable = g_build_filename(directory, entry->d_name, NULL);
            if (errno == EACCES || errno == ENOENT)
                continue;
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                        "Cannot look for devices in %s/%s: %s", directory, entry->d_name,
                        g_strerror(errno));
            closedir(top);
            return NULL;
        }
        endpoint_list_domain(list, directory, entry->d_name, dir);
        closedir(dir);
    }
    closedir(top);

    if (list->len == 0 && unreadable != NULL) {
        g_autofree char *owner = vdmabuf_io_describe_owner(unreadable);

        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION,
                    "You may not look for devices in %s: %s", unreadable, owner);
        return NULL;
    }

    g_ptr_array_sort(list, endpoint_compare);
    return g_steal_pointer(&list);
}
