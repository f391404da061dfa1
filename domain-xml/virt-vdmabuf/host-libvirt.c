/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "connection.h"
#include "emulator.h"
#include "host-check.h"
#include "tool.h"

/* libvirt asks an emulator for its abilities the first time that it hears of it. */
#define PROBE_SECONDS 90

/* In virConnectGetLibVersion()'s way of counting */
#define VERSION(major, minor) ((major) * 1000000 + (minor) * 1000)

/* --- In the child --- */

gboolean
host_probe_libvirt(const char *uri, GError **error)
{
    g_autoptr(virConnect) connection = connection_open_read_only(uri, error);
    g_autofree char *emulator = NULL;
    unsigned long version;

    if (connection == NULL)
        return FALSE;
    if (virConnectGetLibVersion(connection, &version) < 0) {
        connection_set_error(error, "libvirt does not tell its version");
        return FALSE;
    }
    emulator = emulator_get_default(connection, NULL);
    printf("%lu\n%s\n", version, emulator != NULL ? emulator : "");
    return TRUE;
}

/* --- In this process --- */

char *
host_run_probe(const char *name, const char *uri, GError **error)
{
    g_autofree char *probe = g_strdup_printf("--probe=%s", name);
    const char *const argv[] = {
        "/proc/self/exe", "host-validate", probe, uri != NULL ? "--connect" : NULL, uri, NULL};
    const Child child = {.argv = argv, .fd = -1, .seconds = PROBE_SECONDS};
    g_auto(ChildResult) result = {.status = 0};

    if (!child_run(&child, &result, error)) {
        if (g_error_matches(*error, TOOL_ERROR, TOOL_ERROR_TIMED_OUT)) {
            g_clear_error(error);
            g_set_error(error, TOOL_ERROR, TOOL_ERROR_TIMED_OUT, "no answer within %d seconds",
                        PROBE_SECONDS);
        }
        return NULL;
    }
    if (result.status != 0) {
        const char *text = g_strstrip(result.err);
        const char *prefix = "virt-vdmabuf: ";

        if (g_str_has_prefix(text, prefix))
            text += strlen(prefix);
        if (result.status < 0)
            text = "the program that looked has crashed";
        TOOL_FAIL(error, "%s", text);
        return NULL;
    }
    return g_steal_pointer(&result.out);
}

static void
check_version(HostReport *report, const char *text)
{
    guint64 version = g_ascii_strtoull(text, NULL, 10);

    host_report_begin(report, "for libvirt 11 or later");
    if (version >= VERSION(11, 0))
        host_report_pass(report);
    else
        host_report_problem(report, HOST_FAIL, "It is %u.%u: install a newer one",
                            (guint) (version / 1000000), (guint) (version / 1000 % 1000));
}

static void
check_emulator(HostReport *report, const char *path)
{
    g_autofree char *found = *path == '\0' ? g_find_program_in_path("qemu-system-x86_64") : NULL;
    g_autoptr(GError) error = NULL;

    host_report_begin(report, "for QEMU with a device for vdmabuf");
    if (*path == '\0')
        path = found;
    if (path == NULL)
        host_report_problem(report, HOST_FAIL, "There is no QEMU: install 10.2 or later");
    else if (emulator_check(path, &error))
        host_report_pass(report);
    else
        host_report_problem(report, HOST_FAIL, "%s", error->message);
}

void
host_check_libvirt(HostReport *report, const char *uri)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    g_auto(GStrv) lines = NULL;

    host_report_begin(report, "whether libvirt is local and answers");
    if (!connection_check_uri(uri, &error)) {
        host_report_problem(report, HOST_FAIL, "%s", error->message);
        return;
    }
    output = host_run_probe("libvirt", uri, &error);
    if (output == NULL)
        host_report_problem(report, HOST_FAIL,
                            "%s: start it with 'systemctl start libvirtd', or become a member of "
                            "the group libvirt",
                            error->message);
    else
        host_report_pass(report);

    lines = g_strsplit(output != NULL ? output : "", "\n", 3);
    if (g_strv_length(lines) >= 2)
        check_version(report, lines[0]);
    check_emulator(report, g_strv_length(lines) >= 2 ? lines[1] : "");
}
