/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which device is meant. */
#pragma once

#include "vdmabuf.h"

/*
 * The endpoints that "DOMAIN", "DOMAIN/DEVICE" or %NULL (all) name, out of @endpoints. Returns
 * an array of borrowed VdmabufEndpoint.
 */
GPtrArray *target_match(GPtrArray *endpoints, const char *selector);

/*
 * The one device that is meant by @selector as above, or by the @socket of a broker; %NULL
 * for both is the only one there is.
 */
VdmabufEndpoint *target_find(const char *selector, const char *socket, GError **error);
/* Its name in messages: "DOMAIN/DEVICE", or the path of a socket that was given */
char *target_get_name(const VdmabufEndpoint *endpoint);
