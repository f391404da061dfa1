/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"
#include "target.h"

void
command_options_clear(CommandOptions *self)
{
    g_free(self->socket);
    g_strfreev(self->arguments);
}

gboolean
command_usage_error(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
    va_end(args);
    return FALSE;
}

gboolean
command_parse(CommandOptions *self, guint needs, const GOptionEntry *entries, const char *arguments,
              const char *summary, guint max_arguments, int argc, char **argv, GError **error)
{
    const GOptionEntry device[] = {
        {"socket", 's', 0, G_OPTION_ARG_FILENAME, &self->socket,
         "Consumer socket of a broker, instead of a domain", "PATH"},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry wait[] = {
        {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &self->timeout,
         "Longest wait for the guest (0: for ever)", "SECONDS"},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry json[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &self->json, "Print JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry rest[] = {
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->arguments, NULL, arguments},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, summary);
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    if (needs & COMMAND_NEEDS_DEVICE) {
        g_option_context_add_main_entries(context, device, NULL);
        g_option_context_add_main_entries(context, json, NULL);
    }
    if (needs & COMMAND_NEEDS_WAIT)
        g_option_context_add_main_entries(context, wait, NULL);
    g_option_context_add_main_entries(context, rest, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return FALSE;

    if (self->arguments != NULL && g_strv_length(self->arguments) > max_arguments)
        return command_usage_error(error, "There is no room for the argument \"%s\"",
                                   self->arguments[max_arguments]);
    if (!(self->timeout >= 0 && self->timeout <= G_MAXINT / 1000))
        return command_usage_error(error, "--timeout takes seconds; 0 waits for ever");
    self->timeout_ms = self->timeout > 0 ? (int) (self->timeout * 1000) : -1;
    return TRUE;
}

const char *
command_get_selector(const CommandOptions *self)
{
    return self->arguments != NULL ? self->arguments[0] : NULL;
}

Receiver *
command_connect(const CommandOptions *self, char **name, GError **error)
{
    g_autoptr(VdmabufEndpoint) endpoint = NULL;
    Receiver *receiver;

    if (self->socket != NULL && command_get_selector(self) != NULL) {
        command_usage_error(error, "Name a domain or a --socket, not both");
        return NULL;
    }

    endpoint = target_find(command_get_selector(self), self->socket, error);
    if (endpoint == NULL)
        return NULL;
    receiver = receiver_new(endpoint->path, error);
    if (receiver != NULL)
        *name = target_get_name(endpoint);
    return receiver;
}

gboolean
command_end_wait(ReceiverResult result, const char *what, const char *name,
                 const CommandOptions *options, GError **error)
{
    switch (result) {
    case RECEIVER_TIMED_OUT:
        g_clear_error(error);
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                    "No %s came from %s in time (%g seconds)", what, name, options->timeout);
        break;
    case RECEIVER_INTERRUPTED:
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Interrupted");
        break;
    default:
        break;
    }
    return FALSE;
}
