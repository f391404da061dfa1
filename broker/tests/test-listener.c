/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "listener.h"

typedef struct {
    char *dir;
    char *path;
    guint accepted;
    struct ucred peer;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    self->dir = g_dir_make_tmp("vdmabuf-test-XXXXXX", NULL);
    g_assert_nonnull(self->dir);
    self->path = g_build_filename(self->dir, "vdmabuf0.vhost", NULL);
}

static void
tear_down(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(g_rmdir(self->dir), ==, 0);
    g_free(self->dir);
    g_free(self->path);
}

static void
on_accept(int fd, const struct ucred *peer, gpointer data)
{
    Fixture *self = data;

    close(fd);
    self->accepted++;
    self->peer = *peer;
}

static int
connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
        fd_clear(&fd);
    return fd;
}

static Listener *
assert_listener(Fixture *self)
{
    GError *error = NULL;
    Listener *listener = listener_new(SOCK_STREAM, self->path, NULL, NULL, on_accept, self, &error);

    g_assert_no_error(error);
    return listener;
}

static void
assert_fails(Fixture *self, const char *path, const char *user, const char *group, const char *says)
{
    const char *const users[] = {user, NULL};
    const char *const groups[] = {group, NULL};
    g_autoptr(GError) error = NULL;

    g_assert_null(listener_new(SOCK_STREAM, path, users, groups, on_accept, self, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
}

static void
test_accept(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    Listener *listener = assert_listener(self);
    auto_fd int fd = connect_to(self->path, SOCK_STREAM);
    struct stat info;

    g_assert_cmpint(fd, >=, 0);
    while (!self->accepted)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(self->peer.pid, ==, getpid());
    g_assert_cmpint(stat(self->path, &info), ==, 0);
    g_assert_cmphex(info.st_mode & 07777, ==, 0600);
    listener_free(listener);
    g_assert_cmpint(access(self->path, F_OK), ==, -1);
}

static char *
read_acl(const char *path)
{
    acl_t acl = acl_get_file(path, ACL_TYPE_ACCESS);
    char *text = acl ? acl_to_text(acl, NULL) : NULL;
    char *copy = g_strdup(text);

    if (acl)
        acl_free(acl);
    if (text)
        acl_free(text);
    return copy;
}

static void
test_access(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    /* Who has these names is of no importance: every system knows them. */
    static const char *const users[] = {"daemon", "root", "daemon", NULL};
    static const char *const groups[] = {"daemon", NULL};
    g_autofree char *acl = NULL;
    g_autoptr(GError) error = NULL;
    Listener *listener;

    if (!getpwnam("daemon") || !getpwnam("root") || !getgrnam("daemon")) {
        g_test_skip("no user or group 'daemon'");
        return;
    }
    listener = listener_new(SOCK_SEQPACKET, self->path, users, groups, on_accept, self, &error);
    g_assert_no_error(error);
    acl = read_acl(self->path);
    g_assert_cmpstr(acl, ==,
                    "user::rw-\nuser:root:rw-\nuser:daemon:rw-\ngroup::---\n"
                    "group:daemon:rw-\nmask::rw-\nother::---\n");
    listener_free(listener);
    g_assert_cmpint(access(self->path, F_OK), ==, -1);
}

static void
test_unknown_names(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    assert_fails(self, self->path, NULL, "no-such-group-here",
                 "there is no group 'no-such-group-here'");
    assert_fails(self, self->path, "no-such-user-here", NULL,
                 "there is no user 'no-such-user-here'");
    g_assert_cmpint(access(self->path, F_OK), ==, -1);
}

/* A program that was killed leaves its socket's file. */
static void
test_stale(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Listener *listener;

    g_strlcpy(address.sun_path, self->path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    assert_fails(self, self->path, NULL, NULL, "another program listens on");
    fd_clear(&fd);
    listener = assert_listener(self);
    listener_free(listener);
}

static void
test_not_a_socket(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *target = g_build_filename(self->dir, "precious", NULL);

    g_assert_true(g_file_set_contents(target, "x", 1, NULL));
    assert_fails(self, target, NULL, NULL, "is not a socket");
    g_assert_cmpint(symlink(target, self->path), ==, 0);
    assert_fails(self, self->path, NULL, NULL, "is not a socket");
    g_assert_cmpint(access(target, F_OK), ==, 0);
    g_unlink(self->path);
    g_unlink(target);
}

static void
test_long_path(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *name = g_strnfill(120, 'n');
    g_autofree char *path = g_build_filename(self->dir, name, NULL);

    assert_fails(self, path, NULL, NULL, "longer than the 107 bytes");
    g_free(g_steal_pointer(&path));
    path = g_build_filename(self->dir, "none", "socket", NULL);
    assert_fails(self, path, NULL, NULL, "cannot make the socket");
}

/* The file has been replaced by somebody else's: it is not removed. */
static void
test_replaced(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    Listener *first = assert_listener(self);
    Listener *second;

    g_unlink(self->path);
    second = assert_listener(self);
    listener_free(first);
    g_assert_cmpint(access(self->path, F_OK), ==, 0);
    listener_free(second);
    g_assert_cmpint(access(self->path, F_OK), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add("/listener/" path, Fixture, NULL, set_up, function, tear_down)
    ADD("accept", test_accept);
    ADD("access", test_access);
    ADD("unknown-names", test_unknown_names);
    ADD("stale", test_stale);
    ADD("not-a-socket", test_not_a_socket);
    ADD("long-path", test_long_path);
    ADD("replaced", test_replaced);
#undef ADD
    return g_test_run();
}
