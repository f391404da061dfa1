/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libxml/parser.h>
#include <string.h>

#include "child.h"
#include "document.h"
#include "emulator.h"
#include "tool.h"

/* Under emulation, on a busy host, QEMU itself needs seconds. */
#define SECONDS 30

static xmlDoc *
read_domain(const char *xml)
{
    return xml != NULL ? document_read(xml, strlen(xml), NULL) : NULL;
}

static char *
get_from_xml(const char *xml)
{
    g_autoptr(xmlDoc) document = read_domain(xml);
    const xmlNode *root = document != NULL ? xmlDocGetRootElement(document) : NULL;
    const xmlNode *node = node_find(root, "devices/emulator");

    return node != NULL ? node_text(node) : NULL;
}

char *
emulator_get_default(virConnect *connection, const char *xml)
{
    g_autoptr(xmlDoc) domain = read_domain(xml);
    const xmlNode *root = domain != NULL ? xmlDocGetRootElement(domain) : NULL;
    const xmlNode *system = node_find(root, "os/type");
    g_autofree char *type = root != NULL ? node_attribute(root, "type") : NULL;
    g_autofree char *arch = system != NULL ? node_attribute(system, "arch") : NULL;
    g_autofree char *machine = system != NULL ? node_attribute(system, "machine") : NULL;
    g_autofree char *text =
        virConnectGetDomainCapabilities(connection, NULL, arch, machine, type, 0);
    g_autoptr(xmlDoc) capabilities =
        text != NULL ? xmlReadMemory(text, (int) strlen(text), "capabilities.xml", NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                     : NULL;
    const xmlNode *node =
        node_find(capabilities != NULL ? xmlDocGetRootElement(capabilities) : NULL, "path");

    return node != NULL ? node_text(node) : NULL;
}

gboolean
emulator_help_has_device(const char *text)
{
    return strstr(text, "name \"" DOMAIN_QEMU_DEVICE "\"") != NULL;
}

gboolean
emulator_check(const char *path, GError **error)
{
    const char *const argv[] = {path, "-device", "help", NULL};
    const Child child = {.argv = argv, .fd = -1, .seconds = SECONDS, .unprivileged = TRUE};
    g_auto(ChildResult) result = {.status = 0};

    if (!g_path_is_absolute(path)) {
        TOOL_FAIL(error, "The emulator '%s' is not a path", path);
        return FALSE;
    }
    if (!child_run(&child, &result, error)) {
        g_prefix_error(error, "The emulator cannot be asked for its devices: ");
        return FALSE;
    }
    if (result.status != 0) {
        TOOL_FAIL(error, "The emulator '%s' cannot be asked for its devices: %s", path,
                  *result.err != '\0' ? g_strstrip(g_strdelimit(result.err, "\n", ' '))
                                      : "it has failed");
        return FALSE;
    }
    if (!emulator_help_has_device(result.out)) {
        TOOL_FAIL(error,
                  "The emulator '%s' has no device " DOMAIN_QEMU_DEVICE
                  ": QEMU 10.2 or later is needed, built with VHOST_USER_TEST",
                  path);
        return FALSE;
    }
    return TRUE;
}

gboolean
emulator_check_domain(virConnect *connection, const char *xml, GError **error)
{
    g_autofree char *path = get_from_xml(xml);

    if (path == NULL)
        path = emulator_get_default(connection, xml);
    if (path == NULL) {
        connection_set_error(error, "libvirt does not say which emulator the domain will have");
        return FALSE;
    }
    return emulator_check(path, error);
}
