/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One broker: its configuration, its files, and who keeps it running. */
#pragma once

#include <sys/types.h>

#include "domain.h"

G_BEGIN_DECLS

/* There is no such user. */
#define INSTANCE_NO_USER G_MAXUINT32

/**
 * InstanceHost: the system that brokers run on; tests have one of their own
 * @directory: where each domain has a directory of its own
 * @owner: of these directories and of the configurations; who else runs the hook starts nothing
 * @user: that brokers run as
 * @group: likewise
 * @qemu_group: that QEMU runs as
 * @consumer_group: whose members are consumers where the domain does not say who is
 * @systemd: whether brokers are units of systemd, or processes of their own
 * @program: the broker, where they are processes
 * @seconds: how long one may take to start or to end
 */
typedef struct {
    const char *directory;
    uid_t owner;
    uid_t user;
    gid_t group;
    const char *qemu_group;
    const char *consumer_group;
    gboolean systemd;
    const char *program;
    guint seconds;
} InstanceHost;

/* vhost-user-vdmabuf@DOMAIN-DEVICE.service, escaped as systemd-escape(1) does it */
char *instance_unit_name(const char *domain, const char *alias);
/* The broker's configuration, as text */
char *instance_config(const InstanceHost *host, const Domain *domain, const DomainDevice *device);

/* Writes the configuration and starts the broker anew; it listens when this returns. */
gboolean instance_start(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
                        GError **error);
/* Starts the broker if it does not run; one that runs is left alone. */
gboolean instance_adopt(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
                        GError **error);
/* Stops one broker and removes its files, and the directory with the last one. */
void instance_stop(const InstanceHost *host, const char *domain, const char *alias);
/* Stops every broker of a domain and removes its directory; does what it can. */
void instance_stop_all(const InstanceHost *host, const char *domain);

G_END_DECLS
