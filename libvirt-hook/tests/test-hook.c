/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook.h"

#define XML                                                                                        \
    "<domain xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'><name>%1$s</name>"                             \
    "<uuid>00112233-4455-6677-8899-aabbccddeeff</uuid>"                                            \
    "<metadata><v:vdmabuf xmlns:v='" DOMAIN_NAMESPACE "'><v:device alias='vdmabuf0'>"              \
    "<v:limits buffers='9' memory='1' unit='GiB'/><v:consumers write='yes'/></v:device>"           \
    "</v:vdmabuf></metadata>"                                                                      \
    "<memoryBacking><access mode='shared'/></memoryBacking>"                                       \
    "<qemu:commandline><qemu:arg value='-chardev'/>"                                               \
    "<qemu:arg value='socket,id=c0,path=%2$s/%1$s/vdmabuf0.vhost'/><qemu:arg value='-device'/>"    \
    "<qemu:arg value='{\"driver\":\"vhost-user-test-device-pci\",\"chardev\":\"c0\"}'/>"           \
    "</qemu:commandline></domain>"

typedef struct {
    char *base;
    char *directory;
    char *log;
    InstanceHost host;
    char *xml;
} Fixture;

static void
set_up(Fixture *self, gconstpointer name)
{
    self->base = g_dir_make_tmp("vdmabuf-hook-XXXXXX", NULL);
    self->directory = g_build_filename(self->base, "r", NULL);
    self->log = g_build_filename(self->base, "log", NULL);
    self->xml = g_strdup_printf(XML, (const char *) name, self->directory);
    self->host = (InstanceHost) {.directory = self->directory,
                                 .owner = getuid(),
                                 .group = getgid(),
                                 .qemu_group = "libvirt-qemu",
                                 .consumer_group = "libvirt",
                                 .systemctl = SYSTEMCTL};
    g_setenv("FAKE_SYSTEMCTL_LOG", self->log, TRUE);
}

static void
tear_down(Fixture *self, gconstpointer name G_GNUC_UNUSED)
{
    g_unlink(self->log);
    g_rmdir(self->directory);
    g_assert_cmpint(g_rmdir(self->base), ==, 0);
    g_free(self->base);
    g_free(self->directory);
    g_free(self->log);
    g_free(self->xml);
}

static gboolean
run(Fixture *self, const char *name, const char *operation, const char *phase, const char *xml,
    GError **error)
{
    g_autofree char *path = g_build_filename(self->base, "xml", NULL);
    gboolean result;
    int input;

    g_assert_true(g_file_set_contents(path, xml, -1, NULL));
    input = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    g_unlink(path);
    result = hook_run(&self->host, name, operation, phase, input, error);
    close(input);
    return result;
}

static void
assert_runs(Fixture *self, const char *name, const char *operation, const char *phase)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(run(self, name, operation, phase, self->xml, &error));
    g_assert_no_error(error);
}

static void
assert_fails(Fixture *self, const char *name, const char *operation, const char *xml,
             const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(run(self, name, operation, "begin", xml, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
}

/* What was asked of systemd since the last time */
static void
assert_log(Fixture *self, const char *expected)
{
    g_autofree char *text = NULL;

    g_file_get_contents(self->log, &text, NULL, NULL);
    g_unlink(self->log);
    g_assert_cmpstr(text ? text : "", ==, expected);
}

static void
test_life(Fixture *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->directory, name, NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *socket = g_build_filename(path, "vdmabuf0.sock", NULL);
    g_autofree char *text = NULL;
    struct stat info;

    assert_runs(self, name, "prepare", "begin");
    assert_log(self, "--no-ask-password restart vhost-user-vdmabuf@web\\x2d1-vdmabuf0.service\n");
    g_assert_cmpint(stat(path, &info), ==, 0);
    g_assert_cmphex(info.st_mode & 07777, ==, 01775);
    g_assert_cmpint(stat(config, &info), ==, 0);
    g_assert_cmphex(info.st_mode & 07777, ==, 0640);
    g_assert_true(g_file_get_contents(config, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "[vdmabuf]\nname=web-1\n"));
    g_assert_nonnull(strstr(text, "\nuuid=00112233-4455-6677-8899-aabbccddeeff\n"));
    g_assert_nonnull(strstr(text, "/web-1/vdmabuf0.vhost\n"));
    g_assert_nonnull(strstr(text, "\nsocket-group=libvirt-qemu\n"));
    g_assert_nonnull(strstr(text, "\nconsumer-group=libvirt\n"));
    g_assert_nonnull(strstr(text, "\nmax-buffers=9\n"));
    g_assert_nonnull(strstr(text, "\nmax-bytes=1073741824\n"));
    g_assert_null(strstr(text, "max-entries"));
    g_assert_nonnull(strstr(text, "\nwritable=true\n"));

    assert_runs(self, name, "start", "begin");
    assert_runs(self, name, "started", "begin");
    assert_log(self, "");
    assert_runs(self, name, "reconnect", "begin");
    assert_log(self, "--no-ask-password start vhost-user-vdmabuf@web\\x2d1-vdmabuf0.service\n");
    assert_runs(self, name, "stopped", "end");
    assert_log(self, "");

    /* A socket that was left over goes as well. */
    g_assert_true(g_file_set_contents(socket, "", 0, NULL));
    assert_runs(self, name, "release", "end");
    assert_log(self, "--no-ask-password stop vhost-user-vdmabuf@web\\x2d1-vdmabuf0.service\n"
                     "--no-ask-password reset-failed "
                     "vhost-user-vdmabuf@web\\x2d1-vdmabuf0.service\n");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    assert_runs(self, name, "release", "end");
    assert_log(self, "");
}

static void
test_others(Fixture *self, gconstpointer data)
{
    static const char *const xml = "<domain><name>web-1</name><uuid>u</uuid></domain>";

    g_assert_true(run(self, data, "prepare", "begin", xml, NULL));
    g_assert_true(run(self, data, "migrate", "begin", xml, NULL));
    g_assert_true(run(self, data, "reconnect", "begin", xml, NULL));
    g_assert_true(run(self, data, "release", "end", xml, NULL));
    /* Not even XML: nothing is read that is not needed. */
    g_assert_true(run(self, data, "prepare", "begin", "<domain", NULL));
    g_assert_true(run(self, "..", "release", "end", xml, NULL));
    assert_log(self, "");
    g_assert_cmpint(g_access(self->directory, F_OK), ==, -1);
}

static void
test_refused(Fixture *self, gconstpointer data)
{
    g_autofree char *other = g_strdup_printf(XML, "other", "/elsewhere");
    g_autofree char *large = g_strnfill(HOOK_MAX_XML + 1, ' ');

    assert_fails(self, data, "migrate", self->xml, "cannot be migrated");
    assert_fails(self, "other", "prepare", other, "let virt-vdmabuf write it");
    assert_fails(self, data, "prepare", large, "longer than");
    assert_log(self, "");
    g_assert_cmpint(g_access(self->directory, F_OK), ==, -1);
}

static void
test_broken(Fixture *self, gconstpointer data)
{
    assert_fails(self, data, "prepare", self->xml,
                 "device 'vdmabuf0': the broker does not start: there is no /dev/vhost-vdmabuf "
                 "(see 'journalctl -u vhost-user-vdmabuf@broken-vdmabuf0.service')");
    /* libvirt goes on with the release phase. */
    assert_runs(self, data, "release", "end");
    assert_log(self, "--no-ask-password restart vhost-user-vdmabuf@broken-vdmabuf0.service\n"
                     "--no-ask-password show --property=StatusText "
                     "vhost-user-vdmabuf@broken-vdmabuf0.service\n"
                     "--no-ask-password stop vhost-user-vdmabuf@broken-vdmabuf0.service\n"
                     "--no-ask-password reset-failed vhost-user-vdmabuf@broken-vdmabuf0.service\n");
}

/* A broker can write to its directory: what it plants there is not followed. */
static void
test_planted(Fixture *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->directory, data, NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *precious = g_build_filename(self->base, "precious", NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_set_contents(precious, "precious", -1, NULL));
    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_cmpint(symlink(precious, config), ==, 0);
    assert_runs(self, data, "prepare", "begin");
    g_assert_true(g_file_get_contents(precious, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "precious");
    assert_runs(self, data, "release", "end");

    /* Nor is a link in place of the directory. */
    g_assert_cmpint(symlink(self->base, path), ==, 0);
    assert_fails(self, data, "prepare", self->xml, "cannot use the directory");
    assert_runs(self, data, "release", "end");
    g_assert_cmpint(g_access(precious, F_OK), ==, 0);
    g_unlink(path);
    g_unlink(precious);
    g_unlink(self->log);
}

static void
assert_unit(const char *domain, const char *alias, const char *expected)
{
    g_autofree char *unit = instance_unit_name(domain, alias);

    g_assert_cmpstr(unit, ==, expected);
}

/* The same as systemd-escape --template=vhost-user-vdmabuf@.service DOMAIN/DEVICE */
static void
test_unit_names(void)
{
    assert_unit("g1", "vdmabuf0", "vhost-user-vdmabuf@g1-vdmabuf0.service");
    assert_unit("web-1.a", "a_b-c", "vhost-user-vdmabuf@web\\x2d1.a-a_b\\x2dc.service");
    assert_unit("Win 11", "v", "vhost-user-vdmabuf@Win\\x2011-v.service");
    assert_unit("M\xc3\xbcller@x", "v", "vhost-user-vdmabuf@M\\xc3\\xbcller\\x40x-v.service");
    assert_unit("a\\b%h", "v", "vhost-user-vdmabuf@a\\x5cb\\x25h-v.service");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, name, function)                                                                  \
    g_test_add("/hook/" path, Fixture, name, set_up, function, tear_down)
    ADD("life", "web-1", test_life);
    ADD("others", "web-1", test_others);
    ADD("refused", "web-1", test_refused);
    ADD("broken", "broken", test_broken);
    ADD("planted", "web-1", test_planted);
#undef ADD
    g_test_add_func("/hook/unit-names", test_unit_names);
    return g_test_run();
}
