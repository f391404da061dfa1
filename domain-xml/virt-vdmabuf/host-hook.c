/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-check.h"
#include "unit.h"

#define HOOK_NAME "qemu.d/vdmabuf"

static gboolean
check_installed(HostReport *report, struct stat *hook)
{
    const char *const programs[] = {VDMABUF_HOOK_FILE, VDMABUF_HOOK};

    host_report_begin(report, "for libvirt's hook " HOOK_NAME);
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
        const char *path = programs[i];

        if (stat(path, hook) < 0 && errno == EACCES) {
            host_report_problem(report, HOST_WARN, "You may not look at %s; run this as root",
                                path);
            return FALSE;
        }
        if (stat(path, hook) < 0) {
            host_report_problem(report, HOST_FAIL,
                                "%s is not there: install vdmabuf's hook for libvirt", path);
            return FALSE;
        }
        if (!S_ISREG(hook->st_mode) || (hook->st_mode & 0111) != 0111) {
            host_report_problem(report, HOST_FAIL,
                                "%s cannot be executed: 'chmod 755 %s', and tell libvirt with "
                                "'systemctl reload libvirtd'",
                                path, path);
            return FALSE;
        }
    }
    host_report_pass(report);
    return stat(VDMABUF_HOOK_FILE, hook) == 0;
}

/* The daemon of QEMU's driver that runs; %NULL if none does */
static const char *
find_daemon(GDBusConnection *bus)
{
    static const char *const daemons[] = {"virtqemud.service", "libvirtd.service"};

    for (guint i = 0; i < G_N_ELEMENTS(daemons); i++) {
        if (unit_get_pid(bus, daemons[i]) > 0)
            return daemons[i];
    }
    return NULL;
}

/*
 * It looks for hooks when it starts and when it is told to reload; systemd notes the time of both.
 * A hook file that is younger may be seen all the same, if there was one before it.
 */
static void
check_seen(HostReport *report, GDBusConnection *bus, const struct stat *hook)
{
    const char *daemon = bus != NULL ? find_daemon(bus) : NULL;
    g_autoptr(GVariant) changed =
        daemon != NULL ? unit_get_property(bus, daemon, FALSE, UNIT_INTERFACE,
                                           "StateChangeTimestamp", G_VARIANT_TYPE_UINT64)
                       : NULL;
    guint64 installed =
        (guint64) hook->st_ctim.tv_sec * G_USEC_PER_SEC + (guint64) hook->st_ctim.tv_nsec / 1000;

    host_report_begin(report, "whether libvirt has seen the hook");
    if (bus == NULL)
        host_report_problem(report, HOST_WARN,
                            "It cannot be told without systemd: if libvirtd was started before the "
                            "hook was installed, send it the signal HUP");
    else if (daemon == NULL)
        host_report_pass(report);
    else if (changed == NULL)
        host_report_problem(report, HOST_WARN,
                            "systemd does not say since when %s runs; 'systemctl reload %s' makes "
                            "sure",
                            daemon, daemon);
    else if (g_variant_get_uint64(changed) < installed)
        host_report_problem(report, HOST_WARN,
                            "The hook was installed, or changed, after %s was started: "
                            "'systemctl reload %s'",
                            daemon, daemon);
    else
        host_report_pass(report);
}

void
host_check_hook(HostReport *report, GDBusConnection *bus)
{
    struct stat hook;

    if (check_installed(report, &hook))
        check_seen(report, bus, &hook);
}
