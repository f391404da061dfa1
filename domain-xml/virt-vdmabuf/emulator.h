/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU: whether a domain's emulator has the device. */
#pragma once

#include "connection.h"

/*
 * What libvirt takes where the @xml of a domain names none; or if @xml is %NULL, for a domain of
 * this host's kind. %NULL where libvirt does not say.
 */
char *emulator_get_default(virConnect *connection, const char *xml);

/* Whether @text, of "QEMU -device help", lists the device */
gboolean emulator_help_has_device(const char *text);
/* Runs it, without privileges and for a bounded time, to find out. */
gboolean emulator_check(const char *path, GError **error);
/* emulator_check() of what a domain of this @xml is going to run in */
gboolean emulator_check_domain(virConnect *connection, const char *xml, GError **error);
