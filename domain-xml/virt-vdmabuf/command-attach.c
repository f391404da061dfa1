/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "attach-live.h"
#include "attach-options.h"
#include "change.h"
#include "emulator.h"
#include "hotplug.h"
#include "inventory.h"
#include "tool.h"

/* A second "attach" without a name must not make a second device. */
#define DEFAULT_ALIAS "vdmabuf0"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_CHANGE | COMMAND_NEEDS_SCOPE,
    .arguments = "DOMAIN|FILE|-",
    .summary = "Gives a domain a vdmabuf device, or makes an existing one what the options say.\n"
               "A file, or standard input, is changed and printed, and nothing is defined.",
    .description = "Without an alias it is the device " DEFAULT_ALIAS ".",
    .min = 1,
    .max = 1,
};

/* --- What the domain is started with --- */

static DomainEdit *
edit_config(Source *source, const DomainDevice *device, GError **error)
{
    g_autoptr(DomainEdit) edit = NULL;

    if (virDomainIsPersistent(source->domain) == 0) {
        TOOL_FAIL(error,
                  "The domain '%s' is transient: nothing is kept that it could be started with; "
                  "attach with --live",
                  source->name);
        return NULL;
    }
    edit = domain_edit_attach(source->xml, device, TOOL_DIRECTORY, error);
    if (edit == NULL) {
        g_prefix_error(error, "Domain '%s': ", source->name);
        return NULL;
    }
    if (edit->changed && !emulator_check_domain(source->connection, source->xml, error))
        return NULL;
    return g_steal_pointer(&edit);
}

static gboolean
apply_config(const Source *source, const DomainEdit *edit, const CommandOptions *options,
             GError **error)
{
    ChangeResult result = change_apply(source, edit, options, error);

    if (result != CHANGE_DEFINED)
        return result != CHANGE_FAILED;
    if (!edit->changed)
        printf("The domain '%s' has this device '%s' already; nothing was changed.\n", source->name,
               edit->alias);
    else
        printf("The domain '%s' is defined with the device '%s'.\n", source->name, edit->alias);
    if (edit->changed && virDomainHasManagedSaveImage(source->domain, 0) == 1)
        printf("Its saved state does not have the change: restore it and shut it down, or remove "
               "it with 'virsh managedsave-remove'.\n");
    return TRUE;
}

/* --- The command --- */

static gboolean
attach_to_file(const char *path, const DomainDevice *device, const CommandOptions *options,
               GError **error)
{
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;

    if (!change_load_file(&source, path, options, error))
        return FALSE;
    edit = domain_edit_attach(source.xml, device, TOOL_DIRECTORY, error);
    if (edit == NULL) {
        g_prefix_error(error, "%s: ", source.name);
        return FALSE;
    }
    return change_apply(&source, edit, options, error) != CHANGE_FAILED;
}

static gboolean
attach_to_domain(const char *name, const DomainDevice *device, const CommandOptions *options,
                 GError **error)
{
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(Domain) defined = NULL;
    gboolean config = options->config || !options->live;

    source.connection = options->live ? hotplug_open(options->uri, error)
                                      : connection_open_local(options->uri, error);
    if (source.connection == NULL ||
        !source_load_domain(&source, name, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE, error))
        return FALSE;

    /* All that can be refused is refused before anything is changed. */
    if (config) {
        edit = edit_config(&source, device, error);
        if (edit == NULL)
            return FALSE;
    }
    if (options->live && virDomainIsPersistent(source.domain) == 1) {
        defined = inventory_parse(edit != NULL ? edit->xml : source.xml, error);
        if (defined == NULL)
            return FALSE;
    }
    if (options->live && !attach_live(source.domain, device, defined, error))
        return FALSE;
    return !config || apply_config(&source, edit, options, error);
}

gboolean
command_attach(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_auto(AttachOptions) attach = {.options = NULL};
    g_autoptr(GArray) entries = attach_options_get_entries(&attach);
    g_autoptr(DomainDevice) device = NULL;
    g_autoptr(GError) mistake = NULL;
    const char *target;

    if (attach_options_want_help(argc, argv)) {
        g_autofree char *help = domain_device_options_help();

        fputs(help, stdout);
        return TRUE;
    }
    if (!command_parse(&options, &usage, (const GOptionEntry *) (void *) entries->data, argc, argv,
                       error))
        return FALSE;
    device = attach_options_get_device(&attach, &mistake);
    if (device == NULL)
        return command_usage_error(error, "%s", mistake->message);
    if (device->alias == NULL)
        device->alias = g_strdup(DEFAULT_ALIAS);

    target = command_get_argument(&options, 0);
    if (source_is_file(target))
        return attach_to_file(target, device, &options, error);
    return attach_to_domain(target, device, &options, error);
}
