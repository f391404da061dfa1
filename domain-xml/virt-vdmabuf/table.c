/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "table.h"

/* Between two columns */
#define GAP 3

struct _Table {
    GPtrArray *rows; /* GPtrArray of char *; the first are the titles */
};

static void
row_free(gpointer row)
{
    g_ptr_array_unref(row);
}

Table *
table_new(const char *title, ...)
{
    Table *self = g_new0(Table, 1);
    GPtrArray *titles = g_ptr_array_new_with_free_func(g_free);
    va_list args;

    va_start(args, title);
    for (; title != NULL; title = va_arg(args, const char *))
        g_ptr_array_add(titles, g_strdup(title));
    va_end(args);

    self->rows = g_ptr_array_new_with_free_func(row_free);
    g_ptr_array_add(self->rows, titles);
    return self;
}

void
table_free(Table *self)
{
    if (self == NULL)
        return;

    g_ptr_array_unref(self->rows);
    g_free(self);
}

static const GPtrArray *
table_get_row(const Table *self, guint row)
{
    return g_ptr_array_index(self->rows, row);
}

void
table_add_row(Table *self, const char *cell, ...)
{
    guint columns = table_get_row(self, 0)->len;
    GPtrArray *cells = g_ptr_array_new_with_free_func(g_free);
    va_list args;

    va_start(args, cell);
    for (; cell != NULL && cells->len < columns; cell = va_arg(args, const char *))
        g_ptr_array_add(cells, table_make_printable(cell));
    va_end(args);
    while (cells->len < columns)
        g_ptr_array_add(cells, g_strdup(""));
    g_ptr_array_add(self->rows, cells);
}

guint
table_get_rows(const Table *self)
{
    return self->rows->len - 1;
}

char *
table_make_printable(const char *text)
{
    GString *printable = g_string_new(NULL);

    while (*text != '\0') {
        gunichar c = g_utf8_get_char_validated(text, -1);
        const char *next = text + 1;

        if (c != (gunichar) -1 && c != (gunichar) -2) {
            next = g_utf8_next_char(text);
            /* To GLib, what turns the direction of text around is not printable either. */
            if (g_unichar_isprint(c)) {
                g_string_append_len(printable, text, next - text);
                text = next;
                continue;
            }
        }
        for (; text < next; text++)
            g_string_append_printf(printable, "\\x%02x", (guchar) *text);
    }
    return g_string_free(printable, FALSE);
}

/* In columns of a terminal */
static guint
get_width(const char *text)
{
    guint width = 0;

    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (g_unichar_iszerowidth(c))
            continue;
        width += g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

static void
append_row(GString *text, const GPtrArray *cells, const guint *widths, const char *indent)
{
    g_string_append_printf(text, "%s ", indent);
    for (guint i = 0; i < cells->len; i++) {
        const char *cell = g_ptr_array_index(cells, i);

        g_string_append(text, cell);
        if (i + 1 < cells->len)
            g_string_append_printf(text, "%*s", (int) (widths[i] - get_width(cell)) + GAP, "");
    }
    while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    g_string_append_c(text, '\n');
}

char *
table_format(const Table *self, const char *indent)
{
    guint columns = table_get_row(self, 0)->len;
    g_autofree guint *widths = g_new0(guint, columns);
    GString *text = g_string_new(NULL);
    guint line = 2;

    for (guint r = 0; r < self->rows->len; r++) {
        const GPtrArray *cells = table_get_row(self, r);

        for (guint i = 0; i < columns; i++)
            widths[i] = MAX(widths[i], get_width(g_ptr_array_index(cells, i)));
    }
    for (guint i = 0; i < columns; i++)
        line += widths[i] + (i > 0 ? GAP : 0);

    append_row(text, table_get_row(self, 0), widths, indent);
    g_string_append(text, indent);
    for (guint i = 0; i < line; i++)
        g_string_append_c(text, '-');
    g_string_append_c(text, '\n');
    for (guint r = 1; r < self->rows->len; r++)
        append_row(text, table_get_row(self, r), widths, indent);
    return g_string_free(text, FALSE);
}
