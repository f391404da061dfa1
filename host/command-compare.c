/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "picture.h"

gboolean
command_compare(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.timeout = 0};
    g_autoptr(Picture) one = NULL;
    g_autoptr(Picture) other = NULL;
    guint64 different;

    if (!command_parse(&options, 0, NULL, "FILE FILE",
                       "Compares two pictures in PNG files, such as one of grab and a screenshot "
                       "that the guest has made of itself.",
                       2, argc, argv, error))
        return FALSE;
    if (options.arguments == NULL || options.arguments[1] == NULL)
        return command_usage_error(error, "Two PNG files are needed");

    one = picture_new_from_png(options.arguments[0], error);
    if (one == NULL)
        return FALSE;
    other = picture_new_from_png(options.arguments[1], error);
    if (other == NULL)
        return FALSE;

    if (one->width != other->width || one->height != other->height) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The first picture has %ux%u pixels, the second %ux%u", one->width, one->height,
                    other->width, other->height);
        return FALSE;
    }
    different = picture_count_differences(one, other);
    if (different > 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " pixels differ", different,
                    (guint64) one->width * one->height);
        return FALSE;
    }

    printf("%ux%u pixels, all equal\n", one->width, one->height);
    return TRUE;
}
