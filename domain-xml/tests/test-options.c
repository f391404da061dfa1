/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings from a command line, and what QEMU's monitor is given */
#include <string.h>

#include "edit.h"

static DomainDevice *
read_options(const char *options)
{
    g_autoptr(GError) error = NULL;
    DomainDevice *device = domain_device_from_options(options, &error);

    g_assert_no_error(error);
    g_assert_nonnull(device);
    return device;
}

static void
test_none(void)
{
    g_autoptr(DomainDevice) device = read_options("");

    g_assert_null(device->alias);
    g_assert_null(device->label);
    g_assert_null(device->port_address);
    g_assert_cmpuint(device->queue_size, ==, 256);
    g_assert_cmpuint(device->users->len + device->groups->len, ==, 0);
}

static void
test_all(void)
{
    g_autoptr(DomainDevice) device = read_options(
        "alias=a,model=vhost-user,label=x,,y=z,buffers=1,memory=3M,entries=2,queue=2,write=yes,"
        "max-consumers=9,user=u,user=v w,group=g,address=1e.0");

    g_assert_cmpstr(device->alias, ==, "a");
    g_assert_cmpint(device->model, ==, DOMAIN_MODEL_VHOST_USER);
    g_assert_cmpstr(device->label, ==, "x,y=z");
    g_assert_cmpuint(device->max_buffers, ==, 1);
    g_assert_cmpuint(device->max_bytes, ==, 3 << 20);
    g_assert_cmpuint(device->max_entries, ==, 2);
    g_assert_cmpuint(device->queue_size, ==, 2);
    g_assert_true(device->writable);
    g_assert_cmpuint(device->max_consumers, ==, 9);
    g_assert_cmpuint(device->users->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(device->users, 1), ==, "v w");
    g_assert_cmpuint(device->groups->len, ==, 1);
    g_assert_cmpstr(device->port_address, ==, "0x1e");
}

static void
assert_memory(const char *text, guint64 bytes)
{
    g_autofree char *options = g_strconcat("memory=", text, NULL);
    g_autoptr(DomainDevice) device = read_options(options);

    g_assert_cmpuint(device->max_bytes, ==, bytes);
}

static void
test_memory(void)
{
    assert_memory("5", 5 << 10);
    assert_memory("5b", 5);
    assert_memory("5bytes", 5);
    assert_memory("5k", 5 << 10);
    assert_memory("5KB", 5000);
    assert_memory("5mib", 5 << 20);
    assert_memory("5MB", 5000000);
    assert_memory("5g", G_GUINT64_CONSTANT(5) << 30);
    assert_memory("5TiB", G_GUINT64_CONSTANT(5) << 40);
    assert_memory("5pb", G_GUINT64_CONSTANT(5000000000000000));
    assert_memory("7E", G_GUINT64_CONSTANT(7) << 60);
}

static void
test_wrong(void)
{
    static const char *const wrong[] = {
        "alias",         "alias=a b",      "alias=-a",        "=1",         ",",
        "alias=a,",      "buffers=1x",     "buffers=-1",      "buffers=0",  "buffers=4294967296",
        "memory=k",      "memory=1.5G",    "memory=8E",       "memory=1kk", "memory=0",
        "queue=0",       "queue=1",        "queue=2048",      "queue=3",    "write=1",
        "user=a/b",      "user=-a",        "group=a\tb",      "label=a\nb", "label= ",
        "address=0",     "address=0x1f",   "address=1.1",     "address=20", "address=1.0.0",
        "address=x",     "model=AUTO",     "model",           "limits=1",   "label=\xff",
        "max-consumers", "Alias=vdmabuf0", "alias=vdmabuf0 ",
    };

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        if (domain_device_from_options(wrong[i], &error))
            g_error("'%s' is taken", wrong[i]);
        g_assert_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID);
    }
}

static void
test_help(void)
{
    g_autofree char *help = domain_device_options_help();

    g_assert_nonnull(strstr(help, "  max-consumers  "));
    g_assert_true(g_str_has_suffix(help, "\n"));
}

static void
test_qmp(void)
{
    g_autoptr(DomainDevice) device = read_options("alias=a,queue=64");
    g_autofree char *chardev = domain_device_qmp_chardev("M\xc3\xbcll, \"x\\y", device, "/run/v");
    g_autofree char *json = domain_device_qmp_device(device, "pci.3");

    g_assert_cmpstr(chardev, ==,
                    "{\"id\":\"a\",\"backend\":{\"type\":\"socket\",\"data\":{\"addr\":{\"type\":"
                    "\"unix\",\"data\":{\"path\":\"/run/v/M\xc3\xbcll, \\\"x\\\\y/a.vhost\"}},"
                    "\"server\":false}}}");
    g_assert_cmpstr(json, ==,
                    "{\"driver\":\"vhost-user-test-device-pci\",\"id\":\"a\",\"chardev\":\"a\","
                    "\"virtio-id\":37,\"num_vqs\":2,\"vq_size\":64,\"config_size\":24,"
                    "\"bus\":\"pci.3\",\"addr\":\"0x0\"}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/none", test_none);
    g_test_add_func("/options/all", test_all);
    g_test_add_func("/options/memory", test_memory);
    g_test_add_func("/options/wrong", test_wrong);
    g_test_add_func("/options/help", test_help);
    g_test_add_func("/options/qmp", test_qmp);
    return g_test_run();
}
