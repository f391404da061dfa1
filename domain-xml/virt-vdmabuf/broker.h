/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The broker of one device, which libvirt's hook program starts and stops. */
#pragma once

#include <glib.h>

/* Whether this process may start and stop brokers */
gboolean broker_check_privileges(GError **error);

/* @xml: of the running domain, with the device in its metadata */
gboolean broker_start(const char *domain, const char *alias, const char *xml, GError **error);
gboolean broker_stop(const char *domain, const char *alias, GError **error);
