/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-fence.h"

#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

/* Where a fence has no descriptor to wait for, it is asked so often. */
#define ASK_MS 4

/*
 * A fence is asked and freed while no context is current, and libepoxy finds functions of extensions
 * only while one is: so they are asked of EGL itself.
 */
struct _ViewFence {
    EGLDisplay display;
    EGLSyncKHR sync; /* one of them: a sync object to ask */
    int fd;          /* or a descriptor to wait for */
    PFNEGLCLIENTWAITSYNCKHRPROC wait;
    PFNEGLDESTROYSYNCKHRPROC destroy;
};

typedef struct {
    ViewRetirement *retirement;
    VdmabufPicture *picture;
    ViewFence *fence;
    GSource *source;
} Retired;

struct _ViewRetirement {
    GPtrArray *pictures;
};

/* --- Fences --- */

static int
make_native_fd(EGLDisplay display)
{
    EGLSyncKHR sync;
    int fd;

    if (!epoxy_has_egl_extension(display, "EGL_ANDROID_native_fence_sync"))
        return -1;
    sync = eglCreateSyncKHR(display, EGL_SYNC_NATIVE_FENCE_ANDROID, NULL);
    if (sync == EGL_NO_SYNC_KHR)
        return -1;
    /* The descriptor exists once the commands have been sent. */
    glFlush();
    fd = eglDupNativeFenceFDANDROID(display, sync);
    eglDestroySyncKHR(display, sync);
    return fd;
}

ViewFence *
view_fence_new(EGLDisplay display)
{
    ViewFence *self = g_new0(ViewFence, 1);

    self->display = display;
    self->sync = EGL_NO_SYNC_KHR;
    self->wait = (PFNEGLCLIENTWAITSYNCKHRPROC) eglGetProcAddress("eglClientWaitSyncKHR");
    self->destroy = (PFNEGLDESTROYSYNCKHRPROC) eglGetProcAddress("eglDestroySyncKHR");
    self->fd = make_native_fd(display);
    if (self->fd >= 0)
        return self;

    self->sync = eglCreateSyncKHR(display, EGL_SYNC_FENCE_KHR, NULL);
    glFlush();
    if (self->sync == EGL_NO_SYNC_KHR) {
        /* A driver that promised fences and makes none: the one way left to know */
        glFinish();
        g_clear_pointer(&self, view_fence_free);
    }
    return self;
}

void
view_fence_free(ViewFence *self)
{
    if (self == NULL)
        return;

    if (self->sync != EGL_NO_SYNC_KHR)
        self->destroy(self->display, self->sync);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

gboolean
view_fence_is_signalled(ViewFence *self)
{
    struct pollfd pfd = {.fd = self->fd, .events = POLLIN};

    if (self->fd >= 0)
        return poll(&pfd, 1, 0) != 0;
    /* Only looks; an error is the end of the context, and of its reading. */
    return self->wait(self->display, self->sync, 0, 0) != EGL_TIMEOUT_EXPIRED_KHR;
}

/* --- Retirement --- */

static void
retired_free(gpointer data)
{
    Retired *self = data;

    if (self->source != NULL) {
        g_source_destroy(self->source);
        g_source_unref(self->source);
    }
    view_fence_free(self->fence);
    vdmabuf_picture_unref(self->picture);
    g_free(self);
}

static gboolean
retired_check(gpointer data)
{
    Retired *self = data;

    if (!view_fence_is_signalled(self->fence))
        return G_SOURCE_CONTINUE;

    g_ptr_array_remove(self->retirement->pictures, self);
    return G_SOURCE_REMOVE;
}

static gboolean
retired_readable(G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    return retired_check(data);
}

ViewRetirement *
view_retirement_new(void)
{
    ViewRetirement *self = g_new0(ViewRetirement, 1);

    self->pictures = g_ptr_array_new_with_free_func(retired_free);
    return self;
}

void
view_retirement_free(ViewRetirement *self)
{
    if (self == NULL)
        return;

    g_ptr_array_unref(self->pictures);
    g_free(self);
}

void
view_retirement_add(ViewRetirement *self, VdmabufPicture *picture, ViewFence *fence)
{
    Retired *retired;

    if (fence == NULL || view_fence_is_signalled(fence)) {
        view_fence_free(fence);
        vdmabuf_picture_unref(picture);
        return;
    }

    retired = g_new0(Retired, 1);
    retired->retirement = self;
    retired->picture = picture;
    retired->fence = fence;
    if (fence->fd >= 0) {
        retired->source = g_unix_fd_source_new(fence->fd, G_IO_IN);
        g_source_set_callback(retired->source, G_SOURCE_FUNC(retired_readable), retired, NULL);
    } else {
        retired->source = g_timeout_source_new(ASK_MS);
        g_source_set_callback(retired->source, retired_check, retired, NULL);
    }
    g_source_attach(retired->source, g_main_context_get_thread_default());
    g_ptr_array_add(self->pictures, retired);
}

guint
view_retirement_get_length(ViewRetirement *self)
{
    return self->pictures->len;
}
