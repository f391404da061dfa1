/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-proof.h"

#include <drm/drm_fourcc.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view-format.h"

#define PIXELS (VIEW_PROOF_SIDE * VIEW_PROOF_SIDE)
/* Parts that are looked at: so many from left to right and from top to bottom */
#define STEPS 5

/* --- With a picture of the guest --- */

static gboolean
tells_something(const guint32 *pixels, gsize count)
{
    for (gsize i = 1; i < count; i++) {
        if (pixels[i] != pixels[0])
            return TRUE;
    }
    return FALSE;
}

gboolean
view_proof_find_part(const struct vdmabuf_frame *frame, const guint8 *data,
                     cairo_rectangle_int_t *part, guint32 *pixels)
{
    int width = (int) MIN(frame->width, VIEW_PROOF_SIDE);
    int height = (int) MIN(frame->height, VIEW_PROOF_SIDE);

    for (int i = 0; i < STEPS * STEPS; i++) {
        *part = (cairo_rectangle_int_t) {
            .x = ((int) frame->width - width) * (i % STEPS) / (STEPS - 1),
            .y = ((int) frame->height - height) * (i / STEPS) / (STEPS - 1),
            .width = width,
            .height = height,
        };
        view_format_convert(frame, data, part, (guint8 *) pixels, (gsize) width * sizeof(*pixels));
        if (tells_something(pixels, (gsize) width * (gsize) height))
            return TRUE;
    }
    return FALSE;
}

/* Formats with more or fewer bits than the eight of a framebuffer are rounded by the GPU. */
static gboolean
is_alike(const guint32 *one, const guint32 *other, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        for (guint shift = 0; shift < 24; shift += 8) {
            int a = (int) (one[i] >> shift & 0xff), b = (int) (other[i] >> shift & 0xff);

            if (ABS(a - b) > 1)
                return FALSE;
        }
    }
    return TRUE;
}

ViewProof
view_proof_picture(ViewGl *gl, VdmabufPicture *picture)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);
    g_autofree guint32 *expected = NULL, *found = NULL;
    cairo_rectangle_int_t part;
    VdmabufMap *map;
    gboolean told;

    if (!view_format_check_cpu(frame, vdmabuf_buffer_get_size(buffer), NULL))
        return VIEW_PROOF_UNDECIDED;
    map = vdmabuf_buffer_get_map(buffer, NULL);
    if (map == NULL || !vdmabuf_map_begin(map, NULL))
        return VIEW_PROOF_UNDECIDED;
    expected = g_new0(guint32, PIXELS);
    told = view_proof_find_part(frame, vdmabuf_map_get_data(map), &part, expected);
    vdmabuf_map_end(map, NULL);
    if (!told)
        return VIEW_PROOF_UNDECIDED;

    found = g_new0(guint32, PIXELS);
    if (!view_gl_read(gl, picture, &part, found, NULL))
        return VIEW_PROOF_WRONG;
    return is_alike(expected, found, (gsize) part.width * (gsize) part.height) ? VIEW_PROOF_RIGHT
                                                                               : VIEW_PROOF_WRONG;
}

/* --- With a buffer of our own --- */

static guint32
test_pixel(guint i)
{
    return 0xff000000u | (i * 2654435761u >> 8);
}

static int
make_test_memory(gsize size)
{
    int fd = memfd_create("vdmabuf test picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    guint32 *pixels;

    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t) size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
        goto failed;
    pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED)
        goto failed;
    for (guint i = 0; i < PIXELS; i++)
        pixels[i] = GUINT32_TO_LE(test_pixel(i));
    munmap(pixels, size);
    return fd;

failed:
    close(fd);
    return -1;
}

static int
make_test_buffer(gsize size)
{
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    int memory = device >= 0 ? make_test_memory(size) : -1;
    int fd = -1;

    if (memory >= 0) {
        struct udmabuf_create create = {
            .memfd = (guint32) memory,
            .flags = UDMABUF_FLAGS_CLOEXEC,
            .size = size,
        };

        fd = ioctl(device, UDMABUF_CREATE, &create);
        close(memory);
    }
    if (device >= 0)
        close(device);
    return fd;
}

ViewProof
view_proof_test_buffer(ViewGl *gl)
{
    const cairo_rectangle_int_t part = {0, 0, VIEW_PROOF_SIDE, VIEW_PROOF_SIDE};
    gsize size = PIXELS * sizeof(guint32);
    g_autofree guint32 *expected = g_new(guint32, PIXELS), *found = g_new0(guint32, PIXELS);
    struct vdmabuf_frame frame;
    ViewProof proof = VIEW_PROOF_WRONG;
    ViewGlImage image;
    int fd;

    /* Whole pages, whatever their size */
    size = (size + (gsize) getpagesize() - 1) / (gsize) getpagesize() * (gsize) getpagesize();
    fd = make_test_buffer(size);
    if (fd < 0)
        return VIEW_PROOF_UNDECIDED;

    vdmabuf_frame_init(&frame, DRM_FORMAT_XRGB8888, VIEW_PROOF_SIDE, VIEW_PROOF_SIDE,
                       VIEW_PROOF_SIDE * sizeof(guint32));
    for (guint i = 0; i < PIXELS; i++)
        expected[i] = test_pixel(i);
    if (view_gl_image_init(gl, &image, &frame, fd, NULL)) {
        if (view_gl_image_read(gl, &image, &frame, &part, found, NULL) &&
            is_alike(expected, found, PIXELS))
            proof = VIEW_PROOF_RIGHT;
        view_gl_image_clear(gl, &image);
    }
    close(fd);
    return proof;
}

ViewProof
view_proof(ViewGl *gl, VdmabufPicture *picture)
{
    ViewProof proof = view_proof_picture(gl, picture);

    return proof != VIEW_PROOF_UNDECIDED ? proof : view_proof_test_buffer(gl);
}
