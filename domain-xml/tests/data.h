/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests that are files, in the folder fixtures or in $VDMABUF_TEST_DATA: what goes in, and what
 * has to come out. With VDMABUF_TEST_REGENERATE=1 what comes out is written there instead.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DATA_DIRECTORY "/run/vdmabuf"

/* Adds a test /PREFIX/NAME for each NAME.xml of @folder, without those that end in .out.xml. */
void data_add_tests(const char *folder, const char *prefix, GTestDataFunc test);

/* A file beside NAME.xml; %NULL if there is none. @path is without its .xml */
char *data_read(const char *path, const char *suffix);
char *data_read_xml(const char *path);

/*
 * Either @result, to be as in @path.out.xml, or @error, whose message is to be as in @path.err. One
 * of both files is there; the other is not.
 */
void data_compare(const char *path, const char *result, const GError *error);
/* Lines of text, to be as in the file with this suffix; without any there is no such file. */
void data_compare_lines(const char *path, const char *suffix, const GPtrArray *lines);
/* Only @error, which can be %NULL; then there is no such file. */
void data_compare_error(const char *path, const GError *error);

/* The document without the blanks between elements, indented anew: what libvirt does to it */
char *data_normalise(const char *xml);
/* Whether the schema @file takes it; if not libxml2 says why. TRUE without libvirt's schemas */
gboolean data_is_valid(const char *xml, const char *file);

G_END_DECLS
