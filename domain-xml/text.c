/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <string.h>

#include "spans.h"

#define STEP 2 /* spaces a level, in what is inserted */

static const Span *
get_span(const Text *self, const xmlNode *node)
{
    return &g_array_index(self->spans, Span, GPOINTER_TO_SIZE(node->_private));
}

/* Each element knows which one it is in the order of the document. */
static gsize
number_elements(xmlNode *node, gsize next)
{
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        node->_private = GSIZE_TO_POINTER(next);
        next = number_elements(node->children, next + 1);
    }
    return next;
}

/* Takes @xml over, also if it fails. */
static gboolean
load(Text *self, char *xml, GError **error)
{
    g_autofree char *taken = xml;
    g_autoptr(xmlDoc) document = document_read(taken, strlen(taken), error);
    g_autoptr(GArray) spans = NULL;

    if (!document)
        return FALSE;
    if (document->encoding && g_ascii_strcasecmp((const char *) document->encoding, "UTF-8") != 0 &&
        g_ascii_strcasecmp((const char *) document->encoding, "US-ASCII") != 0) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML,
                    "the XML has the encoding %s; only UTF-8 can be changed, see iconv(1)",
                    document->encoding);
        return FALSE;
    }
    spans = spans_find(taken);
    if (number_elements(document->children, 0) != spans->len) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML,
                    "the XML has elements that come from elsewhere");
        return FALSE;
    }
    g_clear_pointer(&self->document, xmlFreeDoc);
    g_clear_pointer(&self->spans, g_array_unref);
    g_free(self->xml);
    self->xml = g_steal_pointer(&taken);
    self->spans = g_steal_pointer(&spans);
    self->document = g_steal_pointer(&document);
    self->root = xmlDocGetRootElement(self->document);
    return TRUE;
}

Text *
text_new(const char *xml, GError **error)
{
    g_autoptr(Text) self = g_new0(Text, 1);

    return load(self, g_strdup(xml), error) ? g_steal_pointer(&self) : NULL;
}

void
text_free(Text *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->document, xmlFreeDoc);
    g_clear_pointer(&self->spans, g_array_unref);
    g_free(self->xml);
    g_free(self);
}

static gboolean
splice(Text *self, gsize begin, gsize end, const char *replacement, GError **error)
{
    GString *xml = g_string_new_len(self->xml, begin);

    g_string_append(xml, replacement);
    g_string_append(xml, self->xml + end);
    return load(self, g_string_free(xml, FALSE), error);
}

/* Where the blanks begin that a line is indented by, its end of line included; or NULL */
static const char *
line_before(const Text *self, gsize position)
{
    const char *begin = self->xml + position;

    while (begin > self->xml && (begin[-1] == ' ' || begin[-1] == '\t'))
        begin--;
    if (begin == self->xml || begin[-1] != '\n')
        return NULL;
    begin--;
    return begin > self->xml && begin[-1] == '\r' ? begin - 1 : begin;
}

/* "\n    ": what is before an element that begins a line; or NULL */
static char *
get_indent(const Text *self, const xmlNode *node)
{
    gsize begin = get_span(self, node)->begin;
    const char *line = line_before(self, begin);

    return line ? g_strndup(line, self->xml + begin - line) : NULL;
}

static const xmlNode *
first_element(const xmlNode *parent)
{
    const xmlNode *node = parent->children;

    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

/* What a level is indented by: the first child of the root says it. */
static char *
get_step(const Text *self)
{
    const xmlNode *child = first_element(self->root);
    g_autofree char *outer = get_indent(self, self->root);
    g_autofree char *inner = child ? get_indent(self, child) : NULL;
    gsize level = outer ? strlen(outer) - strspn(outer, "\r\n") : 0;
    const char *blanks = inner ? inner + strspn(inner, "\r\n") : NULL;

    if (!blanks || strlen(blanks) <= level)
        return g_strnfill(STEP, ' ');
    return g_strdup(blanks + level);
}

/* What is to be before a child of @parent; NULL where nobody has indented anything */
static char *
get_child_indent(const Text *self, const xmlNode *parent)
{
    const xmlNode *child = first_element(parent);
    g_autofree char *own = NULL;
    g_autofree char *step = NULL;

    if (child)
        return get_indent(self, child);
    own = parent == self->root ? g_strdup("\n") : get_indent(self, parent);
    step = get_step(self);
    return own ? g_strconcat(own, step, NULL) : NULL;
}

/* Indents all lines but the first; without @indent they become one. */
static char *
format(const Text *self, const char *element, const char *indent)
{
    g_autofree char *step = get_step(self);
    g_auto(GStrv) lines = g_strsplit(element, "\n", -1);
    GString *text = g_string_new(NULL);

    for (guint i = 0; lines[i]; i++) {
        gsize blanks = strspn(lines[i], " ");

        if (indent && i > 0)
            g_string_append(text, indent);
        for (gsize level = 0; indent && level < blanks / STEP; level++)
            g_string_append(text, step);
        g_string_append(text, lines[i] + blanks);
    }
    return g_string_free(text, FALSE);
}

/* Behind the comments that are on the same line, which belong to what is before them */
static gsize
skip_comments(const Text *self, gsize position)
{
    const char *at = self->xml + position;

    for (;;) {
        const char *next = at + strspn(at, " \t");

        if (!g_str_has_prefix(next, "<!--"))
            return at - self->xml;
        next = strstr(next + strlen("<!--"), "-->") + strlen("-->");
        /* A comment that goes on in the next line is about what comes then. */
        if (memchr(at, '\n', next - at))
            return at - self->xml;
        at = next;
    }
}

/* <x/> becomes <x>...</x>. */
static gboolean
insert_first(Text *self, const xmlNode *parent, const char *indent, const char *text,
             GError **error)
{
    const Span *span = get_span(self, parent);
    g_autofree char *own = get_indent(self, parent);
    gsize length = span->name_end - span->begin - 1;
    g_autofree char *name = g_strndup(self->xml + span->begin + 1, length);
    g_autofree char *inner = NULL;
    g_autofree char *tag = NULL;

    inner = g_strconcat(indent ? indent : "", text, NULL);
    if (span->open_end != span->end)
        return splice(self, span->open_end, span->open_end, inner, error);
    tag = g_strdup_printf(">%s%s</%s>", inner, indent && own ? own : "", name);
    return splice(self, span->open_end - strlen("/>"), span->end, tag, error);
}

gboolean
text_insert(Text *self, const xmlNode *parent, const xmlNode *after, const char *element,
            GError **error)
{
    g_autofree char *indent = get_child_indent(self, parent);
    g_autofree char *text = NULL;
    g_autofree char *inner = NULL;
    gsize position;

    /* <x></x> of somebody who has put nothing between them stays on its line. */
    if (!first_element(parent) && !text_is_collapsed(self, parent) &&
        self->xml[get_span(self, parent)->open_end] == '<')
        g_clear_pointer(&indent, g_free);
    text = format(self, element, indent);
    if (!after)
        return insert_first(self, parent, indent, text, error);
    inner = g_strconcat(indent ? indent : "", text, NULL);
    position = get_span(self, after)->end;
    if (indent)
        position = skip_comments(self, position);
    return splice(self, position, position, inner, error);
}

gboolean
text_remove(Text *self, const xmlNode *node, GError **error)
{
    const Span *span = get_span(self, node);
    const char *line = line_before(self, span->begin);
    gsize begin = line ? (gsize) (line - self->xml) : span->begin;

    return splice(self, begin, span->end, "", error);
}

gboolean
text_replace(Text *self, const xmlNode *node, const char *element, GError **error)
{
    const Span *span = get_span(self, node);
    g_autofree char *indent = get_indent(self, node);
    g_autofree char *text = format(self, element, indent);

    return splice(self, span->begin, span->end, text, error);
}

gboolean
text_set_attribute(Text *self, const xmlNode *node, const char *name, const char *value,
                   GError **error)
{
    const Span *span = get_span(self, node);
    char quote = value && strchr(value, '"') ? '\'' : '"';
    g_autofree char *escaped = value ? node_escape(value, quote) : NULL;
    g_autofree char *text =
        value ? g_strdup_printf(" %s=%c%s%c", name, quote, escaped, quote) : g_strdup("");
    gsize begin;
    gsize end;

    if (!spans_find_attribute(self->xml, span, name, &begin, &end)) {
        begin = span->tail;
        end = span->tail;
    }
    return splice(self, begin, end, text, error);
}

gboolean
text_is_collapsed(const Text *self, const xmlNode *node)
{
    const Span *span = get_span(self, node);

    return span->open_end == span->end;
}

gboolean
text_collapse(Text *self, const xmlNode *node, GError **error)
{
    const Span *span = get_span(self, node);

    if (text_is_collapsed(self, node))
        return TRUE;
    return splice(self, span->open_end - strlen(">"), span->end, "/>", error);
}
