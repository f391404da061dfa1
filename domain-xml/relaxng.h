/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A RELAX NG schema of libxml2's, which prints nothing by itself. */
#pragma once

#include <libxml/relaxng.h>

#include "document.h"

G_BEGIN_DECLS

typedef struct Schema Schema;

Schema *schema_load(const char *directory, const char *file, GError **error);
void schema_free(Schema *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Schema, schema_free)

/* Whether @document is valid. @reason: the first of libxml2's messages; may be NULL */
gboolean schema_is_valid(const Schema *self, xmlDoc *document, char **reason);

G_END_DECLS
