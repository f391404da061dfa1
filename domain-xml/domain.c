/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <string.h>

#include "arguments.h"
#include "device_xml.h"
#include "memory.h"
#include "pci.h"
#include "reader.h"

G_DEFINE_QUARK(vdmabuf - domain - error - quark, domain_error)

void
domain_free(Domain *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->uuid);
    g_free(self->memory_mistake);
    g_free(self->memory_remedy);
    g_ptr_array_unref(self->devices);
    g_ptr_array_unref(self->arguments);
    g_free(self);
}

gboolean
domain_mentions_vdmabuf(const char *xml)
{
    return strstr(xml, DOMAIN_NAMESPACE) != NULL;
}

gboolean
domain_name_is_usable(const char *name)
{
    if (!*name || *name == '.' || strchr(name, '/') || !g_utf8_validate(name, -1, NULL))
        return FALSE;
    for (const char *c = name; *c; c++) {
        if (g_ascii_iscntrl(*c))
            return FALSE;
    }
    return TRUE;
}

/* It is the id of QEMU's device, which begins with a letter. */
gboolean
domain_alias_is_usable(const char *alias)
{
    if (!g_ascii_isalpha(*alias) || strlen(alias) > DOMAIN_ALIAS_MAX)
        return FALSE;
    for (; *alias; alias++) {
        if (!g_ascii_isalnum(*alias) && *alias != '-' && *alias != '_')
            return FALSE;
    }
    return TRUE;
}

/* The root port of a device has an id that is made of its alias. */
static gboolean
aliases_collide(const char *a, const char *b)
{
    g_autofree char *port_a = arguments_port_id(a);
    g_autofree char *port_b = arguments_port_id(b);

    return g_str_equal(a, b) || g_str_equal(a, port_b) || g_str_equal(b, port_a);
}

static void
check_alias(const GPtrArray *devices, const xmlNode *node, const char *alias, GPtrArray *mistakes)
{
    for (guint i = 0; i < devices->len; i++) {
        const DomainDevice *other = g_ptr_array_index(devices, i);

        if (!other->alias || !aliases_collide(other->alias, alias))
            continue;
        mistakes_add(mistakes, node, "there are two vdmabuf devices with the alias '%s'%s", alias,
                     g_str_equal(other->alias, alias) ? "" : ", which includes that of its port");
        return;
    }
}

/* Either form: the elements @name of @parent */
static GPtrArray *
read_devices(const xmlNode *parent, const char *namespace, const char *name, GPtrArray *mistakes)
{
    GPtrArray *devices = g_ptr_array_new_with_free_func((GDestroyNotify) domain_device_free);

    for (const xmlNode *node = node_child(parent, namespace, name);
         node && mistakes->len < MISTAKES_MAX; node = node_next(node, namespace, name)) {
        DomainDevice *device;

        if (devices->len == DOMAIN_MAX_DEVICES) {
            mistakes_add(mistakes, node, "there are more than %d vdmabuf devices",
                         DOMAIN_MAX_DEVICES);
            break;
        }
        device = device_xml_read(node, mistakes);
        if (device->alias)
            check_alias(devices, node, device->alias, mistakes);
        g_ptr_array_add(devices, device);
    }
    return devices;
}

GPtrArray *
reader_read_written(const xmlNode *root, GPtrArray *mistakes)
{
    return read_devices(node_find(root, "devices"), NULL, "vdmabuf", mistakes);
}

static GPtrArray *
read_metadata(const xmlNode *root, GPtrArray *mistakes)
{
    static const char *const none[] = {NULL};
    static const char *const children[] = {"device", "undo", NULL};
    static const char *const repeatable[] = {"device", NULL};
    const xmlNode *metadata = node_find(root, "metadata");
    const xmlNode *node = node_child(metadata, DOMAIN_NAMESPACE, "vdmabuf");
    const xmlNode *second = node_next(node, DOMAIN_NAMESPACE, "vdmabuf");

    if (second)
        mistakes_add(mistakes, second, "<metadata> has a second <vdmabuf:vdmabuf>");
    if (node) {
        device_xml_check_attributes(node, none, mistakes);
        device_xml_check_children(node, children, repeatable, mistakes);
    }
    return read_devices(node, DOMAIN_NAMESPACE, "device", mistakes);
}

static void
read_arguments(const xmlNode *root, Domain *self)
{
    for (const xmlNode *line = node_child(root, DOMAIN_QEMU_NAMESPACE, "commandline"); line;
         line = node_next(line, DOMAIN_QEMU_NAMESPACE, "commandline")) {
        for (const xmlNode *node = node_child(line, DOMAIN_QEMU_NAMESPACE, "arg"); node;
             node = node_next(node, DOMAIN_QEMU_NAMESPACE, "arg")) {
            char *value = node_attribute(node, "value");

            if (value)
                g_ptr_array_add(self->arguments, value);
        }
    }
}

static void
read_memory(const xmlNode *root, Domain *self)
{
    g_auto(Memory) memory = {FALSE, FALSE, NULL, NULL};

    memory_read(root, &memory);
    self->memory_mistake = g_steal_pointer(&memory.conflict);
    self->memory_remedy = g_steal_pointer(&memory.remedy);
    if (!self->memory_mistake && (memory.needs_source || memory.needs_access))
        self->memory_mistake = g_strdup_printf(
            "<memoryBacking> has no %s%s%s", memory.needs_source ? "<source type='memfd'/>" : "",
            memory.needs_source && memory.needs_access ? " and no " : "",
            memory.needs_access ? "<access mode='shared'/>" : "");
    self->shared_memory = !self->memory_mistake;
}

Domain *
reader_read(const xmlNode *root, GPtrArray *mistakes)
{
    Domain *self = g_new0(Domain, 1);

    self->arguments = g_ptr_array_new_with_free_func(g_free);
    self->name = node_text(node_find(root, "name"));
    self->uuid = node_text(node_find(root, "uuid"));
    self->slots = pci_used_slots(root);
    self->devices = read_metadata(root, mistakes);
    read_arguments(root, self);
    read_memory(root, self);
    return self;
}

static Domain *
parse(const char *xml, gsize size, gboolean needs_uuid, GError **error)
{
    g_autoptr(xmlDoc) document = document_read(xml, size, error);
    g_autoptr(GPtrArray) mistakes = mistakes_new();
    g_autoptr(Domain) self = NULL;

    if (!document)
        return NULL;
    self = reader_read(xmlDocGetRootElement(document), mistakes);
    if (!self->name || (needs_uuid && !self->uuid)) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML, "the domain has no <%s>",
                    self->name ? "uuid" : "name");
        return NULL;
    }
    if (!mistakes_check(mistakes, error))
        return NULL;
    return g_steal_pointer(&self);
}

Domain *
domain_parse(const char *xml, gsize size, GError **error)
{
    return parse(xml, size, TRUE, error);
}

Domain *
domain_parse_file(const char *xml, GError **error)
{
    return parse(xml, strlen(xml), FALSE, error);
}
