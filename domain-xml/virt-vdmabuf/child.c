/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "child.h"
#include "tool.h"

/* Where there is no user of QEMU's */
#define NOBODY 65534

typedef struct {
    uid_t uid;
    gid_t gid;
} Identity;

typedef struct {
    GBytes *out;
    GBytes *err;
    GError *error;
    gboolean ended;
    gboolean late;
    GCancellable *cancellable;
} Wait;

void
child_result_clear(ChildResult *self)
{
    g_clear_pointer(&self->out, g_free);
    g_clear_pointer(&self->err, g_free);
}

/* Between fork and exec, where little is allowed. One that cannot become nobody must not run. */
static void
become(gpointer data)
{
    const Identity *identity = data;

    if (setgroups(0, NULL) < 0 || setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) < 0)
        _exit(127);
}

int
child_make_file(const char *text, GError **error)
{
    int fd = memfd_create("virt-vdmabuf", MFD_CLOEXEC);
    gsize size = strlen(text);
    FILE *stream = fd >= 0 ? fdopen(dup(fd), "w") : NULL;

    if (stream != NULL && fwrite(text, 1, size, stream) == size && fclose(stream) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    TOOL_FAIL(error, "Cannot keep a text for another program: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void
finished(GObject *source, GAsyncResult *result, gpointer data)
{
    Wait *wait = data;

    (void) g_subprocess_communicate_finish(G_SUBPROCESS(source), result, &wait->out, &wait->err,
                                           &wait->error);
    wait->ended = TRUE;
}

static gboolean
over(gpointer data)
{
    Wait *wait = data;

    wait->late = TRUE;
    /* Not only the program: one that it has started may hold the pipes. */
    g_cancellable_cancel(wait->cancellable);
    return G_SOURCE_REMOVE;
}

static char *
take_text(GBytes *bytes)
{
    gsize size = 0;
    const char *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;

    return g_utf8_make_valid(data != NULL ? data : "", (gssize) size);
}

/* The main context goes on meanwhile: libvirt wants its questions whether we live answered. */
static void
communicate(GSubprocess *process, const Child *child, Wait *wait)
{
    g_autoptr(GSource) timer = g_timeout_source_new_seconds(child->seconds);

    g_source_set_callback(timer, over, wait, NULL);
    g_source_attach(timer, NULL);
    g_subprocess_communicate_async(process, NULL, wait->cancellable, finished, wait);
    while (!wait->ended)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(timer);
}

gboolean
child_run(const Child *self, ChildResult *result, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GSubprocess) process = NULL;
    Identity identity = {.uid = NOBODY, .gid = NOBODY};
    Wait wait = {.cancellable = cancellable};

    /* Not by a pipe: a program that does not read all of it is no reason to stop. */
    if (self->input != NULL) {
        int input = child_make_file(self->input, error);

        if (input < 0)
            return FALSE;
        g_subprocess_launcher_take_stdin_fd(launcher, input);
    }
    if (self->fd >= 0)
        g_subprocess_launcher_take_fd(launcher, self->fd, 3);
    if (self->unprivileged && geteuid() == 0) {
        const struct passwd *user = getpwnam(VDMABUF_QEMU_USER);

        if (user != NULL) {
            identity.uid = user->pw_uid;
            identity.gid = user->pw_gid;
        }
        g_subprocess_launcher_set_child_setup(launcher, become, &identity, NULL);
        g_subprocess_launcher_set_cwd(launcher, "/");
    }
    /* What it says is read by this program, and in part looked at. */
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);

    process = g_subprocess_launcher_spawnv(launcher, self->argv, error);
    if (process == NULL)
        return FALSE;

    communicate(process, self, &wait);
    if (wait.error != NULL)
        g_subprocess_force_exit(process);
    (void) g_subprocess_wait(process, NULL, NULL);

    result->out = take_text(wait.out);
    result->err = take_text(wait.err);
    g_clear_pointer(&wait.out, g_bytes_unref);
    g_clear_pointer(&wait.err, g_bytes_unref);
    if (wait.late) {
        g_clear_error(&wait.error);
        g_set_error(error, TOOL_ERROR, TOOL_ERROR_TIMED_OUT, "%s has not ended within %u seconds",
                    self->argv[0], self->seconds);
        return FALSE;
    }
    if (wait.error != NULL) {
        g_propagate_error(error, wait.error);
        return FALSE;
    }
    result->status =
        g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
    return TRUE;
}
