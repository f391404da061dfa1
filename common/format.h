/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pixel formats of one plane whose pixels are whole bytes. */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

/* Room for "XR24", or "0x12345678" where that is no text, and a NUL */
#define FOURCC_TEXT_SIZE 11

typedef struct {
    guint8 shift;
    guint8 bits;
} FormatChannel;

typedef struct {
    guint32 fourcc;
    guint bytes; /* of a pixel */
    FormatChannel red, green, blue;
} Format;

/* %NULL for a format that is not in the table. */
const Format *format_find(guint32 fourcc);
/* The codes that format_find() knows, for messages: "AB24, AR24, ..." */
char *format_list(void);

/*
 * Checks that @frame is a picture that format_unpack() can read, and that all its rows lie inside a
 * buffer of @size bytes. The frame has passed vdmabuf_frame_check().
 */
gboolean format_check_frame(const struct vdmabuf_frame *frame, guint64 size, GError **error);

/* A pixel in memory; bits that are no colour are zero, so an alpha channel says transparent. */
void format_pack(const Format *self, guint8 *pixel, const guint8 rgb[3]);
void format_unpack(const Format *self, const guint8 *pixel, guint8 rgb[3]);

const char *fourcc_format(guint32 fourcc, char text[FOURCC_TEXT_SIZE]);
/* Reads four characters; %FALSE for anything else. */
gboolean fourcc_parse(const char *text, guint32 *fourcc);
