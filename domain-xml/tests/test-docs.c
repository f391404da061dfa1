/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every ```xml block of the documentation is right: a whole domain, or a part of one that is put
 * into the least domain there is. One that is marked "lowered" is what becomes of the first.
 */
#include <string.h>

#include "data.h"
#include "edit.h"
#include "schema.h"

#define LEAST(meta, devices)                                                                       \
    "<domain type='kvm'>\n<name>n</name>\n" meta "<memory>1048576</memory>\n"                      \
    "<os><type machine='q35'>hvm</type></os>\n" devices "</domain>\n"

/* The text of the next block, and its mark; NULL at the end */
static char *
next_block(const char **at, char **mark)
{
    static const char fence[] = "\n```";
    const char *begin = strstr(*at, "\n```xml");
    const char *line;
    const char *end;

    if (!begin)
        return NULL;
    begin += strlen("\n```xml");
    line = strchr(begin, '\n') + 1;
    end = strstr(line - 1, fence);
    g_assert_nonnull(end);
    *mark = g_strstrip(g_strndup(begin, line - begin));
    *at = end + strlen(fence);
    return g_strndup(line, end + 1 - line);
}

static char *
make_domain(const char *block)
{
    if (g_str_has_prefix(block, "<domain"))
        return g_strdup(block);
    if (g_str_has_prefix(block, "<devices"))
        return g_strdup_printf(LEAST("", "%s"), block);
    g_assert_true(g_str_has_prefix(block, "<vdmabuf:vdmabuf"));
    return g_strdup_printf(LEAST("<metadata>\n%s</metadata>\n", ""), block);
}

static void
assert_valid(const char *xml)
{
    g_autoptr(GError) error = NULL;

    if (!g_file_test(LIBVIRT_SCHEMA, G_FILE_TEST_EXISTS))
        return;
    g_assert_true(domain_validate(xml, SCHEMAS, &error));
    g_assert_no_error(error);
}

static char *
lower(const char *block)
{
    g_autofree char *xml = make_domain(block);
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainEdit) edit = NULL;

    assert_valid(xml);
    edit = domain_edit_lower(xml, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    g_assert_true(edit->changed);
    assert_valid(edit->xml);
    g_assert_true(data_is_valid(edit->xml, LIBVIRT_SCHEMA));
    return g_steal_pointer(&edit->xml);
}

static void
test_documentation(void)
{
    g_autofree char *text = NULL;
    g_autofree char *first = NULL;
    g_autofree char *block = NULL;
    g_autofree char *mark = NULL;
    const char *at;
    guint blocks = 0;
    guint lowered = 0;

    g_assert_true(g_file_get_contents(DOCUMENTATION, &text, NULL, NULL));
    at = text;
    while ((block = next_block(&at, &mark))) {
        blocks++;
        if (g_str_equal(mark, "lowered")) {
            g_assert_cmpstr(block, ==, first);
            lowered++;
        } else {
            g_autofree char *result = lower(block);

            g_assert_cmpstr(mark, ==, "");
            if (!first)
                first = g_steal_pointer(&result);
        }
        g_clear_pointer(&mark, g_free);
        g_clear_pointer(&block, g_free);
    }
    g_assert_cmpuint(blocks, >, 3);
    g_assert_cmpuint(lowered, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/docs/formatdomain-vdmabuf", test_documentation);
    return g_test_run();
}
