/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that go out and come back, with more than one of them on the way.
 */
#include "bench.h"

#include <stdio.h>
#include <unistd.h>

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
    GuestOptions options = {
        .ram_bytes = in_flight * GUEST_PAGE_SIZE,
        .num = 1024,
        .event_num = 1024,
    };
    g_autoptr(Guest) guest = guest_new(&options);
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
    began = bench_now();
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
    ended = bench_now();
    for (i = 0; i < in_flight; i++)
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    g_thread_join(thread);
    close(consumer);
    return total / ((ended - began) / 1e9);
}

static void in_flight_at_once(Bench *bench, guint in_flight)
{
    guint total = MAX(bench->frames * 2, in_flight * 4);
    g_autofree gint64 *rates = g_new(gint64, bench->runs);
    double rate;
    guint i;

    for (i = 0; i < bench->runs; i++)
        rates[i] = round_trips(in_flight, total) * 1e3;
    rate = bench_median(rates, bench->runs);
    printf("%8u in flight %12.0f\n", in_flight, rate);
    bench_emit(bench, "round-trips", "\"in_flight\": %u, \"per_second\": %.0f", in_flight, rate);
}

void bench_round_trips(Bench *bench)
{
    printf("\nFRAME to RELEASED, a second\n");
    bench_open(bench, "round_trips");
    in_flight_at_once(bench, 1);
    in_flight_at_once(bench, 16);
    in_flight_at_once(bench, 256);
    bench_close(bench);
}
