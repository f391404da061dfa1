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
#define ARG(value) "<qemu:arg value='" value "'/>"
#define CHARDEV_PATH(path) ARG("-chardev") ARG("socket,id=vdmabuf0,path=" path)
#define CHARDEV CHARDEV_PATH("/run/vdmabuf/web-1/vdmabuf0.vhost")
#define PORT_AT(addr)                                                                              \
    ARG("-device")                                                                                 \
    ARG("{\"driver\":\"pcie-root-port\",\"id\":\"vdmabuf0-port\",\"bus\":\"pcie.0\"," addr "}")
#define PORT PORT_AT("\"addr\":\"0x1e\"")
#define DEVICE_WITH(more)                                                                          \
    ARG("-device")                                                                                 \
    ARG("{\"driver\": \"vhost-user-test-device-pci\", \"id\":\"vdmabuf0\",\n\"chardev\":"          \
        "\"vdmabuf0\", \"virtio-id\":37,\"num_vqs\":2,\"config_size\":24," more "}")
#define PLACE "\"bus\":\"vdmabuf0-port\",\"addr\":\"0x0\""
#define DEVICE DEVICE_WITH("\"vq_size\":256," PLACE)
#define ARGS(inner) "<qemu:commandline>" inner "</qemu:commandline>"
#define ONE META("<v:device alias='vdmabuf0'/>")
#define GOOD HEAD ONE SHARED ARGS(CHARDEV PORT DEVICE) "</domain>"

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
    g_assert_cmpint(device->model, ==, DOMAIN_MODEL_AUTO);
    g_assert_null(device->label);
    g_assert_cmpuint(device->max_buffers, ==, 0);
    g_assert_cmpuint(device->max_bytes, ==, 0);
    g_assert_cmpuint(device->queue_size, ==, 256);
    g_assert_false(device->writable);
    g_assert_cmpuint(device->users->len, ==, 0);
    g_assert_cmpuint(device->groups->len, ==, 0);
}

static void
test_all(void)
{
    g_autoptr(Domain) domain = assert_parsed(
        HEAD META("<v:device alias='a' model='vhost-user'><v:queue size='64'/>"
                  "<v:limits buffers='256' memory='2' unit='GiB' entries='77'/>"
                  "<v:consumers max='3' write='yes'><v:group name='video'/><v:user name='al'/>"
                  "<v:group name='b c'/></v:consumers><v:label>Left</v:label></v:device>"
                  "<v:undo source='added'/>"
                  "<v:device alias='b'><v:limits memory='1024'/></v:device>"
                  "<v:device alias='c'><v:limits memory='3' unit='kb'/></v:device>") "</domain>");
    const DomainDevice *device = g_ptr_array_index(domain->devices, 0);

    g_assert_cmpint(device->model, ==, DOMAIN_MODEL_VHOST_USER);
    g_assert_cmpstr(device->label, ==, "Left");
    g_assert_cmpuint(device->queue_size, ==, 64);
    g_assert_cmpuint(device->max_buffers, ==, 256);
    g_assert_cmpuint(device->max_bytes, ==, G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(device->max_entries, ==, 77);
    g_assert_cmpuint(device->max_consumers, ==, 3);
    g_assert_true(device->writable);
    g_assert_cmpuint(device->users->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(device->users, 0), ==, "al");
    g_assert_cmpuint(device->groups->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(device->groups, 0), ==, "video");
    g_assert_cmpstr(g_ptr_array_index(device->groups, 1), ==, "b c");
    device = g_ptr_array_index(domain->devices, 1);
    g_assert_cmpuint(device->max_bytes, ==, 1 << 20);
    device = g_ptr_array_index(domain->devices, 2);
    g_assert_cmpuint(device->max_bytes, ==, 3000);
}

static void
test_wrong(void)
{
    assert_not_parsed("", "cannot be read");
    assert_not_parsed("<domain>", "cannot be read: line 1:");
    assert_not_parsed("<network/>", "its element is <network>");
    assert_not_parsed("<domain/>", "has no <name>");
    assert_not_parsed("<domain><name>n</name></domain>", "has no <uuid>");
    assert_not_parsed(HEAD META("<v:device/>") "</domain>", "has no alias");
    assert_not_parsed(HEAD META("<v:device alias='../x'/>") "</domain>", "alias='../x'");
    assert_not_parsed(HEAD META("<v:device alias='a.b'/>") "</domain>", "alias='a.b'");
    assert_not_parsed(HEAD META("<v:device alias='1a'/>") "</domain>", "alias='1a'");
    assert_not_parsed(HEAD META("<v:device alias='a'/><v:device alias='a'/>") "</domain>",
                      "two vdmabuf devices with the alias 'a'");
    assert_not_parsed(HEAD META("<v:device alias='a'/><v:device alias='a-port'/>") "</domain>",
                      "two vdmabuf devices with the alias 'a-port'");
    assert_not_parsed(HEAD META("<v:device alias='a-port'/><v:device alias='a'/>") "</domain>",
                      "two vdmabuf devices with the alias 'a'");
    assert_not_parsed(HEAD META("<v:devise alias='a'/>") "</domain>", "unknown element <devise>");
    assert_not_parsed(HEAD META("<v:device alias='a' mode='x'/>") "</domain>",
                      "unknown attribute 'mode'; it takes model and alias");
    assert_not_parsed(HEAD META("<v:device alias='a'><limits/></v:device>") "</domain>",
                      "unknown element <limits>");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:limits/><v:limits/></v:device>") "</domain>",
        "a second <limits>");
    assert_not_parsed(
        HEAD META("<v:device alias='a'><v:consumers group='b'/></v:device>") "</domain>",
        "unknown attribute 'group'");
}

/* A domain that no guest and no hook has to cope with */
static void
test_large(void)
{
    g_autofree char *large = g_strnfill(DOMAIN_MAX_XML + 1, ' ');
    g_autoptr(GString) deep = g_string_new(NULL);
    g_autoptr(GString) many =
        g_string_new(HEAD "<metadata><v:vdmabuf xmlns:v='" DOMAIN_NAMESPACE "'>");

    assert_not_parsed(large, "longer than");
    for (guint i = 0; i < 100000; i++)
        g_string_append(deep, "<domain>");
    assert_not_parsed(deep->str, "cannot be read");
    for (guint i = 0; i <= DOMAIN_MAX_DEVICES; i++)
        g_string_append_printf(many, "<v:device alias='v%u'/>", i);
    g_string_append(many, "</v:vdmabuf></metadata></domain>");
    assert_not_parsed(many->str, "more than 30");
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
test_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = domain_parse_file("<domain><name>n</name></domain>", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(domain->name, ==, "n");
    g_assert_null(domain->uuid);
}

static void
test_check(void)
{
#define ARGUMENTS(inner) HEAD ONE SHARED ARGS(inner) "</domain>"
    assert_checked(GOOD);
    assert_checked(ARGUMENTS(ARG("-msg") ARG("timestamp=on") CHARDEV ARG("-snapshot") PORT DEVICE));
    assert_checked(ARGUMENTS(PORT DEVICE CHARDEV));
    assert_checked(ARGUMENTS(CHARDEV PORT_AT("\"addr\":240") DEVICE));
    assert_checked(ARGUMENTS(CHARDEV PORT DEVICE_WITH("\"vq_size\":256,\"romfile\":\"\"," PLACE)));

    assert_not_checked(HEAD ONE SHARED "</domain>",
                       "<qemu:commandline> has no -chardev 'socket,id=vdmabuf0,path=/run/vdmabuf/"
                       "web-1/vdmabuf0.vhost'; 'virt-vdmabuf attach web-1 --alias vdmabuf0' sets "
                       "it right");
    /* Another domain's socket, as after virt-clone */
    assert_not_checked(ARGUMENTS(CHARDEV_PATH("/run/vdmabuf/web-2/vdmabuf0.vhost") PORT DEVICE),
                       "has to be 'socket,id=vdmabuf0,path=/run/vdmabuf/web-1/vdmabuf0.vhost'");
    assert_not_checked(
        ARGUMENTS(CHARDEV_PATH("/run/vdmabuf/web-1/vdmabuf0.vhost,reconnect-ms=10") PORT DEVICE),
        "reconnect-ms=10', it has to be");
    assert_not_checked(ARGUMENTS(CHARDEV PORT),
                       "no -device 'vhost-user-test-device-pci' with the id 'vdmabuf0'");
    assert_not_checked(ARGUMENTS(CHARDEV DEVICE), "no -device 'pcie-root-port'");
    assert_not_checked(ARGUMENTS(CHARDEV PORT_AT("\"x\":1") DEVICE), "no -device 'pcie-root-port'");
    assert_not_checked(ARGUMENTS(CHARDEV DEVICE PORT), "after the device that sits on it");
    assert_not_checked(ARGUMENTS(CHARDEV PORT DEVICE_WITH("\"vq_size\":64," PLACE)),
                       "has the -device 'vdmabuf0' with 64 \"vq_size\", it has to be 256");
    assert_not_checked(ARGUMENTS(CHARDEV PORT DEVICE_WITH(PLACE)), "with no \"vq_size\"");
    assert_not_checked(
        ARGUMENTS(CHARDEV PORT DEVICE_WITH("\"vq_size\":256,\"bus\":\"pcie.0\",\"addr\":\"0x5\"")),
        "\"bus\", it has to be \"vdmabuf0-port\"");
    assert_not_checked(ARGUMENTS(CHARDEV PORT ARG("-device") ARG(
                           DOMAIN_QEMU_DEVICE ",id=vdmabuf0,virtio-id=37,chardev=vdmabuf0")),
                       "old syntax");
    assert_not_checked(HEAD META("<v:device alias='vdmabuf0'><v:queue size='64'/></v:device>")
                           SHARED ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "it has to be 64");
    assert_not_checked(HEAD META("<v:device alias='vdmabuf0'/><v:device alias='two'/>")
                           SHARED ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "attach web-1 --alias two'");
    assert_not_checked(HEAD META("") SHARED ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "'virt-vdmabuf detach web-1 --alias vdmabuf0' takes it out");
#undef ARGUMENTS
}

/* Its port has a slot that another device has. */
static void
test_slots(void)
{
#define AT(slot)                                                                                   \
    "<devices><video><address type='pci' domain='0' bus='0' slot='" slot                           \
    "' function='0'/></video></devices>"
    assert_checked(HEAD ONE SHARED AT("0x1d") ARGS(CHARDEV PORT DEVICE) "</domain>");
    assert_not_checked(HEAD ONE SHARED AT("0x1e") ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "slot 0x1e");
    assert_not_checked(HEAD ONE SHARED AT("30") ARGS(CHARDEV PORT DEVICE) "</domain>", "slot 0x1e");
    assert_not_checked(
        HEAD ONE SHARED ARGS(CHARDEV PORT DEVICE ARG("-device") ARG("edu,addr=1e.1")) "</domain>",
        "<qemu:commandline> has another device at the slot 0x1e");
    assert_checked(HEAD ONE SHARED ARGS(CHARDEV PORT DEVICE ARG("-device")
                                            ARG("edu,bus=pcie.1,addr=1e")) "</domain>");
#undef AT
}

static void
test_memory(void)
{
#define MEMORY(inner) HEAD ONE inner ARGS(CHARDEV PORT DEVICE) "</domain>"
#define BACKING(inner) MEMORY("<memoryBacking>" inner "</memoryBacking>")
    assert_not_checked(MEMORY(""), "<memoryBacking> has no <source type='memfd'/> and no <access "
                                   "mode='shared'/>; 'virt-vdmabuf attach web-1");
    assert_not_checked(BACKING("<access mode='shared'/>"), "has no <source type='memfd'/>;");
    assert_not_checked(BACKING("<source type='memfd'/>"), "has no <access mode='shared'/>;");
    assert_not_checked(BACKING("<source type='memfd'/><access mode='private'/>"),
                       "has <access mode='private'/>; make it");
    assert_not_checked(BACKING("<source type='file'/><access mode='shared'/>"),
                       "has <source type='file'/>; only");
    assert_checked(BACKING("<hugepages/><access mode='shared'/><source type='memfd'/><locked/>"));
#undef BACKING
#undef MEMORY
}

/* A cell of memory says for itself whether it is shared. */
static void
test_numa(void)
{
#define MEMFD "<memoryBacking><source type='memfd'/></memoryBacking>"
#define CELL(access) "<cpu><numa><cell id='0' " access "/></numa></cpu>"
    assert_checked(HEAD ONE MEMFD CELL("memAccess='shared'") ARGS(CHARDEV PORT DEVICE) "</domain>");
    assert_checked(HEAD ONE SHARED CELL("") ARGS(CHARDEV PORT DEVICE) "</domain>");
    assert_not_checked(HEAD ONE MEMFD CELL("") ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "shared memory");
    assert_not_checked(HEAD ONE SHARED CELL("memAccess='private'")
                           ARGS(CHARDEV PORT DEVICE) "</domain>",
                       "NUMA cell 0 has memAccess='private'");
#undef CELL
#undef MEMFD
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
    assert_not_checked(xml, "has at most 107 bytes");

    /* A comma in a path is doubled on QEMU's command line, and a name is quoted for a shell. */
    assert_checked("<domain xmlns:qemu='" DOMAIN_QEMU_NAMESPACE
                   "'><name>a,b</name><uuid>u</uuid>" ONE SHARED ARGS(
                       CHARDEV_PATH("/run/vdmabuf/a,,b/vdmabuf0.vhost") PORT DEVICE) "</domain>");
    assert_not_checked("<domain><name>Win 11</name><uuid>u</uuid>" ONE SHARED "</domain>",
                       "'virt-vdmabuf attach 'Win 11' --alias vdmabuf0'");
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
    g_test_add_func("/domain/large", test_large);
    g_test_add_func("/domain/entities", test_entities);
    g_test_add_func("/domain/file", test_file);
    g_test_add_func("/domain/check", test_check);
    g_test_add_func("/domain/slots", test_slots);
    g_test_add_func("/domain/memory", test_memory);
    g_test_add_func("/domain/numa", test_numa);
    g_test_add_func("/domain/names", test_names);
    g_test_add_func("/domain/example", test_example);
    return g_test_run();
}
