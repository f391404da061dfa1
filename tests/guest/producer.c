/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "producer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A bound for what never takes so long, on an emulated machine */
#define WAIT_MS 60000

int
producer_open(void)
{
    int fd = open("/dev/virtio-vdmabuf", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

struct vdmabuf_info
producer_info(int producer)
{
    struct vdmabuf_info info;

    g_assert_cmpint(ioctl(producer, VDMABUF_IOC_GET_INFO, &info), ==, 0);
    return info;
}

int
producer_alloc_errno(int producer, guint64 size, guint32 flags)
{
    struct vdmabuf_alloc alloc = {.size = size, .flags = flags};

    if (ioctl(producer, VDMABUF_IOC_ALLOC, &alloc))
        return errno;
    close(alloc.fd);
    return 0;
}

int
producer_alloc(int producer, guint64 size, guint32 flags)
{
    struct vdmabuf_alloc alloc = {.size = size, .flags = flags};

    g_assert_cmpint(ioctl(producer, VDMABUF_IOC_ALLOC, &alloc), ==, 0);
    g_assert_cmpuint(alloc.size, >=, size);
    return alloc.fd;
}

struct vdmabuf_export
producer_frame(int dmabuf)
{
    struct vdmabuf_export export = {.fd = dmabuf};

    return export;
}

int
producer_export_errno(int producer, const struct vdmabuf_export *export)
{
    struct vdmabuf_export copy = *export;

    return ioctl(producer, VDMABUF_IOC_EXPORT, &copy) ? errno : 0;
}

void
producer_export(int producer, struct vdmabuf_export *export)
{
    if (ioctl(producer, VDMABUF_IOC_EXPORT, export))
        g_error("EXPORT: %s", g_strerror(errno));
}

int
producer_unexport_errno(int producer, const struct vdmabuf_id *id)
{
    struct vdmabuf_unexport unexport = {.id = *id};

    return ioctl(producer, VDMABUF_IOC_UNEXPORT, &unexport) ? errno : 0;
}

struct vdmabuf_guest_event
producer_await(int producer, guint32 type)
{
    struct vdmabuf_guest_event event;

    do {
        struct pollfd poller = {.fd = producer, .events = POLLIN};

        if (poll(&poller, 1, WAIT_MS) != 1)
            g_error("no event %u within the time", type);
        g_assert_cmpint(read(producer, &event, sizeof event), ==, sizeof event);
    } while (event.type != type);
    return event;
}

void
producer_unexport(int producer, const struct vdmabuf_id *id)
{
    struct vdmabuf_guest_event event;

    g_assert_cmpint(producer_unexport_errno(producer, id), ==, 0);
    do
        event = producer_await(producer, VDMABUF_GUEST_UNREGISTERED);
    while (memcmp(&event.id, id, sizeof *id));
}
