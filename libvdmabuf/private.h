/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's files share; none of it is exported. */
#pragma once

#include "vdmabuf.h"

/* ioctl(2) until no signal interrupts it. Returns its result, with errno. */
int vdmabuf_io_ioctl(int fd, unsigned long request, void *arg);

/* What vdmabuf_io_read_event() found */
typedef enum {
    VDMABUF_IO_EVENT,
    VDMABUF_IO_END,
    VDMABUF_IO_TIMEOUT,
    VDMABUF_IO_ERRNO, /* errno says what */
    VDMABUF_IO_SHORT, /* less than an event: not a descriptor of ours */
} VdmabufIoResult;

/* Reads one event of @size bytes from @fd, which is not blocking. */
VdmabufIoResult vdmabuf_io_read_event(int fd, int timeout_ms, gpointer event, gsize size);

/* Milliseconds until @deadline (monotonic, in microseconds) as poll(2) takes them. */
int vdmabuf_io_poll_timeout(gint64 deadline);

/* Makes @fd not block; for descriptors that others have made. */
gboolean vdmabuf_io_set_nonblocking(int fd);

/* For a message about EACCES: whose @path is, or the nearest directory above it that shows. */
char *vdmabuf_io_describe_owner(const char *path);
/* The same where @path has an access control list that names somebody, else %NULL. */
char *vdmabuf_io_describe_list(const char *path);
