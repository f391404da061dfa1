/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A broker that does nothing but start and end. The name of its configuration decides how: "broken"
 * says why it does not start, "hasty" does not even say that, "mute" is never ready, "stubborn" does
 * not end when it is asked to.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    const char *config = argc == 2 ? argv[1] : "";

    if (strncmp(config, "--config=/", 10) != 0 || access(config + 9, R_OK) < 0 ||
        strstr(config, "hasty"))
        return EXIT_FAILURE;
    if (strstr(config, "broken")) {
        sd_notify(0, "STATUS=there is no /dev/vhost-vdmabuf");
        return EXIT_FAILURE;
    }
    if (strstr(config, "stubborn"))
        signal(SIGTERM, SIG_IGN);
    /* As of somebody who has read the configuration, and found a session of his own */
    if (!strstr(config, "mute"))
        sd_notifyf(0, "%sSTATUS=Waiting for QEMU", getsid(0) == getpid() ? "READY=1\n" : "");
    for (;;)
        pause();
}
