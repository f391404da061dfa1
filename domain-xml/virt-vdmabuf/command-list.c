/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "device-text.h"
#include "inventory.h"
#include "table.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_JSON,
    .arguments = "[DOMAIN|FILE|-]",
    .summary = "Lists the domains that have vdmabuf devices, running or not, and these devices.",
    .min = 0,
    .max = 1,
};

static void
add_rows(Table *table, const Inventory *inventory)
{
    g_autoptr(GPtrArray) aliases = inventory_get_aliases(inventory);

    if (inventory->mistake != NULL) {
        table_add_row(table, inventory->name, inventory->state, "?", NULL);
        return;
    }
    for (guint i = 0; i < aliases->len; i++) {
        const char *alias = g_ptr_array_index(aliases, i);
        const DomainDevice *device = inventory_get_device(inventory, alias);
        g_autofree char *buffers = device_text_number(device->max_buffers);
        g_autofree char *memory = device_text_size(device->max_bytes);
        g_autofree char *consumers = device_text_consumers(device);

        table_add_row(table, inventory->name, inventory->state, alias,
                      inventory_get_scope(inventory, alias),
                      device->label != NULL ? device->label : "-", buffers, memory,
                      device->writable ? "yes" : "no", consumers, NULL);
    }
    if (aliases->len == 0)
        table_add_row(table, inventory->name, inventory->state, "-", NULL);
}

static void
add_json(Json *json, const Inventory *inventory)
{
    g_autoptr(GPtrArray) aliases = inventory_get_aliases(inventory);

    json_open_object(json, NULL);
    json_add_string(json, "domain", inventory->name);
    if (inventory->uuid != NULL)
        json_add_string(json, "uuid", inventory->uuid);
    json_add_string(json, "state", inventory->state);
    if (inventory->mistake != NULL)
        json_add_string(json, "error", inventory->mistake);
    json_open_array(json, "devices");
    for (guint i = 0; i < aliases->len; i++) {
        const char *alias = g_ptr_array_index(aliases, i);

        json_open_object(json, NULL);
        json_add_boolean(json, "live", inventory_find_device(inventory->live, alias) != NULL);
        json_add_boolean(json, "config", inventory_find_device(inventory->config, alias) != NULL);
        device_text_add_json(inventory_get_device(inventory, alias), json);
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}

static void
print_names(const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++)
        printf("%s\n", ((const Inventory *) g_ptr_array_index(list, i))->name);
}

static void
print_json(const GPtrArray *list)
{
    g_auto(Json) json;

    json_init(&json);
    json_open_array(&json, NULL);
    for (guint i = 0; i < list->len; i++)
        add_json(&json, g_ptr_array_index(list, i));
    json_close_array(&json);
    json_print(&json, stdout);
}

static void
print_table(const GPtrArray *list)
{
    g_autoptr(Table) table = table_new("Domain", "State", "Device", "Scope", "Label", "Buffers",
                                       "Memory", "Write", "Consumers", NULL);
    g_autofree char *text = NULL;

    for (guint i = 0; i < list->len; i++)
        add_rows(table, g_ptr_array_index(list, i));
    text = table_format(table, "");
    fputs(text, stdout);
}

/* That one is broken does not hide the others. */
static gboolean
report_mistakes(const GPtrArray *list)
{
    gboolean good = TRUE;

    for (guint i = 0; i < list->len; i++) {
        const Inventory *inventory = g_ptr_array_index(list, i);

        if (inventory->mistake == NULL)
            continue;
        fprintf(stderr, "virt-vdmabuf: Domain '%s': %s\n", inventory->name, inventory->mistake);
        good = FALSE;
    }
    return good;
}

gboolean
command_list(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    gboolean all = FALSE;
    gboolean names = FALSE;
    const GOptionEntry entries[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &all, "Also domains without a vdmabuf device", NULL},
        {"name", 'n', 0, G_OPTION_ARG_NONE, &names, "Only the names of the domains", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(GPtrArray) list = NULL;
    const char *target;

    if (!command_parse(&options, &usage, entries, argc, argv, error))
        return FALSE;
    if (names && options.json)
        return command_usage_error(error, "--name and --json cannot be used together");

    target = command_get_argument(&options, 0);
    if (target != NULL) {
        list = inventory_list_one(options.uri, target, error);
    } else {
        connection = connection_open_read_only(options.uri, error);
        if (connection != NULL)
            list = inventory_list(connection, all, error);
    }
    if (list == NULL)
        return FALSE;

    if (names)
        print_names(list);
    else if (options.json)
        print_json(list);
    else
        print_table(list);
    return report_mistakes(list);
}
