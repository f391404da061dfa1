/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units of systemd, over the system bus. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The connection is the caller's own, and is to be closed with g_object_unref(). */
GDBusConnection *systemd_connect(GError **error);

/**
 * systemd_run_job:
 * @method: StartUnit, RestartUnit or StopUnit
 * @seconds: how long the job may take
 *
 * Returns when the job has ended, for a service that notifies: when it is ready.
 */
gboolean systemd_run_job(GDBusConnection *bus, const char *method, const char *unit, guint seconds,
                         GError **error);

gboolean systemd_is_active(GDBusConnection *bus, const char *unit);
/* What the service has said of itself last; %NULL if that is nothing */
char *systemd_get_status_text(GDBusConnection *bus, const char *unit);
/* A unit that has failed would be listed for ever. */
void systemd_reset_failed(GDBusConnection *bus, const char *unit);

G_END_DECLS
