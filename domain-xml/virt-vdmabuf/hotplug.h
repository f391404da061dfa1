/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of running domains. */
#pragma once

#include "connection.h"
#include "domain.h"

/* How long a guest may take to give up a device */
#define HOTPLUG_SECONDS 30

/* Opens the connection so that the functions below can wait for the guest on it. */
virConnect *hotplug_open(const char *uri, GError **error);

/*
 * What a device in a running domain needs: rights of this process, a QEMU that has it, and a
 * domain that runs.
 */
gboolean hotplug_check(virDomain *domain, GError **error);
gboolean hotplug_is_plugged(virDomain *domain, const char *alias, gboolean *plugged,
                            GError **error);

/* Starts the broker and plugs the device; @xml is the domain's, with the device. */
gboolean hotplug_plug(virDomain *domain, const DomainDevice *device, const char *xml,
                      GError **error);
/* Unplugs the device and stops the broker. */
gboolean hotplug_unplug(virDomain *domain, const char *alias, guint seconds, GError **error);
/* Both, at the port where it sits; @xml is the domain's. */
gboolean hotplug_replug(virDomain *domain, const DomainDevice *device, const char *xml,
                        guint seconds, GError **error);

/* Makes the vdmabuf element in the running domain's metadata that of @xml. */
gboolean hotplug_set_metadata(virDomain *domain, const char *xml, GError **error);
