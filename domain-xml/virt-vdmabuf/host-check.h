/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a host needs for vdmabuf devices, area by area. Nothing here waits for ever. */
#pragma once

#include <gio/gio.h>

#include "host-report.h"

/* The kernel's module and its device node */
void host_check_kernel(HostReport *report);
/* Only signed modules can be loaded. */
void host_check_secure_boot(HostReport *report);
/* @uri: %NULL for the default; @bus: %NULL where there is no systemd */
void host_check_libvirt(HostReport *report, const char *uri);
void host_check_hook(HostReport *report, GDBusConnection *bus);
void host_check_broker(HostReport *report, GDBusConnection *bus);
void host_check_confinement(HostReport *report);
void host_check_graphics(HostReport *report);

/*
 * Some things can take long, or take the whole process with them: these are done by a child of this
 * program, which calls one of these and prints what it has found.
 */
gboolean host_probe_libvirt(const char *uri, GError **error);
gboolean host_probe_graphics(GError **error);
/* Runs "host-validate --probe=@name" and returns what it has printed. */
char *host_run_probe(const char *name, const char *uri, GError **error);
