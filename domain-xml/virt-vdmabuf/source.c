/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "domain.h"
#include "source.h"
#include "tool.h"

void
source_clear(Source *self)
{
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->xml, g_free);
    g_clear_pointer(&self->domain, virDomainFree);
    g_clear_pointer(&self->connection, virConnectClose);
}

gboolean
source_is_file(const char *argument)
{
    return g_str_equal(argument, "-") || strchr(argument, '/') != NULL ||
           g_str_has_suffix(argument, ".xml");
}

static char *
read_all(int fd, const char *name, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];
    gssize n;

    do {
        n = read(fd, buffer, sizeof(buffer));
        if (n > 0)
            g_string_append_len(text, buffer, n);
    } while ((n > 0 && text->len <= DOMAIN_MAX_XML) || (n < 0 && errno == EINTR));

    if (n < 0) {
        TOOL_FAIL(error, "Cannot read %s: %s", name, g_strerror(errno));
        return NULL;
    }
    if (text->len > DOMAIN_MAX_XML) {
        TOOL_FAIL(error, "%s is longer than %d bytes, which no XML of a domain is", name,
                  DOMAIN_MAX_XML);
        return NULL;
    }
    if (strlen(text->str) != text->len) {
        TOOL_FAIL(error, "%s is not text: it has a zero byte in it", name);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean
source_load_file(Source *self, const char *path, GError **error)
{
    gboolean standard = g_str_equal(path, "-");
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    self->name = g_strdup(standard ? "standard input" : path);
    if (fd < 0) {
        TOOL_FAIL(error, "Cannot open %s: %s", path, g_strerror(errno));
        return FALSE;
    }
    self->xml = read_all(fd, self->name, error);
    if (!standard)
        close(fd);
    return self->xml != NULL;
}

gboolean
source_load_domain(Source *self, const char *domain, guint flags, GError **error)
{
    self->domain = connection_find_domain(self->connection, domain, error);
    if (self->domain == NULL)
        return FALSE;
    self->name = g_strdup(virDomainGetName(self->domain));
    self->xml = connection_get_xml(self->domain, flags, error);
    return self->xml != NULL;
}

gboolean
source_load(Source *self, const char *argument, const char *uri, guint flags, GError **error)
{
    if (source_is_file(argument))
        return source_load_file(self, argument, error);

    self->connection = connection_open(uri, error);
    return self->connection != NULL && source_load_domain(self, argument, flags, error);
}
