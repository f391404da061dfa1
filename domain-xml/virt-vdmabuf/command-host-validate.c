/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"
#include "host-check.h"
#include "unit.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_JSON,
    .arguments = NULL,
    .summary =
        "Checks whether this host is ready for domains with vdmabuf devices. Each line says\n"
        "PASS, or WARN or FAIL and what to do about it.",
    .min = 0,
    .max = 0,
};

static gboolean
run_probe(const char *name, const char *uri, GError **error)
{
    if (g_str_equal(name, "libvirt"))
        return host_probe_libvirt(uri, error);
    if (g_str_equal(name, "graphics"))
        return host_probe_graphics(error);
    return command_usage_error(error, "There is no probe \"%s\"", name);
}

gboolean
command_host_validate(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_autofree char *probe = NULL;
    const GOptionEntry entries[] = {
        {"probe", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &probe, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(HostReport) report = NULL;
    g_autoptr(GDBusConnection) bus = NULL;

    if (!command_parse(&options, &usage, entries, argc, argv, error))
        return FALSE;
    if (probe != NULL)
        return run_probe(probe, options.uri, error);

    report = host_report_new(options.json);
    bus = unit_connect();
    host_check_kernel(report);
    host_check_libvirt(report, options.uri);
    host_check_hook(report, bus);
    host_check_broker(report, bus);
    host_check_confinement(report);
    host_check_graphics(report);
    host_check_secure_boot(report);
    return host_report_end(report);
}
