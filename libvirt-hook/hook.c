/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "hook_limits.h"

#define INVALID(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID, __VA_ARGS__)

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
prepare(const InstanceHost *host, const Domain *domain, const char *extra G_GNUC_UNUSED,
        GError **error)
{
    if (!domain_check(domain, host->directory, error))
        return FALSE;
    /* The domain does not run: what is there was left by a host that lost track of it. */
    instance_stop_all(host, domain->name);
    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (!instance_start(host, domain, device, error)) {
            g_prefix_error(error, "device '%s': ", device->alias);
            instance_stop_all(host, domain->name);
            return FALSE;
        }
    }
    return TRUE;
}

/*
 * libvirtd has been started anew, under running guests; QEMU and its broker did not notice. What
 * is wrong with one device is no reason to forget the others.
 */
static gboolean
adopt_all(const InstanceHost *host, const Domain *domain, const char *extra G_GNUC_UNUSED,
          GError **error)
{
    g_autoptr(GString) failures = g_string_new(NULL);

    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);
        g_autoptr(GError) cause = NULL;

        if (!instance_adopt(host, domain, device, &cause))
            g_string_append_printf(failures, "%sdevice '%s': %s", failures->len ? "; " : "",
                                   device->alias, cause->message);
    }
    if (failures->len)
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, failures->str);
    return failures->len == 0;
}

/* A device that is plugged into a running domain is not on its command line. */
static gboolean
attach(const InstanceHost *host, const Domain *domain, const char *extra, GError **error)
{
    if (g_str_equal(extra, "-"))
        return adopt_all(host, domain, extra, error);
    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (!g_str_equal(device->alias, extra))
            continue;
        if (instance_adopt(host, domain, device, error))
            return TRUE;
        g_prefix_error(error, "device '%s': ", extra);
        return FALSE;
    }
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_NOT_FOUND, "there is no vdmabuf device '%s'",
                extra);
    return FALSE;
}

static gboolean
refuse_migrate(const InstanceHost *host G_GNUC_UNUSED, const Domain *domain G_GNUC_UNUSED,
               const char *extra G_GNUC_UNUSED, GError **error)
{
    INVALID(error, "a domain with a vdmabuf device cannot be migrated: its consumers on the other "
                   "host use the guest's memory itself; shut it down there, and start it here");
    return FALSE;
}

static gboolean
refuse_restore(const InstanceHost *host G_GNUC_UNUSED, const Domain *domain G_GNUC_UNUSED,
               const char *extra G_GNUC_UNUSED, GError **error)
{
    INVALID(error, "a domain with a vdmabuf device cannot be restored: consumers cannot go on with "
                   "buffers of a guest that was saved; start it without what was saved ('virsh "
                   "start --force-boot')");
    return FALSE;
}

static const struct {
    const char *operation;
    gboolean (*run)(const InstanceHost *host, const Domain *domain, const char *extra,
                    GError **error);
} begins[] = {
    {"prepare", prepare},        {"reconnect", adopt_all},    {"attach", attach},
    {"migrate", refuse_migrate}, {"restore", refuse_restore},
};

static gboolean
begin(const InstanceHost *host, const char *name, const char *operation, const char *extra,
      int input, GError **error)
{
    g_autofree char *xml = NULL;
    g_autoptr(Domain) domain = NULL;
    gsize size = 0;
    guint i = 0;

    while (i < G_N_ELEMENTS(begins) && !g_str_equal(operation, begins[i].operation))
        i++;
    if (i == G_N_ELEMENTS(begins))
        return TRUE;
    xml = read_input(input, &size, error);
    if (!xml)
        return FALSE;
    if (!domain_mentions_vdmabuf(xml))
        return TRUE;
    domain = domain_parse(xml, size, error);
    if (!domain)
        return FALSE;
    if (domain->devices->len == 0 && begins[i].run != prepare)
        return TRUE;
    if (!g_str_equal(domain->name, name)) {
        INVALID(error, "the XML is that of the domain '%s'", domain->name);
        return FALSE;
    }
    if (geteuid() != host->owner) {
        INVALID(error, "only root can start what a vdmabuf device needs: define the domain at "
                       "qemu:///system");
        return FALSE;
    }
    return begins[i].run(host, domain, extra, error);
}

gboolean
hook_run(const InstanceHost *host, const char *name, const char *operation, const char *phase,
         const char *extra, int input, GError **error)
{
    if (g_str_equal(phase, "begin"))
        return begin(host, name, operation, extra, input, error);
    /* By what is there, not by the XML: that can have been edited while the domain ran. */
    if (g_str_equal(phase, "end") && domain_name_is_usable(name) && geteuid() == host->owner) {
        if (g_str_equal(operation, "release"))
            instance_stop_all(host, name);
        else if (g_str_equal(operation, "detach") && domain_alias_is_usable(extra))
            instance_stop(host, name, extra);
    }
    return TRUE;
}
