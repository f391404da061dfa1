/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's command line: what a device needs there, and what is there. */
#pragma once

#include <json-glib/json-glib.h>

#include "domain.h"

G_BEGIN_DECLS

#define ARGUMENTS_ROOT_BUS "pcie.0"

/**
 * Argument: one option with its value, such as -device and '{"driver":...}'
 * @index: of the value in the list; that of the option is one less
 * @option: without its dashes
 * @json: of a value that is a JSON object, or %NULL
 */
typedef struct {
    guint index;
    const char *option;
    const char *value;
    JsonObject *json;
} Argument;

/* Of the strings in @list, which has to outlive what is returned */
GPtrArray *arguments_read(const GPtrArray *list);

/* The value of a key, of JSON or of key=value,key=value, as text; or NULL */
char *argument_get(const Argument *self, const char *key);
/* Whether it is such an option, and its driver (of -device) or type is @type */
gboolean argument_is(const Argument *self, const char *option, const char *type);
/* The slot on the root bus that the device sits at; FALSE if it does not, or nobody says where */
gboolean argument_get_slot(const Argument *self, guint *slot);

/* Where a device's socket is */
char *arguments_socket_path(const char *domain, const char *alias, const char *directory);
/* The id of a device's root port */
char *arguments_port_id(const char *alias);

/* What QEMU is given: for -chardev as text, for -device as JSON */
char *arguments_chardev(const char *domain, const char *alias, const char *directory);
/* Sets in @json what a device needs; what else it holds stays. */
void arguments_set_device(JsonObject *json, const DomainDevice *device, const char *bus);
JsonObject *arguments_port(const char *alias, guint slot, guint chassis, guint port);
char *arguments_json_to_text(JsonObject *json);

/**
 * DeviceArguments: what there is for one device
 */
typedef struct {
    const Argument *chardev;
    const Argument *device;
    const Argument *port;
} DeviceArguments;

/**
 * arguments_find:
 *
 * Takes for the device's what has its ids and is what it should be, if only by and large: that of
 * a domain that had another name, of another queue size and so on.
 */
void arguments_find(const GPtrArray *arguments, const char *alias, DeviceArguments *found);

/* What is wrong with what was found, for a message; NULL if nothing is */
char *arguments_find_mistake(const DeviceArguments *found, const char *domain,
                             const DomainDevice *device, const char *directory);

G_END_DECLS
