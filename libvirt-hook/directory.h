/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of a domain, below /run/vdmabuf.
 *
 * It belongs to root. Brokers may make their sockets in it but, by the sticky bit, not touch the
 * configurations. A broker may be in the hands of its guest: everything in the directory is looked
 * at without following links.
 *
 * For each device there is a link to the directory itself, with the device's name. The unit is an
 * instance for DOMAIN/DEVICE and can name nothing but that whole: it makes the directory behind the
 * link all that the broker sees of /run/vdmabuf.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define DIRECTORY_CONFIG_SUFFIX ".conf"

/**
 * directory_make:
 * @base: where the directories of all domains are
 * @owner: of the directory
 * @group: that may make files in it
 *
 * Returns: a file descriptor, or -1
 */
int directory_make(const char *base, const char *domain, uid_t owner, gid_t group, GError **error);
/* Returns: a file descriptor, or -1 where there is none */
int directory_open(const char *base, const char *domain);
/* A new file, and the link; @text can be read by @group, too. */
gboolean directory_write_config(int directory, const char *alias, const char *text, uid_t owner,
                                gid_t group, GError **error);
/* The devices that have a configuration */
GPtrArray *directory_list(int directory);
/* Everything that belongs to a device */
void directory_clean(int directory, const char *alias);
/* Whatever there is */
void directory_clear(int directory);
/* The directory itself, if nothing is in it */
void directory_remove(const char *base, const char *domain);

G_END_DECLS
