/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "document.h"
#include "metadata.h"

/* libvirt gives every element without a namespace the one of the metadata. */
static void
drop_namespace(xmlNode *node)
{
    g_clear_pointer(&node->nsDef, xmlFreeNsList);
    node->ns = NULL;
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            drop_namespace(child);
    }
}

static char *
dump(xmlDoc *document, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text;

    if (node != NULL)
        xmlNodeDump(buffer, document, node, 0, 0);
    text = g_strdup((const char *) xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

char *
metadata_get_element(const char *xml)
{
    g_autoptr(xmlDoc) document = document_read(xml, strlen(xml), NULL);
    const xmlNode *root = document != NULL ? xmlDocGetRootElement(document) : NULL;
    const xmlNode *element = node_child(node_find(root, "metadata"), DOMAIN_NAMESPACE, "vdmabuf");
    g_autoptr(xmlDoc) own = NULL;
    xmlNode *copy;

    if (node_child(element, DOMAIN_NAMESPACE, "device") == NULL)
        return NULL;
    own = xmlNewDoc((const xmlChar *) "1.0");
    copy = xmlDocCopyNode((xmlNode *) element, own, 1);
    xmlDocSetRootElement(own, copy);
    drop_namespace(copy);
    return dump(own, copy);
}

static gboolean
part_is_same(xmlDoc *document, xmlDoc *other, const char *path)
{
    g_autofree char *one = dump(document, node_find(xmlDocGetRootElement(document), path));
    g_autofree char *another = dump(other, node_find(xmlDocGetRootElement(other), path));

    return g_str_equal(one, another);
}

gboolean
metadata_memory_is_same(const char *xml, const char *other)
{
    g_autoptr(xmlDoc) document = document_read(xml, strlen(xml), NULL);
    g_autoptr(xmlDoc) changed = document_read(other, strlen(other), NULL);

    return document != NULL && changed != NULL &&
           part_is_same(document, changed, "memoryBacking") &&
           part_is_same(document, changed, "cpu/numa");
}
