/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "target.h"

static VdmabufEndpoint *
endpoint_new(const char *domain, const char *device, const char *path)
{
    VdmabufEndpoint *self = g_new0(VdmabufEndpoint, 1);

    self->domain = g_strdup(domain);
    self->device = g_strdup(device);
    self->path = g_strdup(path);
    return self;
}

char *
target_get_name(const VdmabufEndpoint *endpoint)
{
    if (endpoint->domain[0] == '\0')
        return g_strdup(endpoint->path);

    return g_strdup_printf("%s/%s", endpoint->domain, endpoint->device);
}

GPtrArray *
target_match(GPtrArray *endpoints, const char *selector)
{
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < endpoints->len; i++) {
        const VdmabufEndpoint *endpoint = g_ptr_array_index(endpoints, i);
        g_autofree char *name = target_get_name(endpoint);

        if (selector == NULL || strcmp(selector, endpoint->domain) == 0 ||
            strcmp(selector, name) == 0)
            g_ptr_array_add(found, (gpointer) endpoint);
    }
    return found;
}

static char *
target_list_names(GPtrArray *endpoints)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < endpoints->len; i++) {
        g_autofree char *name = target_get_name(g_ptr_array_index(endpoints, i));

        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", name);
    }
    return g_string_free(names, FALSE);
}

VdmabufEndpoint *
target_find(const char *selector, const char *socket, GError **error)
{
    g_autoptr(GPtrArray) endpoints = NULL;
    g_autoptr(GPtrArray) found = NULL;
    g_autofree char *names = NULL;
    const VdmabufEndpoint *endpoint;

    if (socket != NULL)
        return endpoint_new("", "", socket);

    endpoints = vdmabuf_endpoint_list(NULL, error);
    if (endpoints == NULL)
        return NULL;

    found = target_match(endpoints, selector);
    if (found->len == 1) {
        endpoint = g_ptr_array_index(found, 0);
        return endpoint_new(endpoint->domain, endpoint->device, endpoint->path);
    }

    if (found->len > 1) {
        names = target_list_names(found);
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "Several devices could be meant; name one of %s", names);
    } else if (selector == NULL) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                            "No domain with a vdmabuf device is running; start one (virsh start)");
    } else {
        names = target_list_names(endpoints);
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE,
                    "No running domain with a vdmabuf device is named %s (%s%s)", selector,
                    endpoints->len > 0 ? "there is: " : "there is none at all", names);
    }
    return NULL;
}
