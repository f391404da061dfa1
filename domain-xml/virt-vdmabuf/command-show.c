/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "arguments.h"
#include "command.h"
#include "device-text.h"
#include "inventory.h"
#include "table.h"
#include "tool.h"
#include "unit.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_JSON,
    .arguments = "DOMAIN|FILE|- [ALIAS]",
    .summary = "Prints all that is set for a vdmabuf device, or for all of the domain: as the\n"
               "domain runs, or else as it will be started.",
    .min = 1,
    .max = 2,
};

/* The address of the device's root port, as QEMU's arguments have it */
static char *
get_address(const Domain *domain, const char *alias)
{
    g_autoptr(GPtrArray) arguments = arguments_read(domain->arguments);
    DeviceArguments found;

    arguments_find(arguments, alias, &found);
    return found.port != NULL ? argument_get(found.port, "addr") : NULL;
}

static const char *
describe_scope(const Inventory *inventory, const char *alias)
{
    const DomainDevice *live = inventory_find_device(inventory->live, alias);
    const DomainDevice *config = inventory_find_device(inventory->config, alias);

    if (inventory->live == NULL)
        return "will be there when the domain is started";
    if (live == NULL)
        return "will be there when the domain is shut down and started";
    if (config == NULL)
        return "gone when the domain is shut down";
    return inventory_device_equal(live, config)
               ? "running, and as it will be started"
               : "running; other settings when the domain is shut down and started";
}

static void
print_line(const char *title, const char *value)
{
    g_autofree char *printable = table_make_printable(value);

    printf("%-16s%s\n", title, printable);
}

static void
print_device(const Inventory *inventory, const char *alias)
{
    const DomainDevice *device = inventory_get_device(inventory, alias);
    const Domain *domain =
        inventory_find_device(inventory->live, alias) != NULL ? inventory->live : inventory->config;
    g_autofree char *buffers = device_text_number(device->max_buffers);
    g_autofree char *memory = device_text_size(device->max_bytes);
    g_autofree char *entries = device_text_number(device->max_entries);
    g_autofree char *queue = device_text_number(device->queue_size);
    g_autofree char *most = device_text_number(device->max_consumers);
    g_autofree char *consumers = device_text_consumers(device);
    g_autofree char *address = get_address(domain, alias);
    g_autofree char *socket = device_text_socket(inventory->name, alias);
    g_autofree char *unit = unit_get_name(inventory->name, alias);

    print_line("Domain:", inventory->name);
    print_line("UUID:", inventory->uuid != NULL ? inventory->uuid : "-");
    print_line("State:", inventory->state);
    print_line("Device:", alias);
    print_line("Device is:", describe_scope(inventory, alias));
    print_line("Label:", device->label != NULL ? device->label : "-");
    print_line("Model:", domain_model_to_string(device->model));
    print_line("Max buffers:", buffers);
    print_line("Max memory:", memory);
    print_line("Max entries:", entries);
    print_line("Queue size:", queue);
    print_line("Consumers:", consumers);
    print_line("Max consumers:", most);
    print_line("May write:", device->writable ? "yes" : "no");
    print_line("Root port:", address != NULL ? address : "-");
    print_line("Socket:", socket);
    print_line("Broker:", unit);
}

static void
add_device(Json *json, const Inventory *inventory, const char *alias)
{
    const Domain *domain =
        inventory_find_device(inventory->live, alias) != NULL ? inventory->live : inventory->config;
    g_autofree char *address = get_address(domain, alias);
    g_autofree char *socket = device_text_socket(inventory->name, alias);
    g_autofree char *unit = unit_get_name(inventory->name, alias);

    json_open_object(json, NULL);
    json_add_string(json, "domain", inventory->name);
    if (inventory->uuid != NULL)
        json_add_string(json, "uuid", inventory->uuid);
    json_add_string(json, "state", inventory->state);
    json_add_boolean(json, "live", inventory_find_device(inventory->live, alias) != NULL);
    json_add_boolean(json, "config", inventory_find_device(inventory->config, alias) != NULL);
    device_text_add_json(inventory_get_device(inventory, alias), json);
    if (address != NULL)
        json_add_string(json, "address", address);
    json_add_string(json, "socket", socket);
    json_add_string(json, "unit", unit);
    json_close_object(json);
}

static gboolean
check(const Inventory *inventory, const GPtrArray *aliases, const char *alias, GError **error)
{
    g_autofree char *word = tool_quote(inventory->name);

    if (inventory->mistake != NULL)
        TOOL_FAIL(error, "Domain '%s': %s", inventory->name, inventory->mistake);
    else if (aliases->len == 0)
        TOOL_FAIL(error, "The domain '%s' has no vdmabuf device", inventory->name);
    else if (alias != NULL &&
             !g_ptr_array_find_with_equal_func((GPtrArray *) aliases, alias, g_str_equal, NULL))
        TOOL_FAIL(error, "The domain '%s' has no vdmabuf device '%s' (virt-vdmabuf list %s)",
                  inventory->name, alias, word);
    else
        return TRUE;
    return FALSE;
}

gboolean
command_show(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GPtrArray) aliases = NULL;
    const Inventory *inventory;
    const char *alias;
    gboolean first = TRUE;
    g_auto(Json) json;

    json_init(&json);
    if (!command_parse(&options, &usage, NULL, argc, argv, error))
        return FALSE;
    list = inventory_list_one(options.uri, command_get_argument(&options, 0), error);
    if (list == NULL)
        return FALSE;
    inventory = g_ptr_array_index(list, 0);
    aliases = inventory_get_aliases(inventory);
    alias = command_get_argument(&options, 1);
    if (!check(inventory, aliases, alias, error))
        return FALSE;

    json_open_array(&json, NULL);
    for (guint i = 0; i < aliases->len; i++) {
        const char *own = g_ptr_array_index(aliases, i);

        if (alias != NULL && !g_str_equal(alias, own))
            continue;
        if (options.json) {
            add_device(&json, inventory, own);
            continue;
        }
        if (!first)
            printf("\n");
        print_device(inventory, own);
        first = FALSE;
    }
    json_close_array(&json);
    if (options.json)
        json_print(&json, stdout);
    return TRUE;
}
