/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt-vdmabuf: gives vdmabuf devices to libvirt's domains, and looks after them. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "connection.h"
#include "exit.h"
#include "tool.h"

static const struct {
    const char *name;
    const char *text;
    Command run;
} commands[] = {
    {"attach", "give a domain a vdmabuf device, or change the one it has", command_attach},
    {"detach", "take a vdmabuf device from a domain", command_detach},
    {"list", "domains that have vdmabuf devices", command_list},
    {"show", "what is set for the devices of a domain", command_show},
    {"lower", "turn <devices><vdmabuf/></devices> into what libvirt keeps", command_lower},
    {"define", "validate, lower and define the XML of a domain", command_define},
    {"validate", "check the XML of a domain", command_validate},
    {"status", "what goes on in running domains", command_status},
    {"replug", "plug a device of a running domain anew", command_replug},
    {"host-validate", "whether this host is ready for vdmabuf devices", command_host_validate},
};

static void
print_help(void)
{
    printf("Usage:\n"
           "  virt-vdmabuf COMMAND [OPTION...] [ARGUMENT...]\n"
           "\n"
           "Gives vdmabuf devices to libvirt's domains, and looks after them.\n"
           "\n"
           "Commands (virt-vdmabuf COMMAND --help says more):\n");
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-14s %s\n", commands[i].name, commands[i].text);
    printf("\n"
           "DOMAIN is a name, a UUID or an id. Where a command takes a FILE as well, an\n"
           "argument with a '/' or with .xml at its end is one, and '-' is standard input.\n");
}

static int
run(Command command, const char *name, int argc, char **argv)
{
    g_autofree char *program = g_strdup_printf("virt-vdmabuf %s", name);
    g_autoptr(GError) error = NULL;
    gboolean done;

    g_set_prgname(program);
    connection_init();
    done = command(argc, argv, &error);
    if (done)
        return EXIT_SUCCESS;

    /* A command that has said all itself fails without an error. */
    if (error == NULL)
        return EXIT_FAILURE;
    if (error->domain == G_OPTION_ERROR) {
        fprintf(stderr, "virt-vdmabuf: %s (virt-vdmabuf %s --help)\n", error->message, name);
        return EXIT_USAGE;
    }
    fprintf(stderr, "virt-vdmabuf: %s\n", error->message);
    return g_error_matches(error, TOOL_ERROR, TOOL_ERROR_TIMED_OUT) ? EXIT_TIMED_OUT : EXIT_FAILURE;
}

/* As with virsh, the URI may stand in front of the command: how many words that are */
static int
count_words_of_uri(int argc, char **argv)
{
    if (argc > 1 && g_str_has_prefix(argv[1], "--connect="))
        return 1;
    if (argc > 2 && (strcmp(argv[1], "-c") == 0 || strcmp(argv[1], "--connect") == 0))
        return 2;
    return 0;
}

int
main(int argc, char **argv)
{
    int words = count_words_of_uri(argc, argv);
    const char *name = argc > 1 + words ? argv[1 + words] : NULL;

    setlocale(LC_ALL, "");
    exit_check_output();

    if (name == NULL) {
        fprintf(stderr, "virt-vdmabuf: A command is missing (virt-vdmabuf --help)\n");
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (strcmp(name, "--version") == 0) {
        printf("virt-vdmabuf %s\n", VDMABUF_VERSION);
        return EXIT_SUCCESS;
    }

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char **rotated = NULL;

        if (strcmp(name, commands[i].name) != 0)
            continue;
        /* The command's own name first, and the URI behind it */
        rotated = g_memdup2(argv + 1, sizeof(*argv) * (gsize) argc);
        memmove(rotated + 1, rotated, sizeof(*argv) * (gsize) words);
        rotated[0] = argv[1 + words];
        return run(commands[i].run, commands[i].name, argc - 1, rotated);
    }

    if (name[0] == '-')
        fprintf(stderr, "virt-vdmabuf: %s has to stand behind the command (virt-vdmabuf --help)\n",
                name);
    else
        fprintf(stderr, "virt-vdmabuf: There is no command \"%s\" (virt-vdmabuf --help)\n", name);
    return EXIT_USAGE;
}
