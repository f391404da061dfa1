/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A buffer's first import next to a udmabuf of the same pages, and the kernel's memory for it.
 */
#include "bench.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define UDMABUF_PARAMETERS "/sys/module/udmabuf/parameters/"

static Guest *new_guest(gsize bytes, gboolean small_pages)
{
    GuestOptions options = { .ram_bytes = bytes, .small_pages = small_pages };

    return guest_new(&options);
}

static char *get_parameter(const char *name)
{
    g_autofree char *path = g_strconcat(UDMABUF_PARAMETERS, name, NULL);
    char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL))
        g_strchomp(text);
    return text;
}

static void set_parameter(const char *name, const char *value)
{
    g_autofree char *path = g_strconcat(UDMABUF_PARAMETERS, name, NULL);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        printf("# %s: %s\n", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* To be freed; what UDMABUF_CREATE_LIST takes for the same pages */
static struct udmabuf_create_list *udmabuf_list(Guest *guest,
                                                const struct virtio_vdmabuf_entry *entries,
                                                guint n_entries)
{
    struct udmabuf_create_list *list;
    guint i;

    list = g_malloc0(sizeof *list + n_entries * sizeof list->list[0]);
    list->flags = UDMABUF_FLAGS_CLOEXEC;
    list->count = n_entries;
    for (i = 0; i < n_entries; i++) {
        list->list[i].memfd = guest->memory_fd;
        list->list[i].offset = guest->low_bytes + GUINT64_FROM_LE(entries[i].addr) -
                               GUEST_RAM_ADDRESS;
        list->list[i].size = GUINT64_FROM_LE(entries[i].length);
    }
    return list;
}

/* A udmabuf, made and closed again; 0 or -errno */
static int try_udmabuf(int device, struct udmabuf_create_list *list, gint64 *took)
{
    gint64 began = bench_now();
    int fd = ioctl(device, UDMABUF_CREATE_LIST, list);

    if (fd < 0)
        return -errno;
    *took = bench_now() - began;
    close(fd);
    return 0;
}

typedef struct {
    const char *name;
    gsize bytes;
    enum { CONTIGUOUS, SMALL_PAGES, SCATTERED } kind;
} Case;

static struct virtio_vdmabuf_entry *case_entries(const Case *self, guint *n_entries)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    struct virtio_vdmabuf_entry *entries;

    *n_entries = self->kind == SCATTERED ? self->bytes / GUEST_PAGE_SIZE : 1;
    entries = guest_scatter(0, *n_entries, rand);
    if (self->kind != SCATTERED)
        entries[0].length = GUINT64_TO_LE(self->bytes);
    return entries;
}

/* What one buffer costs from its registration to its end, in nanoseconds */
typedef struct {
    gint64 registered, imported, touched, closed, udmabuf;
} Costs;

static void one_buffer(Guest *guest, int consumer, const Case *self,
                       const struct virtio_vdmabuf_entry *entries, guint n_entries, Costs *costs)
{
    struct vdmabuf_import import = { .flags = O_RDONLY };
    volatile guint8 *map;
    guint64 page;
    gint64 began;

    began = bench_now();
    g_assert_cmpuint(guest_register(guest, entries, n_entries, self->bytes, &import.id), ==,
                     VIRTIO_VDMABUF_S_OK);
    costs->registered = bench_now() - began;

    began = bench_now();
    g_assert_cmpint(ioctl(consumer, VDMABUF_IOC_IMPORT, &import), ==, 0);
    costs->imported = bench_now() - began;

    began = bench_now();
    map = dmabuf_map(import.fd, self->bytes, FALSE);
    for (page = 0; page < self->bytes / GUEST_PAGE_SIZE; page++)
        (void) map[page * GUEST_PAGE_SIZE];
    costs->touched = bench_now() - began;
    munmap((gpointer) map, self->bytes);

    began = bench_now();
    close(import.fd);
    costs->closed = bench_now() - began;
    g_assert_cmpuint(guest_unregister(guest, &import.id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &import.id, 0, 0);
}

static double median_of(const Costs *costs, gsize offset, guint runs)
{
    g_autofree gint64 *values = g_new(gint64, runs);
    guint i;

    for (i = 0; i < runs; i++)
        values[i] = G_STRUCT_MEMBER(gint64, &costs[i], offset);
    return bench_median(values, runs);
}

static void import(Bench *bench, const Case *self)
{
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    g_autofree struct udmabuf_create_list *list = NULL;
    g_autofree Costs *costs = g_new0(Costs, bench->runs);
    g_autofree char *limit = get_parameter("list_limit");
    g_autofree char *size_limit = get_parameter("size_limit_mb");
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    double registered, imported, touched, closed, udmabuf = -1;
    const char *verdict, *defaults;
    Guest *guest;
    guint n_entries, i;
    int consumer, refused, failed = 0;

    if (check_meminfo("MemAvailable") < self->bytes + self->bytes / 8 + 128 * MIB) {
        printf("%-28s too little memory\n", self->name);
        return;
    }
    guest = new_guest(self->bytes, self->kind == SMALL_PAGES);
    memset(guest->ram, 1, self->bytes);
    consumer = consumer_open(guest, 0);
    entries = case_entries(self, &n_entries);
    list = udmabuf_list(guest, entries, n_entries);
    refused = try_udmabuf(device, list, &costs[0].udmabuf);
    set_parameter("list_limit", "1048576");
    set_parameter("size_limit_mb", "4096");
    for (i = 0; i < bench->runs; i++) {
        one_buffer(guest, consumer, self, entries, n_entries, &costs[i]);
        failed = try_udmabuf(device, list, &costs[i].udmabuf);
    }
    if (limit != NULL)
        set_parameter("list_limit", limit);
    if (size_limit != NULL)
        set_parameter("size_limit_mb", size_limit);
    close(consumer);
    close(device);
    guest_free(guest);

    registered = median_of(costs, G_STRUCT_OFFSET(Costs, registered), bench->runs);
    imported = median_of(costs, G_STRUCT_OFFSET(Costs, imported), bench->runs);
    touched = median_of(costs, G_STRUCT_OFFSET(Costs, touched), bench->runs);
    closed = median_of(costs, G_STRUCT_OFFSET(Costs, closed), bench->runs);
    verdict = failed == 0 ? "accepted" : g_strerror(-failed);
    defaults = refused == 0 ? "accepted" : g_strerror(-refused);
    printf("%-28s %8u %10.0f %10.0f %10.0f %10.0f ", self->name, n_entries, registered, imported,
           touched, closed);
    if (failed == 0) {
        udmabuf = median_of(costs, G_STRUCT_OFFSET(Costs, udmabuf), bench->runs);
        printf("%10.0f %7.2f", udmabuf, udmabuf / imported);
    } else {
        printf("%18s", verdict);
    }
    printf("  %s\n", defaults);
    bench_emit(bench, self->name,
               "\"bytes\": %zu, \"entries\": %u, \"register_us\": %.1f, \"import_us\": %.1f, "
               "\"map_and_touch_us\": %.1f, \"close_us\": %.1f, \"udmabuf_us\": %.1f, "
               "\"udmabuf\": \"%s\", \"udmabuf_defaults\": \"%s\", \"list_limit\": \"%s\", "
               "\"size_limit_mb\": \"%s\"",
               self->bytes, n_entries, registered, imported, touched, closed, udmabuf, verdict,
               defaults, limit ? limit : "", size_limit ? size_limit : "");
}

void bench_imports(Bench *bench)
{
    static const Case cases[] = {
        { "3840x2160 contiguous", BENCH_UHD_BYTES, CONTIGUOUS },
        { "3840x2160 in small pages", BENCH_UHD_BYTES, SMALL_PAGES },
        { "3840x2160 scattered", BENCH_UHD_BYTES, SCATTERED },
        { "256 MiB scattered", 256 * MIB, SCATTERED },
        { "1 GiB scattered", 1024 * MIB, SCATTERED },
    };
    guint i;

    printf("\nA buffer\n%-28s %8s %10s %10s %10s %10s %10s %7s  %s\n", "", "entries", "register",
           "import", "map+touch", "close", "udmabuf", "ratio", "with udmabuf's own limits");
    bench_open(bench, "import");
    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        import(bench, &cases[i]);
    bench_close(bench);
}

/* --- Memory --- */

static void memory(Bench *bench, const Case *self)
{
    g_autoptr(Guest) guest = new_guest(self->bytes, self->kind == SMALL_PAGES);
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    struct vdmabuf_limits limits = guest_limits(guest);
    int consumer = consumer_open(guest, 0);
    guint count = MIN(MIN(100, limits.max_buffers), limits.max_bytes / self->bytes);
    g_autofree struct vdmabuf_id *ids = g_new(struct vdmabuf_id, count);
    g_autofree int *fds = g_new(int, count);
    gint64 start, registered, imported;
    guint n_entries, i;

    memset(guest->ram, 1, self->bytes);
    entries = case_entries(self, &n_entries);
    start = check_kernel_memory();
    for (i = 0; i < count; i++)
        g_assert_cmpuint(guest_register(guest, entries, n_entries, self->bytes, &ids[i]), ==,
                         VIRTIO_VDMABUF_S_OK);
    registered = (check_kernel_memory() - start) / count;
    start = check_kernel_memory();
    for (i = 0; i < count; i++)
        g_assert_cmpint(fds[i] = consumer_import(consumer, &ids[i], O_RDONLY, NULL), >=, 0);
    imported = (check_kernel_memory() - start) / count;
    printf("%-28s %8u %14" G_GINT64_FORMAT " %14" G_GINT64_FORMAT "\n", self->name, count,
           registered, imported);
    bench_emit(bench, self->name,
               "\"buffers\": %u, \"registered_bytes\": %" G_GINT64_FORMAT
               ", \"imported_bytes\": %" G_GINT64_FORMAT, count, registered, imported);
    for (i = 0; i < count; i++)
        close(fds[i]);
    close(consumer);
}

void bench_memory(Bench *bench)
{
    static const Case cases[] = {
        { "1920x1080 contiguous", 1920 * 1080 * 4 / 4096 * 4096, CONTIGUOUS },
        { "3840x2160 contiguous", BENCH_UHD_BYTES, CONTIGUOUS },
        { "3840x2160 in small pages", BENCH_UHD_BYTES, SMALL_PAGES },
        { "3840x2160 scattered", BENCH_UHD_BYTES, SCATTERED },
    };
    guint i;

    printf("\nKernel memory in bytes for one buffer\n%-28s %8s %14s %14s\n", "", "buffers",
           "registered", "and imported");
    bench_open(bench, "memory");
    for (i = 0; i < G_N_ELEMENTS(cases); i++)
        memory(bench, &cases[i]);
    bench_close(bench);
}
