/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER SYSTEMD ".Manager"

typedef struct {
    GHashTable *ended; /* jobs that have ended, with their results */
    gboolean late;
} Wait;

GDBusConnection *
systemd_connect(GError **error)
{
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, error);
    GDBusConnection *bus = NULL;

    if (address)
        bus = g_dbus_connection_new_for_address_sync(
            address,
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
            NULL, NULL, error);
    if (!bus)
        g_prefix_error(error, "systemd cannot be reached on the system bus, which it needs "
                              "dbus.service for: ");
    return bus;
}

static GVariant *
call(GDBusConnection *bus, const char *path, const char *interface, const char *method,
     GVariant *arguments, GError **error)
{
    GVariant *reply = g_dbus_connection_call_sync(bus, SYSTEMD, path, interface, method, arguments,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);

    if (!reply && error)
        g_dbus_error_strip_remote_error(*error);
    return reply;
}

static void
on_job_removed(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
               const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED,
               const char *signal G_GNUC_UNUSED, GVariant *arguments, gpointer data)
{
    Wait *wait = data;
    char *job;
    char *result;

    if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(uoss)")))
        return;
    g_variant_get(arguments, "(uoss)", NULL, &job, NULL, &result);
    g_hash_table_insert(wait->ended, job, result);
}

static gboolean
on_late(gpointer data)
{
    Wait *wait = data;

    wait->late = TRUE;
    return G_SOURCE_REMOVE;
}

/* The job can end before the reply to what made it has been read. */
static gboolean
await_job(GMainContext *context, Wait *wait, const char *job, guint seconds, GError **error)
{
    g_autoptr(GSource) limit = g_timeout_source_new_seconds(seconds);
    const char *result;

    g_source_set_callback(limit, on_late, wait, NULL);
    g_source_attach(limit, context);
    while (!(result = g_hash_table_lookup(wait->ended, job)) && !wait->late)
        g_main_context_iteration(context, TRUE);
    g_source_destroy(limit);
    if (!result)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "systemd is not done after %u seconds",
                    seconds);
    else if (!g_str_equal(result, "done"))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "systemd's job has ended with '%s'",
                    result);
    return g_strcmp0(result, "done") == 0;
}

gboolean
systemd_run_job(GDBusConnection *bus, const char *method, const char *unit, guint seconds,
                GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GHashTable) ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GVariant) subscribed = NULL;
    g_autoptr(GVariant) reply = NULL;
    Wait wait = {.ended = ended};
    gboolean done = FALSE;
    guint subscription;

    g_main_context_push_thread_default(context);
    subscription =
        g_dbus_connection_signal_subscribe(bus, SYSTEMD, MANAGER, "JobRemoved", SYSTEMD_PATH, NULL,
                                           G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, &wait, NULL);
    /* Without this systemd sends no signals. */
    subscribed = call(bus, SYSTEMD_PATH, MANAGER, "Subscribe", NULL, NULL);
    reply = call(bus, SYSTEMD_PATH, MANAGER, method, g_variant_new("(ss)", unit, "replace"), error);
    if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE("(o)"))) {
        const char *job;

        g_variant_get(reply, "(&o)", &job);
        done = await_job(context, &wait, job, seconds, error);
    } else if (reply) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "systemd's answer is not understood");
    }
    g_dbus_connection_signal_unsubscribe(bus, subscription);
    /* What has been queued for it still refers to it. */
    while (g_main_context_iteration(context, FALSE))
        continue;
    g_main_context_pop_thread_default(context);
    return done;
}

static char *
get_property(GDBusConnection *bus, const char *unit, const char *interface, const char *property)
{
    g_autoptr(GVariant) loaded = NULL;
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) value = NULL;
    const char *path;

    loaded = call(bus, SYSTEMD_PATH, MANAGER, "GetUnit", g_variant_new("(s)", unit), NULL);
    if (!loaded || !g_variant_is_of_type(loaded, G_VARIANT_TYPE("(o)")))
        return NULL;
    g_variant_get(loaded, "(&o)", &path);
    reply = call(bus, path, "org.freedesktop.DBus.Properties", "Get",
                 g_variant_new("(ss)", interface, property), NULL);
    if (!reply || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(v)")))
        return NULL;
    g_variant_get(reply, "(v)", &value);
    return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(value, NULL)
                                                              : NULL;
}

gboolean
systemd_is_active(GDBusConnection *bus, const char *unit)
{
    g_autofree char *state = get_property(bus, unit, SYSTEMD ".Unit", "ActiveState");

    return g_strcmp0(state, "active") == 0;
}

char *
systemd_get_status_text(GDBusConnection *bus, const char *unit)
{
    g_autofree char *text = get_property(bus, unit, SYSTEMD ".Service", "StatusText");

    return text && *text ? g_steal_pointer(&text) : NULL;
}

void
systemd_reset_failed(GDBusConnection *bus, const char *unit)
{
    g_autoptr(GVariant) reply =
        call(bus, SYSTEMD_PATH, MANAGER, "ResetFailedUnit", g_variant_new("(s)", unit), NULL);
}
