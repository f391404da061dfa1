/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "json.h"
#include "sender.h"

/*
 * A consumer that goes gives back what it holds, but its frames and the news that it has
 * gone are two events: so long the first may come behind the second.
 */
#define SENDER_GRACE G_TIME_SPAN_SECOND

struct _Sender {
    VdmabufProducer *producer;
    const SenderOptions *options;
    GPtrArray *buffers;
    SenderCounts counts;
    int signal_fd;
    gboolean interrupted;
    gboolean consumers_known;
    guint64 consumers;
    gboolean alone_said;
    gint64 alone_since;
};

Sender *
sender_new(VdmabufProducer *producer, const SenderOptions *options, GError **error)
{
    g_autoptr(Sender) self = g_new0(Sender, 1);
    sigset_t signals;

    self->producer = producer;
    self->options = options;
    self->buffers = g_ptr_array_new_with_free_func((GDestroyNotify) buffer_free);

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd < 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot wait for signals: %s",
                    g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
sender_free(Sender *self)
{
    if (self == NULL)
        return;

    if (self->signal_fd >= 0)
        close(self->signal_fd);
    g_ptr_array_unref(self->buffers);
    g_free(self);
}

void
sender_add_buffer(Sender *self, Buffer *buffer)
{
    g_ptr_array_add(self->buffers, buffer);
}

const SenderCounts *
sender_get_counts(Sender *self)
{
    return &self->counts;
}

static gboolean
sender_has_outstanding(Sender *self)
{
    for (guint i = 0; i < self->buffers->len; i++) {
        const Buffer *buffer = g_ptr_array_index(self->buffers, i);

        if (buffer->outstanding)
            return TRUE;
    }
    return FALSE;
}

static Buffer *
sender_find_free(Sender *self)
{
    for (guint i = 0; i < self->buffers->len; i++) {
        Buffer *buffer = g_ptr_array_index(self->buffers, i);

        if (!buffer->outstanding)
            return buffer;
    }
    return NULL;
}

/* --- What comes back --- */

static void
sender_report_release(Sender *self, const Buffer *buffer, guint32 flags, gboolean written)
{
    char id[VDMABUF_ID_TEXT_SIZE];

    if (self->options->json) {
        g_auto(Json) json;

        json_init(&json);
        json_open_object(&json, NULL);
        json_add_string(&json, "event", "released");
        json_add_string(&json, "id", vdmabuf_id_format(&buffer->id, id));
        json_add_uint(&json, "sequence", buffer->sequence);
        json_add_boolean(&json, "superseded", (flags & VDMABUF_RELEASED_SUPERSEDED) != 0);
        json_add_boolean(&json, "lost", (flags & VDMABUF_RELEASED_LOST) != 0);
        if (self->options->check_written)
            json_add_boolean(&json, "written", written);
        json_close_object(&json);
        json_print(&json, stdout);
    } else if (self->options->verbose) {
        printf("released %s frame %" G_GUINT64_FORMAT " %s%s\n", vdmabuf_id_format(&buffer->id, id),
               buffer->sequence,
               flags & VDMABUF_RELEASED_LOST         ? "lost"
               : flags & VDMABUF_RELEASED_SUPERSEDED ? "superseded"
                                                     : "taken",
               written ? ", written to by the host" : "");
        fflush(stdout);
    }
}

static gboolean
sender_end_frame(Sender *self, Buffer *buffer, guint32 flags, GError **error)
{
    gboolean written = FALSE;

    if (self->options->check_written && buffer->sha256 != NULL) {
        g_autofree char *sha256 = buffer_get_sha256(buffer, buffer->size, error);

        if (sha256 == NULL)
            return FALSE;
        written = strcmp(sha256, buffer->sha256) != 0;
    }

    buffer->outstanding = FALSE;
    if (flags & VDMABUF_RELEASED_LOST)
        self->counts.lost++;
    else if (flags & VDMABUF_RELEASED_SUPERSEDED)
        self->counts.superseded++;
    else
        self->counts.taken++;
    if (written)
        self->counts.written++;

    sender_report_release(self, buffer, flags, written);
    return TRUE;
}

static gboolean
sender_take_event(Sender *self, const struct vdmabuf_guest_event *event, GError **error)
{
    if (event->type == VDMABUF_GUEST_CONSUMERS) {
        self->consumers_known = TRUE;
        self->consumers = event->value;
        self->alone_since = g_get_monotonic_time();
        if (self->consumers > 0)
            self->alone_said = FALSE;
        return TRUE;
    }

    for (guint i = 0; i < self->buffers->len; i++) {
        Buffer *buffer = g_ptr_array_index(self->buffers, i);

        if (!buffer->outstanding || !vdmabuf_id_equal(&buffer->id, &event->id))
            continue;

        if (event->type == VDMABUF_GUEST_UNREGISTERED)
            return sender_end_frame(self, buffer, VDMABUF_RELEASED_LOST, error);
        if (event->type == VDMABUF_GUEST_RELEASED && buffer->sequence == event->value)
            return sender_end_frame(self, buffer, event->flags, error);
    }
    return TRUE;
}

/* Takes all events that are there. */
static gboolean
sender_take_events(Sender *self, GError **error)
{
    for (;;) {
        g_autoptr(GError) local = NULL;
        struct vdmabuf_guest_event event;

        if (!vdmabuf_producer_next_event(self->producer, 0, &event, &local)) {
            if (g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT))
                return TRUE;
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (!sender_take_event(self, &event, error))
            return FALSE;
    }
}

/* --- Waiting --- */

static void
sender_say_alone(Sender *self)
{
    if (!self->consumers_known || self->consumers > 0 || self->alone_said ||
        !sender_has_outstanding(self))
        return;

    fprintf(stderr, "vdmabuf-send: No consumer is connected on the host; waiting for one\n");
    self->alone_said = TRUE;
}

/* Waits for @deadline (-1: for ever), an event, a signal, or input on @fd (-1: none). */
static SenderResult
sender_poll(Sender *self, gint64 deadline, int fd, gboolean *readable, GError **error)
{
    struct pollfd fds[] = {
        {.fd = vdmabuf_producer_get_fd(self->producer), .events = POLLIN},
        {.fd = self->signal_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };
    int timeout = -1;

    if (deadline >= 0) {
        gint64 left = deadline - g_get_monotonic_time();

        timeout = left <= 0 ? 0 : (int) MIN((left + 999) / 1000, G_MAXINT);
    }

    sender_say_alone(self);
    if (poll(fds, G_N_ELEMENTS(fds), timeout) < 0 && errno != EINTR) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot wait for events: %s",
                    g_strerror(errno));
        return SENDER_FAILED;
    }

    if (fds[1].revents != 0)
        self->interrupted = TRUE;
    if (readable != NULL)
        *readable = fds[2].revents != 0;

    if (fds[0].revents != 0 && !sender_take_events(self, error))
        return SENDER_FAILED;

    return self->interrupted ? SENDER_INTERRUPTED : SENDER_READY;
}

/*
 * Who took frames has gone, and with them whatever would release the rest. A consumer that
 * only looked (vdmabuf-recv list) and has gone is none of them.
 */
static gboolean
sender_is_alone(Sender *self)
{
    return self->counts.taken > 0 && self->consumers_known && self->consumers == 0;
}

typedef gboolean (*SenderCondition)(Sender *self);

static SenderResult
sender_wait(Sender *self, SenderCondition condition, GError **error)
{
    gint64 deadline = -1;

    if (self->options->timeout_ms >= 0)
        deadline = g_get_monotonic_time() + self->options->timeout_ms * G_TIME_SPAN_MILLISECOND;

    while (!condition(self)) {
        gint64 now = g_get_monotonic_time();
        gint64 wake = deadline;
        SenderResult result;

        if (deadline >= 0 && now >= deadline) {
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT,
                        "The host has released no buffer in time (%s)",
                        self->consumers > 0 ? "a consumer holds it" : "no consumer is connected");
            return SENDER_FAILED;
        }
        if (sender_is_alone(self)) {
            gint64 end = self->alone_since + SENDER_GRACE;

            if (now >= end)
                return SENDER_ALONE;
            wake = deadline >= 0 ? MIN(deadline, end) : end;
        }

        result = sender_poll(self, wake, -1, NULL, error);
        if (result != SENDER_READY)
            return result;
    }
    return SENDER_READY;
}

static gboolean
sender_has_free(Sender *self)
{
    return sender_find_free(self) != NULL;
}

static gboolean
sender_has_all(Sender *self)
{
    return !sender_has_outstanding(self);
}

SenderResult
sender_wait_buffer(Sender *self, Buffer **buffer, GError **error)
{
    SenderResult result;

    /* Signals, and news of the device, also while buffers are always free */
    result = sender_poll(self, 0, -1, NULL, error);
    if (result != SENDER_READY)
        return result;

    result = sender_wait(self, sender_has_free, error);
    if (result == SENDER_READY)
        *buffer = sender_find_free(self);
    return result;
}

SenderResult
sender_wait_released(Sender *self, GError **error)
{
    return sender_wait(self, sender_has_all, error);
}

SenderResult
sender_wait_input(Sender *self, int fd, GError **error)
{
    gboolean readable = FALSE;

    while (!readable) {
        SenderResult result = sender_poll(self, -1, fd, &readable, error);

        if (result != SENDER_READY)
            return result;
    }
    return SENDER_READY;
}

SenderResult
sender_wait_until(Sender *self, gint64 time, GError **error)
{
    while (g_get_monotonic_time() < time) {
        SenderResult result = sender_poll(self, time, -1, NULL, error);

        if (result != SENDER_READY)
            return result;
    }
    return SENDER_READY;
}

SenderResult
sender_wait_consumer(Sender *self, GError **error)
{
    while (self->consumers_known && self->consumers == 0) {
        SenderResult result = sender_poll(self, -1, -1, NULL, error);

        if (result != SENDER_READY)
            return result;
    }
    return SENDER_READY;
}

/* --- Sending --- */

static void
sender_report_sent(Sender *self, const Buffer *buffer, const struct vdmabuf_frame *frame,
                   guint64 used, const char *sha256)
{
    char id[VDMABUF_ID_TEXT_SIZE];

    vdmabuf_id_format(&buffer->id, id);
    if (self->options->json) {
        g_auto(Json) json;

        json_init(&json);
        json_open_object(&json, NULL);
        json_add_string(&json, "event", "sent");
        json_add_string(&json, "id", id);
        json_add_uint(&json, "sequence", buffer->sequence);
        json_add_uint(&json, "output", frame->output);
        json_add_uint(&json, "bytes", used);
        json_add_string(&json, "sha256", sha256);
        json_close_object(&json);
        json_print(&json, stdout);
    } else if (self->options->verbose) {
        printf("sent %s frame %" G_GUINT64_FORMAT " bytes %" G_GUINT64_FORMAT " sha256 %s\n", id,
               buffer->sequence, used, sha256);
        fflush(stdout);
    }
}

gboolean
sender_send(Sender *self, Buffer *buffer, const struct vdmabuf_frame *frame, guint64 used,
            GError **error)
{
    g_autofree char *sha256 = NULL;

    g_clear_pointer(&buffer->sha256, g_free);
    /* Before the export: afterwards the buffer is the host's */
    if (self->options->verbose || self->options->json) {
        sha256 = buffer_get_sha256(buffer, used, error);
        if (sha256 == NULL)
            return FALSE;
    }
    if (self->options->check_written) {
        buffer->sha256 = buffer_get_sha256(buffer, buffer->size, error);
        if (buffer->sha256 == NULL)
            return FALSE;
    }

    if (!vdmabuf_producer_export(self->producer, buffer->fd, frame, &buffer->id, &buffer->sequence,
                                 error))
        return FALSE;

    buffer->outstanding = TRUE;
    self->counts.sent++;
    sender_report_sent(self, buffer, frame, used, sha256);
    return TRUE;
}

void
sender_print_counts(Sender *self)
{
    const SenderCounts *counts = &self->counts;
    guint64 back = counts->taken + counts->superseded + counts->lost;

    if (self->options->json) {
        g_auto(Json) json;

        json_init(&json);
        json_open_object(&json, NULL);
        json_add_string(&json, "event", "done");
        json_add_uint(&json, "sent", counts->sent);
        json_add_uint(&json, "taken", counts->taken);
        json_add_uint(&json, "superseded", counts->superseded);
        json_add_uint(&json, "lost", counts->lost);
        if (self->options->check_written)
            json_add_uint(&json, "written", counts->written);
        json_close_object(&json);
        json_print(&json, stdout);
        return;
    }

    printf("%" G_GUINT64_FORMAT " frames sent: %" G_GUINT64_FORMAT " taken, %" G_GUINT64_FORMAT
           " superseded, %" G_GUINT64_FORMAT " lost, %" G_GUINT64_FORMAT " not released\n",
           counts->sent, counts->taken, counts->superseded, counts->lost, counts->sent - back);
}
