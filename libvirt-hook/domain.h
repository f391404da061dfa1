/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hook needs to know of a domain's XML. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DOMAIN_NAMESPACE "urn:vdmabuf:domain:1"
#define DOMAIN_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
/* QEMU's generic vhost-user device */
#define DOMAIN_QEMU_DEVICE "vhost-user-test-device-pci"

/**
 * DomainError:
 * @DOMAIN_ERROR_XML: this is no XML of a domain
 * @DOMAIN_ERROR_INVALID: the vdmabuf element, or what belongs to it, has a mistake
 */
typedef enum {
    DOMAIN_ERROR_XML,
    DOMAIN_ERROR_INVALID,
} DomainError;

#define DOMAIN_ERROR (domain_error_quark())
GQuark domain_error_quark(void);

/* Numbers are 0, and @group is %NULL, where the XML says nothing. */
typedef struct {
    char *alias;
    guint64 max_buffers;
    guint64 max_bytes;
    guint64 max_entries;
    guint64 max_consumers;
    gboolean writable;
    char *group;
} DomainDevice;

typedef struct {
    char *name;
    char *uuid;
    GPtrArray *devices;   /* DomainDevice */
    GPtrArray *arguments; /* char *: those of qemu:commandline, in order */
    gboolean shared_memory;
} Domain;

/* Whether there can be a vdmabuf element at all; for the many domains that have none */
gboolean domain_mentions_vdmabuf(const char *xml);
Domain *domain_parse(const char *xml, gsize size, GError **error);
void domain_free(Domain *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, domain_free)

/* Whether @name can be the name of a directory */
gboolean domain_name_is_usable(const char *name);
/* Whether @alias can be the alias of a device */
gboolean domain_alias_is_usable(const char *alias);

/**
 * domain_check:
 * @directory: where the sockets of all domains are
 *
 * Whether QEMU's arguments and the memory are as the vdmabuf element needs them.
 */
gboolean domain_check(const Domain *self, const char *directory, GError **error);

G_END_DECLS
