/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* More than any domain has; libvirt's XML of a domain with hundreds of devices is 200 KiB. */
#define HOOK_MAX_XML (4 * 1024 * 1024)
