/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* systemd names the journal's socket; standard error may have been sent elsewhere since. */
static gboolean
stderr_is_journal(void)
{
    const char *stream = g_getenv("JOURNAL_STREAM");
    g_autofree char *own = NULL;
    struct stat info;

    if (!stream || fstat(STDERR_FILENO, &info) < 0)
        return FALSE;
    own = g_strdup_printf("%lu:%lu", (gulong) info.st_dev, (gulong) info.st_ino);
    return g_str_equal(stream, own);
}

/* Where there is no systemd, the libvirt hook makes a socket to the system's log of it. */
static gboolean
stderr_is_syslog(void)
{
    int type = 0;
    socklen_t size = sizeof(type);

    return getsockopt(STDERR_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

void
broker_log(BrokerLogLevel level, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);

    /* Names come from a configuration, but a line has to stay a line. */
    g_strdelimit(text, "\n\r", ' ');
    /* The journal takes the level from a prefix, and knows the program by itself. */
    if (stderr_is_journal())
        dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
    else if (stderr_is_syslog())
        dprintf(STDERR_FILENO, "<%d>vhost-user-vdmabuf[%d]: %s", LOG_DAEMON | (int) level,
                (int) getpid(), text);
    else
        dprintf(STDERR_FILENO, "vhost-user-vdmabuf: %s\n", text);
}
