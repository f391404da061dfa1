/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <string.h>

#include "blame.h"
#include "device_xml.h"
#include "reader.h"

static int
compare_lines(gconstpointer a, gconstpointer b)
{
    const Mistake *first = *(const Mistake *const *) a;
    const Mistake *second = *(const Mistake *const *) b;

    return (first->line > second->line) - (first->line < second->line);
}

static void
explain(GPtrArray *mistakes, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    /* In the order of the document; the sort is stable. */
    g_ptr_array_sort(mistakes, compare_lines);
    for (guint i = 0; i < MIN(mistakes->len, MISTAKES_MAX); i++) {
        const Mistake *mistake = g_ptr_array_index(mistakes, i);

        g_string_append_printf(text, "%sline %ld: %s", i == 0 ? "" : "\n", mistake->line,
                               mistake->text);
    }
    if (mistakes->len > MISTAKES_MAX)
        g_string_append(text, "\nand more");
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, "%s", text->str);
}

/* Ours by its name, but in no namespace, or in another: everybody would overlook it. */
static void
check_namespaces(const xmlNode *root, GPtrArray *mistakes)
{
    const xmlNode *metadata = node_find(root, "metadata");

    for (const xmlNode *node = metadata ? metadata->children : NULL; node; node = node->next) {
        const char *namespace = node->ns ? (const char *) node->ns->href : "";

        if (node->type == XML_ELEMENT_NODE && g_str_equal(node->name, "vdmabuf") &&
            !g_str_equal(namespace, DOMAIN_NAMESPACE))
            mistakes_add(mistakes, node,
                         "<metadata> has a <vdmabuf> of the namespace '%s'; it has to be "
                         "xmlns:vdmabuf=\"" DOMAIN_NAMESPACE "\"",
                         namespace);
    }
}

/* The metadata's form, taken for that of people; the schema would not say more than "no". */
static void
take_out_foreign(const xmlNode *root, GPtrArray *mistakes)
{
    xmlNode *devices = node_find(root, "devices");
    xmlNode *node;

    while ((node = node_child(devices, DOMAIN_NAMESPACE, "vdmabuf"))) {
        mistakes_add(mistakes, node,
                     "<devices> has a <vdmabuf> of the namespace '" DOMAIN_NAMESPACE
                     "'; there it has to be one without");
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

/* What people read is said already; this is what only the schema knows. */
static void
check_alone(const Schema *schema, const xmlNode *node, GPtrArray *mistakes)
{
    xmlNode *copy = xmlCopyNode((xmlNode *) node, 1);
    g_autoptr(xmlDoc) document = xmlNewDoc((const xmlChar *) "1.0");
    g_autofree char *tag = device_xml_tag(node);
    g_autofree char *reason = NULL;

    xmlDocSetRootElement(document, copy);
    if (!schema_is_valid(schema, document, &reason))
        mistakes_add(mistakes, node, "%s is not as its schema has it: %s", tag,
                     reason ? reason : "it does not fit");
}

static void
take_out(const Schema *schema, xmlNode *parent, const char *namespace, GPtrArray *mistakes,
         gboolean right)
{
    xmlNode *node;

    while ((node = node_child(parent, namespace, "vdmabuf"))) {
        if (right)
            check_alone(schema, node, mistakes);
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

gboolean
domain_validate(const char *xml, const char *schema_directory, GError **error)
{
    g_autoptr(xmlDoc) document = document_read(xml, strlen(xml), error);
    g_autoptr(GPtrArray) mistakes = mistakes_new();
    g_autoptr(GPtrArray) written = NULL;
    g_autoptr(Schema) own = NULL;
    g_autoptr(Schema) whole = NULL;
    g_autoptr(Domain) domain = NULL;
    g_autofree char *reason = NULL;
    xmlNode *root;
    gboolean right;
    guint before;

    if (!document || !(own = schema_load(schema_directory, "vdmabuf.rng", error)) ||
        !(whole = schema_load(schema_directory, "domain-vdmabuf.rng", error)))
        return FALSE;
    root = xmlDocGetRootElement(document);
    domain = reader_read(root, mistakes);
    written = reader_read_written(root, mistakes);
    check_namespaces(root, mistakes);
    take_out_foreign(root, mistakes);
    right = mistakes->len == 0;
    if (!right || !schema_is_valid(whole, document, NULL)) {
        take_out(own, node_find(root, "devices"), NULL, mistakes, right);
        before = mistakes->len;
        if (!schema_is_valid(whole, document, &reason))
            blame_find(whole, root, mistakes);
        if (reason && mistakes->len == before)
            mistakes_add(mistakes, root, "libvirt's schema says: %s", reason);
    }
    take_out(own, node_find(root, "metadata"), DOMAIN_NAMESPACE, mistakes, right);
    if (mistakes->len == 0)
        return TRUE;
    explain(mistakes, error);
    return FALSE;
}
