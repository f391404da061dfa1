/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a domain's XML is what the schemas say. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * domain_validate:
 * @schema_directory: of domain-vdmabuf.rng, /usr/share/vdmabuf/schemas
 *
 * Takes both forms: <vdmabuf> below <devices>, and what libvirt keeps.
 *
 * Returns: %FALSE with all mistakes in one message, one a line, each as "line N: what is wrong"
 */
gboolean domain_validate(const char *xml, const char *schema_directory, GError **error);

G_END_DECLS
