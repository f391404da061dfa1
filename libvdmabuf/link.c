/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <unistd.h>

#include "stream-private.h"

struct _VdmabufLink {
    grefcount references;
    VdmabufConsumer *consumer;
    guint imports; /* under way */
    gboolean closed;
};

struct _VdmabufBuffer {
    grefcount references;
    struct vdmabuf_id id;
    int fd;
    guint64 size;
    VdmabufMap *map;
};

struct _VdmabufPicture {
    grefcount references;
    VdmabufLink *link;
    VdmabufBuffer *buffer;
    struct vdmabuf_id id;
    guint64 sequence;
    struct vdmabuf_frame frame;
    struct vdmabuf_rect damage;
    VdmabufTimes times;
};

G_DEFINE_BOXED_TYPE(VdmabufBuffer, vdmabuf_buffer, vdmabuf_buffer_ref, vdmabuf_buffer_unref)
G_DEFINE_BOXED_TYPE(VdmabufPicture, vdmabuf_picture, vdmabuf_picture_ref, vdmabuf_picture_unref)

/* --- Links --- */

VdmabufLink *
vdmabuf_link_new(VdmabufConsumer *consumer)
{
    VdmabufLink *self = g_new0(VdmabufLink, 1);

    g_ref_count_init(&self->references);
    self->consumer = consumer;
    return self;
}

VdmabufLink *
vdmabuf_link_ref(VdmabufLink *self)
{
    g_ref_count_inc(&self->references);
    return self;
}

void
vdmabuf_link_unref(VdmabufLink *self)
{
    if (!g_ref_count_dec(&self->references))
        return;

    vdmabuf_consumer_free(self->consumer);
    g_free(self);
}

VdmabufConsumer *
vdmabuf_link_get_consumer(VdmabufLink *self)
{
    return self->closed ? NULL : self->consumer;
}

static void
link_close_if_idle(VdmabufLink *self)
{
    if (self->closed && self->imports == 0)
        g_clear_pointer(&self->consumer, vdmabuf_consumer_free);
}

void
vdmabuf_link_close(VdmabufLink *self)
{
    self->closed = TRUE;
    link_close_if_idle(self);
}

/* --- Imports --- */

typedef struct {
    VdmabufLink *link;
    struct vdmabuf_id id;
    int fd;
    guint64 size;
    VdmabufImportFunc callback;
    gpointer data;
} Import;

/*
 * A consumer is for one thread at a time, but for this: an import only hands its descriptor to the
 * kernel, and the descriptor stays open until the import has ended.
 */
static void
import_run(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data,
           G_GNUC_UNUSED GCancellable *cancellable)
{
    Import *import = data;
    GError *error = NULL;

    import->fd =
        vdmabuf_consumer_import(import->link->consumer, &import->id, FALSE, &import->size, &error);
    if (import->fd < 0)
        g_task_return_error(task, error);
    else
        g_task_return_boolean(task, TRUE);
}

static void
import_end(G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer data)
{
    Import *import = data;
    g_autoptr(VdmabufBuffer) buffer = NULL;
    g_autoptr(GError) error = NULL;

    if (g_task_propagate_boolean(G_TASK(result), &error))
        buffer = vdmabuf_buffer_new(&import->id, import->fd, import->size);
    import->link->imports--;
    link_close_if_idle(import->link);

    import->callback(&import->id, buffer, error, import->data);

    vdmabuf_link_unref(import->link);
    g_free(import);
}

void
vdmabuf_link_import(VdmabufLink *self, const struct vdmabuf_id *id, VdmabufImportFunc callback,
                    gpointer data)
{
    Import *import = g_new0(Import, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, import_end, import);

    *import = (Import) {
        .link = vdmabuf_link_ref(self),
        .id = *id,
        .fd = -1,
        .callback = callback,
        .data = data,
    };
    self->imports++;
    g_task_set_name(task, "vdmabuf import");
    g_task_set_task_data(task, import, NULL);
    g_task_run_in_thread(task, import_run);
}

/* --- Buffers --- */

VdmabufBuffer *
vdmabuf_buffer_new(const struct vdmabuf_id *id, int fd, guint64 size)
{
    VdmabufBuffer *self = g_new0(VdmabufBuffer, 1);

    g_ref_count_init(&self->references);
    self->id = *id;
    self->fd = fd;
    self->size = size;
    return self;
}

VdmabufBuffer *
vdmabuf_buffer_ref(VdmabufBuffer *self)
{
    g_ref_count_inc(&self->references);
    return self;
}

void
vdmabuf_buffer_unref(VdmabufBuffer *self)
{
    if (!g_ref_count_dec(&self->references))
        return;

    g_clear_pointer(&self->map, vdmabuf_map_free);
    close(self->fd);
    g_free(self);
}

const struct vdmabuf_id *
vdmabuf_buffer_get_id(VdmabufBuffer *self)
{
    return &self->id;
}

int
vdmabuf_buffer_get_fd(VdmabufBuffer *self)
{
    return self->fd;
}

guint64
vdmabuf_buffer_get_size(VdmabufBuffer *self)
{
    return self->size;
}

VdmabufMap *
vdmabuf_buffer_get_map(VdmabufBuffer *self, GError **error)
{
    if (self->map == NULL)
        self->map = vdmabuf_map_new(self->fd, self->size, FALSE, error);
    return self->map;
}

/* --- Pictures --- */

VdmabufPicture *
vdmabuf_picture_new(VdmabufLink *link, const struct vdmabuf_event *event)
{
    VdmabufPicture *self = g_new0(VdmabufPicture, 1);

    g_ref_count_init(&self->references);
    self->link = vdmabuf_link_ref(link);
    self->id = event->id;
    self->sequence = event->sequence;
    self->frame = event->frame;
    self->damage = event->frame.damage;
    self->times.arrived = (gint64) (event->timestamp_ns / 1000);
    self->times.read = g_get_monotonic_time();
    return self;
}

VdmabufPicture *
vdmabuf_picture_ref(VdmabufPicture *self)
{
    g_ref_count_inc(&self->references);
    return self;
}

void
vdmabuf_picture_unref(VdmabufPicture *self)
{
    VdmabufConsumer *consumer;

    if (!g_ref_count_dec(&self->references))
        return;

    g_clear_pointer(&self->buffer, vdmabuf_buffer_unref);
    consumer = vdmabuf_link_get_consumer(self->link);
    /* It fails when the guest has taken the buffer back, or is gone: then there is nothing to do. */
    if (consumer != NULL)
        vdmabuf_consumer_release(consumer, &self->id, self->sequence, NULL);
    vdmabuf_link_unref(self->link);
    g_free(self);
}

const struct vdmabuf_id *
vdmabuf_picture_get_id(VdmabufPicture *self)
{
    return &self->id;
}

const struct vdmabuf_frame *
vdmabuf_picture_get_frame(VdmabufPicture *self)
{
    return &self->frame;
}

VdmabufBuffer *
vdmabuf_picture_get_buffer(VdmabufPicture *self)
{
    return self->buffer;
}

void
vdmabuf_picture_set_buffer(VdmabufPicture *self, VdmabufBuffer *buffer, gboolean waited)
{
    g_return_if_fail(self->buffer == NULL);

    self->buffer = vdmabuf_buffer_ref(buffer);
    self->times.imported = waited ? g_get_monotonic_time() : self->times.read;
}

guint64
vdmabuf_picture_get_sequence(VdmabufPicture *self)
{
    return self->sequence;
}

VdmabufTimes *
vdmabuf_picture_get_times(VdmabufPicture *self)
{
    return &self->times;
}

void
vdmabuf_picture_get_damage(VdmabufPicture *self, struct vdmabuf_rect *damage)
{
    *damage = self->damage;
}

void
vdmabuf_picture_set_damage(VdmabufPicture *self, const struct vdmabuf_rect *damage)
{
    self->damage = *damage;
}
