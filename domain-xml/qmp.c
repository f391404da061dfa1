/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"
#include "edit.h"

/* {"id":...,"backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":...}},...}}} */
char *
domain_device_qmp_chardev(const char *domain, const DomainDevice *device, const char *directory)
{
    g_autofree char *path = arguments_socket_path(domain, device->alias, directory);
    g_autoptr(JsonObject) command = json_object_new();
    JsonObject *backend = json_object_new();
    JsonObject *socket = json_object_new();
    JsonObject *address = json_object_new();
    JsonObject *unix_address = json_object_new();

    json_object_set_string_member(unix_address, "path", path);
    json_object_set_string_member(address, "type", "unix");
    json_object_set_object_member(address, "data", unix_address);
    json_object_set_object_member(socket, "addr", address);
    json_object_set_boolean_member(socket, "server", FALSE);
    json_object_set_string_member(backend, "type", "socket");
    json_object_set_object_member(backend, "data", socket);
    json_object_set_string_member(command, "id", device->alias);
    json_object_set_object_member(command, "backend", backend);
    return arguments_json_to_text(command);
}

char *
domain_device_qmp_device(const DomainDevice *device, const char *bus)
{
    g_autoptr(JsonObject) json = json_object_new();

    arguments_set_device(json, device, bus);
    return arguments_json_to_text(json);
}
