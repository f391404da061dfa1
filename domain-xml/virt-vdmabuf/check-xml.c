/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check-xml.h"
#include "schema.h"
#include "tool.h"

DomainEdit *
check_xml(const char *name, const char *xml, GError **error)
{
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(Domain) domain = NULL;

    if (!domain_validate(xml, tool_get_schema_directory(), error)) {
        g_prefix_error(error, "%s does not validate:\n", name);
        return NULL;
    }
    edit = domain_edit_lower(xml, TOOL_DIRECTORY, error);
    domain = edit != NULL ? domain_parse_file(edit->xml, error) : NULL;
    if (domain == NULL || !domain_check(domain, TOOL_DIRECTORY, error)) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    return g_steal_pointer(&edit);
}
