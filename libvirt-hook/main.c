/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exit.h"
#include "hook.h"

#define EXIT_USAGE 2
#define BROKER_USER "vdmabuf"
/* More than the unit allows itself to start and to end */
#define BROKER_SECONDS 75

static const char usage[] =
    "Usage: vdmabuf-libvirt-hook DOMAIN OPERATION PHASE EXTRA < XML\n"
    "\n"
    "libvirt's hook for domains with vdmabuf devices: starts and stops their brokers. It is run\n"
    "by libvirt through /etc/libvirt/hooks/qemu.d/vdmabuf, and does nothing for other domains.\n"
    "\n"
    "  --help     print this\n"
    "  --version  print the version\n";

int
main(int argc, char **argv)
{
    InstanceHost host = {
        .directory = VDMABUF_RUNDIR,
        .user = INSTANCE_NO_USER,
        .qemu_group = VDMABUF_QEMU_GROUP,
        .consumer_group = VDMABUF_CONSUMER_GROUP,
        .systemd = g_file_test("/run/systemd/system", G_FILE_TEST_IS_DIR),
        .program = VDMABUF_BROKER,
        .seconds = BROKER_SECONDS,
    };
    g_autoptr(GError) error = NULL;
    const struct passwd *user;

    exit_check_output();
    if (argc == 2 && g_str_equal(argv[1], "--help")) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && g_str_equal(argv[1], "--version")) {
        puts("vdmabuf-libvirt-hook " VDMABUF_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc < 4) {
        g_printerr("vdmabuf-libvirt-hook: DOMAIN, OPERATION and PHASE are needed; "
                   "see vdmabuf-libvirt-hook --help\n");
        return EXIT_USAGE;
    }

    user = getpwnam(BROKER_USER);
    if (user) {
        host.user = user->pw_uid;
        host.group = user->pw_gid;
    }
    if (hook_run(&host, argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "-", STDIN_FILENO, &error))
        return EXIT_SUCCESS;
    g_printerr("vdmabuf: domain '%s': %s\n", argv[1], error->message);
    /* To fail here would make libvirt kill a guest that runs. */
    return g_str_equal(argv[2], "reconnect") ? EXIT_SUCCESS : EXIT_FAILURE;
}
