/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "hotplug.h"
#include "inventory.h"
#include "tool.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT,
    .arguments = "DOMAIN [ALIAS]",
    .summary = "Unplugs a device of a running domain, starts its broker anew, and plugs it again:\n"
               "after the broker has died, which QEMU cannot connect to a second time, or so that\n"
               "other limits take effect.",
    .description = "ALIAS may be left out where there is but one device.",
    .min = 1,
    .max = 2,
};

static const DomainDevice *
choose_device(const Domain *domain, const char *alias, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    const DomainDevice *device = alias != NULL ? inventory_find_device(domain, alias) : NULL;

    if (device != NULL)
        return device;
    if (alias == NULL && domain->devices->len == 1)
        return g_ptr_array_index(domain->devices, 0);
    for (guint i = 0; i < domain->devices->len; i++) {
        device = g_ptr_array_index(domain->devices, i);
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", device->alias);
    }
    if (domain->devices->len == 0)
        TOOL_FAIL(error, "The running domain '%s' has no vdmabuf device", domain->name);
    else if (alias == NULL)
        TOOL_FAIL(error, "The running domain '%s' has several vdmabuf devices; name one of %s",
                  domain->name, names->str);
    else
        TOOL_FAIL(error, "The running domain '%s' has no vdmabuf device '%s' (there is: %s)",
                  domain->name, alias, names->str);
    return NULL;
}

gboolean
command_replug(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    int seconds = HOTPLUG_SECONDS;
    const GOptionEntry entries[] = {
        {"timeout", 't', 0, G_OPTION_ARG_INT, &seconds, "How long the guest may take (30)",
         "SECONDS"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(virDomain) domain = NULL;
    g_autoptr(Domain) live = NULL;
    g_autofree char *xml = NULL;
    const DomainDevice *device;

    if (!command_parse(&options, &usage, entries, argc, argv, error))
        return FALSE;
    if (seconds < 1)
        return command_usage_error(error, "--timeout takes seconds, at least 1");

    connection = hotplug_open(options.uri, error);
    if (connection == NULL)
        return FALSE;
    domain = connection_find_domain(connection, command_get_argument(&options, 0), error);
    if (domain == NULL || !hotplug_check(domain, error))
        return FALSE;
    xml = connection_get_xml(domain, 0, error);
    live = xml != NULL ? inventory_parse(xml, error) : NULL;
    if (live == NULL)
        return FALSE;
    device = choose_device(live, command_get_argument(&options, 1), error);
    if (device == NULL || !hotplug_replug(domain, device, xml, (guint) seconds, error))
        return FALSE;
    printf("The device '%s' of the running domain '%s' was plugged anew, through QEMU's monitor, "
           "which marks the domain as tainted.\n",
           device->alias, live->name);
    return TRUE;
}
