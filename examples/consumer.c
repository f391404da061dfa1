/* SPDX-License-Identifier: GPL-2.0-or-later */
/* consumer SOCKET COUNT: on the host, prints so many pictures' sizes and their first pixels. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vdmabuf.h>

/* The guest is not trusted: what it says is checked before it is used. */
static gboolean
look(int fd, guint64 size, const struct vdmabuf_frame *frame, GError **error)
{
    g_autoptr(VdmabufMap) map = NULL;
    guint64 offset = frame->planes[0].offset;
    guint32 pixel;

    if (size < sizeof(pixel) || offset > size - sizeof(pixel))
        return TRUE;
    map = vdmabuf_map_new(fd, size, FALSE, error);
    if (map == NULL || !vdmabuf_map_begin(map, error))
        return FALSE;
    memcpy(&pixel, (const char *) vdmabuf_map_get_data(map) + offset, sizeof(pixel));
    g_print("%ux%u 0x%06x\n", frame->width, frame->height, pixel & 0xffffff);
    return vdmabuf_map_end(map, error);
}

/* A viewer would keep the dma-buf for the buffer's next frame, until the event GONE. */
static gboolean
take(VdmabufConsumer *consumer, const struct vdmabuf_event *event, GError **error)
{
    guint64 size;
    int fd = vdmabuf_consumer_import(consumer, &event->id, FALSE, &size, error);
    gboolean good;

    if (fd < 0)
        return FALSE;
    good = look(fd, size, &event->frame, error);
    close(fd);
    return good && vdmabuf_consumer_release(consumer, &event->id, event->sequence, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VdmabufConsumer) consumer = NULL;
    int count = argc == 3 ? atoi(argv[2]) : 0;

    if (count <= 0) {
        g_printerr("Usage: consumer SOCKET COUNT\n");
        return 2;
    }
    consumer = vdmabuf_consumer_connect(argv[1], &error);
    while (consumer && error == NULL && count > 0) {
        struct vdmabuf_event event;

        if (!vdmabuf_consumer_next_event(consumer, -1, &event, &error))
            break;
        if (event.type == VDMABUF_EVENT_FRAME && take(consumer, &event, &error))
            count--;
    }
    if (error == NULL)
        return EXIT_SUCCESS;
    g_printerr("consumer: %s\n", error->message);
    return EXIT_FAILURE;
}
