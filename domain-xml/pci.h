/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places on the domain's root bus. */
#pragma once

#include "document.h"

G_BEGIN_DECLS

typedef struct {
    guint domain;
    guint bus;
    guint slot;
    guint function;
} PciAddress;

/* From <address type='pci' .../>; FALSE if it is none, or not complete */
gboolean pci_address_read(const xmlNode *node, PciAddress *self);
/* From QEMU's addr=0x1e.0x0 */
gboolean pci_address_parse(const char *text, PciAddress *self);
/* Slot 0 is the host bridge's, 0x1f that of q35's LPC bridge. */
gboolean pci_address_is_for_port(const PciAddress *self);

/* A bit for each slot of the root bus that the devices of @root (the domain) sit at */
guint32 pci_used_slots(const xmlNode *root);
/* Marks the numbers below 256 that libvirt's bridges have: their @name is "chassis" or "port". */
void pci_used_numbers(const xmlNode *root, const char *name, gboolean *used);

G_END_DECLS
