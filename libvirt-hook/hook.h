/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens in which phase of a domain's life. */
#pragma once

#include "instance.h"

G_BEGIN_DECLS

/* More than any domain has; libvirt's XML of a domain with hundreds of devices is 200 KiB. */
#define HOOK_MAX_XML (4 * 1024 * 1024)

/**
 * hook_run:
 * @name: of the domain
 * @operation: as libvirt names it: prepare, start, started, stopped, release, migrate, ...
 * @phase: begin or end
 * @input: where libvirt writes the domain's XML
 *
 * Returns: %FALSE when libvirt shall not go on
 */
gboolean hook_run(const InstanceHost *host, const char *name, const char *operation,
                  const char *phase, int input, GError **error);

G_END_DECLS
