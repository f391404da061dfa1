/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the elements of a document are in its text, which libxml2 does not say. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Span: of one element
 * @begin: its '<'
 * @name_end: behind the name in its first tag
 * @tail: where its first tag ends, blanks, "/>" or ">" not included
 * @open_end: behind its first tag
 * @end: behind its last one, which in <x/> is the first
 */
typedef struct {
    gsize begin;
    gsize name_end;
    gsize tail;
    gsize open_end;
    gsize end;
} Span;

/* Of all elements, in the order of the document. @xml is well-formed and has no document type. */
GArray *spans_find(const char *xml);
/* An attribute with the blanks before it. @name is without a prefix. */
gboolean spans_find_attribute(const char *xml, const Span *span, const char *name, gsize *begin,
                              gsize *end);

G_END_DECLS
