/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken out of a domain's XML for a domain that runs. */
#pragma once

#include <glib.h>

/*
 * The vdmabuf element in the metadata of a domain, as virDomainSetMetadata() takes it: without its
 * namespace. %NULL where there is no device in it.
 */
char *metadata_get_element(const char *xml);
/* Whether the memory of both domains is set up in the same way */
gboolean metadata_memory_is_same(const char *xml, const char *other);
