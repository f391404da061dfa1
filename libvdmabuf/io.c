/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

int
vdmabuf_io_ioctl(int fd, unsigned long request, void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);

    return ret;
}

int
vdmabuf_io_poll_timeout(gint64 deadline)
{
    gint64 left = deadline - g_get_monotonic_time();

    if (left <= 0)
        return 0;

    /* Rounded up: a wait that ends early would turn into a busy loop */
    return (int) MIN((left + 999) / 1000, INT_MAX);
}

gboolean
vdmabuf_io_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return FALSE;
    if (flags & O_NONBLOCK)
        return TRUE;

    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

VdmabufIoResult
vdmabuf_io_read_event(int fd, int timeout_ms, gpointer event, gsize size)
{
    gint64 deadline = 0;

    if (timeout_ms > 0)
        deadline = g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;

    for (;;) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        gssize n = read(fd, event, size);
        int wait = timeout_ms;

        if (n == (gssize) size)
            return VDMABUF_IO_EVENT;
        if (n == 0)
            return VDMABUF_IO_END;
        if (n > 0)
            return VDMABUF_IO_SHORT;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return VDMABUF_IO_ERRNO;

        if (timeout_ms > 0)
            wait = vdmabuf_io_poll_timeout(deadline);
        if (wait == 0)
            return VDMABUF_IO_TIMEOUT;

        /*
         * Whatever poll(2) finds, read(2) is asked again: an event can be gone by then, and
         * a hang-up can have events in front of it.
         */
        if (poll(&pfd, 1, wait) < 0 && errno != EINTR)
            return VDMABUF_IO_ERRNO;
    }
}

char *
vdmabuf_io_describe_owner(const char *path)
{
    g_autofree char *shown = g_strdup(path);
    g_autofree char *list = NULL;
    struct group entry, *group = NULL;
    char names[4096];
    struct stat st;

    while (stat(shown, &st) < 0) {
        char *parent = g_path_get_dirname(shown);

        if (strcmp(parent, shown) == 0) {
            g_free(parent);
            return g_strdup("its owner and mode decide who may");
        }
        g_free(shown);
        shown = parent;
    }

    list = vdmabuf_io_describe_list(shown);
    if (list != NULL)
        return g_steal_pointer(&list);
    if (getgrgid_r(st.st_gid, &entry, names, sizeof(names), &group) != 0 || group == NULL)
        return g_strdup_printf("%s has the group %u and mode %04o", shown, (guint) st.st_gid,
                               (guint) st.st_mode & 07777);
    if (!(st.st_mode & S_IRWXG))
        return g_strdup_printf("%s is for its owner alone (mode %04o); become root", shown,
                               (guint) st.st_mode & 07777);

    return g_strdup_printf("%s is for members of the group %s (mode %04o); let yourself be added "
                           "to it, and log in again",
                           shown, group->gr_name, (guint) st.st_mode & 07777);
}
