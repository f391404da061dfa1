/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/un.h>

#include "alone.h"
#include "directory.h"
#include "fd.h"
#include "systemd.h"

#define CONFIG_GROUP "vdmabuf"

#define FAIL(error, ...) g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, __VA_ARGS__)

static void
append_escaped(GString *unit, const char *text, gboolean at_start)
{
    for (const char *c = text; *c; c++) {
        gboolean plain = g_ascii_isalnum(*c) || *c == ':' || *c == '_' ||
                         (*c == '.' && !(at_start && c == text));

        if (plain)
            g_string_append_c(unit, *c);
        else
            g_string_append_printf(unit, "\\x%02x", (guchar) *c);
    }
}

char *
instance_unit_name(const char *domain, const char *alias)
{
    GString *unit = g_string_new("vhost-user-vdmabuf@");

    append_escaped(unit, domain, TRUE);
    g_string_append_c(unit, '-'); /* this is how '/' is escaped */
    append_escaped(unit, alias, FALSE);
    g_string_append(unit, ".service");
    return g_string_free(unit, FALSE);
}

/* Through the link, which is the way that the unit leaves open */
static char *
socket_path(const InstanceHost *host, const char *domain, const char *alias, const char *suffix)
{
    return g_strdup_printf("%s/%s/%s/%s%s", host->directory, domain, alias, alias, suffix);
}

static void
set_names(GKeyFile *file, const char *key, const GPtrArray *names)
{
    g_key_file_set_string_list(file, CONFIG_GROUP, key, (const char *const *) names->pdata,
                               names->len);
}

char *
instance_config(const InstanceHost *host, const Domain *domain, const DomainDevice *device)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *vhost = socket_path(host, domain->name, device->alias, ".vhost");
    g_autofree char *consumers = socket_path(host, domain->name, device->alias, ".sock");
    const struct {
        const char *key;
        guint64 value;
    } limits[] = {
        {"max-buffers", device->max_buffers},
        {"max-bytes", device->max_bytes},
        {"max-entries", device->max_entries},
        {"max-consumers", device->max_consumers},
    };

    g_key_file_set_string(file, CONFIG_GROUP, "name", domain->name);
    g_key_file_set_string(file, CONFIG_GROUP, "uuid", domain->uuid);
    if (device->label)
        g_key_file_set_string(file, CONFIG_GROUP, "label", device->label);
    g_key_file_set_string(file, CONFIG_GROUP, "socket-path", vhost);
    g_key_file_set_string(file, CONFIG_GROUP, "socket-group", host->qemu_group);
    g_key_file_set_string(file, CONFIG_GROUP, "consumer-socket", consumers);
    set_names(file, "consumer-users", device->users);
    if (device->users->len == 0 && device->groups->len == 0)
        g_key_file_set_string_list(file, CONFIG_GROUP, "consumer-groups", &host->consumer_group, 1);
    else
        set_names(file, "consumer-groups", device->groups);
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (limits[i].value)
            g_key_file_set_uint64(file, CONFIG_GROUP, limits[i].key, limits[i].value);
    }
    g_key_file_set_boolean(file, CONFIG_GROUP, "writable", device->writable);
    return g_key_file_to_data(file, NULL, NULL);
}

static Alone
alone(const InstanceHost *host)
{
    return (Alone) {.program = host->program,
                    .user = host->user,
                    .group = host->group,
                    .seconds = host->seconds};
}

/* @bus: %NULL where there is no systemd */
static void
stop(const InstanceHost *host, GDBusConnection *bus, int directory, const char *domain,
     const char *alias)
{
    g_autofree char *unit = instance_unit_name(domain, alias);
    const Alone broker = alone(host);

    if (bus) {
        (void) systemd_run_job(bus, "StopUnit", unit, host->seconds, NULL);
        systemd_reset_failed(bus, unit);
    } else if (!host->systemd) {
        alone_stop(&broker, directory, alias);
    }
    directory_clean(directory, alias);
}

/* The broker's own words are better than systemd's. */
static gboolean
start_unit(const InstanceHost *host, GDBusConnection *bus, const char *domain, const char *alias,
           GError **error)
{
    g_autofree char *unit = instance_unit_name(domain, alias);
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;

    if (systemd_run_job(bus, "RestartUnit", unit, host->seconds, &cause))
        return TRUE;
    text = systemd_get_status_text(bus, unit);
    FAIL(error, "the broker does not start: %s (see 'journalctl -u %s')",
         text ? text : cause->message, unit);
    return FALSE;
}

static gboolean
start_alone(const InstanceHost *host, int directory, const char *domain, const char *alias,
            GError **error)
{
    g_autofree char *path = g_build_filename(host->directory, domain, NULL);
    const Alone broker = alone(host);

    if (alone_start(&broker, directory, path, alias, error))
        return TRUE;
    g_prefix_error(error, "the broker does not start: ");
    return FALSE;
}

static gboolean
start(const InstanceHost *host, GDBusConnection *bus, const Domain *domain,
      const DomainDevice *device, GError **error)
{
    g_autofree char *text = instance_config(host, domain, device);
    g_autofree char *longest = socket_path(host, domain->name, device->alias, ".vhost");
    auto_fd int directory = -1;

    if (host->user == INSTANCE_NO_USER) {
        FAIL(error, "there is no user 'vdmabuf' for the broker; run 'systemd-sysusers "
                    "vdmabuf.conf', or install vdmabuf anew");
        return FALSE;
    }
    if (!domain_name_is_usable(domain->name)) {
        FAIL(error, "'%s' cannot be the name of a directory", domain->name);
        return FALSE;
    }
    if (strlen(longest) >= sizeof(((struct sockaddr_un *) NULL)->sun_path)) {
        FAIL(error,
             "the path '%s' is too long for a socket; give the domain or the device a "
             "shorter name",
             longest);
        return FALSE;
    }
    directory = directory_make(host->directory, domain->name, host->owner, host->group, error);
    if (directory < 0)
        return FALSE;
    if (directory_write_config(directory, device->alias, text, host->owner, host->group, error) &&
        (bus ? start_unit(host, bus, domain->name, device->alias, error)
             : start_alone(host, directory, domain->name, device->alias, error)))
        return TRUE;
    /* Nothing stays of what does not work. */
    stop(host, bus, directory, domain->name, device->alias);
    directory_remove(host->directory, domain->name);
    return FALSE;
}

gboolean
instance_start(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
               GError **error)
{
    g_autoptr(GDBusConnection) bus = host->systemd ? systemd_connect(error) : NULL;

    return (bus || !host->systemd) && start(host, bus, domain, device, error);
}

static gboolean
is_running(const InstanceHost *host, GDBusConnection *bus, const char *domain, const char *alias)
{
    g_autofree char *unit = instance_unit_name(domain, alias);
    auto_fd int directory = -1;

    if (bus)
        return systemd_is_active(bus, unit);
    directory = directory_open(host->directory, domain);
    return directory >= 0 && alone_is_running(directory, alias);
}

gboolean
instance_adopt(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
               GError **error)
{
    g_autoptr(GDBusConnection) bus = host->systemd ? systemd_connect(error) : NULL;

    if (host->systemd && !bus)
        return FALSE;
    return is_running(host, bus, domain->name, device->alias) ||
           start(host, bus, domain, device, error);
}

void
instance_stop(const InstanceHost *host, const char *domain, const char *alias)
{
    auto_fd int directory = directory_open(host->directory, domain);
    g_autoptr(GDBusConnection) bus = host->systemd ? systemd_connect(NULL) : NULL;

    if (directory < 0)
        return;
    stop(host, bus, directory, domain, alias);
    directory_remove(host->directory, domain);
}

void
instance_stop_all(const InstanceHost *host, const char *domain)
{
    auto_fd int directory = directory_open(host->directory, domain);
    g_autoptr(GPtrArray) aliases = NULL;
    g_autoptr(GDBusConnection) bus = NULL;

    if (directory < 0)
        return;
    bus = host->systemd ? systemd_connect(NULL) : NULL;
    aliases = directory_list(directory);
    for (guint i = 0; i < aliases->len; i++)
        stop(host, bus, directory, domain, g_ptr_array_index(aliases, i));
    directory_clear(directory);
    directory_remove(host->directory, domain);
}
