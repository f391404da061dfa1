/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame as plain pixels. */
#pragma once

#include "vdmabuf.h"

typedef struct {
    guint32 width;
    guint32 height;
    guint8 *rgb; /* 3 bytes per pixel, rows from the top, nothing between them */
} Picture;

/*
 * Converts what @frame says is in the @size bytes of @data. Checks all of it against @size,
 * because a guest has written it. An alpha channel is passed over: a screen has nothing behind it.
 */
Picture *picture_new(const struct vdmabuf_frame *frame, const guint8 *data, guint64 size,
                     GError **error);
void picture_free(Picture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Picture, picture_free)

/* PNG in memory; and back */
GBytes *picture_to_png(const Picture *self, GError **error);
Picture *picture_new_from_png(const char *path, GError **error);

/* How many pixels of two pictures of the same size differ */
guint64 picture_count_differences(const Picture *self, const Picture *other);
