/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_systemd.h"

#include <string.h>

#define UNIT_PATH "/org/freedesktop/systemd1/unit/"

/* It lives in a thread, since what is tested waits for it. */
struct _FakeSystemd {
    GTestDBus *daemon;
    GDBusConnection *bus;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    guint jobs;
    GMutex mutex; /* for what follows */
    GString *log;
    GHashTable *active; /* units */
};

static const char xml[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'>"
    "<method name='Subscribe'/>"
    "<method name='StartUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='o' direction='out'/></method>"
    "<method name='RestartUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='o' direction='out'/></method>"
    "<method name='StopUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='o' direction='out'/></method>"
    "<method name='ResetFailedUnit'><arg type='s' direction='in'/></method>"
    "<method name='GetUnit'><arg type='s' direction='in'/><arg type='o' direction='out'/></method>"
    "<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg type='s'/>"
    "</signal></interface>"
    "<interface name='org.freedesktop.systemd1.Unit'>"
    "<property name='ActiveState' type='s' access='read'/></interface>"
    "<interface name='org.freedesktop.systemd1.Service'>"
    "<property name='StatusText' type='s' access='read'/></interface></node>";

static void
run_job(FakeSystemd *self, const char *method, const char *unit, GDBusMethodInvocation *invocation)
{
    gboolean stops = g_str_equal(method, "StopUnit");
    gboolean fails = !stops && (strstr(unit, "broken") || strstr(unit, "silent"));
    g_autofree char *job = g_strdup_printf("/org/freedesktop/systemd1/job/%u", ++self->jobs);

    if (!stops && !fails)
        g_hash_table_add(self->active, g_strdup(unit));
    else
        g_hash_table_remove(self->active, unit);
    /* The end of the job can come first; systemd is as fast as that. */
    if (!strstr(unit, "eternal"))
        g_dbus_connection_emit_signal(
            self->bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
            "JobRemoved", g_variant_new("(uoss)", self->jobs, job, unit, fails ? "failed" : "done"),
            NULL);
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", job));
}

static void
on_call(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
        const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED, const char *method,
        GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
    FakeSystemd *self = data;
    const char *unit = "";
    g_autofree char *unit_path = NULL;

    if (g_variant_n_children(arguments) > 0)
        g_variant_get_child(arguments, 0, "&s", &unit);
    g_mutex_lock(&self->mutex);
    if (g_str_has_suffix(method, "Unit") && !g_str_equal(method, "GetUnit"))
        g_string_append_printf(self->log, "%s %s\n", method, unit);
    if (g_str_equal(method, "GetUnit")) {
        /* What there is to know of it is in its path. */
        unit_path =
            g_strconcat(UNIT_PATH, g_hash_table_contains(self->active, unit) ? "active/" : "dead/",
                        strstr(unit, "broken") ? "broken" : "x", NULL);
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", unit_path));
    } else if (g_variant_n_children(arguments) == 2) {
        run_job(self, method, unit, invocation);
    } else {
        g_dbus_method_invocation_return_value(invocation, NULL);
    }
    g_mutex_unlock(&self->mutex);
}

static GVariant *
on_get(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED, const char *path,
       const char *interface G_GNUC_UNUSED, const char *property, GError **error G_GNUC_UNUSED,
       gpointer data G_GNUC_UNUSED)
{
    if (g_str_equal(property, "ActiveState"))
        return g_variant_new_string(strstr(path, "/active/") ? "active" : "inactive");
    return g_variant_new_string(strstr(path, "broken") ? "there is no /dev/vhost-vdmabuf" : "");
}

static gpointer
run(gpointer data)
{
    FakeSystemd *self = data;

    g_main_loop_run(self->loop);
    return NULL;
}

/* Calls are answered where this context is iterated. */
static void
appear(FakeSystemd *self)
{
    static const GDBusInterfaceVTable table = {.method_call = on_call, .get_property = on_get};
    static const char *const units[] = {"active/x", "active/broken", "dead/x", "dead/broken"};
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
    g_autoptr(GVariant) named = NULL;

    g_main_context_push_thread_default(self->context);
    g_dbus_connection_register_object(self->bus, "/org/freedesktop/systemd1", node->interfaces[0],
                                      &table, self, NULL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autofree char *path = g_strconcat(UNIT_PATH, units[i], NULL);

        for (guint n = 1; n <= 2; n++)
            g_dbus_connection_register_object(self->bus, path, node->interfaces[n], &table, self,
                                              NULL, NULL);
    }
    named = g_dbus_connection_call_sync(self->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "RequestName",
                                        g_variant_new("(su)", "org.freedesktop.systemd1", 0u), NULL,
                                        G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    g_assert_nonnull(named);
    g_main_context_pop_thread_default(self->context);
}

FakeSystemd *
fake_systemd_new(void)
{
    g_autofree char *daemon = g_find_program_in_path("dbus-daemon");
    FakeSystemd *self;

    if (!daemon)
        return NULL;
    self = g_new0(FakeSystemd, 1);
    self->daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(self->daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(self->daemon), TRUE);
    self->bus =
        g_dbus_connection_new_for_address_sync(g_test_dbus_get_bus_address(self->daemon),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, NULL);
    g_assert_nonnull(self->bus);
    g_mutex_init(&self->mutex);
    self->log = g_string_new(NULL);
    self->active = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    appear(self);
    self->thread = g_thread_new("systemd", run, self);
    return self;
}

static gboolean
quit(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

void
fake_systemd_free(FakeSystemd *self)
{
    g_autoptr(GSource) end = NULL;

    if (!self)
        return;
    end = g_idle_source_new();
    g_source_set_callback(end, quit, self->loop, NULL);
    g_source_attach(end, self->context);
    g_thread_join(self->thread);
    g_dbus_connection_close_sync(self->bus, NULL, NULL);
    g_object_unref(self->bus);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_test_dbus_down(self->daemon);
    g_object_unref(self->daemon);
    g_hash_table_unref(self->active);
    g_string_free(self->log, TRUE);
    g_mutex_clear(&self->mutex);
    g_free(self);
}

char *
fake_systemd_take_log(FakeSystemd *self)
{
    char *text;

    g_mutex_lock(&self->mutex);
    text = g_strdup(self->log->str);
    g_string_truncate(self->log, 0);
    g_mutex_unlock(&self->mutex);
    return text;
}

void
fake_systemd_lose(FakeSystemd *self, const char *unit)
{
    g_mutex_lock(&self->mutex);
    g_hash_table_remove(self->active, unit);
    g_mutex_unlock(&self->mutex);
}
