/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "picture.h"

#define RGB_BYTES 3

static Picture *
picture_alloc(guint32 width, guint32 height, GError **error)
{
    g_autoptr(Picture) self = g_new0(Picture, 1);

    self->width = width;
    self->height = height;
    self->rgb = g_try_malloc_n((gsize) width * height, RGB_BYTES);
    if (self->rgb == NULL) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "No memory for a picture of %ux%u pixels", width, height);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
picture_free(Picture *self)
{
    if (self == NULL)
        return;

    g_free(self->rgb);
    g_free(self);
}

Picture *
picture_new(const struct vdmabuf_frame *frame, const guint8 *data, guint64 size, GError **error)
{
    g_autoptr(Picture) self = NULL;
    const Format *format = format_find(frame->fourcc);

    if (!vdmabuf_frame_check(frame, size, error) || !format_check_frame(frame, size, error))
        return NULL;

    self = picture_alloc(frame->width, frame->height, error);
    if (self == NULL)
        return NULL;

    for (guint32 y = 0; y < self->height; y++) {
        guint32 line = frame->flags & VDMABUF_FRAME_Y_INVERTED ? self->height - 1 - y : y;
        const guint8 *from =
            data + frame->planes[0].offset + (gsize) frame->planes[0].stride * line;
        guint8 *to = self->rgb + (gsize) y * self->width * RGB_BYTES;

        for (guint32 x = 0; x < self->width; x++)
            format_unpack(format, from + (gsize) x * format->bytes, to + (gsize) x * RGB_BYTES);
    }
    return g_steal_pointer(&self);
}

GBytes *
picture_to_png(const Picture *self, GError **error)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = self->width,
        .height = self->height,
        .format = PNG_FORMAT_RGB,
    };
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    gboolean ok;

    if (stream == NULL) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "No memory for a PNG: %s",
                    g_strerror(errno));
        return NULL;
    }

    /* A stride of 0: rows without anything between them */
    ok = png_image_write_to_stdio(&image, stream, 0, self->rgb, 0, NULL);
    if (fclose(stream) != 0 || !ok) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot make a PNG: %s",
                    ok ? g_strerror(errno) : image.message);
        free(data);
        return NULL;
    }
    return g_bytes_new_with_free_func(data, size, free, data);
}

typedef FILE Stream;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, fclose)

static void
picture_set_png_error(GError **error, const char *path, const png_image *image)
{
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "%s is no PNG that can be read (%s)",
                path, image->message);
}

Picture *
picture_new_from_png(const char *path, GError **error)
{
    g_autoptr(Picture) self = NULL;
    g_autoptr(Stream) stream = NULL;
    png_image image = {.version = PNG_IMAGE_VERSION};
    png_color black = {0, 0, 0};

    stream = fopen(path, "rbe");
    if (stream == NULL) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot read %s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    if (!png_image_begin_read_from_stdio(&image, stream)) {
        picture_set_png_error(error, path, &image);
        return NULL;
    }

    image.format = PNG_FORMAT_RGB;
    self = picture_alloc(image.width, image.height, error);
    if (self == NULL) {
        png_image_free(&image);
        return NULL;
    }
    if (!png_image_finish_read(&image, &black, self->rgb, 0, NULL)) {
        picture_set_png_error(error, path, &image);
        png_image_free(&image);
        return NULL;
    }
    return g_steal_pointer(&self);
}

guint64
picture_count_differences(const Picture *self, const Picture *other)
{
    gsize pixels = (gsize) self->width * self->height;
    guint64 count = 0;

    g_return_val_if_fail(self->width == other->width && self->height == other->height, pixels);

    for (gsize i = 0; i < pixels; i++) {
        if (memcmp(self->rgb + i * RGB_BYTES, other->rgb + i * RGB_BYTES, RGB_BYTES) != 0)
            count++;
    }
    return count;
}
