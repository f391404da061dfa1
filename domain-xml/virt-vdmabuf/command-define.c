/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "change.h"
#include "check-xml.h"
#include "emulator.h"
#include "tool.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_CHANGE,
    .arguments = "FILE|-",
    .summary =
        "Validates the XML of a domain, which may have <vdmabuf> below <devices>, lowers it\n"
        "and defines the domain.",
    .min = 1,
    .max = 1,
};

static gboolean
has_devices(const char *xml, char **name)
{
    g_autoptr(Domain) domain = domain_parse_file(xml, NULL);

    *name = g_strdup(domain != NULL ? domain->name : "");
    return domain != NULL && domain->devices->len > 0;
}

static gboolean
define(virConnect *connection, const Source *source, const DomainEdit *edit,
       const CommandOptions *options, GError **error)
{
    g_autofree char *name = NULL;
    g_autofree char *question = NULL;
    g_autoptr(virDomain) domain = NULL;

    /* One without a device needs nothing of this program, and is as welcome. */
    if (has_devices(edit->xml, &name) && (!connection_check_is_local(connection, error) ||
                                          !emulator_check_domain(connection, edit->xml, error)))
        return FALSE;
    if (options->confirm) {
        g_autofree char *diff = change_format_diff(source->xml, edit->xml, error);

        if (diff == NULL)
            return FALSE;
        fputs(diff, stdout);
        question = g_strdup_printf("Define '%s' with this XML?", name);
        if (!change_ask(question)) {
            printf("Nothing was changed.\n");
            return TRUE;
        }
    }
    domain = change_define(connection, edit->xml, error);
    if (domain == NULL)
        return FALSE;
    change_print_notes(edit, FALSE);
    printf("The domain '%s' is defined from %s.\n", virDomainGetName(domain), source->name);
    return TRUE;
}

gboolean
command_define(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_auto(Source) source = {.name = NULL};
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(DomainEdit) edit = NULL;
    const char *path;

    if (!command_parse(&options, &usage, NULL, argc, argv, error))
        return FALSE;
    path = command_get_argument(&options, 0);
    if (options.confirm && g_str_equal(path, "-"))
        return command_usage_error(error, "--confirm needs standard input for your answer: write "
                                          "the XML into a file");
    if (!source_load_file(&source, path, error))
        return FALSE;
    edit = check_xml(source.name, source.xml, error);
    if (edit == NULL)
        return FALSE;
    if (options.print_xml || options.print_diff)
        return change_apply(&source, edit, &options, error) != CHANGE_FAILED;

    connection = connection_open(options.uri, error);
    return connection != NULL && define(connection, &source, edit, &options, error);
}
