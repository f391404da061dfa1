/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define FOURCC_XRGB8888 0x34325258u

static int ioctl_errno(int fd, unsigned long request, gpointer argument)
{
    int ret;

    do
        ret = ioctl(fd, request, argument);
    while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

/* --- Device --- */

gpointer guest_pointer(Guest *self, guint64 address)
{
    guint i;

    for (i = 0; i < self->n_regions; i++) {
        const GuestRegion *region = &self->regions[i];

        if (address >= region->address && address - region->address < region->bytes)
            return (guint8 *) region->memory + (address - region->address);
    }
    g_assert_not_reached();
}

guint64 guest_low(Guest *self, guint64 offset)
{
    g_assert_cmpuint(offset, <, self->low_bytes);
    return GUEST_LOW_ADDRESS + offset;
}

int guest_set_regions(Guest *self, const GuestRegion *regions, guint n_regions)
{
    g_autofree struct vhost_memory *table = NULL;
    guint i;
    int ret;

    g_assert_cmpuint(n_regions, <=, GUEST_MAX_REGIONS);
    table = g_malloc0(sizeof *table + n_regions * sizeof table->regions[0]);
    table->nregions = n_regions;
    for (i = 0; i < n_regions; i++) {
        table->regions[i].guest_phys_addr = regions[i].address;
        table->regions[i].memory_size = regions[i].bytes;
        table->regions[i].userspace_addr = (guintptr) regions[i].memory;
    }
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_MEM_TABLE, table);
    if (ret == 0 && regions != self->regions) {
        memmove(self->regions, regions, n_regions * sizeof *regions);
        self->n_regions = n_regions;
    }
    return ret;
}

int guest_set_ring(Guest *self, guint index, Vring *ring)
{
    struct vhost_vring_state state = { .index = index };
    struct vhost_vring_addr address = {
        .index = index,
        .desc_user_addr = (guintptr) ring->desc,
        .avail_user_addr = (guintptr) ring->avail,
        .used_user_addr = (guintptr) ring->used,
    };
    struct vhost_vring_file file = { .index = index };
    int ret;

    state.num = ring->num;
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_VRING_NUM, &state);
    if (ret < 0)
        return ret;
    state.num = 0;
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_VRING_BASE, &state);
    if (ret < 0)
        return ret;
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_VRING_ADDR, &address);
    if (ret < 0)
        return ret;
    file.fd = ring->kick_fd;
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_VRING_KICK, &file);
    if (ret < 0)
        return ret;
    file.fd = ring->call_fd;
    ret = ioctl_errno(self->vhost_fd, VHOST_SET_VRING_CALL, &file);
    if (ret < 0)
        return ret;
    file.fd = ring->error_fd;
    return ioctl_errno(self->vhost_fd, VHOST_SET_VRING_ERR, &file);
}

int guest_set_running(Guest *self, int running)
{
    int ret = ioctl_errno(self->vhost_fd, VHOST_VDMABUF_SET_RUNNING, &running);

    if (ret == 0)
        self->running = running;
    return ret;
}

int guest_set_limits(Guest *self, const struct vdmabuf_limits *limits)
{
    struct vdmabuf_limits copy = *limits;

    return ioctl_errno(self->vhost_fd, VHOST_VDMABUF_SET_LIMITS, &copy);
}

struct vdmabuf_limits guest_limits(Guest *self)
{
    struct vdmabuf_limits limits;

    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_VDMABUF_GET_LIMITS, &limits), ==, 0);
    return limits;
}

struct vdmabuf_status guest_status(Guest *self)
{
    struct vdmabuf_status status;

    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_VDMABUF_GET_STATUS, &status), ==, 0);
    return status;
}

static gsize align(gsize bytes, gsize unit)
{
    return (bytes + unit - 1) & ~(unit - 1);
}

static gsize page_align(gsize bytes)
{
    return align(bytes, GUEST_PAGE_SIZE);
}

/* To the end of the last large page */
static gsize mapped_ram(Guest *self)
{
    return align(self->ram_bytes, GUEST_HUGE_SIZE);
}

static void fill_rings(Guest *self)
{
    guint i;

    for (i = 0; i < self->n_slots; i++)
        self->slots[i].busy = FALSE;
    guest_post_events(self);
}

Guest *guest_new(const GuestOptions *options)
{
    Guest *self = g_new0(Guest, 1);
    guint16 num = options->num != 0 ? options->num : 256;
    guint16 event_num = options->event_num != 0 ? options->event_num : 64;
    gsize control_bytes = page_align(vring_bytes(num));
    gsize events_bytes = page_align(vring_bytes(event_num));
    struct vdmabuf_vm vm = { .pid = getpid(), .name = "test" };
    guint64 features = 0;
    guint i;

    self->vhost_fd = options->vhost_fd != 0 ? options->vhost_fd
                                            : open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    if (self->vhost_fd < 0)
        g_error("%s: %s", GUEST_DEVICE, g_strerror(errno));

    self->n_slots = num;
    self->slots_offset = control_bytes + events_bytes;
    self->event_offset = self->slots_offset + (gsize) num * GUEST_SLOT_SIZE;
    self->big_offset = self->event_offset +
                       page_align(event_num * sizeof(struct virtio_vdmabuf_event));
    /* So that the RAM can be made of the host's large pages, from its first byte to its last */
    self->low_bytes = align(self->big_offset + GUEST_BIG_BYTES, GUEST_HUGE_SIZE);
    self->ram_bytes = page_align(options->ram_bytes);

    self->memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    g_assert_cmpint(self->memory_fd, >=, 0);
    g_assert_cmpint(ftruncate(self->memory_fd, self->low_bytes + mapped_ram(self)), ==, 0);
    g_assert_cmpint(fcntl(self->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
    self->low = mmap(NULL, self->low_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->memory_fd,
                     0);
    g_assert_true(self->low != MAP_FAILED);
    if (self->ram_bytes != 0) {
        self->ram = mmap(NULL, mapped_ram(self), PROT_READ | PROT_WRITE, MAP_SHARED,
                         self->memory_fd, self->low_bytes);
        g_assert_true(self->ram != MAP_FAILED);
        if (options->small_pages) {
            /* Kernels without large pages have small ones anyway */
            madvise(self->ram, mapped_ram(self), MADV_NOHUGEPAGE);
            memset(self->ram, 0, self->ram_bytes);
        }
    }
    self->regions[0] = (GuestRegion) { GUEST_LOW_ADDRESS, self->low_bytes, self->low };
    self->regions[1] = (GuestRegion) { GUEST_RAM_ADDRESS, self->ram_bytes, self->ram };
    self->n_regions = self->ram_bytes != 0 ? 2 : 1;

    vring_setup(&self->control, self->low, num);
    vring_setup(&self->events, self->low + control_bytes, event_num);
    self->slots = g_new0(GuestSlot, num);
    self->sequence = 1;

    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_SET_OWNER, NULL), ==, 0);
    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_GET_FEATURES, &features), ==, 0);
    g_assert_true(features & (1ull << VIRTIO_F_VERSION_1));
    features = (1ull << VIRTIO_F_VERSION_1) | (1ull << VIRTIO_RING_F_INDIRECT_DESC);
    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_SET_FEATURES, &features), ==, 0);
    for (i = 0; i < sizeof vm.uuid; i++)
        vm.uuid[i] = i;
    g_assert_cmpint(ioctl_errno(self->vhost_fd, VHOST_VDMABUF_SET_VM, &vm), ==, 0);
    if (options->limits != NULL)
        g_assert_cmpint(guest_set_limits(self, options->limits), ==, 0);
    g_assert_cmpint(guest_set_regions(self, self->regions, self->n_regions), ==, 0);
    g_assert_cmpint(guest_set_ring(self, VIRTIO_VDMABUF_VQ_CONTROL, &self->control), ==, 0);
    g_assert_cmpint(guest_set_ring(self, VIRTIO_VDMABUF_VQ_EVENT, &self->events), ==, 0);

    if (!options->no_driver) {
        fill_rings(self);
        g_assert_cmpint(guest_set_running(self, 1), ==, 0);
        g_assert_cmpuint(guest_reset(self), ==, VIRTIO_VDMABUF_S_OK);
    }
    return self;
}

void guest_close_vhost(Guest *self)
{
    if (self->vhost_fd >= 0)
        g_assert_cmpint(close(self->vhost_fd), ==, 0);
    self->vhost_fd = -1;
    self->running = FALSE;
}

void guest_free(Guest *self)
{
    guest_close_vhost(self);
    vring_clear(&self->control);
    vring_clear(&self->events);
    munmap(self->low, self->low_bytes);
    if (self->ram != NULL)
        munmap(self->ram, mapped_ram(self));
    close(self->memory_fd);
    g_free(self->slots);
    g_free(self);
}

void guest_restart(Guest *self)
{
    if (self->running)
        g_assert_cmpint(guest_set_running(self, 0), ==, 0);
    vring_forget(&self->control);
    vring_forget(&self->events);
    g_assert_cmpint(guest_set_ring(self, VIRTIO_VDMABUF_VQ_CONTROL, &self->control), ==, 0);
    g_assert_cmpint(guest_set_ring(self, VIRTIO_VDMABUF_VQ_EVENT, &self->events), ==, 0);
    fill_rings(self);
    g_assert_cmpint(guest_set_running(self, 1), ==, 0);
    g_assert_cmpuint(guest_reset(self), ==, VIRTIO_VDMABUF_S_OK);
}

/* --- Requests, low level --- */

guint guest_slot_take(Guest *self)
{
    guint i;

    for (i = 0; i < self->n_slots; i++) {
        guint slot = (self->next_slot + i) % self->n_slots;

        if (!self->slots[slot].busy) {
            self->slots[slot].busy = TRUE;
            self->next_slot = slot + 1;
            return slot;
        }
    }
    return G_MAXUINT;
}

guint8 *guest_slot_memory(Guest *self, guint slot)
{
    return self->low + self->slots_offset + (gsize) slot * GUEST_SLOT_SIZE;
}

guint64 guest_slot_address(Guest *self, guint slot)
{
    return guest_low(self, self->slots_offset + (gsize) slot * GUEST_SLOT_SIZE);
}

void guest_slot_give(Guest *self, guint slot)
{
    self->slots[slot].busy = FALSE;
}

gboolean guest_submit_chain(Guest *self, guint slot, const VringSegment *segments,
                            guint n_segments, gboolean indirect, gpointer cookie)
{
    VringIndirect table = {
        .table = (gpointer) (guest_slot_memory(self, slot) + GUEST_SLOT_TABLE),
        .address = guest_slot_address(self, slot) + GUEST_SLOT_TABLE,
    };

    if (indirect)
        g_assert_cmpuint(n_segments, <=, GUEST_SLOT_TABLE_NUM);
    /* What an answer would be read from must not look like one already */
    memset(guest_slot_memory(self, slot) + GUEST_SLOT_REPLY, 0xa5,
           sizeof(struct virtio_vdmabuf_reply));
    self->slots[slot].cookie = cookie;
    return vring_add(&self->control, segments, n_segments, indirect ? &table : NULL,
                     GUINT_TO_POINTER(slot)) >= 0;
}

gboolean guest_submit(Guest *self, gconstpointer request, gsize length, gpointer cookie)
{
    guint slot = guest_slot_take(self);
    VringSegment segments[2];

    if (slot == G_MAXUINT)
        return FALSE;
    g_assert_cmpuint(length, <=, GUEST_SLOT_REPLY);
    memcpy(guest_slot_memory(self, slot), request, length);
    segments[0] = (VringSegment) { guest_slot_address(self, slot), length, FALSE };
    segments[1] = (VringSegment) { guest_slot_address(self, slot) + GUEST_SLOT_REPLY,
                                   sizeof(struct virtio_vdmabuf_reply), TRUE };
    if (guest_submit_chain(self, slot, segments, 2, TRUE, cookie))
        return TRUE;
    guest_slot_give(self, slot);
    return FALSE;
}

void guest_kick(Guest *self)
{
    vring_kick(&self->control);
}

gboolean guest_reap(Guest *self, GuestReply *reply, int timeout_ms)
{
    gpointer cookie;
    const guint8 *memory;

    if (!vring_take(&self->control, &cookie, &reply->length) &&
        (timeout_ms == 0 || !vring_wait(&self->control, timeout_ms) ||
         !vring_take(&self->control, &cookie, &reply->length)))
        return FALSE;
    reply->slot = GPOINTER_TO_UINT(cookie);
    reply->cookie = self->slots[reply->slot].cookie;
    memory = guest_slot_memory(self, reply->slot) + GUEST_SLOT_REPLY;
    memcpy(&reply->reply, memory, sizeof reply->reply);
    guest_slot_give(self, reply->slot);
    return TRUE;
}

static guint32 wait_reply(Guest *self, struct virtio_vdmabuf_reply *out)
{
    GuestReply reply;

    guest_kick(self);
    if (!guest_reap(self, &reply, GUEST_WAIT_MS))
        g_error("the device has not answered a request in %d s", GUEST_WAIT_MS / 1000);
    if (reply.length == 0)
        return GUEST_NO_REPLY;
    g_assert_cmpuint(reply.length, ==, sizeof reply.reply);
    g_assert_cmpuint(reply.reply.reserved, ==, 0);
    if (out != NULL)
        *out = reply.reply;
    return GUINT32_FROM_LE(reply.reply.status);
}

guint32 guest_call(Guest *self, gconstpointer request, gsize length,
                   struct virtio_vdmabuf_reply *reply)
{
    g_assert_true(guest_submit(self, request, length, NULL));
    return wait_reply(self, reply);
}

guint32 guest_call_chain(Guest *self, guint slot, const VringSegment *segments, guint n_segments,
                         gboolean indirect, struct virtio_vdmabuf_reply *reply)
{
    g_assert_true(guest_submit_chain(self, slot, segments, n_segments, indirect, NULL));
    return wait_reply(self, reply);
}

/* --- Requests of a correct driver --- */

void guest_id_to_wire(struct virtio_vdmabuf_id *wire, const struct vdmabuf_id *id)
{
    wire->vmm_pid = GUINT32_TO_LE(id->vmm_pid);
    wire->counter = GUINT32_TO_LE(id->counter);
    wire->random = GUINT64_TO_LE(id->random);
}

void guest_id_from_wire(struct vdmabuf_id *id, const struct virtio_vdmabuf_id *wire)
{
    id->vmm_pid = GUINT32_FROM_LE(wire->vmm_pid);
    id->counter = GUINT32_FROM_LE(wire->counter);
    id->random = GUINT64_FROM_LE(wire->random);
}

gboolean guest_id_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct vdmabuf_id)) == 0;
}

guint guest_id_hash(gconstpointer id)
{
    return ((const struct vdmabuf_id *) id)->counter;
}

guint32 guest_reset(Guest *self)
{
    struct virtio_vdmabuf_ctrl request = { .type = GUINT32_TO_LE(VIRTIO_VDMABUF_CMD_RESET) };

    return guest_call(self, &request, sizeof request, NULL);
}

/* As the guest driver does it: entries in chunks, so that the chain fits into the queue */
guint32 guest_register(Guest *self, const struct virtio_vdmabuf_entry *entries, guint n_entries,
                       guint64 size, struct vdmabuf_id *id)
{
    struct virtio_vdmabuf_register request = {
        .ctrl.type = GUINT32_TO_LE(VIRTIO_VDMABUF_CMD_REGISTER),
        .size = GUINT64_TO_LE(size),
        .nr_entries = GUINT32_TO_LE(n_entries),
    };
    struct virtio_vdmabuf_reply reply = { 0 };
    gsize bytes = (gsize) n_entries * sizeof *entries;
    gsize chunk = GUEST_PAGE_SIZE;
    g_autofree VringSegment *segments = NULL;
    guint slot = guest_slot_take(self);
    guint n_segments = 0;
    gsize done;
    guint32 status;

    g_assert_cmpuint(slot, !=, G_MAXUINT);
    g_assert_cmpuint(bytes, <=, GUEST_BIG_BYTES);
    while (chunk * (self->control.num - 2) < bytes)
        chunk *= 2;
    segments = g_new(VringSegment, bytes / chunk + 3);
    memcpy(guest_slot_memory(self, slot), &request, sizeof request);
    memcpy(self->low + self->big_offset, entries, bytes);
    segments[n_segments++] = (VringSegment) { guest_slot_address(self, slot), sizeof request,
                                              FALSE };
    for (done = 0; done < bytes; done += chunk)
        segments[n_segments++] = (VringSegment) { guest_low(self, self->big_offset + done),
                                                  MIN(chunk, bytes - done), FALSE };
    segments[n_segments++] = (VringSegment) { guest_slot_address(self, slot) + GUEST_SLOT_REPLY,
                                              sizeof reply, TRUE };
    status = guest_call_chain(self, slot, segments, n_segments, FALSE, &reply);
    if (id != NULL)
        guest_id_from_wire(id, &reply.id);
    return status;
}

guint32 guest_register_run(Guest *self, guint64 first_page, guint64 count, struct vdmabuf_id *id)
{
    struct virtio_vdmabuf_entry entry = {
        .addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + first_page * GUEST_PAGE_SIZE),
        .length = GUINT64_TO_LE(count * GUEST_PAGE_SIZE),
    };

    return guest_register(self, &entry, 1, count * GUEST_PAGE_SIZE, id);
}

void guest_frame_request(struct virtio_vdmabuf_frame *request, const struct vdmabuf_id *id,
                         guint64 sequence, const struct virtio_vdmabuf_frame_desc *desc)
{
    memset(request, 0, sizeof *request);
    request->ctrl.type = GUINT32_TO_LE(VIRTIO_VDMABUF_CMD_FRAME);
    guest_id_to_wire(&request->id, id);
    request->sequence = GUINT64_TO_LE(sequence);
    request->desc = *desc;
}

void guest_unregister_request(struct virtio_vdmabuf_unregister *request,
                              const struct vdmabuf_id *id)
{
    memset(request, 0, sizeof *request);
    request->ctrl.type = GUINT32_TO_LE(VIRTIO_VDMABUF_CMD_UNREGISTER);
    guest_id_to_wire(&request->id, id);
}

guint32 guest_frame(Guest *self, const struct vdmabuf_id *id,
                    const struct virtio_vdmabuf_frame_desc *desc, guint64 *sequence)
{
    struct virtio_vdmabuf_frame request;
    struct virtio_vdmabuf_reply reply;
    struct vdmabuf_id back;
    guint64 number = sequence != NULL && *sequence != 0 ? *sequence : self->sequence++;
    guint32 status;

    guest_frame_request(&request, id, number, desc);
    if (sequence != NULL)
        *sequence = number;
    status = guest_call(self, &request, sizeof request, &reply);
    guest_id_from_wire(&back, &reply.id);
    g_assert_true(guest_id_equal(&back, id));
    return status;
}

guint32 guest_unregister(Guest *self, const struct vdmabuf_id *id)
{
    struct virtio_vdmabuf_unregister request;

    guest_unregister_request(&request, id);
    return guest_call(self, &request, sizeof request, NULL);
}

void guest_desc_data(struct virtio_vdmabuf_frame_desc *desc)
{
    memset(desc, 0, sizeof *desc);
}

void guest_desc_picture(struct virtio_vdmabuf_frame_desc *desc, guint32 width, guint32 height,
                        guint32 output)
{
    memset(desc, 0, sizeof *desc);
    desc->fourcc = GUINT32_TO_LE(FOURCC_XRGB8888);
    desc->width = GUINT32_TO_LE(width);
    desc->height = GUINT32_TO_LE(height);
    desc->output = GUINT32_TO_LE(output);
    desc->nr_planes = GUINT32_TO_LE(1);
    desc->planes[0].stride = GUINT32_TO_LE(width * 4);
}

struct virtio_vdmabuf_entry *guest_scatter(guint64 first_page, guint64 count, GRand *rand)
{
    struct virtio_vdmabuf_entry *entries = g_new(struct virtio_vdmabuf_entry, count);
    guint64 i;

    for (i = 0; i < count; i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + (first_page + i) * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(GUEST_PAGE_SIZE);
    }
    for (i = count; rand != NULL && i > 1; i--) {
        guint64 other = g_rand_int_range(rand, 0, i);
        struct virtio_vdmabuf_entry swap = entries[other];

        entries[other] = entries[i - 1];
        entries[i - 1] = swap;
    }
    return entries;
}

/* --- Events --- */

static guint64 event_buffer(Guest *self, guint index)
{
    return self->event_offset + index * sizeof(struct virtio_vdmabuf_event);
}

static void post_event(Guest *self, guint index)
{
    VringSegment segment = { guest_low(self, event_buffer(self, index)),
                             sizeof(struct virtio_vdmabuf_event), TRUE };

    memset(self->low + event_buffer(self, index), 0xa5, segment.length);
    g_assert_cmpint(vring_add(&self->events, &segment, 1, NULL, GUINT_TO_POINTER(index)), >=, 0);
}

void guest_post_events(Guest *self)
{
    guint i;

    for (i = 0; i < self->events.num; i++)
        post_event(self, i);
    vring_kick(&self->events);
}

gboolean guest_next_event(Guest *self, struct virtio_vdmabuf_event *event, int timeout_ms)
{
    gpointer cookie;
    guint32 length;

    if (!vring_take(&self->events, &cookie, &length) &&
        (timeout_ms == 0 || !vring_wait(&self->events, timeout_ms) ||
         !vring_take(&self->events, &cookie, &length)))
        return FALSE;
    g_assert_cmpuint(length, ==, sizeof *event);
    memcpy(event, self->low + event_buffer(self, GPOINTER_TO_UINT(cookie)), sizeof *event);
    post_event(self, GPOINTER_TO_UINT(cookie));
    vring_kick(&self->events);
    if (GUINT32_FROM_LE(event->type) == VIRTIO_VDMABUF_EVT_CONSUMERS) {
        self->consumers = GUINT64_FROM_LE(event->value);
        self->consumer_events++;
    }
    return TRUE;
}

static gboolean next_buffer_event(Guest *self, struct virtio_vdmabuf_event *event, int timeout_ms)
{
    do {
        if (!guest_next_event(self, event, timeout_ms))
            return FALSE;
    } while (GUINT32_FROM_LE(event->type) == VIRTIO_VDMABUF_EVT_CONSUMERS);
    return TRUE;
}

void guest_expect(Guest *self, guint32 type, const struct vdmabuf_id *id, guint64 value,
                  guint32 flags)
{
    struct virtio_vdmabuf_event event;
    struct vdmabuf_id from;

    if (!next_buffer_event(self, &event, GUEST_WAIT_MS))
        g_error("event %u of buffer %u did not come", type, id->counter);
    guest_id_from_wire(&from, &event.id);
    g_assert_cmpuint(GUINT32_FROM_LE(event.type), ==, type);
    g_assert_cmpuint(from.counter, ==, id->counter);
    g_assert_true(guest_id_equal(&from, id));
    g_assert_cmpuint(GUINT64_FROM_LE(event.value), ==, value);
    g_assert_cmpuint(GUINT32_FROM_LE(event.flags), ==, flags);
}

void guest_expect_released(Guest *self, const struct vdmabuf_id *ids, const guint64 *sequences,
                           guint count)
{
    g_autofree gboolean *seen = g_new0(gboolean, count);
    guint i, n;

    for (n = 0; n < count; n++) {
        struct virtio_vdmabuf_event event;
        struct vdmabuf_id id;

        if (!next_buffer_event(self, &event, GUEST_WAIT_MS))
            g_error("%u of %u frames were not released", count - n, count);
        g_assert_cmpuint(GUINT32_FROM_LE(event.type), ==, VIRTIO_VDMABUF_EVT_RELEASED);
        g_assert_cmpuint(GUINT32_FROM_LE(event.flags), ==, 0);
        guest_id_from_wire(&id, &event.id);
        for (i = 0; i < count && !guest_id_equal(&id, &ids[i]); i++)
            ;
        g_assert_cmpuint(i, <, count);
        g_assert_false(seen[i]);
        g_assert_cmpuint(GUINT64_FROM_LE(event.value), ==, sequences[i]);
        seen[i] = TRUE;
    }
}

void guest_expect_silence(Guest *self)
{
    /* Both queues are served by the one worker of the device: a request that fails is a barrier
     * behind all events that were caused before it */
    struct virtio_vdmabuf_ctrl nothing = { 0 };
    struct virtio_vdmabuf_event event;
    guint i;

    for (i = 0; i < 2; i++)
        g_assert_cmpuint(guest_call(self, &nothing, sizeof nothing, NULL), ==,
                         VIRTIO_VDMABUF_S_BAD_REQUEST);
    if (next_buffer_event(self, &event, 0))
        g_error("unexpected event %u of buffer %u", GUINT32_FROM_LE(event.type),
                GUINT32_FROM_LE(event.id.counter));
}

/* --- Consumers --- */

int consumer_try_open(Guest *self, guint32 flags)
{
    struct vdmabuf_consumer consumer = { .pid = getpid(), .uid = getuid(), .flags = flags };
    int ret = ioctl_errno(self->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &consumer);

    if (ret < 0)
        return ret;
    g_assert_cmpint(fcntl(consumer.fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(consumer.fd, F_SETFL, O_NONBLOCK), ==, 0);
    return consumer.fd;
}

int consumer_open(Guest *self, guint32 flags)
{
    int fd = consumer_try_open(self, flags);
    struct vdmabuf_event event;

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(consumer_read(fd, &event, GUEST_WAIT_MS));
    g_assert_cmpuint(event.type, ==, VDMABUF_EVENT_STATE);
    return fd;
}

gboolean consumer_read(int fd, struct vdmabuf_event *event, int timeout_ms)
{
    gint64 deadline = g_get_monotonic_time() + (gint64) timeout_ms * 1000;

    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        gssize ret = read(fd, event, sizeof *event);
        gint64 left;

        if (ret == 0) {
            memset(event, 0, sizeof *event);
            return TRUE;
        }
        if (ret > 0) {
            g_assert_cmpint(ret, ==, sizeof *event);
            return TRUE;
        }
        if (errno == EINTR)
            continue;
        g_assert_cmpint(errno, ==, EAGAIN);
        left = deadline - g_get_monotonic_time();
        if (left <= 0 || poll(&pfd, 1, left / 1000 + 1) == 0)
            return FALSE;
    }
}

static void expect_event(int fd, guint32 type, struct vdmabuf_event *event)
{
    if (!consumer_read(fd, event, GUEST_WAIT_MS))
        g_error("the consumer got no event %u", type);
    g_assert_cmpuint(event->type, ==, type);
}

void consumer_expect_frame(int fd, const struct vdmabuf_id *id, guint64 sequence,
                           struct vdmabuf_event *event)
{
    struct vdmabuf_event local;

    if (event == NULL)
        event = &local;
    expect_event(fd, VDMABUF_EVENT_FRAME, event);
    g_assert_cmpuint(event->id.counter, ==, id->counter);
    g_assert_true(guest_id_equal(&event->id, id));
    g_assert_cmpuint(event->sequence, ==, sequence);
}

void consumer_expect_gone(int fd, const struct vdmabuf_id *id)
{
    struct vdmabuf_event event;

    expect_event(fd, VDMABUF_EVENT_GONE, &event);
    g_assert_cmpuint(event.id.counter, ==, id->counter);
    g_assert_true(guest_id_equal(&event.id, id));
}

void consumer_expect_state(int fd, guint32 state)
{
    struct vdmabuf_event event;

    expect_event(fd, VDMABUF_EVENT_STATE, &event);
    g_assert_cmpuint(event.state, ==, state);
}

void consumer_expect_dead(int fd)
{
    struct vdmabuf_event event;

    expect_event(fd, VDMABUF_EVENT_STATE, &event);
    g_assert_cmpuint(event.state & (VDMABUF_VM_DEAD | VDMABUF_VM_RUNNING), ==, VDMABUF_VM_DEAD);
}

void consumer_expect_end(int fd)
{
    struct vdmabuf_event event;
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    expect_event(fd, 0, &event);
    g_assert_cmpint(poll(&pfd, 1, 0), ==, 1);
    g_assert_cmpint(pfd.revents & POLLHUP, ==, POLLHUP);
}

void consumer_expect_nothing(int fd)
{
    struct vdmabuf_event event;
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    if (consumer_read(fd, &event, 0))
        g_error("unexpected event %u of buffer %u for a consumer", event.type, event.id.counter);
    g_assert_cmpint(poll(&pfd, 1, 0), ==, 0);
}

int consumer_import(int fd, const struct vdmabuf_id *id, guint32 flags, guint64 *size)
{
    struct vdmabuf_import import = { .id = *id, .flags = flags, .fd = -1 };
    int ret = ioctl_errno(fd, VDMABUF_IOC_IMPORT, &import);

    if (ret < 0)
        return ret;
    g_assert_cmpint(fcntl(import.fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    if (size != NULL)
        *size = import.size;
    return import.fd;
}

int consumer_release(int fd, const struct vdmabuf_id *id, guint64 sequence)
{
    struct vdmabuf_release release = { .id = *id, .sequence = sequence };

    return ioctl_errno(fd, VDMABUF_IOC_RELEASE, &release);
}

int consumer_query(int fd, struct vdmabuf_query *query)
{
    return ioctl_errno(fd, VDMABUF_IOC_QUERY, query);
}

struct vdmabuf_status consumer_status(int fd)
{
    struct vdmabuf_status status;

    g_assert_cmpint(ioctl_errno(fd, VDMABUF_IOC_GET_STATUS, &status), ==, 0);
    return status;
}

gpointer dmabuf_map(int fd, gsize size, gboolean writable)
{
    gpointer memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

    g_assert_true(memory != MAP_FAILED);
    return memory;
}
