/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "size.h"

/* Only digits: g_ascii_strtoull() alone also takes spaces and a sign. */
static gboolean
number_parse(const char *text, guint64 *value, const char **rest)
{
    char *end;

    if (!g_ascii_isdigit(text[0]))
        return FALSE;

    errno = 0;
    *value = g_ascii_strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

gboolean
size_parse(const char *text, guint64 *size)
{
    const char *rest;
    guint64 value;
    guint shift = 0;

    if (!number_parse(text, &value, &rest))
        return FALSE;

    switch (rest[0]) {
    case '\0':
        break;
    case 'K':
    case 'k':
        shift = 10;
        break;
    case 'M':
        shift = 20;
        break;
    case 'G':
        shift = 30;
        break;
    default:
        return FALSE;
    }
    if (shift != 0 && rest[1] != '\0')
        return FALSE;
    if (value > G_MAXUINT64 >> shift)
        return FALSE;

    *size = value << shift;
    return TRUE;
}

gboolean
size_parse_picture(const char *text, guint32 *width, guint32 *height, const char **rest)
{
    const char *end;
    guint64 w, h;

    if (!number_parse(text, &w, &end) || *end != 'x' || !number_parse(end + 1, &h, &end))
        return FALSE;
    if (w < 1 || w > G_MAXUINT16 || h < 1 || h > G_MAXUINT16)
        return FALSE;
    if (rest == NULL && *end != '\0')
        return FALSE;

    *width = (guint32) w;
    *height = (guint32) h;
    if (rest != NULL)
        *rest = end;
    return TRUE;
}

char *
sha256_format(const guint8 *data, guint64 size)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    while (size > 0) {
        gssize part = (gssize) MIN(size, 1u << 30);

        g_checksum_update(checksum, data, part);
        data += part;
        size -= (guint64) part;
    }
    return g_strdup(g_checksum_get_string(checksum));
}
