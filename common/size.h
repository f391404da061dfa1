/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers on the command line, and hashes of large buffers. */
#pragma once

#include <glib.h>

/* A number of bytes: digits, and then K, M or G for powers of 1024, or nothing. */
gboolean size_parse(const char *text, guint64 *size);
/* "640x480", each side 1 to 65535; @rest (optional) is what follows. */
gboolean size_parse_picture(const char *text, guint32 *width, guint32 *height, const char **rest);

/* SHA-256 as hexadecimal digits, also of more than a gssize of bytes */
char *sha256_format(const guint8 *data, guint64 size);
