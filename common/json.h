/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes JSON: as much of it as the programs' --json needs. */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct {
    GString *text;
    gboolean comma; /* something stands in front of the next value */
} Json;

void json_init(Json *self);
void json_clear(Json *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Json, json_clear)

/* @key is %NULL inside an array and for the outermost value. */
void json_open_object(Json *self, const char *key);
void json_close_object(Json *self);
void json_open_array(Json *self, const char *key);
void json_close_array(Json *self);
/* Bytes that are not UTF-8 are replaced. */
void json_add_string(Json *self, const char *key, const char *value);
void json_add_uint(Json *self, const char *key, guint64 value);
void json_add_int(Json *self, const char *key, gint64 value);
void json_add_double(Json *self, const char *key, double value);
void json_add_boolean(Json *self, const char *key, gboolean value);

/* Writes the outermost value and a line feed, and starts anew. */
void json_print(Json *self, FILE *stream);
