/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of a domain's XML. The XML is changed as text, in the places that have to be: whatever
 * else it holds stays byte for byte. A function that fails has changed nothing.
 */
#pragma once

#include "domain.h"

G_BEGIN_DECLS

/**
 * DomainEdit: what came of a change
 * @xml: the whole domain afterwards
 * @changed: whether it differs from what it was
 * @alias: of the device that was attached or detached; %NULL after domain_edit_lower()
 * @notes: char *, sentences for a person: what was changed, and what it needs to take effect
 */
typedef struct {
    char *xml;
    gboolean changed;
    char *alias;
    GPtrArray *notes;
} DomainEdit;

void domain_edit_free(DomainEdit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainEdit, domain_edit_free)

/**
 * domain_edit_attach:
 * @device: with alias %NULL it becomes a new device, with the next free vdmabufN
 * @directory: where the sockets of all domains are, /run/vdmabuf
 *
 * Adds the device, or makes an existing one of the same alias what @device says; what libvirt and
 * QEMU need for it (arguments, memory) is set right in either case. Of a @device that
 * domain_device_from_options() made, what the options did not name stays as it is.
 */
DomainEdit *domain_edit_attach(const char *xml, const DomainDevice *device, const char *directory,
                               GError **error);

/**
 * domain_edit_detach:
 * @alias: %NULL: the only one; if there are more, the error lists them
 *
 * Takes the device out, and with the last one everything that attaching has added.
 */
DomainEdit *domain_edit_detach(const char *xml, const char *alias, const char *directory,
                               GError **error);

/**
 * domain_edit_lower:
 *
 * Attaches every <vdmabuf> below <devices>, the form that people write, and takes it out there;
 * and sets right what the devices need that are there already. Can be repeated.
 */
DomainEdit *domain_edit_lower(const char *xml, const char *directory, GError **error);

/**
 * domain_device_from_options:
 * @options: key=value,key=value as on a command line; ",," stands for a comma in a value, and an
 *   empty value for the default. May be empty.
 */
DomainDevice *domain_device_from_options(const char *options, GError **error);
/* The keys, one a line, for people */
char *domain_device_options_help(void);

/* For devices of running domains: the arguments of QMP's chardev-add and device_add, as JSON */
char *domain_device_qmp_chardev(const char *domain, const DomainDevice *device,
                                const char *directory);
/* @bus: the id of a free pcie-root-port */
char *domain_device_qmp_device(const DomainDevice *device, const char *bus);

G_END_DECLS
