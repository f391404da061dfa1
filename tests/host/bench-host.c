/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost_vdmabuf costs, next to what it replaces, in one run on one machine: a frame next to
 * one memcpy of it, an import next to a udmabuf of the same pages, memory, and round trips.
 */
#include "check.h"
#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define UDMABUF_PARAMETERS "/sys/module/udmabuf/parameters/"

typedef struct {
    GString *json;
    guint runs;
    guint frames;
    gboolean comma;
} Bench;

static gint64 now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Of this process, its vhost worker included where that is a thread of it */
static gint64 cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int compare(gconstpointer a, gconstpointer b)
{
    gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

    return x < y ? -1 : x > y;
}

static double median_us(gint64 *values, guint n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] / 1e3 : (values[n / 2 - 1] + values[n / 2]) / 2e3;
}

static void emit(Bench *bench, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* One object of the list that is open */
static void emit(Bench *bench, const char *key, const char *format, ...)
{
    va_list arguments;

    g_string_append_printf(bench->json, "%s\n    {\"case\": \"%s\", ", bench->comma ? "," : "",
                           key);
    va_start(arguments, format);
    g_string_append_vprintf(bench->json, format, arguments);
    va_end(arguments);
    g_string_append_c(bench->json, '}');
    bench->comma = TRUE;
}

static void open_list(Bench *bench, const char *name)
{
    g_string_append_printf(bench->json, ",\n  \"%s\": [", name);
    bench->comma = FALSE;
}

static void close_list(Bench *bench)
{
    g_string_append(bench->json, "\n  ]");
    fflush(stdout);
}

static Guest *big_guest(gsize ram_bytes, guint16 num)
{
    GuestOptions options = { .ram_bytes = ram_bytes, .num = num, .event_num = num };

    return guest_new(&options);
}

/* --- A frame, and a copy of it --- */

static void bench_frame(Bench *bench, guint32 width, guint32 height)
{
    gsize bytes = ((gsize) width * height * 4 + GUEST_PAGE_SIZE - 1) & ~(GUEST_PAGE_SIZE - 1);
    g_autoptr(Guest) guest = big_guest(bytes, 256);
    int consumer = consumer_open(guest, 0);
    g_autofree gint64 *there = g_new(gint64, bench->frames);
    g_autofree gint64 *round = g_new(gint64, bench->frames);
    g_autofree gint64 *copies = g_new(gint64, bench->runs * 5);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_event event;
    struct vdmabuf_id id;
    gint64 cpu, before;
    double frame_us, round_us, cpu_us, copy_us;
    guint8 *map, *copy;
    guint i;
    int fd;

    memset(guest->ram, 1, bytes);
    g_assert_cmpuint(guest_register_run(guest, 0, bytes / GUEST_PAGE_SIZE, &id), ==,
                     VIRTIO_VDMABUF_S_OK);
    fd = consumer_import(consumer, &id, O_RDONLY, NULL);
    g_assert_cmpint(fd, >=, 0);
    guest_desc_picture(&desc, width, height, 0);
    cpu = 0;
    for (i = 0; i < bench->frames + 20; i++) {
        guint64 sequence = 0;

        if (i == 20)
            cpu = cpu_ns();
        before = now_ns();
        g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
        consumer_expect_frame(consumer, &id, sequence, &event);
        if (i >= 20)
            there[i - 20] = now_ns() - before;
        g_assert_cmpint(consumer_release(consumer, &id, sequence), ==, 0);
        guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, &id, sequence, 0);
        if (i >= 20)
            round[i - 20] = now_ns() - before;
    }
    cpu_us = (cpu_ns() - cpu) / 1e3 / bench->frames;
    frame_us = median_us(there, bench->frames);
    round_us = median_us(round, bench->frames);

    map = dmabuf_map(fd, bytes, FALSE);
    copy = g_malloc(bytes);
    memcpy(copy, map, bytes);
    for (i = 0; i < bench->runs * 5; i++) {
        before = now_ns();
        memcpy(copy, map, bytes);
        copies[i] = now_ns() - before;
        /* So that no copy is left out */
        __asm__ volatile("" : : "r"(copy) : "memory");
    }
    copy_us = median_us(copies, bench->runs * 5);
    printf("%5ux%-5u %10.1f %12.1f %12.1f %12.1f %8.2f\n", width, height, frame_us, round_us,
           cpu_us, copy_us, copy_us / cpu_us);
    emit(bench, "frame",
         "\"width\": %u, \"height\": %u, \"latency_us\": %.2f, \"round_trip_us\": %.2f, "
         "\"cpu_us\": %.2f, \"memcpy_us\": %.2f",
         width, height, frame_us, round_us, cpu_us, copy_us);
    munmap(map, bytes);
    g_free(copy);
    close(fd);
    close(consumer);
}

/* --- Imports --- */

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

/* A udmabuf of the same pages, or -errno */
static int make_udmabuf(Guest *guest, const struct virtio_vdmabuf_entry *entries, guint n_entries)
{
    struct udmabuf_create_list *list;
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    guint i;
    int fd;

    if (device < 0)
        return -errno;
    list = g_malloc0(sizeof *list + n_entries * sizeof list->list[0]);
    list->flags = UDMABUF_FLAGS_CLOEXEC;
    list->count = n_entries;
    for (i = 0; i < n_entries; i++) {
        list->list[i].memfd = guest->memory_fd;
        list->list[i].offset = guest->low_bytes + GUINT64_FROM_LE(entries[i].addr) -
                               GUEST_RAM_ADDRESS;
        list->list[i].size = GUINT64_FROM_LE(entries[i].length);
    }
    fd = ioctl(device, UDMABUF_CREATE_LIST, list);
    if (fd < 0)
        fd = -errno;
    g_free(list);
    close(device);
    return fd;
}

static void bench_import(Bench *bench, const char *name, gsize bytes, gboolean scattered)
{
    guint64 pages = bytes / GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    g_autofree gint64 *registers = g_new(gint64, bench->runs);
    g_autofree gint64 *imports = g_new(gint64, bench->runs);
    g_autofree gint64 *closes = g_new(gint64, bench->runs);
    g_autofree gint64 *others = g_new(gint64, bench->runs);
    g_autofree gint64 *touches = g_new(gint64, bench->runs);
    g_autofree char *limit = get_parameter("list_limit");
    g_autofree char *size_limit = get_parameter("size_limit_mb");
    guint n_entries = scattered ? pages : 1;
    int consumer, refused, other = 0;
    guint i;

    if (check_meminfo("MemAvailable") < bytes + bytes / 8 + 128 * MIB) {
        printf("%-28s too little memory\n", name);
        return;
    }
    guest = big_guest(bytes, 256);
    memset(guest->ram, 1, bytes);
    consumer = consumer_open(guest, 0);
    if (scattered) {
        entries = guest_scatter(0, pages, rand);
    } else {
        entries = guest_scatter(0, 1, NULL);
        entries[0].length = GUINT64_TO_LE(bytes);
    }
    refused = make_udmabuf(guest, entries, n_entries);
    if (refused >= 0)
        close(refused);
    set_parameter("list_limit", "1048576");
    set_parameter("size_limit_mb", "4096");
    for (i = 0; i < bench->runs; i++) {
        struct vdmabuf_id id;
        gint64 before = now_ns();
        volatile guint8 *map;
        guint64 page;
        int fd;

        g_assert_cmpuint(guest_register(guest, entries, n_entries, bytes, &id), ==,
                         VIRTIO_VDMABUF_S_OK);
        registers[i] = now_ns() - before;
        before = now_ns();
        fd = consumer_import(consumer, &id, O_RDONLY, NULL);
        imports[i] = now_ns() - before;
        g_assert_cmpint(fd, >=, 0);
        before = now_ns();
        map = dmabuf_map(fd, bytes, FALSE);
        for (page = 0; page < pages; page++)
            (void) map[page * GUEST_PAGE_SIZE];
        touches[i] = now_ns() - before;
        munmap((gpointer) map, bytes);
        before = now_ns();
        close(fd);
        closes[i] = now_ns() - before;
        g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
        guest_expect(guest, VIRTIO_VDMABUF_EVT_UNREGISTERED, &id, 0, 0);

        before = now_ns();
        fd = make_udmabuf(guest, entries, n_entries);
        others[i] = now_ns() - before;
        other = fd;
        if (fd >= 0)
            close(fd);
    }
    if (limit != NULL)
        set_parameter("list_limit", limit);
    if (size_limit != NULL)
        set_parameter("size_limit_mb", size_limit);
    {
        double reg = median_us(registers, bench->runs), imp = median_us(imports, bench->runs);
        double tou = median_us(touches, bench->runs), clo = median_us(closes, bench->runs);
        double oth = median_us(others, bench->runs);
        const char *defaults = refused >= 0 ? "accepted" : g_strerror(-refused);

        printf("%-28s %8u %11.0f %11.0f %11.0f %11.0f ", name, n_entries, reg, imp, tou, clo);
        if (other >= 0)
            printf("%11.0f", oth);
        else
            printf("%11s", g_strerror(-other));
        printf("  %s\n", defaults);
        emit(bench, name,
             "\"bytes\": %zu, \"entries\": %u, \"register_us\": %.1f, \"import_us\": %.1f, "
             "\"map_and_touch_us\": %.1f, \"close_us\": %.1f, \"udmabuf_us\": %.1f, "
             "\"udmabuf\": \"%s\", \"udmabuf_defaults\": \"%s\", \"list_limit\": \"%s\", "
             "\"size_limit_mb\": \"%s\"",
             bytes, n_entries, reg, imp, tou, clo, other >= 0 ? oth : -1.0,
             other >= 0 ? "accepted" : g_strerror(-other), defaults, limit ? limit : "",
             size_limit ? size_limit : "");
    }
    close(consumer);
}

/* --- Memory --- */

static void bench_memory(Bench *bench, const char *name, gsize bytes, gboolean scattered)
{
    guint64 pages = bytes / GUEST_PAGE_SIZE;
    g_autoptr(Guest) guest = big_guest(bytes, 256);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autofree struct virtio_vdmabuf_entry *entries = NULL;
    struct vdmabuf_limits limits = guest_limits(guest);
    int consumer = consumer_open(guest, 0);
    guint count = MIN(MIN(100, limits.max_buffers), limits.max_bytes / bytes);
    g_autofree struct vdmabuf_id *ids = g_new(struct vdmabuf_id, count);
    g_autofree int *fds = g_new(int, count);
    gint64 start, registered, imported;
    guint i;

    memset(guest->ram, 1, bytes);
    entries = guest_scatter(0, scattered ? pages : 1, rand);
    if (!scattered)
        entries[0].length = GUINT64_TO_LE(bytes);
    start = check_kernel_memory();
    for (i = 0; i < count; i++)
        g_assert_cmpuint(guest_register(guest, entries, scattered ? pages : 1, bytes, &ids[i]), ==,
                         VIRTIO_VDMABUF_S_OK);
    registered = check_kernel_memory();
    for (i = 0; i < count; i++)
        g_assert_cmpint(fds[i] = consumer_import(consumer, &ids[i], O_RDONLY, NULL), >=, 0);
    imported = check_kernel_memory();
    printf("%-28s %8u %14.0f %14.0f\n", name, count, (double) (registered - start) / count,
           (double) (imported - registered) / count);
    emit(bench, name, "\"buffers\": %u, \"registered_bytes\": %.0f, \"imported_bytes\": %.0f",
         count, (double) (registered - start) / count, (double) (imported - registered) / count);
    for (i = 0; i < count; i++)
        close(fds[i]);
    close(consumer);
}

/* --- Round trips --- */

static gpointer consume(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);
    struct vdmabuf_event event;

    while (consumer_read(fd, &event, GUEST_WAIT_MS) && event.type == VDMABUF_EVENT_FRAME)
        g_assert_cmpint(consumer_release(fd, &event.id, event.sequence), ==, 0);
    return NULL;
}

static double round_trips(guint in_flight, guint total)
{
    g_autoptr(Guest) guest = big_guest(in_flight * GUEST_PAGE_SIZE, 1024);
    int consumer = consumer_open(guest, 0);
    g_autofree struct vdmabuf_id *ids = g_new(struct vdmabuf_id, in_flight);
    GThread *thread = g_thread_new("consumer", consume, GINT_TO_POINTER(consumer));
    struct virtio_vdmabuf_frame request;
    struct virtio_vdmabuf_frame_desc desc;
    guint sent = 0, back = 0, replies = 0, i;
    gint64 began, ended;

    guest_desc_data(&desc);
    desc.flags = GUINT32_TO_LE(VIRTIO_VDMABUF_FRAME_QUEUED);
    for (i = 0; i < in_flight; i++)
        g_assert_cmpuint(guest_register_run(guest, i, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    began = now_ns();
    for (i = 0; i < in_flight; i++) {
        guest_frame_request(&request, &ids[i], ++sent, &desc);
        g_assert_true(guest_submit(guest, &request, sizeof request, NULL));
    }
    guest_kick(guest);
    while (back < total || replies < sent) {
        struct virtio_vdmabuf_event event;
        gboolean more = FALSE;
        GuestReply reply;
        int timeout = back < total ? GUEST_WAIT_MS : 0;

        while (guest_reap(guest, &reply, 0)) {
            g_assert_cmpuint(reply.reply.status, ==, VIRTIO_VDMABUF_S_OK);
            replies++;
        }
        while (guest_next_event(guest, &event, timeout)) {
            timeout = 0;
            if (event.type != VIRTIO_VDMABUF_EVT_RELEASED)
                continue;
            back++;
            if (sent < total) {
                struct vdmabuf_id id;

                guest_id_from_wire(&id, &event.id);
                guest_frame_request(&request, &id, ++sent, &desc);
                while (!guest_submit(guest, &request, sizeof request, NULL)) {
                    g_assert_true(guest_reap(guest, &reply, GUEST_WAIT_MS));
                    g_assert_cmpuint(reply.reply.status, ==, VIRTIO_VDMABUF_S_OK);
                    replies++;
                }
                more = TRUE;
            }
        }
        if (more)
            guest_kick(guest);
    }
    ended = now_ns();
    for (i = 0; i < in_flight; i++)
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    g_thread_join(thread);
    close(consumer);
    return total / ((ended - began) / 1e9);
}

static void bench_round_trips(Bench *bench, guint in_flight)
{
    guint total = MAX(bench->frames * 2, in_flight * 4);
    g_autofree gint64 *rates = g_new(gint64, bench->runs);
    double rate;
    guint i;

    for (i = 0; i < bench->runs; i++)
        rates[i] = round_trips(in_flight, total) * 1e3;
    rate = median_us(rates, bench->runs);
    printf("%8u in flight %12.0f\n", in_flight, rate);
    emit(bench, "round-trips", "\"in_flight\": %u, \"per_second\": %.0f", in_flight, rate);
}

int main(int argc, char *argv[])
{
    g_autoptr(GOptionContext) context = g_option_context_new("- what vhost_vdmabuf costs");
    g_autofree char *json_path = NULL;
    gint runs = 9, frames = 2000;
    const GOptionEntry options[] = {
        { "json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "Write the results there", "FILE" },
        { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "Take the median of so many runs (9)", "N" },
        { "frames", 0, 0, G_OPTION_ARG_INT, &frames, "Frames of each size (2000)", "N" },
        { 0 },
    };
    static const guint32 sizes[][2] = {
        { 64, 64 }, { 1920, 1080 }, { 3840, 2160 }, { 7680, 4320 },
    };
    static const gsize uhd = 3840 * 2160 * 4;
    g_autoptr(GError) error = NULL;
    struct utsname kernel;
    Bench bench = { 0 };
    guint i;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || runs < 1 || frames < 1) {
        fprintf(stderr, "bench-host: %s\n", error ? error->message : "counts start at 1");
        return 2;
    }
    if (access(GUEST_DEVICE, R_OK | W_OK) < 0) {
        fprintf(stderr, "bench-host: %s: %s\n", GUEST_DEVICE, g_strerror(errno));
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench.json = g_string_new(NULL);
    bench.runs = runs;
    bench.frames = frames;
    uname(&kernel);
    printf("kernel %s, %u CPUs, medians of %d runs, %d frames\n", kernel.release,
           g_get_num_processors(), runs, frames);
    g_string_append_printf(bench.json,
                           "{\n  \"kernel\": \"%s\",\n  \"cpus\": %u,\n  \"runs\": %d,\n"
                           "  \"frames\": %d",
                           kernel.release, g_get_num_processors(), runs, frames);

    printf("\nA frame of a registered buffer, in microseconds\n%11s %10s %12s %12s %12s %8s\n",
           "size", "to reader", "and back", "CPU time", "one memcpy", "ratio");
    open_list(&bench, "frame");
    for (i = 0; i < G_N_ELEMENTS(sizes); i++)
        bench_frame(&bench, sizes[i][0], sizes[i][1]);
    close_list(&bench);

    printf("\nA buffer, in microseconds\n%-28s %8s %11s %11s %11s %11s %11s  %s\n", "", "entries",
           "register", "import", "map+touch", "close", "udmabuf", "with udmabuf's own limits");
    open_list(&bench, "import");
    bench_import(&bench, "3840x2160 contiguous", uhd, FALSE);
    bench_import(&bench, "3840x2160 scattered", uhd, TRUE);
    bench_import(&bench, "256 MiB scattered", 256 * MIB, TRUE);
    bench_import(&bench, "1 GiB scattered", 1024 * MIB, TRUE);
    close_list(&bench);

    printf("\nKernel memory in bytes for one buffer\n%-28s %8s %14s %14s\n", "", "buffers",
           "registered", "and imported");
    open_list(&bench, "memory");
    bench_memory(&bench, "1920x1080 contiguous", 1920 * 1080 * 4 / 4096 * 4096, FALSE);
    bench_memory(&bench, "3840x2160 contiguous", uhd, FALSE);
    bench_memory(&bench, "3840x2160 scattered", uhd, TRUE);
    close_list(&bench);

    printf("\nFRAME to RELEASED, a second\n");
    open_list(&bench, "round_trips");
    bench_round_trips(&bench, 1);
    bench_round_trips(&bench, 16);
    bench_round_trips(&bench, 256);
    close_list(&bench);
    g_string_append(bench.json, "\n}\n");

    if (json_path != NULL && !g_file_set_contents(json_path, bench.json->str, -1, &error)) {
        fprintf(stderr, "bench-host: %s\n", error->message);
        return 1;
    }
    g_string_free(bench.json, TRUE);
    return 0;
}
