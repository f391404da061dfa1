/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "host-check.h"

#define MODULE "vhost_vdmabuf"
#define NODE "/dev/vhost-vdmabuf"
/* Of brokers */
#define GROUP "vdmabuf"
/* A variable of the firmware: four bytes of attributes, and the value */
#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static gboolean
is_loaded(void)
{
    return g_file_test("/sys/module/" MODULE, G_FILE_TEST_IS_DIR);
}

static gboolean
is_available(const char *release)
{
    g_autofree char *path = g_build_filename("/lib/modules", release, "modules.dep", NULL);
    g_autofree char *list = NULL;

    return g_file_get_contents(path, &list, NULL, NULL) && strstr(list, "/" MODULE ".ko") != NULL;
}

static void
check_module(HostReport *report)
{
    struct utsname system;

    host_report_begin(report, "for the kernel module " MODULE);
    (void) uname(&system);
    if (is_loaded())
        host_report_pass(report);
    else if (is_available(system.release))
        host_report_problem(report, HOST_FAIL, "Load it with 'modprobe " MODULE "'");
    else
        host_report_problem(report, HOST_FAIL,
                            "It is not installed for this kernel, %s: install vdmabuf-host-dkms "
                            "and run 'modprobe " MODULE "'",
                            system.release);
}

static void
check_node(HostReport *report)
{
    const struct group *brokers = getgrnam(GROUP);
    struct stat node;

    host_report_begin(report, "for the device node " NODE);
    if (stat(NODE, &node) < 0 || !S_ISCHR(node.st_mode))
        host_report_problem(report, HOST_FAIL,
                            "The module makes it: load it with 'modprobe " MODULE "'");
    else
        host_report_pass(report);

    host_report_begin(report, "whether brokers may open " NODE);
    if (stat(NODE, &node) < 0)
        host_report_problem(report, HOST_FAIL, "There is none: %s", g_strerror(errno));
    else if (brokers == NULL || node.st_gid != brokers->gr_gid || (node.st_mode & 060) != 060)
        host_report_problem(report, HOST_FAIL,
                            "The group " GROUP " has to have it for reading and writing: install "
                            "the rule 60-vdmabuf-host.rules and run 'udevadm trigger " NODE "'");
    else
        host_report_pass(report);
}

void
host_check_kernel(HostReport *report)
{
    check_module(report);
    check_node(report);
}

void
host_check_secure_boot(HostReport *report)
{
    g_autofree char *value = NULL;
    gsize size = 0;

    host_report_begin(report, "whether Secure Boot lets the module be loaded");
    if (is_loaded() || !g_file_get_contents(SECURE_BOOT, &value, &size, NULL) || size < 5 ||
        value[4] != 1)
        host_report_pass(report);
    else
        host_report_problem(report, HOST_WARN,
                            "Secure Boot is on, and the module must be signed with a key that the "
                            "firmware knows: for DKMS 'mokutil --import /var/lib/dkms/mok.pub', "
                            "and reboot");
}
