/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uri.h"

#include <string.h>

char *
viewer_uri_from_arguments(const char *const *arguments)
{
    g_autofree char *uri = NULL;
    g_autofree char *zoom = NULL;
    g_autofree char *hotkeys = NULL;
    g_autofree char *keymap = NULL;
    gboolean flag;
    /* Those of virt-viewer that have a short name, since several can be written as one word. */
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &uri, NULL, NULL},
        {"zoom", 'z', 0, G_OPTION_ARG_STRING, &zoom, NULL, NULL},
        {"hotkeys", 'H', 0, G_OPTION_ARG_STRING, &hotkeys, NULL, NULL},
        {"keymap", 'K', 0, G_OPTION_ARG_STRING, &keymap, NULL, NULL},
        {"wait", 'w', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"reconnect", 'r', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"direct", 'd', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"attach", 'a', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"full-screen", 'f', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"shared", 's', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"kiosk", 'k', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &flag, NULL, NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_auto(GStrv) copy = g_strdupv((char **) arguments);

    g_option_context_set_ignore_unknown_options(context, TRUE);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    /* virt-viewer has parsed the same before: what is wrong was said there. */
    g_option_context_parse_strv(context, &copy, NULL);
    return g_steal_pointer(&uri);
}

char *
viewer_uri_get_host(const char *uri)
{
    g_autofree char *host = NULL;

    if (!g_uri_split_network(uri, G_URI_FLAGS_NONE, NULL, &host, NULL, NULL) || host == NULL ||
        *host == '\0')
        return NULL;
    return g_steal_pointer(&host);
}

char *
viewer_uri_without_questions(const char *uri)
{
    return g_strconcat(uri, strchr(uri, '?') ? "&" : "?", "no_tty=1", NULL);
}
