/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units of systemd, as anybody may look at them. */
#pragma once

#include <gio/gio.h>

#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define UNIT_SERVICE_INTERFACE "org.freedesktop.systemd1.Service"

/* %NULL where there is no systemd, or no bus to ask it */
GDBusConnection *unit_connect(void);
/*
 * A property of a unit; %NULL if it cannot be had. @load: also of one that does not run, such as an
 * instance that never will.
 */
GVariant *unit_get_property(GDBusConnection *bus, const char *unit, gboolean load,
                            const char *interface, const char *property, const GVariantType *type);
/* "static", "enabled", "masked", ...; %NULL if it is not installed */
char *unit_get_file_state(GDBusConnection *bus, const char *unit);

/* The process of a service; 0 if it does not run */
guint unit_get_pid(GDBusConnection *bus, const char *unit);

/* The unit of a device's broker */
char *unit_get_name(const char *domain, const char *alias);
/* Its process, also where there is no systemd (@bus is %NULL); 0 if it does not run */
guint unit_get_broker_pid(GDBusConnection *bus, const char *domain, const char *alias);
