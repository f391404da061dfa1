/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "check-xml.h"
#include "command.h"
#include "source.h"
#include "tool.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT,
    .arguments = "FILE|-|DOMAIN",
    .summary = "Checks the XML of a domain: against libvirt's schema, with <vdmabuf> below\n"
               "<devices> or in the form that libvirt keeps, and whether memory and QEMU's\n"
               "arguments are as its devices need them.",
    .min = 1,
    .max = 1,
};

/* What could be set right is wrong as long as nobody does it. */
static gboolean
check_as_it_is(const Source *source, GError **error)
{
    g_autoptr(Domain) domain = domain_parse_file(source->xml, error);

    if (domain != NULL &&
        (domain->devices->len == 0 || domain_check(domain, TOOL_DIRECTORY, error)))
        return TRUE;
    g_prefix_error(error, "%s: ", source->name);
    return FALSE;
}

gboolean
command_validate(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_auto(Source) source = {.name = NULL};
    g_autoptr(DomainEdit) edit = NULL;

    if (!command_parse(&options, &usage, NULL, argc, argv, error) ||
        !source_load(&source, command_get_argument(&options, 0), options.uri,
                     VIR_DOMAIN_XML_INACTIVE, error))
        return FALSE;
    edit = check_xml(source.name, source.xml, error);
    if (edit == NULL || !check_as_it_is(&source, error))
        return FALSE;
    printf("%s validates\n", source.name);
    return TRUE;
}
