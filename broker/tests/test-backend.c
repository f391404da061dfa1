/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_vdmabuf.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend.h"
#include "fake_kernel.h"
#include "fd.h"

#define USER_BASE G_GUINT64_CONSTANT(0x7f0000000000)
#define MEMORY_SIZE (256 * 4096)
#define RING_SIZE 256
#define VERSION_1 (G_GUINT64_CONSTANT(1) << VIRTIO_F_VERSION_1)
#define TRANSPORT (G_GUINT64_CONSTANT(1) << VHOST_USER_F_PROTOCOL_FEATURES)

typedef struct {
    FakeKernel kernel;
    Backend *backend;
    VhostUserReply reply;
    guint fds_before;
} Fixture;

static const BackendSettings settings = {
    .name = "web-1",
    .uuid = {0xde, 0xad},
    .limits = {.max_buffers = 16, .max_bytes = 1 << 20, .flags = VDMABUF_LIMITS_WRITABLE},
};

static void
set_up(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    GError *error = NULL;

    self->fds_before = test_count_fds();
    fake_kernel_init(&self->kernel);
    self->backend = backend_new(&settings, fake_kernel_open, &self->kernel);
    g_assert_true(backend_open(self->backend, &error));
    g_assert_no_error(error);
    g_assert_true(backend_attach(self->backend, 4321, &error));
    g_assert_no_error(error);
}

/* Nothing of a backend stays, whatever happened to it. */
static void
tear_down(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    backend_free(self->backend);
    g_assert_false(fake_kernel_is_open(&self->kernel));
    fake_kernel_clear(&self->kernel);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
    g_assert_cmpuint(test_count_fds(), ==, self->fds_before);
}

static gboolean
handle(Fixture *self, const VhostUserMessage *message, int fd, GError **error)
{
    int fds[VHOST_USER_MAX_FDS] = {fd, -1, -1, -1, -1, -1, -1, -1};
    gboolean result = backend_handle(self->backend, message, fds, &self->reply, error);

    fd_clear(&fds[0]);
    return result;
}

static void
assert_handled(Fixture *self, VhostUserMessage message, int fd)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(handle(self, &message, fd, &error));
    g_assert_no_error(error);
}

static void
assert_refused(Fixture *self, VhostUserMessage message, int fd, VhostUserError code,
               const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(handle(self, &message, fd, &error));
    g_assert_error(error, VHOST_USER_ERROR, (int) code);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
}

static guint64
reply_u64(Fixture *self)
{
    guint64 value;

    g_assert_cmpuint(self->reply.size, ==, VHOST_USER_HEADER_SIZE + 8);
    memcpy(&value, self->reply.bytes + VHOST_USER_HEADER_SIZE, sizeof(value));
    return value;
}

#define SIMPLE(name) ((VhostUserMessage) {.request = VHOST_USER_##name})
#define WITH_U64(name, value) ((VhostUserMessage) {.request = VHOST_USER_##name, .u64 = (value)})
#define WITH_VRING(name, ring, number)                                                             \
    ((VhostUserMessage) {.request = VHOST_USER_##name, .vring = {(ring), (number)}})
#define WITH_FD(name, ring, has)                                                                   \
    ((VhostUserMessage) {.request = VHOST_USER_##name, .vring_fd = {(ring), (has)}})

static VhostUserMessage
addr_message(guint index, guint64 base)
{
    return (VhostUserMessage) {
        .request = VHOST_USER_SET_VRING_ADDR,
        .addr = {.index = index,
                 .desc_user_addr = base,
                 .avail_user_addr = base + 0x1000,
                 .used_user_addr = base + 0x2000},
    };
}

static VhostUserMessage
memory_message(guint64 user_addr)
{
    return (VhostUserMessage) {
        .request = VHOST_USER_SET_MEM_TABLE,
        .memory = {.n_regions = 1, .regions = {{0, MEMORY_SIZE, user_addr, 0}}},
    };
}

static void
negotiate(Fixture *self, guint64 features)
{
    assert_handled(self, SIMPLE(SET_OWNER), -1);
    assert_handled(self, WITH_U64(SET_FEATURES, features), -1);
    assert_handled(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE));
}

static void
set_up_ring(Fixture *self, guint index)
{
    assert_handled(self, WITH_VRING(SET_VRING_NUM, index, RING_SIZE), -1);
    assert_handled(self, WITH_VRING(SET_VRING_BASE, index, 7 + index), -1);
    assert_handled(self, addr_message(index, USER_BASE + index * 0x10000), -1);
    assert_handled(self, WITH_FD(SET_VRING_KICK, index, TRUE), eventfd(0, EFD_CLOEXEC));
    assert_handled(self, WITH_FD(SET_VRING_CALL, index, TRUE), eventfd(0, EFD_CLOEXEC));
}

static void
start(Fixture *self)
{
    negotiate(self, VERSION_1 | TRANSPORT);
    for (guint i = 0; i < 2; i++)
        set_up_ring(self, i);
    g_assert_false(backend_is_running(self->backend));
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 0, 1), -1);
    g_assert_false(backend_is_running(self->backend));
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 1, 1), -1);
    g_assert_true(backend_is_running(self->backend));
    g_assert_true(self->kernel.running);
}

static void
test_features(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint64 features;

    assert_handled(self, SIMPLE(GET_FEATURES), -1);
    features = reply_u64(self);
    g_assert_cmphex(features & (VERSION_1 | TRANSPORT), ==, VERSION_1 | TRANSPORT);
    /* Neither migration nor a guest's IOMMU, although the kernel could */
    g_assert_cmphex(features & (G_GUINT64_CONSTANT(1) << 26), ==, 0);
    g_assert_cmphex(features & (G_GUINT64_CONSTANT(1) << VIRTIO_F_ACCESS_PLATFORM), ==, 0);
    assert_handled(self, SIMPLE(GET_PROTOCOL_FEATURES), -1);
    g_assert_cmphex(reply_u64(self), ==, 1 << 0 | 1 << 3 | 1 << 9);
    assert_handled(self, SIMPLE(GET_QUEUE_NUM), -1);
    g_assert_cmpuint(reply_u64(self), ==, 2);

    assert_refused(self, WITH_U64(SET_FEATURES, features | 1), -1, VHOST_USER_ERROR_MALFORMED,
                   "not offered");
    assert_refused(self, WITH_U64(SET_PROTOCOL_FEATURES, 1 << 5), -1, VHOST_USER_ERROR_MALFORMED,
                   "not offered");
    assert_handled(self, WITH_U64(SET_FEATURES, features), -1);
    g_assert_cmphex(self->kernel.features, ==, features & ~TRANSPORT);
    g_assert_false(backend_has_reply_ack(self->backend));
    assert_handled(self, WITH_U64(SET_PROTOCOL_FEATURES, 1 << 3), -1);
    g_assert_true(backend_has_reply_ack(self->backend));
}

static void
test_config(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    struct virtio_vdmabuf_config space;
    VhostUserMessage message = {.request = VHOST_USER_GET_CONFIG, .config = {.size = 24}};

    assert_handled(self, message, -1);
    g_assert_cmpuint(self->reply.size, ==, VHOST_USER_HEADER_SIZE + 12 + sizeof(space));
    memcpy(&space, self->reply.bytes + VHOST_USER_HEADER_SIZE + 12, sizeof(space));
    g_assert_cmpuint(GUINT32_FROM_LE(space.page_size), ==, sysconf(_SC_PAGESIZE));
    g_assert_cmpuint(GUINT32_FROM_LE(space.max_buffers), ==, 16);
    /* As the module has it, since the settings say nothing */
    g_assert_cmpuint(GUINT32_FROM_LE(space.max_entries), ==, 262144);
    g_assert_cmpuint(GUINT64_FROM_LE(space.max_bytes), ==, 1 << 20);
    g_assert_cmpuint(space.reserved, ==, 0);

    /* Part of it, and behind it */
    message.config.offset = 16;
    message.config.size = 16;
    assert_handled(self, message, -1);
    memcpy(&space, self->reply.bytes + VHOST_USER_HEADER_SIZE + 12, 16);
    g_assert_cmphex(self->reply.bytes[VHOST_USER_HEADER_SIZE + 12 + 2], ==, 0x10);
    for (guint i = 8; i < 16; i++)
        g_assert_cmphex(self->reply.bytes[VHOST_USER_HEADER_SIZE + 12 + i], ==, 0);

    message.request = VHOST_USER_SET_CONFIG;
    assert_handled(self, message, -1);
    g_assert_cmpuint(self->reply.size, ==, 0);
    assert_handled(self, WITH_U64(SET_PROTOCOL_FEATURES, 1 << 3), -1);
    message.need_reply = TRUE;
    assert_handled(self, message, -1);
    g_assert_cmpuint(reply_u64(self), ==, 1);
}

static void
test_vm(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(self->kernel.vm.pid, ==, 4321);
    g_assert_cmpstr(self->kernel.vm.name, ==, "web-1");
    g_assert_cmphex(self->kernel.vm.uuid[1], ==, 0xad);
    g_assert_cmpuint(self->kernel.limits.max_buffers, ==, 16);
    g_assert_cmpuint(self->kernel.limits.max_consumers, ==, 4);
    g_assert_cmphex(self->kernel.limits.flags, ==, VDMABUF_LIMITS_WRITABLE);
}

/* A name that is too long ends before a character, not in it. */
static void
test_long_name(void)
{
    FakeKernel kernel;
    g_autofree char *name = g_strconcat(
        "sixty-two-bytes-of-plain-letters-and-then-one-that-takes-two-x", "\xc3\xbc", NULL);
    BackendSettings long_settings = {.name = name};
    Backend *backend;

    fake_kernel_init(&kernel);
    backend = backend_new(&long_settings, fake_kernel_open, &kernel);
    g_assert_true(backend_open(backend, NULL));
    g_assert_true(backend_attach(backend, 1, NULL));
    g_assert_cmpuint(strlen(name), ==, 64);
    g_assert_cmpuint(strlen(kernel.vm.name), ==, 62);
    g_assert_true(g_utf8_validate(kernel.vm.name, -1, NULL));
    backend_free(backend);
    fake_kernel_clear(&kernel);
}

static void
test_limits_too_high(void)
{
    g_autoptr(GError) error = NULL;
    FakeKernel kernel;
    BackendSettings high = {.limits = {.max_buffers = 257}};
    Backend *backend;

    fake_kernel_init(&kernel);
    backend = backend_new(&high, fake_kernel_open, &kernel);
    g_assert_false(backend_open(backend, &error));
    g_assert_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "/sys/module/vhost_vdmabuf/parameters"));
    backend_free(backend);
    g_assert_false(fake_kernel_is_open(&kernel));
    fake_kernel_clear(&kernel);
}

static void
test_start(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    start(self);
    g_assert_cmpuint(self->kernel.n_regions, ==, 1);
    g_assert_cmphex(self->kernel.regions[0].guest_phys_addr, ==, 0);
    for (guint i = 0; i < 2; i++) {
        const FakeRing *ring = &self->kernel.rings[i];

        g_assert_cmpuint(ring->num, ==, RING_SIZE);
        g_assert_cmpuint(ring->base, ==, 7 + i);
        g_assert_cmphex(ring->addr.desc_user_addr, ==,
                        self->kernel.regions[0].userspace_addr + i * 0x10000);
        g_assert_cmphex(ring->addr.avail_user_addr, ==, ring->addr.desc_user_addr + 0x1000);
        g_assert_cmphex(ring->addr.used_user_addr, ==, ring->addr.desc_user_addr + 0x2000);
        g_assert_cmpint(ring->kick, >=, 0);
        g_assert_cmpint(ring->call, >=, 0);
        g_assert_cmpint(ring->err, ==, -1);
    }
}

/* Rings are born enabled where the protocol features are not negotiated. */
static void
test_start_without_enable(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    negotiate(self, VERSION_1);
    set_up_ring(self, 0);
    g_assert_false(self->kernel.running);
    set_up_ring(self, 1);
    g_assert_true(self->kernel.running);
    assert_refused(self, WITH_VRING(SET_VRING_ENABLE, 0, 0), -1, VHOST_USER_ERROR_MALFORMED,
                   "without VHOST_USER_F_PROTOCOL_FEATURES");
}

static void
test_stop(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    start(self);
    self->kernel.rings[0].base = 0xfffe;
    self->kernel.rings[1].base = 33;
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 0, 0), -1);
    g_assert_false(self->kernel.running);
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 1, 0), -1);
    assert_handled(self, WITH_VRING(GET_VRING_BASE, 0, 0), -1);
    g_assert_cmphex(reply_u64(self), ==, (guint64) 0xfffe << 32 | 0);
    assert_handled(self, WITH_VRING(GET_VRING_BASE, 1, 0), -1);
    g_assert_cmphex(reply_u64(self), ==, (guint64) 33 << 32 | 1);
    g_assert_cmpuint(self->kernel.stops, ==, 1);

    /* Not before the next kick, with or without enable */
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 0, 1), -1);
    assert_handled(self, WITH_VRING(SET_VRING_ENABLE, 1, 1), -1);
    g_assert_false(self->kernel.running);
    for (guint i = 0; i < 2; i++)
        set_up_ring(self, i);
    g_assert_true(self->kernel.running);
    g_assert_cmpuint(self->kernel.starts, ==, 2);
}

/* QEMU's order for some devices: no SET_VRING_ENABLE 0 before GET_VRING_BASE */
static void
test_stop_by_base(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    start(self);
    self->kernel.rings[1].base = 99;
    assert_handled(self, WITH_VRING(GET_VRING_BASE, 0, 0), -1);
    g_assert_false(self->kernel.running);
    assert_handled(self, WITH_VRING(GET_VRING_BASE, 1, 0), -1);
    g_assert_cmphex(reply_u64(self), ==, (guint64) 99 << 32 | 1);
}

static void
test_memory_while_running(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint64 old;

    start(self);
    old = self->kernel.regions[0].userspace_addr;
    self->kernel.rings[0].base = 500;
    assert_handled(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE));
    g_assert_true(self->kernel.running);
    g_assert_cmpuint(self->kernel.starts, ==, 2);
    g_assert_cmpuint(self->kernel.stops, ==, 1);
    g_assert_cmpuint(self->kernel.rings[0].base, ==, 500);
    /* The old mapping went last, so the new one is elsewhere, and the rings are in it. */
    g_assert_cmphex(self->kernel.regions[0].userspace_addr, !=, old);
    g_assert_cmphex(self->kernel.rings[1].addr.desc_user_addr, ==,
                    self->kernel.regions[0].userspace_addr + 0x10000);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 1);

    /* A table that the rings are not in */
    assert_refused(self, memory_message(USER_BASE + 0x100000000), test_memfd(MEMORY_SIZE),
                   VHOST_USER_ERROR_REFUSED, "descriptor table of ring 0");
    g_assert_false(self->kernel.running);
    /* And back */
    assert_handled(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE));
    g_assert_true(self->kernel.running);
    g_assert_cmpuint(self->kernel.rings[0].base, ==, 500);
}

static void
test_memory_refused_by_kernel(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint64 old;

    start(self);
    old = self->kernel.regions[0].userspace_addr;
    self->kernel.fail_request = VHOST_SET_MEM_TABLE;
    self->kernel.fail_errno = ENOMEM;
    assert_refused(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE),
                   VHOST_USER_ERROR_REFUSED, "the kernel refuses VHOST_SET_MEM_TABLE");
    g_assert_true(self->kernel.running);
    g_assert_cmphex(self->kernel.regions[0].userspace_addr, ==, old);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 1);
}

static void
test_memory_truncated_file(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    assert_handled(self, SIMPLE(SET_OWNER), -1);
    assert_refused(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE / 2),
                   VHOST_USER_ERROR_REFUSED, "of a file that has");
}

static void
test_order(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    assert_refused(self, memory_message(USER_BASE), test_memfd(MEMORY_SIZE),
                   VHOST_USER_ERROR_REFUSED, "SET_MEM_TABLE: the kernel refuses");
    assert_handled(self, SIMPLE(SET_OWNER), -1);
    assert_refused(self, SIMPLE(SET_OWNER), -1, VHOST_USER_ERROR_REFUSED, "VHOST_SET_OWNER");
}

static void
test_ring_addresses(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    VhostUserMessage message;

    negotiate(self, VERSION_1 | TRANSPORT);
    assert_handled(self, WITH_VRING(SET_VRING_NUM, 0, RING_SIZE), -1);

    /* The last of the descriptors, then of the other two, is behind the end. */
    message = addr_message(0, USER_BASE);
    message.addr.desc_user_addr = USER_BASE + MEMORY_SIZE - 16 * RING_SIZE;
    assert_handled(self, message, -1);
    message.addr.desc_user_addr += 16;
    assert_refused(self, message, -1, VHOST_USER_ERROR_REFUSED, "descriptor table of ring 0");
    message = addr_message(0, USER_BASE);
    message.addr.avail_user_addr = USER_BASE + MEMORY_SIZE - 2 * RING_SIZE - 4;
    assert_refused(self, message, -1, VHOST_USER_ERROR_REFUSED, "available ring of ring 0");
    message = addr_message(0, USER_BASE);
    message.addr.used_user_addr = USER_BASE + MEMORY_SIZE - 8 * RING_SIZE - 4;
    assert_refused(self, message, -1, VHOST_USER_ERROR_REFUSED, "used ring of ring 0");
    /* Guest addresses are not QEMU's. */
    assert_refused(self, addr_message(0, 0), -1, VHOST_USER_ERROR_REFUSED, "not inside");
}

/* The size can grow after the addresses were checked. */
static void
test_ring_grows(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    VhostUserMessage message = addr_message(0, USER_BASE);

    negotiate(self, VERSION_1);
    set_up_ring(self, 1);
    assert_handled(self, WITH_VRING(SET_VRING_NUM, 0, 2), -1);
    message.addr.desc_user_addr = USER_BASE + MEMORY_SIZE - 32;
    assert_handled(self, message, -1);
    assert_handled(self, WITH_VRING(SET_VRING_NUM, 0, 4), -1);
    assert_refused(self, WITH_FD(SET_VRING_KICK, 0, TRUE), eventfd(0, EFD_CLOEXEC),
                   VHOST_USER_ERROR_REFUSED, "descriptor table of ring 0");
    g_assert_false(self->kernel.running);
}

static void
test_while_running(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int old;

    start(self);
    assert_refused(self, WITH_VRING(SET_VRING_NUM, 0, 128), -1, VHOST_USER_ERROR_REFUSED,
                   "while the rings are running");
    assert_refused(self, WITH_VRING(SET_VRING_BASE, 0, 0), -1, VHOST_USER_ERROR_REFUSED,
                   "while the rings are running");
    assert_refused(self, addr_message(0, USER_BASE), -1, VHOST_USER_ERROR_REFUSED,
                   "while the rings are running");
    assert_refused(self, WITH_U64(SET_FEATURES, TRANSPORT), -1, VHOST_USER_ERROR_REFUSED,
                   "while the rings are running");
    g_assert_true(self->kernel.running);

    /* Interrupts are masked and unmasked under way. */
    old = self->kernel.rings[0].call;
    assert_handled(self, WITH_FD(SET_VRING_CALL, 0, TRUE), eventfd(0, EFD_CLOEXEC));
    g_assert_cmpint(self->kernel.rings[0].call, !=, old);
    assert_handled(self, WITH_FD(SET_VRING_CALL, 0, FALSE), -1);
    g_assert_cmpint(self->kernel.rings[0].call, ==, -1);
    assert_handled(self, WITH_FD(SET_VRING_ERR, 1, TRUE), eventfd(0, EFD_CLOEXEC));
    g_assert_cmpint(self->kernel.rings[1].err, >=, 0);
    g_assert_true(self->kernel.running);

    assert_refused(self, WITH_FD(SET_VRING_KICK, 0, FALSE), -1, VHOST_USER_ERROR_REFUSED,
                   "cannot be polled");
    g_assert_false(self->kernel.running);
}

static void
test_needs_version_1(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    negotiate(self, 0);
    set_up_ring(self, 0);
    assert_handled(self, WITH_VRING(SET_VRING_NUM, 1, RING_SIZE), -1);
    assert_handled(self, addr_message(1, USER_BASE + 0x10000), -1);
    assert_refused(self, WITH_FD(SET_VRING_KICK, 1, TRUE), eventfd(0, EFD_CLOEXEC),
                   VHOST_USER_ERROR_REFUSED, "VIRTIO_F_VERSION_1");
}

static void
test_detach(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    start(self);
    backend_detach(self->backend);
    g_assert_false(fake_kernel_is_open(&self->kernel));
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
    g_assert_cmpuint(test_count_fds(), ==, self->fds_before);

    g_assert_true(backend_open(self->backend, NULL));
    g_assert_true(backend_attach(self->backend, 99, NULL));
    g_assert_cmpuint(self->kernel.opens, ==, 2);
    g_assert_cmpuint(self->kernel.limits.max_buffers, ==, 16);
    start(self);
    assert_handled(self, SIMPLE(RESET_OWNER), -1);
    g_assert_false(self->kernel.running);
}

static void
test_consumer(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 4; i++) {
        auto_fd int fd = backend_get_consumer(self->backend, 10, 1000, &error);

        g_assert_no_error(error);
        g_assert_cmpint(fd, >=, 0);
    }
    g_assert_cmpint(self->kernel.last_consumer.pid, ==, 10);
    g_assert_cmpuint(self->kernel.last_consumer.uid, ==, 1000);
    g_assert_cmphex(self->kernel.last_consumer.flags, ==, VDMABUF_LIMITS_WRITABLE);
    g_assert_cmpint(backend_get_consumer(self->backend, 10, 1000, &error), ==, -1);
    g_assert_error(error, VHOST_DEVICE_ERROR, VHOST_DEVICE_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add("/backend/" path, Fixture, NULL, set_up, function, tear_down)
    ADD("features", test_features);
    ADD("config", test_config);
    ADD("vm", test_vm);
    ADD("start", test_start);
    ADD("start-without-enable", test_start_without_enable);
    ADD("stop", test_stop);
    ADD("stop-by-base", test_stop_by_base);
    ADD("memory-while-running", test_memory_while_running);
    ADD("memory-refused-by-kernel", test_memory_refused_by_kernel);
    ADD("memory-truncated-file", test_memory_truncated_file);
    ADD("order", test_order);
    ADD("ring-addresses", test_ring_addresses);
    ADD("ring-grows", test_ring_grows);
    ADD("while-running", test_while_running);
    ADD("needs-version-1", test_needs_version_1);
    ADD("detach", test_detach);
    ADD("consumer", test_consumer);
#undef ADD
    g_test_add_func("/backend/long-name", test_long_name);
    g_test_add_func("/backend/limits-too-high", test_limits_too_high);
    return g_test_run();
}
