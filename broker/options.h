/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line and the configuration file, which has the same keys. */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

G_BEGIN_DECLS

#define OPTIONS_DEFAULT_DEVICE "/dev/vhost-vdmabuf"
/* The group of the configuration file that the keys are in */
#define OPTIONS_GROUP "vdmabuf"

/**
 * Options:
 * @socket_path: (nullable): of the vhost-user socket; %NULL when @fd is one
 * @fd: a vhost-user socket, listening or connected; -1 when there is a @socket_path
 * @consumer_users: never %NULL, may be empty
 * @consumer_groups: likewise
 * @label: (nullable): what people call the device
 * @limits: 0 where the module's own limit stays
 */
typedef struct {
    char *socket_path;
    int fd;
    char *socket_group;
    char *consumer_socket;
    char **consumer_users;
    char **consumer_groups;
    char *device;
    char *name;
    char *label;
    guint8 uuid[16];
    struct vdmabuf_limits limits;
    gboolean seccomp;
    gboolean print_capabilities;
    gboolean version;
} Options;

/**
 * options_parse:
 * @argv: as main() got it
 *
 * What the command line says comes before what the file says. --help ends the program.
 *
 * Errors: #GOptionError, #GKeyFileError or #GFileError
 */
Options *options_parse(char **argv, GError **error);
void options_free(Options *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Options, options_free)

G_END_DECLS
