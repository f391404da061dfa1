/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_GROUP "vdmabuf"
#define CONFIG_SUFFIX ".conf"

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

static char *
socket_path(const InstanceHost *host, const char *domain, const char *alias, const char *suffix)
{
    return g_strdup_printf("%s/%s/%s%s", host->directory, domain, alias, suffix);
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
    g_key_file_set_string(file, CONFIG_GROUP, "socket-path", vhost);
    g_key_file_set_string(file, CONFIG_GROUP, "socket-group", host->qemu_group);
    g_key_file_set_string(file, CONFIG_GROUP, "consumer-socket", consumers);
    g_key_file_set_string(file, CONFIG_GROUP, "consumer-group",
                          device->group ? device->group : host->consumer_group);
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (limits[i].value)
            g_key_file_set_uint64(file, CONFIG_GROUP, limits[i].key, limits[i].value);
    }
    g_key_file_set_boolean(file, CONFIG_GROUP, "writable", device->writable);
    return g_key_file_to_data(file, NULL, NULL);
}

/*
 * The directory belongs to root and brokers may make their sockets in it, but, by the sticky bit,
 * not touch the configurations. Everything in it is looked at without following links.
 */
static int
open_directory(const InstanceHost *host, const char *domain, gboolean make, GError **error)
{
    g_autofree char *path = g_build_filename(host->directory, domain, NULL);
    int fd;

    if (make && ((mkdir(host->directory, 0755) < 0 && errno != EEXIST) ||
                 (mkdir(path, 0700) < 0 && errno != EEXIST))) {
        FAIL(error, "cannot make the directory '%s': %s", path, g_strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (make && (fchown(fd, host->owner, host->group) < 0 || fchmod(fd, 01775) < 0))) {
        FAIL(error, "cannot use the directory '%s': %s", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static gboolean
write_all(int fd, const char *text)
{
    gsize left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return FALSE;
        text += written;
        left -= written;
    }
    return TRUE;
}

static gboolean
write_config(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
             GError **error)
{
    g_autofree char *text = instance_config(host, domain, device);
    g_autofree char *name = g_strconcat(device->alias, CONFIG_SUFFIX, NULL);
    int directory = open_directory(host, domain->name, TRUE, error);
    int fd;
    gboolean done;

    if (directory < 0)
        return FALSE;
    /* A new file each time: one that is there could be anybody's. */
    (void) unlinkat(directory, name, 0);
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    done = fd >= 0 && fchown(fd, host->owner, host->group) == 0 && write_all(fd, text) &&
           fchmod(fd, 0640) == 0;
    if (!done)
        FAIL(error, "cannot write '%s' in the directory of domain '%s': %s", name, domain->name,
             g_strerror(errno));
    if (fd >= 0)
        close(fd);
    close(directory);
    return done;
}

/* With streams of its own: libvirt reads those of the hook until the last process closes them. */
static gboolean
run_systemctl(const InstanceHost *host, const char *verb, const char *unit, char **output,
              GError **error)
{
    const char *argv[] = {host->systemctl, "--no-ask-password", verb, unit, NULL, NULL};
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    int status;

    if (g_str_equal(verb, "show")) {
        argv[3] = "--property=StatusText";
        argv[4] = unit;
    }
    if (!g_spawn_sync("/", (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                      &status, error))
        return FALSE;
    if (!g_spawn_check_wait_status(status, NULL)) {
        FAIL(error, "%s", *err ? g_strstrip(g_strdelimit(err, "\n", ' ')) : "systemctl has failed");
        return FALSE;
    }
    if (output)
        *output = g_steal_pointer(&out);
    return TRUE;
}

/* The broker's own words are better than systemd's. */
static void
explain(const InstanceHost *host, const char *unit, const char *cause, GError **error)
{
    g_autofree char *shown = NULL;
    const char *text = NULL;

    if (run_systemctl(host, "show", unit, &shown, NULL) && g_str_has_prefix(shown, "StatusText="))
        text = g_strstrip(shown + strlen("StatusText="));
    FAIL(error, "the broker does not start: %s (see 'journalctl -u %s')",
         text && *text ? text : cause, unit);
}

static gboolean
control(const InstanceHost *host, const char *verb, const Domain *domain,
        const DomainDevice *device, GError **error)
{
    g_autofree char *unit = instance_unit_name(domain->name, device->alias);
    g_autoptr(GError) cause = NULL;

    if (run_systemctl(host, verb, unit, NULL, &cause))
        return TRUE;
    explain(host, unit, cause->message, error);
    return FALSE;
}

gboolean
instance_start(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
               GError **error)
{
    /* A broker that is left over from a host that lost track of the domain has an old setup. */
    return write_config(host, domain, device, error) &&
           control(host, "restart", domain, device, error);
}

gboolean
instance_adopt(const InstanceHost *host, const Domain *domain, const DomainDevice *device,
               GError **error)
{
    g_autofree char *path = socket_path(host, domain->name, device->alias, CONFIG_SUFFIX);

    if (access(path, F_OK) < 0 && !write_config(host, domain, device, error))
        return FALSE;
    return control(host, "start", domain, device, error);
}

void
instance_stop_all(const InstanceHost *host, const char *domain)
{
    g_autoptr(GPtrArray) aliases = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = g_build_filename(host->directory, domain, NULL);
    int directory = open_directory(host, domain, FALSE, NULL);
    struct dirent *entry;
    DIR *list;

    if (directory < 0)
        return;
    list = fdopendir(directory);
    if (!list) {
        close(directory);
        return;
    }
    while ((entry = readdir(list))) {
        g_autofree char *alias = NULL;

        if (!g_str_has_suffix(entry->d_name, CONFIG_SUFFIX))
            continue;
        alias = g_strndup(entry->d_name, strlen(entry->d_name) - strlen(CONFIG_SUFFIX));
        if (domain_alias_is_usable(alias))
            g_ptr_array_add(aliases, g_steal_pointer(&alias));
    }
    for (guint i = 0; i < aliases->len; i++) {
        static const char *const suffixes[] = {CONFIG_SUFFIX, ".vhost", ".sock"};
        const char *alias = g_ptr_array_index(aliases, i);
        g_autofree char *unit = instance_unit_name(domain, alias);

        (void) run_systemctl(host, "stop", unit, NULL, NULL);
        /* One that has failed would be listed for ever. */
        (void) run_systemctl(host, "reset-failed", unit, NULL, NULL);
        for (guint s = 0; s < G_N_ELEMENTS(suffixes); s++) {
            g_autofree char *name = g_strconcat(alias, suffixes[s], NULL);

            (void) unlinkat(directory, name, 0);
        }
    }
    closedir(list);
    (void) rmdir(path);
}
