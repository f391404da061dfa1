/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The moving test card of vdmabuf-send --pattern. */
#pragma once

#include <glib.h>

#include "format.h"

/*
 * What pixel x, y of picture @number shows: eight colour bars, a ramp of grey below them, a
 * white stripe that moves to the right with each picture, and a red corner at the top left.
 */
void card_pixel(guint32 width, guint32 height, guint64 number, guint32 x, guint32 y, guint8 rgb[3]);

/* Draws the whole picture; @y_inverted: with its bottom row first. */
void card_draw(const Format *format, guint8 *pixels, guint32 width, guint32 height, guint32 stride,
               guint64 number, gboolean y_inverted);
