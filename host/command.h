/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of vdmabuf-recv have in common. */
#pragma once

#include "receiver.h"

#define EXIT_USAGE 2
#define EXIT_TIMED_OUT 3

/* Which of the options that commands have in common one has */
#define COMMAND_NEEDS_DEVICE (1 << 0) /* --socket and --json */
#define COMMAND_NEEDS_WAIT (1 << 1)   /* --timeout */

/* The options that commands have in common, and what is left of the arguments */
typedef struct {
    char *socket;
    gboolean json;
    double timeout; /* in seconds; 0: for ever. Set to the default before it is parsed. */
    char **arguments;

    int timeout_ms;
} CommandOptions;

void command_options_clear(CommandOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandOptions, command_options_clear)

/*
 * Parses the arguments of a command: @needs are COMMAND_NEEDS_*, @entries the command's own options
 * (@arguments says in --help what follows them), of the rest @max_arguments may be left. Errors
 * are of G_OPTION_ERROR.
 */
gboolean command_parse(CommandOptions *self, guint needs, const GOptionEntry *entries,
                       const char *arguments, const char *summary, guint max_arguments, int argc,
                       char **argv, GError **error);
/* The first argument, or %NULL */
const char *command_get_selector(const CommandOptions *self);
/* Connects to the device that is meant; @name (out) is for messages. */
Receiver *command_connect(const CommandOptions *self, char **name, GError **error);

G_GNUC_PRINTF(2, 3)
gboolean command_usage_error(GError **error, const char *format, ...);
/*
 * Turns a @result that ends a wait for @what ("picture") into an error that says so, and
 * returns %FALSE. The one that receiver_next() has set is replaced where it says less.
 */
gboolean command_end_wait(ReceiverResult result, const char *what, const char *name,
                          const CommandOptions *options, GError **error);

/* Each runs a command and says what is wrong with an error of its own or of a usage. */
typedef gboolean (*Command)(int argc, char **argv, GError **error);

gboolean command_list(int argc, char **argv, GError **error);
gboolean command_watch(int argc, char **argv, GError **error);
gboolean command_grab(int argc, char **argv, GError **error);
gboolean command_receive(int argc, char **argv, GError **error);
gboolean command_measure(int argc, char **argv, GError **error);
gboolean command_compare(int argc, char **argv, GError **error);
