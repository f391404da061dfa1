/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libvirt runs in every phase of every domain: it finds out whether this is of interest, and
 * if it is, lets the other program do it. Most domains have no vdmabuf device, and to load the
 * libraries of that program would cost them many times what this here does; so there is no GLib.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook_limits.h"

#define NAMESPACE "urn:vdmabuf:domain:1"

static bool
is_one_of(const char *operation, const char *const *operations)
{
    for (; *operations; operations++) {
        if (strcmp(operation, *operations) == 0)
            return true;
    }
    return false;
}

/* Brokers have a directory for as long as they run. */
static bool
has_directory(const char *domain)
{
    char path[4096];
    struct stat info;
    int length = snprintf(path, sizeof(path), "%s/%s", VDMABUF_RUNDIR, domain);

    return length > 0 && (size_t) length < sizeof(path) && lstat(path, &info) == 0;
}

/* One byte more than is allowed, so that the other program sees that it is too long */
static char *
read_input(size_t *size)
{
    char *text = malloc(HOOK_MAX_XML + 1);
    ssize_t got = 1;

    *size = 0;
    while (text && got != 0 && *size <= HOOK_MAX_XML) {
        got = read(STDIN_FILENO, text + *size, HOOK_MAX_XML + 1 - *size);
        if (got < 0 && errno != EINTR) {
            free(text);
            return NULL;
        }
        *size += got > 0 ? (size_t) got : 0;
    }
    return text;
}

/* The XML becomes the standard input of the other program. */
static bool
hand_on(const char *text, size_t size)
{
    int fd = memfd_create("domain.xml", MFD_CLOEXEC);

    while (fd >= 0 && size > 0) {
        ssize_t written = write(fd, text, size);

        if (written < 0 && errno != EINTR)
            return false;
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t) written : 0;
    }
    return fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO;
}

static int
fail(char **argv, const char *what)
{
    fprintf(stderr, "vdmabuf: domain '%s': %s: %s\n", argv[1] ? argv[1] : "", what,
            strerror(errno));
    /* To fail here would make libvirt kill a guest that runs. */
    return argv[1] && argv[2] && strcmp(argv[2], "reconnect") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    static const char *const at_begin[] = {"attach",    "migrate", "prepare",
                                           "reconnect", "restore", NULL};
    static const char *const at_end[] = {"detach", "release", NULL};

    /* Fewer arguments are not from libvirt. */
    if (argc >= 4 && strcmp(argv[3], "begin") == 0) {
        char *text;
        size_t size;
        bool ours;
        bool handed_on;

        if (!is_one_of(argv[2], at_begin))
            return EXIT_SUCCESS;
        text = read_input(&size);
        if (!text)
            return fail(argv, "cannot read the domain's XML");
        ours = memmem(text, size, NAMESPACE, strlen(NAMESPACE));
        handed_on = ours && hand_on(text, size);
        free(text);
        if (!ours)
            return EXIT_SUCCESS;
        if (!handed_on)
            return fail(argv, "cannot pass the domain's XML on");
    } else if (argc >= 4 && (!is_one_of(argv[2], at_end) || !has_directory(argv[1]))) {
        return EXIT_SUCCESS;
    }
    execv(VDMABUF_HOOK, argv);
    return fail(argv, "cannot run " VDMABUF_HOOK);
}
