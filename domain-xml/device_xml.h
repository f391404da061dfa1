/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device as XML: below <devices> (no namespace), and in the metadata (DOMAIN_NAMESPACE). */
#pragma once

#include "device.h"
#include "document.h"

G_BEGIN_DECLS

/* The element's name, for a message: <limits> or <vdmabuf:limits> */
char *device_xml_tag(const xmlNode *node);
/* What is none of the names, twice there, or text: it could be a misspelt limit. */
void device_xml_check_attributes(const xmlNode *node, const char *const *known,
                                 GPtrArray *mistakes);
void device_xml_check_children(const xmlNode *node, const char *const *known,
                               const char *const *repeatable, GPtrArray *mistakes);

/* Reads either form. What is wrong is added to @mistakes, and left out of the device. */
DomainDevice *device_xml_read(const xmlNode *node, GPtrArray *mistakes);

/* The name of a part's element */
const char *device_xml_part_name(DevicePart part);
/*
 * For the metadata; @prefix is "" or such as "vdmabuf:". Lines end with \n and are indented by two
 * spaces a level, beginning with none; the last has no \n. %NULL: nothing is said of this part
 */
char *device_xml_write_part(const DomainDevice *device, DevicePart part, const char *prefix);
char *device_xml_write(const DomainDevice *device, const char *prefix);

G_END_DECLS
