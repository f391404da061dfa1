/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domain that virt-viewer shows, as libvirt knows it: on a read-only connection of its own,
 * which is opened again when it breaks. Nothing here blocks: libvirt is asked in threads.
 */
#pragma once

#include <glib-object.h>

#include "domain-info.h"

G_BEGIN_DECLS

/**
 * ViewerDomain:
 *
 * Signals:
 *   "changed" (ViewerDomain *)  what viewer_domain_get_info() returns
 *   "started" (ViewerDomain *)  the domain has just been started
 */
#define VIEWER_TYPE_DOMAIN (viewer_domain_get_type())
G_DECLARE_FINAL_TYPE(ViewerDomain, viewer_domain, VIEWER, DOMAIN, GObject)

/**
 * viewer_domain_new:
 * @uri: (nullable): of the connection; %NULL for libvirt's default
 * @uuid: of the domain
 */
ViewerDomain *viewer_domain_new(const char *uri, const char *uuid);

/* (transfer none) (nullable): %NULL until libvirt has told */
const ViewerDomainInfo *viewer_domain_get_info(ViewerDomain *self);
/* (transfer none) (nullable): the machine it runs on, when it is another one */
const char *viewer_domain_get_host(ViewerDomain *self);

G_END_DECLS
