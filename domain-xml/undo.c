/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "undo.h"

static const char *const names[UNDO_N_THINGS] = {
    "metadata", "commandline", "memoryBacking", "source", "access",
};

static const char *const states[] = {NULL, "added", "filled", "kept"};

void
undo_read(Undo *self, const xmlNode *vdmabuf)
{
    const xmlNode *node = node_child(vdmabuf, DOMAIN_NAMESPACE, "undo");

    *self = (Undo) {{UNDO_NOTHING}};
    for (guint i = 0; node && i < UNDO_N_THINGS; i++) {
        for (guint state = UNDO_ADDED; state < G_N_ELEMENTS(states); state++) {
            if (node_attribute_is(node, names[i], states[state]))
                self->things[i] = state;
        }
    }
}

char *
undo_write(const Undo *self, const char *prefix)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "<%sundo", prefix);
    for (guint i = 0; i < UNDO_N_THINGS; i++) {
        if (self->things[i] != UNDO_NOTHING)
            g_string_append_printf(text, " %s=\"%s\"", names[i], states[self->things[i]]);
    }
    g_string_append(text, "/>");
    return g_string_free(text, FALSE);
}

/* Comments of people count as something. */
static gboolean
is_empty(const xmlNode *node)
{
    for (xmlNode *child = node->children; child; child = child->next) {
        if (!xmlIsBlankNode(child))
            return FALSE;
    }
    return TRUE;
}

void
undo_look_at(Undo *self, UndoThing thing, const Text *text, const xmlNode *node)
{
    if (is_empty(node))
        self->things[thing] = text_is_collapsed(text, node) ? UNDO_FILLED : UNDO_KEPT;
}

gboolean
undo_container(const Undo *self, UndoThing thing, Text *text, const xmlNode *node, GError **error)
{
    if (!node || !is_empty(node) || self->things[thing] == UNDO_KEPT)
        return TRUE;
    if (self->things[thing] == UNDO_FILLED)
        return text_collapse(text, node, error);
    return text_remove(text, node, error);
}
