/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uri.h"

#define CHECK(expected, ...)                                                                       \
    G_STMT_START                                                                                   \
    {                                                                                              \
        const char *const arguments[] = {"virt-viewer", __VA_ARGS__, NULL};                        \
        g_autofree char *uri = viewer_uri_from_arguments(arguments);                               \
                                                                                                   \
        g_assert_cmpstr(uri, ==, expected);                                                        \
    }                                                                                              \
    G_STMT_END

static void
test_arguments(void)
{
    CHECK(NULL, "guest");
    CHECK("qemu:///system", "-c", "qemu:///system", "guest");
    CHECK("qemu:///system", "guest", "-c", "qemu:///system");
    CHECK("qemu:///system", "--connect", "qemu:///system", "guest");
    CHECK("qemu:///system", "--connect=qemu:///system", "guest");
    /* Behind options without a value, and with some that are not known here */
    CHECK("qemu:///system", "-wrc", "qemu:///system", "guest");
    CHECK("qemu:///system", "--spice-debug", "--full-screen", "-c", "qemu:///system", "guest");
    /* The last one counts, as it does for virt-viewer. */
    CHECK("qemu:///session", "-c", "qemu:///system", "-c", "qemu:///session", "guest");
    /* Not options: the value of another one, and what is behind -- */
    CHECK(NULL, "-H", "-c", "guest");
    CHECK(NULL, "-z", "50", "--", "-c", "x");
    CHECK(NULL, "-c");
}

static void
check_host(const char *uri, const char *host)
{
    g_autofree char *found = viewer_uri_get_host(uri);

    g_assert_cmpstr(found, ==, host);
}

static void
test_host(void)
{
    check_host("qemu:///system", NULL);
    check_host("qemu:///session?socket=/run/user/1000/s", NULL);
    check_host("qemu+unix:///system", NULL);
    check_host("test:default", NULL);
    check_host("", NULL);
    check_host("qemu+ssh://root@host.example:2222/system", "host.example");
    check_host("qemu+tls://host.example/system?pkipath=/p", "host.example");
    check_host("qemu+tcp://[::1]/system", "::1");
    check_host("qemu://host.example/system", "host.example");
}

static void
test_questions(void)
{
    g_autofree char *plain = viewer_uri_without_questions("qemu+ssh://h/system");
    g_autofree char *query = viewer_uri_without_questions("qemu+ssh://h/system?keyfile=k");

    g_assert_cmpstr(plain, ==, "qemu+ssh://h/system?no_tty=1");
    g_assert_cmpstr(query, ==, "qemu+ssh://h/system?keyfile=k&no_tty=1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uri/arguments", test_arguments);
    g_test_add_func("/uri/host", test_host);
    g_test_add_func("/uri/questions", test_questions);
    return g_test_run();
}
