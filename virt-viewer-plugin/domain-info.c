/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-info.h"

#include <gio/gio.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#define NAMESPACE "urn:vdmabuf:domain:1"
#define DIRECTORY "/run/vdmabuf"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

/* %NULL for an empty one */
static char *
get_string(xmlXPathContext *context, xmlNode *node, const char *expression)
{
    g_autoptr(xmlXPathObject) found = NULL;

    xmlXPathSetContextNode(node, context);
    found = xmlXPathEvalExpression((const xmlChar *) expression, context);
    if (found == NULL || found->type != XPATH_STRING || *found->stringval == '\0')
        return NULL;
    return g_strdup((const char *) found->stringval);
}

static gboolean
is_part_of_path(const char *text)
{
    return text != NULL && *text != '.' && strchr(text, '/') == NULL;
}

static void
add_devices(ViewerDomainInfo *self, xmlXPathContext *context, const char *directory)
{
    g_autoptr(xmlXPathObject) found =
        xmlXPathEvalExpression((const xmlChar *) "/domain/metadata/v:vdmabuf/v:device", context);

    for (int i = 0; found && found->nodesetval && i < found->nodesetval->nodeNr; i++) {
        xmlNode *node = found->nodesetval->nodeTab[i];
        g_autoptr(ViewerDevice) device = g_new0(ViewerDevice, 1);
        g_autofree char *file = NULL;

        device->alias = get_string(context, node, "string(@alias)");
        device->label = get_string(context, node, "normalize-space(v:label)");
        if (!is_part_of_path(device->alias) || !is_part_of_path(self->name))
            continue;
        file = g_strconcat(device->alias, ".sock", NULL);
        device->path = g_build_filename(directory, self->name, file, NULL);
        g_ptr_array_add(self->devices, g_steal_pointer(&device));
    }
}

/* A VNC session has one display, whatever is in it; SPICE one for each head of a video device. */
static void
count_displays(ViewerDomainInfo *self, xmlXPathContext *context)
{
    g_autoptr(xmlXPathObject) found = xmlXPathEvalExpression(
        (const xmlChar *) "/domain/devices/video/model[@type != 'none']", context);
    guint heads = 0;

    for (int i = 0; found && found->nodesetval && i < found->nodesetval->nodeNr; i++) {
        g_autofree char *text =
            get_string(context, found->nodesetval->nodeTab[i], "string(@heads)");
        guint64 number = 1;

        if (text && !g_ascii_string_to_unsigned(text, 10, 1, 16, &number, NULL))
            number = 1;
        heads += (guint) number;
    }
    self->has_video = heads > 0;
    if (self->graphics)
        self->session_displays = g_str_equal(self->graphics, "vnc") ? 1 : heads;
}

ViewerDomainInfo *
viewer_domain_info_parse(const char *xml, const char *directory, GError **error)
{
    g_autoptr(ViewerDomainInfo) self = g_new0(ViewerDomainInfo, 1);
    g_autoptr(xmlDoc) document = NULL;
    g_autoptr(xmlXPathContext) context = NULL;

    if (directory == NULL)
        directory = g_getenv("VDMABUF_RUNDIR");
    if (directory == NULL || *directory == '\0')
        directory = DIRECTORY;

    self->devices = g_ptr_array_new_with_free_func((GDestroyNotify) viewer_device_free);
    document = xmlReadMemory(xml, (int) strlen(xml), NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (document)
        context = xmlXPathNewContext(document);
    if (context == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "libvirt's description of the domain is not XML");
        return NULL;
    }
    xmlXPathRegisterNs(context, (const xmlChar *) "v", (const xmlChar *) NAMESPACE);
    self->name = get_string(context, (xmlNode *) document, "string(/domain/name)");
    /* virt-viewer takes the first one. */
    self->graphics =
        get_string(context, (xmlNode *) document, "string(/domain/devices/graphics[1]/@type)");
    add_devices(self, context, directory);
    count_displays(self, context);
    return g_steal_pointer(&self);
}

void
viewer_domain_info_free(ViewerDomainInfo *self)
{
    g_free(self->name);
    g_free(self->graphics);
    g_clear_pointer(&self->devices, g_ptr_array_unref);
    g_free(self);
}

gboolean
viewer_device_equal(const ViewerDevice *self, const ViewerDevice *other)
{
    return g_str_equal(self->path, other->path) && g_strcmp0(self->label, other->label) == 0;
}

ViewerDevice *
viewer_device_copy(const ViewerDevice *self)
{
    ViewerDevice *copy = g_new0(ViewerDevice, 1);

    copy->alias = g_strdup(self->alias);
    copy->label = g_strdup(self->label);
    copy->path = g_strdup(self->path);
    return copy;
}

void
viewer_device_free(ViewerDevice *self)
{
    g_free(self->alias);
    g_free(self->label);
    g_free(self->path);
    g_free(self);
}

char *
viewer_device_get_title(const ViewerDevice *self, int output)
{
    const char *name = self->label ? self->label : self->alias;

    if (output < 0)
        return g_strdup(name);
    return g_strdup_printf("%s, output %d", name, output + 1);
}
