/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-consumer.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)

static FakeConsumer *the_consumer;

int __wrap_vdmabuf_io_ioctl(int fd, unsigned long request, void *arg);

void
fake_consumer_reopen(FakeConsumer *self)
{
    int ends[2];

    if (self->fd >= 0)
        close(self->fd);
    if (self->events >= 0)
        close(self->events);
    g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
    self->fd = ends[0];
    self->events = ends[1];
    self->superseded = 0;
    g_mutex_lock(&self->mutex);
    g_array_set_size(self->held, 0);
    g_mutex_unlock(&self->mutex);
}

void
fake_consumer_init(FakeConsumer *self)
{
    *self = (FakeConsumer) {.fd = -1, .events = -1, .pattern = 1};
    g_mutex_init(&self->mutex);
    g_cond_init(&self->cond);
    self->held = g_array_new(FALSE, FALSE, sizeof(guint64));
    fake_consumer_reopen(self);
    the_consumer = self;
}

void
fake_consumer_clear(FakeConsumer *self)
{
    the_consumer = NULL;
    if (self->fd >= 0)
        close(self->fd);
    if (self->events >= 0)
        close(self->events);
    g_array_unref(self->held);
    g_cond_clear(&self->cond);
    g_mutex_clear(&self->mutex);
}

int
fake_consumer_take_fd(FakeConsumer *self)
{
    int fd = self->fd;

    self->fd = -1;
    return fd;
}

void
fake_consumer_end(FakeConsumer *self)
{
    close(self->events);
    self->events = -1;
}

static struct vdmabuf_id
make_id(guint buffer)
{
    return (struct vdmabuf_id) {.vmm_pid = 7, .counter = buffer, .random = buffer * 17};
}

static void
send_event(FakeConsumer *self, const struct vdmabuf_event *event)
{
    g_assert_cmpint(write(self->events, event, sizeof(*event)), ==, sizeof(*event));
}

void
fake_consumer_state(FakeConsumer *self, guint32 state)
{
    struct vdmabuf_event event = {.type = VDMABUF_EVENT_STATE, .state = state};

    send_event(self, &event);
}

guint64
fake_consumer_frame(FakeConsumer *self, guint buffer, const struct vdmabuf_frame *frame)
{
    struct vdmabuf_event event = {
        .type = VDMABUF_EVENT_FRAME,
        .id = make_id(buffer),
        .sequence = ++self->sequence,
        .superseded = self->superseded,
        .size = BUFFER_BYTES,
        .timestamp_ns = (guint64) g_get_monotonic_time() * 1000,
        .frame = *frame,
    };

    g_mutex_lock(&self->mutex);
    g_array_append_val(self->held, self->sequence);
    g_mutex_unlock(&self->mutex);
    send_event(self, &event);
    return self->sequence;
}

void
fake_consumer_gone(FakeConsumer *self, guint buffer)
{
    struct vdmabuf_event event = {.type = VDMABUF_EVENT_GONE, .id = make_id(buffer)};

    send_event(self, &event);
}

void
fake_consumer_set_holding(FakeConsumer *self, gboolean hold)
{
    g_mutex_lock(&self->mutex);
    self->hold_imports = hold;
    g_cond_broadcast(&self->cond);
    g_mutex_unlock(&self->mutex);
}

gboolean
fake_consumer_is_held(FakeConsumer *self, guint64 sequence)
{
    gboolean found = FALSE;

    g_mutex_lock(&self->mutex);
    for (guint i = 0; i < self->held->len; i++)
        found |= g_array_index(self->held, guint64, i) == sequence;
    g_mutex_unlock(&self->mutex);
    return found;
}

guint
fake_consumer_count_held(FakeConsumer *self)
{
    guint count;

    g_mutex_lock(&self->mutex);
    count = self->held->len;
    g_mutex_unlock(&self->mutex);
    return count;
}

guint
fake_consumer_count_imports(FakeConsumer *self)
{
    guint count;

    g_mutex_lock(&self->mutex);
    count = self->imports;
    g_mutex_unlock(&self->mutex);
    return count;
}

/* --- The kernel --- */

static int
fake_import(FakeConsumer *self, struct vdmabuf_import *import)
{
    g_autofree guint8 *bytes = NULL;

    g_mutex_lock(&self->mutex);
    self->imports++;
    self->holding++;
    while (self->hold_imports)
        g_cond_wait(&self->cond, &self->mutex);
    self->holding--;
    g_mutex_unlock(&self->mutex);
    if (self->import_errno != 0) {
        errno = self->import_errno;
        return -1;
    }

    import->fd = memfd_create("fake buffer", MFD_CLOEXEC);
    import->size = BUFFER_BYTES;
    g_assert_cmpint(import->fd, >=, 0);
    bytes = g_malloc(BUFFER_BYTES);
    for (guint i = 0; i < BUFFER_BYTES; i++)
        bytes[i] = (guint8) (i * self->pattern);
    g_assert_cmpint(write(import->fd, bytes, BUFFER_BYTES), ==, BUFFER_BYTES);
    return 0;
}

static int
fake_release(FakeConsumer *self, const struct vdmabuf_release *release)
{
    int ret = -1;

    g_mutex_lock(&self->mutex);
    for (guint i = 0; i < self->held->len; i++) {
        if (g_array_index(self->held, guint64, i) == release->sequence) {
            g_array_remove_index(self->held, i);
            ret = 0;
            break;
        }
    }
    if (ret < 0)
        self->bad_releases++;
    g_mutex_unlock(&self->mutex);
    errno = ENOENT;
    return ret;
}

int
__wrap_vdmabuf_io_ioctl(G_GNUC_UNUSED int fd, unsigned long request, void *arg)
{
    switch (request) {
    case VDMABUF_IOC_IMPORT:
        return fake_import(the_consumer, arg);
    case VDMABUF_IOC_RELEASE:
        return fake_release(the_consumer, arg);
    case VDMABUF_IOC_GET_STATUS:
        *(struct vdmabuf_status *) arg = (struct vdmabuf_status) {.vm = {.name = "fake"}};
        return 0;
    case DMA_BUF_IOCTL_SYNC:
        return 0;
    default:
        errno = ENOTTY;
        return -1;
    }
}
