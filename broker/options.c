/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "confinement.h"

typedef enum {
    KEY_SOCKET_PATH,
    KEY_FD,
    KEY_SOCKET_GROUP,
    KEY_CONSUMER_SOCKET,
    KEY_CONSUMER_USERS,
    KEY_CONSUMER_GROUPS,
    KEY_DEVICE,
    KEY_UUID,
    KEY_NAME,
    KEY_LABEL,
    KEY_MAX_BUFFERS,
    KEY_MAX_BYTES,
    KEY_MAX_ENTRIES,
    KEY_MAX_CONSUMERS,
    KEY_WRITABLE,
    KEY_SECCOMP,
    N_KEYS,
} Key;

static const struct {
    const char *name;
    const char *argument;
    const char *description;
} keys[N_KEYS] = {
    [KEY_SOCKET_PATH] = {"socket-path", "PATH", "listen for QEMU's vhost-user on PATH"},
    [KEY_FD] = {"fd", "FDNUM", "use the vhost-user socket that was inherited as FDNUM"},
    [KEY_SOCKET_GROUP] = {"socket-group", "GROUP", "let GROUP connect to the vhost-user socket"},
    [KEY_CONSUMER_SOCKET] = {"consumer-socket", "PATH", "listen for consumers on PATH"},
    [KEY_CONSUMER_USERS] = {"consumer-users", "USER,...",
                            "let these users connect to the consumer socket"},
    [KEY_CONSUMER_GROUPS] = {"consumer-groups", "GROUP,...",
                             "let members of these groups connect to the consumer socket"},
    [KEY_DEVICE] = {"device", "PATH", "the kernel's device [" OPTIONS_DEFAULT_DEVICE "]"},
    [KEY_UUID] = {"uuid", "UUID", "of the domain"},
    [KEY_NAME] = {"name", "NAME", "of the domain"},
    [KEY_LABEL] = {"label", "TEXT", "what people call the device, for messages"},
    [KEY_MAX_BUFFERS] = {"max-buffers", "N", "how many buffers the guest may share at a time"},
    [KEY_MAX_BYTES] = {"max-bytes", "N", "how many bytes in all; may end in K, M or G"},
    [KEY_MAX_ENTRIES] = {"max-entries", "N", "how many runs of pages in one buffer"},
    [KEY_MAX_CONSUMERS] = {"max-consumers", "N", "how many consumers at a time"},
    [KEY_WRITABLE] = {"writable", NULL, "let consumers write to the guest's buffers"},
    [KEY_SECCOMP] = {"seccomp", "on|off", "filter system calls [on]"},
};

#define BAD_VALUE(error, ...)                                                                      \
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__)

static gboolean
load_file(const char *path, char **values, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    g_auto(GStrv) present = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &cause) ||
        !(present = g_key_file_get_keys(file, OPTIONS_GROUP, NULL, &cause))) {
        gboolean refused = g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_ACCES);

        g_set_error(error, cause->domain, cause->code, "cannot read the configuration '%s': %s%s",
                    path, cause->message, confinement_hint(path, refused ? EACCES : 0));
        return FALSE;
    }
    for (guint i = 0; present[i]; i++) {
        guint key = 0;

        while (key < N_KEYS && !g_str_equal(present[i], keys[key].name))
            key++;
        /* A socket that is inherited has no name that a file could know. */
        if (key == N_KEYS || key == KEY_FD) {
            BAD_VALUE(error, "'%s' has the unknown key '%s'", path, present[i]);
            return FALSE;
        }
        if (values[key])
            continue;
        values[key] = g_key_file_get_string(file, OPTIONS_GROUP, present[i], &cause);
        if (!values[key]) {
            g_set_error(error, cause->domain, cause->code, "key '%s' in '%s': %s", present[i], path,
                        cause->message);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
parse_number(char **values, Key key, guint64 max, gboolean units, guint64 *number, GError **error)
{
    const char *text = values[key];
    char *end = NULL;
    guint64 scale = 1;
    guint64 value;

    if (!text)
        return TRUE;
    value = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;
    if (end && units && *end) {
        const char *found = strchr("KMG", g_ascii_toupper(*end));

        if (found) {
            scale = G_GUINT64_CONSTANT(1) << (10 * (found - "KMG" + 1));
            end++;
        }
    }
    if (!end || *end || value == 0 || value > max / scale) {
        BAD_VALUE(error, "%s has the value '%s', it takes a number from 1 to %" G_GUINT64_FORMAT,
                  keys[key].name, text, max);
        return FALSE;
    }
    *number = value * scale;
    return TRUE;
}

static gboolean
parse_limits(char **values, struct vdmabuf_limits *limits, GError **error)
{
    guint64 buffers = 0;
    guint64 bytes = 0;
    guint64 entries = 0;
    guint64 consumers = 0;

    if (!parse_number(values, KEY_MAX_BUFFERS, G_MAXUINT32, FALSE, &buffers, error) ||
        !parse_number(values, KEY_MAX_BYTES, G_MAXINT64, TRUE, &bytes, error) ||
        !parse_number(values, KEY_MAX_ENTRIES, G_MAXUINT32, FALSE, &entries, error) ||
        !parse_number(values, KEY_MAX_CONSUMERS, G_MAXUINT32, FALSE, &consumers, error))
        return FALSE;
    limits->max_buffers = buffers;
    limits->max_bytes = bytes;
    limits->max_entries = entries;
    limits->max_consumers = consumers;
    return TRUE;
}

static gboolean
parse_switch(char **values, Key key, gboolean *value, GError **error)
{
    static const char *const yes[] = {"on", "true", "yes", "1", NULL};
    static const char *const no[] = {"off", "false", "no", "0", NULL};

    if (!values[key])
        return TRUE;
    if (!g_strv_contains(yes, values[key]) && !g_strv_contains(no, values[key])) {
        BAD_VALUE(error, "%s has the value '%s', it takes on or off", keys[key].name, values[key]);
        return FALSE;
    }
    *value = g_strv_contains(yes, values[key]);
    return TRUE;
}

/* Separated by commas as on command lines, or by semicolons as in key files */
static char **
parse_names(char **values, Key key)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_auto(GStrv) parts = g_strsplit_set(values[key] ? values[key] : "", ",;", -1);

    for (char **part = parts; *part; part++) {
        if (*g_strstrip(*part))
            g_strv_builder_add(names, *part);
    }
    return g_strv_builder_end(names);
}

static gboolean
parse_uuid(const char *text, guint8 uuid[16], GError **error)
{
    guint n = 0;

    if (!text)
        return TRUE;
    if (!g_uuid_string_is_valid(text)) {
        BAD_VALUE(error, "uuid has the value '%s', which is not a UUID", text);
        return FALSE;
    }
    for (; *text; text++) {
        if (*text == '-')
            continue;
        uuid[n / 2] = uuid[n / 2] << 4 | g_ascii_xdigit_value(*text);
        n++;
    }
    return TRUE;
}

static gboolean
check_path(const char *path, Key key, GError **error)
{
    if (!path || g_path_is_absolute(path))
        return TRUE;
    BAD_VALUE(error, "%s has the value '%s', it takes an absolute path", keys[key].name, path);
    return FALSE;
}

static Options *
options_from_values(char **values, GError **error)
{
    g_autoptr(Options) self = g_new0(Options, 1);
    gboolean writable = FALSE;
    guint64 fd = 0;

    self->fd = -1;
    self->seccomp = TRUE;
    if (values[KEY_FD] && values[KEY_SOCKET_PATH]) {
        BAD_VALUE(error, "fd and socket-path exclude each other");
        return NULL;
    }
    if (!values[KEY_FD] && !values[KEY_SOCKET_PATH]) {
        BAD_VALUE(error, "one of socket-path and fd is needed");
        return NULL;
    }
    if (!values[KEY_CONSUMER_SOCKET]) {
        BAD_VALUE(error, "consumer-socket is needed");
        return NULL;
    }
    /* 0 to 2 are the standard streams. */
    if (!parse_number(values, KEY_FD, G_MAXINT, FALSE, &fd, error) ||
        !parse_limits(values, &self->limits, error) ||
        !parse_switch(values, KEY_WRITABLE, &writable, error) ||
        !parse_switch(values, KEY_SECCOMP, &self->seccomp, error) ||
        !parse_uuid(values[KEY_UUID], self->uuid, error) ||
        !check_path(values[KEY_SOCKET_PATH], KEY_SOCKET_PATH, error) ||
        !check_path(values[KEY_CONSUMER_SOCKET], KEY_CONSUMER_SOCKET, error) ||
        !check_path(values[KEY_DEVICE], KEY_DEVICE, error))
        return NULL;
    if (values[KEY_FD]) {
        if (fd < 3) {
            BAD_VALUE(error, "fd has the value '%s', which is a standard stream", values[KEY_FD]);
            return NULL;
        }
        self->fd = fd;
    }
    if (writable)
        self->limits.flags |= VDMABUF_LIMITS_WRITABLE;
    self->socket_path = g_steal_pointer(&values[KEY_SOCKET_PATH]);
    self->socket_group = g_steal_pointer(&values[KEY_SOCKET_GROUP]);
    self->consumer_socket = g_steal_pointer(&values[KEY_CONSUMER_SOCKET]);
    self->consumer_users = parse_names(values, KEY_CONSUMER_USERS);
    self->consumer_groups = parse_names(values, KEY_CONSUMER_GROUPS);
    self->name = g_steal_pointer(&values[KEY_NAME]);
    self->label = g_steal_pointer(&values[KEY_LABEL]);
    self->device = values[KEY_DEVICE] ? g_steal_pointer(&values[KEY_DEVICE])
                                      : g_strdup(OPTIONS_DEFAULT_DEVICE);
    return g_steal_pointer(&self);
}

Options *
options_parse(char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_auto(GStrv) arguments = g_strdupv(argv);
    g_autofree char *config = NULL;
    char *values[N_KEYS] = {NULL};
    gboolean writable = FALSE;
    gboolean print_capabilities = FALSE;
    gboolean version = FALSE;
    GOptionEntry entries[N_KEYS + 4] = {0};
    Options *self = NULL;
    guint n = 0;

    for (guint key = 0; key < N_KEYS; key++, n++) {
        entries[n].long_name = keys[key].name;
        entries[n].description = keys[key].description;
        entries[n].arg_description = keys[key].argument;
        entries[n].arg = keys[key].argument ? G_OPTION_ARG_STRING : G_OPTION_ARG_NONE;
        entries[n].arg_data = keys[key].argument ? (gpointer) &values[key] : &writable;
    }
    entries[n++] = (GOptionEntry) {"config", 0,
                                   0,        G_OPTION_ARG_FILENAME,
                                   &config,  "read options from FILE, group [" OPTIONS_GROUP "]",
                                   "FILE"};
    entries[n++] = (GOptionEntry) {"print-capabilities",
                                   0,
                                   0,
                                   G_OPTION_ARG_NONE,
                                   &print_capabilities,
                                   "print what this program can do, as JSON",
                                   NULL};
    entries[n++] =
        (GOptionEntry) {"version", 0, 0, G_OPTION_ARG_NONE, &version, "print the version", NULL};

    g_option_context_set_summary(
        context,
        "Serves a virtio dma-buf device of a virtual machine: QEMU connects through vhost-user,\n"
        "the kernel module vhost_vdmabuf does the work, and consumers on this host get their\n"
        "access from here.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse_strv(context, &arguments, error))
        goto out;
    if (g_strv_length(arguments) > 1) {
        BAD_VALUE(error, "'%s' is not an option", arguments[1]);
        goto out;
    }
    if (version || print_capabilities) {
        self = g_new0(Options, 1);
        self->fd = -1;
        self->version = version;
        self->print_capabilities = print_capabilities;
        goto out;
    }
    if (writable)
        values[KEY_WRITABLE] = g_strdup("on");
    if (config && !load_file(config, values, error))
        goto out;
    self = options_from_values(values, error);
out:
    for (guint key = 0; key < N_KEYS; key++)
        g_free(values[key]);
    return self;
}

void
options_free(Options *self)
{
    if (!self)
        return;
    g_free(self->socket_path);
    g_free(self->socket_group);
    g_free(self->consumer_socket);
    g_strfreev(self->consumer_users);
    g_strfreev(self->consumer_groups);
    g_free(self->device);
    g_free(self->name);
    g_free(self->label);
    g_free(self);
}
