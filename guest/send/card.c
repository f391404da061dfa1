/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "card.h"

#define CARD_BARS 8
#define CARD_STRIPE_STEP 8 /* pixels per picture */

void
card_pixel(guint32 width, guint32 height, guint64 number, guint32 x, guint32 y, guint8 rgb[3])
{
    guint32 stripe = (guint32) (number * CARD_STRIPE_STEP % width);
    guint32 stripe_width = width / 64 + 1;

    if (x < width / 16 && y < height / 16) {
        rgb[0] = 255;
        rgb[1] = rgb[2] = 0;
    } else if (x >= stripe && x - stripe < stripe_width) {
        rgb[0] = rgb[1] = rgb[2] = 255;
    } else if (y < height / 3 * 2) {
        /* From white to black, brightest first: green counts most and blue least */
        guint32 bar = (CARD_BARS - 1) - x * CARD_BARS / width;

        rgb[0] = bar & 2 ? 191 : 0;
        rgb[1] = bar & 4 ? 191 : 0;
        rgb[2] = bar & 1 ? 191 : 0;
    } else {
        rgb[0] = rgb[1] = rgb[2] = (guint8) (x * 255 / width);
    }
}

static void
card_draw_row(const Format *format, guint8 *row, guint32 width, guint32 height, guint64 number,
              guint32 y)
{
    for (guint32 x = 0; x < width; x++) {
        guint8 rgb[3];

        card_pixel(width, height, number, x, y, rgb);
        format_pack(format, row + (gsize) x * format->bytes, rgb);
    }
}

void
card_draw(const Format *format, guint8 *pixels, guint32 width, guint32 height, guint32 stride,
          guint64 number, gboolean y_inverted)
{
    const guint8 *previous = NULL;
    guint32 ramp = height / 3 * 2;

    for (guint32 y = 0; y < height; y++) {
        guint32 line = y_inverted ? height - 1 - y : y;
        guint8 *row = pixels + (gsize) stride * line;

        /* Rows repeat but for the end of the corner and the beginning of the ramp */
        if (previous != NULL && y != height / 16 && y != ramp)
            memcpy(row, previous, (gsize) width * format->bytes);
        else
            card_draw_row(format, row, width, height, number, y);
        previous = row;
    }
}
