/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "host-check.h"
#include "unit.h"

#define TEMPLATE "vhost-user-vdmabuf@.service"
/* An instance that never runs, to see what one would have */
#define INSTANCE "vhost-user-vdmabuf@host.service"
#define BROKER_USER "vdmabuf"

#define APPARMOR "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_LOADED "/sys/kernel/security/apparmor/profiles"
#define RULES_FILE VDMABUF_APPARMOR_DIR "/abstractions/libvirt-qemu.d/vdmabuf"
#define PROFILE "vhost-user-vdmabuf"
#define PROFILE_FILE VDMABUF_APPARMOR_DIR "/usr.bin.vhost-user-vdmabuf"

#define SELINUX "/sys/fs/selinux/enforce"

static void
check_user(HostReport *report)
{
    host_report_begin(report, "for the user " BROKER_USER ", whom brokers run as");
    if (getpwnam(BROKER_USER) != NULL)
        host_report_pass(report);
    else
        host_report_problem(report, HOST_FAIL, "Make it with 'systemd-sysusers vdmabuf.conf'");
}

static void
check_unit(HostReport *report, GDBusConnection *bus)
{
    g_autofree char *state = unit_get_file_state(bus, TEMPLATE);

    host_report_begin(report, "for the unit " TEMPLATE);
    if (state == NULL)
        host_report_problem(report, HOST_FAIL,
                            "systemd does not know it: install vdmabuf's units and run "
                            "'systemctl daemon-reload'");
    else if (g_str_has_prefix(state, "masked"))
        host_report_problem(report, HOST_FAIL, "It is masked: 'systemctl unmask " TEMPLATE "'");
    else
        host_report_pass(report);
}

static void
check_memlock(HostReport *report, GDBusConnection *bus)
{
    g_autoptr(GVariant) limit = unit_get_property(bus, INSTANCE, TRUE, UNIT_SERVICE_INTERFACE,
                                                  "LimitMEMLOCK", G_VARIANT_TYPE_UINT64);

    host_report_begin(report, "how much memory brokers may lock");
    if (limit == NULL) {
        host_report_problem(report, HOST_WARN, "systemd does not say: install " TEMPLATE);
    } else if (g_variant_get_uint64(limit) == G_MAXUINT64) {
        host_report_pass(report);
    } else {
        g_autofree char *size =
            g_format_size_full(g_variant_get_uint64(limit), G_FORMAT_SIZE_IEC_UNITS);

        host_report_problem(report, HOST_WARN,
                            "Of a domain's buffers only %s can be imported at a time: set "
                            "LimitMEMLOCK=infinity with 'systemctl edit " TEMPLATE "'",
                            size);
    }
}

void
host_check_broker(HostReport *report, GDBusConnection *bus)
{
    check_user(report);
    /* Without systemd the hook runs brokers itself. */
    if (bus == NULL)
        return;
    check_unit(report, bus);
    check_memlock(report, bus);
}

static gboolean
file_begins_with(const char *path, const char *text)
{
    g_autofree char *content = NULL;

    return g_file_get_contents(path, &content, NULL, NULL) && g_str_has_prefix(content, text);
}

static void
check_apparmor(HostReport *report)
{
    g_autofree char *loaded = NULL;

    host_report_begin(report, "whether AppArmor lets QEMU connect to brokers");
    if (access(RULES_FILE, R_OK) == 0)
        host_report_pass(report);
    else
        host_report_problem(report, HOST_FAIL, "Install vdmabuf's rules as " RULES_FILE);

    host_report_begin(report, "whether AppArmor confines brokers");
    if (access(PROFILE_FILE, R_OK) < 0)
        host_report_problem(report, HOST_WARN, "Install vdmabuf's profile as " PROFILE_FILE);
    else if (!g_file_get_contents(APPARMOR_LOADED, &loaded, NULL, NULL))
        host_report_problem(report, HOST_WARN,
                            "You may not look at the profiles that are loaded; run this as root");
    else if (strstr(loaded, PROFILE " (") == NULL)
        host_report_problem(report, HOST_WARN,
                            "Load the profile with 'apparmor_parser -r " PROFILE_FILE "'");
    else
        host_report_pass(report);
}

void
host_check_confinement(HostReport *report)
{
    if (file_begins_with(APPARMOR, "Y"))
        check_apparmor(report);
    if (!file_begins_with(SELINUX, "1"))
        return;
    host_report_begin(report, "whether SELinux lets QEMU connect to brokers");
    host_report_problem(report, HOST_WARN,
                        "There is no policy for it yet: the domains' svirt_t has to be allowed to "
                        "connect to sockets below /run/vdmabuf");
}
