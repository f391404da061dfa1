/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back-end as QEMU sees it: messages over a socketpair, with everything behind it real but
 * the kernel.
 */
#include <errno.h>
#include <glib-unix.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "consumer_socket.h"
#include "fake_kernel.h"
#include "fd.h"

#define VERSION 1
#define NEED_REPLY 8
#define PAGES 64
#define USER_BASE G_GUINT64_CONSTANT(0x7f0000000000)

typedef struct {
    FakeKernel kernel;
    Backend *backend;
    Connection *connection;
    int peer;
    gboolean closed;
    GError *error;
    guint fds_before;
} Fixture;

static void
on_closed(Connection *connection, const GError *error, gpointer data)
{
    Fixture *self = data;

    g_assert_true(connection == self->connection);
    g_assert_false(self->closed);
    self->closed = TRUE;
    self->error = error ? g_error_copy(error) : NULL;
    g_clear_pointer(&self->connection, connection_free);
    backend_detach(self->backend);
}

static void
connect_qemu(Fixture *self)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    self->closed = FALSE;
    g_clear_error(&self->error);
    self->peer = ends[1];
    g_assert_true(backend_open(self->backend, NULL));
    g_assert_true(backend_attach(self->backend, getpid(), NULL));
    self->connection = connection_new(ends[0], self->backend, on_closed, self);
}

static void
set_up(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    static const BackendSettings settings = {0};

    self->fds_before = test_count_fds();
    fake_kernel_init(&self->kernel);
    self->backend = backend_new(&settings, fake_kernel_open, &self->kernel);
    connect_qemu(self);
    /* The main loop has descriptors of its own, which come with its first turn. */
    g_main_context_iteration(NULL, FALSE);
}

static void
tear_down(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    g_clear_pointer(&self->connection, connection_free);
    fd_clear(&self->peer);
    backend_free(self->backend);
    g_assert_false(fake_kernel_is_open(&self->kernel));
    fake_kernel_clear(&self->kernel);
    g_clear_error(&self->error);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
    g_assert_cmpuint(test_count_fds(), <=, self->fds_before + 1);
}

/* Until there is nothing to read any more */
static void
run(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* One sendmsg(2), whatever the bytes are; the descriptors are closed here. */
static void
send_bytes(Fixture *self, const void *bytes, gsize size, const int *fds, guint n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 32)];
    } control = {0};
    struct iovec iov = {.iov_base = (void *) bytes, .iov_len = size};
    struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds) {
        struct cmsghdr *cmsg;

        packet.msg_control = &control;
        packet.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        cmsg = CMSG_FIRSTHDR(&packet);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
    }
    g_assert_cmpint(sendmsg(self->peer, &packet, MSG_NOSIGNAL), ==, (gssize) size);
    for (guint i = 0; i < n_fds; i++)
        close(fds[i]);
}

static gsize
build(guint8 *bytes, guint32 request, guint32 flags, const void *payload, guint32 size)
{
    guint32 header[3] = {request, VERSION | flags, size};

    memcpy(bytes, header, sizeof(header));
    if (size)
        memcpy(bytes + sizeof(header), payload, size);
    return sizeof(header) + size;
}

static void
send_message(Fixture *self, guint32 request, guint32 flags, const void *payload, guint32 size,
             const int *fds, guint n_fds)
{
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];

    send_bytes(self, bytes, build(bytes, request, flags, payload, size), fds, n_fds);
    run();
}

static void
assert_reply(Fixture *self, guint32 request, guint64 value)
{
    guint8 bytes[64];
    guint32 header[3];
    guint64 got;

    g_assert_cmpint(recv(self->peer, bytes, sizeof(bytes), MSG_DONTWAIT), ==, 20);
    memcpy(header, bytes, sizeof(header));
    memcpy(&got, bytes + sizeof(header), sizeof(got));
    g_assert_cmpuint(header[0], ==, request);
    g_assert_cmphex(header[1], ==, 5);
    g_assert_cmpuint(header[2], ==, 8);
    g_assert_cmphex(got, ==, value);
}

static void
assert_no_reply(Fixture *self)
{
    guint8 byte;

    g_assert_cmpint(recv(self->peer, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

/* The broker has closed the connection, because of what the sentence says. */
static void
assert_closed(Fixture *self, const char *says)
{
    guint8 byte;

    run();
    g_assert_true(self->closed);
    g_assert_nonnull(self->error);
    if (!strstr(self->error->message, says))
        g_error("'%s' does not say '%s'", self->error->message, says);
    g_assert_cmpint(recv(self->peer, &byte, 1, MSG_DONTWAIT), <=, 0);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
    fd_clear(&self->peer);
    g_assert_false(fake_kernel_is_open(&self->kernel));
    g_assert_cmpuint(test_count_fds(), <=, self->fds_before + 1);
}

static void
send_u64(Fixture *self, guint32 request, guint32 flags, guint64 value)
{
    send_message(self, request, flags, &value, sizeof(value), NULL, 0);
}

static void
send_vring(Fixture *self, guint32 request, guint32 index, guint32 value)
{
    guint32 payload[2] = {index, value};

    send_message(self, request, 0, payload, sizeof(payload), NULL, 0);
}

static void
send_eventfd(Fixture *self, guint32 request, guint64 index)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    send_message(self, request, 0, &index, sizeof(index), &fd, 1);
}

static gsize
memory_payload(guint8 *payload, guint n)
{
    guint64 page = sysconf(_SC_PAGESIZE);
    guint64 header = n;

    memcpy(payload, &header, sizeof(header));
    for (guint i = 0; i < n; i++) {
        guint64 region[4] = {i * PAGES * page, PAGES * page, USER_BASE + i * PAGES * page, 0};

        memcpy(payload + 8 + i * sizeof(region), region, sizeof(region));
    }
    return 8 + n * 32;
}

static void
send_memory(Fixture *self, guint n, guint32 flags)
{
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    int fds[VHOST_USER_MAX_FDS];

    for (guint i = 0; i < n; i++)
        fds[i] = test_memfd(PAGES * sysconf(_SC_PAGESIZE));
    send_message(self, VHOST_USER_SET_MEM_TABLE, flags, payload, memory_payload(payload, n), fds,
                 n);
}

/* What QEMU 11.1 sends for vhost-user-test-device-pci, in its order */
static void
bring_up(Fixture *self)
{
    guint64 features = G_GUINT64_CONSTANT(1) << VIRTIO_F_VERSION_1 |
                       G_GUINT64_CONSTANT(1) << VHOST_USER_F_PROTOCOL_FEATURES;
    guint64 page = sysconf(_SC_PAGESIZE);

    send_message(self, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
    g_assert_cmpint(recv(self->peer, (guint8[20]) {0}, 20, MSG_DONTWAIT), ==, 20);
    send_message(self, VHOST_USER_GET_PROTOCOL_FEATURES, 0, NULL, 0, NULL, 0);
    assert_reply(self, VHOST_USER_GET_PROTOCOL_FEATURES, 0x209);
    send_u64(self, VHOST_USER_SET_PROTOCOL_FEATURES, 0, 0x209);
    send_message(self, VHOST_USER_GET_QUEUE_NUM, 0, NULL, 0, NULL, 0);
    assert_reply(self, VHOST_USER_GET_QUEUE_NUM, 2);
    send_message(self, VHOST_USER_SET_OWNER, 0, NULL, 0, NULL, 0);
    for (guint i = 0; i < 2; i++) {
        send_eventfd(self, VHOST_USER_SET_VRING_CALL, i);
        send_eventfd(self, VHOST_USER_SET_VRING_ERR, i);
    }
    send_u64(self, VHOST_USER_SET_FEATURES, NEED_REPLY, features);
    assert_reply(self, VHOST_USER_SET_FEATURES, 0);
    send_memory(self, 2, NEED_REPLY);
    assert_reply(self, VHOST_USER_SET_MEM_TABLE, 0);
    for (guint i = 0; i < 2; i++) {
        struct vhost_vring_addr addr = {.index = i,
                                        .desc_user_addr = USER_BASE + i * PAGES * page,
                                        .avail_user_addr = USER_BASE + (i * PAGES + 1) * page,
                                        .used_user_addr = USER_BASE + (i * PAGES + 2) * page};

        send_vring(self, VHOST_USER_SET_VRING_NUM, i, 256);
        send_vring(self, VHOST_USER_SET_VRING_BASE, i, 0);
        send_message(self, VHOST_USER_SET_VRING_ADDR, NEED_REPLY, &addr, sizeof(addr), NULL, 0);
        assert_reply(self, VHOST_USER_SET_VRING_ADDR, 0);
        send_eventfd(self, VHOST_USER_SET_VRING_KICK, i);
        send_eventfd(self, VHOST_USER_SET_VRING_CALL, i);
    }
    send_vring(self, VHOST_USER_SET_VRING_ENABLE, 0, 1);
    send_vring(self, VHOST_USER_SET_VRING_ENABLE, 1, 1);
    g_assert_true(self->kernel.running);
    assert_no_reply(self);
}

static void
test_session(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    bring_up(self);
    send_vring(self, VHOST_USER_SET_VRING_ENABLE, 0, 0);
    send_vring(self, VHOST_USER_SET_VRING_ENABLE, 1, 0);
    send_vring(self, VHOST_USER_GET_VRING_BASE, 0, 0);
    assert_reply(self, VHOST_USER_GET_VRING_BASE, 0);
    send_vring(self, VHOST_USER_GET_VRING_BASE, 1, 0);
    assert_reply(self, VHOST_USER_GET_VRING_BASE, 1);
    fd_clear(&self->peer);
    run();
    g_assert_true(self->closed);
    g_assert_no_error(self->error);
}

/* QEMU is killed, and another one comes. */
static void
test_again(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = 0; i < 3; i++) {
        bring_up(self);
        g_assert_false(connection_is_hung_up(self->connection));
        fd_clear(&self->peer);
        g_assert_true(connection_is_hung_up(self->connection));
        run();
        g_assert_true(self->closed);
        g_assert_no_error(self->error);
        g_assert_false(fake_kernel_is_open(&self->kernel));
        g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
        connect_qemu(self);
    }
    g_assert_cmpuint(self->kernel.opens, ==, 4);
}

/* Every byte by itself, with the main loop between */
static void
test_trickle(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    gsize size;

    send_message(self, VHOST_USER_SET_OWNER, 0, NULL, 0, NULL, 0);
    size = build(bytes, VHOST_USER_SET_MEM_TABLE, 0, payload, memory_payload(payload, 2));
    for (gsize i = 0; i < size; i++) {
        int fds[2];

        g_assert_cmpuint(self->kernel.n_regions, ==, 0);
        for (guint n = 0; i == 0 && n < 2; n++)
            fds[n] = test_memfd(PAGES * sysconf(_SC_PAGESIZE));
        send_bytes(self, bytes + i, 1, fds, i == 0 ? 2 : 0);
        run();
    }
    g_assert_false(self->closed);
    g_assert_cmpuint(self->kernel.n_regions, ==, 2);
}

/* Many messages in one go; the answers come in order. */
static void
test_burst(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[100 * VHOST_USER_HEADER_SIZE];
    gsize size = 0;

    for (guint i = 0; i < 100; i++)
        size +=
            build(bytes + size, i % 2 ? VHOST_USER_GET_QUEUE_NUM : VHOST_USER_GET_PROTOCOL_FEATURES,
                  0, NULL, 0);
    send_bytes(self, bytes, size, NULL, 0);
    run();
    for (guint i = 0; i < 100; i++) {
        guint8 reply[20];

        g_assert_cmpint(recv(self->peer, reply, sizeof(reply), MSG_DONTWAIT), ==, 20);
        g_assert_cmpuint(reply[12], ==, i % 2 ? 2 : 9);
    }
    assert_no_reply(self);
}

static void
test_reply_ack(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    /* Asked for without being negotiated: no answer */
    send_message(self, VHOST_USER_SET_OWNER, NEED_REPLY, NULL, 0, NULL, 0);
    assert_no_reply(self);
    send_u64(self, VHOST_USER_SET_PROTOCOL_FEATURES, 0, 1 << 3);
    assert_no_reply(self);
    send_u64(self, VHOST_USER_SET_FEATURES, NEED_REPLY, 0);
    assert_reply(self, VHOST_USER_SET_FEATURES, 0);
    /* A request with an answer of its own has only that one. */
    send_message(self, VHOST_USER_GET_QUEUE_NUM, NEED_REPLY, NULL, 0, NULL, 0);
    assert_reply(self, VHOST_USER_GET_QUEUE_NUM, 2);
    assert_no_reply(self);

    /* What cannot be obeyed is answered, and the connection goes on. */
    send_message(self, VHOST_USER_SET_OWNER, NEED_REPLY, NULL, 0, NULL, 0);
    assert_reply(self, VHOST_USER_SET_OWNER, 1);
    g_assert_false(self->closed);
    /* Without a way to say so it is the end. */
    send_message(self, VHOST_USER_SET_OWNER, 0, NULL, 0, NULL, 0);
    assert_closed(self, "VHOST_SET_OWNER");
}

static void
test_backend_req_fd(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    guint before = test_count_fds();

    send_message(self, VHOST_USER_SET_BACKEND_REQ_FD, 0, NULL, 0, &fd, 1);
    g_assert_false(self->closed);
    g_assert_cmpuint(test_count_fds(), ==, before - 1);
}

static void
test_unknown(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int fds[2] = {test_memfd(4096), test_memfd(4096)};

    bring_up(self);
    send_message(self, 44, NEED_REPLY, NULL, 0, fds, 2);
    assert_closed(self, "unknown vhost-user request 44");
}

static void
test_bad_size(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[64];

    bring_up(self);
    build(bytes, VHOST_USER_SET_FEATURES, 0, (guint8[4]) {0}, 4);
    send_bytes(self, bytes, 16, NULL, 0);
    assert_closed(self, "payload of 4 bytes");
}

/* Refused when the header is there; nobody waits for 4 GiB. */
static void
test_huge_size(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint32 header[3] = {VHOST_USER_SET_MEM_TABLE, VERSION, G_MAXUINT32};

    send_bytes(self, header, sizeof(header), NULL, 0);
    assert_closed(self, "payload of 4294967295 bytes");
}

static void
test_missing_fds(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    int fd = test_memfd(PAGES * sysconf(_SC_PAGESIZE));

    bring_up(self);
    send_message(self, VHOST_USER_SET_MEM_TABLE, NEED_REPLY, payload, memory_payload(payload, 2),
                 &fd, 1);
    assert_closed(self, "2 regions and came with 1");
}

static void
test_too_many_fds(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    int fds[32];

    for (guint i = 0; i < 9; i++)
        fds[i] = test_memfd(PAGES * sysconf(_SC_PAGESIZE));
    send_message(self, VHOST_USER_SET_MEM_TABLE, 0, payload, memory_payload(payload, 8), fds, 9);
    assert_closed(self, "more than 8 file descriptors");

    /* So many that the kernel cuts them off */
    connect_qemu(self);
    for (guint i = 0; i < 32; i++)
        fds[i] = test_memfd(4096);
    send_message(self, VHOST_USER_SET_MEM_TABLE, 0, payload, memory_payload(payload, 8), fds, 32);
    assert_closed(self, "more than 8 file descriptors");
}

static void
test_late_fds(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    gsize size = build(bytes, VHOST_USER_SET_MEM_TABLE, 0, payload, memory_payload(payload, 1));
    int fd = test_memfd(PAGES * sysconf(_SC_PAGESIZE));

    send_bytes(self, bytes, VHOST_USER_HEADER_SIZE, NULL, 0);
    send_bytes(self, bytes + VHOST_USER_HEADER_SIZE, size - VHOST_USER_HEADER_SIZE, &fd, 1);
    assert_closed(self, "in the middle of a message");
}

static void
test_cut_off(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    gsize size = build(bytes, VHOST_USER_SET_MEM_TABLE, 0, payload, memory_payload(payload, 1));
    int fd = test_memfd(PAGES * sysconf(_SC_PAGESIZE));

    bring_up(self);
    send_bytes(self, bytes, size - 1, &fd, 1);
    run();
    g_assert_false(self->closed);
    shutdown(self->peer, SHUT_WR);
    assert_closed(self, "in the middle of a message");
}

static void
test_bad_ring(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    bring_up(self);
    send_message(self, VHOST_USER_SET_VRING_KICK, 0, (guint64[1]) {7}, 8, &fd, 1);
    assert_closed(self, "names ring 7");
}

static void
test_log(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int fd = test_memfd(4096);

    bring_up(self);
    send_message(self, VHOST_USER_SET_LOG_BASE, 0, (guint64[2]) {4096, 0}, 16, &fd, 1);
    assert_closed(self, "cannot be migrated");
}

static void
test_peer_does_not_read(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint8 bytes[64 * VHOST_USER_HEADER_SIZE];
    gsize size = 0;

    for (guint i = 0; i < 64; i++)
        size += build(bytes + size, VHOST_USER_GET_FEATURES, 0, NULL, 0);
    for (guint i = 0; i < 10000 && !self->closed; i++) {
        send_bytes(self, bytes, size, NULL, 0);
        run();
    }
    g_assert_true(self->closed);
    g_assert_nonnull(strstr(self->error->message, "cannot answer GET_FEATURES"));
}

/* Random messages, some cut, some with descriptors: no crash, and nothing stays behind. */
static void
test_random(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    guint closed = 0;

    for (guint round = 0; round < 3000; round++) {
        guint8 bytes[VHOST_USER_HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];
        guint8 payload[VHOST_USER_MAX_PAYLOAD];
        guint32 request = g_test_rand_int_range(1, 27);
        guint32 flags = g_test_rand_int_range(0, 30) ? NEED_REPLY : g_test_rand_int_range(0, 32);
        guint n_fds = g_test_rand_int_range(0, 10) ? 0 : g_test_rand_int_range(1, 12);
        gsize size = g_test_rand_int_range(0, 10)
                         ? (gsize[]) {0, 8, 40, 36}[g_test_rand_int_range(0, 4)]
                         : (gsize) g_test_rand_int_range(0, VHOST_USER_MAX_PAYLOAD + 1);
        int fds[12];

        for (gsize i = 0; i < sizeof(payload); i++)
            payload[i] = g_test_rand_int_range(0, 10) ? g_test_rand_int_range(0, 2)
                                                      : g_test_rand_int_range(0, 256);
        if (request == VHOST_USER_SET_MEM_TABLE && g_test_rand_int_range(0, 4)) {
            n_fds = g_test_rand_int_range(1, 9);
            size = memory_payload(payload, n_fds);
        }
        for (guint i = 0; i < n_fds; i++)
            fds[i] = g_test_rand_int_range(0, 4) ? test_memfd(PAGES * sysconf(_SC_PAGESIZE))
                                                 : eventfd(0, EFD_CLOEXEC);
        size = build(bytes, request, flags, payload, size);
        if (g_test_rand_int_range(0, 30) == 0)
            size = g_test_rand_int_range(1, size + 1);
        send_bytes(self, bytes, size, fds, n_fds);
        run();
        while (!self->closed && recv(self->peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
            ;
        if (self->closed) {
            closed++;
            fd_clear(&self->peer);
            g_assert_false(fake_kernel_is_open(&self->kernel));
            g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, 0);
            g_assert_cmpuint(test_count_fds(), <=, self->fds_before + 1);
            connect_qemu(self);
        }
    }
    g_test_message("%u of 3000 random messages ended the connection", closed);
}

static int
connect_consumer(Fixture *self, char text[256])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = text, .iov_len = 255};
    struct msghdr packet = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    auto_fd int peer = -1;
    int ends[2];
    int fd = -1;
    gssize got;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
    peer = ends[1];
    consumer_socket_serve(ends[0], 10, 1000, self->backend);
    got = recvmsg(peer, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    g_assert_cmpint(got, >, 0);
    text[got] = 0;
    if (CMSG_FIRSTHDR(&packet))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&packet)), sizeof(fd));
    g_assert_cmpint(recv(peer, (char[1]) {0}, 1, MSG_DONTWAIT), ==, 0);
    return fd;
}

static void
test_consumer(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    char text[256];

    for (guint i = 0; i < 4; i++) {
        auto_fd int fd = connect_consumer(self, text);

        g_assert_cmpstr(text, ==, "vdmabuf 1 ok\n");
        g_assert_cmpint(fd, >=, 0);
    }
    g_assert_cmpint(connect_consumer(self, text), ==, -1);
    g_assert_true(g_str_has_prefix(text, "vdmabuf 1 error All consumers"));
    g_assert_true(g_str_has_suffix(text, ".\n"));

    self->kernel.fail_request = VHOST_VDMABUF_GET_CONSUMER;
    self->kernel.fail_errno = ENOMEM;
    g_assert_cmpint(connect_consumer(self, text), ==, -1);
    g_assert_true(g_str_has_prefix(text, "vdmabuf 1 error The broker cannot make a consumer: "));
}

/* It has gone before it is answered. */
static void
test_consumer_gone(Fixture *self, gconstpointer data G_GNUC_UNUSED)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
    close(ends[1]);
    g_assert_false(consumer_socket_serve(ends[0], 10, 1000, self->backend));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add("/connection/" path, Fixture, NULL, set_up, function, tear_down)
    ADD("session", test_session);
    ADD("again", test_again);
    ADD("trickle", test_trickle);
    ADD("burst", test_burst);
    ADD("reply-ack", test_reply_ack);
    ADD("backend-req-fd", test_backend_req_fd);
    ADD("unknown", test_unknown);
    ADD("bad-size", test_bad_size);
    ADD("huge-size", test_huge_size);
    ADD("missing-fds", test_missing_fds);
    ADD("too-many-fds", test_too_many_fds);
    ADD("late-fds", test_late_fds);
    ADD("cut-off", test_cut_off);
    ADD("bad-ring", test_bad_ring);
    ADD("log", test_log);
    ADD("peer-does-not-read", test_peer_does_not_read);
    ADD("random", test_random);
    ADD("consumer", test_consumer);
    ADD("consumer-gone", test_consumer_gone);
#undef ADD
    return g_test_run();
}
