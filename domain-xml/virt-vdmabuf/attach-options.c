/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "attach-options.h"
#include "edit.h"

/* The option and the key have the same name. */
static const struct {
    const char *key;
    const char *text;
    const char *value;
} keys[ATTACH_OPTIONS_KEYS] = {
    {"alias", "Name of the device", "ALIAS"},
    {"label", "Its name for people", "TEXT"},
    {"model", "auto or vhost-user", "MODEL"},
    {"buffers", "Most buffers that the guest may share at a time", "N"},
    {"memory", "Most memory that it may share, such as 512M or 1G", "SIZE"},
    {"entries", "Most runs of pages in a buffer", "N"},
    {"queue", "Size of its queues, a power of two from 2 to 1024", "N"},
    {"write", "Whether consumers may write", "yes|no"},
    {"max-consumers", "Most consumers at a time", "N"},
    {"address", "PCI address of its root port, such as 0x1e", "SLOT"},
};

void
attach_options_clear(AttachOptions *self)
{
    g_free(self->options);
    for (guint i = 0; i < ATTACH_OPTIONS_KEYS; i++)
        g_free(self->values[i]);
    g_strfreev(self->users);
    g_strfreev(self->groups);
}

GArray *
attach_options_get_entries(AttachOptions *self)
{
    GArray *entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    const GOptionEntry others[] = {
        {"vdmabuf", 0, 0, G_OPTION_ARG_STRING, &self->options,
         "All of these in one: --vdmabuf=? lists the keys", "KEY=VALUE,..."},
        {"user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->users,
         "Who may consume; can be repeated (default: the group libvirt)", "USER"},
        {"group", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->groups, "Likewise", "GROUP"},
    };

    for (guint i = 0; i < ATTACH_OPTIONS_KEYS; i++) {
        const GOptionEntry entry = {
            .long_name = keys[i].key,
            .arg = G_OPTION_ARG_STRING,
            .arg_data = &self->values[i],
            .description = keys[i].text,
            .arg_description = keys[i].value,
        };

        g_array_append_val(entries, entry);
    }
    g_array_append_vals(entries, others, G_N_ELEMENTS(others));
    return entries;
}

gboolean
attach_options_want_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;

        if (g_str_has_prefix(argv[i], "--vdmabuf="))
            value = argv[i] + strlen("--vdmabuf=");
        else if (g_str_equal(argv[i], "--vdmabuf") && i + 1 < argc)
            value = argv[i + 1];
        if (value != NULL && (g_str_equal(value, "?") || g_str_equal(value, "help")))
            return TRUE;
    }
    return FALSE;
}

static void
append(GString *options, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(options, "%s%s=%s", options->len > 0 ? "," : "", key, escaped);
}

char *
attach_options_format(const AttachOptions *self)
{
    GString *options = g_string_new(self->options);

    for (guint i = 0; i < ATTACH_OPTIONS_KEYS; i++) {
        if (self->values[i] != NULL)
            append(options, keys[i].key, self->values[i]);
    }
    for (guint i = 0; self->users != NULL && self->users[i] != NULL; i++)
        append(options, "user", self->users[i]);
    for (guint i = 0; self->groups != NULL && self->groups[i] != NULL; i++)
        append(options, "group", self->groups[i]);
    return g_string_free(options, FALSE);
}

DomainDevice *
attach_options_get_device(const AttachOptions *self, GError **error)
{
    g_autofree char *options = attach_options_format(self);

    return domain_device_from_options(options, error);
}
