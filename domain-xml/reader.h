/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain of a document that has been read already. */
#pragma once

#include "document.h"

G_BEGIN_DECLS

/* @root: the element <domain>. What is wrong in the metadata is added to @mistakes. */
Domain *reader_read(const xmlNode *root, GPtrArray *mistakes);
/* The <vdmabuf> below <devices>, as DomainDevice; those that have no alias written have none. */
GPtrArray *reader_read_written(const xmlNode *root, GPtrArray *mistakes);

G_END_DECLS
