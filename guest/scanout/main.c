/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>

#include "exit.h"
#include "scanout-engine.h"
#include "scanout-options.h"
#include "scanout-report.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int
main(int argc, char **argv)
{
    g_autoptr(VdmabufScanoutOptions) options = NULL;
    g_autoptr(VdmabufScanoutEngine) engine = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) args = g_strdupv(argv);
    g_autofree char *text = NULL;
    gboolean ok;

    (void) argc;
    exit_check_output();
    setlocale(LC_ALL, "");
    options = vdmabuf_scanout_options_parse(&args, &error);
    if (options == NULL) {
        g_printerr("vdmabuf-scanout: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (options->version) {
        g_print("vdmabuf-scanout %s\n", VDMABUF_VERSION);
        return EXIT_OK;
    }
    if (options->dry_run) {
        text = vdmabuf_scanout_report(options, &error);
        ok = text != NULL;
    } else {
        engine = vdmabuf_scanout_engine_new(options);
        ok = vdmabuf_scanout_engine_run(engine, &error);
        if (ok && (options->json || options->verbose))
            text = vdmabuf_scanout_engine_stats(engine);
    }
    if (text != NULL)
        g_print("%s", text);
    if (!ok) {
        g_printerr("vdmabuf-scanout: %s\n", error->message);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}
