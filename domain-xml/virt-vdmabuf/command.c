/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

void
command_options_clear(CommandOptions *self)
{
    g_free(self->uri);
    g_strfreev(self->arguments);
}

gboolean
command_usage_error(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_propagate_error(error,
                      g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args));
    va_end(args);
    return FALSE;
}

static void
add_entries(GOptionContext *context, CommandOptions *self, guint needs)
{
    const GOptionEntry connect[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &self->uri,
         "libvirt to connect to (default: $LIBVIRT_DEFAULT_URI, else qemu:///system)", "URI"},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry scope[] = {
        {"config", 0, 0, G_OPTION_ARG_NONE, &self->config,
         "Change what the domain is started with (the default)", NULL},
        {"live", 0, 0, G_OPTION_ARG_NONE, &self->live, "Change the running domain", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry change[] = {
        {"print-xml", 0, 0, G_OPTION_ARG_NONE, &self->print_xml,
         "Print the XML that would be defined, and change nothing", NULL},
        {"print-diff", 0, 0, G_OPTION_ARG_NONE, &self->print_diff,
         "Print the difference, and change nothing", NULL},
        {"confirm", 0, 0, G_OPTION_ARG_NONE, &self->confirm,
         "Show the difference, and ask before it is made", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry json[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &self->json, "Print JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (needs & COMMAND_NEEDS_SCOPE)
        g_option_context_add_main_entries(context, scope, NULL);
    if (needs & COMMAND_NEEDS_CHANGE)
        g_option_context_add_main_entries(context, change, NULL);
    if (needs & COMMAND_NEEDS_JSON)
        g_option_context_add_main_entries(context, json, NULL);
    if (needs & COMMAND_NEEDS_CONNECT)
        g_option_context_add_main_entries(context, connect, NULL);
}

gboolean
command_parse(CommandOptions *self, const CommandUsage *usage, const GOptionEntry *entries,
              int argc, char **argv, GError **error)
{
    const GOptionEntry rest[] = {
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->arguments, NULL,
         usage->arguments},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    guint count;

    g_option_context_set_summary(context, usage->summary);
    if (usage->description != NULL)
        g_option_context_set_description(context, usage->description);
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    add_entries(context, self, usage->needs);
    g_option_context_add_main_entries(context, rest, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return FALSE;

    count = self->arguments != NULL ? g_strv_length(self->arguments) : 0;
    if (count > usage->max)
        return command_usage_error(error, "There is no room for the argument \"%s\"",
                                   self->arguments[usage->max]);
    if (count < usage->min)
        return command_usage_error(error, "An argument is missing: %s", usage->arguments);
    if (self->print_xml + self->print_diff + self->confirm > 1)
        return command_usage_error(
            error, "--print-xml, --print-diff and --confirm cannot be used together");
    if ((self->print_xml || self->print_diff || self->confirm) && self->live)
        return command_usage_error(error, "--print-xml, --print-diff and --confirm are about what "
                                          "the domain is started with, and not for --live");
    return TRUE;
}

const char *
command_get_argument(const CommandOptions *self, guint index)
{
    if (self->arguments == NULL || index >= g_strv_length(self->arguments))
        return NULL;
    return self->arguments[index];
}
