/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching and detaching is the identity, to the byte, on every domain; on those with a NAME.err
 * attaching says that, and changes nothing.
 */
#include <string.h>

#include "data.h"
#include "edit.h"

#define DISKS 200

static DomainEdit *
attach(const char *xml, const char *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainDevice) device = domain_device_from_options(options, &error);
    DomainEdit *edit;

    g_assert_no_error(error);
    edit = domain_edit_attach(xml, device, DATA_DIRECTORY, &error);
    g_assert_no_error(error);
    g_assert_true(edit->changed);
    return edit;
}

static DomainEdit *
detach(const char *xml, const char *alias)
{
    g_autoptr(GError) error = NULL;
    DomainEdit *edit = domain_edit_detach(xml, alias, DATA_DIRECTORY, &error);

    g_assert_no_error(error);
    g_assert_true(edit->changed);
    return edit;
}

static void
assert_checked(const char *xml, guint devices)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = domain_parse_file(xml, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(domain->devices->len, ==, devices);
    g_assert_true(domain_check(domain, DATA_DIRECTORY, &error));
    g_assert_no_error(error);
    g_assert_true(data_is_valid(xml, LIBVIRT_SCHEMA));
}

static void
check_one(const char *xml)
{
    g_autoptr(DomainEdit) with = attach(xml, "");
    g_autoptr(DomainEdit) without = detach(with->xml, NULL);

    assert_checked(with->xml, 1);
    g_assert_cmpstr(without->alias, ==, with->alias);
    g_assert_cmpstr(without->xml, ==, xml);
}

/* In the order in which they came, too, and with all there is to be said of a device */
static void
check_two(const char *xml)
{
    g_autoptr(DomainEdit) one = attach(xml, "alias=first");
    g_autoptr(DomainEdit) two =
        attach(one->xml, "alias=second,label=Left <screen> & 'more',buffers=5,memory=1G,entries=7,"
                         "queue=64,write=yes,max-consumers=3,user=alice,user=bob,group=video,"
                         "model=vhost-user,address=0x05");
    g_autoptr(DomainEdit) left = detach(two->xml, "first");
    g_autoptr(DomainEdit) none = detach(left->xml, "second");
    g_autoptr(DomainEdit) back = detach(two->xml, "second");

    assert_checked(two->xml, 2);
    assert_checked(left->xml, 1);
    g_assert_cmpstr(none->xml, ==, xml);
    g_assert_cmpstr(back->xml, ==, one->xml);
}

/* libvirt has written it anew in between. */
static void
check_normalised(const char *xml)
{
    g_autoptr(DomainEdit) with = attach(xml, "");
    g_autofree char *rewritten = data_normalise(with->xml);
    g_autoptr(DomainEdit) without = detach(rewritten, NULL);
    g_autofree char *before = data_normalise(xml);
    g_autofree char *after = data_normalise(without->xml);

    assert_checked(rewritten, 1);
    g_assert_cmpstr(after, ==, before);
}

static void
test_domain(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autofree char *refused = data_read(path, ".err");
    g_autoptr(DomainDevice) device = domain_device_new();
    g_autoptr(DomainEdit) edit = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(data_is_valid(xml, LIBVIRT_SCHEMA));
    edit = domain_edit_attach(xml, device, DATA_DIRECTORY, &error);
    if (!edit || refused) {
        data_compare(path, NULL, error);
        return;
    }
    check_one(xml);
    check_two(xml);
    check_normalised(xml);
}

/* As many as a domain can have, and one more */
static void
test_disks(void)
{
    g_autoptr(GString) xml = g_string_new("<domain type='kvm'>\n  <name>large</name>\n"
                                          "  <memory>1048576</memory>\n  <os>\n"
                                          "    <type machine='q35'>hvm</type>\n  </os>\n"
                                          "  <devices>\n");

    for (guint i = 0; i < DISKS; i++)
        g_string_append_printf(
            xml,
            "    <disk type='file' device='disk'>\n      <source file='/images/%u.img'/>\n"
            "      <target dev='sd%c%c' bus='scsi'/>\n"
            "      <address type='drive' controller='%u' bus='0' target='0' unit='%u'/>\n"
            "    </disk>\n",
            i, 'a' + i / 26, 'a' + i % 26, i / 50, i % 50);
    g_string_append(xml, "  </devices>\n</domain>\n");
    check_one(xml->str);
    check_two(xml->str);
    check_normalised(xml->str);
}

/* As many as there are slots */
static void
test_many(void)
{
    g_autofree char *xml = g_strdup("<domain type='kvm'>\n  <name>many</name>\n  <memory>1</memory>"
                                    "\n  <os><type machine='q35'>hvm</type></os>\n</domain>\n");
    g_autofree char *before = g_strdup(xml);
    g_autoptr(DomainDevice) device = domain_device_new();
    g_autoptr(GError) error = NULL;
    guint count = 0;

    for (;; count++) {
        g_autoptr(DomainEdit) edit = domain_edit_attach(xml, device, DATA_DIRECTORY, &error);

        if (!edit)
            break;
        g_free(xml);
        xml = g_strdup(edit->xml);
    }
    g_assert_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED);
    g_assert_cmpuint(count, ==, DOMAIN_MAX_DEVICES);
    assert_checked(xml, DOMAIN_MAX_DEVICES);
    while (count > 0) {
        g_autofree char *alias = g_strdup_printf("vdmabuf%u", --count);
        g_autoptr(DomainEdit) edit = detach(xml, alias);

        g_free(xml);
        xml = g_strdup(edit->xml);
    }
    g_assert_cmpstr(xml, ==, before);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    data_add_tests("domains", "roundtrip", test_domain);
    g_test_add_func("/roundtrip/200-disks", test_disks);
    g_test_add_func("/roundtrip/full", test_many);
    return g_test_run();
}
