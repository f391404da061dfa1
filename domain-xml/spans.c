/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans.h"

#include <string.h>

#define BLANKS " \t\r\n"

/* Behind the next @end; at the end of the text if there is none */
static const char *
skip_past(const char *at, const char *end)
{
    const char *found = strstr(at, end);

    return found ? found + strlen(end) : at + strlen(at);
}

/*
 * One attribute, which begins at @at: its name is up to @name_end; what is returned is behind it.
 * Every loop ends at the end of the text too, should it not be well-formed.
 */
static const char *
skip_attribute(const char *at, const char **name_end)
{
    at += strcspn(at, BLANKS "=>");
    *name_end = at;
    at += strspn(at, BLANKS "=");
    if (*at == '"' || *at == '\'') {
        const char *end = strchr(at + 1, *at);

        return end ? end + 1 : at + strlen(at);
    }
    return *at ? at + 1 : at;
}

static const char *
read_tag(const char *xml, const char *at, Span *span)
{
    const char *name_end;

    span->begin = at - xml;
    at += strcspn(at, BLANKS "/>");
    span->name_end = at - xml;
    for (;;) {
        span->tail = at - xml;
        at += strspn(at, BLANKS);
        if (!*at)
            return at;
        if (*at == '/' || *at == '>')
            break;
        at = skip_attribute(at, &name_end);
    }
    return skip_past(at, ">");
}

GArray *
spans_find(const char *xml)
{
    GArray *spans = g_array_new(FALSE, TRUE, sizeof(Span));
    g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(guint));
    const char *at = xml;

    while ((at = strchr(at, '<'))) {
        if (g_str_has_prefix(at, "<!--")) {
            at = skip_past(at + strlen("<!--"), "-->");
        } else if (g_str_has_prefix(at, "<![CDATA[")) {
            at = skip_past(at, "]]>");
        } else if (at[1] == '?') {
            at = skip_past(at, "?>");
        } else if (at[1] == '/') {
            at = skip_past(at, ">");
            if (open->len > 0) {
                guint index = g_array_index(open, guint, open->len - 1);

                g_array_index(spans, Span, index).end = at - xml;
                g_array_set_size(open, open->len - 1);
            }
        } else {
            guint index = spans->len;
            Span span = {0, 0, 0, 0, 0};

            at = read_tag(xml, at, &span);
            span.open_end = span.end = at - xml;
            g_array_append_val(spans, span);
            if (at[-2] != '/')
                g_array_append_val(open, index);
        }
    }
    return spans;
}

gboolean
spans_find_attribute(const char *xml, const Span *span, const char *name, gsize *begin, gsize *end)
{
    const char *at = xml + span->name_end;

    while (at < xml + span->tail) {
        const char *start = at + strspn(at, BLANKS);
        const char *name_end;
        const char *next = skip_attribute(start, &name_end);

        if ((gsize) (name_end - start) == strlen(name) && strncmp(start, name, strlen(name)) == 0) {
            *begin = at - xml;
            *end = next - xml;
            return TRUE;
        }
        at = next;
    }
    return FALSE;
}
