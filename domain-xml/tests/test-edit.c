/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach, detach and lower: NAME.xml (and NAME.options) become NAME.out.xml, with NAME.notes, or
 * NAME.err.
 */
#include <string.h>

#include "data.h"
#include "edit.h"

/* What has come out is what the hook and libvirt take, and doing it again changes nothing. */
static void
assert_good(const char *xml)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = domain_parse_file(xml, &error);
    g_autoptr(DomainEdit) again = NULL;

    g_assert_no_error(error);
    g_assert_true(domain_check(domain, DATA_DIRECTORY, &error));
    g_assert_no_error(error);
    g_assert_true(data_is_valid(xml, LIBVIRT_SCHEMA));
    again = domain_edit_lower(xml, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again->xml, ==, xml);
    g_assert_false(again->changed);
    g_assert_cmpuint(again->notes->len, ==, 0);
}

static void
assert_edit(const char *path, const char *before, const DomainEdit *edit, const GError *error)
{
    data_compare(path, edit ? edit->xml : NULL, error);
    data_compare_lines(path, ".notes", edit ? edit->notes : NULL);
    if (!edit)
        return;
    g_assert_cmpint(edit->changed, ==, strcmp(before, edit->xml) != 0);
    g_assert_true(edit->changed == (edit->notes->len > 0));
}

static void
test_attach(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autofree char *options = data_read(path, ".options");
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainDevice) device = NULL;
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(DomainEdit) again = NULL;

    g_strchomp(options);
    device = domain_device_from_options(options, &error);
    if (device)
        edit = domain_edit_attach(xml, device, DATA_DIRECTORY, &error);
    assert_edit(path, xml, edit, error);
    if (!edit)
        return;
    assert_good(edit->xml);

    g_free(device->alias);
    device->alias = g_strdup(edit->alias);
    again = domain_edit_attach(edit->xml, device, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    g_assert_false(again->changed);
    g_assert_cmpstr(again->xml, ==, edit->xml);
}

static void
test_detach(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autofree char *alias = data_read(path, ".options");
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainEdit) edit = NULL;

    g_strchomp(alias);
    edit = domain_edit_detach(xml, *alias ? alias : NULL, DATA_DIRECTORY, &error);
    assert_edit(path, xml, edit, error);
}

static void
test_lower(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainEdit) edit = domain_edit_lower(xml, DATA_DIRECTORY, &error);

    assert_edit(path, xml, edit, error);
    if (edit)
        assert_good(edit->xml);
}

/* A device that no options and no XML have made */
static void
test_by_hand(void)
{
    static const char xml[] = "<domain type='kvm'><name>n</name><os><type machine='q35'>hvm</type>"
                              "</os></domain>";
    g_autoptr(DomainDevice) device = domain_device_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(DomainEdit) other = NULL;

    device->alias = g_strdup("1st");
    g_assert_null(domain_edit_attach(xml, device, DATA_DIRECTORY, &error));
    g_assert_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "'1st' cannot be an alias"));
    g_clear_error(&error);

    g_clear_pointer(&device->alias, g_free);
    device->port_address = g_strdup("0x1f");
    g_assert_null(domain_edit_attach(xml, device, DATA_DIRECTORY, &error));
    g_assert_nonnull(strstr(error->message, "'0x1f' is none for a root port"));
    g_clear_error(&error);

    g_clear_pointer(&device->port_address, g_free);
    device->label = g_strdup("two\nlines");
    g_assert_null(domain_edit_attach(xml, device, DATA_DIRECTORY, &error));
    g_assert_nonnull(strstr(error->message, "<vdmabuf:label> takes one line"));
    g_clear_error(&error);

    /* What it does not say is the default, also of a device that had something else. */
    g_clear_pointer(&device->label, g_free);
    device->alias = g_strdup("a");
    device->writable = TRUE;
    edit = domain_edit_attach(xml, device, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    device->writable = FALSE;
    other = domain_edit_attach(edit->xml, device, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(edit->xml, "consumers"));
    g_assert_null(strstr(other->xml, "consumers"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    data_add_tests("attach", "attach", test_attach);
    data_add_tests("detach", "detach", test_detach);
    data_add_tests("lower", "lower", test_lower);
    g_test_add_func("/edit/by-hand", test_by_hand);
    return g_test_run();
}
