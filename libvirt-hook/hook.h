/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens in which phase of a domain's life. */
#pragma once

#include "instance.h"

G_BEGIN_DECLS

/**
 * hook_run:
 * @name: of the domain
 * @operation: as libvirt names it: prepare, start, started, stopped, release, migrate, ...; or
 *   detach, which is virt-vdmabuf's
 * @phase: begin or end
 * @extra: "-"; for attach and detach the alias of one device
 * @input: where the domain's XML is written
 *
 * Returns: %FALSE when libvirt shall not go on
 */
gboolean hook_run(const InstanceHost *host, const char *name, const char *operation,
                  const char *phase, const char *extra, int input, GError **error);

G_END_DECLS
