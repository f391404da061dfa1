/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "arguments.h"
#include "check.h"

#define INVALID(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, __VA_ARGS__)

gboolean
check_name(const char *name, GError **error)
{
    if (domain_name_is_usable(name))
        return TRUE;
    INVALID(error,
            "a domain with a vdmabuf device cannot be named '%s': the name is that of a folder "
            "with the device's sockets, without '/' and control characters, and does not begin "
            "with '.'; see 'virsh domrename'",
            name);
    return FALSE;
}

gboolean
check_path(const char *name, const char *alias, const char *directory, GError **error)
{
    g_autofree char *path = arguments_socket_path(name, alias, directory);

    if (strlen(path) <= CHECK_MAX_PATH)
        return TRUE;
    INVALID(error,
            "the path of a socket has at most %d bytes, '%s' has %" G_GSIZE_FORMAT
            "; give the domain or the device a shorter name",
            CHECK_MAX_PATH, path, strlen(path));
    return FALSE;
}

char *
check_find_mistake(const Domain *domain, const GPtrArray *arguments, const DomainDevice *device,
                   const char *directory)
{
    DeviceArguments found;
    char *mistake;
    guint slot;

    arguments_find(arguments, device->alias, &found);
    mistake = arguments_find_mistake(&found, domain->name, device, directory);
    if (mistake || !argument_get_slot(found.port, &slot))
        return mistake;
    if (domain->slots & 1u << slot)
        return g_strdup_printf("another device has the slot 0x%02x of the root bus, where "
                               "'%s-port' is",
                               slot, device->alias);
    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);
        guint other;

        if (argument != found.port && argument_get_slot(argument, &other) && other == slot)
            return g_strdup_printf("<qemu:commandline> has another device at the slot 0x%02x of "
                                   "the root bus, where '%s-port' is",
                                   slot, device->alias);
    }
    return NULL;
}

/* The name as an argument of a shell */
static char *
quote(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_.+:@", *c))
            return g_shell_quote(name);
    }
    return g_strdup(name);
}

/* A device on the command line whose element is gone: QEMU would wait for its socket in vain. */
static gboolean
check_leftovers(const Domain *self, const GPtrArray *arguments, GError **error)
{
    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);
        g_autofree char *id = NULL;
        g_autofree char *type = NULL;
        g_autofree char *name = NULL;
        gboolean known = FALSE;

        if (!argument_is(argument, "device", DOMAIN_QEMU_DEVICE))
            continue;
        type = argument_get(argument, "virtio-id");
        if (g_strcmp0(type, G_STRINGIFY(DOMAIN_VIRTIO_ID)) != 0)
            continue;
        id = argument_get(argument, "id");
        for (guint d = 0; d < self->devices->len; d++) {
            const DomainDevice *device = g_ptr_array_index(self->devices, d);

            known = known || g_strcmp0(device->alias, id) == 0;
        }
        if (known)
            continue;
        name = quote(self->name);
        INVALID(error,
                "<qemu:commandline> has the vdmabuf device '%s', which <metadata> does not have; "
                "'virt-vdmabuf detach %s --alias %s' takes it out",
                id ? id : "", name, id ? id : "ALIAS");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_device(const Domain *self, const GPtrArray *arguments, const DomainDevice *device,
             const char *directory, GError **error)
{
    g_autofree char *mistake = NULL;
    g_autofree char *name = NULL;

    if (!check_path(self->name, device->alias, directory, error))
        return FALSE;
    mistake = check_find_mistake(self, arguments, device, directory);
    if (!mistake)
        return TRUE;
    name = quote(self->name);
    INVALID(error, "%s; 'virt-vdmabuf attach %s --alias %s' sets it right", mistake, name,
            device->alias);
    return FALSE;
}

gboolean
domain_check(const Domain *self, const char *directory, GError **error)
{
    g_autoptr(GPtrArray) arguments = arguments_read(self->arguments);

    if (!check_name(self->name, error))
        return FALSE;
    if (self->memory_mistake && self->devices->len > 0) {
        const DomainDevice *first = g_ptr_array_index(self->devices, 0);
        g_autofree char *name = quote(self->name);

        INVALID(error,
                "a vdmabuf device needs shared memory: %s; %s%s'virt-vdmabuf attach %s --alias %s'"
                " sets it right",
                self->memory_mistake, self->memory_remedy ? self->memory_remedy : "",
                self->memory_remedy ? "; then " : "", name, first->alias);
        return FALSE;
    }
    for (guint i = 0; i < self->devices->len; i++) {
        if (!check_device(self, arguments, g_ptr_array_index(self->devices, i), directory, error))
            return FALSE;
    }
    return check_leftovers(self, arguments, error);
}
