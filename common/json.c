/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "json.h"

void
json_init(Json *self)
{
    self->text = g_string_new(NULL);
    self->comma = FALSE;
}

void
json_clear(Json *self)
{
    if (self->text != NULL)
        g_string_free(self->text, TRUE);
    self->text = NULL;
}

static void
json_quote(Json *self, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    g_string_append_c(self->text, '"');
    for (const char *p = valid; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_printf(self->text, "\\%c", *p);
        else if ((guchar) *p < 0x20 || *p == 0x7f)
            g_string_append_printf(self->text, "\\u%04x", (guint) *p);
        else
            g_string_append_c(self->text, *p);
    }
    g_string_append_c(self->text, '"');
}

static void
json_start(Json *self, const char *key)
{
    if (self->comma)
        g_string_append(self->text, ", ");
    if (key != NULL) {
        json_quote(self, key);
        g_string_append(self->text, ": ");
    }
    self->comma = TRUE;
}

static void
json_open(Json *self, const char *key, char bracket)
{
    json_start(self, key);
    g_string_append_c(self->text, bracket);
    self->comma = FALSE;
}

static void
json_close(Json *self, char bracket)
{
    g_string_append_c(self->text, bracket);
    self->comma = TRUE;
}

void
json_open_object(Json *self, const char *key)
{
    json_open(self, key, '{');
}

void
json_close_object(Json *self)
{
    json_close(self, '}');
}

void
json_open_array(Json *self, const char *key)
{
    json_open(self, key, '[');
}

void
json_close_array(Json *self)
{
    json_close(self, ']');
}

void
json_add_string(Json *self, const char *key, const char *value)
{
    json_start(self, key);
    json_quote(self, value);
}

void
json_add_uint(Json *self, const char *key, guint64 value)
{
    json_start(self, key);
    g_string_append_printf(self->text, "%" G_GUINT64_FORMAT, value);
}

void
json_add_int(Json *self, const char *key, gint64 value)
{
    json_start(self, key);
    g_string_append_printf(self->text, "%" G_GINT64_FORMAT, value);
}

void
json_add_double(Json *self, const char *key, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    json_start(self, key);
    /* JSON has no word for the others; and the point must not depend on the locale */
    g_string_append(self->text,
                    isfinite(value) ? g_ascii_formatd(text, sizeof(text), "%.6g", value) : "null");
}

void
json_add_boolean(Json *self, const char *key, gboolean value)
{
    json_start(self, key);
    g_string_append(self->text, value ? "true" : "false");
}

void
json_print(Json *self, FILE *stream)
{
    fprintf(stream, "%s\n", self->text->str);
    /* A program that reads this wants each line when it is written */
    fflush(stream);
    g_string_truncate(self->text, 0);
    self->comma = FALSE;
}
