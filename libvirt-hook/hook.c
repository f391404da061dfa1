/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

static char *
read_input(int fd, gsize *size, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];

    for (;;) {
        ssize_t got = read(fd, buffer, sizeof(buffer));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                        "cannot read the domain's XML: %s", g_strerror(errno));
            return NULL;
        }
        if (got == 0)
            break;
        if (text->len + got > HOOK_MAX_XML) {
            g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML,
                        "the domain's XML is longer than %d bytes", HOOK_MAX_XML);
            return NULL;
        }
        g_string_append_len(text, buffer, got);
    }
    *size = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
prepare(const InstanceHost *host, const Domain *domain, GError **error)
{
    if (!domain_check(domain, host->directory, error))
        return FALSE;
    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (!instance_start(host, domain, device, error)) {
            g_prefix_error(error, "device '%s': ", device->alias);
            return FALSE;
        }
    }
    return TRUE;
}

/* libvirtd has been started anew, under running guests; QEMU and its broker did not notice. */
static gboolean
reconnect(const InstanceHost *host, const Domain *domain, GError **error)
{
    for (guint i = 0; i < domain->devices->len; i++) {
        if (!instance_adopt(host, domain, g_ptr_array_index(domain->devices, i), error))
            return FALSE;
    }
    return TRUE;
}

gboolean
hook_run(const InstanceHost *host, const char *name, const char *operation, const char *phase,
         int input, GError **error)
{
    g_autofree char *xml = NULL;
    g_autoptr(Domain) domain = NULL;
    gsize size = 0;

    if (g_str_equal(operation, "release") && g_str_equal(phase, "end")) {
        /* By what is there, not by the XML: that can have been edited while the domain ran. */
        if (domain_name_is_usable(name))
            instance_stop_all(host, name);
        return TRUE;
    }
    if (!g_str_equal(phase, "begin") ||
        !(g_str_equal(operation, "prepare") || g_str_equal(operation, "reconnect") ||
          g_str_equal(operation, "migrate")))
        return TRUE;

    xml = read_input(input, &size, error);
    if (!xml)
        return FALSE;
    if (!domain_mentions_vdmabuf(xml))
        return TRUE;
    domain = domain_parse(xml, size, error);
    if (!domain)
        return FALSE;
    if (domain->devices->len == 0)
        return TRUE;

    if (g_str_equal(operation, "migrate")) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID,
                    "a domain with a vdmabuf device cannot be migrated: its consumers on this "
                    "host use the guest's memory itself; shut it down, and start it there");
        return FALSE;
    }
    if (g_str_equal(operation, "reconnect"))
        return reconnect(host, domain, error);
    return prepare(host, domain, error);
}
