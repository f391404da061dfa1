/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device as key=value,key=value on a command line, in virt-xml's manner. */
#include <string.h>

#include "device.h"
#include "edit.h"
#include "pci.h"

#define INVALID(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, __VA_ARGS__)

/* Each sets what is said in @value, which is not empty; FALSE if it cannot be. */
typedef gboolean (*Setter)(DomainDevice *device, const char *value);

typedef struct {
    const char *key;
    guint given;
    Setter set;
    const char *takes;
    const char *meaning;
} Option;

static gboolean
set_alias(DomainDevice *device, const char *value)
{
    g_free(device->alias);
    device->alias = g_strdup(value);
    return domain_alias_is_usable(value);
}

static gboolean
set_label(DomainDevice *device, const char *value)
{
    g_free(device->label);
    device->label = g_strdup(value);
    return device_label_is_usable(value);
}

static gboolean
set_count(guint64 *count, const char *value)
{
    return g_ascii_string_to_unsigned(value, 10, 1, G_MAXUINT32, count, NULL);
}

static gboolean
set_buffers(DomainDevice *device, const char *value)
{
    return set_count(&device->max_buffers, value);
}

static gboolean
set_entries(DomainDevice *device, const char *value)
{
    return set_count(&device->max_entries, value);
}

static gboolean
set_consumers(DomainDevice *device, const char *value)
{
    return set_count(&device->max_consumers, value);
}

static gboolean
set_memory(DomainDevice *device, const char *value)
{
    gsize digits = strspn(value, "0123456789");
    g_autofree char *number = g_strndup(value, digits);
    guint64 scale = device_scale(value[digits] ? value + digits : "KiB");

    if (scale == 0 || !g_ascii_string_to_unsigned(number, 10, 1, DEVICE_BYTES_MAX / scale,
                                                  &device->max_bytes, NULL))
        return FALSE;
    device->max_bytes *= scale;
    return TRUE;
}

static gboolean
set_queue(DomainDevice *device, const char *value)
{
    guint64 size;

    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &size, NULL) ||
        !device_queue_size_is_usable(size))
        return FALSE;
    device->queue_size = size;
    return TRUE;
}

static gboolean
set_write(DomainDevice *device, const char *value)
{
    device->writable = g_str_equal(value, "yes");
    return device->writable || g_str_equal(value, "no");
}

static gboolean
set_user(DomainDevice *device, const char *value)
{
    g_ptr_array_add(device->users, g_strdup(value));
    return device_user_is_usable(value);
}

static gboolean
set_group(DomainDevice *device, const char *value)
{
    g_ptr_array_add(device->groups, g_strdup(value));
    return device_user_is_usable(value);
}

static gboolean
set_address(DomainDevice *device, const char *value)
{
    PciAddress address;

    if (!pci_address_parse(value, &address) || !pci_address_is_for_port(&address))
        return FALSE;
    g_free(device->port_address);
    device->port_address = g_strdup_printf("0x%02x", address.slot);
    return TRUE;
}

static const Option options_known[] = {
    {"alias", 0, set_alias, "letters, digits, '-' and '_', beginning with a letter",
     "its name, such as vdmabuf0"},
    {"model", DEVICE_GIVEN_MODEL, device_set_model, "auto or vhost-user", "how it is made"},
    {"label", DEVICE_GIVEN_LABEL, set_label, "one line of 1 to 64 characters",
     "what it is, for people"},
    {"buffers", DEVICE_GIVEN_BUFFERS, set_buffers, "a number", "how many the guest may share"},
    {"memory", DEVICE_GIVEN_MEMORY, set_memory, "a size such as 512M or 1G; a number is KiB",
     "how much of it the guest may share"},
    {"entries", DEVICE_GIVEN_ENTRIES, set_entries, "a number",
     "how many pieces of memory a buffer may have"},
    {"queue", DEVICE_GIVEN_QUEUE, set_queue, "a power of two from 2 to 1024", "size of its queues"},
    {"write", DEVICE_GIVEN_WRITE, set_write, "yes or no", "whether consumers may write"},
    {"max-consumers", DEVICE_GIVEN_CONSUMERS, set_consumers, "a number",
     "how many there may be at the same time"},
    {"user", DEVICE_GIVEN_USERS, set_user, "the name of a user",
     "who may consume; can be repeated"},
    {"group", DEVICE_GIVEN_GROUPS, set_group, "the name of a group",
     "who may consume; can be repeated"},
    {"address", 0, set_address, "a slot of the root bus from 0x01 to 0x1e",
     "where its root port is"},
};

static const Option *
find_option(const char *key)
{
    for (guint i = 0; i < G_N_ELEMENTS(options_known); i++) {
        if (g_str_equal(options_known[i].key, key))
            return &options_known[i];
    }
    return NULL;
}

static char *
list_keys(void)
{
    GString *list = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(options_known); i++)
        g_string_append_printf(list, "%s%s", i == 0 ? "" : ", ", options_known[i].key);
    return g_string_free(list, FALSE);
}

/* An empty value leaves the default, and says that it is meant. */
static gboolean
set_option(DomainDevice *device, const char *option, GError **error)
{
    const char *equals = strchr(option, '=');
    g_autofree char *key = equals ? g_strndup(option, equals - option) : g_strdup(option);
    const Option *known = find_option(key);

    if (!known || !equals) {
        g_autofree char *keys = list_keys();

        INVALID(error, "'%s' is no setting of a vdmabuf device; it takes KEY=VALUE with %s", option,
                keys);
        return FALSE;
    }
    device->given |= known->given;
    if (equals[1] && !known->set(device, equals + 1)) {
        INVALID(error, "'%s': %s takes %s", option, key, known->takes);
        return FALSE;
    }
    return TRUE;
}

DomainDevice *
domain_device_from_options(const char *options, GError **error)
{
    g_autoptr(DomainDevice) device = domain_device_new();
    g_autoptr(GString) option = g_string_new(NULL);

    device->given = DEVICE_GIVEN;
    if (!g_utf8_validate(options, -1, NULL)) {
        INVALID(error, "the settings of a vdmabuf device have to be UTF-8");
        return NULL;
    }
    for (const char *c = options; *options; c++) {
        if (*c && (*c != ',' || c[1] == ',')) {
            g_string_append_c(option, *c);
            c += *c == ',';
            continue;
        }
        if (!set_option(device, option->str, error))
            return NULL;
        g_string_truncate(option, 0);
        if (!*c)
            break;
    }
    return g_steal_pointer(&device);
}

char *
domain_device_options_help(void)
{
    GString *help = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(options_known); i++) {
        const Option *option = &options_known[i];

        g_string_append_printf(help, "  %-14s %s (%s)\n", option->key, option->meaning,
                               option->takes);
    }
    return g_string_free(help, FALSE);
}
