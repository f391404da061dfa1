/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be said about producers and mappings without a device. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdmabuf.h"

static void
check_open(const char *path, int code, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vdmabuf_producer_open(path, &error));
    g_assert_error(error, VDMABUF_ERROR, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_open(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("vdmabuf-XXXXXX", &file, &error);

    g_assert_no_error(error);
    check_open("/nonexistent/virtio-vdmabuf", VDMABUF_ERROR_NO_DEVICE, "modprobe virtio_vdmabuf");
    check_open("/dev/null", VDMABUF_ERROR_NO_DEVICE, "/dev/null is not a vdmabuf device");
    check_open(file, VDMABUF_ERROR_NO_DEVICE, "is not a vdmabuf device");

    g_assert_true(g_setenv("VDMABUF_DEVICE", "/nonexistent/other", TRUE));
    check_open(NULL, VDMABUF_ERROR_NO_DEVICE, "/nonexistent/other");
    g_unsetenv("VDMABUF_DEVICE");

    close(fd);
    g_unlink(file);
}

static void
test_map(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VdmabufMap) map = NULL;
    int fd = memfd_create("test", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_no_errno(ftruncate(fd, 8192));

    g_assert_null(vdmabuf_map_new(fd, 0, FALSE, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(vdmabuf_map_new(fd, G_MAXUINT64, FALSE, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(vdmabuf_map_new(-1, 4096, FALSE, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
    g_clear_error(&error);

    map = vdmabuf_map_new(fd, 8192, TRUE, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(vdmabuf_map_get_size(map), ==, 8192);
    /* The mapping outlives the descriptor */
    g_assert_cmpint(pwrite(fd, "hello", 5, 4096), ==, 5);
    close(fd);
    g_assert_cmpmem((char *) vdmabuf_map_get_data(map) + 4096, 5, "hello", 5);

    /* and a memfd is no dma-buf */
    g_assert_false(vdmabuf_map_begin(map, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/producer/open", test_open);
    g_test_add_func("/map", test_map);
    return g_test_run();
}
