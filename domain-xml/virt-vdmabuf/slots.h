/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slots of a running domain, in what QEMU's query-pci says. */
#pragma once

#include <json-glib/json-glib.h>

/* The id of the port that the device sits on; %NULL if there is no such device */
char *slots_find_port(JsonNode *buses, const char *device);
/* The ids of the bridges on the root bus that have nothing behind them, in their order */
GPtrArray *slots_list_empty(JsonNode *buses);
