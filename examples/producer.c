/* SPDX-License-Identifier: GPL-2.0-or-later */
/* producer COLOUR...: in a guest, shows one colour after the other, such as 0xff8000. */
#include <stdlib.h>
#include <unistd.h>
#include <vdmabuf.h>

#define WIDTH 640
#define HEIGHT 480
#define SIZE (WIDTH * HEIGHT * 4)
/* A fourcc of <drm_fourcc.h>: 32 bits for a pixel, blue comes first */
#define XR24 0x34325258

static gboolean
draw(int fd, guint32 colour, GError **error)
{
    g_autoptr(VdmabufMap) map = vdmabuf_map_new(fd, SIZE, TRUE, error);
    guint32 *pixels;

    if (map == NULL || !vdmabuf_map_begin(map, error))
        return FALSE;
    pixels = vdmabuf_map_get_data(map);
    for (gsize i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i] = colour;
    return vdmabuf_map_end(map, error);
}

/* From the export until the release the buffer is the host's. */
static gboolean
show(VdmabufProducer *producer, int fd, GError **error)
{
    struct vdmabuf_guest_event event;
    struct vdmabuf_frame frame;
    guint64 sequence;

    vdmabuf_frame_init(&frame, XR24, WIDTH, HEIGHT, WIDTH * 4);
    if (!vdmabuf_producer_export(producer, fd, &frame, NULL, &sequence, error))
        return FALSE;
    do {
        if (!vdmabuf_producer_next_event(producer, -1, &event, error))
            return FALSE;
    } while (event.type != VDMABUF_GUEST_RELEASED || event.value != sequence);
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VdmabufProducer) producer = vdmabuf_producer_open(NULL, &error);
    int fd = producer ? vdmabuf_producer_alloc(producer, SIZE, 0, &error) : -1;

    for (int i = 1; fd >= 0 && error == NULL && i < argc; i++) {
        if (draw(fd, strtoul(argv[i], NULL, 0), &error))
            show(producer, fd, &error);
    }
    if (fd >= 0)
        close(fd);
    if (error == NULL)
        return EXIT_SUCCESS;
    g_printerr("producer: %s\n", error->message);
    return EXIT_FAILURE;
}
