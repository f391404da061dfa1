/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for a terminal, as virsh prints them. */
#pragma once

#include <glib.h>

typedef struct _Table Table;

/* The titles of its columns, as many as there are up to %NULL */
Table *table_new(const char *title, ...) G_GNUC_NULL_TERMINATED;
void table_free(Table *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* A cell for each column; a %NULL in place of a cell ends the row, and the rest of it is empty. */
void table_add_row(Table *self, const char *cell, ...) G_GNUC_NULL_TERMINATED;
guint table_get_rows(const Table *self);
/* With titles and a line below them, each line behind @indent */
char *table_format(const Table *self, const char *indent);

/* @text with everything that could do something to a terminal as \xHH */
char *table_make_printable(const char *text);
