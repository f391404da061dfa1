/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "connection.h"
#include "tool.h"

#define DEFAULT_URI "qemu:///system"

static void
ignore(void *data G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

void
connection_init(void)
{
    (void) virInitialize();
    virSetErrorFunc(NULL, ignore);
}

void
connection_set_error(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    gvir_set_error_valist(error, TOOL_ERROR, TOOL_ERROR_FAILED, format, args);
    va_end(args);
}

static const char *
get_uri(const char *uri)
{
    if (uri == NULL || *uri == '\0')
        uri = g_getenv("LIBVIRT_DEFAULT_URI");
    return uri != NULL && *uri != '\0' ? uri : DEFAULT_URI;
}

static void
set_open_error(GError **error, const char *uri)
{
    const virError *last = virGetLastError();

    /* A right that one does not have can be got; libvirt's own words do not say how. */
    if (last != NULL &&
        (last->code == VIR_ERR_AUTH_FAILED || last->code == VIR_ERR_AUTH_CANCELLED ||
         last->code == VIR_ERR_AUTH_UNAVAILABLE))
        connection_set_error(error,
                             "You may not connect to %s (root may, and members of the group "
                             "libvirt)",
                             uri);
    else
        connection_set_error(error, "Cannot connect to %s", uri);
}

virConnect *
connection_open(const char *uri, GError **error)
{
    virConnect *connection = virConnectOpenAuth(get_uri(uri), virConnectAuthPtrDefault, 0);

    if (connection == NULL)
        set_open_error(error, get_uri(uri));
    return connection;
}

virConnect *
connection_open_read_only(const char *uri, GError **error)
{
    virConnect *connection =
        virConnectOpenAuth(get_uri(uri), virConnectAuthPtrDefault, VIR_CONNECT_RO);

    if (connection == NULL)
        set_open_error(error, get_uri(uri));
    return connection;
}

gboolean
connection_check_uri(const char *uri, GError **error)
{
    g_autoptr(GUri) parsed = g_uri_parse(get_uri(uri), G_URI_FLAGS_NONE, NULL);
    const char *scheme = parsed != NULL ? g_uri_get_scheme(parsed) : "";
    const char *host = parsed != NULL ? g_uri_get_host(parsed) : NULL;
    const char *path = parsed != NULL ? g_uri_get_path(parsed) : "";

    uri = get_uri(uri);
    if (!g_str_equal(scheme, "qemu") && !g_str_has_prefix(scheme, "qemu+")) {
        TOOL_FAIL(error,
                  "%s is not QEMU's: only domains of QEMU can have vdmabuf devices "
                  "(--connect " DEFAULT_URI ")",
                  uri);
        return FALSE;
    }
    if ((host != NULL && *host != '\0') ||
        (!g_str_equal(scheme, "qemu") && !g_str_equal(scheme, "qemu+unix"))) {
        TOOL_FAIL(error,
                  "%s is a remote connection: a vdmabuf device shares memory with programs on the "
                  "domain's own host, so run virt-vdmabuf there",
                  uri);
        return FALSE;
    }
    if (!g_str_equal(path, "/system")) {
        TOOL_FAIL(error,
                  "%s is not the system's libvirt: only that one starts brokers for vdmabuf "
                  "devices (--connect " DEFAULT_URI ")",
                  uri);
        return FALSE;
    }
    return TRUE;
}

/* A URI, and not one of the names that the administrator has given to URIs in libvirt.conf */
static gboolean
is_uri(const char *text)
{
    return strchr(text, ':') != NULL;
}

virConnect *
connection_open_local(const char *uri, GError **error)
{
    g_autoptr(virConnect) connection = NULL;

    if (is_uri(get_uri(uri)) && !connection_check_uri(uri, error))
        return NULL;
    connection = connection_open(uri, error);
    if (connection == NULL || !connection_check_is_local(connection, error))
        return NULL;
    return g_steal_pointer(&connection);
}

gboolean
connection_check_is_local(virConnect *connection, GError **error)
{
    g_autofree char *uri = virConnectGetURI(connection);

    if (uri == NULL) {
        connection_set_error(error, "Cannot find out where the connection goes");
        return FALSE;
    }
    return connection_check_uri(uri, error);
}

virDomain *
connection_find_domain(virConnect *connection, const char *domain, GError **error)
{
    virDomain *found = NULL;
    guint64 id;

    if (g_ascii_string_to_unsigned(domain, 10, 0, G_MAXINT, &id, NULL))
        found = virDomainLookupByID(connection, (int) id);
    if (found == NULL && g_uuid_string_is_valid(domain))
        found = virDomainLookupByUUIDString(connection, domain);
    if (found == NULL)
        found = virDomainLookupByName(connection, domain);
    if (found == NULL && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        TOOL_FAIL(error, "There is no domain '%s' (virsh list --all)", domain);
    else if (found == NULL)
        connection_set_error(error, "Cannot look for the domain '%s'", domain);
    return found;
}

char *
connection_get_xml(virDomain *domain, guint flags, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, flags);

    if (xml == NULL)
        connection_set_error(error, "Cannot get the XML of the domain '%s'",
                             virDomainGetName(domain));
    return xml;
}
