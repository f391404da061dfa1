/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device_xml.h"
#include "edit_parts.h"

static const char *const before_metadata[] = {"name",  "uuid",        "genid",
                                              "title", "description", NULL};

xmlNode *
edit_find_vdmabuf(const Text *text)
{
    return node_child(node_find(text->root, "metadata"), DOMAIN_NAMESPACE, "vdmabuf");
}

static xmlNode *
find_device(const xmlNode *vdmabuf, const char *alias)
{
    xmlNode *node = node_child(vdmabuf, DOMAIN_NAMESPACE, "device");

    while (node && !node_attribute_is(node, "alias", alias))
        node = node_next(node, DOMAIN_NAMESPACE, "device");
    return node;
}

/* "vdmabuf:", or what its author has written for it */
static char *
get_prefix(const xmlNode *vdmabuf)
{
    return vdmabuf->ns->prefix ? g_strdup_printf("%s:", vdmabuf->ns->prefix) : g_strdup("");
}

static xmlNode *
find_last_child(const xmlNode *parent, const char *namespace, const char *name)
{
    xmlNode *last = NULL;

    for (xmlNode *node = parent->children; node; node = node->next) {
        if (name ? node_is(node, namespace, name) : node->type == XML_ELEMENT_NODE)
            last = node;
    }
    return last;
}

/* What is added is in the document then: with nothing in it. */
static gboolean
add_vdmabuf(Text *text, Undo *undo, GError **error)
{
    const xmlNode *metadata = node_find(text->root, "metadata");

    if (!metadata) {
        undo->things[UNDO_METADATA] = UNDO_ADDED;
        if (!text_insert(text, text->root, edit_find_last(text->root, before_metadata),
                         "<metadata/>", error))
            return FALSE;
        metadata = node_find(text->root, "metadata");
    } else {
        undo_look_at(undo, UNDO_METADATA, text, metadata);
    }
    return text_insert(text, metadata, find_last_child(metadata, NULL, NULL),
                       "<vdmabuf:vdmabuf xmlns:vdmabuf=\"" DOMAIN_NAMESPACE "\"/>", error);
}

static gboolean
add_device(Text *text, const DomainDevice *device, GError **error)
{
    const xmlNode *vdmabuf = edit_find_vdmabuf(text);
    g_autofree char *prefix = get_prefix(vdmabuf);
    g_autofree char *element = device_xml_write(device, prefix);

    return text_insert(text, vdmabuf, find_last_child(vdmabuf, DOMAIN_NAMESPACE, "device"), element,
                       error);
}

static gboolean
set_part(Text *text, const DomainDevice *device, DevicePart part, GError **error)
{
    const xmlNode *vdmabuf = edit_find_vdmabuf(text);
    const xmlNode *node = find_device(vdmabuf, device->alias);
    const xmlNode *old = node_child(node, DOMAIN_NAMESPACE, device_xml_part_name(part));
    const xmlNode *before = NULL;
    g_autofree char *prefix = get_prefix(vdmabuf);
    g_autofree char *element = device_xml_write_part(device, part, prefix);

    if (old)
        return element ? text_replace(text, old, element, error) : text_remove(text, old, error);
    if (!element)
        return TRUE;
    for (guint i = 0; i < part; i++) {
        const xmlNode *other = node_child(node, DOMAIN_NAMESPACE, device_xml_part_name(i));

        before = other ? other : before;
    }
    return text_insert(text, node, before, element, error);
}

/* Only what differs is written, so that comments beside it stay. */
static gboolean
change_device(Text *text, const DomainDevice *device, GError **error)
{
    g_autoptr(GPtrArray) mistakes = mistakes_new();
    const xmlNode *node = find_device(edit_find_vdmabuf(text), device->alias);
    g_autoptr(DomainDevice) old = device_xml_read(node, mistakes);
    const char *model =
        device->model == DOMAIN_MODEL_AUTO ? NULL : domain_model_to_string(device->model);

    if (old->model != device->model && !text_set_attribute(text, node, "model", model, error))
        return FALSE;
    for (DevicePart part = 0; part < DEVICE_N_PARTS; part++) {
        if (!device_part_equal(old, device, part) && !set_part(text, device, part, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
edit_set_metadata(Text *text, const DomainDevice *device, Undo *undo, GError **error)
{
    if (!edit_find_vdmabuf(text) && !add_vdmabuf(text, undo, error))
        return FALSE;
    if (find_device(edit_find_vdmabuf(text), device->alias))
        return change_device(text, device, error);
    return add_device(text, device, error);
}

gboolean
edit_set_undo(Text *text, const Undo *undo, GError **error)
{
    const xmlNode *vdmabuf = edit_find_vdmabuf(text);
    const xmlNode *old = node_child(vdmabuf, DOMAIN_NAMESPACE, "undo");
    g_autofree char *prefix = get_prefix(vdmabuf);
    g_autofree char *element = undo_write(undo, prefix);
    Undo now;

    undo_read(&now, vdmabuf);
    if (memcmp(&now, undo, sizeof(now)) == 0)
        return TRUE;
    if (old)
        return text_replace(text, old, element, error);
    return text_insert(text, vdmabuf, find_last_child(vdmabuf, DOMAIN_NAMESPACE, "device"), element,
                       error);
}

gboolean
edit_remove_metadata(Text *text, const char *alias, const Undo *undo, GError **error)
{
    const xmlNode *device = find_device(edit_find_vdmabuf(text), alias);

    if (device && !text_remove(text, device, error))
        return FALSE;
    if (!edit_find_vdmabuf(text) || node_child(edit_find_vdmabuf(text), DOMAIN_NAMESPACE, "device"))
        return TRUE;
    return text_remove(text, edit_find_vdmabuf(text), error) &&
           undo_container(undo, UNDO_METADATA, text, node_find(text->root, "metadata"), error);
}
