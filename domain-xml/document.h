/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of this folder use of libxml2, and mistakes with their lines. */
#pragma once

#include <libxml/tree.h>

#include "domain.h"

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* Neither files nor the network, no document type and so no entities; bounded size and depth */
xmlDoc *document_read(const char *xml, gsize size, GError **error);

/* @namespace: %NULL for elements without one, which libvirt's have */
gboolean node_is(const xmlNode *node, const char *namespace, const char *name);
/* The first child with this name, and the next sibling; %NULL in, %NULL out */
xmlNode *node_child(const xmlNode *parent, const char *namespace, const char *name);
xmlNode *node_next(const xmlNode *node, const char *namespace, const char *name);
/* The element at the end of a path of libvirt's elements, such as "cpu/numa" */
xmlNode *node_find(const xmlNode *parent, const char *path);

char *node_text(const xmlNode *node);
char *node_attribute(const xmlNode *node, const char *name);
gboolean node_attribute_is(const xmlNode *node, const char *name, const char *value);
/* Text for XML: of an element, or of an attribute within @quote */
char *node_escape(const char *text, char quote);

/* Nobody reads more of them; one more is kept, to say that there are. */
#define MISTAKES_MAX 100

/* One mistake, and where it is */
typedef struct {
    long line;
    char *text;
} Mistake;

GPtrArray *mistakes_new(void);
void mistakes_add(GPtrArray *mistakes, const xmlNode *node, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Says the first of them; TRUE if there is none. */
gboolean mistakes_check(const GPtrArray *mistakes, GError **error);

G_END_DECLS
