/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "vdmabuf.h"

struct _Output {
    int fd;
    char *path;
    char *temporary; /* %NULL when it is written in place: standard output, a device, a pipe */
};

static void
output_set_error(Output *self, GError **error)
{
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot write %s: %s",
                strcmp(self->path, "-") == 0 ? "to standard output" : self->path,
                g_strerror(errno));
}

Output *
output_new(const char *path, GError **error)
{
    g_autoptr(Output) self = g_new0(Output, 1);
    struct stat st;

    self->path = g_strdup(path);
    if (strcmp(path, "-") == 0) {
        self->fd = STDOUT_FILENO;
        return g_steal_pointer(&self);
    }

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        self->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        self->temporary = g_strdup_printf("%s.XXXXXX", path);
        self->fd = g_mkstemp_full(self->temporary, O_WRONLY | O_CLOEXEC, 0666);
        if (self->fd < 0)
            g_clear_pointer(&self->temporary, g_free);
    }

    if (self->fd < 0) {
        output_set_error(self, error);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
output_free(Output *self)
{
    if (self == NULL)
        return;

    if (self->fd > STDERR_FILENO)
        close(self->fd);
    if (self->temporary != NULL)
        g_unlink(self->temporary);
    g_free(self->temporary);
    g_free(self->path);
    g_free(self);
}

gboolean
output_write(Output *self, gconstpointer data, gsize size, GError **error)
{
    const guint8 *bytes = data;

    while (size > 0) {
        gssize n = write(self->fd, bytes, MIN(size, 1u << 30));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            output_set_error(self, error);
            return FALSE;
        }
        bytes += n;
        size -= (gsize) n;
    }
    return TRUE;
}

gboolean
output_commit(Output *self, GError **error)
{
    if (self->temporary == NULL)
        return TRUE;

    /* A full disk may show only here */
    if (close(self->fd) < 0 || g_rename(self->temporary, self->path) < 0) {
        self->fd = -1;
        output_set_error(self, error);
        return FALSE;
    }
    self->fd = -1;
    g_clear_pointer(&self->temporary, g_free);
    return TRUE;
}
