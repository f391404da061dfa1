/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "watch.h"

/* To the top left, and erase what is below */
#define HOME "\033[H\033[J"

typedef struct {
    GMainLoop *loop;
    WatchShow show;
    gpointer data;
    guint64 left; /* 0: no end */
    GError *error;
} Watch;

static gboolean
on_time(gpointer data)
{
    Watch *self = data;

    if (!self->show(self->data, &self->error) || (self->left > 0 && --self->left == 0)) {
        g_main_loop_quit(self->loop);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer data)
{
    Watch *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_key(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
    Watch *self = data;
    char key = 0;
    gssize n = read(fd, &key, 1);

    if (n == 1 && (key == 'q' || key == 'Q'))
        g_main_loop_quit(self->loop);
    /* A terminal that is gone has nothing more to say. */
    return n == 1 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* Keys as they are pressed, and not shown; %FALSE where there is no keyboard */
static gboolean
take_keyboard(struct termios *before)
{
    struct termios raw;

    if (!watch_has_screen() || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) < 0)
        return FALSE;
    raw = *before;
    raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

gboolean
watch_run(double seconds, guint64 count, WatchShow show, gpointer data, GError **error)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Watch self = {.loop = loop, .show = show, .data = data, .left = count};
    struct termios before;
    gboolean keyboard = take_keyboard(&before);
    guint sources[] = {
        g_timeout_add((guint) (seconds * 1000), on_time, &self),
        g_unix_signal_add(SIGINT, on_signal, &self),
        g_unix_signal_add(SIGTERM, on_signal, &self),
        keyboard ? g_unix_fd_add(STDIN_FILENO, G_IO_IN, on_key, &self) : 0,
    };

    if (on_time(&self))
        g_main_loop_run(loop);
    for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
        GSource *source =
            sources[i] > 0 ? g_main_context_find_source_by_id(NULL, sources[i]) : NULL;

        if (source != NULL)
            g_source_destroy(source);
    }
    if (keyboard)
        (void) tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (self.error == NULL)
        return TRUE;
    g_propagate_error(error, self.error);
    return FALSE;
}

gboolean
watch_has_screen(void)
{
    return isatty(STDOUT_FILENO);
}

void
watch_print(const char *text)
{
    if (watch_has_screen())
        fputs(HOME, stdout);
    fputs(text, stdout);
    fflush(stdout);
}
