/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "instance.h"
#include "tool.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER SYSTEMD ".Manager"
#define TIMEOUT_MS 5000

GDBusConnection *
unit_connect(void)
{
    if (!g_file_test("/run/systemd/system", G_FILE_TEST_IS_DIR))
        return NULL;
    return g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
}

static GVariant *
call(GDBusConnection *bus, const char *path, const char *interface, const char *method,
     GVariant *arguments, const GVariantType *type)
{
    return g_dbus_connection_call_sync(bus, SYSTEMD, path, interface, method, arguments, type,
                                       G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, NULL);
}

GVariant *
unit_get_property(GDBusConnection *bus, const char *unit, gboolean load, const char *interface,
                  const char *property, const GVariantType *type)
{
    g_autoptr(GVariant) found = NULL;
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) value = NULL;
    const char *path;

    found = call(bus, SYSTEMD_PATH, MANAGER, load ? "LoadUnit" : "GetUnit",
                 g_variant_new("(s)", unit), G_VARIANT_TYPE("(o)"));
    if (found == NULL)
        return NULL;
    g_variant_get(found, "(&o)", &path);
    reply = call(bus, path, "org.freedesktop.DBus.Properties", "Get",
                 g_variant_new("(ss)", interface, property), G_VARIANT_TYPE("(v)"));
    if (reply == NULL)
        return NULL;
    g_variant_get(reply, "(v)", &value);
    return g_variant_is_of_type(value, type) ? g_steal_pointer(&value) : NULL;
}

char *
unit_get_file_state(GDBusConnection *bus, const char *unit)
{
    g_autoptr(GVariant) reply = call(bus, SYSTEMD_PATH, MANAGER, "GetUnitFileState",
                                     g_variant_new("(s)", unit), G_VARIANT_TYPE("(s)"));
    char *state = NULL;

    if (reply != NULL)
        g_variant_get(reply, "(s)", &state);
    return state;
}

guint
unit_get_pid(GDBusConnection *bus, const char *unit)
{
    g_autoptr(GVariant) pid = unit_get_property(bus, unit, FALSE, UNIT_SERVICE_INTERFACE, "MainPID",
                                                G_VARIANT_TYPE_UINT32);

    return pid != NULL ? g_variant_get_uint32(pid) : 0;
}

char *
unit_get_name(const char *domain, const char *alias)
{
    return instance_unit_name(domain, alias);
}

guint
unit_get_broker_pid(GDBusConnection *bus, const char *domain, const char *alias)
{
    g_autofree char *unit = unit_get_name(domain, alias);
    g_autofree char *path = g_strdup_printf(TOOL_DIRECTORY "/%s/%s.pid", domain, alias);
    g_autofree char *text = NULL;

    if (bus != NULL)
        return unit_get_pid(bus, unit);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    return (guint) g_ascii_strtoull(text, NULL, 10);
}
