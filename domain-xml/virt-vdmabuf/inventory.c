/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device.h"
#include "inventory.h"
#include "source.h"

void
inventory_free(Inventory *self)
{
    if (self == NULL)
        return;

    g_free(self->name);
    g_free(self->uuid);
    g_clear_pointer(&self->live, domain_free);
    g_clear_pointer(&self->config, domain_free);
    g_free(self->mistake);
    g_free(self);
}

Domain *
inventory_parse(const char *xml, GError **error)
{
    return domain_parse(xml, strlen(xml), error);
}

static const char *
get_state(virDomain *domain)
{
    static const char *const names[] = {
        [VIR_DOMAIN_NOSTATE] = "no state",     [VIR_DOMAIN_RUNNING] = "running",
        [VIR_DOMAIN_BLOCKED] = "idle",         [VIR_DOMAIN_PAUSED] = "paused",
        [VIR_DOMAIN_SHUTDOWN] = "in shutdown", [VIR_DOMAIN_SHUTOFF] = "shut off",
        [VIR_DOMAIN_CRASHED] = "crashed",      [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
    };
    int state;

    if (virDomainGetState(domain, &state, NULL, 0) < 0 || state < 0 ||
        (gsize) state >= G_N_ELEMENTS(names))
        return names[VIR_DOMAIN_NOSTATE];
    return names[state];
}

/* %FALSE if libvirt has none; a mistake in the XML is noted */
static gboolean
load(Inventory *self, virDomain *domain, guint flags, Domain **parsed, GError **error)
{
    g_autofree char *xml = connection_get_xml(domain, flags, error);
    g_autoptr(GError) mistake = NULL;

    if (xml == NULL)
        return FALSE;
    *parsed = inventory_parse(xml, &mistake);
    if (*parsed == NULL && self->mistake == NULL)
        self->mistake = g_strdup(mistake->message);
    return TRUE;
}

Inventory *
inventory_new(virDomain *domain, GError **error)
{
    g_autoptr(Inventory) self = g_new0(Inventory, 1);
    char uuid[VIR_UUID_STRING_BUFLEN];

    self->name = g_strdup(virDomainGetName(domain));
    if (virDomainGetUUIDString(domain, uuid) == 0)
        self->uuid = g_strdup(uuid);
    self->state = get_state(domain);
    if (virDomainIsActive(domain) == 1 && !load(self, domain, 0, &self->live, error))
        return NULL;
    if (virDomainIsPersistent(domain) == 1 &&
        !load(self, domain, VIR_DOMAIN_XML_INACTIVE, &self->config, error))
        return NULL;
    return g_steal_pointer(&self);
}

Inventory *
inventory_new_for_xml(const char *name, const char *xml, GError **error)
{
    g_autoptr(Inventory) self = g_new0(Inventory, 1);

    self->config = domain_parse_file(xml, error);
    if (self->config == NULL) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    self->name = g_strdup(self->config->name);
    self->uuid = g_strdup(self->config->uuid);
    self->state = "file";
    return g_steal_pointer(&self);
}

static gboolean
has_devices(const Domain *domain)
{
    return domain != NULL && domain->devices->len > 0;
}

gboolean
inventory_has_devices(const Inventory *self)
{
    return self->mistake != NULL || has_devices(self->live) || has_devices(self->config);
}

static void
free_handles(virDomainPtr *domains, int count)
{
    for (int i = 0; i < count; i++)
        virDomainFree(domains[i]);
    g_free(domains);
}

static int
compare(gconstpointer a, gconstpointer b)
{
    const Inventory *one = *(Inventory *const *) a;
    const Inventory *other = *(Inventory *const *) b;

    return strcmp(one->name, other->name);
}

GPtrArray *
inventory_list(virConnect *connection, gboolean all, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) inventory_free);
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(connection, &domains, 0);

    if (count < 0) {
        connection_set_error(error, "Cannot list the domains");
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        /* It may go while we look. */
        g_autoptr(Inventory) inventory = inventory_new(domains[i], NULL);

        if (inventory != NULL && (all || inventory_has_devices(inventory)))
            g_ptr_array_add(list, g_steal_pointer(&inventory));
    }
    free_handles(domains, count);
    g_ptr_array_sort(list, compare);
    return g_steal_pointer(&list);
}

GPtrArray *
inventory_list_one(const char *uri, const char *target, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) inventory_free);
    g_auto(Source) source = {.name = NULL};
    Inventory *inventory;

    if (source_is_file(target)) {
        if (!source_load_file(&source, target, error))
            return NULL;
        inventory = inventory_new_for_xml(source.name, source.xml, error);
    } else {
        source.connection = connection_open_read_only(uri, error);
        if (source.connection == NULL)
            return NULL;
        source.domain = connection_find_domain(source.connection, target, error);
        inventory = source.domain != NULL ? inventory_new(source.domain, error) : NULL;
    }
    if (inventory == NULL)
        return NULL;
    g_ptr_array_add(list, inventory);
    return g_steal_pointer(&list);
}

const DomainDevice *
inventory_find_device(const Domain *domain, const char *alias)
{
    for (guint i = 0; domain != NULL && i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (g_str_equal(device->alias, alias))
            return device;
    }
    return NULL;
}

static void
add_aliases(GPtrArray *aliases, const Domain *domain)
{
    for (guint i = 0; domain != NULL && i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (!g_ptr_array_find_with_equal_func(aliases, device->alias, g_str_equal, NULL))
            g_ptr_array_add(aliases, device->alias);
    }
}

GPtrArray *
inventory_get_aliases(const Inventory *self)
{
    GPtrArray *aliases = g_ptr_array_new();

    add_aliases(aliases, self->live);
    add_aliases(aliases, self->config);
    return aliases;
}

const char *
inventory_get_scope(const Inventory *self, const char *alias)
{
    gboolean live = inventory_find_device(self->live, alias) != NULL;
    gboolean config = inventory_find_device(self->config, alias) != NULL;

    return live && config ? "live, config" : live ? "live" : "config";
}

const DomainDevice *
inventory_get_device(const Inventory *self, const char *alias)
{
    const DomainDevice *device = inventory_find_device(self->live, alias);

    return device != NULL ? device : inventory_find_device(self->config, alias);
}

gboolean
inventory_device_equal(const DomainDevice *a, const DomainDevice *b)
{
    if (!g_str_equal(a->alias, b->alias) || a->model != b->model)
        return FALSE;
    for (guint part = 0; part < DEVICE_N_PARTS; part++) {
        if (!device_part_equal(a, b, part))
            return FALSE;
    }
    return TRUE;
}
