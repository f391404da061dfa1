/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <glib-unix.h>

#include "stream-private.h"

/* Between two attempts to connect: twice as long each time */
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 2000
/*
 * Behind input, together with GTK's drawing: a guest that sends frames without end must not keep the
 * program from showing any.
 */
#define EVENT_PRIORITY (G_PRIORITY_HIGH_IDLE + 20)
#define EVENTS_AT_ONCE 64
/* A guest that never uses a buffer twice must not use up our descriptors. */
#define MAX_BUFFERS 64
/* The guest's clock drifts against ours: its distance is measured anew all the time. */
#define CLOCK_WINDOW (10 * G_TIME_SPAN_SECOND)
/* A frame that took so long was not on its way: the guest's clock has started anew. */
#define CLOCK_JUMP (5 * G_TIME_SPAN_SECOND)

/* Distance of the guest's clock: the smallest of this window and of the one before it */
typedef struct {
    gint64 begun;
    gint64 smallest;
    gint64 before;
} Clock;

struct _VdmabufStream {
    GObject parent_instance;

    char *path;
    int fd; /* to use once, or -1 */
    VdmabufStreamState state;
    char *message;

    GMainContext *context;
    VdmabufLink *link;
    GSource *events;
    GSource *retry;
    guint retry_ms;
    GCancellable *connecting;
    guint32 vm_state;

    GPtrArray *outputs;   /* all; those not known to the program yet are behind the others */
    GPtrArray *announced; /* in the order of their numbers */
    GHashTable *buffers;  /* id to VdmabufBuffer; the key is the buffer's */
    GQueue recent;        /* the same buffers, that used last first */
    GHashTable *imports;  /* ids under way */
    Clock clock;
};

enum { PROP_0, PROP_PATH, PROP_STATE, PROP_MESSAGE, N_PROPERTIES };
enum { SIGNAL_OUTPUT_ADDED, N_SIGNALS };

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(VdmabufStream, vdmabuf_stream, G_TYPE_OBJECT)

static void stream_connect(VdmabufStream *self);

/* --- State --- */

static void
stream_set_state(VdmabufStream *self, VdmabufStreamState state, const char *message)
{
    gboolean other_state = self->state != state;
    gboolean other_message = g_strcmp0(self->message, message) != 0;

    self->state = state;
    if (other_message) {
        g_free(self->message);
        self->message = g_strdup(message);
    }

    g_object_freeze_notify(G_OBJECT(self));
    if (other_state)
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_STATE]);
    if (other_message)
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_MESSAGE]);
    g_object_thaw_notify(G_OBJECT(self));
}

static gboolean
stream_shows(VdmabufStream *self)
{
    for (guint i = 0; i < self->outputs->len; i++) {
        VdmabufOutput *output = g_ptr_array_index(self->outputs, i);

        if (vdmabuf_output_get_state(output) != VDMABUF_OUTPUT_WAITING)
            return TRUE;
    }
    return FALSE;
}

/* The state of a connection that is up */
static void
stream_update_state(VdmabufStream *self)
{
    if (self->link == NULL)
        return;

    if (stream_shows(self))
        stream_set_state(self, VDMABUF_STREAM_STREAMING, "The guest shows a picture");
    else if (!(self->vm_state & VDMABUF_VM_DRIVER))
        stream_set_state(self, VDMABUF_STREAM_NO_DRIVER,
                         "Waiting for the guest: its driver, virtio_vdmabuf, is not loaded yet");
    else if (!(self->vm_state & VDMABUF_VM_RUNNING))
        stream_set_state(self, VDMABUF_STREAM_NO_DRIVER,
                         "Waiting for the guest: it is paused or starts anew, or its driver, "
                         "virtio_vdmabuf, is not loaded any more");
    else
        stream_set_state(self, VDMABUF_STREAM_NO_PRODUCER,
                         "Waiting for a picture: no program in the guest exports one; "
                         "vdmabuf-scanout exports what a display shows");
}

/* --- Buffers --- */

static void
stream_drop_buffer(VdmabufStream *self, VdmabufBuffer *buffer)
{
    g_autoptr(VdmabufBuffer) keep = vdmabuf_buffer_ref(buffer);

    g_queue_remove(&self->recent, buffer);
    g_hash_table_remove(self->buffers, vdmabuf_buffer_get_id(buffer));
    for (guint i = 0; i < self->outputs->len; i++)
        vdmabuf_output_drop_buffer(g_ptr_array_index(self->outputs, i), buffer);
}

static void
stream_drop_buffers(VdmabufStream *self)
{
    VdmabufBuffer *buffer;

    while ((buffer = g_queue_peek_head(&self->recent)) != NULL)
        stream_drop_buffer(self, buffer);
}

static void
stream_imported(const struct vdmabuf_id *id, VdmabufBuffer *buffer, const GError *error,
                gpointer data)
{
    g_autoptr(VdmabufStream) self = data;

    /* Stopped, or taken back by the guest, meanwhile */
    if (!g_hash_table_remove(self->imports, id))
        return;

    if (buffer != NULL) {
        if (g_queue_get_length(&self->recent) >= MAX_BUFFERS)
            stream_drop_buffer(self, g_queue_peek_tail(&self->recent));
        vdmabuf_buffer_ref(buffer);
        g_hash_table_insert(self->buffers, (gpointer) vdmabuf_buffer_get_id(buffer), buffer);
        g_queue_push_head(&self->recent, buffer);
    }
    for (guint i = 0; i < self->outputs->len; i++)
        vdmabuf_output_imported(g_ptr_array_index(self->outputs, i), id, buffer, error);
}

static VdmabufBuffer *
stream_get_buffer(gpointer stream, const struct vdmabuf_id *id)
{
    VdmabufStream *self = stream;
    VdmabufBuffer *buffer = g_hash_table_lookup(self->buffers, id);

    if (buffer != NULL) {
        GList *place = g_queue_find(&self->recent, buffer);

        g_queue_unlink(&self->recent, place);
        g_queue_push_head_link(&self->recent, place);
        return buffer;
    }

    if (self->link != NULL && !g_hash_table_contains(self->imports, id)) {
        g_hash_table_add(self->imports, g_memdup2(id, sizeof(*id)));
        vdmabuf_link_import(self->link, id, stream_imported, g_object_ref(self));
    }
    return NULL;
}

/* --- Outputs --- */

static int
compare_outputs(gconstpointer a, gconstpointer b)
{
    guint32 one = vdmabuf_output_get_number(*(VdmabufOutput *const *) a);
    guint32 other = vdmabuf_output_get_number(*(VdmabufOutput *const *) b);

    return one < other ? -1 : one > other;
}

static void
stream_output_changed(gpointer stream, VdmabufOutput *output)
{
    VdmabufStream *self = stream;

    if (vdmabuf_output_is_known(output) && !g_ptr_array_find(self->announced, output, NULL)) {
        g_ptr_array_add(self->announced, g_object_ref(output));
        g_ptr_array_sort(self->announced, compare_outputs);
        g_signal_emit(self, signals[SIGNAL_OUTPUT_ADDED], 0, output);
    }
    stream_update_state(self);
}

/* %NULL when the guest has more of them than are shown. */
static VdmabufOutput *
stream_find_output(VdmabufStream *self, guint32 number, guint64 superseded)
{
    const VdmabufOutputOwner owner = {stream_get_buffer, stream_output_changed, self};
    VdmabufOutput *output;

    for (guint i = 0; i < self->outputs->len; i++) {
        output = g_ptr_array_index(self->outputs, i);
        if (vdmabuf_output_get_number(output) == number)
            return output;
    }
    if (self->outputs->len >= VDMABUF_STREAM_MAX_OUTPUTS)
        return NULL;

    output = vdmabuf_output_new(number, superseded, self->context, &owner);
    g_ptr_array_add(self->outputs, output);
    return output;
}

/* --- Events --- */

static void
clock_reset(Clock *self)
{
    *self = (Clock) {.smallest = G_MAXINT64, .before = G_MAXINT64};
}

/* When the guest exported a frame, in our time; see VdmabufTimes. */
static gint64
clock_convert(Clock *self, gint64 guest, gint64 arrived)
{
    gint64 distance = arrived - guest;
    gint64 smallest = MIN(self->smallest, self->before);

    if (smallest != G_MAXINT64 && distance > smallest && distance - smallest > CLOCK_JUMP)
        clock_reset(self);
    if (arrived - self->begun > CLOCK_WINDOW) {
        self->begun = arrived;
        self->before = self->smallest;
        self->smallest = G_MAXINT64;
    }
    self->smallest = MIN(self->smallest, distance);

    return guest + MIN(self->smallest, self->before);
}

static void
stream_take_frame(VdmabufStream *self, const struct vdmabuf_event *event)
{
    VdmabufPicture *picture = vdmabuf_picture_new(self->link, event);
    VdmabufTimes *times = vdmabuf_picture_get_times(picture);
    VdmabufOutput *output = NULL;

    /* The guest chooses this number; what our clock cannot have said is none. */
    if (event->frame.timestamp_ns > 0 && event->frame.timestamp_ns < G_MAXINT64)
        times->exported =
            clock_convert(&self->clock, (gint64) event->frame.timestamp_ns / 1000, times->arrived);

    /* Data that is no picture is for others. */
    if ((event->frame.fourcc != 0 || event->frame.flags & VDMABUF_FRAME_HIDDEN) &&
        vdmabuf_frame_check(&event->frame, event->size, NULL))
        output = stream_find_output(self, event->frame.output, event->superseded);

    if (output != NULL)
        vdmabuf_output_add(output, picture, event->superseded);
    else
        vdmabuf_picture_unref(picture);
}

static void
stream_take_gone(VdmabufStream *self, const struct vdmabuf_id *id)
{
    VdmabufBuffer *buffer = g_hash_table_lookup(self->buffers, id);

    g_hash_table_remove(self->imports, id);
    if (buffer != NULL)
        stream_drop_buffer(self, buffer);
    for (guint i = 0; i < self->outputs->len; i++)
        vdmabuf_output_buffer_gone(g_ptr_array_index(self->outputs, i), id);
}

static void
stream_take_state(VdmabufStream *self, guint32 state)
{
    /* Another driver: another boot, another clock */
    if ((state ^ self->vm_state) & VDMABUF_VM_DRIVER)
        clock_reset(&self->clock);
    self->vm_state = state;
    /* The end of the events follows, and says it all. */
    if (!(state & VDMABUF_VM_DEAD))
        stream_update_state(self);
}

static void
stream_unlink(VdmabufStream *self)
{
    if (self->events != NULL) {
        g_source_destroy(self->events);
        g_clear_pointer(&self->events, g_source_unref);
    }
    if (self->link == NULL)
        return;

    vdmabuf_link_close(self->link);
    g_clear_pointer(&self->link, vdmabuf_link_unref);
    g_hash_table_remove_all(self->imports);
    for (guint i = 0; i < self->outputs->len; i++)
        vdmabuf_output_reset(g_ptr_array_index(self->outputs, i));
    stream_drop_buffers(self);
}

/* --- Connecting --- */

static gboolean
stream_retry(gpointer data)
{
    VdmabufStream *self = data;

    g_clear_pointer(&self->retry, g_source_unref);
    stream_connect(self);
    return G_SOURCE_REMOVE;
}

static void
stream_connect_later(VdmabufStream *self)
{
    if (self->path == NULL || self->retry != NULL)
        return;

    self->retry = g_timeout_source_new(self->retry_ms);
    self->retry_ms = MIN(self->retry_ms * 2, RETRY_MAX_MS);
    g_source_set_callback(self->retry, stream_retry, self, NULL);
    g_source_attach(self->retry, self->context);
}

static void
stream_cancel_retry(VdmabufStream *self)
{
    if (self->retry == NULL)
        return;

    g_source_destroy(self->retry);
    g_clear_pointer(&self->retry, g_source_unref);
}

static void
stream_fail(VdmabufStream *self, const GError *error)
{
    VdmabufStreamState state = VDMABUF_STREAM_FAILED;

    if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED))
        state = VDMABUF_STREAM_DEAD;
    else if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
        state = VDMABUF_STREAM_NO_BROKER;
    else if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_PERMISSION))
        state = VDMABUF_STREAM_NO_PERMISSION;

    stream_unlink(self);
    /* A handler may have stopped it. */
    if (self->state == VDMABUF_STREAM_STOPPED)
        return;
    stream_connect_later(self);
    stream_set_state(self, state, error->message);
}

static gboolean
stream_dispatch(G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    g_autoptr(VdmabufStream) self = g_object_ref(data);
    g_autoptr(VdmabufLink) link = vdmabuf_link_ref(self->link);

    /* A handler may stop the stream. */
    for (guint i = 0; i < EVENTS_AT_ONCE && self->link == link; i++) {
        g_autoptr(GError) error = NULL;
        struct vdmabuf_event event;

        if (!vdmabuf_consumer_next_event(vdmabuf_link_get_consumer(link), 0, &event, &error)) {
            if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT))
                return G_SOURCE_CONTINUE;
            stream_fail(self, error);
            return G_SOURCE_REMOVE;
        }

        switch (event.type) {
        case VDMABUF_EVENT_FRAME:
            stream_take_frame(self, &event);
            break;
        case VDMABUF_EVENT_GONE:
            stream_take_gone(self, &event.id);
            break;
        case VDMABUF_EVENT_STATE:
            stream_take_state(self, event.state);
            break;
        default:
            break;
        }
    }
    return G_SOURCE_CONTINUE;
}

static void
stream_link(VdmabufStream *self, VdmabufConsumer *consumer)
{
    self->link = vdmabuf_link_new(consumer);
    self->retry_ms = RETRY_MIN_MS;
    self->vm_state = 0;
    clock_reset(&self->clock);

    self->events =
        g_unix_fd_source_new(vdmabuf_consumer_get_fd(consumer), G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_priority(self->events, EVENT_PRIORITY);
    g_source_set_callback(self->events, G_SOURCE_FUNC(stream_dispatch), self, NULL);
    g_source_attach(self->events, self->context);
    /* The first event says in which state it is; it waits already. */
}

static void
connect_run(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data,
            G_GNUC_UNUSED GCancellable *cancellable)
{
    GError *error = NULL;
    VdmabufConsumer *consumer = vdmabuf_consumer_connect(data, &error);

    if (consumer != NULL)
        g_task_return_pointer(task, consumer, (GDestroyNotify) vdmabuf_consumer_free);
    else
        g_task_return_error(task, error);
}

static void
connect_end(G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VdmabufStream) self = data;
    g_autoptr(GError) error = NULL;
    VdmabufConsumer *consumer;

    /* Of a stream that was stopped meanwhile; it may have been started again since. */
    if (g_task_get_cancellable(G_TASK(result)) != self->connecting)
        return;

    g_clear_object(&self->connecting);
    consumer = g_task_propagate_pointer(G_TASK(result), &error);
    if (consumer != NULL)
        stream_link(self, consumer);
    else
        stream_fail(self, error);
}

static void
stream_connect(VdmabufStream *self)
{
    g_autoptr(GTask) task = NULL;

    if (self->link != NULL || self->connecting != NULL)
        return;

    if (self->fd >= 0) {
        stream_link(self, vdmabuf_consumer_new_for_fd(g_steal_fd(&self->fd)));
        return;
    }
    if (self->path == NULL)
        return;

    self->connecting = g_cancellable_new();
    /* Not as the task's source: the last reference must not be dropped by its thread. */
    task = g_task_new(NULL, self->connecting, connect_end, g_object_ref(self));
    g_task_set_name(task, "vdmabuf connect");
    g_task_set_task_data(task, g_strdup(self->path), g_free);
    g_task_run_in_thread(task, connect_run);
}

/* --- For the program --- */

VdmabufStream *
vdmabuf_stream_new(const char *path)
{
    g_return_val_if_fail(path != NULL, NULL);

    return g_object_new(VDMABUF_TYPE_STREAM, "path", path, NULL);
}

VdmabufStream *
vdmabuf_stream_new_for_fd(int fd)
{
    VdmabufStream *self;

    g_return_val_if_fail(fd >= 0, NULL);

    self = g_object_new(VDMABUF_TYPE_STREAM, NULL);
    self->fd = fd;
    return self;
}

void
vdmabuf_stream_start(VdmabufStream *self)
{
    g_return_if_fail(VDMABUF_IS_STREAM(self));

    if (self->state != VDMABUF_STREAM_STOPPED)
        return;

    if (self->context == NULL)
        self->context = g_main_context_ref_thread_default();
    self->retry_ms = RETRY_MIN_MS;
    stream_set_state(self, VDMABUF_STREAM_CONNECTING, "Connecting to the guest's vdmabuf device");
    stream_connect(self);
}

void
vdmabuf_stream_stop(VdmabufStream *self)
{
    g_return_if_fail(VDMABUF_IS_STREAM(self));

    stream_cancel_retry(self);
    if (self->connecting != NULL)
        g_cancellable_cancel(self->connecting);
    g_clear_object(&self->connecting);
    stream_unlink(self);
    stream_set_state(self, VDMABUF_STREAM_STOPPED, "Not connected");
}

void
vdmabuf_stream_hurry(VdmabufStream *self)
{
    g_return_if_fail(VDMABUF_IS_STREAM(self));

    if (self->state == VDMABUF_STREAM_STOPPED)
        return;
    self->retry_ms = RETRY_MIN_MS;
    stream_cancel_retry(self);
    stream_connect(self);
}

const char *
vdmabuf_stream_get_path(VdmabufStream *self)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), NULL);

    return self->path;
}

VdmabufStreamState
vdmabuf_stream_get_state(VdmabufStream *self)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), VDMABUF_STREAM_STOPPED);

    return self->state;
}

const char *
vdmabuf_stream_get_message(VdmabufStream *self)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), NULL);

    return self->message;
}

GPtrArray *
vdmabuf_stream_get_outputs(VdmabufStream *self)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), NULL);

    return self->announced;
}

VdmabufOutput *
vdmabuf_stream_get_output(VdmabufStream *self, guint32 number)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), NULL);

    for (guint i = 0; i < self->announced->len; i++) {
        VdmabufOutput *output = g_ptr_array_index(self->announced, i);

        if (vdmabuf_output_get_number(output) == number)
            return output;
    }
    return NULL;
}

gboolean
vdmabuf_stream_get_status(VdmabufStream *self, struct vdmabuf_status *status)
{
    g_return_val_if_fail(VDMABUF_IS_STREAM(self), FALSE);

    return self->link != NULL &&
           vdmabuf_consumer_get_status(vdmabuf_link_get_consumer(self->link), status, NULL);
}

/* --- GObject --- */

static void
vdmabuf_stream_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    VdmabufStream *self = VDMABUF_STREAM(object);

    switch (id) {
    case PROP_PATH:
        g_value_set_string(value, self->path);
        break;
    case PROP_STATE:
        g_value_set_uint(value, self->state);
        break;
    case PROP_MESSAGE:
        g_value_set_string(value, self->message);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
vdmabuf_stream_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    VdmabufStream *self = VDMABUF_STREAM(object);

    switch (id) {
    case PROP_PATH:
        self->path = g_value_dup_string(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
vdmabuf_stream_dispose(GObject *object)
{
    VdmabufStream *self = VDMABUF_STREAM(object);

    vdmabuf_stream_stop(self);
    for (guint i = 0; i < self->outputs->len; i++)
        vdmabuf_output_orphan(g_ptr_array_index(self->outputs, i));
    G_OBJECT_CLASS(vdmabuf_stream_parent_class)->dispose(object);
}

static void
vdmabuf_stream_finalize(GObject *object)
{
    VdmabufStream *self = VDMABUF_STREAM(object);

    if (self->fd >= 0)
        g_close(self->fd, NULL);
    g_ptr_array_unref(self->announced);
    g_ptr_array_unref(self->outputs);
    g_hash_table_unref(self->buffers);
    g_hash_table_unref(self->imports);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self->message);
    g_free(self->path);
    G_OBJECT_CLASS(vdmabuf_stream_parent_class)->finalize(object);
}

static void
vdmabuf_stream_class_init(VdmabufStreamClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->get_property = vdmabuf_stream_get_property;
    object_class->set_property = vdmabuf_stream_set_property;
    object_class->dispose = vdmabuf_stream_dispose;
    object_class->finalize = vdmabuf_stream_finalize;

    properties[PROP_PATH] =
        g_param_spec_string("path", NULL, NULL, NULL,
                            G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
    properties[PROP_STATE] = g_param_spec_uint("state", NULL, NULL, VDMABUF_STREAM_STOPPED,
                                               VDMABUF_STREAM_DEAD, VDMABUF_STREAM_STOPPED, flags);
    properties[PROP_MESSAGE] = g_param_spec_string("message", NULL, NULL, NULL, flags);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);

    signals[SIGNAL_OUTPUT_ADDED] =
        g_signal_new("output-added", VDMABUF_TYPE_STREAM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 1, VDMABUF_TYPE_OUTPUT);
}

static void
vdmabuf_stream_init(VdmabufStream *self)
{
    self->fd = -1;
    self->state = VDMABUF_STREAM_STOPPED;
    self->message = g_strdup("Not connected");
    self->outputs = g_ptr_array_new_with_free_func(g_object_unref);
    self->announced = g_ptr_array_new_with_free_func(g_object_unref);
    self->buffers = g_hash_table_new_full(vdmabuf_id_hash, vdmabuf_id_equal, NULL,
                                          (GDestroyNotify) vdmabuf_buffer_unref);
    self->imports = g_hash_table_new_full(vdmabuf_id_hash, vdmabuf_id_equal, g_free, NULL);
    g_queue_init(&self->recent);
    clock_reset(&self->clock);
}
