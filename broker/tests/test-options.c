/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "options.h"

#define SOCKETS "--socket-path=/run/v.vhost", "--consumer-socket=/run/v.sock"

static Options *parse(GError **error, const char *first, ...) G_GNUC_NULL_TERMINATED;

static Options *
parse(GError **error, const char *first, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    va_list args;

    g_ptr_array_add(argv, (gpointer) "vhost-user-vdmabuf");
    va_start(args, first);
    for (const char *arg = first; arg; arg = va_arg(args, const char *))
        g_ptr_array_add(argv, (gpointer) arg);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    return options_parse((char **) argv->pdata, error);
}

static void
assert_names(char **names, const char *expected)
{
    g_autofree char *joined = g_strjoinv("|", names);

    g_assert_cmpstr(joined, ==, expected);
}

static void
test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Options) options = parse(&error, SOCKETS, NULL);

    g_assert_no_error(error);
    g_assert_cmpstr(options->socket_path, ==, "/run/v.vhost");
    g_assert_cmpint(options->fd, ==, -1);
    g_assert_cmpstr(options->consumer_socket, ==, "/run/v.sock");
    g_assert_cmpstr(options->device, ==, "/dev/vhost-vdmabuf");
    g_assert_null(options->name);
    g_assert_null(options->label);
    assert_names(options->consumer_users, "");
    assert_names(options->consumer_groups, "");
    g_assert_true(options->seccomp);
    g_assert_cmpuint(options->limits.max_buffers, ==, 0);
    g_assert_cmpuint(options->limits.flags, ==, 0);
}

static void
test_all(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Options) options =
        parse(&error, "--fd=3", "--consumer-socket=/run/v.sock", "--socket-group=libvirt-qemu",
              "--consumer-users=alice,bob", "--consumer-groups=libvirt", "--device=/dev/v",
              "--name=web 1", "--label=Left screen", "--uuid=00112233-4455-6677-8899-aabbccddeeff",
              "--max-buffers=1", "--max-bytes=2G", "--max-entries=3", "--max-consumers=4",
              "--writable", "--seccomp=off", NULL);

    g_assert_no_error(error);
    g_assert_cmpint(options->fd, ==, 3);
    g_assert_cmpstr(options->socket_group, ==, "libvirt-qemu");
    assert_names(options->consumer_users, "alice|bob");
    assert_names(options->consumer_groups, "libvirt");
    g_assert_cmpstr(options->name, ==, "web 1");
    g_assert_cmpstr(options->label, ==, "Left screen");
    for (guint i = 0; i < 16; i++)
        g_assert_cmphex(options->uuid[i], ==, 0x11 * i);
    g_assert_cmpuint(options->limits.max_buffers, ==, 1);
    g_assert_cmpuint(options->limits.max_bytes, ==, G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(options->limits.max_entries, ==, 3);
    g_assert_cmpuint(options->limits.max_consumers, ==, 4);
    g_assert_cmpuint(options->limits.flags, ==, VDMABUF_LIMITS_WRITABLE);
    g_assert_false(options->seccomp);
}

static void
assert_fails(Options *options, GError *error, const char *says)
{
    g_assert_null(options);
    g_assert_nonnull(error);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
    g_error_free(error);
}

#define ASSERT_FAILS(says, ...)                                                                    \
    G_STMT_START                                                                                   \
    {                                                                                              \
        GError *error_ = NULL;                                                                     \
        Options *options_ = parse(&error_, __VA_ARGS__, NULL);                                     \
        assert_fails(options_, error_, says);                                                      \
    }                                                                                              \
    G_STMT_END

static void
test_wrong(void)
{
    ASSERT_FAILS("one of socket-path and fd", "--consumer-socket=/run/v.sock");
    ASSERT_FAILS("consumer-socket is needed", "--socket-path=/run/v.vhost");
    ASSERT_FAILS("exclude each other", SOCKETS, "--fd=3");
    ASSERT_FAILS("absolute path", "--socket-path=v.vhost", "--consumer-socket=/run/v.sock");
    ASSERT_FAILS("absolute path", SOCKETS, "--device=v");
    ASSERT_FAILS("standard stream", "--consumer-socket=/run/v.sock", "--fd=2");
    ASSERT_FAILS("takes a number", "--consumer-socket=/run/v.sock", "--fd=x");
    ASSERT_FAILS("'0', it takes a number", SOCKETS, "--max-buffers=0");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-buffers=4294967296");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-buffers=12x");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-buffers=-1");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-buffers= 1");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-buffers=1K");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-bytes=1T");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-bytes=9999999999G");
    ASSERT_FAILS("takes a number", SOCKETS, "--max-bytes=99999999999999999999999");
    ASSERT_FAILS("takes on or off", SOCKETS, "--seccomp=maybe");
    ASSERT_FAILS("not a UUID", SOCKETS, "--uuid=1234");
    ASSERT_FAILS("'stray' is not an option", SOCKETS, "stray");
    ASSERT_FAILS("Unknown option", SOCKETS, "--nonsense");
}

static char *
write_config(const char *text)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "vdmabuf-options-XXXXXX", NULL);
    int fd = g_mkstemp(path);

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return g_strconcat("--config=", path, NULL);
}

static void
test_config(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *config = write_config(
        "[vdmabuf]\nsocket-path=/run/a b/v.vhost\nconsumer-socket=/run/v.sock\nname=web\\s1\n"
        "consumer-users=alice;DOMAIN\\\\b c;\nconsumer-groups=\nlabel=Left screen\n"
        "max-buffers=12\nwritable=true\nseccomp=on\n");
    g_autoptr(Options) options = parse(&error, config, "--max-buffers=5", NULL);

    g_assert_no_error(error);
    g_assert_cmpstr(options->socket_path, ==, "/run/a b/v.vhost");
    g_assert_cmpstr(options->name, ==, "web 1");
    assert_names(options->consumer_users, "alice|DOMAIN\\b c");
    assert_names(options->consumer_groups, "");
    g_assert_cmpstr(options->label, ==, "Left screen");
    /* The command line comes first. */
    g_assert_cmpuint(options->limits.max_buffers, ==, 5);
    g_assert_cmpuint(options->limits.flags, ==, VDMABUF_LIMITS_WRITABLE);
    g_unlink(config + strlen("--config="));
}

static void
test_wrong_config(void)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "Key file does not have group"},
        {"[vdmabuf]\nsocket-path=/a\nconsumer-socket=/b\nmax_buffers=1\n", "key 'max_buffers'"},
        {"[vdmabuf]\nfd=3\nconsumer-socket=/b\n", "unknown key 'fd'"},
        {"[vdmabuf]\nsocket-path=/a\nconsumer-socket=/b\nwritable=2\n", "takes on or off"},
        {"[vdmabuf]\nsocket-path=/a\n", "consumer-socket is needed"},
        {"nonsense", "cannot read the configuration"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *config = write_config(cases[i].text);

        ASSERT_FAILS(cases[i].says, config);
        g_unlink(config + strlen("--config="));
    }
    ASSERT_FAILS("cannot read the configuration '/no/such/file'", "--config=/no/such/file");
}

static void
test_information(void)
{
    g_autoptr(Options) version = parse(NULL, "--version", NULL);
    g_autoptr(Options) capabilities = parse(NULL, "--print-capabilities", NULL);

    g_assert_true(version->version);
    g_assert_true(capabilities->print_capabilities);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/defaults", test_defaults);
    g_test_add_func("/options/all", test_all);
    g_test_add_func("/options/wrong", test_wrong);
    g_test_add_func("/options/config", test_config);
    g_test_add_func("/options/wrong-config", test_wrong_config);
    g_test_add_func("/options/information", test_information);
    return g_test_run();
}
