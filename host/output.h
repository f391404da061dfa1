/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is written as a whole or not at all. */
#pragma once

#include <glib.h>

typedef struct _Output Output;

/* "-" is standard output. What is there already stays until output_commit(). */
Output *output_new(const char *path, GError **error);
/* Without a commit before it, nothing is left of what was written. */
void output_free(Output *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Output, output_free)

gboolean output_write(Output *self, gconstpointer data, gsize size, GError **error);
gboolean output_commit(Output *self, GError **error);
