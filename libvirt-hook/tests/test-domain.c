/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "domain.h"

#define HEAD                                                                                       \
    "<domain type='kvm' id='1' xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'>"                            \
    "<name>web-1</name><uuid>00112233-4455-6677-8899-aabbccddeeff</uuid>"
#define META(inner)                                                                                \
    "<metadata><o:x xmlns:o='urn:other'/><v:vdmabuf xmlns:v='" DOMAIN_NAMESPACE "'>" inner         \
    "</v:vdmabuf></metadata>"
#define SHARED "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
#define CHARDEV                                                                                    \
    "<qemu:arg value='-chardev'/>"                                                                 \
    "<qemu:arg value='socket,id=c0,path=/run/vdmabuf/web-1/vdmabuf0.vhost'/>"
#define DEVICE                                                                                     \
    "<qemu:arg value='-device'/><qemu:arg value='{\"driver\": "                                    \
    "\"vhost-user-test-device-pci\", \"chardev\":\n \"c0\", \"virtio-id\":37}'/>"
#define ARGS(inner) "<qemu:commandline>" inner "</qemu:commandline>"
#define ONE META("<v:device alias='vdmabuf0'/>")

static Domain *
assert_parsed(const char *xml)
{
    GError *error = NULL;
    Domain *domain = domain_parse(xml, strlen(xml), &error);

    g_assert_no_error(error);
    g_assert_nonnull(domain);
    return domain;
}

static void
assert_says(const GError *error, const char *says)
{
    g_assert_nonnull(error);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
}

static void
assert_not_parsed(const char *xml, const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(domain_parse(xml, strlen(xml), &error));
    assert_says(error, says);
}

static void
assert_checked(const char *xml)
{
    g_autoptr(Domain) domain = assert_parsed(xml);
    g_autoptr(GError) error = NULL;

    g_assert_true(domain_check(domain, "/run/vdmabuf", &error));
    g_assert_no_error(error);
}

static void
assert_not_checked(const char *xml, const char *says)
{
    g_autoptr(Domain) domain = assert_parsed(xml);
    g_autoptr(GError) error = NULL;

    g_assert_false(domain_check(domain, "/run/vdmabuf", &error));
    assert_says(error, says);
}

static void
test_none(void)
{
    g_autoptr(Domain) domain = assert_parsed(HEAD "</domain>");

    g_assert_cmpuint(domain->devices->len, ==, 0);
    g_assert_cmpstr(domain->name, ==, "web-1");
    g_assert_false(domain_mentions_vdmabuf(HEAD "</domain>"));
    g_assert_true(domain_mentions_vdmabuf(HEAD ONE "</domain>"));
}

static void
test_defaults(void)
{
    g_autoptr(Domain) domain = assert_parsed(HEAD ONE "</domain>");
    const DomainDevice *device;

    g_assert_cmpuint(domain->devices->len, ==, 1);
    device = g_ptr_array_index(domain->devices, 0);
    g_assert_cmpstr(device->alias, ==, "vdmabuf0");
    g_assert_cmpuint(device->max_bytes, ==, 0);
    g_assert_false(device->writable);
    g_assert_null(device->group);
}

static void
test_all(void)
{
    g_autoptr(Domain) domain = assert_parsed(
        HEAD META("<v:device alias='a'><v:limits buffers='256' memory='2' unit='GiB' "
                  "entries='77'/><v:consumers max='3' write='yes' group='video'/></v:device>"
                  "<v:device alias='b'><v:limits memory='1024'/></v:device>") "</domain>");
    const DomainDevice *device = g_ptr_array_index(domain->devices, 0);

    g_assert_cmpuint(device->max_buffers, ==, 256);
    g_assert_cmpuint(device->max_bytes, ==, G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(device->max_entries, ==, 77);
    g_assert_cmpuint(device->max_consumers, ==, 3);
    g_assert_true(device->writable);
    g_assert_cmpstr(device->group, ==, "video");
    device = g_ptr_array_index(domain->devices, 1);
    g_assert_cmpuint(device->max_bytes, ==, 1 << 20);
}

static void
test_wrong(void)
{
    assert_not_parsed("", "cannot be read");
    assert_not_parsed("<domain>", "cannot be read");
    assert_not_parsed("<network/>", "cannot be read");
    assert_not_parsed("<domain/>", "no name or no uuid");
    assert_not_parsed(HEAD META("<v:device/>") "</domain>", "alias=''");
    assert_not_parsed(HEAD META("<v:device alias='../x'/>") "</domain>", "alias='../x'");
    assert_not_parsed(HEAD META("<v:device alias='a.b'/>") "</domain>", "alias='a.b'");
    assert_not_parsed(HEAD META("<v:device alias='a'/><v:device alias='a'/>") "</domain>",
                      "two <vdmabuf:device>");
    assert_not_parsed(HEAD META("<v:devise alias='a'/>") "</domain>", "unknown element <devise>");
    assert_not_parsed(HEAD META("<v:device alias='a' mode='x'/>") "</domain>",
                      "unknown attribute 'mode'");
    assert_not_parsed(HEAD META("<v:device alias='a'><limits/></v:device>") "</domain>",
                      "unknown element <limits>");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:limits bufers='1'/></v:device>") "</domain>",
        "unknown attribute 'bufers'");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:limits buffers='0'/></v:device>") "</domain>",
        "buffers='0'");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:limits buffers='-1'/></v:device>") "</domain>",
        "buffers='-1'");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:limits memory='1' unit='kb'/></v:device>") "</domain>",
        "unit='kb'");
    assert_not_parsed(HEAD META("<v:device alias='a'><v:limits memory='9223372036854775807' "
                                "unit='KiB'/></v:device>") "</domain>",
                      "takes a number");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:consumers write='maybe'/></v:device>") "</domain>",
        "write='maybe'");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:consumers group='a&#10;b'/></v:device>") "</domain>",
        "group=");
}

/* Entities can make a small text large, and read files. */
static void
test_entities(void)
{
    assert_not_parsed("<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
                      "<domain><name>&b;</name><uuid>u</uuid></domain>",
                      "document type");
    assert_not_parsed("<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain><name>n</name>"
                      "<uuid>u</uuid></domain>",
                      "document type");
}

static void
test_check(void)
{
    assert_checked(HEAD ONE SHARED ARGS(CHARDEV DEVICE) "</domain>");
    assert_checked(
        HEAD ONE SHARED ARGS("<qemu:arg value='-msg'/>" CHARDEV
                             "<qemu:arg value='-device'/><qemu:arg value='" DOMAIN_QEMU_DEVICE
                             ",virtio-id=37,chardev=c0'/>") "</domain>");
    assert_not_checked(HEAD ONE ARGS(CHARDEV DEVICE) "</domain>", "shared memory");
    assert_not_checked(HEAD ONE SHARED "</domain>", "has no '-chardev socket,id=vdmabuf0,path="
                                                    "/run/vdmabuf/web-1/vdmabuf0.vhost'");
    assert_not_checked(HEAD ONE SHARED ARGS(DEVICE) "</domain>", "let virt-vdmabuf write it");
    assert_not_checked(HEAD ONE SHARED ARGS(CHARDEV) "</domain>", "on the chardev 'c0'");
    /* Another domain's socket, as after virt-clone */
    assert_not_checked(
        HEAD ONE SHARED ARGS("<qemu:arg value='-chardev'/><qemu:arg value='socket,"
                             "id=c0,path=/run/vdmabuf/web-2/vdmabuf0.vhost'/>" DEVICE) "</domain>",
        "/run/vdmabuf/web-1/vdmabuf0.vhost");
    assert_not_checked(HEAD META("<v:device alias='vdmabuf0'/><v:device alias='two'/>")
                           SHARED ARGS(CHARDEV DEVICE) "</domain>",
                       "device 'two'");
}

/* A cell of memory says for itself whether it is shared. */
static void
test_numa(void)
{
#define CELL(access) "<cpu><numa><cell id='0' " access "/></numa></cpu>"
    assert_checked(HEAD ONE CELL("memAccess='shared'") ARGS(CHARDEV DEVICE) "</domain>");
    assert_checked(HEAD ONE SHARED CELL("") ARGS(CHARDEV DEVICE) "</domain>");
    assert_not_checked(HEAD ONE SHARED CELL("memAccess='private'") ARGS(CHARDEV DEVICE) "</domain>",
                       "shared memory");
#undef CELL
}

static void
test_names(void)
{
    static const char *const bad[] = {"", ".", "..", ".x", "a/b", "a\nb", "\xff"};
    g_autofree char *name = g_strnfill(90, 'n');
    g_autofree char *xml =
        g_strdup_printf("<domain><name>%s</name><uuid>u</uuid>" ONE SHARED "</domain>", name);

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(domain_name_is_usable(bad[i]));
    g_assert_true(domain_name_is_usable("Win 11, M\xc3\xbcller's"));
    assert_not_checked(xml, "longer than a socket's name can be");

    /* A comma in a path is doubled on QEMU's command line. */
    assert_checked("<domain xmlns:qemu='" DOMAIN_QEMU_NAMESPACE
                   "'><name>a,b</name><uuid>u</uuid>" ONE SHARED ARGS(
                       "<qemu:arg value='-chardev'/><qemu:arg value='socket,"
                       "path=/run/vdmabuf/a,,b/vdmabuf0.vhost,id=c0'/>" DEVICE) "</domain>");
}

/* What is shipped as an example has to be right. */
static void
test_example(void)
{
    g_autofree char *xml = NULL;

    g_assert_true(g_file_get_contents(EXAMPLE, &xml, NULL, NULL));
    g_assert_true(domain_mentions_vdmabuf(xml));
    assert_checked(xml);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/domain/none", test_none);
    g_test_add_func("/domain/defaults", test_defaults);
    g_test_add_func("/domain/all", test_all);
    g_test_add_func("/domain/wrong", test_wrong);
    g_test_add_func("/domain/entities", test_entities);
    g_test_add_func("/domain/check", test_check);
    g_test_add_func("/domain/numa", test_numa);
    g_test_add_func("/domain/names", test_names);
    g_test_add_func("/domain/example", test_example);
    return g_test_run();
}
