/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding devices, and choosing one of them. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "target.h"
#include "vdmabuf.h"

typedef struct {
    char *directory;
    GPtrArray *made; /* in the order in which they can be removed again: backwards */
} Fixture;

static char *
fixture_add(Fixture *self, const char *first, const char *second)
{
    char *path = g_build_filename(self->directory, first, second, NULL);

    g_ptr_array_add(self->made, path);
    return path;
}

static void
fixture_add_domain(Fixture *self, const char *domain)
{
    g_assert_no_errno(g_mkdir(fixture_add(self, domain, NULL), 0755));
}

static void
fixture_add_file(Fixture *self, const char *domain, const char *name)
{
    g_assert_true(g_file_set_contents(fixture_add(self, domain, name), "", 0, NULL));
}

static void
fixture_add_socket(Fixture *self, const char *domain, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const char *path = fixture_add(self, domain, name);

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    g_assert_no_errno(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
    close(fd);
}

static void
fixture_set_up(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    self->directory = g_dir_make_tmp("vdmabuf-XXXXXX", &error);
    g_assert_no_error(error);
    self->made = g_ptr_array_new_with_free_func(g_free);
    g_assert_true(g_setenv("VDMABUF_RUNDIR", self->directory, TRUE));
}

static void
fixture_tear_down(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = self->made->len; i > 0; i--)
        g_remove(g_ptr_array_index(self->made, i - 1));
    g_assert_no_errno(g_rmdir(self->directory));
    g_ptr_array_unref(self->made);
    g_free(self->directory);
    g_unsetenv("VDMABUF_RUNDIR");
}

static void
fixture_add_all(Fixture *self)
{
    fixture_add_domain(self, "web");
    fixture_add_socket(self, "web", "vdmabuf1.sock");
    fixture_add_socket(self, "web", "vdmabuf0.sock");
    fixture_add_socket(self, "web", "vdmabuf0.vhost");
    fixture_add_file(self, "web", "vdmabuf0.conf");
    fixture_add_domain(self, "desk top");
    fixture_add_socket(self, "desk top", "vdmabuf0.sock");
    /* None of these is a device */
    fixture_add_domain(self, "empty");
    fixture_add_domain(self, ".hidden");
    fixture_add_socket(self, ".hidden", "vdmabuf0.sock");
    fixture_add_file(self, "web", "vdmabuf2.sock");
    fixture_add_socket(self, "web", ".sock");
    fixture_add_socket(self, "web", ".vdmabuf3.sock");
    fixture_add_socket(self, ".", "stray.sock");
}

static void
check_endpoint(GPtrArray *list, guint index, const Fixture *fixture, const char *domain,
               const char *device)
{
    const VdmabufEndpoint *endpoint = g_ptr_array_index(list, index);
    g_autofree char *name = g_strconcat(device, ".sock", NULL);
    g_autofree char *path = g_build_filename(fixture->directory, domain, name, NULL);

    g_assert_cmpstr(endpoint->domain, ==, domain);
    g_assert_cmpstr(endpoint->device, ==, device);
    g_assert_cmpstr(endpoint->path, ==, path);
}

static void
test_list(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GPtrArray) named = NULL;

    fixture_add_all(fixture);
    list = vdmabuf_endpoint_list(NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(list->len, ==, 3);
    check_endpoint(list, 0, fixture, "desk top", "vdmabuf0");
    check_endpoint(list, 1, fixture, "web", "vdmabuf0");
    check_endpoint(list, 2, fixture, "web", "vdmabuf1");

    named = vdmabuf_endpoint_list(fixture->directory, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(named->len, ==, 3);
}

static void
test_list_none(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) empty = vdmabuf_endpoint_list(fixture->directory, &error);
    g_autoptr(GPtrArray) missing = NULL;

    g_assert_no_error(error);
    g_assert_cmpuint(empty->len, ==, 0);
    missing = vdmabuf_endpoint_list("/nonexistent/vdmabuf", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(missing->len, ==, 0);

    g_assert_null(vdmabuf_endpoint_list("/dev/null", &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED);
}

static void
test_list_forbidden(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *domain = g_build_filename(fixture->directory, "web", NULL);

    if (geteuid() == 0) {
        g_test_skip("root may read every directory");
        return;
    }
    fixture_add_domain(fixture, "web");
    g_assert_no_errno(g_chmod(domain, 0));
    g_assert_null(vdmabuf_endpoint_list(fixture->directory, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION);
    g_assert_nonnull(strstr(error->message, domain));
}

static void
check_found(const char *selector, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VdmabufEndpoint) endpoint = target_find(selector, NULL, &error);
    g_autofree char *name = NULL;

    g_assert_no_error(error);
    name = target_get_name(endpoint);
    g_assert_cmpstr(name, ==, expected);
}

static void
check_not_found(const char *selector, int code, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(target_find(selector, NULL, &error));
    g_assert_error(error, VDMABUF_ERROR, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_target(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(VdmabufEndpoint) socket = NULL;
    g_autofree char *name = NULL;

    check_not_found(NULL, VDMABUF_ERROR_NO_DEVICE, "No domain");
    check_not_found("web", VDMABUF_ERROR_NO_DEVICE, "web");

    fixture_add_domain(fixture, "desk top");
    fixture_add_socket(fixture, "desk top", "vdmabuf0.sock");
    check_found(NULL, "desk top/vdmabuf0");

    fixture_add_domain(fixture, "web");
    fixture_add_socket(fixture, "web", "vdmabuf0.sock");
    fixture_add_socket(fixture, "web", "vdmabuf1.sock");
    check_found("desk top", "desk top/vdmabuf0");
    check_found("web/vdmabuf1", "web/vdmabuf1");
    check_not_found(NULL, VDMABUF_ERROR_INVALID, "desk top/vdmabuf0, web/vdmabuf0, web/vdmabuf1");
    check_not_found("web", VDMABUF_ERROR_INVALID, "one of web/vdmabuf0, web/vdmabuf1");
    check_not_found("web/vdmabuf2", VDMABUF_ERROR_NO_DEVICE, "web/vdmabuf2");
    check_not_found("we", VDMABUF_ERROR_NO_DEVICE, "desk top/vdmabuf0");
    check_not_found("", VDMABUF_ERROR_NO_DEVICE, "desk top/vdmabuf0");

    socket = target_find(NULL, "/some/where.sock", NULL);
    name = target_get_name(socket);
    g_assert_cmpstr(name, ==, "/some/where.sock");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/endpoint/list", Fixture, NULL, fixture_set_up, test_list, fixture_tear_down);
    g_test_add("/endpoint/list-none", Fixture, NULL, fixture_set_up, test_list_none,
               fixture_tear_down);
    g_test_add("/endpoint/list-forbidden", Fixture, NULL, fixture_set_up, test_list_forbidden,
               fixture_tear_down);
    g_test_add("/target", Fixture, NULL, fixture_set_up, test_target, fixture_tear_down);
    return g_test_run();
}
