/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does everything wrong: each malformed request has to be answered with the status
 * that protocol.md gives it and has to have no effect; a malformed ring may cost the ring, and
 * nothing else. A table of cases, and then a great many random ones that are held against a model.
 */
#include "check.h"
#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define RAM_BYTES (8 * MIB)
/* Fewer than fit into a slot's request, so that the random ones reach the limit */
#define MAX_ENTRIES 96
#define RAM_PAGES (RAM_BYTES / GUEST_PAGE_SIZE)
#define REPLY_SIZE sizeof(struct virtio_vdmabuf_reply)

#define OK (1u << VIRTIO_VDMABUF_S_OK)
#define BAD_REQUEST (1u << VIRTIO_VDMABUF_S_BAD_REQUEST)
#define BAD_ADDRESS (1u << VIRTIO_VDMABUF_S_BAD_ADDRESS)
#define BAD_FRAME (1u << VIRTIO_VDMABUF_S_BAD_FRAME)
#define NO_BUFFER (1u << VIRTIO_VDMABUF_S_NO_BUFFER)
#define BUSY (1u << VIRTIO_VDMABUF_S_BUSY)
#define LIMIT (1u << VIRTIO_VDMABUF_S_LIMIT)
#define ENTRIES (1u << VIRTIO_VDMABUF_S_ENTRIES)

static guint64 random_seed;
static guint64 random_count;

/* --- The device as protocol.md describes it --- */

typedef struct {
    struct vdmabuf_id id;
    guint64 size;
    gboolean ending;
    guint n_imports;
    /* Sequences of frames that were accepted and have not come back, oldest first */
    GQueue frames;
} Buffer;

typedef struct {
    Guest *guest;
    struct vdmabuf_limits limits;
    GHashTable *buffers;
    guint n_registered;
    guint64 bytes_registered;
    guint n_ending;
    guint64 bytes_ending;
    /* Forgotten by a RESET while they were imported: they count until that is over */
    GHashTable *orphans;
    guint64 bytes_orphans;
} World;

static void buffer_free(gpointer data)
{
    Buffer *buffer = data;

    g_queue_clear_full(&buffer->frames, g_free);
    g_free(buffer);
}

static void world_init(World *world, Guest *guest)
{
    memset(world, 0, sizeof *world);
    world->guest = guest;
    world->limits = guest_limits(guest);
    world->buffers = g_hash_table_new_full(guest_id_hash, guest_id_equal, NULL, buffer_free);
    world->orphans = g_hash_table_new_full(guest_id_hash, guest_id_equal, NULL, buffer_free);
}

static void world_forget(World *world)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, world->buffers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Buffer *buffer = value;

        if (buffer->n_imports == 0)
            continue;
        g_hash_table_iter_steal(&iter);
        g_hash_table_insert(world->orphans, &buffer->id, buffer);
        world->bytes_orphans += buffer->size;
    }
    g_hash_table_remove_all(world->buffers);
    world->n_registered = world->n_ending = 0;
    world->bytes_registered = world->bytes_ending = 0;
}

static void world_clear(World *world)
{
    g_hash_table_destroy(world->orphans);
    g_hash_table_destroy(world->buffers);
}

static gboolean is_guest_memory(Guest *guest, guint64 address, guint64 length)
{
    while (length != 0) {
        guint64 left = 0;
        guint i;

        for (i = 0; i < guest->n_regions; i++) {
            const GuestRegion *region = &guest->regions[i];

            if (address >= region->address && address - region->address < region->bytes)
                left = region->bytes - (address - region->address);
        }
        if (left == 0)
            return FALSE;
        left = MIN(left, length);
        address += left;
        length -= left;
    }
    return TRUE;
}

static guint32 judge_entries(World *world, const struct virtio_vdmabuf_register *request,
                             const struct virtio_vdmabuf_entry *entries, guint64 count)
{
    guint64 size = GUINT64_FROM_LE(request->size);
    guint64 sum = 0, i;

    if (size == 0 || size % GUEST_PAGE_SIZE != 0)
        return BAD_ADDRESS;
    for (i = 0; i < count; i++) {
        guint64 address = GUINT64_FROM_LE(entries[i].addr);
        guint64 length = GUINT64_FROM_LE(entries[i].length);

        if (address % GUEST_PAGE_SIZE != 0 || length % GUEST_PAGE_SIZE != 0 || length == 0)
            return BAD_ADDRESS;
        if (address + length < address || sum + length < sum)
            return BAD_ADDRESS;
        sum += length;
        if (!is_guest_memory(world->guest, address, length))
            return BAD_ADDRESS;
    }
    return sum == size ? 0 : BAD_ADDRESS;
}

static guint32 judge_frame(const struct virtio_vdmabuf_frame_desc *desc, guint64 size)
{
    guint32 width = GUINT32_FROM_LE(desc->width);
    guint32 height = GUINT32_FROM_LE(desc->height);
    guint32 flags = GUINT32_FROM_LE(desc->flags);
    guint32 planes = GUINT32_FROM_LE(desc->nr_planes);
    guint64 damage[4] = {
        GUINT32_FROM_LE(desc->damage.x), GUINT32_FROM_LE(desc->damage.y),
        GUINT32_FROM_LE(desc->damage.width), GUINT32_FROM_LE(desc->damage.height),
    };
    gboolean no_damage = !damage[0] && !damage[1] && !damage[2] && !damage[3];
    guint i;

    if (flags & ~VIRTIO_VDMABUF_FRAME_FLAGS)
        return BAD_FRAME;
    if (GUINT32_FROM_LE(desc->app_size) > VIRTIO_VDMABUF_MAX_APP || desc->reserved != 0)
        return BAD_FRAME;
    if (desc->fourcc == 0) {
        if (desc->modifier || width || height || planes || !no_damage)
            return BAD_FRAME;
        if (desc->x || desc->y || desc->hot_x || desc->hot_y)
            return BAD_FRAME;
        for (i = 0; i < VIRTIO_VDMABUF_MAX_PLANES; i++)
            if (desc->planes[i].offset || desc->planes[i].stride)
                return BAD_FRAME;
        if ((flags & VIRTIO_VDMABUF_FRAME_CURSOR) && !(flags & VIRTIO_VDMABUF_FRAME_HIDDEN))
            return BAD_FRAME;
        return 0;
    }
    if (width < 1 || width > 65535 || height < 1 || height > 65535 || planes < 1 || planes > 4)
        return BAD_FRAME;
    for (i = 0; i < VIRTIO_VDMABUF_MAX_PLANES; i++) {
        guint32 offset = GUINT32_FROM_LE(desc->planes[i].offset);
        guint32 stride = GUINT32_FROM_LE(desc->planes[i].stride);

        if (i < planes ? offset >= size || stride == 0 : offset != 0 || stride != 0)
            return BAD_FRAME;
    }
    if (!no_damage && (damage[0] + damage[2] > width || damage[1] + damage[3] > height))
        return BAD_FRAME;
    if (desc->modifier == 0 &&
        GUINT32_FROM_LE(desc->planes[0].offset) +
                (guint64) GUINT32_FROM_LE(desc->planes[0].stride) * (height - 1) >=
            size)
        return BAD_FRAME;
    return 0;
}

static Buffer *find_buffer(World *world, const struct virtio_vdmabuf_id *wire)
{
    struct vdmabuf_id id;
    Buffer *buffer;

    guest_id_from_wire(&id, wire);
    buffer = g_hash_table_lookup(world->buffers, &id);
    return buffer != NULL && !buffer->ending ? buffer : NULL;
}

/* The statuses that may answer a request: OK alone, or one for each rule that it breaks */
static guint32 judge(World *world, gconstpointer bytes, gsize length)
{
    const struct virtio_vdmabuf_ctrl *ctrl = bytes;
    guint32 wrong = 0;

    if (length < sizeof *ctrl)
        return BAD_REQUEST;
    if (ctrl->flags != 0)
        wrong |= BAD_REQUEST;
    switch (GUINT32_FROM_LE(ctrl->type)) {
    case VIRTIO_VDMABUF_CMD_RESET:
        if (length != sizeof *ctrl)
            wrong |= BAD_REQUEST;
        break;
    case VIRTIO_VDMABUF_CMD_REGISTER: {
        const struct virtio_vdmabuf_register *request = bytes;
        guint64 count, size, used;
        guint buffers;

        if (length < sizeof *request)
            return BAD_REQUEST;
        count = GUINT32_FROM_LE(request->nr_entries);
        size = GUINT64_FROM_LE(request->size);
        if (request->reserved != 0)
            wrong |= BAD_REQUEST;
        if (count > world->limits.max_entries)
            wrong |= ENTRIES;
        if (count == 0 || length != sizeof *request + count * sizeof(struct virtio_vdmabuf_entry))
            wrong |= BAD_REQUEST;
        if (size == 0 || size % GUEST_PAGE_SIZE != 0)
            wrong |= BAD_ADDRESS;
        used = world->bytes_registered + world->bytes_orphans;
        buffers = world->n_registered + g_hash_table_size(world->orphans);
        if (buffers + 1 > world->limits.max_buffers ||
            size > world->limits.max_bytes - MIN(used, world->limits.max_bytes))
            wrong |= LIMIT;
        if (!(wrong & (BAD_REQUEST | ENTRIES)))
            wrong |= judge_entries(world, request, (gconstpointer) (request + 1), count);
        /* A buffer that is ending may count until its event */
        if (buffers + world->n_ending + 1 > world->limits.max_buffers ||
            used + world->bytes_ending + size > world->limits.max_bytes)
            return wrong != 0 ? wrong | LIMIT : OK | LIMIT;
        break;
    }
    case VIRTIO_VDMABUF_CMD_FRAME: {
        const struct virtio_vdmabuf_frame *request = bytes;
        Buffer *buffer;

        if (length != sizeof *request)
            return BAD_REQUEST;
        buffer = find_buffer(world, &request->id);
        if (buffer == NULL)
            wrong |= NO_BUFFER;
        wrong |= judge_frame(&request->desc, buffer != NULL ? buffer->size : G_MAXUINT64);
        if (buffer != NULL && !g_queue_is_empty(&buffer->frames)) {
            /* It may have come back in the meantime */
            if (wrong == 0)
                return OK | BUSY;
            wrong |= BUSY;
        }
        break;
    }
    case VIRTIO_VDMABUF_CMD_UNREGISTER: {
        const struct virtio_vdmabuf_unregister *request = bytes;

        if (length != sizeof *request)
            return BAD_REQUEST;
        if (find_buffer(world, &request->id) == NULL)
            wrong |= NO_BUFFER;
        break;
    }
    default:
        return BAD_REQUEST;
    }
    return wrong != 0 ? wrong : OK;
}

/* What an answer of OK has changed */
static void world_apply(World *world, gconstpointer bytes, const struct virtio_vdmabuf_reply *reply)
{
    const struct virtio_vdmabuf_ctrl *ctrl = bytes;
    Buffer *buffer;

    switch (GUINT32_FROM_LE(ctrl->type)) {
    case VIRTIO_VDMABUF_CMD_RESET:
        world_forget(world);
        break;
    case VIRTIO_VDMABUF_CMD_REGISTER:
        buffer = g_new0(Buffer, 1);
        guest_id_from_wire(&buffer->id, &reply->id);
        buffer->size = GUINT64_FROM_LE(((const struct virtio_vdmabuf_register *) bytes)->size);
        g_assert_true(g_hash_table_insert(world->buffers, &buffer->id, buffer));
        world->n_registered++;
        world->bytes_registered += buffer->size;
        break;
    case VIRTIO_VDMABUF_CMD_FRAME: {
        const struct virtio_vdmabuf_frame *request = bytes;

        buffer = find_buffer(world, &request->id);
        g_queue_push_tail(&buffer->frames, g_memdup2(&request->sequence, sizeof(guint64)));
        break;
    }
    case VIRTIO_VDMABUF_CMD_UNREGISTER:
        buffer = find_buffer(world, &((const struct virtio_vdmabuf_unregister *) bytes)->id);
        buffer->ending = TRUE;
        world->n_registered--;
        world->bytes_registered -= buffer->size;
        world->n_ending++;
        world->bytes_ending += buffer->size;
        break;
    default:
        g_assert_not_reached();
    }
}

static void world_event(World *world, const struct virtio_vdmabuf_event *event)
{
    struct vdmabuf_id id;
    Buffer *buffer;

    guest_id_from_wire(&id, &event->id);
    buffer = g_hash_table_lookup(world->buffers, &id);
    switch (GUINT32_FROM_LE(event->type)) {
    case VIRTIO_VDMABUF_EVT_RELEASED: {
        g_autofree guint64 *sequence = NULL;

        g_assert_nonnull(buffer);
        sequence = g_queue_pop_head(&buffer->frames);
        g_assert_nonnull(sequence);
        g_assert_cmpuint(*sequence, ==, event->value);
        g_assert_cmpuint(GUINT32_FROM_LE(event->flags) & ~VIRTIO_VDMABUF_EVT_F_SUPERSEDED, ==, 0);
        break;
    }
    case VIRTIO_VDMABUF_EVT_UNREGISTERED:
        g_assert_nonnull(buffer);
        g_assert_true(buffer->ending);
        g_assert_cmpuint(buffer->n_imports, ==, 0);
        world->n_ending--;
        world->bytes_ending -= buffer->size;
        g_hash_table_remove(world->buffers, &id);
        break;
    case VIRTIO_VDMABUF_EVT_CONSUMERS:
        break;
    default:
        g_error("event of type %u", GUINT32_FROM_LE(event->type));
    }
}

static void world_drain(World *world)
{
    struct virtio_vdmabuf_event event;

    while (guest_next_event(world->guest, &event, 0))
        world_event(world, &event);
}

/* --- The table --- */

static void expect_answer(const char *name, guint32 status, guint32 allowed)
{
    if (status >= 32 || !(allowed & (1u << status)))
        g_error("%s: answered with %d, allowed is %#x", name, (int) status, allowed);
}

static guint32 call_checked(Guest *guest, const char *name, gconstpointer request, gsize length,
                            guint32 allowed, struct virtio_vdmabuf_reply *reply)
{
    struct vdmabuf_status before = guest_status(guest), after;
    guint32 status = guest_call(guest, request, length, reply);

    expect_answer(name, status, allowed);
    after = guest_status(guest);
    if (status != VIRTIO_VDMABUF_S_OK &&
        (after.nr_buffers != before.nr_buffers || after.frames != before.frames ||
         after.nr_outstanding != before.nr_outstanding ||
         after.bytes_registered != before.bytes_registered))
        g_error("%s: refused, and has had an effect", name);
    return status;
}

static Guest *new_guest(void)
{
    struct vdmabuf_limits limits = {
        .max_buffers = 64,
        .max_entries = MAX_ENTRIES,
        .max_bytes = 4 * MIB,
        .max_consumers = 8,
    };
    GuestOptions options = { .ram_bytes = RAM_BYTES, .limits = &limits };

    return guest_new(&options);
}

/* After whatever came before, a guest that behaves is served */
static void prove_good(Guest *guest)
{
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_event event;
    struct vdmabuf_id id;
    guint64 sequence = 0, size;
    guint8 *map;
    int fd;

    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect_silence(guest);
    g_assert_cmpuint(guest_register_run(guest, 5, 4, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest->ram[6 * GUEST_PAGE_SIZE + 17] = 99;
    guest_desc_picture(&desc, 64, 64, 0);
    g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_frame(consumer, &id, sequence, &event);
    fd = consumer_import(consumer, &id, O_RDONLY, &size);
    g_assert_cmpint(fd, >=, 0);
    map = dmabuf_map(fd, size, FALSE);
    g_assert_cmpuint(map[GUEST_PAGE_SIZE + 17], ==, 99);
    munmap(map, size);
    close(fd);
    g_assert_cmpint(consumer_release(consumer, &id, sequence), ==, 0);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, &id, sequence, 0);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
    close(consumer);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 0);
    g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
}

static void test_header(void)
{
    g_autoptr(Guest) guest = new_guest();
    guint8 bytes[GUEST_SLOT_REPLY] = { 0 };
    struct virtio_vdmabuf_ctrl *ctrl = (gpointer) bytes;
    static const guint32 types[] = { 0, 5, 6, 0x100, 0x10000, 0x01000000, 0x7fffffff, 0x80000001,
                                     0xffffffff };
    static const gsize lengths[] = { 9, 16, 23, 24, 25, 335, 336, 337, 1024, GUEST_SLOT_REPLY };
    struct vdmabuf_id id;
    guint i, type;

    g_assert_cmpuint(guest_register_run(guest, 0, 1, &id), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        struct virtio_vdmabuf_reply reply;

        ctrl->type = GUINT32_TO_LE(types[i]);
        call_checked(guest, "unknown type", bytes, sizeof *ctrl, BAD_REQUEST, &reply);
        g_assert_cmpuint(reply.id.vmm_pid | reply.id.counter | reply.id.random, ==, 0);
        call_checked(guest, "unknown type, long", bytes, 336, BAD_REQUEST, NULL);
    }
    for (type = 1; type <= 4; type++) {
        ctrl->type = GUINT32_TO_LE(type);
        for (i = 1; i < sizeof *ctrl; i++)
            call_checked(guest, "cut header", bytes, i, BAD_REQUEST, NULL);
        for (i = 0; i < 32; i++) {
            ctrl->flags = GUINT32_TO_LE(1u << i);
            call_checked(guest, "flag in a header alone", bytes, sizeof *ctrl, BAD_REQUEST, NULL);
            call_checked(guest, "flag", bytes,
                         type == 1 ? sizeof *ctrl : type == 3 ? 336 : 24,
                         BAD_REQUEST | (type == 1 ? 0 : NO_BUFFER | BAD_ADDRESS | BAD_FRAME),
                         NULL);
        }
        ctrl->flags = 0;
        for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
            if (type == 3 && lengths[i] == 336)
                call_checked(guest, "id zero", bytes, 336, NO_BUFFER, NULL);
            else if (type == 4 && lengths[i] == 24)
                call_checked(guest, "id zero", bytes, 24, NO_BUFFER, NULL);
            else
                call_checked(guest, "wrong length", bytes, lengths[i], BAD_REQUEST, NULL);
        }
    }
    /* None of it was a RESET */
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 1);
    prove_good(guest);
}

/* @n_entries entries follow in memory; what the request says is in @request */
static void try_register(Guest *guest, const char *name,
                         const struct virtio_vdmabuf_register *request,
                         const struct virtio_vdmabuf_entry *entries, guint n_entries,
                         guint32 allowed)
{
    guint8 bytes[GUEST_SLOT_REPLY];
    gsize length = sizeof *request + n_entries * sizeof *entries;
    World world;
    guint32 judged;

    g_assert_cmpuint(length, <=, sizeof bytes);
    memcpy(bytes, request, sizeof *request);
    if (n_entries != 0)
        memcpy(bytes + sizeof *request, entries, n_entries * sizeof *entries);
    /* The model that judges the random requests has to agree with the table */
    world_init(&world, guest);
    judged = judge(&world, bytes, length);
    if (!(judged & allowed))
        g_error("%s: the model says %#x, the table %#x", name, judged, allowed);
    world_clear(&world);
    call_checked(guest, name, bytes, length, allowed, NULL);
}

static void set_register(struct virtio_vdmabuf_register *request, guint64 size, guint32 count)
{
    memset(request, 0, sizeof *request);
    request->ctrl.type = GUINT32_TO_LE(VIRTIO_VDMABUF_CMD_REGISTER);
    request->size = GUINT64_TO_LE(size);
    request->nr_entries = GUINT32_TO_LE(count);
}

static void test_register(void)
{
    const guint64 page = GUEST_PAGE_SIZE;
    const guint64 end = GUEST_RAM_ADDRESS + RAM_BYTES;
    g_autoptr(Guest) guest = new_guest();
    const struct {
        const char *name;
        guint64 size;
        guint n_entries;
        struct {
            guint64 address, length;
        } entries[3];
        guint32 allowed;
    } cases[] = {
        { "size zero", 0, 1, { { GUEST_RAM_ADDRESS, page } }, BAD_ADDRESS },
        { "size too small", page, 1, { { GUEST_RAM_ADDRESS, 2 * page } }, BAD_ADDRESS },
        { "size too large", 3 * page, 1, { { GUEST_RAM_ADDRESS, 2 * page } }, BAD_ADDRESS },
        { "size off by one", page + 1, 1, { { GUEST_RAM_ADDRESS, page } }, BAD_ADDRESS },
        { "size not aligned", page - 512, 1, { { GUEST_RAM_ADDRESS, page } }, BAD_ADDRESS },
        { "size huge", G_MAXUINT64, 1, { { GUEST_RAM_ADDRESS, page } }, BAD_ADDRESS | LIMIT },
        { "size huge and aligned", 0 - page, 1, { { GUEST_RAM_ADDRESS, page } },
          BAD_ADDRESS | LIMIT },
        { "length zero", page, 2, { { GUEST_RAM_ADDRESS, page }, { GUEST_RAM_ADDRESS, 0 } },
          BAD_ADDRESS },
        { "all lengths zero", page, 1, { { GUEST_RAM_ADDRESS, 0 } }, BAD_ADDRESS },
        { "length not aligned", page, 1, { { GUEST_RAM_ADDRESS, page - 1 } }, BAD_ADDRESS },
        { "lengths not aligned, sum is", 2 * page, 2,
          { { GUEST_RAM_ADDRESS, page - 512 }, { GUEST_RAM_ADDRESS + page, page + 512 } },
          BAD_ADDRESS },
        { "address not aligned", page, 1, { { GUEST_RAM_ADDRESS + 512, page } }, BAD_ADDRESS },
        { "address off by one", page, 1, { { GUEST_RAM_ADDRESS + 1, page } }, BAD_ADDRESS },
        { "sum overflows to the size", page, 3,
          { { GUEST_RAM_ADDRESS, 1ull << 63 }, { GUEST_RAM_ADDRESS, 1ull << 63 },
            { GUEST_RAM_ADDRESS, page } }, BAD_ADDRESS },
        { "sum overflows to zero", 0, 2,
          { { GUEST_RAM_ADDRESS, 1ull << 63 }, { GUEST_RAM_ADDRESS, 1ull << 63 } }, BAD_ADDRESS },
        { "address and length wrap", 2 * page, 1, { { 0 - page, 2 * page } }, BAD_ADDRESS },
        { "address and length wrap to zero", page, 1, { { 0 - page, page } }, BAD_ADDRESS },
        { "length wraps back into memory", page, 2,
          { { GUEST_RAM_ADDRESS + page, 0 - page }, { GUEST_RAM_ADDRESS, 2 * page } },
          BAD_ADDRESS },
        { "no memory at zero", page, 1, { { 0, page } }, BAD_ADDRESS },
        { "below the memory", page, 1, { { GUEST_RAM_ADDRESS - page, page } }, BAD_ADDRESS },
        { "into the memory", 2 * page, 1, { { GUEST_RAM_ADDRESS - page, 2 * page } },
          BAD_ADDRESS },
        { "behind the memory", page, 1, { { end, page } }, BAD_ADDRESS },
        { "out of the memory", 2 * page, 1, { { end - page, 2 * page } }, BAD_ADDRESS },
        { "second entry outside", 2 * page, 2,
          { { GUEST_RAM_ADDRESS, page }, { end, page } }, BAD_ADDRESS },
        { "our own address", page, 1, { { (guintptr) guest->ram, page } }, BAD_ADDRESS },
        { "a kernel address", page, 1, { { 0xffff888000000000ull, page } }, BAD_ADDRESS },
        { "more than max_bytes", 4 * MIB + page, 1, { { GUEST_RAM_ADDRESS, 4 * MIB + page } },
          LIMIT },
        { "last page", page, 1, { { end - page, page } }, OK },
        { "max_bytes but one page", 4 * MIB - page, 1,
          { { GUEST_RAM_ADDRESS, 4 * MIB - page } }, OK },
        { "now everything is too much", page, 1, { { GUEST_RAM_ADDRESS, page } }, LIMIT },
    };
    static const guint32 counts[] = { 0, 1, 3, MAX_ENTRIES - 1, MAX_ENTRIES };
    static const guint32 many[] = { MAX_ENTRIES + 1, 0x10000, 0x0fffffff, 0x10000001, 0x7fffffff,
                                    0x80000000, 0xfffffffe, 0xffffffff };
    struct virtio_vdmabuf_entry entries[4];
    struct virtio_vdmabuf_register request;
    guint i, j;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (j = 0; j < cases[i].n_entries; j++) {
            entries[j].addr = GUINT64_TO_LE(cases[i].entries[j].address);
            entries[j].length = GUINT64_TO_LE(cases[i].entries[j].length);
        }
        set_register(&request, cases[i].size, cases[i].n_entries);
        if (cases[i].allowed == LIMIT && cases[i].size == page) {
            guint8 bytes[sizeof request + sizeof entries[0]];

            memcpy(bytes, &request, sizeof request);
            memcpy(bytes + sizeof request, entries, sizeof entries[0]);
            call_checked(guest, cases[i].name, bytes, sizeof bytes, LIMIT, NULL);
        } else {
            try_register(guest, cases[i].name, &request, entries, cases[i].n_entries,
                         cases[i].allowed);
        }
    }
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);

    for (i = 0; i < 4; i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + i * page);
        entries[i].length = GUINT64_TO_LE(page);
    }
    /* Two entries are in the chain; their number says something else */
    for (i = 0; i < G_N_ELEMENTS(counts); i++) {
        set_register(&request, 2 * page, counts[i]);
        try_register(guest, "wrong number of entries", &request, entries, 2, BAD_REQUEST);
    }
    for (i = 0; i < G_N_ELEMENTS(many); i++) {
        set_register(&request, 2 * page, many[i]);
        try_register(guest, "far too many entries", &request, entries, 2, BAD_REQUEST | ENTRIES);
    }
    set_register(&request, page, 0);
    try_register(guest, "no entries", &request, entries, 0, BAD_REQUEST);
    set_register(&request, 2 * page, 2);
    for (i = 0; i < 32; i++) {
        request.reserved = GUINT32_TO_LE(1u << i);
        try_register(guest, "reserved", &request, entries, 2, BAD_REQUEST);
    }
    request.reserved = 0;
    /* Parts of an entry */
    for (i = 1; i < sizeof entries[0]; i++) {
        guint8 bytes[sizeof request + sizeof entries];

        memcpy(bytes, &request, sizeof request);
        memcpy(bytes + sizeof request, entries, sizeof entries);
        call_checked(guest, "part of an entry too few", bytes,
                     sizeof request + 2 * sizeof entries[0] - i, BAD_REQUEST, NULL);
        call_checked(guest, "part of an entry too many", bytes,
                     sizeof request + 2 * sizeof entries[0] + i, BAD_REQUEST, NULL);
    }
    /* The limit of buffers */
    for (i = 0; i < 64; i++)
        g_assert_cmpuint(guest_register_run(guest, i, 1, NULL), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 64, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    prove_good(guest);
}

/* The largest requests there are: entries of the module's own limit, and one more */
static void test_register_large(void)
{
    GuestOptions options = { .ram_bytes = 16 * MIB };
    g_autoptr(Guest) guest = guest_new(&options);
    guint32 max = guest_limits(guest).max_entries;
    guint32 fit = GUEST_BIG_BYTES / sizeof(struct virtio_vdmabuf_entry);
    guint32 count = MIN(max, fit);
    g_autofree struct virtio_vdmabuf_entry *entries = g_new(struct virtio_vdmabuf_entry, count + 1);
    guint32 i;
    guint64 bytes = 0;

    for (i = 0; i <= count; i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + (i % 4096) * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(GUEST_PAGE_SIZE);
    }
    bytes = MIN((guint64) count * GUEST_PAGE_SIZE, guest_limits(guest).max_bytes);
    count = bytes / GUEST_PAGE_SIZE;
    g_assert_cmpuint(guest_register(guest, entries, count, bytes, NULL), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    /* Only the last one is wrong */
    entries[count - 1].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + options.ram_bytes);
    g_assert_cmpuint(guest_register(guest, entries, count, bytes, NULL), ==,
                     VIRTIO_VDMABUF_S_BAD_ADDRESS);
    if (max < fit)
        g_assert_cmpuint(guest_register(guest, entries, max + 1, (max + 1) * GUEST_PAGE_SIZE,
                                        NULL),
                         ==, VIRTIO_VDMABUF_S_ENTRIES);
    prove_good(guest);
}

/* Bytes of the guest's memory that are there because somebody has looked at them */
static guint64 memory_in_use(Guest *guest)
{
    struct stat info;

    g_assert_cmpint(fstat(guest->memory_fd, &info), ==, 0);
    return info.st_blocks * 512ull;
}

/* A request whose entries lie where nobody has looked yet; how much of that the device has read */
static guint64 register_untouched(Guest *guest, guint64 size, guint32 n_entries, guint32 allowed)
{
    struct virtio_vdmabuf_register request;
    VringSegment segments[3];
    guint slot = guest_slot_take(guest);
    guint64 before;

    set_register(&request, size, n_entries);
    memcpy(guest_slot_memory(guest, slot), &request, sizeof request);
    segments[0] = (VringSegment) { guest_slot_address(guest, slot), sizeof request, FALSE };
    segments[1] = (VringSegment) { guest_low(guest, guest->big_offset),
                                   n_entries * sizeof(struct virtio_vdmabuf_entry), FALSE };
    segments[2] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, REPLY_SIZE,
                                   TRUE };
    memset(guest_slot_memory(guest, slot) + GUEST_SLOT_REPLY, 0, REPLY_SIZE);
    before = memory_in_use(guest);
    expect_answer("untouched entries", guest_call_chain(guest, slot, segments, 3, FALSE, NULL),
                  allowed);
    return memory_in_use(guest) - before;
}

/* What is refused for its numbers alone is refused before its entries are copied */
static void test_register_unread(void)
{
    GuestOptions options = { .ram_bytes = RAM_BYTES };
    const guint32 count = 100000;
    struct vdmabuf_limits limits;
    g_autoptr(Guest) guest = guest_new(&options);

    limits = guest_limits(guest);
    g_assert_cmpuint(register_untouched(guest, 0, count, BAD_ADDRESS), ==, 0);
    g_assert_cmpuint(register_untouched(guest, GUEST_PAGE_SIZE, count, BAD_ADDRESS), ==, 0);
    g_assert_cmpuint(register_untouched(guest, (count - 1) * GUEST_PAGE_SIZE, count, BAD_ADDRESS),
                     ==, 0);
    g_assert_cmpuint(register_untouched(guest, limits.max_bytes + GUEST_PAGE_SIZE, count, LIMIT),
                     ==, 0);
    limits.max_entries = count - 1;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    g_assert_cmpuint(register_untouched(guest, count * GUEST_PAGE_SIZE, count, ENTRIES), ==, 0);
    limits.max_entries = count;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    /* This one can only be judged by its entries, which are all zero */
    g_assert_cmpuint(register_untouched(guest, count * GUEST_PAGE_SIZE, count, BAD_ADDRESS), >=,
                     count * sizeof(struct virtio_vdmabuf_entry));
    prove_good(guest);
}

typedef struct {
    const char *name;
    gsize offset;
    guint64 value;
    guint size;
    guint32 allowed;
} FrameCase;

#define DESC32(field, number, status)                                                             \
    { #field " = " #number, G_STRUCT_OFFSET(struct virtio_vdmabuf_frame_desc, field), number, 4, \
      status }
#define DESC64(field, number, status)                                                             \
    { #field " = " #number, G_STRUCT_OFFSET(struct virtio_vdmabuf_frame_desc, field), number, 8, \
      status }

static void try_frame(Guest *guest, const char *name, const struct vdmabuf_id *id,
                      const struct virtio_vdmabuf_frame_desc *desc, guint32 allowed)
{
    struct virtio_vdmabuf_frame request;
    struct virtio_vdmabuf_reply reply;
    struct vdmabuf_id back;
    guint64 sequence = guest->sequence++;

    g_assert_cmpuint(judge_frame(desc, 4 * GUEST_PAGE_SIZE) == 0 ? OK : BAD_FRAME, ==, allowed);
    guest_frame_request(&request, id, sequence, desc);
    if (call_checked(guest, name, &request, sizeof request, allowed, &reply) ==
        VIRTIO_VDMABUF_S_OK) {
        int consumer = consumer_open(guest, 0);

        consumer_expect_frame(consumer, id, sequence, NULL);
        close(consumer);
        guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, id, sequence, 0);
    }
    guest_id_from_wire(&back, &reply.id);
    g_assert_true(guest_id_equal(&back, id));
}

static void run_frame_cases(Guest *guest, const struct vdmabuf_id *id,
                            const struct virtio_vdmabuf_frame_desc *good, const FrameCase *cases,
                            guint n_cases)
{
    guint i;

    for (i = 0; i < n_cases; i++) {
        struct virtio_vdmabuf_frame_desc desc = *good;
        guint64 value = GUINT64_TO_LE(cases[i].value);

        memcpy((guint8 *) &desc + cases[i].offset, &value, cases[i].size);
        try_frame(guest, cases[i].name, id, &desc, cases[i].allowed);
    }
}

static void test_frame(void)
{
    /* Four pages, and in them a linear picture of 64x64 that leaves no byte */
    static const FrameCase picture[] = {
        DESC32(fourcc, 0, BAD_FRAME),
        DESC32(fourcc, 0xffffffff, OK),
        DESC32(flags, 0xf, OK),
        DESC32(flags, 0x10, BAD_FRAME),
        DESC32(flags, 0x80000000, BAD_FRAME),
        DESC64(modifier, 1, OK),
        DESC64(modifier, 0x00ffffffffffffff, OK),
        DESC32(width, 0, BAD_FRAME),
        DESC32(width, 1, OK),
        DESC32(width, 65535, OK),
        DESC32(width, 65536, BAD_FRAME),
        DESC32(width, 0xffffffff, BAD_FRAME),
        DESC32(height, 0, BAD_FRAME),
        DESC32(height, 1, OK),
        DESC32(height, 65, BAD_FRAME),
        DESC32(height, 65535, BAD_FRAME),
        DESC32(height, 65536, BAD_FRAME),
        DESC32(height, 0x01000001, BAD_FRAME),
        DESC32(output, 0xffffffff, OK),
        DESC32(nr_planes, 0, BAD_FRAME),
        DESC32(nr_planes, 2, BAD_FRAME),
        DESC32(nr_planes, 5, BAD_FRAME),
        DESC32(nr_planes, 0xffffffff, BAD_FRAME),
        DESC32(planes[0].stride, 0, BAD_FRAME),
        DESC32(planes[0].stride, 1, OK),
        DESC32(planes[0].stride, 260, OK),
        DESC32(planes[0].stride, 261, BAD_FRAME),
        DESC32(planes[0].stride, 0xffffffff, BAD_FRAME),
        DESC32(planes[0].stride, 0x04104105, BAD_FRAME),
        DESC32(planes[0].offset, 255, OK),
        DESC32(planes[0].offset, 256, BAD_FRAME),
        DESC32(planes[0].offset, 16384, BAD_FRAME),
        DESC32(planes[0].offset, 0xffffffff, BAD_FRAME),
        DESC32(planes[1].offset, 1, BAD_FRAME),
        DESC32(planes[1].stride, 1, BAD_FRAME),
        DESC32(planes[3].offset, 1, BAD_FRAME),
        DESC32(planes[3].stride, 0x80000000, BAD_FRAME),
        DESC32(damage.x, 1, OK),
        DESC32(damage.x, 64, OK),
        DESC32(damage.x, 65, BAD_FRAME),
        DESC32(damage.y, 65, BAD_FRAME),
        DESC32(damage.width, 64, OK),
        DESC32(damage.width, 65, BAD_FRAME),
        DESC32(damage.width, 0xffffffff, BAD_FRAME),
        DESC32(damage.height, 64, OK),
        DESC32(damage.height, 65, BAD_FRAME),
        DESC64(damage.x, 0xffffffffffffffff, BAD_FRAME),
        DESC32(x, 0x80000000, OK),
        DESC32(hot_y, 0xffffffff, OK),
        DESC64(timestamp_ns, 0xffffffffffffffff, OK),
        DESC32(app_size, 192, OK),
        DESC32(app_size, 193, BAD_FRAME),
        DESC32(app_size, 0xffffffff, BAD_FRAME),
        DESC32(reserved, 1, BAD_FRAME),
        DESC32(reserved, 0x80000000, BAD_FRAME),
    };
    static const FrameCase data[] = {
        DESC32(flags, VIRTIO_VDMABUF_FRAME_HIDDEN, OK),
        DESC32(flags, VIRTIO_VDMABUF_FRAME_CURSOR, BAD_FRAME),
        DESC32(flags, VIRTIO_VDMABUF_FRAME_CURSOR | VIRTIO_VDMABUF_FRAME_HIDDEN, OK),
        DESC32(flags, VIRTIO_VDMABUF_FRAME_QUEUED, OK),
        DESC32(fourcc, 1, BAD_FRAME),
        DESC64(modifier, 1, BAD_FRAME),
        DESC64(modifier, 1ull << 63, BAD_FRAME),
        DESC32(width, 1, BAD_FRAME),
        DESC32(height, 1, BAD_FRAME),
        DESC32(output, 9, OK),
        DESC32(nr_planes, 1, BAD_FRAME),
        DESC32(planes[0].offset, 1, BAD_FRAME),
        DESC32(planes[0].stride, 1, BAD_FRAME),
        DESC32(planes[3].stride, 1, BAD_FRAME),
        DESC32(damage.x, 1, BAD_FRAME),
        DESC32(damage.y, 1, BAD_FRAME),
        DESC32(damage.width, 1, BAD_FRAME),
        DESC32(damage.height, 1, BAD_FRAME),
        DESC32(x, 1, BAD_FRAME),
        DESC32(y, 1, BAD_FRAME),
        DESC32(hot_x, 1, BAD_FRAME),
        DESC32(hot_y, 1, BAD_FRAME),
        DESC64(timestamp_ns, 1, OK),
        DESC32(app_size, 192, OK),
        DESC32(app_size, 193, BAD_FRAME),
        DESC32(reserved, 1, BAD_FRAME),
    };
    g_autoptr(Guest) guest = new_guest();
    g_autoptr(Guest) other = new_guest();
    struct virtio_vdmabuf_frame_desc good, desc;
    struct virtio_vdmabuf_frame request;
    struct vdmabuf_id id, wrong, foreign;
    guint8 *bytes = (guint8 *) &wrong;
    guint i;

    g_assert_cmpuint(guest_register_run(guest, 0, 4, &id), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(other, 0, 4, &foreign), ==, VIRTIO_VDMABUF_S_OK);
    guest_desc_picture(&good, 64, 64, 0);
    try_frame(guest, "good", &id, &good, OK);
    run_frame_cases(guest, &id, &good, picture, G_N_ELEMENTS(picture));

    /* Four planes, each of them at its limit */
    desc = good;
    desc.nr_planes = GUINT32_TO_LE(4);
    for (i = 1; i < 4; i++) {
        desc.planes[i].offset = GUINT32_TO_LE(4 * GUEST_PAGE_SIZE - 1);
        desc.planes[i].stride = GUINT32_TO_LE(0xffffffff);
    }
    try_frame(guest, "four planes", &id, &desc, OK);
    for (i = 1; i < 4; i++) {
        desc.planes[i].offset = GUINT32_TO_LE(4 * GUEST_PAGE_SIZE);
        try_frame(guest, "plane behind the buffer", &id, &desc, BAD_FRAME);
        desc.planes[i].offset = 0;
        desc.planes[i].stride = 0;
        try_frame(guest, "plane without stride", &id, &desc, BAD_FRAME);
        desc.planes[i].stride = GUINT32_TO_LE(1);
    }
    /* What linear pictures may not, others may */
    desc = good;
    desc.modifier = GUINT64_TO_LE(0x0100000000000001ull);
    desc.planes[0].stride = GUINT32_TO_LE(0xffffffff);
    try_frame(guest, "tiled", &id, &desc, OK);
    desc.planes[0].offset = GUINT32_TO_LE(4 * GUEST_PAGE_SIZE);
    try_frame(guest, "tiled, behind the buffer", &id, &desc, BAD_FRAME);

    guest_desc_data(&good);
    try_frame(guest, "data", &id, &good, OK);
    run_frame_cases(guest, &id, &good, data, G_N_ELEMENTS(data));

    /* Ids that are none: each bit of it counts */
    for (i = 0; i < sizeof wrong * 8; i++) {
        wrong = id;
        bytes[i / 8] ^= 1 << i % 8;
        guest_frame_request(&request, &wrong, 1, &good);
        call_checked(guest, "wrong id", &request, sizeof request, NO_BUFFER, NULL);
    }
    guest_frame_request(&request, &foreign, 1, &good);
    call_checked(guest, "the id of another VM", &request, sizeof request, NO_BUFFER, NULL);
    g_assert_cmpuint(guest_unregister(guest, &foreign), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    g_assert_cmpuint(guest_status(other).nr_buffers, ==, 1);

    /* Twice without a release */
    g_assert_cmpuint(guest_frame(guest, &id, &good, NULL), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < 10; i++)
        g_assert_cmpuint(guest_frame(guest, &id, &good, NULL), ==, VIRTIO_VDMABUF_S_BUSY);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    g_assert_cmpuint(guest_frame(guest, &id, &good, NULL), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    guest_expect_silence(guest);
    prove_good(guest);
    prove_good(other);
}

static guint split(VringSegment *segments, guint64 address, guint32 length, guint32 piece,
                   gboolean writable)
{
    guint count = 0;

    while (length != 0) {
        guint32 part = MIN(piece, length);

        segments[count++] = (VringSegment) { address, part, writable };
        address += part;
        length -= part;
    }
    return count;
}

/* Every division of a request and its reply means the same */
static void test_chains(void)
{
    GuestOptions options = { .ram_bytes = RAM_BYTES, .num = 1024 };
    g_autoptr(Guest) guest = guest_new(&options);
    struct virtio_vdmabuf_frame_desc desc;
    guint8 bytes[sizeof(struct virtio_vdmabuf_register) + 4 * sizeof(struct virtio_vdmabuf_entry)];
    struct virtio_vdmabuf_register *request = (gpointer) bytes;
    struct virtio_vdmabuf_entry *entries = (gpointer) (request + 1);
    struct virtio_vdmabuf_reply reply;
    GuestReply whole;
    struct vdmabuf_id id;
    VringSegment segments[512];
    guint32 piece, status;
    guint i, n, slot;

    set_register(request, 4 * GUEST_PAGE_SIZE, 4);
    for (i = 0; i < 4; i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + i * 2 * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(GUEST_PAGE_SIZE);
    }
    for (piece = 1; piece <= sizeof bytes; piece++) {
        for (i = 0; i < 2; i++) {
            slot = guest_slot_take(guest);
            memcpy(guest_slot_memory(guest, slot), bytes, sizeof bytes);
            n = split(segments, guest_slot_address(guest, slot), sizeof bytes, piece, FALSE);
            n += split(segments + n, guest_slot_address(guest, slot) + GUEST_SLOT_REPLY,
                       REPLY_SIZE, piece, TRUE);
            /* A table of them all has no room in a slot */
            if (i == 1 && n > GUEST_SLOT_TABLE_NUM) {
                guest_slot_give(guest, slot);
                continue;
            }
            status = guest_call_chain(guest, slot, segments, n, i, &reply);
            g_assert_cmpuint(status, ==, VIRTIO_VDMABUF_S_OK);
            guest_id_from_wire(&id, &reply.id);
            g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
            guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
        }
    }

    /* A FRAME byte by byte: 360 descriptors */
    g_assert_cmpuint(guest_register_run(guest, 0, 1, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_desc_data(&desc);
    slot = guest_slot_take(guest);
    guest_frame_request((gpointer) guest_slot_memory(guest, slot), &id, 1, &desc);
    n = split(segments, guest_slot_address(guest, slot), sizeof(struct virtio_vdmabuf_frame), 1,
              FALSE);
    n += split(segments + n, guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, REPLY_SIZE, 1,
               TRUE);
    g_assert_cmpuint(guest_call_chain(guest, slot, segments, n, FALSE, &reply), ==,
                     VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);

    /* Room for the reply: too little, none, more than needed */
    for (piece = 0; piece <= 64; piece++) {
        guint before = guest_status(guest).nr_buffers;

        slot = guest_slot_take(guest);
        memcpy(guest_slot_memory(guest, slot), bytes, sizeof bytes);
        segments[0] = (VringSegment) { guest_slot_address(guest, slot), sizeof bytes, FALSE };
        segments[1] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, piece,
                                       TRUE };
        status = guest_call_chain(guest, slot, segments, piece == 0 ? 1 : 2, piece % 2, &reply);
        if (piece < REPLY_SIZE) {
            g_assert_cmpuint(status, ==, GUEST_NO_REPLY);
            g_assert_cmpuint(guest_status(guest).nr_buffers, ==, before);
        } else {
            g_assert_cmpuint(status, ==, VIRTIO_VDMABUF_S_OK);
            g_assert_cmpuint(guest_status(guest).nr_buffers, ==, before + 1);
        }
    }
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 64 - REPLY_SIZE + 1);
    /* A RESET without room for a reply is none */
    slot = guest_slot_take(guest);
    memset(guest_slot_memory(guest, slot), 0, 8);
    guest_slot_memory(guest, slot)[0] = VIRTIO_VDMABUF_CMD_RESET;
    segments[0] = (VringSegment) { guest_slot_address(guest, slot), 8, FALSE };
    g_assert_cmpuint(guest_call_chain(guest, slot, segments, 1, FALSE, NULL), ==, GUEST_NO_REPLY);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 64 - REPLY_SIZE + 1);
    /* A reply without a request */
    slot = guest_slot_take(guest);
    segments[0] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, REPLY_SIZE,
                                   TRUE };
    g_assert_cmpuint(guest_call_chain(guest, slot, segments, 1, FALSE, NULL), ==,
                     VIRTIO_VDMABUF_S_BAD_REQUEST);
    /* Megabytes where eight bytes are expected */
    for (i = 1; i <= 4; i++) {
        slot = guest_slot_take(guest);
        memset(guest->low + guest->big_offset, 0, 8);
        guest->low[guest->big_offset] = i;
        segments[0] = (VringSegment) { guest_low(guest, guest->big_offset), GUEST_BIG_BYTES,
                                       FALSE };
        segments[1] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY,
                                       REPLY_SIZE, TRUE };
        g_assert_cmpuint(guest_call_chain(guest, slot, segments, 2, FALSE, NULL), ==,
                         VIRTIO_VDMABUF_S_BAD_REQUEST);
    }
    /* A request that lies in the memory of its own reply: UNREGISTER is as long as that */
    g_assert_cmpuint(guest_register_run(guest, 0, 1, &id), ==, VIRTIO_VDMABUF_S_OK);
    slot = guest_slot_take(guest);
    segments[0] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, REPLY_SIZE,
                                   FALSE };
    segments[1] = (VringSegment) { guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, REPLY_SIZE,
                                   TRUE };
    g_assert_true(guest_submit_chain(guest, slot, segments, 2, FALSE, NULL));
    guest_unregister_request((gpointer) (guest_slot_memory(guest, slot) + GUEST_SLOT_REPLY), &id);
    guest_kick(guest);
    g_assert_true(guest_reap(guest, &whole, GUEST_WAIT_MS));
    g_assert_cmpuint(whole.length, ==, REPLY_SIZE);
    g_assert_cmpuint(whole.reply.status, ==, VIRTIO_VDMABUF_S_OK);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);
    prove_good(guest);
}

/* --- Rings --- */

/* Each makes one thing wrong in a ring in which nothing is under way. The device has to say so on
 * the error eventfd, or to return the chain. */
typedef void (*BreakRing)(Guest *guest, Vring *ring);

static void put_desc(Vring *ring, guint at, guint64 address, guint32 length, guint16 flags,
                     guint16 next)
{
    ring->desc[at].addr = GUINT64_TO_LE(address);
    ring->desc[at].len = GUINT32_TO_LE(length);
    ring->desc[at].flags = GUINT16_TO_LE(flags);
    ring->desc[at].next = GUINT16_TO_LE(next);
}

static void put_avail(Vring *ring, guint16 head, guint16 ahead)
{
    guint16 index = GUINT16_FROM_LE(ring->avail->idx);
    guint64 one = 1;

    ring->avail->ring[index % ring->num] = GUINT16_TO_LE(head);
    __atomic_store_n(&ring->avail->idx, GUINT16_TO_LE((guint16) (index + ahead)),
                     __ATOMIC_RELEASE);
    g_assert_cmpint(write(ring->kick_fd, &one, sizeof one), ==, sizeof one);
}

static void break_loop_self(Guest *guest, Vring *ring)
{
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 8, VRING_DESC_F_NEXT, 0);
    put_avail(ring, 0, 1);
}

static void break_loop_two(Guest *guest, Vring *ring)
{
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 8, VRING_DESC_F_NEXT, 1);
    put_desc(ring, 1, guest_low(guest, guest->big_offset), 8, VRING_DESC_F_NEXT, 0);
    put_avail(ring, 0, 1);
}

static void break_next_outside(Guest *guest, Vring *ring)
{
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 8, VRING_DESC_F_NEXT, 0xffff);
    put_avail(ring, 0, 1);
}

static void break_head_outside(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_avail(ring, ring->num, 1);
}

static void break_head_far_outside(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_avail(ring, 0xffff, 1);
}

static void break_index_jump(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_avail(ring, 0, ring->num + 1);
}

static void break_index_back(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_avail(ring, 0, 0xffff);
}

static void break_order(Guest *guest, Vring *ring)
{
    /* Readable behind writable */
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 24,
             VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
    put_desc(ring, 1, guest_low(guest, guest->big_offset + 64), 8, 0, 0);
    put_avail(ring, 0, 1);
}

static void break_address(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_desc(ring, 0, 0x1000, 8, 0, 0);
    put_avail(ring, 0, 1);
}

static void break_address_end(Guest *guest, Vring *ring)
{
    put_desc(ring, 0, guest_low(guest, guest->low_bytes - 4), 64, 0, 0);
    put_avail(ring, 0, 1);
}

static void break_address_wrap(Guest *guest G_GNUC_UNUSED, Vring *ring)
{
    put_desc(ring, 0, G_MAXUINT64 - 7, 0xffffffff, 0, 0);
    put_avail(ring, 0, 1);
}

static void break_length(Guest *guest, Vring *ring)
{
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 0xffffffff, VRING_DESC_F_WRITE, 0);
    put_avail(ring, 0, 1);
}

static void indirect(Guest *guest, Vring *ring, guint64 offset, guint32 length)
{
    put_desc(ring, 0, guest_low(guest, guest->big_offset) + offset, length, VRING_DESC_F_INDIRECT,
             0);
    put_avail(ring, 0, 1);
}

static struct vring_desc *indirect_table(Guest *guest)
{
    struct vring_desc *table = (gpointer) (guest->low + guest->big_offset);

    memset(table, 0, 4096);
    return table;
}

static void break_indirect_empty(Guest *guest, Vring *ring)
{
    indirect_table(guest);
    indirect(guest, ring, 0, 0);
}

static void break_indirect_part(Guest *guest, Vring *ring)
{
    indirect_table(guest);
    indirect(guest, ring, 0, 24);
}

static void break_indirect_huge(Guest *guest, Vring *ring)
{
    indirect_table(guest);
    indirect(guest, ring, 0, 0xfffffff0);
}

static void break_indirect_outside(Guest *guest, Vring *ring)
{
    indirect(guest, ring, guest->low_bytes, 32);
}

static void break_indirect_nested(Guest *guest, Vring *ring)
{
    struct vring_desc *table = indirect_table(guest);

    table[0].addr = GUINT64_TO_LE(guest_low(guest, guest->big_offset));
    table[0].len = GUINT32_TO_LE(32);
    table[0].flags = GUINT16_TO_LE(VRING_DESC_F_INDIRECT);
    indirect(guest, ring, 0, 32);
}

static void break_indirect_loop(Guest *guest, Vring *ring)
{
    struct vring_desc *table = indirect_table(guest);

    table[0].addr = GUINT64_TO_LE(guest_low(guest, guest->big_offset + 4096));
    table[0].len = GUINT32_TO_LE(1);
    table[0].flags = GUINT16_TO_LE(VRING_DESC_F_NEXT);
    indirect(guest, ring, 0, 32);
}

static void break_indirect_next(Guest *guest, Vring *ring)
{
    struct vring_desc *table = indirect_table(guest);

    table[0].addr = GUINT64_TO_LE(guest_low(guest, guest->big_offset + 4096));
    table[0].len = GUINT32_TO_LE(1);
    table[0].flags = GUINT16_TO_LE(VRING_DESC_F_NEXT);
    table[0].next = GUINT16_TO_LE(1000);
    indirect(guest, ring, 0, 32);
}

static void break_indirect_chained(Guest *guest, Vring *ring)
{
    indirect_table(guest);
    put_desc(ring, 0, guest_low(guest, guest->big_offset), 16,
             VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 0);
    put_avail(ring, 0, 1);
}

static const struct {
    const char *name;
    BreakRing function;
} ring_breakers[] = {
    { "loop of one", break_loop_self },
    { "loop of two", break_loop_two },
    { "next outside the table", break_next_outside },
    { "head outside the table", break_head_outside },
    { "head far outside the table", break_head_far_outside },
    { "index jumps ahead", break_index_jump },
    { "index jumps back", break_index_back },
    { "readable behind writable", break_order },
    { "address outside the memory", break_address },
    { "over the end of the memory", break_address_end },
    { "address wraps", break_address_wrap },
    { "length of 4 GiB", break_length },
    { "empty indirect table", break_indirect_empty },
    { "part of an indirect descriptor", break_indirect_part },
    { "huge indirect table", break_indirect_huge },
    { "indirect table outside the memory", break_indirect_outside },
    { "indirect table in itself", break_indirect_nested },
    { "loop in an indirect table", break_indirect_loop },
    { "next outside the indirect table", break_indirect_next },
    { "indirect and next", break_indirect_chained },
};

/* Until the device has reported the ring, or returned a chain of it */
static void wait_broken(const char *name, Vring *ring)
{
    struct pollfd pfds[2] = {
        { .fd = ring->error_fd, .events = POLLIN },
        { .fd = ring->call_fd, .events = POLLIN },
    };

    if (poll(pfds, 2, GUEST_WAIT_MS) <= 0)
        g_error("%s: nothing came of it", name);
}

static void break_and_mend(Guest *guest, guint index, guint which)
{
    Vring *ring = index == VIRTIO_VDMABUF_VQ_CONTROL ? &guest->control : &guest->events;
    guint64 count;
    int consumers[2] = { -1, -1 };
    guint i;

    while (read(ring->error_fd, &count, sizeof count) > 0 ||
           read(ring->call_fd, &count, sizeof count) > 0)
        ;
    /* Whatever was in the ring is gone with it */
    ring_breakers[which].function(guest, ring);
    /* The device looks at eventq when it has an event. What the guest was told last may be one
     * consumer; it cannot be one and two. */
    for (i = 0; index == VIRTIO_VDMABUF_VQ_EVENT && i < G_N_ELEMENTS(consumers); i++)
        consumers[i] = consumer_open(guest, 0);
    wait_broken(ring_breakers[which].name, ring);
    for (i = 0; i < G_N_ELEMENTS(consumers); i++)
        if (consumers[i] >= 0)
            close(consumers[i]);
    guest_restart(guest);
}

static void test_rings(void)
{
    g_autoptr(Guest) guest = new_guest();
    guint i;

    for (i = 0; i < G_N_ELEMENTS(ring_breakers); i++) {
        g_test_message("controlq: %s", ring_breakers[i].name);
        break_and_mend(guest, VIRTIO_VDMABUF_VQ_CONTROL, i);
        prove_good(guest);
    }
}

/* eventq with nothing but the broken chain in it */
static void test_event_ring(void)
{
    g_autoptr(Guest) guest = new_guest();
    guint i;

    for (i = 0; i < G_N_ELEMENTS(ring_breakers); i++) {
        g_test_message("eventq: %s", ring_breakers[i].name);
        g_assert_cmpint(guest_set_running(guest, 0), ==, 0);
        vring_forget(&guest->events);
        vring_forget(&guest->control);
        g_assert_cmpint(guest_set_ring(guest, VIRTIO_VDMABUF_VQ_EVENT, &guest->events), ==, 0);
        g_assert_cmpint(guest_set_ring(guest, VIRTIO_VDMABUF_VQ_CONTROL, &guest->control), ==, 0);
        g_assert_cmpint(guest_set_running(guest, 1), ==, 0);
        break_and_mend(guest, VIRTIO_VDMABUF_VQ_EVENT, i);
        prove_good(guest);
    }
}

/* Buffers in eventq that cannot take an event come back empty, and the event takes another */
static void test_event_buffers(void)
{
    GuestOptions options = { .ram_bytes = RAM_BYTES, .no_driver = TRUE, .event_num = 256 };
    g_autoptr(Guest) guest = guest_new(&options);
    /* Behind the entries of REGISTER */
    guint64 base = guest->big_offset + MIB;
    guint8 *memory = guest->low + base;
    VringSegment segments[64];
    struct virtio_vdmabuf_event event;
    struct vdmabuf_id ids[3];
    gpointer cookie;
    guint32 length, i, n, good = 0;

    memset(memory, 0xa5, 65536);
    g_assert_cmpint(guest_set_running(guest, 1), ==, 0);
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < 3; i++)
        g_assert_cmpuint(guest_register_run(guest, i, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    /* Readable ones, all sizes that are too small, then three good ones: exact, large, in bytes */
    segments[0] = (VringSegment) { guest_low(guest, base), 32, FALSE };
    g_assert_cmpint(vring_add(&guest->events, segments, 1, NULL, GUINT_TO_POINTER(100)), >=, 0);
    for (i = 1; i < 32; i++) {
        segments[0] = (VringSegment) { guest_low(guest, base + 64 * i), i, TRUE };
        g_assert_cmpint(vring_add(&guest->events, segments, 1, NULL, GUINT_TO_POINTER(100)), >=,
                        0);
    }
    segments[0] = (VringSegment) { guest_low(guest, base + 4096), 32, TRUE };
    g_assert_cmpint(vring_add(&guest->events, segments, 1, NULL, GUINT_TO_POINTER(1)), >=, 0);
    segments[0] = (VringSegment) { guest_low(guest, base + 8192), 4096, TRUE };
    g_assert_cmpint(vring_add(&guest->events, segments, 1, NULL, GUINT_TO_POINTER(2)), >=, 0);
    n = split(segments, guest_low(guest, base + 3 * 4096), 32, 1, TRUE);
    g_assert_cmpint(vring_add(&guest->events, segments, n, NULL, GUINT_TO_POINTER(3)), >=, 0);
    vring_kick(&guest->events);
    for (i = 0; i < 3; i++)
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);

    for (i = 0; i < 35; i++) {
        struct vdmabuf_id id;

        g_assert_true(vring_wait(&guest->events, GUEST_WAIT_MS));
        g_assert_true(vring_take(&guest->events, &cookie, &length));
        n = GPOINTER_TO_UINT(cookie);
        if (n == 100) {
            g_assert_cmpuint(length, ==, 0);
            continue;
        }
        g_assert_cmpuint(length, ==, 32);
        memcpy(&event, memory + 4096 * n, sizeof event);
        g_assert_cmpuint(event.type, ==, VIRTIO_VDMABUF_EVT_UNREGISTERED);
        guest_id_from_wire(&id, &event.id);
        g_assert_true(guest_id_equal(&id, &ids[good]));
        g_assert_cmpuint(memory[4096 * n + 32], ==, 0xa5);
        good++;
    }
    g_assert_cmpuint(good, ==, 3);
    for (i = 0; i < 32; i++)
        g_assert_cmpuint(memory[64 * i], ==, 0xa5);
    guest_restart(guest);
    prove_good(guest);
}

static void test_ring_addresses(void)
{
    GuestOptions options = { .ram_bytes = RAM_BYTES, .no_driver = TRUE };
    g_autoptr(Guest) guest = guest_new(&options);
    struct vhost_vring_addr good = {
        .desc_user_addr = (guintptr) guest->control.desc,
        .avail_user_addr = (guintptr) guest->control.avail,
        .used_user_addr = (guintptr) guest->control.used,
    };
    static const guint64 bad[] = { 0xffffffff81000000ull, 0xffff888000000000ull,
                                   0x7ffffffff000ull, 0x4000 };
    guint64 one = 1;
    gpointer gone;
    guint i, j;

    for (i = 0; i < G_N_ELEMENTS(bad); i++)
        for (j = 0; j < 3; j++) {
            struct vhost_vring_addr address = good;
            int ret;

            *(j == 0   ? &address.desc_user_addr
              : j == 1 ? &address.avail_user_addr
                       : &address.used_user_addr) = bad[i];
            ret = ioctl(guest->vhost_fd, VHOST_SET_VRING_ADDR, &address);
            if (ret == 0)
                ret = guest_set_running(guest, 1);
            if (ret == 0) {
                /* An address of ours where nothing is: found out when the ring is used */
                g_assert_cmpint(write(guest->control.kick_fd, &one, sizeof one), ==, sizeof one);
                g_assert_cmpint(guest_set_running(guest, 0), ==, 0);
            }
        }

    /* Rings that go away while they run */
    gone = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(gone != MAP_FAILED);
    good.desc_user_addr = (guintptr) gone;
    good.avail_user_addr = (guintptr) gone + 16384;
    good.used_user_addr = (guintptr) gone + 32768;
    g_assert_cmpint(ioctl(guest->vhost_fd, VHOST_SET_VRING_ADDR, &good), ==, 0);
    g_assert_cmpint(guest_set_running(guest, 1), ==, 0);
    munmap(gone, 65536);
    g_assert_cmpint(write(guest->control.kick_fd, &one, sizeof one), ==, sizeof one);
    guest_restart(guest);
    prove_good(guest);
}

/* --- Random requests --- */

typedef struct {
    guint8 bytes[GUEST_SLOT_REPLY];
    gsize length;
    guint32 room;
} Request;

typedef struct {
    struct vdmabuf_id id;
    guint64 sequence;
} Hold;

typedef struct {
    int fd;
    struct vdmabuf_id id;
} Import;

#define N_CONSUMERS 3
#define BATCH 96

typedef struct {
    World world;
    GRand *rand;
    Request requests[BATCH];
    /* Ids that were real once */
    struct vdmabuf_id ids[256];
    guint n_ids;
    int consumers[N_CONSUMERS];
    GArray *holds[N_CONSUMERS];
    GArray *imports;
    guint64 answers[9];
    guint64 unanswered;
    guint64 mutated;
    guint64 resets;
    guint64 broken;
} Run;

static guint32 pick(Run *run, guint32 n)
{
    return g_rand_int(run->rand) % n;
}

static guint64 pick64(Run *run)
{
    return (guint64) g_rand_int(run->rand) << 32 | g_rand_int(run->rand);
}

static guint64 interesting(Run *run)
{
    static const guint64 values[] = {
        0, 1, 2, 3, 4, 5, 15, 16, 24, 31, 32, 64, 127, 128, 129, 192, 193, 255, 256, 4095, 4096,
        4097, 8192, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff, 0x100000000ull,
        0x7fffffffffffffffull, 0x8000000000000000ull, 0xfffffffffffff000ull, 0xffffffffffffffffull,
        GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + RAM_BYTES, GUEST_RAM_ADDRESS + RAM_BYTES - 4096,
        GUEST_LOW_ADDRESS, 4 * MIB, 4 * MIB + 4096,
    };

    return pick(run, 4) ? values[pick(run, G_N_ELEMENTS(values))] : pick64(run);
}

static void make_register(Run *run, Request *request)
{
    struct virtio_vdmabuf_register *reg = (gpointer) request->bytes;
    struct virtio_vdmabuf_entry *entries = (gpointer) (reg + 1);
    guint max = (sizeof request->bytes - sizeof *reg) / sizeof *entries;
    guint count = pick(run, 8) ? 1 + pick(run, 8) : 1 + pick(run, max);
    guint64 size = 0;
    guint i;

    for (i = 0; i < count; i++) {
        guint64 pages = 1 + pick(run, 8);
        guint64 first = pick(run, RAM_PAGES - pages + 1);

        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + first * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(pages * GUEST_PAGE_SIZE);
        size += pages * GUEST_PAGE_SIZE;
    }
    set_register(reg, size, count);
    request->length = sizeof *reg + count * sizeof *entries;
}

static const struct vdmabuf_id *pick_id(Run *run)
{
    static const struct vdmabuf_id none;

    return run->n_ids != 0 ? &run->ids[pick(run, MIN(run->n_ids, G_N_ELEMENTS(run->ids)))] : &none;
}

static void make_frame(Run *run, Request *request)
{
    struct virtio_vdmabuf_frame_desc desc;

    if (pick(run, 2)) {
        guest_desc_picture(&desc, 1 + pick(run, 64), 1 + pick(run, 16), pick(run, 3));
        desc.flags = GUINT32_TO_LE(pick(run, 16));
    } else {
        guest_desc_data(&desc);
        desc.output = GUINT32_TO_LE(pick(run, 3));
        desc.flags = GUINT32_TO_LE(pick(run, 4) ? 0 : pick(run, 16));
        desc.app_size = GUINT32_TO_LE(pick(run, 193));
        memset(desc.app, 0x5a, sizeof desc.app);
    }
    guest_frame_request((gpointer) request->bytes, pick_id(run), run->world.guest->sequence++,
                        &desc);
    request->length = sizeof(struct virtio_vdmabuf_frame);
}

static void mutate(Run *run, Request *request)
{
    guint times = 1 + pick(run, 3);

    run->mutated++;
    while (times-- > 0) {
        gsize at = request->length != 0 ? pick(run, request->length) : 0;
        guint64 value = GUINT64_TO_LE(interesting(run));

        switch (pick(run, 6)) {
        case 0:
            request->bytes[at] ^= 1 << pick(run, 8);
            break;
        case 1:
            at &= ~3u;
            memcpy(request->bytes + at, &value, 4);
            break;
        case 2:
            at &= ~7u;
            memcpy(request->bytes + at, &value, 8);
            break;
        case 3:
            request->length = pick(run, request->length + 1);
            break;
        case 4: {
            /* MIN() looks at its arguments twice */
            gsize more = pick(run, 40);

            more = MIN(more, sizeof request->bytes - request->length);
            memset(request->bytes + request->length, pick(run, 256), more);
            request->length += more;
            break;
        }
        default:
            request->bytes[at] = pick64(run);
            break;
        }
    }
}

static void make_request(Run *run, Request *request)
{
    guint dice = pick(run, 1000);

    memset(request, 0, sizeof *request);
    if (dice < 250) {
        make_register(run, request);
    } else if (dice < 800) {
        make_frame(run, request);
    } else if (dice < 960) {
        guest_unregister_request((gpointer) request->bytes, pick_id(run));
        request->length = sizeof(struct virtio_vdmabuf_unregister);
    } else {
        guint i;

        request->length = pick(run, 400);
        for (i = 0; i < request->length; i++)
            request->bytes[i] = pick64(run);
        /* Let some of them get past the first check */
        if (pick(run, 2)) {
            memset(request->bytes, 0, 8);
            request->bytes[0] = 2 + pick(run, 3);
        }
    }
    if (pick(run, 5) < 2)
        mutate(run, request);
    /* A reset has to be the last of its batch: see run_batch() */
    if (request->length == 8 && request->bytes[0] == VIRTIO_VDMABUF_CMD_RESET)
        request->bytes[4] = 1;
    request->room = pick(run, 20) ? REPLY_SIZE : pick(run, 64);
}

static guint cut(Run *run, VringSegment *segments, guint max, guint64 address, guint32 length,
                 gboolean writable)
{
    guint count = 0;

    while (length != 0) {
        guint32 part = count + 1 == max || pick(run, 3) ? length : 1 + pick(run, length);

        segments[count++] = (VringSegment) { address, part, writable };
        address += part;
        length -= part;
    }
    return count;
}

static void submit(Run *run, Request *request)
{
    Guest *guest = run->world.guest;
    VringSegment segments[48];
    guint slot = guest_slot_take(guest);
    gboolean scattered = pick(run, 4) == 0;
    guint n;

    memcpy(guest_slot_memory(guest, slot), request->bytes, request->length);
    if (request->length == 0 && request->room == 0)
        request->room = REPLY_SIZE;
    n = cut(run, segments, scattered ? 32 : 1, guest_slot_address(guest, slot), request->length,
            FALSE);
    n += cut(run, segments + n, scattered ? 16 : 1,
             guest_slot_address(guest, slot) + GUEST_SLOT_REPLY, request->room, TRUE);
    /* Long chains only go as tables, so that the queue has room for the batch */
    g_assert_true(guest_submit_chain(guest, slot, segments, n, n > 2 || pick(run, 2), request));
}

static void account(Run *run, const GuestReply *reply)
{
    Request *request = reply->cookie;
    guint32 allowed = judge(&run->world, request->bytes, request->length);
    guint32 status;

    if (request->room < REPLY_SIZE) {
        g_assert_cmpuint(reply->length, ==, 0);
        run->unanswered++;
        return;
    }
    g_assert_cmpuint(reply->length, ==, REPLY_SIZE);
    g_assert_cmpuint(reply->reply.reserved, ==, 0);
    status = GUINT32_FROM_LE(reply->reply.status);
    if (status > VIRTIO_VDMABUF_S_NO_MEMORY || !(allowed & (1u << status))) {
        guint i;

        g_printerr("# request of %zu bytes:", request->length);
        for (i = 0; i < request->length; i++)
            g_printerr("%s%02x", i % 4 == 0 ? " " : "", request->bytes[i]);
        g_printerr("\n");
        g_error("answered with %u, allowed is %#x (seed %" G_GUINT64_FORMAT ")", status, allowed,
                random_seed);
    }
    run->answers[status]++;
    if (status == VIRTIO_VDMABUF_S_OK) {
        if (request->bytes[0] == VIRTIO_VDMABUF_CMD_REGISTER)
            guest_id_from_wire(&run->ids[run->n_ids++ % G_N_ELEMENTS(run->ids)],
                               &reply->reply.id);
        world_apply(&run->world, request->bytes, &reply->reply);
    }
}

static void drop_import(Run *run, guint index)
{
    Import *import = &g_array_index(run->imports, Import, index);
    Buffer *buffer = g_hash_table_lookup(run->world.buffers, &import->id);

    close(import->fd);
    if (buffer != NULL) {
        buffer->n_imports--;
    } else {
        buffer = g_hash_table_lookup(run->world.orphans, &import->id);
        g_assert_nonnull(buffer);
        if (--buffer->n_imports == 0) {
            run->world.bytes_orphans -= buffer->size;
            g_hash_table_remove(run->world.orphans, &import->id);
        }
    }
    g_array_remove_index_fast(run->imports, index);
}

static void use_consumers(Run *run)
{
    struct vdmabuf_event event;
    guint i;

    for (i = 0; i < N_CONSUMERS; i++) {
        if (pick(run, 40) == 0) {
            close(run->consumers[i]);
            g_array_set_size(run->holds[i], 0);
            run->consumers[i] = consumer_open(run->world.guest, 0);
        }
        while (pick(run, 8) && consumer_read(run->consumers[i], &event, 0)) {
            struct virtio_vdmabuf_frame_desc desc;
            Hold hold = { event.id, event.sequence };
            guint at;

            if (event.type != VDMABUF_EVENT_FRAME)
                continue;
            /* Only what keeps the rules gets to a consumer; both are the same bytes here */
            G_STATIC_ASSERT(sizeof desc == sizeof event.frame);
            memcpy(&desc, &event.frame, sizeof desc);
            g_assert_cmpuint(judge_frame(&desc, event.size), ==, 0);
            for (at = event.frame.app_size; at < VDMABUF_MAX_APP; at++)
                g_assert_cmpuint(event.frame.app[at], ==, 0);
            g_array_append_val(run->holds[i], hold);
            if (pick(run, 16) == 0 && run->imports->len < 16) {
                Import import = { consumer_import(run->consumers[i], &event.id, O_RDONLY, NULL),
                                  event.id };
                Buffer *buffer = g_hash_table_lookup(run->world.buffers, &event.id);

                /* A frame of a buffer that has ended in this batch */
                if (buffer == NULL || buffer->ending) {
                    g_assert_cmpint(import.fd, ==, -ENOENT);
                } else {
                    g_assert_cmpint(import.fd, >=, 0);
                    buffer->n_imports++;
                    g_array_append_val(run->imports, import);
                }
            }
        }
        while (run->holds[i]->len != 0 && pick(run, 6)) {
            guint index = pick(run, run->holds[i]->len);
            Hold *hold = &g_array_index(run->holds[i], Hold, index);
            Buffer *buffer = g_hash_table_lookup(run->world.buffers, &hold->id);
            int ret = consumer_release(run->consumers[i], &hold->id, hold->sequence);

            g_assert_cmpint(ret, ==, buffer != NULL && !buffer->ending ? 0 : -ENOENT);
            g_assert_cmpint(consumer_release(run->consumers[i], &hold->id, hold->sequence), ==,
                            -ENOENT);
            g_array_remove_index_fast(run->holds[i], index);
        }
    }
    while (run->imports->len != 0 && pick(run, 3) == 0)
        drop_import(run, pick(run, run->imports->len));
}

static void check_limits(Run *run)
{
    struct vdmabuf_status status = guest_status(run->world.guest);
    World *world = &run->world;

    g_assert_cmpuint(status.nr_buffers, <=, world->limits.max_buffers);
    g_assert_cmpuint(status.bytes_registered, <=, world->limits.max_bytes);
    g_assert_cmpuint(status.bytes_pinned, <=, status.bytes_registered);
    g_assert_cmpuint(status.nr_outstanding, <=, status.nr_buffers);
    g_assert_cmpuint(status.nr_consumers, ==, N_CONSUMERS);
    g_assert_cmpuint(status.nr_imports, ==, run->imports->len);
    g_assert_cmpuint(status.nr_buffers, >=,
                     world->n_registered + g_hash_table_size(world->orphans));
    g_assert_cmpuint(status.bytes_registered, >=,
                     world->bytes_registered + world->bytes_orphans);
}

static guint run_batch(Run *run, guint count)
{
    Guest *guest = run->world.guest;
    GuestReply reply;
    guint i;

    for (i = 0; i < count; i++) {
        make_request(run, &run->requests[i]);
        submit(run, &run->requests[i]);
    }
    guest_kick(guest);
    for (i = 0; i < count; i++) {
        if (!guest_reap(guest, &reply, GUEST_WAIT_MS))
            g_error("request %u of %u was not answered (seed %" G_GUINT64_FORMAT ")", i, count,
                    random_seed);
        /* In their order */
        g_assert_true(reply.cookie == &run->requests[i]);
        account(run, &reply);
    }
    world_drain(&run->world);
    if (pick(run, 200) == 0) {
        g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
        world_drain(&run->world);
        world_forget(&run->world);
        run->resets++;
    }
    use_consumers(run);
    world_drain(&run->world);
    if (pick(run, 300) == 0) {
        break_and_mend(guest, VIRTIO_VDMABUF_VQ_CONTROL, pick(run, G_N_ELEMENTS(ring_breakers)));
        world_forget(&run->world);
        run->broken++;
    }
    return count;
}

static void test_random(void)
{
    g_autofree Run *run = g_new0(Run, 1);
    g_autoptr(Guest) guest = new_guest();
    gint64 pins = check_pins();
    gint64 memory = 0;
    gint64 began = g_get_monotonic_time();
    gboolean warm = FALSE;
    guint64 done = 0;
    guint i;

    g_test_message("seed %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " requests", random_seed,
                   random_count);
    run->rand = g_rand_new_with_seed_array((const guint32 *) &random_seed, 2);
    run->imports = g_array_new(FALSE, FALSE, sizeof(Import));
    world_init(&run->world, guest);
    for (i = 0; i < N_CONSUMERS; i++) {
        run->consumers[i] = consumer_open(guest, 0);
        run->holds[i] = g_array_new(FALSE, FALSE, sizeof(Hold));
    }
    while (done < random_count) {
        if (!warm && done >= random_count / 5) {
            memory = check_kernel_memory();
            warm = TRUE;
        }
        done += run_batch(run, MIN(BATCH, random_count - done));
        check_limits(run);
    }
    memory = check_kernel_memory() - memory;

    while (run->imports->len != 0)
        drop_import(run, 0);
    for (i = 0; i < N_CONSUMERS; i++) {
        close(run->consumers[i]);
        g_array_free(run->holds[i], TRUE);
    }
    /* What was promised comes: every UNREGISTERED, and the frames that nobody holds any more */
    while (run->world.n_ending != 0) {
        struct virtio_vdmabuf_event event;

        if (!guest_next_event(guest, &event, GUEST_WAIT_MS))
            g_error("%u buffers have not been unregistered", run->world.n_ending);
        world_event(&run->world, &event);
    }
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, run->world.n_registered);
    g_assert_cmpuint(guest_status(guest).bytes_registered, ==, run->world.bytes_registered);
    world_clear(&run->world);
    check_pins_become(pins);
    /* Frames of buffers that are still registered may be on their way back */
    guest_restart(guest);
    prove_good(guest);
    g_array_free(run->imports, TRUE);
    g_rand_free(run->rand);

    g_test_message("%.1f s; OK %" G_GUINT64_FORMAT ", BAD_REQUEST %" G_GUINT64_FORMAT
                   ", BAD_ADDRESS %" G_GUINT64_FORMAT ", BAD_FRAME %" G_GUINT64_FORMAT
                   ", NO_BUFFER %" G_GUINT64_FORMAT ", BUSY %" G_GUINT64_FORMAT
                   ", LIMIT %" G_GUINT64_FORMAT ", ENTRIES %" G_GUINT64_FORMAT
                   ", no room for a reply %" G_GUINT64_FORMAT,
                   (g_get_monotonic_time() - began) / 1e6, run->answers[0], run->answers[1],
                   run->answers[2], run->answers[3], run->answers[4], run->answers[5],
                   run->answers[6], run->answers[7], run->unanswered);
    g_test_message("%" G_GUINT64_FORMAT " mutated, %" G_GUINT64_FORMAT " resets, %" G_GUINT64_FORMAT
                   " rings broken; kernel memory grew by %" G_GINT64_FORMAT " bytes",
                   run->mutated, run->resets, run->broken, memory);
    g_assert_cmpint(memory, <, check_kernel_tolerance());
    /* A generator that gets nowhere proves nothing */
    if (random_count >= 10000) {
        for (i = 0; i <= VIRTIO_VDMABUF_S_ENTRIES; i++)
            g_assert_cmpuint(run->answers[i], >, 0);
        g_assert_cmpuint(run->answers[0], >, random_count / 20);
    }
    check_kmemleak();
}

int main(int argc, char *argv[])
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    gint64 seed = check_env("VDMABUF_TEST_SEED", 0);
    gint64 count = check_env("VDMABUF_TEST_COUNT", 200000);
    const GOptionEntry options[] = {
        { "random-seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Repeat the run with this seed", "N" },
        { "random-count", 0, 0, G_OPTION_ARG_INT64, &count, "Requests to send", "N" },
        { 0 },
    };
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_set_ignore_unknown_options(context, TRUE);
    g_option_context_set_help_enabled(context, FALSE);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "test-hostile: %s\n", error->message);
        return 2;
    }
    random_seed = seed != 0 ? (guint64) seed : g_random_int();
    random_count = count;

    g_test_init(&argc, &argv, NULL);
    check_prerequisites();
    check_add_test("/hostile/header", test_header);
    check_add_test("/hostile/register", test_register);
    check_add_test("/hostile/register-large", test_register_large);
    check_add_test("/hostile/register-unread", test_register_unread);
    check_add_test("/hostile/frame", test_frame);
    check_add_test("/hostile/chains", test_chains);
    check_add_test("/hostile/rings", test_rings);
    check_add_test("/hostile/event-ring", test_event_ring);
    check_add_test("/hostile/event-buffers", test_event_buffers);
    check_add_test("/hostile/ring-addresses", test_ring_addresses);
    check_add_test("/hostile/random", test_random);
    return g_test_run();
}
