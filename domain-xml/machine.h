/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a machine can have the device at all. */
#pragma once

#include "document.h"

G_BEGIN_DECLS

/* The device is one of PCI Express, in a machine of QEMU's with memory that can be shared. */
gboolean machine_check(const xmlNode *root, GError **error);

G_END_DECLS
