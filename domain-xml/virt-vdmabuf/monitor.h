/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's monitor, by way of libvirt. To use it taints the domain. */
#pragma once

#include <json-glib/json-glib.h>

#include "connection.h"

/* What a command is for, in JSON */
char *monitor_format(const char *command, const char *arguments);
/* What is in "return" of @reply; or the error that it is */
JsonNode *monitor_parse(const char *command, const char *reply, GError **error);

/* @arguments: a JSON object, or %NULL */
JsonNode *monitor_run(virDomain *domain, const char *command, const char *arguments,
                      GError **error);
/* The same where there is nothing to return */
gboolean monitor_do(virDomain *domain, const char *command, const char *arguments, GError **error);
/* {"key": "value"} */
char *monitor_argument(const char *key, const char *value);

/* Whether there is a device with this id */
gboolean monitor_has_device(virDomain *domain, const char *id, gboolean *has, GError **error);
/* Whether this QEMU knows the type */
gboolean monitor_has_type(virDomain *domain, const char *type, gboolean *has, GError **error);

/*
 * Unplugs the device and waits until the guest has let go of it. The connection must have been
 * opened after gvir_event_register(). %TOOL_ERROR_TIMED_OUT: it has not, but may yet.
 */
gboolean monitor_unplug(virDomain *domain, const char *id, guint seconds, GError **error);
