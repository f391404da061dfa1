/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "fd.h"
#include "guest_memory.h"

static void
assert_refused(const VhostUserMemory *table, const int *fds, const char *says)
{
    g_autoptr(GError) error = NULL;
    guint before = test_count_mappings("vdmabuf-test");

    g_assert_null(guest_memory_map(table, fds, &error));
    g_assert_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_REFUSED);
    if (!strstr(error->message, says))
        g_error("'%s' does not say '%s'", error->message, says);
    g_assert_cmpuint(test_count_mappings("vdmabuf-test"), ==, before);
}

static void
test_map(void)
{
    gsize page = sysconf(_SC_PAGESIZE);
    auto_fd int fd = test_memfd(8 * page);
    int fds[2] = {fd, fd};
    VhostUserMemory table = {
        .n_regions = 2,
        .regions = {{0, 2 * page, 0x10000, 0}, {0x100000, 4 * page, 0x40000, 3 * page}},
    };
    g_autoptr(GuestMemory) memory = guest_memory_map(&table, fds, NULL);
    guint64 addr;
    char text[6];

    g_assert_nonnull(memory);
    g_assert_cmpint(pwrite(fd, "hello", 6, 3 * page + 10), ==, 6);
    g_assert_true(guest_memory_translate(memory, 0x40000 + 10, 6, &addr));
    memcpy(text, (const void *) (guintptr) addr, sizeof(text));
    g_assert_cmpstr(text, ==, "hello");

    /* All of a region and not a byte more; never from one region into the next */
    g_assert_true(guest_memory_translate(memory, 0x10000, 2 * page, &addr));
    g_assert_false(guest_memory_translate(memory, 0x10000, 2 * page + 1, &addr));
    g_assert_false(guest_memory_translate(memory, 0x10001, 2 * page, &addr));
    g_assert_false(guest_memory_translate(memory, 0xffff, 1, &addr));
    g_assert_false(guest_memory_translate(memory, 0x10000 + 2 * page, 1, &addr));
    g_assert_false(guest_memory_translate(memory, 0x10000, G_MAXUINT64, &addr));
    g_assert_false(guest_memory_translate(memory, G_MAXUINT64, 1, &addr));
    g_assert_false(guest_memory_translate(NULL, 0x10000, 1, &addr));
}

static void
test_refused(void)
{
    gsize page = sysconf(_SC_PAGESIZE);
    auto_fd int fd = test_memfd(4 * page);
    auto_fd int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    VhostUserMemory table = {
        .n_regions = 2,
        .regions = {{0, 4 * page, 0x10000, 0}, {0x100000, 4 * page, 0x40000, page}},
    };

    /* The first region maps, the second does not: nothing stays. */
    assert_refused(&table, (int[]) {fd, fd}, "of a file that has");
    table.regions[1].mmap_offset = 0;
    assert_refused(&table, (int[]) {fd, other}, "not a file that can be shared");
    assert_refused(&table, (int[]) {fd, -1}, "cannot look at");
}

/* Which a broker that reads guest memory would die of */
static void
test_truncated(void)
{
    gsize page = sysconf(_SC_PAGESIZE);
    auto_fd int fd = test_memfd(4 * page);
    VhostUserMemory table = {.n_regions = 1, .regions = {{0, 4 * page, 0x10000, 0}}};
    g_autoptr(GuestMemory) memory = guest_memory_map(&table, &fd, NULL);
    guint64 addr;

    g_assert_nonnull(memory);
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    g_assert_true(guest_memory_translate(memory, 0x10000, page, &addr));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/map", test_map);
    g_test_add_func("/memory/refused", test_refused);
    g_test_add_func("/memory/truncated", test_truncated);
    return g_test_run();
}
