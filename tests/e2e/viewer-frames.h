/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For viewer-control.c: what a viewer draws of a guest. */
#pragma once

#include <gtk/gtk.h>

/* (nullable): the first widget of a type at or below @widget */
GtkWidget *viewer_find_widget(GtkWidget *widget, const char *type);

/* The commands "frames", and "changes" with a file; the widget is below @root. */
void viewer_frames(GtkWidget *root, const char *file, GString *answer);
