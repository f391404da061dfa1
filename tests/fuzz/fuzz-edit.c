/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-vdmabuf's changes: the first line are the settings of a device, the rest is a domain. What
 * they promise is tried as well: a second time changes nothing, the hook takes what comes out, and
 * detaching a new device leaves the domain as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edit.h"

#define DIRECTORY "/run/vdmabuf"
#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            g_printerr("not kept: %s\n", #condition);                                              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The form below <devices>, which attaching leaves alone and lowering does not */
static gboolean
has_written(const char *xml)
{
    static const char tag[] = "<vdmabuf";

    while ((xml = strstr(xml, tag))) {
        xml += strlen(tag);
        if (*xml != ':')
            return TRUE;
    }
    return FALSE;
}

static void
try_result(const char *xml)
{
    g_autoptr(Domain) domain = domain_parse_file(xml, NULL);
    g_autoptr(DomainEdit) again = domain_edit_lower(xml, DIRECTORY, NULL);

    PROMISE(domain != NULL);
    PROMISE(domain_check(domain, DIRECTORY, NULL));
    PROMISE(has_written(xml) || (again != NULL && !again->changed));
}

static void
try_attach(const char *xml, const char *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainDevice) device = domain_device_from_options(options, &error);
    g_autoptr(Domain) before = domain_parse_file(xml, NULL);
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(DomainEdit) again = NULL;
    g_autoptr(DomainEdit) back = NULL;

    PROMISE((device == NULL) == (error != NULL));
    if (!device)
        return;
    edit = domain_edit_attach(xml, device, DIRECTORY, &error);
    PROMISE((edit == NULL) == (error != NULL));
    if (!edit)
        return;
    try_result(edit->xml);
    g_free(device->alias);
    device->alias = g_strdup(edit->alias);
    again = domain_edit_attach(edit->xml, device, DIRECTORY, NULL);
    PROMISE(again != NULL && !again->changed);
    back = domain_edit_detach(edit->xml, edit->alias, DIRECTORY, NULL);
    PROMISE(back != NULL && back->changed);
    /* With nothing of ours before it is what it was. */
    if (before->devices->len == 0 && !strstr(xml, DOMAIN_QEMU_DEVICE) &&
        !strstr(xml, DOMAIN_NAMESPACE) && !strstr(xml, "pcie-root-port") && !strstr(xml, ".vhost"))
        PROMISE(g_str_equal(back->xml, xml));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size);
    char *xml = strchr(text, '\n');
    g_autoptr(DomainEdit) lowered = NULL;
    g_autoptr(DomainEdit) detached = NULL;

    if (!xml)
        return 0;
    *xml++ = '\0';
    lowered = domain_edit_lower(xml, DIRECTORY, NULL);
    if (lowered && lowered->changed)
        try_result(lowered->xml);
    detached = domain_edit_detach(xml, NULL, DIRECTORY, NULL);
    try_attach(xml, text);
    return 0;
}
