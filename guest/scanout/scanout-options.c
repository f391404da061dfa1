/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-options.h"

#include <string.h>

#include "scanout-error.h"

void
vdmabuf_scanout_options_free(VdmabufScanoutOptions *self)
{
    if (self == NULL)
        return;
    g_free(self->device);
    g_strfreev(self->cards);
    g_strfreev(self->outputs);
    g_free(self);
}

static gboolean
check_range(const char *name, int value, int low, int high, guint *result, GError **error)
{
    if (value < low || value > high) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE,
                    "--%s=%d is out of range: give a number from %d to %d", name, value, low, high);
        return FALSE;
    }
    *result = (guint) value;
    return TRUE;
}

VdmabufScanoutOptions *
vdmabuf_scanout_options_parse(char ***argv, GError **error)
{
    g_autoptr(VdmabufScanoutOptions) self = g_new0(VdmabufScanoutOptions, 1);
    g_autofree char *mode = NULL;
    g_autoptr(GError) local = NULL;
    int max_rate = 0;
    int refresh = VDMABUF_SCANOUT_DEFAULT_REFRESH;
    int buffers = VDMABUF_SCANOUT_DEFAULT_BUFFERS;
    const GOptionEntry entries[] = {
        {"device", 'd', 0, G_OPTION_ARG_FILENAME, &self->device,
         "vdmabuf device (default: $VDMABUF_DEVICE, or else /dev/virtio-vdmabuf)", "PATH"},
        {"card", 'c', 0, G_OPTION_ARG_FILENAME_ARRAY, &self->cards,
         "DRM card to look at; may be given several times (default: all in /dev/dri)", "PATH"},
        {"mode", 'm', 0, G_OPTION_ARG_STRING, &mode,
         "direct: export the framebuffers themselves (default); copy: export copies", "MODE"},
        {"output", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &self->outputs,
         "output to export, such as Virtual-1; may be given several times (default: all)", "NAME"},
        {"max-rate", 0, 0, G_OPTION_ARG_INT, &max_rate,
         "frames per second and output at most; 0: as the output's mode (default)", "N"},
        {"refresh", 0, 0, G_OPTION_ARG_INT, &refresh,
         "look so often per second whether a framebuffer was drawn in place; 0: never "
         "(default: " G_STRINGIFY(VDMABUF_SCANOUT_DEFAULT_REFRESH) ")",
         "N"},
        {"buffers", 0, 0, G_OPTION_ARG_INT, &buffers,
         "copies to rotate per output, in mode copy (default: " G_STRINGIFY(
             VDMABUF_SCANOUT_DEFAULT_BUFFERS) ")",
         "N"},
        {"once", '1', 0, G_OPTION_ARG_NONE, &self->once,
         "export every output once, wait for the releases and exit", NULL},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &self->dry_run,
         "only report what would be exported; needs no vdmabuf device", NULL},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &self->json,
         "write the report and the statistics as JSON, one object in a line", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "say on standard error what happens",
         NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &self->version, "print the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(
        context, "Shares the outputs of this guest's compositor with the host, through vdmabuf.");
    g_option_context_set_description(context,
                                     "SIGUSR1 makes it print statistics. See vdmabuf-scanout(1).");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse_strv(context, argv, &local)) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE,
                    "%s; see vdmabuf-scanout --help", local->message);
        return NULL;
    }
    if ((*argv)[0] != NULL && (*argv)[1] != NULL) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE,
                    "unexpected argument \"%s\"; see vdmabuf-scanout --help", (*argv)[1]);
        return NULL;
    }
    if (mode == NULL || g_str_equal(mode, "direct")) {
        self->mode = VDMABUF_SCANOUT_DIRECT;
    } else if (g_str_equal(mode, "copy")) {
        self->mode = VDMABUF_SCANOUT_COPY;
    } else {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE,
                    "--mode=%s is unknown: give direct or copy", mode);
        return NULL;
    }
    if (!check_range("max-rate", max_rate, 0, VDMABUF_SCANOUT_MAX_RATE, &self->max_rate, error) ||
        !check_range("refresh", refresh, 0, VDMABUF_SCANOUT_MAX_RATE, &self->refresh, error) ||
        !check_range("buffers", buffers, 2, VDMABUF_SCANOUT_MAX_BUFFERS, &self->buffers, error))
        return NULL;
    if (self->once && self->dry_run) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE,
                    "--once and --dry-run exclude each other");
        return NULL;
    }
    return g_steal_pointer(&self);
}
