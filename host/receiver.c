/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "receiver.h"

/* A guest that never uses a buffer twice must not use up our descriptors and address space */
#define RECEIVER_MAX_MAPS 64

struct _Receiver {
    VdmabufConsumer *consumer;
    int signal_fd;
    GHashTable *maps; /* id to VdmabufMap */
};

static int
receiver_open_signals(GError **error)
{
    sigset_t signals;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot wait for signals: %s",
                    g_strerror(errno));
    return fd;
}

Receiver *
receiver_new(const char *path, GError **error)
{
    g_autoptr(Receiver) self = g_new0(Receiver, 1);

    self->signal_fd = -1;
    self->maps = g_hash_table_new_full(vdmabuf_id_hash, vdmabuf_id_equal, g_free,
                                       (GDestroyNotify) vdmabuf_map_free);
    /* First: until here a signal just ends the program */
    self->consumer = vdmabuf_consumer_connect(path, error);
    if (self->consumer == NULL)
        return NULL;
    self->signal_fd = receiver_open_signals(error);

    return self->signal_fd >= 0 ? g_steal_pointer(&self) : NULL;
}

void
receiver_free(Receiver *self)
{
    if (self == NULL)
        return;

    g_hash_table_unref(self->maps);
    vdmabuf_consumer_free(self->consumer);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    g_free(self);
}

VdmabufConsumer *
receiver_get_consumer(Receiver *self)
{
    return self->consumer;
}

gint64
receiver_get_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;
}

ReceiverResult
receiver_next(Receiver *self, gint64 deadline, struct vdmabuf_event *event, GError **error)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = vdmabuf_consumer_get_fd(self->consumer), .events = POLLIN},
            {.fd = self->signal_fd, .events = POLLIN},
        };
        g_autoptr(GError) local = NULL;
        int timeout = -1;

        if (deadline >= 0) {
            gint64 left = deadline - g_get_monotonic_time();

            timeout = left <= 0 ? 0 : (int) MIN((left + 999) / 1000, G_MAXINT);
        }
        if (poll(fds, G_N_ELEMENTS(fds), timeout) < 0 && errno != EINTR) {
            g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "Cannot wait for events: %s",
                        g_strerror(errno));
            return RECEIVER_FAILED;
        }
        if (fds[1].revents != 0)
            return RECEIVER_INTERRUPTED;

        if (vdmabuf_consumer_next_event(self->consumer, 0, event, &local)) {
            if (event->type == VDMABUF_EVENT_GONE)
                g_hash_table_remove(self->maps, &event->id);
            return RECEIVER_EVENT;
        }
        if (g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return RECEIVER_CLOSED;
        }
        if (!g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return RECEIVER_FAILED;
        }
        if (timeout == 0) {
            g_propagate_error(error, g_steal_pointer(&local));
            return RECEIVER_TIMED_OUT;
        }
    }
}

/* The guest may take a buffer back at any time; its GONE is on its way then. */
static gboolean
receiver_is_gone(const GError *error)
{
    return g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND) ||
           g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED);
}

gboolean
receiver_release(Receiver *self, const struct vdmabuf_event *event, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!vdmabuf_consumer_release(self->consumer, &event->id, event->sequence, &local) &&
        !receiver_is_gone(local)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return TRUE;
}

VdmabufMap *
receiver_map(Receiver *self, const struct vdmabuf_event *event, GError **error)
{
    VdmabufMap *map = g_hash_table_lookup(self->maps, &event->id);
    g_autoptr(GError) local = NULL;
    guint64 size;
    int fd;

    if (map != NULL)
        return map;

    fd = vdmabuf_consumer_import(self->consumer, &event->id, FALSE, &size, &local);
    if (fd < 0) {
        if (!receiver_is_gone(local))
            g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    map = vdmabuf_map_new(fd, size, FALSE, error);
    close(fd);
    if (map == NULL)
        return NULL;

    if (g_hash_table_size(self->maps) >= RECEIVER_MAX_MAPS)
        g_hash_table_remove_all(self->maps);
    g_hash_table_insert(self->maps, g_memdup2(&event->id, sizeof(event->id)), map);
    return map;
}

guint8 *
receiver_copy(Receiver *self, const struct vdmabuf_event *event, guint64 size, GError **error)
{
    VdmabufMap *map = receiver_map(self, event, error);
    g_autofree guint8 *copy = NULL;

    if (map == NULL)
        return NULL;
    if (size > vdmabuf_map_get_size(map)) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "The frame has %" G_GUINT64_FORMAT
                    " bytes, but its buffer only %" G_GSIZE_FORMAT,
                    size, vdmabuf_map_get_size(map));
        return NULL;
    }
    copy = g_try_malloc(MAX(size, 1));
    if (copy == NULL) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "No memory for a copy of %" G_GUINT64_FORMAT " bytes", size);
        return NULL;
    }

    if (!vdmabuf_map_begin(map, error))
        return NULL;
    memcpy(copy, vdmabuf_map_get_data(map), size);
    if (!vdmabuf_map_end(map, error) || !receiver_release(self, event, error))
        return NULL;

    return g_steal_pointer(&copy);
}
