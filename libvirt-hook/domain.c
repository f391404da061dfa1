/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>
#include <sys/un.h>

/* What helps against every mistake in what is derived from the vdmabuf element */
#define REMEDY "let virt-vdmabuf write it"

G_DEFINE_QUARK(vdmabuf-domain-error-quark, domain_error)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

#define INVALID(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, __VA_ARGS__)

static void
device_free(gpointer data)
{
    DomainDevice *self = data;

    g_free(self->alias);
    g_free(self->group);
    g_free(self);
}

void
domain_free(Domain *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->uuid);
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

gboolean
domain_alias_is_usable(const char *alias)
{
    if (!g_ascii_isalnum(*alias))
        return FALSE;
    for (; *alias; alias++) {
        if (!g_ascii_isalnum(*alias) && *alias != '-' && *alias != '_')
            return FALSE;
    }
    return TRUE;
}

static gboolean
node_is(const xmlNode *node, const char *namespace, const char *name)
{
    const char *own = node->ns ? (const char *) node->ns->href : NULL;

    return node->type == XML_ELEMENT_NODE && g_strcmp0((const char *) node->name, name) == 0 &&
           g_strcmp0(own, namespace) == 0;
}

static xmlNode *
find_child(const xmlNode *parent, const char *namespace, const char *name)
{
    for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next) {
        if (node_is(node, namespace, name))
            return node;
    }
    return NULL;
}

static char *
take_string(xmlChar *text)
{
    char *copy = g_strdup((const char *) text);

    xmlFree(text);
    return copy;
}

static char *
get_text(const xmlNode *node)
{
    return node ? take_string(xmlNodeGetContent(node)) : NULL;
}

static char *
get_attribute(const xmlNode *node, const char *name)
{
    return take_string(xmlGetNoNsProp(node, (const xmlChar *) name));
}

/* A misspelt limit must not become no limit. */
static gboolean
check_attributes(const xmlNode *node, const char *const *known, GError **error)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (attribute->ns || !g_strv_contains(known, (const char *) attribute->name)) {
            INVALID(error, "<vdmabuf:%s> has the unknown attribute '%s'", node->name,
                    attribute->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
check_children(const xmlNode *node, const char *const *known, GError **error)
{
    for (const xmlNode *child = node->children; child; child = child->next) {
        const char *own = child->ns ? (const char *) child->ns->href : NULL;

        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (g_strcmp0(own, DOMAIN_NAMESPACE) != 0 ||
            !g_strv_contains(known, (const char *) child->name)) {
            INVALID(error, "<vdmabuf:%s> has the unknown element <%s>", node->name, child->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
get_number(const xmlNode *node, const char *name, guint64 max, guint64 *number, GError **error)
{
    g_autofree char *text = get_attribute(node, name);

    if (!text)
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 1, max, number, NULL)) {
        INVALID(error, "<vdmabuf:%s> has %s='%s', it takes a number from 1 to %" G_GUINT64_FORMAT,
                node->name, name, text, max);
        return FALSE;
    }
    return TRUE;
}

/* The units of libvirt's <memory> */
static gboolean
get_unit(const xmlNode *node, guint64 *scale, GError **error)
{
    static const struct {
        const char *name;
        guint64 scale;
    } units[] = {
        {"b", 1},
        {"bytes", 1},
        {"KB", 1000},
        {"k", 1 << 10},
        {"KiB", 1 << 10},
        {"MB", 1000000},
        {"M", 1 << 20},
        {"MiB", 1 << 20},
        {"GB", 1000000000},
        {"G", 1 << 30},
        {"GiB", 1 << 30},
        {"TB", G_GUINT64_CONSTANT(1000000000000)},
        {"T", G_GUINT64_CONSTANT(1) << 40},
        {"TiB", G_GUINT64_CONSTANT(1) << 40},
    };
    g_autofree char *unit = get_attribute(node, "unit");

    *scale = 1 << 10;
    for (guint i = 0; unit && i < G_N_ELEMENTS(units); i++) {
        if (g_str_equal(unit, units[i].name)) {
            *scale = units[i].scale;
            return TRUE;
        }
    }
    if (unit)
        INVALID(error,
                "<vdmabuf:%s> has the unknown unit='%s', it takes those of <memory>, such "
                "as KiB, MiB and GiB",
                node->name, unit);
    return unit == NULL;
}

static gboolean
parse_limits(const xmlNode *node, DomainDevice *device, GError **error)
{
    static const char *const known[] = {"buffers", "entries", "memory", "unit", NULL};
    guint64 scale;

    if (!node)
        return TRUE;
    if (!check_attributes(node, known, error) || !get_unit(node, &scale, error) ||
        !get_number(node, "buffers", G_MAXUINT32, &device->max_buffers, error) ||
        !get_number(node, "entries", G_MAXUINT32, &device->max_entries, error) ||
        !get_number(node, "memory", G_MAXINT64 / scale, &device->max_bytes, error))
        return FALSE;
    device->max_bytes *= scale;
    return TRUE;
}

static gboolean
parse_consumers(const xmlNode *node, DomainDevice *device, GError **error)
{
    static const char *const known[] = {"group", "max", "write", NULL};
    g_autofree char *write = NULL;

    if (!node)
        return TRUE;
    if (!check_attributes(node, known, error) ||
        !get_number(node, "max", G_MAXUINT32, &device->max_consumers, error))
        return FALSE;
    write = get_attribute(node, "write");
    if (write && !g_str_equal(write, "yes") && !g_str_equal(write, "no")) {
        INVALID(error, "<vdmabuf:consumers> has write='%s', it takes yes or no", write);
        return FALSE;
    }
    device->writable = g_strcmp0(write, "yes") == 0;
    device->group = get_attribute(node, "group");
    if (device->group && !domain_name_is_usable(device->group)) {
        INVALID(error, "<vdmabuf:consumers> has group='%s', which is not the name of a group",
                device->group);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_device(const xmlNode *node, Domain *self, GError **error)
{
    static const char *const known[] = {"alias", NULL};
    static const char *const children[] = {"limits", "consumers", NULL};
    DomainDevice *device = g_new0(DomainDevice, 1);

    device->alias = get_attribute(node, "alias");
    for (guint i = 0; device->alias && i < self->devices->len; i++) {
        const DomainDevice *other = g_ptr_array_index(self->devices, i);

        if (g_str_equal(other->alias, device->alias)) {
            INVALID(error, "there are two <vdmabuf:device> with alias='%s'", device->alias);
            device_free(device);
            return FALSE;
        }
    }
    g_ptr_array_add(self->devices, device);
    if (!device->alias || !domain_alias_is_usable(device->alias)) {
        INVALID(error,
                "<vdmabuf:device> has alias='%s', it takes letters, digits, '-' and '_', "
                "such as vdmabuf0",
                device->alias ? device->alias : "");
        return FALSE;
    }
    return check_attributes(node, known, error) && check_children(node, children, error) &&
           parse_limits(find_child(node, DOMAIN_NAMESPACE, "limits"), device, error) &&
           parse_consumers(find_child(node, DOMAIN_NAMESPACE, "consumers"), device, error);
}

static void
parse_memory(const xmlNode *root, Domain *self)
{
    const xmlNode *access = find_child(find_child(root, NULL, "memoryBacking"), NULL, "access");
    const xmlNode *numa = find_child(find_child(root, NULL, "cpu"), NULL, "numa");
    g_autofree char *mode = access ? get_attribute(access, "mode") : NULL;
    gboolean cells = FALSE;
    gboolean shared = TRUE;

    self->shared_memory = g_strcmp0(mode, "shared") == 0;
    /* A cell can say otherwise. */
    for (const xmlNode *cell = numa ? numa->children : NULL; cell; cell = cell->next) {
        g_autofree char *own = NULL;

        if (!node_is(cell, NULL, "cell"))
            continue;
        own = get_attribute(cell, "memAccess");
        cells = TRUE;
        shared = shared && (own ? g_str_equal(own, "shared") : self->shared_memory);
    }
    if (cells)
        self->shared_memory = shared;
}

static gboolean
parse_root(const xmlNode *root, Domain *self, GError **error)
{
    static const char *const none[] = {NULL};
    static const char *const children[] = {"device", NULL};
    const xmlNode *vdmabuf =
        find_child(find_child(root, NULL, "metadata"), DOMAIN_NAMESPACE, "vdmabuf");
    const xmlNode *commandline = find_child(root, DOMAIN_QEMU_NAMESPACE, "commandline");

    self->name = get_text(find_child(root, NULL, "name"));
    self->uuid = get_text(find_child(root, NULL, "uuid"));
    if (!self->name || !self->uuid) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML, "the domain has no name or no uuid");
        return FALSE;
    }
    if (!vdmabuf)
        return TRUE;
    if (!check_attributes(vdmabuf, none, error) || !check_children(vdmabuf, children, error))
        return FALSE;
    for (const xmlNode *node = vdmabuf->children; node; node = node->next) {
        if (node_is(node, DOMAIN_NAMESPACE, "device") && !parse_device(node, self, error))
            return FALSE;
    }
    for (const xmlNode *node = commandline ? commandline->children : NULL; node;
         node = node->next) {
        char *value;

        if (node_is(node, DOMAIN_QEMU_NAMESPACE, "arg") && (value = get_attribute(node, "value")))
            g_ptr_array_add(self->arguments, value);
    }
    parse_memory(root, self);
    return TRUE;
}

Domain *
domain_parse(const char *xml, gsize size, GError **error)
{
    g_autoptr(Domain) self = g_new0(Domain, 1);
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *root;

    self->devices = g_ptr_array_new_with_free_func(device_free);
    self->arguments = g_ptr_array_new_with_free_func(g_free);

    /* Neither files nor the network, no entity is replaced, and the parser's limits stay on. */
    if (size <= G_MAXINT)
        document = xmlReadMemory(xml, (int) size, "domain.xml", NULL,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    root = document ? xmlDocGetRootElement(document) : NULL;
    if (!root || !node_is(root, NULL, "domain")) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML,
                    "libvirt's XML of the domain cannot be read");
        return NULL;
    }
    if (document->intSubset) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML,
                    "the XML of a domain has no document type, this one has");
        return NULL;
    }
    if (!parse_root(root, self, error))
        return NULL;
    return g_steal_pointer(&self);
}

/* Options of QEMU as "type,key=value,key=value": the value of @key; ",," stands for a comma. */
static char *
get_option(const char *options, const char *key)
{
    g_autoptr(GString) part = g_string_new(NULL);

    for (const char *c = options;; c++) {
        if (*c && (*c != ',' || c[1] == ',')) {
            g_string_append_c(part, *c);
            c += *c == ',';
            continue;
        }
        if (g_str_has_prefix(part->str, key) && part->str[strlen(key)] == '=')
            return g_strdup(part->str + strlen(key) + 1);
        g_string_truncate(part, 0);
        if (!*c)
            return NULL;
    }
}

/* The id of the chardev that connects to @path */
static char *
find_chardev(const Domain *self, const char *path)
{
    for (guint i = 0; i + 1 < self->arguments->len; i++) {
        const char *value = g_ptr_array_index(self->arguments, i + 1);
        g_autofree char *found = NULL;

        if (!g_str_equal(g_ptr_array_index(self->arguments, i), "-chardev") ||
            !g_str_has_prefix(value, "socket,"))
            continue;
        found = get_option(value, "path");
        if (g_strcmp0(found, path) == 0)
            return get_option(value, "id");
    }
    return NULL;
}

/* JSON without the space that it may have between its parts */
static char *
squeeze(const char *json)
{
    GString *squeezed = g_string_new(NULL);
    gboolean quoted = FALSE;

    for (; *json; json++) {
        if (*json == '"')
            quoted = !quoted;
        if (quoted || !g_ascii_isspace(*json))
            g_string_append_c(squeezed, *json);
    }
    return g_string_free(squeezed, FALSE);
}

static gboolean
has_device(const Domain *self, const char *chardev)
{
    g_autofree char *reference = g_strdup_printf("\"chardev\":\"%s\"", chardev);

    for (guint i = 0; i + 1 < self->arguments->len; i++) {
        const char *value = g_ptr_array_index(self->arguments, i + 1);
        g_autofree char *text = NULL;
        g_autofree char *option = NULL;

        if (!g_str_equal(g_ptr_array_index(self->arguments, i), "-device"))
            continue;
        text = squeeze(value);
        if (strstr(text, "\"driver\":\"" DOMAIN_QEMU_DEVICE "\"") && strstr(text, reference))
            return TRUE;
        if (!g_str_has_prefix(value, DOMAIN_QEMU_DEVICE ","))
            continue;
        option = get_option(value, "chardev");
        if (g_strcmp0(option, chardev) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_device(const Domain *self, const DomainDevice *device, const char *directory, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s/%s.vhost", directory, self->name, device->alias);
    g_autofree char *chardev = NULL;

    if (strlen(path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path)) {
        INVALID(error,
                "the socket path '%s' is longer than a socket's name can be; give the "
                "domain or the device a shorter name",
                path);
        return FALSE;
    }
    chardev = find_chardev(self, path);
    if (!chardev) {
        INVALID(error,
                "<qemu:commandline> has no '-chardev socket,id=%s,path=%s', which vdmabuf "
                "device '%s' needs; " REMEDY,
                device->alias, path, device->alias);
        return FALSE;
    }
    if (!has_device(self, chardev)) {
        INVALID(error,
                "<qemu:commandline> has no -device '" DOMAIN_QEMU_DEVICE "' on the chardev "
                "'%s', which vdmabuf device '%s' needs; " REMEDY,
                chardev, device->alias);
        return FALSE;
    }
    return TRUE;
}

gboolean
domain_check(const Domain *self, const char *directory, GError **error)
{
    if (!domain_name_is_usable(self->name)) {
        INVALID(error,
                "a domain with a vdmabuf device cannot be named '%s'; its name becomes one "
                "of a directory",
                self->name);
        return FALSE;
    }
    if (!self->shared_memory) {
        INVALID(error, "a vdmabuf device needs shared memory: <memoryBacking> with <source "
                       "type='memfd'/> and <access mode='shared'/>; " REMEDY);
        return FALSE;
    }
    for (guint i = 0; i < self->devices->len; i++) {
        if (!check_device(self, g_ptr_array_index(self->devices, i), directory, error))
            return FALSE;
    }
    return TRUE;
}
