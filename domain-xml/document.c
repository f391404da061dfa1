/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document.h"

#include <libxml/parser.h>
#include <string.h>

#define FAIL(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML, __VA_ARGS__)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

static void
explain(xmlParserCtxt *parser, GError **error)
{
    const xmlError *cause = xmlCtxtGetLastError(parser);
    g_autofree char *text =
        g_strdup(cause && cause->message ? cause->message : "it is no XML document");

    FAIL(error, "the domain's XML cannot be read: line %d: %s", cause ? cause->line : 1,
         g_strchomp(text));
}

xmlDoc *
document_read(const char *xml, gsize size, GError **error)
{
    g_autoptr(xmlParserCtxt) parser = xmlNewParserCtxt();
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *root;

    if (size > DOMAIN_MAX_XML) {
        FAIL(error, "the domain's XML is longer than %d bytes", DOMAIN_MAX_XML);
        return NULL;
    }
    /* Entities are not replaced, and the parser's own limits stay on. */
    document = xmlCtxtReadMemory(parser, xml, (int) size, "domain.xml", NULL,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                     XML_PARSE_BIG_LINES);
    /* A prefix that is not declared is not the namespace that its author has meant. */
    if (!document || !parser->nsWellFormed) {
        explain(parser, error);
        return NULL;
    }
    if (document->intSubset) {
        FAIL(error, "the XML of a domain has no document type, this one has");
        return NULL;
    }
    root = xmlDocGetRootElement(document);
    if (!root || !node_is(root, NULL, "domain")) {
        FAIL(error, "this is not the XML of a domain: its element is <%s>",
             root ? (const char *) root->name : "");
        return NULL;
    }
    return g_steal_pointer(&document);
}

gboolean
node_is(const xmlNode *node, const char *namespace, const char *name)
{
    const char *own = node->ns ? (const char *) node->ns->href : NULL;

    return node->type == XML_ELEMENT_NODE && g_strcmp0((const char *) node->name, name) == 0 &&
           g_strcmp0(own, namespace) == 0;
}

static xmlNode *
seek(xmlNode *node, const char *namespace, const char *name)
{
    while (node && !node_is(node, namespace, name))
        node = node->next;
    return node;
}

xmlNode *
node_child(const xmlNode *parent, const char *namespace, const char *name)
{
    return seek(parent ? parent->children : NULL, namespace, name);
}

xmlNode *
node_next(const xmlNode *node, const char *namespace, const char *name)
{
    return seek(node ? node->next : NULL, namespace, name);
}

xmlNode *
node_find(const xmlNode *parent, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    xmlNode *node = (xmlNode *) parent;

    for (guint i = 0; names[i]; i++)
        node = node_child(node, NULL, names[i]);
    return node;
}

static char *
take_string(xmlChar *text)
{
    char *copy = g_strdup((const char *) text);

    xmlFree(text);
    return copy;
}

char *
node_text(const xmlNode *node)
{
    return node ? take_string(xmlNodeGetContent(node)) : NULL;
}

char *
node_attribute(const xmlNode *node, const char *name)
{
    return node ? take_string(xmlGetNoNsProp(node, (const xmlChar *) name)) : NULL;
}

gboolean
node_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *own = node_attribute(node, name);

    return g_strcmp0(own, value) == 0;
}

char *
node_escape(const char *text, char quote)
{
    GString *escaped = g_string_new(NULL);

    for (; *text; text++) {
        if (*text == '&')
            g_string_append(escaped, "&amp;");
        else if (*text == '<')
            g_string_append(escaped, "&lt;");
        else if (*text == '>')
            g_string_append(escaped, "&gt;");
        else if (*text == quote)
            g_string_append(escaped, quote == '"' ? "&quot;" : "&apos;");
        else if (g_ascii_iscntrl(*text))
            g_string_append_printf(escaped, "&#%d;", *text);
        else
            g_string_append_c(escaped, *text);
    }
    return g_string_free(escaped, FALSE);
}

static void
mistake_free(gpointer data)
{
    Mistake *self = data;

    g_free(self->text);
    g_free(self);
}

GPtrArray *
mistakes_new(void)
{
    return g_ptr_array_new_with_free_func(mistake_free);
}

void
mistakes_add(GPtrArray *mistakes, const xmlNode *node, const char *format, ...)
{
    Mistake *mistake;
    va_list arguments;

    if (mistakes->len > MISTAKES_MAX)
        return;
    mistake = g_new0(Mistake, 1);
    va_start(arguments, format);
    mistake->text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    mistake->line = xmlGetLineNo(node);
    g_ptr_array_add(mistakes, mistake);
}

gboolean
mistakes_check(const GPtrArray *mistakes, GError **error)
{
    const Mistake *first;

    if (mistakes->len == 0)
        return TRUE;
    first = g_ptr_array_index(mistakes, 0);
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, "%s", first->text);
    return FALSE;
}
