/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, whose ends are waited for, but not for ever. */
#pragma once

#include <glib.h>

/**
 * Child: a program to run
 * @argv: the first is looked for in PATH unless it is a path
 * @input: (nullable): what it reads; %NULL is the end at once
 * @fd: a file descriptor that it gets as number 3; -1 for none. It is taken.
 * @seconds: how long it may take
 * @unprivileged: if this runs as root, let it run as somebody who may do nothing
 */
typedef struct {
    const char *const *argv;
    const char *input;
    int fd;
    guint seconds;
    gboolean unprivileged;
} Child;

/* What it has written, as UTF-8, and how it ended: its exit status, or -1 for a signal */
typedef struct {
    char *out;
    char *err;
    int status;
} ChildResult;

void child_result_clear(ChildResult *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChildResult, child_result_clear)

/* A file without a name that @text is in, to be given to a program; -1 with an error */
int child_make_file(const char *text, GError **error);
/* %FALSE if it could not be started, or was killed because its time was over */
gboolean child_run(const Child *self, ChildResult *result, GError **error);
