/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"
#include "unit.h"

SampleTarget *
sample_target_new(const char *domain, const char *device, const char *label, const char *path)
{
    SampleTarget *self = g_new0(SampleTarget, 1);

    self->domain = g_strdup(domain);
    self->device = g_strdup(device);
    self->label = g_strdup(label);
    self->path = g_strdup(path);
    return self;
}

void
sample_target_free(SampleTarget *self)
{
    if (self == NULL)
        return;

    g_free(self->domain);
    g_free(self->device);
    g_free(self->label);
    g_free(self->path);
    g_free(self);
}

void
sample_free(Sample *self)
{
    if (self == NULL)
        return;

    sample_target_free(self->target);
    g_free(self->unit);
    g_free(self->error);
    g_array_unref(self->buffers);
    g_free(self);
}

/* All buffers, each once: their counters rise. */
static gboolean
add_buffers(Sample *self, VdmabufConsumer *consumer, GError **error)
{
    struct vdmabuf_query buffer = {.flags = 0};
    g_autoptr(GError) local = NULL;
    guint32 last = 0;

    for (;;) {
        buffer = (struct vdmabuf_query) {
            .id = {.counter = last},
            .flags = VDMABUF_QUERY_NEXT,
        };
        if (!vdmabuf_consumer_query(consumer, &buffer, &local))
            break;
        if (buffer.id.counter <= last) {
            g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                                "The vhost_vdmabuf module lists the same buffer twice");
            return FALSE;
        }
        last = buffer.id.counter;
        g_array_append_val(self->buffers, buffer);
    }
    if (g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND) ||
        g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

Sample *
sample_take(SampleTarget *target, GDBusConnection *bus)
{
    Sample *self = g_new0(Sample, 1);
    g_autoptr(VdmabufConsumer) consumer = NULL;
    g_autoptr(GError) error = NULL;

    self->target = target;
    self->buffers = g_array_new(FALSE, FALSE, sizeof(struct vdmabuf_query));
    self->unit = unit_get_name(target->domain, target->device);
    self->pid = unit_get_broker_pid(bus, target->domain, target->device);
    consumer = vdmabuf_consumer_connect(target->path, &error);
    self->time = g_get_monotonic_time();
    if (consumer == NULL || !vdmabuf_consumer_get_status(consumer, &self->status, &error) ||
        !add_buffers(self, consumer, &error))
        self->error = g_strdup(error->message);
    return self;
}

gboolean
sample_get_rate(const Sample *self, const Sample *before, double *rate, double *seconds)
{
    /* A device that was plugged anew counts from the start. */
    if (before == NULL || before->error != NULL || self->error != NULL ||
        self->time <= before->time || self->status.frames < before->status.frames)
        return FALSE;
    *seconds = (double) (self->time - before->time) / G_USEC_PER_SEC;
    *rate = (double) (self->status.frames - before->status.frames) / *seconds;
    return TRUE;
}

guint
sample_get_consumers(const Sample *self)
{
    return self->status.nr_consumers > 0 ? self->status.nr_consumers - 1 : 0;
}
