/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blame.h"

#include <libxml/parser.h>
#include <string.h>

static const char least[] = "<domain type='kvm'><name>n</name><memory>1</memory>"
                            "<os><type>hvm</type></os></domain>";

typedef struct {
    const Schema *schema;
    xmlDoc *document;
    GPtrArray *mistakes;
} Trial;

static gboolean
is_valid(const Trial *self)
{
    return schema_is_valid(self->schema, self->document, NULL);
}

static void
report(const Trial *self, const xmlNode *node)
{
    g_autofree char *reason = NULL;
    gboolean telling;

    schema_is_valid(self->schema, self->document, &reason);
    telling = reason && strstr(reason, "allow value");
    mistakes_add(self->mistakes, node, "<%s> in <%s> is not as libvirt's schema has it%s%s",
                 node->name, node->parent->name, telling ? ": " : "", telling ? reason : "");
}

/* Whether it is one attribute: without it all is well. */
static gboolean
blame_attribute(const Trial *self, xmlNode *node)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (!attribute->ns)
            g_ptr_array_add(names, g_strdup((const char *) attribute->name));
    }
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *value = node_attribute(node, name);
        gboolean valid;

        xmlUnsetProp(node, (const xmlChar *) name);
        valid = is_valid(self);
        xmlSetProp(node, (const xmlChar *) name, (const xmlChar *) value);
        if (!valid)
            continue;
        mistakes_add(self->mistakes, node,
                     "<%s> has %s='%s', which libvirt's schema does not take there", node->name,
                     name, value);
        return TRUE;
    }
    return FALSE;
}

static xmlNode *
next_element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

/* @node is wrong where it is in the trial: what in it is? */
static void
blame(const Trial *self, xmlNode *node)
{
    if (blame_attribute(self, node))
        return;
    for (xmlNode *child = next_element(node->children); child; child = next_element(child->next)) {
        xmlNode *mark = xmlNewText((const xmlChar *) "");
        gboolean valid;

        xmlReplaceNode(child, mark);
        valid = is_valid(self);
        xmlReplaceNode(mark, child);
        xmlFreeNode(mark);
        if (valid) {
            blame(self, child);
            return;
        }
    }
    report(self, node);
}

/* Tries a copy of @node below @parent of the trial, in place of its like there. */
static void
try_alone(const Trial *self, xmlNode *parent, const xmlNode *node)
{
    xmlNode *copy = xmlDocCopyNode((xmlNode *) node, self->document, 1);
    xmlNode *old = node->ns ? NULL : node_child(parent, NULL, (const char *) node->name);

    if (old)
        xmlReplaceNode(old, copy);
    else
        xmlAddChild(parent, copy);
    if (!is_valid(self))
        blame(self, copy);
    if (old)
        xmlReplaceNode(copy, old);
    else
        xmlUnlinkNode(copy);
    xmlFreeNode(copy);
}

static void
try_devices(const Trial *self, const xmlNode *devices)
{
    xmlNode *root = xmlDocGetRootElement(self->document);
    xmlNode *alone = xmlNewChild(root, NULL, (const xmlChar *) "devices", NULL);

    for (xmlNode *node = next_element(devices->children);
         node && self->mistakes->len < MISTAKES_MAX; node = next_element(node->next))
        try_alone(self, alone, node);
    xmlUnlinkNode(alone);
    xmlFreeNode(alone);
}

static void
try_attributes(const Trial *self, const xmlNode *root)
{
    xmlNode *least_root = xmlDocGetRootElement(self->document);

    for (const xmlAttr *attribute = root->properties; attribute; attribute = attribute->next) {
        const char *name = (const char *) attribute->name;
        g_autofree char *value = node_attribute(root, name);
        g_autofree char *before = node_attribute(least_root, name);

        if (attribute->ns || !value)
            continue;
        xmlSetProp(least_root, attribute->name, (const xmlChar *) value);
        if (is_valid(self))
            continue;
        mistakes_add(self->mistakes, root,
                     "<domain> has %s='%s', which libvirt's schema does not take there", name,
                     value);
        if (before)
            xmlSetProp(least_root, attribute->name, (const xmlChar *) before);
        else
            xmlUnsetProp(least_root, attribute->name);
    }
}

void
blame_find(const Schema *schema, const xmlNode *root, GPtrArray *mistakes)
{
    g_autoptr(xmlDoc) document =
        xmlReadMemory(least, sizeof(least) - 1, "least.xml", NULL, XML_PARSE_NONET);
    const Trial trial = {schema, document, mistakes};

    try_attributes(&trial, root);
    for (xmlNode *node = next_element(root->children); node && mistakes->len < MISTAKES_MAX;
         node = next_element(node->next)) {
        if (node_is(node, NULL, "devices"))
            try_devices(&trial, node);
        else
            try_alone(&trial, xmlDocGetRootElement(document), node);
    }
}
