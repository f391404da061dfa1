/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands have in common. */
#pragma once

#include <glib.h>

#define EXIT_USAGE 2
#define EXIT_TIMED_OUT 3

/* Which of the options that commands have in common one has */
#define COMMAND_NEEDS_CONNECT (1 << 0)
#define COMMAND_NEEDS_CHANGE (1 << 1) /* --print-xml, --print-diff, --confirm */
#define COMMAND_NEEDS_JSON (1 << 2)
#define COMMAND_NEEDS_SCOPE (1 << 3) /* --config, --live */

/**
 * CommandOptions:
 * @uri: of libvirt; %NULL where it was not given
 * @config: the definition, that is what counts at the next start
 * @live: the running domain
 * @arguments: what is left
 */
typedef struct {
    char *uri;
    gboolean print_xml;
    gboolean print_diff;
    gboolean confirm;
    gboolean json;
    gboolean config;
    gboolean live;
    char **arguments;
} CommandOptions;

void command_options_clear(CommandOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandOptions, command_options_clear)

/* How a command is called: its help, and how many arguments it takes */
typedef struct {
    guint needs;
    const char *arguments;
    const char *summary;
    const char *description; /* below the options; or %NULL */
    guint min;
    guint max;
} CommandUsage;

/* @entries: the command's own options, or %NULL. Errors are of G_OPTION_ERROR. */
gboolean command_parse(CommandOptions *self, const CommandUsage *usage, const GOptionEntry *entries,
                       int argc, char **argv, GError **error);
/* The argument @index, or %NULL */
const char *command_get_argument(const CommandOptions *self, guint index);

G_GNUC_PRINTF(2, 3)
gboolean command_usage_error(GError **error, const char *format, ...);

/* Each runs a command and says what is wrong with an error of its own or of a usage. */
typedef gboolean (*Command)(int argc, char **argv, GError **error);

gboolean command_attach(int argc, char **argv, GError **error);
gboolean command_detach(int argc, char **argv, GError **error);
gboolean command_list(int argc, char **argv, GError **error);
gboolean command_show(int argc, char **argv, GError **error);
gboolean command_lower(int argc, char **argv, GError **error);
gboolean command_define(int argc, char **argv, GError **error);
gboolean command_validate(int argc, char **argv, GError **error);
gboolean command_status(int argc, char **argv, GError **error);
gboolean command_replug(int argc, char **argv, GError **error);
gboolean command_host_validate(int argc, char **argv, GError **error);
