/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something that is shown again and again, as top(1) does it. */
#pragma once

#include <glib.h>

/* Shows it; %FALSE ends the watch with an error */
typedef gboolean (*WatchShow)(gpointer data, GError **error);

/*
 * Calls @show every @seconds, @count times (0: until q, SIGINT or SIGTERM; only these are no
 * error). On a terminal keys are read one by one meanwhile.
 */
gboolean watch_run(double seconds, guint64 count, WatchShow show, gpointer data, GError **error);
/* Whether standard output is a terminal that is cleared before each time */
gboolean watch_has_screen(void);
/* Puts @text on the screen in place of what was there, or behind it if there is none. */
void watch_print(const char *text);
