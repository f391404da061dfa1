/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say what a device shall be: --vdmabuf KEY=VALUE,... or one for each key. */
#pragma once

#include "domain.h"

#define ATTACH_OPTIONS_KEYS 10

/**
 * AttachOptions:
 * @options: of --vdmabuf
 * @values: of the options for one key, each with its place
 * @users: of --user
 * @groups: of --group
 */
typedef struct {
    char *options;
    char *values[ATTACH_OPTIONS_KEYS];
    char **users;
    char **groups;
} AttachOptions;

void attach_options_clear(AttachOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AttachOptions, attach_options_clear)

/* GOptionEntry, up to and with the one that is %NULL; they point into @self. */
GArray *attach_options_get_entries(AttachOptions *self);
/* "--vdmabuf=?", as virt-xml has it for its devices: may stand alone */
gboolean attach_options_want_help(int argc, char **argv);
/* All in one line, as domain_device_from_options() takes it */
char *attach_options_format(const AttachOptions *self);
DomainDevice *attach_options_get_device(const AttachOptions *self, GError **error);
