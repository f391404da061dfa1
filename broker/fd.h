/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors that close themselves; GLib has this from 2.76 on. */
#pragma once

#include <errno.h>
#include <glib.h>
#include <unistd.h>

static inline void
fd_clear(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

/* auto_fd int fd = -1; and g_steal_fd() to keep it */
#define auto_fd __attribute__((cleanup(fd_clear)))
