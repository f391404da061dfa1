/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device for a domain that runs. */
#pragma once

#include "connection.h"
#include "domain.h"

/*
 * Plugs the device; or, if it is there already, notes its new settings for the time when it is
 * plugged anew. Says on standard output what was done.
 * @options: what was said of the device
 * @config: what the domain is started with; %NULL if it is transient
 */
gboolean attach_live(virDomain *domain, const DomainDevice *options, const Domain *config,
                     GError **error);
