/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt: one connection, and errors in this program's voice. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/* Once, before anything else: libvirt prints no errors of its own. */
void connection_init(void);

/* @uri: %NULL for the default. Asks for a password where there is one, as virsh does. */
virConnect *connection_open(const char *uri, GError **error);
virConnect *connection_open_read_only(const char *uri, GError **error);
/*
 * The same for domains that shall get vdmabuf devices: refuses what is not the system's QEMU on
 * this very machine, since memory cannot be shared with another. That is done before anything is
 * sent anywhere.
 */
virConnect *connection_open_local(const char *uri, GError **error);
/* Of that, the refusal: for a URI, and for a connection */
gboolean connection_check_uri(const char *uri, GError **error);
gboolean connection_check_is_local(virConnect *connection, GError **error);

/* By id, UUID or name, as virsh looks for it */
virDomain *connection_find_domain(virConnect *connection, const char *domain, GError **error);

/* @flags: VIR_DOMAIN_XML_* */
char *connection_get_xml(virDomain *domain, guint flags, GError **error);

/* Sets an error that ends in what libvirt has said last. */
G_GNUC_PRINTF(2, 3)
void connection_set_error(GError **error, const char *format, ...);

G_END_DECLS
