/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to be known of a domain's XML, by the hook and by virt-vdmabuf. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DOMAIN_NAMESPACE "urn:vdmabuf:domain:1"
#define DOMAIN_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
/* QEMU's generic vhost-user device, and what makes it this one */
#define DOMAIN_QEMU_DEVICE "vhost-user-test-device-pci"
#define DOMAIN_VIRTIO_ID 37
#define DOMAIN_QUEUES 2
#define DOMAIN_CONFIG_SIZE 24

/* More than any domain has; libvirt's XML of a domain with hundreds of devices is 200 KiB. */
#define DOMAIN_MAX_XML (4 * 1024 * 1024)

/**
 * DomainError:
 * @DOMAIN_ERROR_XML: this is no XML of a domain
 * @DOMAIN_ERROR_INVALID: the vdmabuf element, or what belongs to it, has a mistake
 * @DOMAIN_ERROR_UNSUPPORTED: this domain cannot have a vdmabuf device as it is
 * @DOMAIN_ERROR_NOT_FOUND: there is no such device
 * @DOMAIN_ERROR_EXISTS: a name or an address is taken
 */
typedef enum {
    DOMAIN_ERROR_XML,
    DOMAIN_ERROR_INVALID,
    DOMAIN_ERROR_UNSUPPORTED,
    DOMAIN_ERROR_NOT_FOUND,
    DOMAIN_ERROR_EXISTS,
} DomainError;

#define DOMAIN_ERROR (domain_error_quark())
GQuark domain_error_quark(void);

/* "auto" is the default, and takes the best there is: vhost-user today. */
typedef enum {
    DOMAIN_MODEL_AUTO,
    DOMAIN_MODEL_VHOST_USER,
} DomainModel;

/* As many as the root bus has slots for */
#define DOMAIN_MAX_DEVICES 30
#define DOMAIN_ALIAS_MAX 32
#define DOMAIN_QUEUE_SIZE 256
#define DOMAIN_QUEUE_SIZE_MAX 1024
/* Characters */
#define DOMAIN_LABEL_MAX 64

/**
 * DomainDevice:
 * @alias: never %NULL in a #Domain
 * @label: for people; or %NULL
 * @max_buffers: limits are 0 where nothing is said
 * @queue_size: %DOMAIN_QUEUE_SIZE where nothing is said
 * @users: char *, who may consume; may be empty
 * @groups: char *, likewise; without users and groups it is the group libvirt
 * @port_address: where its root port shall be, "0x1e" or "0x1e.0x0"; %NULL: where there is room
 * @given: for domain_edit_attach(), set by domain_device_from_options()
 */
typedef struct {
    char *alias;
    DomainModel model;
    char *label;
    guint64 max_buffers;
    guint64 max_bytes;
    guint64 max_entries;
    guint64 max_consumers;
    guint queue_size;
    gboolean writable;
    GPtrArray *users;
    GPtrArray *groups;
    char *port_address;
    guint given;
} DomainDevice;

DomainDevice *domain_device_new(void);
void domain_device_free(DomainDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainDevice, domain_device_free)
/* "auto", "vhost-user" */
const char *domain_model_to_string(DomainModel model);

/**
 * Domain:
 * @uuid: %NULL only after domain_parse_file()
 * @devices: DomainDevice, those of the metadata
 * @arguments: char *, those of qemu:commandline, in order
 * @slots: a bit for each slot of the root bus that devices in <devices> have
 * @shared_memory: whether a broker can map all of the memory
 * @memory_mistake: why not; %NULL if it can
 * @memory_remedy: what a person has to do first; %NULL if nothing
 */
typedef struct {
    char *name;
    char *uuid;
    GPtrArray *devices;
    GPtrArray *arguments;
    guint32 slots;
    gboolean shared_memory;
    char *memory_mistake;
    char *memory_remedy;
} Domain;

/* Whether there can be a vdmabuf element at all; for the many domains that have none */
gboolean domain_mentions_vdmabuf(const char *xml);
/* What libvirt gives to its hook: it has a name and a uuid. */
Domain *domain_parse(const char *xml, gsize size, GError **error);
/* What a person has written: @uuid is %NULL where libvirt is to make one. */
Domain *domain_parse_file(const char *xml, GError **error);
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
