/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device_xml.h"

#include <string.h>

#include "pci.h"

char *
device_xml_tag(const xmlNode *node)
{
    gboolean own = node->ns && g_str_equal(node->ns->href, DOMAIN_NAMESPACE);

    return g_strdup_printf("<%s%s>", own ? "vdmabuf:" : "", node->name);
}

/* "a, b and c" */
static char *
enumerate(const char *const *names)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; names[i]; i++)
        g_string_append_printf(text, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " and ", names[i]);
    return g_string_free(text, FALSE);
}

/* It takes NOTHING, or which: the end of a message */
static char *
takes(const char *const *names, const char *what)
{
    g_autofree char *list = enumerate(names);

    return *list ? g_strdup_printf("it takes %s", list) : g_strdup_printf("it takes no %s", what);
}

void
device_xml_check_attributes(const xmlNode *node, const char *const *known, GPtrArray *mistakes)
{
    g_autofree char *tag = device_xml_tag(node);
    g_autofree char *allowed = takes(known, "attribute");

    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (attribute->ns || !g_strv_contains(known, (const char *) attribute->name))
            mistakes_add(mistakes, node, "%s has the unknown attribute '%s'; %s", tag,
                         attribute->name, allowed);
    }
}

static gboolean
is_blank(const xmlNode *text)
{
    const char *content = (const char *) text->content;

    return !content || !content[strspn(content, " \t\r\n")];
}

void
device_xml_check_children(const xmlNode *node, const char *const *known,
                          const char *const *repeatable, GPtrArray *mistakes)
{
    g_autofree char *tag = device_xml_tag(node);
    g_autofree char *allowed = takes(known, "element");

    for (const xmlNode *child = node->children; child && mistakes->len < MISTAKES_MAX;
         child = child->next) {
        const char *namespace = node->ns ? (const char *) node->ns->href : NULL;
        const char *name = (const char *) child->name;

        if ((child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) &&
            !is_blank(child))
            mistakes_add(mistakes, node, "%s has text of its own; %s", tag, allowed);
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (!node_is(child, namespace, name) || !g_strv_contains(known, name))
            mistakes_add(mistakes, child, "%s has the unknown element <%s>; %s", tag, name,
                         allowed);
        else if (!g_strv_contains(repeatable, name) &&
                 node_child(node, namespace, name) != (xmlNode *) child)
            mistakes_add(mistakes, child, "%s has a second <%s>", tag, name);
    }
}

static const char *const none[] = {NULL};

static void
read_number(const xmlNode *node, const char *name, guint64 max, guint64 *number,
            GPtrArray *mistakes)
{
    g_autofree char *text = node_attribute(node, name);
    g_autofree char *tag = device_xml_tag(node);

    if (text && !g_ascii_string_to_unsigned(text, 10, 1, max, number, NULL))
        mistakes_add(mistakes, node,
                     "%s has %s='%s'; it takes a number from 1 to %" G_GUINT64_FORMAT, tag, name,
                     text, max);
}

static guint64
read_unit(const xmlNode *node, GPtrArray *mistakes)
{
    g_autofree char *unit = node_attribute(node, "unit");
    g_autofree char *tag = device_xml_tag(node);
    guint64 scale = device_scale(unit ? unit : "KiB");

    if (scale == 0)
        mistakes_add(mistakes, node,
                     "%s has the unknown unit='%s'; it takes those of <memory>, such as KiB, MiB "
                     "and GiB",
                     tag, unit);
    return scale;
}

static void
read_limits(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    static const char *const known[] = {"buffers", "memory", "unit", "entries", NULL};
    guint64 scale;

    device_xml_check_attributes(node, known, mistakes);
    device_xml_check_children(node, none, none, mistakes);
    read_number(node, "buffers", G_MAXUINT32, &device->max_buffers, mistakes);
    read_number(node, "entries", G_MAXUINT32, &device->max_entries, mistakes);
    scale = read_unit(node, mistakes);
    if (scale > 0)
        read_number(node, "memory", DEVICE_BYTES_MAX / scale, &device->max_bytes, mistakes);
    device->max_bytes *= scale;
}

static void
read_queue(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    static const char *const known[] = {"size", NULL};
    g_autofree char *text = node_attribute(node, "size");
    g_autofree char *tag = device_xml_tag(node);
    guint64 size = 0;

    device_xml_check_attributes(node, known, mistakes);
    device_xml_check_children(node, none, none, mistakes);
    if (!text)
        mistakes_add(mistakes, node, "%s has no size", tag);
    else if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &size, NULL) &&
             device_queue_size_is_usable(size))
        device->queue_size = size;
    else
        mistakes_add(mistakes, node, "%s has size='%s'; it takes a power of two from 2 to %d", tag,
                     text, DOMAIN_QUEUE_SIZE_MAX);
}

static void
read_consumer(const xmlNode *node, GPtrArray *names, GPtrArray *mistakes)
{
    static const char *const known[] = {"name", NULL};
    g_autofree char *name = node_attribute(node, "name");
    g_autofree char *tag = device_xml_tag(node);

    device_xml_check_attributes(node, known, mistakes);
    device_xml_check_children(node, none, none, mistakes);
    if (!name)
        mistakes_add(mistakes, node, "%s has no name", tag);
    else if (device_user_is_usable(name))
        g_ptr_array_add(names, g_steal_pointer(&name));
    else
        mistakes_add(mistakes, node, "%s has name='%s', which is not the name of a %s", tag, name,
                     node->name);
}

static void
read_consumers(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    static const char *const known[] = {"write", "max", NULL};
    static const char *const children[] = {"user", "group", NULL};
    const char *namespace = node->ns ? (const char *) node->ns->href : NULL;
    g_autofree char *write = node_attribute(node, "write");
    g_autofree char *tag = device_xml_tag(node);

    device_xml_check_attributes(node, known, mistakes);
    device_xml_check_children(node, children, children, mistakes);
    read_number(node, "max", G_MAXUINT32, &device->max_consumers, mistakes);
    if (write && !g_str_equal(write, "yes") && !g_str_equal(write, "no"))
        mistakes_add(mistakes, node, "%s has write='%s'; it takes yes or no", tag, write);
    device->writable = g_strcmp0(write, "yes") == 0;
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (node_is(child, namespace, "user"))
            read_consumer(child, device->users, mistakes);
        else if (node_is(child, namespace, "group"))
            read_consumer(child, device->groups, mistakes);
    }
}

static void
read_label(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    g_autofree char *tag = device_xml_tag(node);

    device_xml_check_attributes(node, none, mistakes);
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            mistakes_add(mistakes, child, "%s has the element <%s>; it takes text", tag,
                         child->name);
    }
    device->label = node_text(node);
    if (!device->label || !device_label_is_usable(device->label))
        mistakes_add(mistakes, node, "%s takes one line of 1 to %d characters", tag,
                     DOMAIN_LABEL_MAX);
}

static void
read_alias(const xmlNode *node, const xmlNode *where, DomainDevice *device, GPtrArray *mistakes)
{
    static const char *const known[] = {"name", NULL};
    const char *attribute = node == where ? "alias" : "name";
    g_autofree char *tag = device_xml_tag(where);

    if (node != where) {
        device_xml_check_attributes(where, known, mistakes);
        device_xml_check_children(where, none, none, mistakes);
    }
    device->alias = node_attribute(where, attribute);
    if (!device->alias)
        mistakes_add(mistakes, where, "%s has no %s, such as vdmabuf0", tag, attribute);
    else if (!domain_alias_is_usable(device->alias))
        mistakes_add(mistakes, where,
                     "%s has %s='%s'; it takes up to %d letters, digits, '-' and '_', beginning "
                     "with a letter, such as vdmabuf0",
                     tag, attribute, device->alias, DOMAIN_ALIAS_MAX);
}

static void
read_address(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    static const char *const known[] = {"type", "domain", "bus", "slot", "function", NULL};
    PciAddress address;

    device_xml_check_attributes(node, known, mistakes);
    device_xml_check_children(node, none, none, mistakes);
    if (!pci_address_read(node, &address) || !pci_address_is_for_port(&address)) {
        mistakes_add(mistakes, node,
                     "<address> is where the device's root port sits: it takes type='pci' and a "
                     "slot from 0x01 to 0x1e of domain 0, bus 0, function 0");
        return;
    }
    device->port_address = g_strdup_printf("0x%02x", address.slot);
}

static void
read_model(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes)
{
    g_autofree char *model = node_attribute(node, "model");
    g_autofree char *tag = device_xml_tag(node);

    if (model && !device_set_model(device, model))
        mistakes_add(mistakes, node, "%s has model='%s'; it takes auto or vhost-user", tag, model);
}

DomainDevice *
device_xml_read(const xmlNode *node, GPtrArray *mistakes)
{
    /* The second and the third are of the form below <devices>. */
    static const char *const attributes[] = {"model", "alias", NULL};
    static const char *const children[] = {"label", "limits",  "queue", "consumers",
                                           "alias", "address", NULL};
    static const char *const metadata_children[] = {"label", "limits", "queue", "consumers", NULL};
    static const char *const device_attributes[] = {"model", NULL};
    static const struct {
        const char *name;
        void (*read)(const xmlNode *node, DomainDevice *device, GPtrArray *mistakes);
    } readers[] = {
        {"label", read_label},         {"limits", read_limits},   {"queue", read_queue},
        {"consumers", read_consumers}, {"address", read_address},
    };
    const char *namespace = node->ns ? (const char *) node->ns->href : NULL;
    DomainDevice *device = domain_device_new();
    const xmlNode *alias = namespace ? node : node_child(node, NULL, "alias");

    device_xml_check_attributes(node, namespace ? attributes : device_attributes, mistakes);
    device_xml_check_children(node, namespace ? metadata_children : children, none, mistakes);
    if (alias)
        read_alias(node, alias, device, mistakes);
    read_model(node, device, mistakes);
    for (guint i = 0; i < G_N_ELEMENTS(readers); i++) {
        const xmlNode *child = node_child(node, namespace, readers[i].name);

        if (child)
            readers[i].read(child, device, mistakes);
    }
    return device;
}

const char *
device_xml_part_name(DevicePart part)
{
    static const char *const names[] = {"label", "limits", "queue", "consumers"};

    return names[part];
}

static char *
write_label(const DomainDevice *device, const char *prefix)
{
    g_autofree char *text = device->label ? node_escape(device->label, '\0') : NULL;

    return text ? g_strdup_printf("<%slabel>%s</%slabel>", prefix, text, prefix) : NULL;
}

static char *
write_limits(const DomainDevice *device, const char *prefix)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gboolean whole = device->max_bytes % 1024 == 0;

    if (device->max_buffers)
        g_string_append_printf(text, " buffers=\"%" G_GUINT64_FORMAT "\"", device->max_buffers);
    if (device->max_bytes)
        g_string_append_printf(text, " memory=\"%" G_GUINT64_FORMAT "\" unit=\"%s\"",
                               whole ? device->max_bytes / 1024 : device->max_bytes,
                               whole ? "KiB" : "b");
    if (device->max_entries)
        g_string_append_printf(text, " entries=\"%" G_GUINT64_FORMAT "\"", device->max_entries);
    return text->len ? g_strdup_printf("<%slimits%s/>", prefix, text->str) : NULL;
}

static char *
write_queue(const DomainDevice *device, const char *prefix)
{
    if (device->queue_size == DOMAIN_QUEUE_SIZE)
        return NULL;
    return g_strdup_printf("<%squeue size=\"%u\"/>", prefix, device->queue_size);
}

static void
write_names(GString *text, const GPtrArray *names, const char *prefix, const char *element)
{
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *name = node_escape(g_ptr_array_index(names, i), '"');

        g_string_append_printf(text, "  <%s%s name=\"%s\"/>\n", prefix, element, name);
    }
}

static char *
write_consumers(const DomainDevice *device, const char *prefix)
{
    GString *text;

    if (!device->writable && !device->max_consumers && device->users->len == 0 &&
        device->groups->len == 0)
        return NULL;
    text = g_string_new(NULL);
    g_string_append_printf(text, "<%sconsumers write=\"%s\"", prefix,
                           device->writable ? "yes" : "no");
    if (device->max_consumers)
        g_string_append_printf(text, " max=\"%" G_GUINT64_FORMAT "\"", device->max_consumers);
    if (device->users->len == 0 && device->groups->len == 0) {
        g_string_append(text, "/>");
    } else {
        g_string_append(text, ">\n");
        write_names(text, device->users, prefix, "user");
        write_names(text, device->groups, prefix, "group");
        g_string_append_printf(text, "</%sconsumers>", prefix);
    }
    return g_string_free(text, FALSE);
}

char *
device_xml_write_part(const DomainDevice *device, DevicePart part, const char *prefix)
{
    static char *(*const writers[])(const DomainDevice *, const char *) = {
        write_label,
        write_limits,
        write_queue,
        write_consumers,
    };

    return writers[part](device, prefix);
}

char *
device_xml_write(const DomainDevice *device, const char *prefix)
{
    GString *text = g_string_new(NULL);
    gboolean empty = TRUE;

    g_string_append_printf(text, "<%sdevice alias=\"%s\"", prefix, device->alias);
    if (device->model != DOMAIN_MODEL_AUTO)
        g_string_append_printf(text, " model=\"%s\"", domain_model_to_string(device->model));
    for (DevicePart part = 0; part < DEVICE_N_PARTS; part++) {
        g_autofree char *element = device_xml_write_part(device, part, prefix);
        g_auto(GStrv) lines = element ? g_strsplit(element, "\n", -1) : NULL;

        for (guint i = 0; lines && lines[i]; i++)
            g_string_append_printf(text, "%s  %s", empty && i == 0 ? ">\n" : "\n", lines[i]);
        empty = empty && !element;
    }
    if (empty)
        g_string_append(text, "/>");
    else
        g_string_append_printf(text, "\n</%sdevice>", prefix);
    return g_string_free(text, FALSE);
}
