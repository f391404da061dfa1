/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pci.h"

#include <string.h>

#define MAX_SLOT 0x1f
#define MAX_FUNCTION 7

/* As libvirt takes it: decimal, or hexadecimal with 0x */
static gboolean
read_part(const xmlNode *node, const char *name, guint64 max, guint *value)
{
    g_autofree char *text = node_attribute(node, name);
    gboolean hex = text && g_ascii_strncasecmp(text, "0x", 2) == 0;
    guint64 number = 0;

    if (text &&
        !g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0, max, &number, NULL))
        return FALSE;
    *value = number;
    return TRUE;
}

gboolean
pci_address_read(const xmlNode *node, PciAddress *self)
{
    return node_attribute_is(node, "type", "pci") &&
           xmlHasProp(node, (const xmlChar *) "slot") != NULL &&
           read_part(node, "domain", G_MAXUINT32, &self->domain) &&
           read_part(node, "bus", G_MAXUINT8, &self->bus) &&
           read_part(node, "slot", MAX_SLOT, &self->slot) &&
           read_part(node, "function", MAX_FUNCTION, &self->function);
}

/* QEMU reads both parts as hexadecimal, with or without 0x. */
gboolean
pci_address_parse(const char *text, PciAddress *self)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", -1);
    guint64 values[2] = {0, 0};

    if (!parts[0] || g_strv_length(parts) > G_N_ELEMENTS(values))
        return FALSE;
    for (guint i = 0; parts[i]; i++) {
        const char *digits = parts[i];

        if (g_ascii_strncasecmp(digits, "0x", 2) == 0)
            digits += 2;
        if (!g_ascii_string_to_unsigned(digits, 16, 0, i == 0 ? MAX_SLOT : MAX_FUNCTION, &values[i],
                                        NULL))
            return FALSE;
    }
    *self = (PciAddress) {.slot = values[0], .function = values[1]};
    return TRUE;
}

gboolean
pci_address_is_for_port(const PciAddress *self)
{
    return self->domain == 0 && self->bus == 0 && self->slot > 0 && self->slot < MAX_SLOT &&
           self->function == 0;
}

static gboolean
model_is(const xmlNode *device, const char *model)
{
    return node_attribute_is(device, "model", model);
}

/* Where libvirt likes to put a device that has no address yet */
static guint
usual_slot(const xmlNode *device)
{
    g_autofree char *model = node_attribute(device, "model");

    if (node_is(device, NULL, "sound") && model_is(device, "ich9"))
        return 0x1b;
    if (!node_is(device, NULL, "controller") || !model)
        return 0;
    if (g_str_equal(model, "dmi-to-pci-bridge"))
        return 0x1e;
    if (g_str_has_prefix(model, "ich9-"))
        return 0x1d;
    return 0;
}

guint32
pci_used_slots(const xmlNode *root)
{
    const xmlNode *devices = node_find(root, "devices");
    guint32 used = 1u << 0 | 1u << MAX_SLOT;

    for (const xmlNode *device = devices ? devices->children : NULL; device;
         device = device->next) {
        const xmlNode *node = node_child(device, NULL, "address");
        PciAddress address;

        if (device->type != XML_ELEMENT_NODE)
            continue;
        if (!node)
            used |= 1u << usual_slot(device);
        else if (pci_address_read(node, &address) && address.domain == 0 && address.bus == 0)
            used |= 1u << address.slot;
    }
    return used;
}

void
pci_used_numbers(const xmlNode *root, const char *name, gboolean *used)
{
    const xmlNode *devices = node_find(root, "devices");

    for (const xmlNode *node = node_child(devices, NULL, "controller"); node;
         node = node_next(node, NULL, "controller")) {
        const xmlNode *target = node_child(node, NULL, "target");
        guint number = 0;

        if (target && read_part(target, name, G_MAXUINT8, &number))
            used[number] = TRUE;
    }
}
