/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The phases of a domain's life, on a host with systemd. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_systemd.h"
#include "fixture.h"
#include "hook_limits.h"

#define UNIT(domain) "vhost-user-vdmabuf@" domain "-vdmabuf0.service"

typedef struct {
    Fixture host;
    FakeSystemd *systemd;
} Test;

static void
set_up(Test *self, gconstpointer name)
{
    self->systemd = fake_systemd_new();
    fixture_set_up(&self->host, name);
    self->host.host.systemd = TRUE;
}

static void
tear_down(Test *self, gconstpointer name G_GNUC_UNUSED)
{
    fixture_tear_down(&self->host);
    fake_systemd_free(self->systemd);
}

static void
assert_log(Test *self, const char *expected)
{
    g_autofree char *log = fake_systemd_take_log(self->systemd);

    g_assert_cmpstr(log, ==, expected);
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("'%s' does not have '%s'", text, part);
}

static void
test_life(Test *self, gconstpointer data)
{
    const char *name = data;
    Fixture *host = &self->host;
    g_autofree char *path = g_build_filename(host->directory, name, NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *link = g_build_filename(path, "vdmabuf0", NULL);
    g_autofree char *socket = g_build_filename(link, "vdmabuf0.sock", NULL);
    g_autofree char *sockets =
        g_strdup_printf("\nsocket-path=%s/vdmabuf0.vhost\nsocket-group=libvirt-qemu\n"
                        "consumer-socket=%s\nconsumer-users=\nconsumer-groups=libvirt;\n",
                        link, socket);
    g_autofree char *text = NULL;
    struct stat info;

    fixture_assert_runs(host, name, "prepare", "begin", "-");
    assert_log(self, "RestartUnit " UNIT("web\\x2d1") "\n");
    g_assert_cmpint(stat(path, &info), ==, 0);
    g_assert_cmphex(info.st_mode & 07777, ==, 01775);
    g_assert_cmpint(stat(config, &info), ==, 0);
    g_assert_cmphex(info.st_mode & 07777, ==, 0640);
    g_assert_true(g_file_get_contents(config, &text, NULL, NULL));
    assert_has(text, "[vdmabuf]\nname=web-1\nuuid=00112233-4455-6677-8899-aabbccddeeff\n");
    assert_has(text, "\nlabel=Left screen\n");
    assert_has(text, sockets);
    assert_has(text, "\nmax-buffers=9\nmax-bytes=1073741824\nwritable=true\n");
    g_assert_null(strstr(text, "max-entries"));

    fixture_assert_runs(host, name, "start", "begin", "-");
    fixture_assert_runs(host, name, "started", "begin", "-");
    fixture_assert_runs(host, name, "stopped", "end", "-");
    assert_log(self, "");

    /* A socket that was left over goes as well; this is the way to it that its broker takes. */
    g_assert_true(g_file_set_contents(socket, "", 0, NULL));
    fixture_assert_runs(host, name, "release", "end", "-");
    assert_log(self, "StopUnit " UNIT("web\\x2d1") "\nResetFailedUnit " UNIT("web\\x2d1") "\n");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    fixture_assert_runs(host, name, "release", "end", "-");
    assert_log(self, "");
}

/*
 * All that libvirt gave to a hook, from the start of a domain with two devices to its end; and what
 * it gave for domains that have the element, but no device that would keep them from being saved.
 */
static void
test_recorded(Test *self, gconstpointer data)
{
    static const struct {
        const char *operation;
        const char *phase;
        const char *log;
    } phases[] = {
        {"prepare", "begin",
         "RestartUnit vhost-user-vdmabuf@web\\x2d1-vdmabuf0.service\n"
         "RestartUnit vhost-user-vdmabuf@web\\x2d1-vdmabuf1.service\n"},
        {"start", "begin", ""},
        {"started", "begin", ""},
        {"reconnect", "begin", ""},
        {"stopped", "end", ""},
    };
    static const struct {
        const char *operation;
        const char *domain;
        const char *says;
    } refused[] = {
        {"migrate", "mig-1", "cannot be migrated"},
        {"restore", "save-1", "cannot be restored"},
    };
    const char *name = data;
    Fixture *host = &self->host;
    g_autofree char *path = g_build_filename(host->directory, name, NULL);
    g_autofree char *first = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *second = g_build_filename(path, "vdmabuf1.conf", NULL);
    g_autofree char *text = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_free(host->xml);
        host->xml = fixture_recorded(host, phases[i].operation);
        fixture_assert_runs(host, name, phases[i].operation, phases[i].phase, "-");
        assert_log(self, phases[i].log);
    }
    g_assert_true(g_file_get_contents(first, &text, NULL, NULL));
    assert_has(text, "\nlabel=Left screen\n");
    assert_has(text, "\nconsumer-users=lab;\nconsumer-groups=libvirt;video;\n");
    assert_has(text, "\nmax-buffers=64\nmax-bytes=268435456\nmax-consumers=4\nwritable=false\n");
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(second, &text, NULL, NULL));
    assert_has(text, "\nconsumer-users=\nconsumer-groups=libvirt;\nwritable=true\n");

    g_free(host->xml);
    host->xml = fixture_recorded(host, "release");
    fixture_assert_runs(host, name, "release", "end", "destroyed");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *xml = fixture_recorded(host, refused[i].operation);

        fixture_assert_fails(host, refused[i].domain, refused[i].operation, "-", xml,
                             refused[i].says);
    }
}

/* libvirtd is started anew: what runs goes on, what does not is started. */
static void
test_reconnect(Test *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->host.directory, name, "vdmabuf0.conf", NULL);

    fixture_assert_runs(&self->host, name, "prepare", "begin", "-");
    assert_log(self, "RestartUnit " UNIT("web\\x2d1") "\n");
    fixture_assert_runs(&self->host, name, "reconnect", "begin", "-");
    assert_log(self, "");
    fake_systemd_lose(self->systemd, UNIT("web\\x2d1"));
    g_unlink(path);
    fixture_assert_runs(&self->host, name, "reconnect", "begin", "-");
    assert_log(self, "RestartUnit " UNIT("web\\x2d1") "\n");
    g_assert_cmpint(g_access(path, F_OK), ==, 0);
    fixture_assert_runs(&self->host, name, "release", "end", "-");
}

/* What virt-vdmabuf does to a domain that runs; its command line says nothing of the device. */
static void
test_hotplug(Test *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->host.directory, name, NULL);
    char *line = strstr(self->host.xml, "<qemu:commandline>");

    strcpy(line, "</domain>");
    fixture_assert_fails(&self->host, name, "attach", "vdmabuf1", self->host.xml,
                         "there is no vdmabuf device 'vdmabuf1'");
    assert_log(self, "");
    for (guint i = 0; i < 2; i++)
        fixture_assert_runs(&self->host, name, "attach", "begin", "vdmabuf0");
    assert_log(self, "RestartUnit " UNIT("web\\x2d1") "\n");
    fixture_assert_runs(&self->host, name, "detach", "end", "vdmabuf1");
    g_assert_cmpint(g_access(path, F_OK), ==, 0);
    assert_log(self, "StopUnit vhost-user-vdmabuf@web\\x2d1-vdmabuf1.service\n"
                     "ResetFailedUnit vhost-user-vdmabuf@web\\x2d1-vdmabuf1.service\n");
    fixture_assert_runs(&self->host, name, "detach", "end", "vdmabuf0");
    assert_log(self, "StopUnit " UNIT("web\\x2d1") "\nResetFailedUnit " UNIT("web\\x2d1") "\n");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    /* As libvirt would have it, for all devices */
    fixture_assert_runs(&self->host, name, "attach", "begin", "-");
    assert_log(self, "RestartUnit " UNIT("web\\x2d1") "\n");
    fixture_assert_runs(&self->host, name, "release", "end", "-");
}

static void
test_others(Test *self, gconstpointer data)
{
    static const char *const xml = "<domain><name>web-1</name><uuid>u</uuid></domain>";
    static const char *const operations[] = {"prepare", "start",     "started", "migrate",
                                             "restore", "reconnect", "attach"};

    for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
        g_assert_true(fixture_run(&self->host, data, operations[i], "begin", "-", xml, NULL));
    g_assert_true(fixture_run(&self->host, data, "release", "end", "-", xml, NULL));
    /* Not even XML: nothing is read that is not needed. */
    g_assert_true(fixture_run(&self->host, data, "prepare", "begin", "-", "<domain", NULL));
    g_assert_true(fixture_run(&self->host, "..", "release", "end", "-", xml, NULL));
    g_assert_true(fixture_run(&self->host, "..", "detach", "end", "..", xml, NULL));
    assert_log(self, "");
    g_assert_cmpint(g_access(self->host.directory, F_OK), ==, -1);
}

static void
test_refused(Test *self, gconstpointer data)
{
    g_autofree char *large = g_strnfill(HOOK_MAX_XML + 1, ' ');
    g_autofree char *broken = g_strconcat("<domain>", DOMAIN_NAMESPACE, NULL);
    Fixture *host = &self->host;

    fixture_assert_fails(host, data, "migrate", "-", host->xml, "cannot be migrated");
    fixture_assert_fails(host, data, "restore", "-", host->xml, "--force-boot");
    fixture_assert_fails(host, data, "prepare", "-", large, "longer than");
    fixture_assert_fails(host, data, "prepare", "-", broken, "cannot be read");
    fixture_assert_fails(host, "other", "prepare", "-", host->xml, "that of the domain 'web-1'");
    host->host.owner++;
    fixture_assert_fails(host, data, "prepare", "-", host->xml, "qemu:///system");
    host->host.owner--;
    host->host.user = INSTANCE_NO_USER;
    fixture_assert_fails(host, data, "prepare", "-", host->xml, "systemd-sysusers");
    assert_log(self, "");
    g_assert_cmpint(g_access(host->directory, F_OK), ==, -1);
}

/* A mistake in the XML is found before anything is started. */
static void
test_mistake(Test *self, gconstpointer data)
{
    char *path = strstr(self->host.xml, "/vdmabuf0.vhost");

    path[1] = 'x';
    fixture_assert_fails(&self->host, data, "prepare", "-", self->host.xml, "sets it right");
    assert_log(self, "");
    g_assert_cmpint(g_access(self->host.directory, F_OK), ==, -1);
}

static void
test_does_not_start(Test *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->host.directory, name, NULL);
    gboolean eternal = g_str_equal(name, "eternal");
    g_autofree char *log = NULL;
    g_autofree char *expected =
        g_strdup_printf("RestartUnit vhost-user-vdmabuf@%1$s-vdmabuf0.service\n"
                        "StopUnit vhost-user-vdmabuf@%1$s-vdmabuf0.service\n"
                        "ResetFailedUnit vhost-user-vdmabuf@%1$s-vdmabuf0.service\n",
                        name);

    if (eternal)
        self->host.host.seconds = 1;
    fixture_assert_fails(&self->host, name, "prepare", "-", self->host.xml,
                         g_str_equal(name, "broken")
                             ? "device 'vdmabuf0': the broker does not start: there is no "
                               "/dev/vhost-vdmabuf (see 'journalctl -u "
                               "vhost-user-vdmabuf@broken-vdmabuf0.service')"
                         : eternal ? "not done after 1 seconds"
                                   : "has ended with 'failed'");
    log = fake_systemd_take_log(self->systemd);
    g_assert_cmpstr(log, ==, expected);
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    /* libvirt goes on with the release phase. */
    fixture_assert_runs(&self->host, name, "release", "end", "-");
    assert_log(self, "");
    /* virt-vdmabuf has no such phase. */
    fixture_assert_fails(&self->host, name, "attach", "vdmabuf0", self->host.xml, "does not start");
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
}

static void
test_no_bus(Test *self, gconstpointer data)
{
    g_autofree char *address = g_strdup(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"));

    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus", TRUE);
    fixture_assert_fails(&self->host, data, "prepare", "-", self->host.xml,
                         "systemd cannot be reached on the system bus");
    fixture_assert_runs(&self->host, data, "release", "end", "-");
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
}

/* What a crash has left, of a device that the domain had */
static void
test_leftovers(Test *self, gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(self->host.directory, name, NULL);
    g_autofree char *config = g_build_filename(path, "old.conf", NULL);
    g_autofree char *socket = g_build_filename(path, "old.sock", NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_true(g_file_set_contents(config, "", 0, NULL));
    g_assert_true(g_file_set_contents(socket, "", 0, NULL));
    fixture_assert_runs(&self->host, name, "prepare", "begin", "-");
    assert_log(self, "StopUnit vhost-user-vdmabuf@web\\x2d1-old.service\n"
                     "ResetFailedUnit vhost-user-vdmabuf@web\\x2d1-old.service\n"
                     "RestartUnit " UNIT("web\\x2d1") "\n");
    g_assert_cmpint(g_access(config, F_OK), ==, -1);
    g_assert_cmpint(g_access(socket, F_OK), ==, -1);
    fixture_assert_runs(&self->host, name, "release", "end", "-");
}

/* A broker can write to its directory: what it plants there is not followed. */
static void
test_planted(Test *self, gconstpointer data)
{
    Fixture *host = &self->host;
    g_autofree char *path = g_build_filename(host->directory, data, NULL);
    g_autofree char *config = g_build_filename(path, "vdmabuf0.conf", NULL);
    g_autofree char *link = g_build_filename(path, "vdmabuf0", NULL);
    g_autofree char *precious = g_build_filename(host->base, "precious", NULL);
    g_autofree char *text = NULL;
    g_autofree char *target = NULL;

    g_assert_true(g_file_set_contents(precious, "precious", -1, NULL));
    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_cmpint(symlink(precious, config), ==, 0);
    g_assert_cmpint(symlink(host->base, link), ==, 0);
    fixture_assert_runs(host, data, "reconnect", "begin", "-");
    g_assert_true(g_file_get_contents(precious, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "precious");
    target = g_file_read_link(link, NULL);
    g_assert_cmpstr(target, ==, ".");
    fixture_assert_runs(host, data, "release", "end", "-");

    /* Nor is a link in place of the directory. */
    g_assert_cmpint(symlink(host->base, path), ==, 0);
    fixture_assert_fails(host, data, "prepare", "-", host->xml, "cannot use the directory");
    fixture_assert_runs(host, data, "release", "end", "-");
    g_assert_cmpint(g_access(precious, F_OK), ==, 0);
    g_unlink(path);
    g_unlink(precious);
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
    g_autofree char *daemon = g_find_program_in_path("dbus-daemon");

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hook/unit-names", test_unit_names);
    if (!daemon) {
        g_test_message("without dbus-daemon there is no bus to test on");
        return g_test_run();
    }
#define ADD(path, name, function) g_test_add("/hook/" path, Test, name, set_up, function, tear_down)
    ADD("life", "web-1", test_life);
    ADD("recorded", "web-1", test_recorded);
    ADD("reconnect", "web-1", test_reconnect);
    ADD("hotplug", "web-1", test_hotplug);
    ADD("others", "web-1", test_others);
    ADD("refused", "web-1", test_refused);
    ADD("mistake", "web-1", test_mistake);
    ADD("broken", "broken", test_does_not_start);
    ADD("silent", "silent", test_does_not_start);
    ADD("eternal", "eternal", test_does_not_start);
    ADD("no-bus", "web-1", test_no_bus);
    ADD("leftovers", "web-1", test_leftovers);
    ADD("planted", "web-1", test_planted);
#undef ADD
    return g_test_run();
}
