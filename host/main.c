/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdmabuf-recv: looks at, takes and measures what guests share. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "exit.h"

static const struct {
    const char *name;
    const char *text;
    Command run;
} commands[] = {
    {"list", "devices, their state, and the buffers that guests share", command_list},
    {"watch", "what comes from a guest", command_watch},
    {"grab", "a picture, as a PNG or as it is", command_grab},
    {"receive", "the data that vdmabuf-send sends", command_receive},
    {"measure", "frames per second, and how long imports take", command_measure},
    {"compare", "whether two PNG files show the same", command_compare},
};

static void
print_help(void)
{
    printf("Usage:\n"
           "  vdmabuf-recv COMMAND [OPTION...] [DOMAIN[/DEVICE]]\n"
           "\n"
           "Looks at, takes and measures what guests share with vdmabuf.\n"
           "\n"
           "Commands (vdmabuf-recv COMMAND --help says more):\n");
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].text);
    printf("\n"
           "DOMAIN may be left out when there is only one device.\n");
}

static int
run(Command command, const char *name, int argc, char **argv)
{
    g_autofree char *program = g_strdup_printf("vdmabuf-recv %s", name);
    g_autoptr(GError) error = NULL;

    g_set_prgname(program);
    if (command(argc, argv, &error))
        return EXIT_SUCCESS;

    if (error->domain == G_OPTION_ERROR) {
        fprintf(stderr, "vdmabuf-recv: %s (vdmabuf-recv %s --help)\n", error->message, name);
        return EXIT_USAGE;
    }
    fprintf(stderr, "vdmabuf-recv: %s\n", error->message);
    return g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT) ? EXIT_TIMED_OUT
                                                                          : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    exit_check_output();
    setlocale(LC_ALL, "");

    if (argc < 2) {
        fprintf(stderr, "vdmabuf-recv: Say what to do with a command (vdmabuf-recv --help)\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("vdmabuf-recv %s\n", VDMABUF_VERSION);
        return EXIT_SUCCESS;
    }

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return run(commands[i].run, commands[i].name, argc - 1, argv + 1);
    }

    fprintf(stderr, "vdmabuf-recv: There is no command \"%s\" (vdmabuf-recv --help)\n", argv[1]);
    return EXIT_USAGE;
}
