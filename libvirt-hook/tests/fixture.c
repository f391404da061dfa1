/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define XML                                                                                        \
    "<domain xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'><name>%1$s</name>"                             \
    "<uuid>00112233-4455-6677-8899-aabbccddeeff</uuid>"                                            \
    "<metadata><v:vdmabuf xmlns:v='" DOMAIN_NAMESPACE "'><v:device alias='vdmabuf0'>"              \
    "<v:label>Left screen</v:label><v:limits buffers='9' memory='1' unit='GiB'/>"                  \
    "<v:consumers write='yes'/></v:device></v:vdmabuf></metadata>"                                 \
    "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"                 \
    "<os><type arch='x86_64' machine='q35'>hvm</type></os>"                                        \
    "<qemu:commandline><qemu:arg value='-chardev'/>"                                               \
    "<qemu:arg value='socket,id=vdmabuf0,path=%2$s/%1$s/vdmabuf0.vhost'/>"                         \
    "<qemu:arg value='-device'/><qemu:arg value='{\"driver\":\"pcie-root-port\","                  \
    "\"id\":\"vdmabuf0-port\",\"bus\":\"pcie.0\",\"addr\":\"0x1e\",\"chassis\":230,\"port\":240}'" \
    "/>"                                                                                           \
    "<qemu:arg value='-device'/><qemu:arg value='{\"driver\":\"vhost-user-test-device-pci\","      \
    "\"id\":\"vdmabuf0\",\"chardev\":\"vdmabuf0\",\"virtio-id\":37,\"num_vqs\":2,"                 \
    "\"vq_size\":256,\"config_size\":24,\"bus\":\"vdmabuf0-port\",\"addr\":\"0x0\"}'/>"            \
    "</qemu:commandline></domain>"

void
fixture_set_up(Fixture *self, const char *name)
{
    self->base = g_dir_make_tmp("vdmabuf-hook-XXXXXX", NULL);
    g_assert_nonnull(self->base);
    self->directory = g_build_filename(self->base, "r", NULL);
    self->xml = g_strdup_printf(XML, name, self->directory);
    self->host = (InstanceHost) {.directory = self->directory,
                                 .owner = getuid(),
                                 .user = getuid(),
                                 .group = getgid(),
                                 .qemu_group = "libvirt-qemu",
                                 .consumer_group = "libvirt",
                                 .program = STAND_IN_BROKER,
                                 .seconds = 60};
}

void
fixture_tear_down(Fixture *self)
{
    g_rmdir(self->directory);
    g_assert_cmpint(g_rmdir(self->base), ==, 0);
    g_free(self->base);
    g_free(self->directory);
    g_free(self->xml);
}

gboolean
fixture_run(Fixture *self, const char *name, const char *operation, const char *phase,
            const char *extra, const char *xml, GError **error)
{
    g_autofree char *path = g_build_filename(self->base, "xml", NULL);
    gboolean result;
    int input;

    g_assert_true(g_file_set_contents(path, xml, -1, NULL));
    input = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    g_unlink(path);
    result = hook_run(&self->host, name, operation, phase, extra, input, error);
    close(input);
    return result;
}

void
fixture_assert_runs(Fixture *self, const char *name, const char *operation, const char *phase,
                    const char *extra)
{
    g_autoptr(GError) error = NULL;
    gboolean result = fixture_run(self, name, operation, phase, extra, self->xml, &error);

    g_assert_no_error(error);
    g_assert_true(result);
}

void
fixture_assert_fails(Fixture *self, const char *name, const char *operation, const char *extra,
                     const char *xml, const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(fixture_run(self, name, operation, "begin", extra, xml, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
}

char *
fixture_recorded(Fixture *self, const char *operation)
{
    g_autofree char *file = g_strconcat(operation, ".xml", NULL);
    g_autofree char *path = g_build_filename(RECORDED, file, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GString) xml = NULL;
    g_autofree char *sockets = g_strconcat("path=", self->directory, "/", NULL);

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    xml = g_string_new(text);
    g_string_replace(xml, "path=/run/vdmabuf/", sockets, 0);
    return g_string_free(g_steal_pointer(&xml), FALSE);
}
