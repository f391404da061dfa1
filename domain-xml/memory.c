/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory.h"

static void
set_conflict(Memory *self, char *conflict, const char *remedy)
{
    if (self->conflict) {
        g_free(conflict);
        return;
    }
    self->conflict = conflict;
    self->remedy = g_strdup(remedy);
}

/* A cell says for itself whether its memory is shared. TRUE if all of them say that it is */
static gboolean
read_cells(const xmlNode *root, Memory *self)
{
    const xmlNode *numa = node_find(root, "cpu/numa");
    gboolean cells = FALSE;
    gboolean shared = TRUE;

    for (const xmlNode *cell = node_child(numa, NULL, "cell"); cell;
         cell = node_next(cell, NULL, "cell")) {
        g_autofree char *access = node_attribute(cell, "memAccess");
        g_autofree char *id = node_attribute(cell, "id");

        cells = TRUE;
        shared = shared && g_strcmp0(access, "shared") == 0;
        if (g_strcmp0(access, "private") == 0)
            set_conflict(self,
                         g_strdup_printf("NUMA cell %s has memAccess='private'", id ? id : "?"),
                         "make it memAccess='shared'");
    }
    return cells && shared;
}

static void
read_modules(const xmlNode *root, Memory *self)
{
    const xmlNode *devices = node_find(root, "devices");

    for (const xmlNode *node = node_child(devices, NULL, "memory"); node;
         node = node_next(node, NULL, "memory")) {
        if (node_attribute_is(node, "access", "private"))
            set_conflict(self, g_strdup("a <memory> device has access='private'"),
                         "make it access='shared'");
    }
}

void
memory_read(const xmlNode *root, Memory *self)
{
    const xmlNode *source = node_find(root, "memoryBacking/source");
    const xmlNode *access = node_find(root, "memoryBacking/access");
    g_autofree char *type = node_attribute(source, "type");
    g_autofree char *mode = node_attribute(access, "mode");
    gboolean cells_shared;

    *self = (Memory) {FALSE, FALSE, NULL, NULL};
    self->needs_source = !type;
    if (type && !g_str_equal(type, "memfd"))
        set_conflict(self, g_strdup_printf("<memoryBacking> has <source type='%s'/>", type),
                     "only the pages of a memfd can be shared: make it <source type='memfd'/>, or "
                     "remove the element");
    cells_shared = read_cells(root, self);
    self->needs_access = !mode && !cells_shared;
    if (mode && !g_str_equal(mode, "shared") && !cells_shared)
        set_conflict(self, g_strdup_printf("<memoryBacking> has <access mode='%s'/>", mode),
                     "make it <access mode='shared'/>, or remove the element");
    read_modules(root, self);
}

void
memory_clear(Memory *self)
{
    g_clear_pointer(&self->conflict, g_free);
    g_clear_pointer(&self->remedy, g_free);
}

static gboolean
is_vhost_user(const xmlNode *device)
{
    const xmlNode *driver = node_child(device, NULL, "driver");
    const xmlNode *source = node_child(device, NULL, "source");

    return node_attribute_is(device, "type", "vhostuser") ||
           (source && node_attribute_is(source, "type", "vhostuser")) ||
           (driver && (node_attribute_is(driver, "type", "virtiofs") ||
                       node_attribute_is(driver, "name", "vhostuser")));
}

char *
memory_find_user(const xmlNode *root)
{
    const xmlNode *devices = node_find(root, "devices");

    for (const xmlNode *device = devices ? devices->children : NULL; device;
         device = device->next) {
        if (device->type == XML_ELEMENT_NODE && is_vhost_user(device))
            return g_strdup_printf("<%s>", device->name);
    }
    return NULL;
}
