/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kms-steps: play a compositor without a GPU, one step after the other.
 *
 * Each argument is a step, words apart by blanks; "-" stands for those that come on standard input,
 * one a line. The first that fails ends the program with status 1. Every step prints itself when it
 * is done.
 *
 *   card PATH                          the DRM device, as its master
 *   mode OUTPUT WIDTHxHEIGHT BYTE      show a new framebuffer full of BYTE in this mode
 *   flip OUTPUT BYTE                   the same in the mode that is set
 *   turn OUTPUT BYTE                   the same in a second framebuffer, and in turns from then on
 *   fill OUTPUT BYTE                   draw in place
 *   clock                              say what time it is (nanoseconds, CLOCK_MONOTONIC)
 *   cursor OUTPUT WIDTHxHEIGHT BYTE HOT_X HOT_Y
 *   move OUTPUT X Y                    the cursor
 *   hide OUTPUT                        the cursor
 *   off OUTPUT
 *   dumb SIZE                          a dma-buf of the card's memory
 *   lend COMMAND                       run it with that open as descriptor 9
 *   hold                               until standard input ends
 *
 * Outputs are the card's connectors, numbered from 0.
 */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define MAX_OUTPUTS 4
#define LENT_FD 9

typedef struct {
    guint32 handle;
    guint32 fb;
    guint64 size;
    guint8 *data;
} Dumb;

typedef struct {
    drmModeModeInfo mode;
    guint32 connector;
    guint32 crtc;
    Dumb shown;
    Dumb spare;
    Dumb cursor;
} Output;

typedef struct {
    int card;
    int lent;
    Output outputs[MAX_OUTPUTS];
} Steps;

typedef char *Words[6];

static gboolean
fail(const char *what)
{
    fprintf(stderr, "kms-steps: %s: %s\n", what, g_strerror(errno));
    return FALSE;
}

static gboolean
dumb_new(Steps *self, Dumb *dumb, guint32 width, guint32 height, int byte, guint32 *stride)
{
    guint64 offset;

    if (drmModeCreateDumbBuffer(self->card, width, height, 32, 0, &dumb->handle, stride,
                                &dumb->size) < 0 ||
        drmModeMapDumbBuffer(self->card, dumb->handle, &offset) < 0)
        return fail("dumb buffer");
    dumb->data = mmap(NULL, dumb->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->card, offset);
    if (dumb->data == MAP_FAILED)
        return fail("mmap");
    memset(dumb->data, byte, dumb->size);
    return TRUE;
}

static void
dumb_drop(Steps *self, Dumb *dumb)
{
    if (!dumb->handle)
        return;
    if (dumb->fb)
        drmModeRmFB(self->card, dumb->fb);
    munmap(dumb->data, dumb->size);
    drmModeDestroyDumbBuffer(self->card, dumb->handle);
    memset(dumb, 0, sizeof(*dumb));
}

static int
number(const char *word)
{
    return (int) g_ascii_strtoll(word, NULL, 0);
}

static Output *
get_output(Steps *self, const char *word)
{
    int n = number(word);

    if (n >= 0 && n < MAX_OUTPUTS)
        return &self->outputs[n];
    errno = ERANGE;
    fail("output");
    return NULL;
}

/* Framebuffers of XRGB8888 show the byte in each of their colours. */
static gboolean
framebuffer_new(Steps *self, Output *output, Dumb *dumb, int byte)
{
    guint32 handles[4] = {0}, pitches[4] = {0}, offsets[4] = {0};

    if (!dumb_new(self, dumb, output->mode.hdisplay, output->mode.vdisplay, byte, &pitches[0]))
        return FALSE;
    handles[0] = dumb->handle;
    return drmModeAddFB2(self->card, output->mode.hdisplay, output->mode.vdisplay,
                         DRM_FORMAT_XRGB8888, handles, pitches, offsets, &dumb->fb, 0) == 0 ||
           fail("framebuffer");
}

/* Afterwards @next is what was shown before. */
static gboolean
show(Steps *self, Output *output, Dumb *next)
{
    Dumb before = output->shown;

    if (drmModeSetCrtc(self->card, output->crtc, next->fb, 0, 0, &output->connector, 1,
                       &output->mode) < 0)
        return fail("mode");
    output->shown = *next;
    *next = before;
    return TRUE;
}

static gboolean
show_new(Steps *self, Output *output, int byte)
{
    Dumb fresh = {0};

    if (!framebuffer_new(self, output, &fresh, byte) || !show(self, output, &fresh))
        return FALSE;
    dumb_drop(self, &fresh);
    return TRUE;
}

static gboolean
step_card(Steps *self, Words words)
{
    self->card = open(words[1], O_RDWR | O_CLOEXEC);
    if (self->card < 0 || (!drmIsMaster(self->card) && drmSetMaster(self->card) < 0))
        return fail(words[1]);
    return TRUE;
}

static gboolean
step_mode(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);
    drmModeRes *resources = drmModeGetResources(self->card);
    drmModeConnector *connector = NULL;
    gboolean found = FALSE;
    int n = number(words[1]);

    if (!output || !resources || n >= resources->count_connectors || n >= resources->count_crtcs ||
        !(connector = drmModeGetConnector(self->card, resources->connectors[n])))
        return fail("connector");
    /* Virtual cards have a CRTC for each connector, in the same order. */
    output->connector = connector->connector_id;
    output->crtc = resources->crtcs[n];
    for (int i = 0; i < connector->count_modes && !found; i++) {
        g_autofree char *size =
            g_strdup_printf("%ux%u", connector->modes[i].hdisplay, connector->modes[i].vdisplay);

        found = g_str_equal(size, words[2]);
        if (found)
            output->mode = connector->modes[i];
    }
    drmModeFreeConnector(connector);
    drmModeFreeResources(resources);
    errno = ENOENT;
    if (found)
        dumb_drop(self, &output->spare);
    return found ? show_new(self, output, number(words[3])) : fail(words[2]);
}

static gboolean
step_flip(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    return output && show_new(self, output, number(words[2]));
}

static gboolean
step_turn(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    if (!output)
        return FALSE;
    if (!output->spare.handle && !framebuffer_new(self, output, &output->spare, 0))
        return FALSE;
    memset(output->spare.data, number(words[2]), output->spare.size);
    return show(self, output, &output->spare);
}

static gboolean
step_clock(Steps *self G_GNUC_UNUSED, Words words G_GNUC_UNUSED)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("now %lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    return TRUE;
}

static gboolean
step_fill(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    if (!output || !output->shown.data)
        return FALSE;
    memset(output->shown.data, number(words[2]), output->shown.size);
    return TRUE;
}

static gboolean
step_cursor(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);
    guint32 width, height, stride;
    Dumb fresh = {0};

    if (!output || sscanf(words[2], "%ux%u", &width, &height) != 2 ||
        !dumb_new(self, &fresh, width, height, number(words[3]), &stride))
        return FALSE;
    if (drmModeSetCursor2(self->card, output->crtc, fresh.handle, width, height, number(words[4]),
                          number(words[5])) < 0)
        return fail("cursor");
    dumb_drop(self, &output->cursor);
    output->cursor = fresh;
    return TRUE;
}

static gboolean
step_move(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    return output &&
           (drmModeMoveCursor(self->card, output->crtc, number(words[2]), number(words[3])) == 0 ||
            fail("cursor"));
}

static gboolean
step_hide(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    return output && (drmModeSetCursor(self->card, output->crtc, 0, 0, 0) == 0 || fail("cursor"));
}

static gboolean
step_off(Steps *self, Words words)
{
    Output *output = get_output(self, words[1]);

    return output &&
           (drmModeSetCrtc(self->card, output->crtc, 0, 0, 0, NULL, 0, NULL) == 0 || fail("mode"));
}

static gboolean
step_dumb(Steps *self, Words words)
{
    guint32 stride;
    Dumb dumb = {0};

    if (!dumb_new(self, &dumb, 1024, (number(words[1]) + 4095) / 4096, 0, &stride))
        return FALSE;
    return drmPrimeHandleToFD(self->card, dumb.handle, DRM_RDWR, &self->lent) == 0 ||
           fail("dma-buf");
}

static gboolean
step_lend(Steps *self, Words words)
{
    if (dup2(self->lent, LENT_FD) < 0)
        return fail("dma-buf");
    return system(words[1]) == 0;
}

static gboolean
step_hold(Steps *self G_GNUC_UNUSED, Words words G_GNUC_UNUSED)
{
    while (getchar() != EOF)
        ;
    return TRUE;
}

static const struct {
    const char *name;
    guint words; /* behind the name; the last one may have blanks in it */
    gboolean (*run)(Steps *self, Words words);
} steps_table[] = {
    {"card", 1, step_card},   {"mode", 3, step_mode},     {"flip", 2, step_flip},
    {"fill", 2, step_fill},   {"cursor", 5, step_cursor}, {"move", 3, step_move},
    {"hide", 1, step_hide},   {"off", 1, step_off},       {"dumb", 1, step_dumb},
    {"lend", 1, step_lend},   {"hold", 0, step_hold},     {"turn", 2, step_turn},
    {"clock", 0, step_clock},
};

static gboolean
steps_run(Steps *self, const char *step)
{
    for (guint i = 0; i < G_N_ELEMENTS(steps_table); i++) {
        g_auto(GStrv) words = g_strsplit(step, " ", (int) steps_table[i].words + 1);

        if (!words[0] || !g_str_equal(words[0], steps_table[i].name) ||
            g_strv_length(words) != steps_table[i].words + 1)
            continue;
        if (!steps_table[i].run(self, words))
            return FALSE;
        printf("%s\n", step);
        return TRUE;
    }
    errno = EINVAL;
    return fail(step);
}

int
main(int argc, char **argv)
{
    Steps self = {.card = -1, .lent = -1};
    char line[256];

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (!g_str_equal(argv[i], "-")) {
            if (!steps_run(&self, argv[i]))
                return EXIT_FAILURE;
            continue;
        }
        while (fgets(line, sizeof(line), stdin)) {
            if (!steps_run(&self, g_strchomp(line)))
                return EXIT_FAILURE;
        }
    }
    /* The kernel takes back what the card was made to show. */
    return EXIT_SUCCESS;
}
