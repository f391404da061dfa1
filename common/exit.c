/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
check_output(void)
{
    int failed = ferror(stdout);

    errno = 0;
    if (fflush(stdout) == 0 && !failed)
        return;
    fprintf(stderr, "%s: Cannot write to standard output: %s\n", program_invocation_short_name,
            errno != 0 ? strerror(errno) : "is the disk full?");
    _exit(EXIT_FAILURE);
}

void
exit_check_output(void)
{
    atexit(check_output);
}
