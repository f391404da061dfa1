/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vring.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

gsize vring_avail_offset(guint16 num)
{
    return sizeof(struct vring_desc) * num;
}

gsize vring_used_offset(guint16 num)
{
    gsize end = vring_avail_offset(num) + sizeof(guint16) * (3 + num);

    return (end + VRING_USED_ALIGN_SIZE - 1) & ~(gsize) (VRING_USED_ALIGN_SIZE - 1);
}

gsize vring_bytes(guint16 num)
{
    return vring_used_offset(num) + sizeof(guint16) * 3 + sizeof(struct vring_used_elem) * num;
}

void vring_forget(Vring *self)
{
    guint i;

    memset(self->desc, 0, vring_bytes(self->num));
    self->available = self->published = self->last_used = 0;
    self->free_head = 0;
    self->n_free = self->num;
    for (i = 0; i < self->num; i++) {
        self->next[i] = i + 1;
        self->in_flight[i] = FALSE;
        self->cookies[i] = NULL;
    }
}

void vring_setup(Vring *self, gpointer memory, guint16 num)
{
    self->num = num;
    self->desc = memory;
    self->avail = (gpointer) ((guint8 *) memory + vring_avail_offset(num));
    self->used = (gpointer) ((guint8 *) memory + vring_used_offset(num));
    self->next = g_new(guint16, num);
    self->in_flight = g_new(gboolean, num);
    self->cookies = g_new(gpointer, num);
    self->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert_cmpint(self->kick_fd, >=, 0);
    g_assert_cmpint(self->call_fd, >=, 0);
    g_assert_cmpint(self->error_fd, >=, 0);
    vring_forget(self);
}

void vring_clear(Vring *self)
{
    g_clear_pointer(&self->next, g_free);
    g_clear_pointer(&self->in_flight, g_free);
    g_clear_pointer(&self->cookies, g_free);
    close(self->kick_fd);
    close(self->call_fd);
    close(self->error_fd);
}

static void fill_descriptor(struct vring_desc *desc, const VringSegment *segment, guint16 flags,
                            guint16 next)
{
    desc->addr = GUINT64_TO_LE(segment->address);
    desc->len = GUINT32_TO_LE(segment->length);
    desc->flags = GUINT16_TO_LE(flags | (segment->writable ? VRING_DESC_F_WRITE : 0));
    desc->next = GUINT16_TO_LE(next);
}

int vring_add(Vring *self, const VringSegment *segments, guint n_segments,
              const VringIndirect *indirect, gpointer cookie)
{
    guint needed = indirect != NULL ? 1 : n_segments;
    guint16 head = self->free_head;
    guint16 at = head;
    guint i;

    if (needed == 0 || needed > self->n_free)
        return -1;

    if (indirect != NULL) {
        VringSegment whole = {
            .address = indirect->address,
            .length = n_segments * sizeof(struct vring_desc),
        };

        for (i = 0; i < n_segments; i++) {
            gboolean last = i + 1 == n_segments;

            fill_descriptor(&indirect->table[i], &segments[i], last ? 0 : VRING_DESC_F_NEXT,
                            last ? 0 : i + 1);
        }
        fill_descriptor(&self->desc[at], &whole, VRING_DESC_F_INDIRECT, 0);
    } else {
        for (i = 0; i + 1 < n_segments; i++) {
            fill_descriptor(&self->desc[at], &segments[i], VRING_DESC_F_NEXT, self->next[at]);
            at = self->next[at];
        }
        fill_descriptor(&self->desc[at], &segments[i], 0, 0);
    }

    self->free_head = self->next[at];
    /* The end of a chain under way */
    self->next[at] = G_MAXUINT16;
    self->n_free -= needed;
    self->in_flight[head] = TRUE;
    self->cookies[head] = cookie;
    self->avail->ring[self->available++ % self->num] = GUINT16_TO_LE(head);
    return head;
}

void vring_publish(Vring *self)
{
    __atomic_store_n(&self->avail->idx, GUINT16_TO_LE(self->available), __ATOMIC_RELEASE);
    self->published = self->available;
}

void vring_kick(Vring *self)
{
    guint64 one = 1;

    vring_publish(self);
    /* The index has to be visible before the flag is looked at */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (GUINT16_FROM_LE(__atomic_load_n(&self->used->flags, __ATOMIC_RELAXED)) &
        VRING_USED_F_NO_NOTIFY)
        return;
    g_assert_cmpint(write(self->kick_fd, &one, sizeof one), ==, sizeof one);
}

static guint16 used_index(Vring *self)
{
    return GUINT16_FROM_LE(__atomic_load_n(&self->used->idx, __ATOMIC_ACQUIRE));
}

gboolean vring_take(Vring *self, gpointer *cookie, guint32 *length)
{
    const struct vring_used_elem *element;
    guint32 head;
    guint16 at;
    guint count = 1;

    if (used_index(self) == self->last_used)
        return FALSE;
    element = &self->used->ring[self->last_used % self->num];
    head = GUINT32_FROM_LE(element->id);
    /* A device that names a chain which is not under way has a bug */
    g_assert_cmpuint(head, <, self->num);
    g_assert_true(self->in_flight[head]);
    self->last_used++;

    if (length != NULL)
        *length = GUINT32_FROM_LE(element->len);
    if (cookie != NULL)
        *cookie = self->cookies[head];
    self->in_flight[head] = FALSE;
    for (at = head; self->next[at] != G_MAXUINT16; at = self->next[at])
        count++;
    self->next[at] = self->free_head;
    self->free_head = head;
    self->n_free += count;
    return TRUE;
}

gboolean vring_wait(Vring *self, int timeout_ms)
{
    gint64 deadline = g_get_monotonic_time() + (gint64) timeout_ms * 1000;

    while (used_index(self) == self->last_used) {
        struct pollfd pfd = { .fd = self->call_fd, .events = POLLIN };
        gint64 left = deadline - g_get_monotonic_time();
        guint64 count;

        if (left <= 0 || poll(&pfd, 1, left / 1000 + 1) == 0)
            return used_index(self) != self->last_used;
        if (read(self->call_fd, &count, sizeof count) < 0)
            continue;
    }
    return TRUE;
}

gboolean vring_take_error(Vring *self)
{
    guint64 count;

    return read(self->error_fd, &count, sizeof count) == sizeof count;
}
