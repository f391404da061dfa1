/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"
#include "tool.h"

static const CommandUsage usage = {
    .needs = 0,
    .arguments = "FILE|-",
    .summary = "Turns every <vdmabuf> below <devices> of a domain's XML into what libvirt keeps,\n"
               "and prints the XML.",
    .min = 1,
    .max = 1,
};

gboolean
command_lower(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    const GOptionEntry entries[] = {
        {"print-diff", 0, 0, G_OPTION_ARG_NONE, &options.print_diff, "Print the difference instead",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;

    if (!command_parse(&options, &usage, entries, argc, argv, error) ||
        !source_load_file(&source, command_get_argument(&options, 0), error))
        return FALSE;
    edit = domain_edit_lower(source.xml, TOOL_DIRECTORY, error);
    if (edit == NULL) {
        g_prefix_error(error, "%s: ", source.name);
        return FALSE;
    }
    return change_apply(&source, edit, &options, error) != CHANGE_FAILED;
}
