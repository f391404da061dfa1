/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cycle.h"

Guest *new_guest(gsize ram_bytes)
{
    GuestOptions options = { .ram_bytes = ram_bytes };

    return guest_new(&options);
}

Guest *new_guest_of_small_pages(gsize ram_bytes)
{
    GuestOptions options = { .ram_bytes = ram_bytes, .small_pages = TRUE };

    return guest_new(&options);
}

Guest *new_writable_guest(gsize ram_bytes)
{
    GuestOptions options = { .ram_bytes = ram_bytes };
    Guest *guest = guest_new(&options);
    struct vdmabuf_limits limits = guest_limits(guest);

    limits.flags |= VDMABUF_LIMITS_WRITABLE;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    return guest;
}

void register_buffers(Guest *guest, struct vdmabuf_id *ids, guint count, guint pages)
{
    guint i;

    for (i = 0; i < count; i++)
        g_assert_cmpuint(guest_register_run(guest, (guint64) i * pages, pages, &ids[i]), ==,
                         VIRTIO_VDMABUF_S_OK);
}

guint64 send_frame(Guest *guest, const struct vdmabuf_id *id, guint32 output, guint32 flags)
{
    struct virtio_vdmabuf_frame_desc desc;
    guint64 sequence = 0;

    guest_desc_data(&desc);
    desc.output = GUINT32_TO_LE(output);
    desc.flags = GUINT32_TO_LE(flags);
    if (flags & VIRTIO_VDMABUF_FRAME_CURSOR)
        desc.flags |= GUINT32_TO_LE(VIRTIO_VDMABUF_FRAME_HIDDEN);
    g_assert_cmpuint(guest_frame(guest, id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
    return sequence;
}

void expect_released(Guest *guest, const struct vdmabuf_id *id, guint64 sequence, guint32 flags)
{
    guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, id, sequence, flags);
}

void expect_unregistered(Guest *guest, const struct vdmabuf_id *id)
{
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, id, 0, 0);
}

int import_asserted(int consumer, const struct vdmabuf_id *id, guint32 flags)
{
    int fd = consumer_import(consumer, id, flags, NULL);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

guint64 word_of(guint64 page, guint64 offset, guint64 salt)
{
    guint64 word = (page << 12 | offset) * 0x9e3779b97f4a7c15ull + salt;

    return word ^ word >> 29;
}

void fill_page(guint8 *memory, guint64 page, guint64 salt)
{
    guint64 offset;

    for (offset = 0; offset < GUEST_PAGE_SIZE; offset += sizeof(guint64))
        *(guint64 *) (memory + offset) = word_of(page, offset, salt);
}

void check_page(const guint8 *memory, guint64 page, guint64 salt)
{
    guint64 offset;

    for (offset = 0; offset < GUEST_PAGE_SIZE; offset += sizeof(guint64))
        if (*(const guint64 *) (memory + offset) != word_of(page, offset, salt))
            g_error("page %" G_GUINT64_FORMAT " differs at %" G_GUINT64_FORMAT, page, offset);
}
