/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a domain's XML can be defined and started. */
#pragma once

#include "edit.h"

/*
 * Checks the XML against the schemas, and then what they cannot say. Returns what comes of
 * lowering it. @name is for messages.
 */
DomainEdit *check_xml(const char *name, const char *xml, GError **error);
