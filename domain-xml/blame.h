/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What in a domain libvirt's schema does not take. libxml2 gives up at the first choice that does
 * not fit, and names what is around it: "Extra element devices in interleave". So the parts are
 * tried one by one, in a domain that has nothing else.
 */
#pragma once

#include "relaxng.h"

G_BEGIN_DECLS

/* Adds to @mistakes what is wrong below @root; nothing, if only all of it together is wrong. */
void blame_find(const Schema *schema, const xmlNode *root, GPtrArray *mistakes);

G_END_DECLS
