/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <epoxy/egl.h>
#include <stdio.h>

#include "host-check.h"
#include "tool.h"

#define IMPORT "EGL_EXT_image_dma_buf_import"

/* --- In the child: drivers can do what they like there --- */

/* The screen of who runs this; where there is none, the one without a screen */
static EGLDisplay
open_display(void)
{
    if (g_getenv("WAYLAND_DISPLAY") != NULL || g_getenv("DISPLAY") != NULL)
        return eglGetDisplay(EGL_DEFAULT_DISPLAY);
    if (!epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_MESA_platform_surfaceless"))
        return EGL_NO_DISPLAY;
    return eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
}

gboolean
host_probe_graphics(GError **error)
{
    EGLDisplay display;
    gboolean has;

    if (!epoxy_has_egl()) {
        TOOL_FAIL(error, "There is no libEGL: install Mesa");
        return FALSE;
    }
    display = open_display();
    if (display == EGL_NO_DISPLAY || !eglInitialize(display, NULL, NULL)) {
        TOOL_FAIL(error, "EGL finds no display: run this where a viewer shall run");
        return FALSE;
    }
    has = epoxy_has_egl_extension(display, IMPORT);
    if (!has)
        TOOL_FAIL(error,
                  "This display cannot import dma-bufs, and viewers have to copy pictures: on X11 "
                  "install Mesa 26.1 or later, or use Wayland");
    eglTerminate(display);
    return has;
}

/* --- In this process --- */

void
host_check_graphics(HostReport *report)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;

    host_report_begin(report, "whether viewers can import dma-bufs (EGL)");
    output = host_run_probe("graphics", NULL, &error);
    if (output != NULL)
        host_report_pass(report);
    else
        host_report_problem(report, HOST_WARN, "%s", error->message);
}
