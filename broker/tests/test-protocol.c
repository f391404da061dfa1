/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "vhost_user_protocol.h"

#define PAGE 4096
#define VERSION 1
#define NEED_REPLY 8

typedef struct {
    VhostUserHeader header;
    guint8 payload[VHOST_USER_MAX_PAYLOAD];
    VhostUserMessage message;
} Case;

static gboolean
parse(Case *self, guint32 request, guint32 flags, guint32 size, guint n_fds, GError **error)
{
    guint8 bytes[VHOST_USER_HEADER_SIZE];
    guint32 header[3] = {request, flags, size};

    memcpy(bytes, header, sizeof(bytes));
    return vhost_user_header_parse(bytes, &self->header, error) &&
           vhost_user_message_parse(&self->header, self->payload, n_fds, PAGE, &self->message,
                                    error);
}

/* The message is refused, and the sentence says what was wrong. */
static void
assert_malformed(Case *self, guint32 request, guint32 flags, guint32 size, guint n_fds,
                 const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(parse(self, request, flags, size, n_fds, &error));
    g_assert_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_MALFORMED);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
    g_assert_null(strchr(error->message, '\n'));
}

static void
assert_good(Case *self, guint32 request, guint32 size, guint n_fds)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(parse(self, request, VERSION, size, n_fds, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(self->message.request, ==, request);
}

static void
put_u32(Case *self, gsize at, guint32 value)
{
    memcpy(self->payload + at, &value, sizeof(value));
}

static void
put_u64(Case *self, gsize at, guint64 value)
{
    memcpy(self->payload + at, &value, sizeof(value));
}

static void
put_region(Case *self, guint index, guint64 guest, guint64 size, guint64 user, guint64 offset)
{
    put_u64(self, 8 + index * 32, guest);
    put_u64(self, 16 + index * 32, size);
    put_u64(self, 24 + index * 32, user);
    put_u64(self, 32 + index * 32, offset);
}

static void
test_header(void)
{
    Case self = {0};

    assert_malformed(&self, 0, VERSION, 0, 0, "unknown vhost-user request 0");
    assert_malformed(&self, 19, VERSION, 0, 0, "unknown vhost-user request 19");
    assert_malformed(&self, 44, VERSION, 0, 0, "unknown");
    assert_malformed(&self, G_MAXUINT32, VERSION, 0, 0, "unknown");
    assert_malformed(&self, VHOST_USER_GET_FEATURES, 0, 0, 0, "version 0");
    assert_malformed(&self, VHOST_USER_GET_FEATURES, 2, 0, 0, "version 2");
    assert_malformed(&self, VHOST_USER_GET_FEATURES, VERSION | 4, 0, 0, "flags 0x5");
    assert_malformed(&self, VHOST_USER_GET_FEATURES, VERSION | 0x10, 0, 0, "flags 0x11");
    assert_malformed(&self, VHOST_USER_GET_FEATURES, VERSION, 8, 0, "payload of 8 bytes");
    assert_malformed(&self, VHOST_USER_SET_FEATURES, VERSION, 0, 0, "payload of 0 bytes");
    assert_malformed(&self, VHOST_USER_SET_FEATURES, VERSION, 16, 0, "payload of 16 bytes");
    assert_malformed(&self, VHOST_USER_SET_CONFIG, VERSION, G_MAXUINT32, 0, "payload of");
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, 8 + 9 * 32, 8, "payload of 296");

    assert_good(&self, VHOST_USER_GET_FEATURES, 0, 0);
    g_assert_false(self.message.need_reply);
    g_assert_true(parse(&self, VHOST_USER_SET_OWNER, VERSION | NEED_REPLY, 0, 0, NULL));
    g_assert_true(self.message.need_reply);
}

/* Every request that takes no file descriptor is refused with one. */
static void
test_fds(void)
{
    static const struct {
        guint32 request;
        guint32 size;
    } without[] = {
        {VHOST_USER_GET_FEATURES, 0},
        {VHOST_USER_SET_FEATURES, 8},
        {VHOST_USER_SET_OWNER, 0},
        {VHOST_USER_RESET_OWNER, 0},
        {VHOST_USER_SET_VRING_NUM, 8},
        {VHOST_USER_SET_VRING_ADDR, 40},
        {VHOST_USER_SET_VRING_BASE, 8},
        {VHOST_USER_GET_VRING_BASE, 8},
        {VHOST_USER_GET_PROTOCOL_FEATURES, 0},
        {VHOST_USER_SET_PROTOCOL_FEATURES, 8},
        {VHOST_USER_GET_QUEUE_NUM, 0},
        {VHOST_USER_SET_VRING_ENABLE, 8},
        {VHOST_USER_GET_CONFIG, 12},
        {VHOST_USER_SET_CONFIG, 12},
    };
    Case self = {0};

    for (guint i = 0; i < G_N_ELEMENTS(without); i++)
        assert_malformed(&self, without[i].request, VERSION, without[i].size, 1,
                         "came with 1 file descriptors");

    assert_malformed(&self, VHOST_USER_SET_BACKEND_REQ_FD, VERSION, 0, 0, "came with 0");
    assert_malformed(&self, VHOST_USER_SET_BACKEND_REQ_FD, VERSION, 0, 2, "came with 2");
    assert_good(&self, VHOST_USER_SET_BACKEND_REQ_FD, 0, 1);
}

static void
test_refused(void)
{
    Case self = {0};

    assert_malformed(&self, VHOST_USER_SET_LOG_BASE, VERSION, 16, 1, "cannot be migrated");
    assert_malformed(&self, VHOST_USER_SET_LOG_FD, VERSION, 0, 1, "cannot be migrated");
}

static void
test_memory(void)
{
    const guint32 one = 8 + 32;
    const guint32 two = 8 + 2 * 32;
    Case self = {0};

    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, 8, 0, "<memoryBacking>");
    put_u32(&self, 0, 1);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, 8, 1, "in a payload of 8");
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, two, 1, "in a payload of 72");
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "region 0 is empty");
    put_region(&self, 0, 0x1000, 0x2000, 0x7f0000000000, 0x3000);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 0, "came with 0");
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 2, "came with 2");
    assert_good(&self, VHOST_USER_SET_MEM_TABLE, one, 1);
    g_assert_cmpuint(self.message.memory.n_regions, ==, 1);
    g_assert_cmphex(self.message.memory.regions[0].guest_addr, ==, 0x1000);
    g_assert_cmphex(self.message.memory.regions[0].size, ==, 0x2000);
    g_assert_cmphex(self.message.memory.regions[0].user_addr, ==, 0x7f0000000000);
    g_assert_cmphex(self.message.memory.regions[0].mmap_offset, ==, 0x3000);

    /* Not whole pages, each field in turn */
    put_region(&self, 0, 0x1001, 0x2000, 0x7f0000000000, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "whole pages");
    put_region(&self, 0, 0x1000, 0x2008, 0x7f0000000000, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "whole pages");
    put_region(&self, 0, 0x1000, 0x2000, 0x7f0000000800, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "whole pages");
    put_region(&self, 0, 0x1000, 0x2000, 0x7f0000000000, 0x10);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "whole pages");

    /* Over the end */
    put_region(&self, 0, G_MAXUINT64 - 0xfff, 0x2000, 0, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "over the end");
    put_region(&self, 0, 0, 0x2000, G_MAXUINT64 - 0xfff, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "over the end");
    put_region(&self, 0, 0, 0x2000, 0, G_MAXUINT64 - 0xfff);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "over the end");
    put_region(&self, 0, 0, 0x2000, 0, G_MAXINT64 - 0xfff);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "over the end");
    put_region(&self, 0, 0, G_MAXUINT64 - 0xfff, 0, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, one, 1, "over the end");

    /* Two regions */
    put_u32(&self, 0, 2);
    put_region(&self, 0, 0x0000, 0x2000, 0x100000, 0);
    put_region(&self, 1, 0x1000, 0x2000, 0x200000, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, two, 2, "0 and 1 overlap");
    put_region(&self, 1, 0x2000, 0x2000, 0x101000, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, two, 2, "0 and 1 overlap");
    put_region(&self, 1, 0x2000, 0x2000, 0x102000, 0);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, two, 1, "came with 1");
    assert_good(&self, VHOST_USER_SET_MEM_TABLE, two, 2);

    put_u32(&self, 0, 9);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, 8 + 8 * 32, 8, "9 regions");
    put_u32(&self, 0, G_MAXUINT32);
    assert_malformed(&self, VHOST_USER_SET_MEM_TABLE, VERSION, 8 + 8 * 32, 8, "regions");

    /* As many as there can be */
    put_u32(&self, 0, 8);
    for (guint i = 0; i < 8; i++)
        put_region(&self, i, i * 0x10000, 0x10000, 0x100000 + i * 0x10000, 0);
    assert_good(&self, VHOST_USER_SET_MEM_TABLE, 8 + 8 * 32, 8);
}

static void
test_vring(void)
{
    static const guint32 bad_nums[] = {0, 3, 255, 65536, G_MAXUINT32};
    Case self = {0};

    put_u32(&self, 4, 256);
    assert_good(&self, VHOST_USER_SET_VRING_NUM, 8, 0);
    g_assert_cmpuint(self.message.vring.value, ==, 256);
    for (guint i = 0; i < G_N_ELEMENTS(bad_nums); i++) {
        put_u32(&self, 4, bad_nums[i]);
        assert_malformed(&self, VHOST_USER_SET_VRING_NUM, VERSION, 8, 0, "power of two");
    }

    put_u32(&self, 4, 0xffff);
    assert_good(&self, VHOST_USER_SET_VRING_BASE, 8, 0);
    put_u32(&self, 4, 0x10000);
    assert_malformed(&self, VHOST_USER_SET_VRING_BASE, VERSION, 8, 0, "cannot start at 65536");
    put_u32(&self, 4, 2);
    assert_malformed(&self, VHOST_USER_SET_VRING_ENABLE, VERSION, 8, 0, "not to 2");

    put_u32(&self, 0, 2);
    put_u32(&self, 4, 1);
    assert_malformed(&self, VHOST_USER_SET_VRING_NUM, VERSION, 8, 0, "names ring 2");
    assert_malformed(&self, VHOST_USER_SET_VRING_BASE, VERSION, 8, 0, "names ring 2");
    assert_malformed(&self, VHOST_USER_GET_VRING_BASE, VERSION, 8, 0, "names ring 2");
    assert_malformed(&self, VHOST_USER_SET_VRING_ENABLE, VERSION, 8, 0, "names ring 2");
    put_u32(&self, 0, G_MAXUINT32);
    assert_malformed(&self, VHOST_USER_GET_VRING_BASE, VERSION, 8, 0, "names ring 4294967295");
}

static void
test_vring_fd(void)
{
    static const guint32 requests[] = {VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
                                       VHOST_USER_SET_VRING_ERR};

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        Case self = {0};

        put_u64(&self, 0, 1);
        assert_good(&self, requests[i], 8, 1);
        g_assert_cmpuint(self.message.vring_fd.index, ==, 1);
        g_assert_true(self.message.vring_fd.has_fd);
        assert_malformed(&self, requests[i], VERSION, 8, 0, "came with 0");
        assert_malformed(&self, requests[i], VERSION, 8, 2, "came with 2");

        put_u64(&self, 0, 0x101);
        assert_good(&self, requests[i], 8, 0);
        g_assert_cmpuint(self.message.vring_fd.index, ==, 1);
        g_assert_false(self.message.vring_fd.has_fd);
        assert_malformed(&self, requests[i], VERSION, 8, 1, "came with 1");

        put_u64(&self, 0, 2);
        assert_malformed(&self, requests[i], VERSION, 8, 1, "names ring 2");
        put_u64(&self, 0, 0x200);
        assert_malformed(&self, requests[i], VERSION, 8, 1, "unknown bits");
        put_u64(&self, 0, G_GUINT64_CONSTANT(1) << 32);
        assert_malformed(&self, requests[i], VERSION, 8, 1, "unknown bits");
    }
}

static void
put_addr(Case *self, guint32 index, guint32 flags, guint64 desc, guint64 used, guint64 avail)
{
    put_u32(self, 0, index);
    put_u32(self, 4, flags);
    put_u64(self, 8, desc);
    put_u64(self, 16, used);
    put_u64(self, 24, avail);
    put_u64(self, 32, 0);
}

static void
test_vring_addr(void)
{
    Case self = {0};

    put_addr(&self, 1, 0, 0x1000, 0x3004, 0x2002);
    assert_good(&self, VHOST_USER_SET_VRING_ADDR, 40, 0);
    g_assert_cmpuint(self.message.addr.index, ==, 1);
    g_assert_cmphex(self.message.addr.desc_user_addr, ==, 0x1000);
    g_assert_cmphex(self.message.addr.used_user_addr, ==, 0x3004);
    g_assert_cmphex(self.message.addr.avail_user_addr, ==, 0x2002);

    put_addr(&self, 2, 0, 0x1000, 0x3004, 0x2002);
    assert_malformed(&self, VHOST_USER_SET_VRING_ADDR, VERSION, 40, 0, "names ring 2");
    put_addr(&self, 0, 1, 0x1000, 0x3004, 0x2002);
    assert_malformed(&self, VHOST_USER_SET_VRING_ADDR, VERSION, 40, 0, "migrated");
    put_addr(&self, 0, 0, 0x1008, 0x3004, 0x2002);
    assert_malformed(&self, VHOST_USER_SET_VRING_ADDR, VERSION, 40, 0, "misaligned");
    put_addr(&self, 0, 0, 0x1000, 0x3002, 0x2002);
    assert_malformed(&self, VHOST_USER_SET_VRING_ADDR, VERSION, 40, 0, "misaligned");
    put_addr(&self, 0, 0, 0x1000, 0x3004, 0x2001);
    assert_malformed(&self, VHOST_USER_SET_VRING_ADDR, VERSION, 40, 0, "misaligned");
}

static void
test_config(void)
{
    Case self = {0};
    VhostUserReply reply;
    guint32 header[3];

    put_u32(&self, 0, 0);
    put_u32(&self, 4, 24);
    assert_good(&self, VHOST_USER_GET_CONFIG, 36, 0);
    assert_malformed(&self, VHOST_USER_GET_CONFIG, VERSION, 35, 0, "and has 23");
    assert_malformed(&self, VHOST_USER_GET_CONFIG, VERSION, 11, 0, "payload of 11");
    put_u32(&self, 4, G_MAXUINT32);
    assert_malformed(&self, VHOST_USER_GET_CONFIG, VERSION, 36, 0, "and has 24");
    put_u32(&self, 0, 240);
    put_u32(&self, 4, 24);
    assert_malformed(&self, VHOST_USER_GET_CONFIG, VERSION, 36, 0, "reaches to byte 264");
    put_u32(&self, 0, G_MAXUINT32);
    assert_malformed(&self, VHOST_USER_GET_CONFIG, VERSION, 36, 0, "reaches to byte");
    put_u32(&self, 0, 0);
    put_u32(&self, 4, 256);
    assert_good(&self, VHOST_USER_SET_CONFIG, 268, 0);

    vhost_user_reply_config(&reply, VHOST_USER_GET_CONFIG, &self.message.config);
    g_assert_cmpuint(reply.size, ==, 12 + 268);
    memcpy(header, reply.bytes, sizeof(header));
    g_assert_cmpuint(header[0], ==, VHOST_USER_GET_CONFIG);
    g_assert_cmphex(header[1], ==, 5); /* version 1, a reply */
    g_assert_cmpuint(header[2], ==, 268);
}

static void
test_replies(void)
{
    VhostUserReply reply;
    guint64 value;

    vhost_user_reply_u64(&reply, VHOST_USER_GET_FEATURES, 0x1122334455667788);
    g_assert_cmpuint(reply.size, ==, 20);
    memcpy(&value, reply.bytes + 12, sizeof(value));
    g_assert_cmphex(value, ==, 0x1122334455667788);
    vhost_user_reply_vring(&reply, VHOST_USER_GET_VRING_BASE, 1, 77);
    g_assert_cmpuint(reply.size, ==, 20);
    g_assert_cmpuint(reply.bytes[12], ==, 1);
    g_assert_cmpuint(reply.bytes[16], ==, 77);
}

static void
assert_invariants(const VhostUserMessage *message)
{
    const VhostUserMemory *memory = &message->memory;

    switch (message->request) {
    case VHOST_USER_SET_MEM_TABLE:
        g_assert_cmpuint(memory->n_regions, <=, VHOST_USER_MAX_REGIONS);
        for (guint i = 0; i < memory->n_regions; i++) {
            g_assert_cmphex(memory->regions[i].user_addr + memory->regions[i].size, >,
                            memory->regions[i].user_addr);
            g_assert_cmphex(memory->regions[i].mmap_offset + memory->regions[i].size, <=,
                            G_MAXINT64);
        }
        break;
    case VHOST_USER_SET_VRING_NUM:
    case VHOST_USER_SET_VRING_BASE:
    case VHOST_USER_GET_VRING_BASE:
    case VHOST_USER_SET_VRING_ENABLE:
        g_assert_cmpuint(message->vring.index, <, VHOST_USER_N_VRINGS);
        break;
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        g_assert_cmpuint(message->vring_fd.index, <, VHOST_USER_N_VRINGS);
        break;
    case VHOST_USER_SET_VRING_ADDR:
        g_assert_cmpuint(message->addr.index, <, VHOST_USER_N_VRINGS);
        break;
    case VHOST_USER_GET_CONFIG:
    case VHOST_USER_SET_CONFIG:
        g_assert_cmpuint(message->config.size, <=, VHOST_USER_MAX_CONFIG);
        break;
    default:
        break;
    }
}

/* Random messages near good ones; --seed of the test program repeats a run. */
static void
test_random(void)
{
    guint accepted = 0;

    for (guint round = 0; round < 200000; round++) {
        Case self = {0};
        guint32 request = g_test_rand_int_range(0, 46);
        guint32 flags = g_test_rand_int_range(0, 8) ? VERSION : (guint32) g_test_rand_int();
        guint32 size = (guint32[]) {0, 8, 12, 36, 40, 72}[g_test_rand_int_range(0, 6)];
        guint n_fds = g_test_rand_int_range(0, 3);

        if (g_test_rand_int_range(0, 20) == 0)
            size = g_test_rand_int_range(0, VHOST_USER_MAX_PAYLOAD + 1);
        for (guint32 i = 0; i < size; i += 4) {
            static const guint32 interesting[] = {0,     1,      2,          24,
                                                  0x100, 0x1000, 0xfffff000, 0xffffffff};

            put_u32(&self, MIN(i, sizeof(self.payload) - 4),
                    g_test_rand_int_range(0, 8) ? interesting[g_test_rand_int_range(0, 8)]
                                                : (guint32) g_test_rand_int());
        }
        if (parse(&self, request, flags, size, n_fds, NULL)) {
            assert_invariants(&self.message);
            accepted++;
        }
    }
    g_test_message("%u of 200000 random messages are good ones", accepted);
    g_assert_cmpuint(accepted, >, 1000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/protocol/header", test_header);
    g_test_add_func("/protocol/fds", test_fds);
    g_test_add_func("/protocol/refused", test_refused);
    g_test_add_func("/protocol/memory", test_memory);
    g_test_add_func("/protocol/vring", test_vring);
    g_test_add_func("/protocol/vring-fd", test_vring_fd);
    g_test_add_func("/protocol/vring-addr", test_vring_addr);
    g_test_add_func("/protocol/config", test_config);
    g_test_add_func("/protocol/replies", test_replies);
    g_test_add_func("/protocol/random", test_random);
    return g_test_run();
}
