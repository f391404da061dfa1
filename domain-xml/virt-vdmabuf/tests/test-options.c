/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the words on the command line mean. */
#include "attach-options.h"
#include "connection.h"
#include "emulator.h"
#include "metadata.h"
#include "source.h"
#include "tool.h"

static char *
format(int argc, const char *const *arguments)
{
    g_auto(AttachOptions) options = {.options = NULL};
    g_autoptr(GArray) entries = attach_options_get_entries(&options);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autofree char **argv = g_memdup2(arguments, sizeof(*arguments) * (gsize) (argc + 1));
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, (const GOptionEntry *) (void *) entries->data, NULL);
    g_option_context_parse(context, &argc, &argv, &error);
    g_assert_no_error(error);
    return attach_options_format(&options);
}

#define FORMAT(...)                                                                                \
    format(G_N_ELEMENTS(((const char *const[]) {"attach", __VA_ARGS__})),                          \
           (const char *const[]) {"attach", __VA_ARGS__, NULL})

/* Options of their own come behind those of --vdmabuf, and so count. */
static void
test_attach(void)
{
    g_autofree char *none = FORMAT("web");
    g_autofree char *together = FORMAT("--vdmabuf", "buffers=8,write=yes", "web");
    g_autofree char *single = FORMAT("--buffers=8", "--label", "a, b,,c", "--user=alice",
                                     "--group=video", "--user", "bob");
    g_autofree char *both = FORMAT("--vdmabuf=buffers=8", "--buffers=9");

    g_assert_cmpstr(none, ==, "");
    g_assert_cmpstr(together, ==, "buffers=8,write=yes");
    g_assert_cmpstr(single, ==, "label=a,, b,,,,c,buffers=8,user=alice,user=bob,group=video");
    g_assert_cmpstr(both, ==, "buffers=8,buffers=9");
}

static void
test_help(void)
{
    char *equals[] = {(char *) "attach", (char *) "--vdmabuf=?", NULL};
    char *apart[] = {(char *) "attach", (char *) "web", (char *) "--vdmabuf", (char *) "help",
                     NULL};
    char *other[] = {(char *) "attach", (char *) "?", (char *) "--vdmabuf", NULL};

    g_assert_true(attach_options_want_help(2, equals));
    g_assert_true(attach_options_want_help(4, apart));
    g_assert_false(attach_options_want_help(3, other));
}

static void
test_source(void)
{
    g_assert_true(source_is_file("-"));
    g_assert_true(source_is_file("./web"));
    g_assert_true(source_is_file("web.xml"));
    g_assert_false(source_is_file("web"));
    g_assert_false(source_is_file("web.xml2"));
    g_assert_false(source_is_file("-x"));
}

static void
test_uri(void)
{
    static const struct {
        const char *uri;
        const char *said; /* NULL: it is good */
    } cases[] = {
        {NULL, NULL},
        {"", NULL},
        {"qemu:///system", NULL},
        {"qemu+unix:///system", NULL},
        {"qemu+unix:///system?socket=/run/elsewhere", NULL},
        {"qemu:///session", "is not the system's libvirt"},
        {"qemu:///embed?root=/tmp", "is not the system's libvirt"},
        {"qemu://host/system", "is a remote connection"},
        {"qemu+ssh://root@host/system", "is a remote connection"},
        {"qemu+ssh:///system", "is a remote connection"},
        {"qemu+tls://[::1]/system", "is a remote connection"},
        {"xen:///system", "is not QEMU's"},
        {"test:///default", "is not QEMU's"},
        {"qemux:///system", "is not QEMU's"},
        {"nonsense", "is not QEMU's"},
    };

    g_unsetenv("LIBVIRT_DEFAULT_URI");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        gboolean good = connection_check_uri(cases[i].uri, &error);

        g_test_message("%s", cases[i].uri);
        g_assert_cmpint(good, ==, cases[i].said == NULL);
        if (!good)
            g_assert_nonnull(strstr(error->message, cases[i].said));
    }
    g_setenv("LIBVIRT_DEFAULT_URI", "lxc:///", TRUE);
    g_assert_false(connection_check_uri(NULL, NULL));
    g_assert_true(connection_check_uri("qemu:///system", NULL));
}

static void
test_quote(void)
{
    static const char *const cases[][2] = {
        {"web-1.example", "web-1.example"},
        {"two words", "'two words'"},
        {"", "''"},
        {"it's", "'it'\\''s'"},
        {"$(reboot)", "'$(reboot)'"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *quoted = tool_quote(cases[i][0]);

        g_assert_cmpstr(quoted, ==, cases[i][1]);
    }
}

static void
test_emulator(void)
{
    g_assert_true(emulator_help_has_device(
        "Misc devices:\nname \"vhost-user-test-device-pci\", bus PCI\nname \"x\"\n"));
    /* Neither its sister on another bus nor a mention of it */
    g_assert_false(emulator_help_has_device("name \"vhost-user-test-device\", bus virtio-bus\n"));
    g_assert_false(emulator_help_has_device("desc \"like vhost-user-test-device-pci\"\n"));
    g_assert_false(emulator_help_has_device(""));
}

#define DOMAIN(text) "<domain type='kvm'>" text "</domain>"

/* As virDomainSetMetadata() gives every element without a namespace the one that it is told */
static void
test_metadata(void)
{
    g_autofree char *some = metadata_get_element(DOMAIN(
        "<metadata><o:x xmlns:o='urn:other'/><p:vdmabuf xmlns:p='urn:vdmabuf:domain:1'>"
        "<p:device alias='a'><p:label>x &lt; y</p:label></p:device></p:vdmabuf></metadata>"));
    g_autofree char *last = metadata_get_element(
        DOMAIN("<metadata><vdmabuf xmlns='urn:vdmabuf:domain:1'><undo/></vdmabuf></metadata>"));
    g_autofree char *none = metadata_get_element(DOMAIN("<metadata><vdmabuf/></metadata>"));

    g_assert_cmpstr(some, ==,
                    "<vdmabuf><device alias=\"a\"><label>x &lt; y</label></device></vdmabuf>");
    g_assert_null(last);
    g_assert_null(none);
    g_assert_null(metadata_get_element("no XML"));
}

static void
test_memory(void)
{
    const char *plain = DOMAIN("<memory>1</memory>");
    const char *shared = DOMAIN("<memoryBacking><access mode='shared'/></memoryBacking>");
    const char *cells = DOMAIN("<cpu><numa><cell id='0' memAccess='shared'/></numa></cpu>");

    g_assert_true(metadata_memory_is_same(plain, DOMAIN("<metadata/><memory>1</memory>")));
    g_assert_true(metadata_memory_is_same(shared, shared));
    g_assert_false(metadata_memory_is_same(plain, shared));
    g_assert_false(metadata_memory_is_same(shared, plain));
    g_assert_false(metadata_memory_is_same(plain, cells));
    g_assert_false(metadata_memory_is_same(plain, "no XML"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/attach", test_attach);
    g_test_add_func("/options/help", test_help);
    g_test_add_func("/options/source", test_source);
    g_test_add_func("/options/uri", test_uri);
    g_test_add_func("/options/quote", test_quote);
    g_test_add_func("/options/emulator", test_emulator);
    g_test_add_func("/options/metadata", test_metadata);
    g_test_add_func("/options/memory", test_memory);
    return g_test_run();
}
