/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An XML document as text that is changed in places: libxml2 says what is where in the tree, and
 * everything that is not changed stays as it was written, to the byte. New elements are indented
 * like what is around them.
 */
#pragma once

#include "document.h"

G_BEGIN_DECLS

/**
 * Text:
 * @xml: the document
 * @root: the element <domain>; every change replaces the tree, and with it all nodes
 */
typedef struct {
    char *xml;
    xmlNode *root;
    xmlDoc *document;
    GArray *spans;
} Text;

Text *text_new(const char *xml, GError **error);
void text_free(Text *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Text, text_free)

/**
 * text_insert:
 * @after: the child to insert behind; %NULL: before all others
 * @element: lines that end with \n and are indented by two spaces a level, beginning with none
 *
 * Puts an element into @parent.
 */
gboolean text_insert(Text *self, const xmlNode *parent, const xmlNode *after, const char *element,
                     GError **error);
/* The element and the line it is alone on */
gboolean text_remove(Text *self, const xmlNode *node, GError **error);
gboolean text_replace(Text *self, const xmlNode *node, const char *element, GError **error);
/* @value %NULL: takes the attribute away. Quoted with ' if the value has a " */
gboolean text_set_attribute(Text *self, const xmlNode *node, const char *name, const char *value,
                            GError **error);
/* Makes <x></x>, with nothing but blanks inside, <x/> */
gboolean text_collapse(Text *self, const xmlNode *node, GError **error);
/* Whether it is written <x/> */
gboolean text_is_collapsed(const Text *self, const xmlNode *node);

G_END_DECLS
