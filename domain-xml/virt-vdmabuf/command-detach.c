/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "change.h"
#include "hotplug.h"
#include "inventory.h"
#include "tool.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_CHANGE | COMMAND_NEEDS_SCOPE,
    .arguments = "DOMAIN|FILE|- [ALIAS]",
    .summary = "Takes a vdmabuf device from a domain, and everything that was added for it.\n"
               "A file, or standard input, is changed and printed, and nothing is defined.",
    .description = "ALIAS may be left out where there is but one device.",
    .min = 1,
    .max = 2,
};

static DomainEdit *
edit_source(const Source *source, const char *alias, GError **error)
{
    DomainEdit *edit = domain_edit_detach(source->xml, alias, TOOL_DIRECTORY, error);

    if (edit == NULL && source->domain != NULL)
        g_prefix_error(error, "Domain '%s': ", source->name);
    else if (edit == NULL)
        g_prefix_error(error, "%s: ", source->name);
    return edit;
}

static gboolean
apply_config(const Source *source, const DomainEdit *edit, const CommandOptions *options,
             GError **error)
{
    ChangeResult result = change_apply(source, edit, options, error);

    if (result != CHANGE_DEFINED)
        return result != CHANGE_FAILED;
    printf("The domain '%s' is defined without the device '%s'.\n", source->name, edit->alias);
    return TRUE;
}

static gboolean
detach_live(virDomain *domain, const char *alias, guint seconds, GError **error)
{
    g_autofree char *xml = NULL;
    g_autoptr(DomainEdit) edit = NULL;

    if (!hotplug_check(domain, error))
        return FALSE;
    xml = connection_get_xml(domain, 0, error);
    edit = xml != NULL ? domain_edit_detach(xml, alias, TOOL_DIRECTORY, error) : NULL;
    if (edit == NULL || !hotplug_unplug(domain, edit->alias, seconds, error) ||
        !hotplug_set_metadata(domain, edit->xml, error))
        return FALSE;
    printf("The running domain '%s' no longer has the device '%s'. It was unplugged through QEMU's "
           "monitor, which marks the domain as tainted.\n",
           virDomainGetName(domain), edit->alias);
    return TRUE;
}

static gboolean
detach_from_file(const char *path, const char *alias, const CommandOptions *options, GError **error)
{
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;

    if (!change_load_file(&source, path, options, error))
        return FALSE;
    edit = edit_source(&source, alias, error);
    return edit != NULL && change_apply(&source, edit, options, error) != CHANGE_FAILED;
}

static gboolean
detach_from_domain(const char *name, const char *alias, guint seconds,
                   const CommandOptions *options, GError **error)
{
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;
    gboolean config = options->config || !options->live;

    source.connection =
        options->live ? hotplug_open(options->uri, error) : connection_open(options->uri, error);
    if (source.connection == NULL ||
        !source_load_domain(&source, name, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE, error))
        return FALSE;

    if (config && virDomainIsPersistent(source.domain) == 0) {
        TOOL_FAIL(error,
                  "The domain '%s' is transient: nothing is kept that it could be started with; "
                  "detach with --live",
                  source.name);
        return FALSE;
    }
    if (config) {
        edit = edit_source(&source, alias, error);
        if (edit == NULL)
            return FALSE;
    }
    if (options->live && !detach_live(source.domain, alias, seconds, error))
        return FALSE;
    return !config || apply_config(&source, edit, options, error);
}

gboolean
command_detach(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    int seconds = HOTPLUG_SECONDS;
    const GOptionEntry entries[] = {
        {"timeout", 't', 0, G_OPTION_ARG_INT, &seconds,
         "How long the guest may take with --live (30)", "SECONDS"},
        G_OPTION_ENTRY_NULL,
    };
    const char *target;
    const char *alias;

    if (!command_parse(&options, &usage, entries, argc, argv, error))
        return FALSE;
    if (seconds < 1)
        return command_usage_error(error, "--timeout takes seconds, at least 1");

    target = command_get_argument(&options, 0);
    alias = command_get_argument(&options, 1);
    if (source_is_file(target))
        return detach_from_file(target, alias, &options, error);
    return detach_from_domain(target, alias, (guint) seconds, &options, error);
}
