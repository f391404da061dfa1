/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domains that have vdmabuf devices. */
#pragma once

#include "connection.h"
#include "domain.h"

/**
 * Inventory: what there is to know of one domain
 * @name: of the domain; of the file if it is one
 * @uuid: or %NULL
 * @state: in a word: "running", "shut off"
 * @live: as it runs; %NULL if it does not
 * @config: as it will be started; %NULL if it is transient
 * @mistake: why @live or @config is missing although there is one
 */
typedef struct {
    char *name;
    char *uuid;
    const char *state;
    Domain *live;
    Domain *config;
    char *mistake;
} Inventory;

void inventory_free(Inventory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

/* Of one domain, whether it has devices or not */
Inventory *inventory_new(virDomain *domain, GError **error);
/* Of a file */
Inventory *inventory_new_for_xml(const char *name, const char *xml, GError **error);
gboolean inventory_has_devices(const Inventory *self);
/* Of all domains; those without a device only where @all is set. Returns Inventory. */
GPtrArray *inventory_list(virConnect *connection, gboolean all, GError **error);
/* Of the one that @target names: a domain, or a file. Returns one Inventory in an array. */
GPtrArray *inventory_list_one(const char *uri, const char *target, GError **error);

/* The aliases of its devices, of the running domain and of the definition: const char * */
GPtrArray *inventory_get_aliases(const Inventory *self);
/* "live, config", "live", "config" */
const char *inventory_get_scope(const Inventory *self, const char *alias);
/* As the domain runs, or if it has no such device (or does not run), as it will be started */
const DomainDevice *inventory_get_device(const Inventory *self, const char *alias);

Domain *inventory_parse(const char *xml, GError **error);
const DomainDevice *inventory_find_device(const Domain *domain, const char *alias);
/* Whether both have the same settings */
gboolean inventory_device_equal(const DomainDevice *a, const DomainDevice *b);
