/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vgem.h"

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <drm/vgem_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int
vgem_open(void)
{
    for (guint i = 0; i < 16; i++) {
        g_autofree char *path = g_strdup_printf("/dev/dri/card%u", i);
        char name[32] = "";
        struct drm_version version = {.name = name, .name_len = sizeof name - 1};
        int fd = open(path, O_RDWR | O_CLOEXEC);

        if (fd < 0)
            continue;
        if (ioctl(fd, DRM_IOCTL_VERSION, &version) == 0 && g_str_equal(name, "vgem"))
            return fd;
        close(fd);
    }
    errno = ENODEV;
    return -1;
}

int
vgem_buffer_new(int vgem, guint64 size, guint32 *handle)
{
    struct drm_mode_create_dumb dumb = {.width = size / 4, .height = 1, .bpp = 32};
    struct drm_prime_handle prime = {.flags = DRM_CLOEXEC | DRM_RDWR};

    if (ioctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
        return -1;
    prime.handle = dumb.handle;
    if (ioctl(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
        return -1;
    *handle = dumb.handle;
    return prime.fd;
}

gboolean
vgem_fence_attach(int vgem, guint32 handle, guint32 *fence)
{
    struct drm_vgem_fence_attach attach = {.handle = handle, .flags = VGEM_FENCE_WRITE};

    if (ioctl(vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach))
        return FALSE;
    *fence = attach.out_fence;
    return TRUE;
}

gboolean
vgem_fence_signal(int vgem, guint32 fence)
{
    struct drm_vgem_fence_signal signal = {.fence = fence};

    return ioctl(vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal) == 0;
}
