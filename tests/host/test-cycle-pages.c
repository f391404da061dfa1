/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages behind an imported buffer: that they are the guest's, all of them and no others, for the
 * CPU and for devices.
 */
#include "cycle.h"
#include "importer/vdmabuf_importer.h"
#include "vgem.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- The pages --- */

/* The page frame at @memory, or 0 where the kernel does not tell */
static guint64 frame_number(gconstpointer memory)
{
    guint64 entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    if (pread(fd, &entry, sizeof entry, (guintptr) memory / GUEST_PAGE_SIZE * sizeof entry) !=
        sizeof entry)
        entry = 0;
    close(fd);
    return entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

static void test_zero_copy(void)
{
    const guint64 pages = 512;
    g_autoptr(Guest) guest = new_writable_guest(4 * MIB);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autofree struct virtio_vdmabuf_entry *entries = guest_scatter(100, pages, rand);
    int consumer = consumer_open(guest, VDMABUF_LIMITS_WRITABLE);
    struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
    struct vdmabuf_id id;
    guint64 i, known = 0;
    guint8 *ro, *rw;
    int ro_fd, rw_fd;

    g_assert_cmpuint(guest_register(guest, entries, pages, pages * GUEST_PAGE_SIZE, &id), ==,
                     VIRTIO_VDMABUF_S_OK);
    ro_fd = import_asserted(consumer, &id, O_RDONLY);
    rw_fd = import_asserted(consumer, &id, O_RDWR);
    ro = dmabuf_map(ro_fd, pages * GUEST_PAGE_SIZE, FALSE);
    rw = dmabuf_map(rw_fd, pages * GUEST_PAGE_SIZE, TRUE);
    g_assert_cmpint(ioctl(rw_fd, DMA_BUF_IOCTL_SYNC, &sync), ==, 0);

    for (i = 0; i < pages; i++)
        fill_page(guest_pointer(guest, entries[i].addr), i, 11);
    for (i = 0; i < pages; i++) {
        check_page(ro + i * GUEST_PAGE_SIZE, i, 11);
        check_page(rw + i * GUEST_PAGE_SIZE, i, 11);
    }
    for (i = 0; i < pages; i++)
        fill_page(rw + i * GUEST_PAGE_SIZE, i, 22);
    for (i = 0; i < pages; i++) {
        guint8 *page = guest_pointer(guest, entries[i].addr);
        guint64 number = frame_number(ro + i * GUEST_PAGE_SIZE);

        check_page(page, i, 22);
        check_page(ro + i * GUEST_PAGE_SIZE, i, 22);
        /* Some kernels do not tell the page frames of such mappings */
        if (number != 0) {
            known++;
            g_assert_cmpuint(number, ==, frame_number(page));
        }
    }
    g_test_message("%" G_GUINT64_FORMAT " page frames compared", known);
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
    g_assert_cmpint(ioctl(rw_fd, DMA_BUF_IOCTL_SYNC, &sync), ==, 0);

    munmap(ro, pages * GUEST_PAGE_SIZE);
    munmap(rw, pages * GUEST_PAGE_SIZE);
    close(ro_fd);
    close(rw_fd);
    close(consumer);
}

static void expect_mmap_fails(int fd, gsize size, int prot, int flags, off_t offset)
{
    gpointer map = mmap(NULL, size, prot, flags, fd, offset);

    if (map != MAP_FAILED)
        g_error("mmap of %zu bytes at %lld, prot %d, flags %d succeeded", size,
                (long long) offset, prot, flags);
    g_assert_true(errno == EACCES || errno == EPERM || errno == EINVAL);
}

static void test_read_only(void)
{
    const gsize size = 8 * GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, VDMABUF_LIMITS_WRITABLE);
    struct vdmabuf_limits limits;
    struct vdmabuf_id id;
    g_autofree char *path = NULL;
    gpointer map;
    int fd, other;

    register_buffers(guest, &id, 1, 8);
    /* The consumer may, the VM may not */
    g_assert_cmpint(consumer_import(consumer, &id, O_RDWR, NULL), ==, -EACCES);
    limits = guest_limits(guest);
    limits.flags |= VDMABUF_LIMITS_WRITABLE;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    fd = import_asserted(consumer, &id, O_RDWR);
    close(fd);
    /* The VM may, the consumer may not */
    other = consumer_open(guest, 0);
    g_assert_cmpint(consumer_import(other, &id, O_RDWR, NULL), ==, -EACCES);
    g_assert_cmpint(consumer_import(other, &id, O_WRONLY, NULL), ==, -EINVAL);
    g_assert_cmpint(consumer_import(other, &id, O_RDONLY | O_NONBLOCK, NULL), ==, -EINVAL);
    g_assert_cmpint(consumer_import(other, &id, 0x80000000, NULL), ==, -EINVAL);

    fd = import_asserted(other, &id, O_RDONLY);
    g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
    expect_mmap_fails(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    expect_mmap_fails(fd, size, PROT_WRITE, MAP_SHARED, 0);
    map = dmabuf_map(fd, size, FALSE);
    g_assert_cmpint(mprotect(map, size, PROT_READ | PROT_WRITE), ==, -1);
    g_assert_cmpint(errno, ==, EACCES);
    munmap(map, size);

    /* A private mapping would be a copy; whatever the driver makes of it, the guest's pages stay */
    fill_page(guest->ram, 0, 1);
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        memset(map, 0xff, size);
        munmap(map, size);
    }
    map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        if (mprotect(map, size, PROT_READ | PROT_WRITE) == 0)
            memset(map, 0xff, size);
        munmap(map, size);
    }
    check_page(guest->ram, 0, 1);

    /* Nor can it be opened anew */
    path = g_strdup_printf("/proc/self/fd/%d", fd);
    g_assert_cmpint(open(path, O_RDWR | O_CLOEXEC), ==, -1);
    g_assert_cmpint(write(fd, "x", 1), ==, -1);

    close(fd);
    close(other);
    close(consumer);
}

static void test_mapping_bounds(void)
{
    const gsize size = 4 * GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id id;
    guint8 *map;
    int fd, i;

    for (i = 0; i < 8; i++)
        fill_page(guest->ram + i * GUEST_PAGE_SIZE, i, 3);
    register_buffers(guest, &id, 1, 4);
    fd = import_asserted(consumer, &id, O_RDONLY);
    expect_mmap_fails(fd, size + GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
    expect_mmap_fails(fd, GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, size);
    expect_mmap_fails(fd, size, PROT_READ, MAP_SHARED, GUEST_PAGE_SIZE);
    expect_mmap_fails(fd, GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, 1ll << 62);

    map = mmap(NULL, 2 * GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 2 * GUEST_PAGE_SIZE);
    g_assert_true(map != MAP_FAILED);
    check_page(map, 2, 3);
    check_page(map + GUEST_PAGE_SIZE, 3, 3);
    /* It must not grow over the pages behind it */
    g_assert_true(mremap(map, 2 * GUEST_PAGE_SIZE, 6 * GUEST_PAGE_SIZE, MREMAP_MAYMOVE) ==
                  MAP_FAILED);
    munmap(map, GUEST_PAGE_SIZE);
    check_page(map + GUEST_PAGE_SIZE, 3, 3);
    /* A mapping outlives its descriptor */
    close(fd);
    check_page(map + GUEST_PAGE_SIZE, 3, 3);
    munmap(map + GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
    close(consumer);
}

static void test_repeated_pages(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_entry entries[3];
    struct vdmabuf_id id, other;
    guint8 *map;
    guint i;
    int fd, other_fd;

    /* The same page three times in one buffer, and in another one */
    for (i = 0; i < 3; i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + 5 * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(GUEST_PAGE_SIZE);
    }
    g_assert_cmpuint(guest_register(guest, entries, 3, 3 * GUEST_PAGE_SIZE, &id), ==,
                     VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 5, 1, &other), ==, VIRTIO_VDMABUF_S_OK);
    fd = import_asserted(consumer, &id, O_RDONLY);
    other_fd = import_asserted(consumer, &other, O_RDONLY);
    map = dmabuf_map(fd, 3 * GUEST_PAGE_SIZE, FALSE);
    fill_page(guest->ram + 5 * GUEST_PAGE_SIZE, 5, 9);
    for (i = 0; i < 3; i++)
        check_page(map + i * GUEST_PAGE_SIZE, 5, 9);
    munmap(map, 3 * GUEST_PAGE_SIZE);
    close(fd);
    map = dmabuf_map(other_fd, GUEST_PAGE_SIZE, FALSE);
    check_page(map, 5, 9);
    munmap(map, GUEST_PAGE_SIZE);
    close(other_fd);
    close(consumer);
}

/* Free memory for @bytes of guest RAM? Where the run is one that counts, there has to be. */
static gboolean have_memory(guint64 bytes)
{
    if (check_meminfo("MemAvailable") > bytes + bytes / 8 + 128 * MIB)
        return TRUE;
    if (g_getenv("VDMABUF_TEST_REQUIRED") != NULL)
        g_error("this test needs %llu MiB of free memory; VDMABUF_TEST_BIG_MIB makes it smaller",
                bytes / MIB);
    g_test_skip("too little memory");
    return FALSE;
}

static void test_scattered(void)
{
    guint64 bytes = check_env("VDMABUF_TEST_BIG_MIB", 1024) * MIB;
    guint64 pages = bytes / GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    struct vdmabuf_query query = { 0 };
    struct vdmabuf_id id;
    int consumer, fd;
    guint64 i;
    guint8 *map;

    if (!have_memory(bytes))
        return;
    guest = new_guest(bytes);
    consumer = consumer_open(guest, 0);
    entries = guest_scatter(0, pages, rand);
    for (i = 0; i < pages; i++)
        *(guint64 *) guest_pointer(guest, entries[i].addr) = word_of(i, 0, 5);
    g_assert_cmpuint(guest_register(guest, entries, pages, bytes, &id), ==, VIRTIO_VDMABUF_S_OK);
    fd = import_asserted(consumer, &id, O_RDONLY);
    map = dmabuf_map(fd, bytes, FALSE);
    for (i = 0; i < pages; i++)
        if (*(guint64 *) (map + i * GUEST_PAGE_SIZE) != word_of(i, 0, 5))
            g_error("page %" G_GUINT64_FORMAT " is another one", i);
    query.id = id;
    g_assert_cmpint(consumer_query(consumer, &query), ==, 0);
    g_assert_cmpuint(query.size, ==, bytes);
    g_assert_cmpuint(query.nr_entries, <=, pages);
    g_assert_cmpuint(query.nr_entries, >, pages / 2);
    munmap(map, bytes);
    close(fd);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &id);
    close(consumer);
}

/* --- Pieces of all kinds --- */

#define RUNS_RAM_PAGES 2048

/* In an order, and with limits, that have nothing to do with where the host's pages end */
static const struct {
    guint64 first, count;
} runs[] = {
    /* Over the end of a large page, as far as the middle of the next but one */
    { 3, 1300 },
    { 1500, 1 },
    /* Just too short to be looked for in the file, and just long enough */
    { 1024, 15 },
    { 1040, 16 },
    { 1998, 50 },
    /* A whole large page, and one page before it */
    { 512, 512 },
    { 510, 1 },
    { 509, 1 },
    /* The last one, and the first one */
    { 2047, 1 },
    { 0, 2 },
};

static gsize register_runs(Guest *guest, struct vdmabuf_id *id)
{
    struct virtio_vdmabuf_entry entries[G_N_ELEMENTS(runs)];
    gsize pages = 0;
    guint i;

    for (i = 0; i < G_N_ELEMENTS(runs); i++) {
        entries[i].addr = GUINT64_TO_LE(GUEST_RAM_ADDRESS + runs[i].first * GUEST_PAGE_SIZE);
        entries[i].length = GUINT64_TO_LE(runs[i].count * GUEST_PAGE_SIZE);
        pages += runs[i].count;
    }
    g_assert_cmpuint(guest_register(guest, entries, G_N_ELEMENTS(runs), pages * GUEST_PAGE_SIZE,
                                    id),
                     ==, VIRTIO_VDMABUF_S_OK);
    return pages;
}

/* Page @index of the buffer of register_runs() in the guest's RAM */
static guint64 page_of_runs(guint64 index)
{
    guint i;

    for (i = 0; index >= runs[i].count; i++)
        index -= runs[i].count;
    return runs[i].first + index;
}

static void check_runs(const guint8 *memory, gsize pages, guint64 salt)
{
    guint64 i;

    for (i = 0; i < pages; i++)
        check_page(memory + i * GUEST_PAGE_SIZE, page_of_runs(i), salt);
}

/* What a device reads, in segments of whatever size it can take */
static void check_device(int fd, int writable_fd, gsize pages, gboolean is_scattered)
{
    static const guint32 max_segments[] = { G_MAXUINT32, 65536, 5000, 4096 };
    struct vdmabuf_importer_read read = { .fd = fd };
    gsize bytes = pages * GUEST_PAGE_SIZE;
    g_autofree guint8 *copy = g_malloc(bytes);
    int device = open("/dev/vdmabuf-importer", O_RDWR | O_CLOEXEC);
    guint i;

    if (device < 0) {
        g_assert_null(g_getenv("VDMABUF_TEST_REQUIRED"));
        g_test_message("no device to import into");
        return;
    }
    for (i = 0; i < G_N_ELEMENTS(max_segments); i++) {
        guint32 max = max_segments[i];

        memset(copy, 0, bytes);
        read.max_segment = max;
        read.to = (guintptr) copy;
        g_assert_cmpint(ioctl(device, VDMABUF_IMPORTER_READ, &read), ==, 0);
        check_runs(copy, pages, 21);
        g_assert_cmpuint(read.nr_segments, >=, bytes / max);
        g_assert_cmpuint(read.nr_segments, <=, pages);
        /* Neighbours in memory come together */
        if (!is_scattered)
            g_assert_cmpuint(read.nr_segments, <=, 24 + bytes / (max & ~(GUEST_PAGE_SIZE - 1)));
    }
    /* A mapping for the kernel does not say what for, so it is for those who may write */
    read.flags = VDMABUF_IMPORTER_VMAP;
    g_assert_cmpint(ioctl(device, VDMABUF_IMPORTER_READ, &read), ==, -1);
    memset(copy, 0, bytes);
    read.fd = writable_fd;
    g_assert_cmpint(ioctl(device, VDMABUF_IMPORTER_READ, &read), ==, 0);
    check_runs(copy, pages, 21);
    close(device);
}

static void try_runs(gboolean small_pages)
{
    GuestOptions options = {
        .ram_bytes = RUNS_RAM_PAGES * GUEST_PAGE_SIZE,
        .small_pages = small_pages,
    };
    g_autoptr(Guest) guest = guest_new(&options);
    struct vdmabuf_limits limits = guest_limits(guest);
    int consumer = consumer_open(guest, VDMABUF_LIMITS_WRITABLE);
    gint64 pins = check_pins();
    struct vdmabuf_id id;
    guint64 i;
    gsize pages;
    guint8 *map;
    int fd, writable_fd;

    limits.flags |= VDMABUF_LIMITS_WRITABLE;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    for (i = 0; i < RUNS_RAM_PAGES; i++)
        fill_page(guest->ram + i * GUEST_PAGE_SIZE, i, 21);
    pages = register_runs(guest, &id);
    fd = import_asserted(consumer, &id, O_RDONLY);
    g_assert_cmpint(check_pins(), >, pins);
    g_assert_cmpint(check_pins(), <=, pins + (gint64) pages);
    if (small_pages)
        check_pins_become(pins + pages);
    g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, pages * GUEST_PAGE_SIZE);

    map = dmabuf_map(fd, pages * GUEST_PAGE_SIZE, FALSE);
    check_runs(map, pages, 21);
    munmap(map, pages * GUEST_PAGE_SIZE);
    /* Page by page, from the end: each fault has to find its own page */
    for (i = pages; i-- > 0;) {
        map = mmap(NULL, GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, i * GUEST_PAGE_SIZE);
        g_assert_true(map != MAP_FAILED);
        check_page(map, page_of_runs(i), 21);
        munmap(map, GUEST_PAGE_SIZE);
    }
    writable_fd = import_asserted(consumer, &id, O_RDWR);
    check_device(fd, writable_fd, pages, small_pages);
    close(writable_fd);
    close(fd);
    check_pins_become(pins);
    close(consumer);
}

static void test_runs(void)
{
    try_runs(FALSE);
}

static void test_runs_of_small_pages(void)
{
    try_runs(TRUE);
}

/* Memory that nobody has touched before, and that is there for the guest afterwards */
static void test_untouched(void)
{
    g_autoptr(Guest) guest = new_guest(RUNS_RAM_PAGES * GUEST_PAGE_SIZE);
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id id;
    guint8 *map;
    gsize pages;
    guint64 i;
    int fd;

    pages = register_runs(guest, &id);
    fd = import_asserted(consumer, &id, O_RDONLY);
    map = dmabuf_map(fd, pages * GUEST_PAGE_SIZE, FALSE);
    for (i = 0; i < pages; i++)
        g_assert_cmpuint(map[i * GUEST_PAGE_SIZE], ==, 0);
    for (i = 0; i < RUNS_RAM_PAGES; i++)
        fill_page(guest->ram + i * GUEST_PAGE_SIZE, i, 22);
    check_runs(map, pages, 22);
    munmap(map, pages * GUEST_PAGE_SIZE);
    close(fd);
    close(consumer);
}

/* Memory of the guest that belongs to no file */
static void test_anonymous(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    const gsize bytes = RUNS_RAM_PAGES * GUEST_PAGE_SIZE;
    GuestRegion regions[2] = { guest->regions[0], { GUEST_RAM_ADDRESS, bytes, NULL } };
    struct vdmabuf_id id;
    guint8 *map, *memory;
    gsize pages;
    guint64 i;
    int fd;

    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(memory != MAP_FAILED);
    for (i = 0; i < RUNS_RAM_PAGES; i++)
        fill_page(memory + i * GUEST_PAGE_SIZE, i, 23);
    regions[1].memory = memory;
    g_assert_cmpint(guest_set_regions(guest, regions, 2), ==, 0);
    pages = register_runs(guest, &id);
    fd = import_asserted(consumer, &id, O_RDONLY);
    map = dmabuf_map(fd, pages * GUEST_PAGE_SIZE, FALSE);
    check_runs(map, pages, 23);
    fill_page(memory + 4 * GUEST_PAGE_SIZE, 4, 24);
    check_page(map + GUEST_PAGE_SIZE, 4, 24);
    munmap(map, pages * GUEST_PAGE_SIZE);
    close(fd);
    munmap(memory, bytes);
    close(consumer);
}

/* --- The memory table --- */

static void test_regions(void)
{
    const guint64 part = 64 * GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = new_guest(4 * part);
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    GuestRegion regions[4], fewer[3];
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id across, hole, scattered;
    guint8 *map;
    guint64 i;
    int fd, other;

    /* Three regions that adjoin in the guest's addresses and lie the other way round in ours; the
     * fourth part of the memory is none */
    regions[0] = guest->regions[0];
    for (i = 0; i < 3; i++)
        regions[1 + i] = (GuestRegion) { GUEST_RAM_ADDRESS + i * part, part,
                                         guest->ram + (2 - i) * part };
    g_assert_cmpint(guest_set_regions(guest, regions, 4), ==, 0);
    for (i = 0; i < 192; i++)
        fill_page(guest_pointer(guest, GUEST_RAM_ADDRESS + i * GUEST_PAGE_SIZE), i, 10);

    g_assert_cmpuint(guest_register_run(guest, 0, 192, &across), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 191, 1, &hole), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 191, 2, NULL), ==, VIRTIO_VDMABUF_S_BAD_ADDRESS);
    g_assert_cmpuint(guest_register_run(guest, 192, 1, NULL), ==, VIRTIO_VDMABUF_S_BAD_ADDRESS);
    entries = guest_scatter(0, 192, rand);
    g_assert_cmpuint(guest_register(guest, entries, 192, 192 * GUEST_PAGE_SIZE, &scattered), ==,
                     VIRTIO_VDMABUF_S_OK);
    fd = import_asserted(consumer, &across, O_RDONLY);
    map = dmabuf_map(fd, 3 * part, FALSE);
    for (i = 0; i < 192; i++)
        check_page(map + i * GUEST_PAGE_SIZE, i, 10);
    other = import_asserted(consumer, &scattered, O_RDONLY);

    /* The middle one is unplugged: what is imported stays, what is not cannot be imported */
    fewer[0] = regions[0];
    fewer[1] = regions[1];
    fewer[2] = regions[3];
    g_assert_cmpint(guest_set_regions(guest, fewer, 3), ==, 0);
    check_page(map + 100 * GUEST_PAGE_SIZE, 100, 10);
    close(other);
    g_assert_cmpint(consumer_import(consumer, &scattered, O_RDONLY, NULL), ==, -EFAULT);
    other = import_asserted(consumer, &hole, O_RDONLY);
    close(other);
    /* It is pinned already, so there is nothing to translate; refusing it is right as well */
    other = consumer_import(consumer, &across, O_RDONLY, NULL);
    if (other >= 0)
        close(other);
    else
        g_assert_cmpint(other, ==, -EFAULT);
    munmap(map, 3 * part);
    close(fd);
    g_assert_cmpint(consumer_import(consumer, &across, O_RDONLY, NULL), ==, -EFAULT);
    g_assert_cmpuint(guest_register_run(guest, 0, 192, NULL), ==, VIRTIO_VDMABUF_S_BAD_ADDRESS);

    g_assert_cmpint(guest_set_regions(guest, regions, 4), ==, 0);
    fd = import_asserted(consumer, &across, O_RDONLY);
    map = dmabuf_map(fd, 3 * part, FALSE);
    for (i = 0; i < 192; i++)
        check_page(map + i * GUEST_PAGE_SIZE, i, 10);
    munmap(map, 3 * part);
    close(fd);
    close(consumer);
}

/* A memory table of a monitor that does not keep its word */
static void test_unmapped_memory(void)
{
    const guint64 pages = 32;
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    GuestRegion regions[3];
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id id, half;
    gpointer memory;

    memory = mmap(NULL, pages * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                  guest->memory_fd, guest->low_bytes);
    g_assert_true(memory != MAP_FAILED);
    regions[0] = guest->regions[0];
    regions[1] = guest->regions[1];
    regions[2] = (GuestRegion) { 0x8000000000ull, pages * GUEST_PAGE_SIZE, memory };
    g_assert_cmpint(guest_set_regions(guest, regions, 3), ==, 0);
    {
        struct virtio_vdmabuf_entry entries[2] = {
            { GUINT64_TO_LE(GUEST_RAM_ADDRESS), GUINT64_TO_LE(8 * GUEST_PAGE_SIZE) },
            { GUINT64_TO_LE(0x8000000000ull), GUINT64_TO_LE(pages * GUEST_PAGE_SIZE) },
        };

        g_assert_cmpuint(guest_register(guest, &entries[1], 1, pages * GUEST_PAGE_SIZE, &id), ==,
                         VIRTIO_VDMABUF_S_OK);
        g_assert_cmpuint(guest_register(guest, entries, 2, (pages + 8) * GUEST_PAGE_SIZE, &half),
                         ==, VIRTIO_VDMABUF_S_OK);
    }
    /* Not writable, then only half there, then gone */
    g_assert_cmpint(mprotect(memory, pages * GUEST_PAGE_SIZE, PROT_READ), ==, 0);
    g_assert_cmpint(consumer_import(consumer, &id, O_RDONLY, NULL), ==, -EFAULT);
    g_assert_cmpint(mprotect(memory, pages * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE), ==, 0);
    munmap((guint8 *) memory + 16 * GUEST_PAGE_SIZE, 16 * GUEST_PAGE_SIZE);
    g_assert_cmpint(consumer_import(consumer, &id, O_RDONLY, NULL), ==, -EFAULT);
    g_assert_cmpint(consumer_import(consumer, &half, O_RDONLY, NULL), ==, -EFAULT);
    munmap(memory, 16 * GUEST_PAGE_SIZE);
    g_assert_cmpint(consumer_import(consumer, &id, O_RDONLY, NULL), ==, -EFAULT);
    g_assert_cmpint(consumer_import(consumer, &half, O_RDONLY, NULL), ==, -EFAULT);
    g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
    close(consumer);
}

typedef struct {
    int consumer;
    struct vdmabuf_id id;
    guint64 pages;
    gint stop;
    guint imports[2];
} Importer;

/* Whatever table was in force: all pages come from the memory that it named */
static gpointer import_by_tables(gpointer data)
{
    Importer *self = data;
    guint64 i;

    while (!g_atomic_int_get(&self->stop)) {
        int fd = import_asserted(self->consumer, &self->id, O_RDONLY);
        const guint8 *map = dmabuf_map(fd, self->pages * GUEST_PAGE_SIZE, FALSE);
        guint8 first = map[0];

        for (i = 0; i < self->pages; i++)
            if (map[i * GUEST_PAGE_SIZE] != first)
                g_error("page %" G_GUINT64_FORMAT " is of memory %u, the first one of %u", i,
                        map[i * GUEST_PAGE_SIZE], first);
        g_atomic_int_inc(&self->imports[first]);
        munmap((gpointer) map, self->pages * GUEST_PAGE_SIZE);
        close(fd);
    }
    return NULL;
}

/* The table changes while an import is under way */
static void test_changing_table(void)
{
    Importer importer = { .pages = 8192 };
    const gsize bytes = importer.pages * GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = new_guest(bytes);
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    g_autofree struct virtio_vdmabuf_entry *entries = guest_scatter(0, importer.pages, rand);
    GuestRegion tables[2][2];
    gint64 deadline;
    GThread *thread;
    guint i;

    for (i = 0; i < 2; i++) {
        guint8 *memory = i == 0 ? guest->ram
                                : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        g_assert_true(memory != MAP_FAILED);
        memset(memory, i, bytes);
        tables[i][0] = guest->regions[0];
        tables[i][1] = (GuestRegion) { GUEST_RAM_ADDRESS, bytes, memory };
    }
    g_assert_cmpuint(guest_register(guest, entries, importer.pages, bytes, &importer.id), ==,
                     VIRTIO_VDMABUF_S_OK);
    importer.consumer = consumer_open(guest, 0);
    thread = g_thread_new("import", import_by_tables, &importer);
    /* At all distances from the beginning of an import: each change begins it anew */
    for (i = 0; i < 300; i++) {
        g_assert_cmpint(guest_set_regions(guest, tables[(i + 1) % 2], 2), ==, 0);
        g_usleep(i % 100 * 200);
    }
    /* And each table once for as long as an import takes here */
    deadline = g_get_monotonic_time() + 120 * G_USEC_PER_SEC;
    for (i = 0; i < 2; i++) {
        int before = g_atomic_int_get(&importer.imports[i]);

        g_assert_cmpint(guest_set_regions(guest, tables[i], 2), ==, 0);
        while (g_atomic_int_get(&importer.imports[i]) == before &&
               g_get_monotonic_time() < deadline)
            g_usleep(1000);
    }
    g_atomic_int_set(&importer.stop, 1);
    g_thread_join(thread);
    g_test_message("%u and %u imports", importer.imports[0], importer.imports[1]);
    g_assert_cmpuint(importer.imports[0], >, 0);
    g_assert_cmpuint(importer.imports[1], >, 0);
    munmap(tables[1][1].memory, bytes);
    close(importer.consumer);
}

/* --- A second device imports it --- */

static void test_device_import(void)
{
    g_autoptr(Guest) guest = new_guest_of_small_pages(1 * MIB);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    g_autofree struct virtio_vdmabuf_entry *entries = guest_scatter(0, 64, rand);
    struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
    struct drm_gem_close gone = { 0 };
    gint64 pins = check_pins();
    struct vdmabuf_id id;
    int consumer, vgem, fd, back;
    guint8 *map;

    vgem = vgem_open();
    if (vgem < 0) {
        g_test_skip("no vgem device");
        return;
    }
    consumer = consumer_open(guest, 0);
    g_assert_cmpuint(guest_register(guest, entries, 64, 64 * GUEST_PAGE_SIZE, &id), ==,
                     VIRTIO_VDMABUF_S_OK);
    fd = import_asserted(consumer, &id, O_RDONLY);
    /* It asks for both directions, as GPU drivers do; a read-only dma-buf is for them, too */
    prime.fd = fd;
    g_assert_cmpint(ioctl(vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), ==, 0);
    close(fd);
    check_pins_become(pins + 64);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect_silence(guest);
    /* And gives back the same dma-buf */
    g_assert_cmpint(ioctl(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), ==, 0);
    back = prime.fd;
    expect_mmap_fails(back, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    map = dmabuf_map(back, 64 * GUEST_PAGE_SIZE, FALSE);
    fill_page(guest_pointer(guest, entries[63].addr), 63, 12);
    check_page(map + 63 * GUEST_PAGE_SIZE, 63, 12);
    munmap(map, 64 * GUEST_PAGE_SIZE);
    close(back);
    gone.handle = prime.handle;
    g_assert_cmpint(ioctl(vgem, DRM_IOCTL_GEM_CLOSE, &gone), ==, 0);
    check_pins_become(pins);
    expect_unregistered(guest, &id);
    close(vgem);
    close(consumer);
}

void add_pages_tests(void)
{
    check_add_test("/cycle/pages/zero-copy", test_zero_copy);
    check_add_test("/cycle/pages/read-only", test_read_only);
    check_add_test("/cycle/pages/bounds", test_mapping_bounds);
    check_add_test("/cycle/pages/repeated", test_repeated_pages);
    check_add_test("/cycle/pages/scattered", test_scattered);
    check_add_test("/cycle/pages/runs", test_runs);
    check_add_test("/cycle/pages/runs-of-small-pages", test_runs_of_small_pages);
    check_add_test("/cycle/pages/untouched", test_untouched);
    check_add_test("/cycle/pages/anonymous", test_anonymous);
    check_add_test("/cycle/memory/regions", test_regions);
    check_add_test("/cycle/memory/changing", test_changing_table);
    check_add_test("/cycle/memory/unmapped", test_unmapped_memory);
    check_add_test("/cycle/device-import", test_device_import);
}
