/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame of a buffer that is registered and imported already, at several sizes, and one memcpy of
 * such a frame.
 *
 * The buffers belong to one guest, and the sizes take turns in short series, so that whatever else
 * the machine does meets them all alike. Copies have series of their own: what one leaves in the
 * caches and in the address translation is no cost of the next frame's.
 *
 * All threads are on one CPU. Where they are not, it is the machine's way of waking another CPU
 * that is measured, and which of both it is would be for the scheduler to say. That has a column of
 * its own.
 */
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WARM_UP 20
/* CPU time is told for so many frames together */
#define CPU_FRAMES 10
#define COPIES 3

static const struct {
    guint32 width, height;
} sizes[] = {
    { 64, 64 },
    { 1920, 1080 },
    { 3840, 2160 },
    { 7680, 4320 },
};

#define N_SIZES G_N_ELEMENTS(sizes)

/* One value of each run, in nanoseconds */
typedef struct {
    gint64 *reader;
    gint64 *round;
    gint64 *cpu;
    gint64 *apart;
    gint64 *copy;
    gint64 *copy_cpu;
} Values;

typedef struct {
    guint64 bytes;
    struct vdmabuf_id id;
    struct virtio_vdmabuf_frame_desc desc;
    int fd;
    guint8 *map;
    Values values;
} Picture;

static gsize picture_bytes(guint i)
{
    return (gsize) sizes[i].width * sizes[i].height * 4;
}

static gsize picture_room(guint i)
{
    return (picture_bytes(i) + GUEST_HUGE_SIZE - 1) & ~(GUEST_HUGE_SIZE - 1);
}

static void picture_open(Picture *self, Guest *guest, int consumer, guint i, gsize offset,
                         guint runs)
{
    gint64 **values[] = { &self->values.reader, &self->values.round, &self->values.cpu,
                          &self->values.apart, &self->values.copy, &self->values.copy_cpu };
    guint v;

    self->bytes = picture_bytes(i);
    guest_desc_picture(&self->desc, sizes[i].width, sizes[i].height, 0);
    g_assert_cmpuint(guest_register_run(guest, offset / GUEST_PAGE_SIZE,
                                        self->bytes / GUEST_PAGE_SIZE, &self->id),
                     ==, VIRTIO_VDMABUF_S_OK);
    self->fd = consumer_import(consumer, &self->id, O_RDONLY, NULL);
    g_assert_cmpint(self->fd, >=, 0);
    self->map = dmabuf_map(self->fd, self->bytes, FALSE);
    for (v = 0; v < G_N_ELEMENTS(values); v++)
        *values[v] = g_new(gint64, runs);
}

static void picture_close(Picture *self)
{
    munmap(self->map, self->bytes);
    close(self->fd);
    g_free(self->values.reader);
    g_free(self->values.round);
    g_free(self->values.cpu);
    g_free(self->values.apart);
    g_free(self->values.copy);
    g_free(self->values.copy_cpu);
}

static void one_frame(Guest *guest, int consumer, const Picture *picture, gint64 *reader,
                      gint64 *round)
{
    struct vdmabuf_event event;
    guint64 sequence = 0;
    gint64 began = bench_now();

    g_assert_cmpuint(guest_frame(guest, &picture->id, &picture->desc, &sequence), ==,
                     VIRTIO_VDMABUF_S_OK);
    consumer_expect_frame(consumer, &picture->id, sequence, &event);
    *reader = bench_now() - began;
    g_assert_cmpint(consumer_release(consumer, &picture->id, sequence), ==, 0);
    guest_expect(guest, VIRTIO_VDMABUF_EVT_RELEASED, &picture->id, sequence, 0);
    *round = bench_now() - began;
}

static void series(Guest *guest, int consumer, Picture *picture, guint frames, guint run)
{
    guint groups = frames / CPU_FRAMES;
    g_autofree gint64 *reader = g_new(gint64, frames);
    g_autofree gint64 *round = g_new(gint64, frames);
    g_autofree gint64 *cpu = g_new(gint64, groups);
    guint i, group;

    for (i = 0; i < WARM_UP; i++)
        one_frame(guest, consumer, picture, &reader[0], &round[0]);
    for (group = 0, i = 0; group < groups; group++) {
        cpu[group] = bench_cpu();
        for (; i < (group + 1) * CPU_FRAMES; i++)
            one_frame(guest, consumer, picture, &reader[i], &round[i]);
        cpu[group] = (bench_cpu() - cpu[group]) / CPU_FRAMES;
    }
    picture->values.reader[run] = bench_median(reader, i) * 1e3;
    picture->values.round[run] = bench_median(round, i) * 1e3;
    picture->values.cpu[run] = bench_median(cpu, groups) * 1e3;
}

static void series_apart(Guest *guest, int consumer, Picture *picture, guint frames, guint run)
{
    g_autofree gint64 *reader = g_new(gint64, frames);
    gint64 round;
    guint i;

    for (i = 0; i < frames; i++)
        one_frame(guest, consumer, picture, &reader[i], &round);
    picture->values.apart[run] = bench_median(reader, frames) * 1e3;
}

static void copies(Picture *picture, guint8 *to, guint run)
{
    gint64 times[COPIES], cpus[COPIES];
    guint i;

    for (i = 0; i < COPIES; i++) {
        times[i] = bench_now();
        cpus[i] = bench_cpu();
        memcpy(to, picture->map, picture->bytes);
        /* So that no copy is left out */
        __asm__ volatile("" : : "r"(to) : "memory");
        cpus[i] = bench_cpu() - cpus[i];
        times[i] = bench_now() - times[i];
    }
    picture->values.copy[run] = bench_median(times, COPIES) * 1e3;
    picture->values.copy_cpu[run] = bench_median(cpus, COPIES) * 1e3;
}

/* The first CPU that the caller may use, or the next one behind @cpu; -1 if there is none */
static int next_cpu(const cpu_set_t *allowed, int cpu)
{
    while (++cpu < CPU_SETSIZE)
        if (CPU_ISSET(cpu, allowed))
            return cpu;
    return -1;
}

static void move_to(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    g_assert_cmpint(sched_setaffinity(0, sizeof set, &set), ==, 0);
}

static void print_pictures(Bench *bench, Picture *pictures, gboolean apart)
{
    guint i;

    printf("\nA frame of a registered buffer\n%11s %10s %10s %10s %10s %10s %10s %8s\n", "size",
           "to reader", "and back", "CPU time", "two CPUs", "one memcpy", "its CPU", "ratio");
    bench_open(bench, "frame");
    for (i = 0; i < N_SIZES; i++) {
        Values *values = &pictures[i].values;
        double reader = bench_median(values->reader, bench->runs);
        double round = bench_median(values->round, bench->runs);
        double cpu = bench_median(values->cpu, bench->runs);
        double other = apart ? bench_median(values->apart, bench->runs) : -1;
        double copy = bench_median(values->copy, bench->runs);
        double copy_cpu = bench_median(values->copy_cpu, bench->runs);

        printf("%5ux%-5u %10.1f %10.1f %10.1f %10.1f %10.1f %10.1f %8.2f\n", sizes[i].width,
               sizes[i].height, reader, round, cpu, other, copy, copy_cpu, copy_cpu / cpu);
        bench_emit(bench, "frame",
                   "\"width\": %u, \"height\": %u, \"latency_us\": %.2f, \"round_trip_us\": %.2f, "
                   "\"cpu_us\": %.2f, \"latency_two_cpus_us\": %.2f, \"memcpy_us\": %.2f, "
                   "\"memcpy_cpu_us\": %.2f",
                   sizes[i].width, sizes[i].height, reader, round, cpu, other, copy, copy_cpu);
    }
    bench_close(bench);
}

void bench_frames(Bench *bench)
{
    guint frames = MAX(bench->frames / bench->runs, CPU_FRAMES);
    Picture pictures[N_SIZES] = { 0 };
    g_autofree guint8 *to = NULL;
    Guest *guest;
    GuestOptions options = { 0 };
    int consumer, here, there;
    cpu_set_t allowed;
    gsize offset = 0;
    guint i, run;

    g_assert_cmpint(sched_getaffinity(0, sizeof allowed, &allowed), ==, 0);
    here = next_cpu(&allowed, -1);
    there = next_cpu(&allowed, here);
    /* The device's worker stays where its owner is now */
    move_to(here);
    for (i = 0; i < N_SIZES; i++)
        options.ram_bytes += picture_room(i);
    guest = guest_new(&options);
    consumer = consumer_open(guest, 0);
    memset(guest->ram, 1, options.ram_bytes);
    to = g_malloc(picture_bytes(N_SIZES - 1));
    for (i = 0; i < N_SIZES; i++) {
        picture_open(&pictures[i], guest, consumer, i, offset, bench->runs);
        memcpy(to, pictures[i].map, pictures[i].bytes);
        offset += picture_room(i);
    }

    for (run = 0; run < bench->runs; run++) {
        for (i = 0; i < N_SIZES; i++)
            series(guest, consumer, &pictures[(i + run) % N_SIZES], frames, run);
        if (there >= 0) {
            move_to(there);
            for (i = 0; i < N_SIZES; i++)
                series_apart(guest, consumer, &pictures[(i + run) % N_SIZES], CPU_FRAMES, run);
            move_to(here);
        }
        for (i = 0; i < N_SIZES; i++)
            copies(&pictures[i], to, run);
    }
    print_pictures(bench, pictures, there >= 0);

    for (i = 0; i < N_SIZES; i++)
        picture_close(&pictures[i]);
    close(consumer);
    guest_free(guest);
    g_assert_cmpint(sched_setaffinity(0, sizeof allowed, &allowed), ==, 0);
}
