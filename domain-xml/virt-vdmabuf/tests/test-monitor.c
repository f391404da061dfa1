/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to QEMU's monitor, and what its answers mean. */
#include "monitor.h"
#include "slots.h"
#include "tool.h"

static void
test_format(void)
{
    g_autofree char *plain = monitor_format("query-pci", NULL);
    g_autofree char *argument = monitor_argument("id", "a \"quoted\" one");
    g_autofree char *full = monitor_format("device_del", argument);

    g_assert_cmpstr(plain, ==, "{\"execute\":\"query-pci\"}");
    g_assert_cmpstr(full, ==,
                    "{\"execute\":\"device_del\","
                    "\"arguments\":{\"id\":\"a \\\"quoted\\\" one\"}}");
}

static void
test_parse(void)
{
    static const struct {
        const char *reply;
        const char *message;
    } cases[] = {
        {"{\"id\":\"libvirt-1\",\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"Device 'x' not "
         "found\"}}",
         "QEMU refuses device_del: Device 'x' not found"},
        {"{\"error\":{}}", "QEMU refuses device_del: it does not say why"},
        {"{\"error\":3}", "QEMU refuses device_del: it does not say why"},
        {"[1]", "QEMU's answer to device_del is not understood"},
        {"no JSON", "QEMU's answer to device_del is not understood"},
        {"", "QEMU's answer to device_del is not understood"},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = monitor_parse("query-pci", "{\"return\":[7],\"id\":\"1\"}", &error);

    g_assert_no_error(error);
    g_assert_true(JSON_NODE_HOLDS_ARRAY(node));
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) refused = NULL;

        g_assert_null(monitor_parse("device_del", cases[i].reply, &refused));
        g_assert_error(refused, TOOL_ERROR, TOOL_ERROR_FAILED);
        g_assert_cmpstr(refused->message, ==, cases[i].message);
    }
}

static JsonNode *
load(const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "fixtures", name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    JsonNode *node;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    node = monitor_parse("query-pci", text, &error);
    g_assert_no_error(error);
    return node;
}

/* An answer of QEMU 11.1 for a q35 domain */
static void
test_ports(void)
{
    g_autoptr(JsonNode) buses = load("query-pci.json");
    g_autoptr(GPtrArray) empty = slots_list_empty(buses);
    g_autofree char *port = slots_find_port(buses, "vdmabuf0");

    g_assert_cmpstr(port, ==, "vdmabuf0-port");
    g_assert_null(slots_find_port(buses, "vdmabuf1"));
    /* It sits on the root bus: there is no port that it could be plugged into again. */
    g_assert_null(slots_find_port(buses, "video0"));
    g_assert_cmpuint(empty->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(empty, 0), ==, "pci.1");
    g_assert_cmpstr(g_ptr_array_index(empty, 1), ==, "pci.2");
}

/* Nothing is believed of what a monitor says. */
static void
test_nonsense(void)
{
    static const char *const answers[] = {
        "{}",
        "[]",
        "[1, null, [], {}]",
        "[{\"devices\": 1}]",
        "[{\"devices\": [1, {\"pci_bridge\": 2}, {\"qdev_id\": \"x\"}]}]",
        "[{\"devices\": [{\"pci_bridge\": {\"devices\": {}}}]}]",
        "3",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(JsonNode) node = json_from_string(answers[i], NULL);
        g_autoptr(GPtrArray) empty = slots_list_empty(node);

        g_assert_cmpuint(empty->len, ==, 0);
        g_assert_null(slots_find_port(node, "vdmabuf0"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/format", test_format);
    g_test_add_func("/monitor/parse", test_parse);
    g_test_add_func("/monitor/ports", test_ports);
    g_test_add_func("/monitor/nonsense", test_nonsense);
    return g_test_run();
}
