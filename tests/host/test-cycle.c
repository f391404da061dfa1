/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of buffers and frames as protocol.md describes it, between a guest model and consumers
 * on the real device.
 */
#include "cycle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_UP (VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER)
#define NOBODY 65534

/* --- One buffer from its beginning to its end --- */

static void test_life(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_status status;
    struct vdmabuf_event event;
    struct vdmabuf_id id;
    guint64 sequence = 0, size = 0;
    gint64 before = g_get_monotonic_time() * 1000;
    gpointer map;
    int dmabuf;

    g_assert_cmpuint(guest_register_run(guest, 2, 16, &id), ==, VIRTIO_VDMABUF_S_OK);
    guest_expect_silence(guest);
    g_assert_cmpuint(guest->consumers, ==, 1);
    consumer_expect_nothing(consumer);
    fill_page(guest->ram + 2 * GUEST_PAGE_SIZE, 2, 1);

    guest_desc_picture(&desc, 128, 100, 3);
    desc.timestamp_ns = GUINT64_TO_LE(77);
    desc.damage.x = GUINT32_TO_LE(28);
    desc.damage.width = GUINT32_TO_LE(100);
    desc.damage.height = GUINT32_TO_LE(100);
    desc.x = GUINT32_TO_LE(-5);
    desc.hot_y = GUINT32_TO_LE(-7);
    desc.app_size = GUINT32_TO_LE(5);
    memcpy(desc.app, "hello, not seen", 15);
    g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);

    consumer_expect_frame(consumer, &id, sequence, &event);
    g_assert_cmpuint(event.size, ==, 16 * GUEST_PAGE_SIZE);
    g_assert_cmpuint(event.state, ==, STATE_UP);
    g_assert_cmpuint(event.superseded, ==, 0);
    g_assert_cmpuint(event.timestamp_ns, >=, before);
    g_assert_cmpuint(event.timestamp_ns, <=, g_get_monotonic_time() * 1000 + 1000);
    g_assert_cmpuint(event.frame.width, ==, 128);
    g_assert_cmpuint(event.frame.height, ==, 100);
    g_assert_cmpuint(event.frame.output, ==, 3);
    g_assert_cmpuint(event.frame.nr_planes, ==, 1);
    g_assert_cmpuint(event.frame.planes[0].stride, ==, 512);
    g_assert_cmpuint(event.frame.damage.x, ==, 28);
    g_assert_cmpuint(event.frame.damage.width, ==, 100);
    g_assert_cmpint(event.frame.x, ==, -5);
    g_assert_cmpint(event.frame.hot_y, ==, -7);
    g_assert_cmpuint(event.frame.timestamp_ns, ==, 77);
    g_assert_cmpuint(event.frame.app_size, ==, 5);
    g_assert_cmpmem(event.frame.app, 6, "hello", 6);
    g_assert_cmpuint(event.frame.app[9], ==, 0);
    consumer_expect_nothing(consumer);
    guest_expect_silence(guest);

    dmabuf = consumer_import(consumer, &id, O_RDONLY, &size);
    g_assert_cmpint(dmabuf, >=, 0);
    g_assert_cmpuint(size, ==, 16 * GUEST_PAGE_SIZE);
    g_assert_cmpint(lseek(dmabuf, 0, SEEK_END), ==, size);
    map = dmabuf_map(dmabuf, size, FALSE);
    check_page(map, 2, 1);
    fill_page(guest->ram + 17 * GUEST_PAGE_SIZE, 17, 1);
    check_page((guint8 *) map + 15 * GUEST_PAGE_SIZE, 17, 1);

    status = consumer_status(consumer);
    g_assert_cmpint(status.vm.pid, ==, getpid());
    g_assert_cmpstr(status.vm.name, ==, "test");
    g_assert_cmpuint(status.vm.uuid[15], ==, 15);
    g_assert_cmpuint(status.state, ==, STATE_UP);
    g_assert_cmpuint(status.nr_consumers, ==, 1);
    g_assert_cmpuint(status.nr_buffers, ==, 1);
    g_assert_cmpuint(status.nr_outstanding, ==, 1);
    g_assert_cmpuint(status.nr_imports, ==, 1);
    g_assert_cmpuint(status.bytes_registered, ==, size);
    g_assert_cmpuint(status.bytes_pinned, ==, size);
    g_assert_cmpuint(status.frames, ==, 1);
    g_assert_cmpuint(status.released, ==, 0);

    g_assert_cmpint(consumer_release(consumer, &id, sequence), ==, 0);
    expect_released(guest, &id, sequence, 0);

    munmap(map, size);
    close(dmabuf);
    g_assert_cmpuint(guest_unregister(guest, &id), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &id);
    consumer_expect_gone(consumer, &id);
    status = guest_status(guest);
    g_assert_cmpuint(status.nr_buffers, ==, 0);
    g_assert_cmpuint(status.nr_outstanding, ==, 0);
    g_assert_cmpuint(status.nr_imports, ==, 0);
    g_assert_cmpuint(status.bytes_registered, ==, 0);
    g_assert_cmpuint(status.bytes_pinned, ==, 0);
    g_assert_cmpuint(status.released, ==, 1);
    g_assert_cmpuint(status.superseded, ==, 0);
    guest_expect_silence(guest);
    consumer_expect_nothing(consumer);
    close(consumer);
}

/* --- Frames --- */

static void test_two_consumers(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int one = consumer_open(guest, 0);
    int two = consumer_open(guest, 0);
    struct vdmabuf_id id;
    guint64 sequence;

    register_buffers(guest, &id, 1, 1);
    sequence = send_frame(guest, &id, 0, 0);
    consumer_expect_frame(one, &id, sequence, NULL);
    g_assert_cmpint(consumer_release(one, &id, sequence), ==, 0);
    /* The other one has still to read it */
    guest_expect_silence(guest);
    consumer_expect_frame(two, &id, sequence, NULL);
    consumer_expect_nothing(one);
    guest_expect_silence(guest);
    g_assert_cmpint(consumer_release(one, &id, sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_release(two, &id, sequence), ==, 0);
    expect_released(guest, &id, sequence, 0);

    /* One that goes releases what it holds, */
    sequence = send_frame(guest, &id, 0, 0);
    consumer_expect_frame(one, &id, sequence, NULL);
    consumer_expect_frame(two, &id, sequence, NULL);
    g_assert_cmpint(consumer_release(one, &id, sequence), ==, 0);
    guest_expect_silence(guest);
    close(two);
    expect_released(guest, &id, sequence, 0);

    /* and one that goes is not waited for */
    two = consumer_open(guest, 0);
    sequence = send_frame(guest, &id, 0, 0);
    consumer_expect_frame(one, &id, sequence, NULL);
    g_assert_cmpint(consumer_release(one, &id, sequence), ==, 0);
    guest_expect_silence(guest);
    close(two);
    expect_released(guest, &id, sequence, 0);

    /* One that was the only one to take it, and another one that has not read it */
    two = consumer_open(guest, 0);
    sequence = send_frame(guest, &id, 0, 0);
    consumer_expect_frame(one, &id, sequence, NULL);
    close(one);
    guest_expect_silence(guest);
    consumer_expect_frame(two, &id, sequence, NULL);
    close(two);
    expect_released(guest, &id, sequence, 0);
}

static void test_supersede(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer, second;
    struct vdmabuf_id ids[4];
    struct vdmabuf_event event;
    guint64 sequence[4], again;

    register_buffers(guest, ids, 4, 1);
    /* Nobody there: the newest waits, the others go back */
    sequence[0] = send_frame(guest, &ids[0], 0, 0);
    guest_expect_silence(guest);
    sequence[1] = send_frame(guest, &ids[1], 0, 0);
    expect_released(guest, &ids[0], sequence[0], VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
    consumer = consumer_open(guest, 0);
    consumer_expect_frame(consumer, &ids[1], sequence[1], &event);
    g_assert_cmpuint(event.superseded, ==, 0);

    /* A consumer that holds one keeps it over newer ones, and skips what it has not read */
    sequence[2] = send_frame(guest, &ids[2], 0, 0);
    guest_expect_silence(guest);
    sequence[3] = send_frame(guest, &ids[3], 0, 0);
    expect_released(guest, &ids[2], sequence[2], VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
    again = send_frame(guest, &ids[0], 0, 0);
    expect_released(guest, &ids[3], sequence[3], VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
    consumer_expect_frame(consumer, &ids[0], again, &event);
    g_assert_cmpuint(event.superseded, ==, 2);
    g_assert_cmpint(consumer_release(consumer, &ids[1], sequence[1]), ==, 0);
    expect_released(guest, &ids[1], sequence[1], 0);

    /* Taken by one and superseded for the other: not marked as superseded */
    second = consumer_open(guest, 0);
    consumer_expect_frame(second, &ids[0], again, &event);
    g_assert_cmpuint(event.superseded, ==, 0);
    g_assert_cmpint(consumer_release(second, &ids[0], again), ==, 0);
    g_assert_cmpint(consumer_release(consumer, &ids[0], again), ==, 0);
    expect_released(guest, &ids[0], again, 0);
    sequence[1] = send_frame(guest, &ids[1], 0, 0);
    consumer_expect_frame(consumer, &ids[1], sequence[1], NULL);
    sequence[2] = send_frame(guest, &ids[2], 0, 0);
    guest_expect_silence(guest);
    g_assert_cmpint(consumer_release(consumer, &ids[1], sequence[1]), ==, 0);
    expect_released(guest, &ids[1], sequence[1], 0);
    consumer_expect_frame(second, &ids[2], sequence[2], &event);
    g_assert_cmpuint(event.superseded, ==, 1);
    consumer_expect_frame(consumer, &ids[2], sequence[2], &event);
    g_assert_cmpuint(event.superseded, ==, 2);
    g_assert_cmpuint(guest_status(guest).superseded, ==, 3);
    close(consumer);
    close(second);
    expect_released(guest, &ids[2], sequence[2], 0);
}

static void test_queued(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id ids[5];
    struct vdmabuf_event event;
    guint64 sequence[5];
    guint i;

    register_buffers(guest, ids, 5, 1);
    /* An older one that is not QUEUED goes, also for a newer one that is */
    sequence[0] = send_frame(guest, &ids[0], 0, 0);
    for (i = 1; i < 4; i++)
        sequence[i] = send_frame(guest, &ids[i], 0, VIRTIO_VDMABUF_FRAME_QUEUED);
    expect_released(guest, &ids[0], sequence[0], VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
    sequence[4] = send_frame(guest, &ids[4], 0, 0);
    guest_expect_silence(guest);
    for (i = 1; i < 5; i++) {
        consumer_expect_frame(consumer, &ids[i], sequence[i], &event);
        g_assert_cmpuint(event.superseded, ==, 1);
    }
    consumer_expect_nothing(consumer);
    guest_expect_silence(guest);
    for (i = 4; i > 0; i--) {
        g_assert_cmpint(consumer_release(consumer, &ids[i], sequence[i]), ==, 0);
        expect_released(guest, &ids[i], sequence[i], 0);
    }
    close(consumer);
    /* They wait for a consumer, all of them */
    for (i = 0; i < 3; i++)
        sequence[i] = send_frame(guest, &ids[i], 0, VIRTIO_VDMABUF_FRAME_QUEUED);
    guest_expect_silence(guest);
    consumer = consumer_open(guest, 0);
    for (i = 0; i < 3; i++)
        consumer_expect_frame(consumer, &ids[i], sequence[i], NULL);
    close(consumer);
    guest_expect_released(guest, ids, sequence, 3);
}

static void test_streams(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_id ids[5];
    guint64 sequence[5] = { 0 };

    register_buffers(guest, ids, 5, 1);
    sequence[0] = send_frame(guest, &ids[0], 0, 0);
    sequence[1] = send_frame(guest, &ids[1], 7, 0);
    sequence[2] = send_frame(guest, &ids[2], 0, VIRTIO_VDMABUF_FRAME_CURSOR);
    guest_desc_picture(&desc, 4, 4, 0);
    desc.flags = GUINT32_TO_LE(VIRTIO_VDMABUF_FRAME_CURSOR);
    g_assert_cmpuint(guest_frame(guest, &ids[3], &desc, &sequence[3]), ==, VIRTIO_VDMABUF_S_OK);
    expect_released(guest, &ids[2], sequence[2], VIRTIO_VDMABUF_EVT_F_SUPERSEDED);
    guest_expect_silence(guest);
    sequence[4] = send_frame(guest, &ids[4], G_MAXUINT32, VIRTIO_VDMABUF_FRAME_HIDDEN);
    consumer_expect_frame(consumer, &ids[0], sequence[0], NULL);
    consumer_expect_frame(consumer, &ids[1], sequence[1], NULL);
    consumer_expect_frame(consumer, &ids[3], sequence[3], NULL);
    consumer_expect_frame(consumer, &ids[4], sequence[4], NULL);
    consumer_expect_nothing(consumer);
    close(consumer);
    /* The third one has gone before */
    ids[2] = ids[4];
    sequence[2] = sequence[4];
    guest_expect_released(guest, ids, sequence, 4);
}

static void test_late_consumer(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int early = consumer_open(guest, 0);
    int late;
    struct vdmabuf_id id;
    guint64 sequence;

    register_buffers(guest, &id, 1, 1);
    sequence = send_frame(guest, &id, 0, 0);
    consumer_expect_frame(early, &id, sequence, NULL);
    late = consumer_open(guest, 0);
    g_assert_cmpint(consumer_release(early, &id, sequence), ==, 0);
    guest_expect_silence(guest);
    consumer_expect_frame(late, &id, sequence, NULL);
    g_assert_cmpint(consumer_release(late, &id, sequence), ==, 0);
    expect_released(guest, &id, sequence, 0);
    close(late);
    /* What has gone back is not shown again */
    late = consumer_open(guest, 0);
    consumer_expect_nothing(late);
    close(early);
    close(late);
}

static void test_busy(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_id id;
    guint64 sequence;

    register_buffers(guest, &id, 1, 1);
    guest_desc_data(&desc);
    sequence = send_frame(guest, &id, 0, 0);
    g_assert_cmpuint(guest_frame(guest, &id, &desc, NULL), ==, VIRTIO_VDMABUF_S_BUSY);
    consumer_expect_frame(consumer, &id, sequence, NULL);
    g_assert_cmpuint(guest_frame(guest, &id, &desc, NULL), ==, VIRTIO_VDMABUF_S_BUSY);
    consumer_expect_nothing(consumer);
    g_assert_cmpint(consumer_release(consumer, &id, sequence), ==, 0);
    expect_released(guest, &id, sequence, 0);
    /* The same sequence again is the driver's business */
    g_assert_cmpuint(guest_frame(guest, &id, &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_frame(consumer, &id, sequence, NULL);
    close(consumer);
    expect_released(guest, &id, sequence, 0);
    g_assert_cmpuint(guest_status(guest).frames, ==, 2);
    g_assert_cmpuint(guest_status(guest).released, ==, 2);
}

static void test_release(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    int other = consumer_open(guest, 0);
    struct vdmabuf_id ids[2], wrong;
    guint64 sequence;

    register_buffers(guest, ids, 2, 1);
    sequence = send_frame(guest, &ids[0], 0, 0);
    /* Not taken yet */
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence), ==, -ENOENT);
    consumer_expect_frame(consumer, &ids[0], sequence, NULL);
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence + 1), ==, -ENOENT);
    g_assert_cmpint(consumer_release(consumer, &ids[1], sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_release(other, &ids[0], sequence), ==, -ENOENT);
    wrong = ids[0];
    wrong.random++;
    g_assert_cmpint(consumer_release(consumer, &wrong, sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_import(consumer, &wrong, O_RDONLY, NULL), ==, -ENOENT);
    wrong = ids[0];
    wrong.vmm_pid++;
    g_assert_cmpint(consumer_release(consumer, &wrong, sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_import(consumer, &wrong, O_RDONLY, NULL), ==, -ENOENT);
    consumer_expect_frame(other, &ids[0], sequence, NULL);
    g_assert_cmpint(consumer_release(other, &ids[0], sequence), ==, 0);
    guest_expect_silence(guest);
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence), ==, 0);
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_release(other, &ids[0], sequence), ==, -ENOENT);
    expect_released(guest, &ids[0], sequence, 0);
    guest_expect_silence(guest);
    close(consumer);
    close(other);
}

/* --- Imports and the end of buffers --- */

static void test_import_twice(void)
{
    g_autoptr(Guest) guest = new_guest_of_small_pages(1 * MIB);
    int consumer = consumer_open(guest, 0);
    int other = consumer_open(guest, 0);
    gint64 pins = check_pins();
    struct vdmabuf_query query = { 0 };
    struct vdmabuf_id id;
    int fds[4];
    guint8 *map;
    guint i;

    register_buffers(guest, &id, 1, 4);
    g_assert_cmpint(check_pins(), ==, pins);
    for (i = 0; i < 4; i++) {
        fds[i] = import_asserted(i % 2 ? other : consumer, &id, O_RDONLY);
        g_assert_cmpuint(guest_status(guest).nr_imports, ==, i + 1);
        g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 4 * GUEST_PAGE_SIZE);
        check_pins_become(pins + 4);
    }
    query.id = id;
    g_assert_cmpint(consumer_query(consumer, &query), ==, 0);
    g_assert_cmpuint(query.nr_imports, ==, 4);
    g_assert_cmpuint(query.state, ==, VDMABUF_BUFFER_REGISTERED | VDMABUF_BUFFER_PINNED);
    for (i = 0; i < 3; i++)
        close(fds[i]);
    fill_page(guest->ram, 0, 4);
    map = dmabuf_map(fds[3], 4 * GUEST_PAGE_SIZE, FALSE);
    check_page(map, 0, 4);
    close(fds[3]);
    check_page(map, 0, 4);
    check_pins_become(pins + 4);
    munmap(map, 4 * GUEST_PAGE_SIZE);
    check_pins_become(pins);
    g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
    g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
    /* And it can be had again */
    fds[0] = import_asserted(consumer, &id, O_RDONLY);
    check_pins_become(pins + 4);
    close(fds[0]);
    check_pins_become(pins);
    close(consumer);
    close(other);
}

static void test_unregister(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int holder = consumer_open(guest, 0);
    int stranger = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_query query = { 0 };
    struct vdmabuf_id ids[3];
    guint64 sequence;
    guint8 *map;
    int fd;

    register_buffers(guest, ids, 3, 2);
    sequence = send_frame(guest, &ids[0], 0, 0);
    consumer_expect_frame(holder, &ids[0], sequence, NULL);
    fd = import_asserted(holder, &ids[0], O_RDONLY);
    map = dmabuf_map(fd, 2 * GUEST_PAGE_SIZE, FALSE);
    fill_page(guest->ram, 0, 6);

    g_assert_cmpuint(guest_unregister(guest, &ids[0]), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_gone(holder, &ids[0]);
    /* Neither the frame nor a GONE for one that has not known the buffer */
    consumer_expect_nothing(stranger);
    consumer_expect_nothing(holder);
    guest_expect_silence(guest);
    g_assert_cmpint(consumer_release(holder, &ids[0], sequence), ==, -ENOENT);
    g_assert_cmpint(consumer_import(holder, &ids[0], O_RDONLY, NULL), ==, -ENOENT);
    query.id = ids[0];
    g_assert_cmpint(consumer_query(holder, &query), ==, -ENOENT);
    guest_desc_data(&desc);
    g_assert_cmpuint(guest_frame(guest, &ids[0], &desc, NULL), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    g_assert_cmpuint(guest_unregister(guest, &ids[0]), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    check_page(map, 0, 6);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 3);
    g_assert_cmpuint(guest_status(guest).bytes_registered, ==, 6 * GUEST_PAGE_SIZE);
    close(fd);
    guest_expect_silence(guest);
    munmap(map, 2 * GUEST_PAGE_SIZE);
    expect_unregistered(guest, &ids[0]);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 2);
    g_assert_cmpuint(guest_status(guest).bytes_registered, ==, 4 * GUEST_PAGE_SIZE);

    /* A frame that was not read is gone without a word */
    sequence = send_frame(guest, &ids[1], 0, 0);
    g_assert_cmpuint(guest_unregister(guest, &ids[1]), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &ids[1]);
    consumer_expect_nothing(holder);
    consumer_expect_nothing(stranger);
    guest_expect_silence(guest);
    /* Imported once, closed long since: known all the same */
    fd = import_asserted(holder, &ids[2], O_RDONLY);
    close(fd);
    g_assert_cmpuint(guest_unregister(guest, &ids[2]), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &ids[2]);
    consumer_expect_gone(holder, &ids[2]);
    consumer_expect_nothing(stranger);
    guest_expect_silence(guest);
    close(holder);
    close(stranger);
}

static void test_reset(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_id ids[4], fresh;
    struct virtio_vdmabuf_event event;
    guint64 sequence[2];
    guint8 *map;
    int fd;

    register_buffers(guest, ids, 4, 1);
    sequence[0] = send_frame(guest, &ids[0], 0, 0);
    consumer_expect_frame(consumer, &ids[0], sequence[0], NULL);
    fd = import_asserted(consumer, &ids[1], O_RDONLY);
    sequence[1] = send_frame(guest, &ids[2], 0, 0);
    while (guest_next_event(guest, &event, 0))
        ;
    guest->consumers = G_MAXUINT64;
    fill_page(guest->ram + GUEST_PAGE_SIZE, 1, 8);

    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_gone(consumer, &ids[0]);
    consumer_expect_gone(consumer, &ids[1]);
    consumer_expect_nothing(consumer);
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence[0]), ==, -ENOENT);
    g_assert_cmpint(consumer_import(consumer, &ids[1], O_RDONLY, NULL), ==, -ENOENT);
    g_assert_cmpuint(guest_unregister(guest, &ids[3]), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    guest_expect_silence(guest);
    /* Told anew, as the driver may be a new one */
    g_assert_cmpuint(guest->consumers, ==, 1);

    map = dmabuf_map(fd, GUEST_PAGE_SIZE, FALSE);
    check_page(map, 1, 8);
    munmap(map, GUEST_PAGE_SIZE);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, &fresh), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(fresh.counter, >, ids[3].counter);
    close(fd);
    guest_expect_silence(guest);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 1);
    sequence[0] = send_frame(guest, &fresh, 0, 0);
    consumer_expect_frame(consumer, &fresh, sequence[0], NULL);
    g_assert_cmpint(consumer_release(consumer, &fresh, sequence[0]), ==, 0);
    expect_released(guest, &fresh, sequence[0], 0);
    close(consumer);
}

static void test_events_wait(void)
{
    GuestOptions options = { .ram_bytes = 1 * MIB, .event_num = 4 };
    g_autoptr(Guest) guest = guest_new(&options);
    struct vdmabuf_id ids[64];
    guint i, found = 0;

    /* Many more events than the queue has buffers, none of them taken by the driver */
    register_buffers(guest, ids, 64, 1);
    for (i = 0; i < 64; i++)
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < 64; i++) {
        struct virtio_vdmabuf_event event;

        g_assert_true(guest_next_event(guest, &event, GUEST_WAIT_MS));
        g_assert_cmpuint(event.type, ==, VIRTIO_VDMABUF_EVT_UNREGISTERED);
        for (guint j = 0; j < 64; j++)
            if (ids[j].counter == event.id.counter) {
                ids[j].counter = 0;
                found++;
            }
    }
    g_assert_cmpuint(found, ==, 64);
    guest_expect_silence(guest);
}

static void test_consumers_event(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int fds[3];
    guint i;

    guest_expect_silence(guest);
    for (i = 0; i < 3; i++) {
        fds[i] = consumer_open(guest, 0);
        guest_expect_silence(guest);
        g_assert_cmpuint(guest->consumers, ==, i + 1);
        g_assert_cmpuint(guest_status(guest).nr_consumers, ==, i + 1);
    }
    for (i = 3; i > 0; i--) {
        close(fds[i - 1]);
        guest_expect_silence(guest);
        g_assert_cmpuint(guest->consumers, ==, i - 1);
    }
    g_assert_cmpuint(guest->consumer_events, ==, 6);
}

/* What a consumer does not read is kept for it, but not without end */
static void test_unread_gone(void)
{
    struct vdmabuf_limits limits = { .max_buffers = 4, .max_entries = 4, .max_bytes = 1 * MIB,
                                     .max_consumers = 2 };
    GuestOptions options = { .ram_bytes = 1 * MIB, .limits = &limits };
    g_autoptr(Guest) guest = guest_new(&options);
    int consumer = consumer_open(guest, 0);
    int other = consumer_open(guest, 0);
    struct vdmabuf_id ids[16];
    guint i, unread;

    for (i = 0; i < G_N_ELEMENTS(ids); i++) {
        int fd;

        g_assert_cmpuint(guest_register_run(guest, 0, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
        fd = consumer_import(consumer, &ids[i], O_RDONLY, NULL);
        if (fd == -ENOBUFS)
            break;
        g_assert_cmpint(fd, >=, 0);
        close(fd);
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
        expect_unregistered(guest, &ids[i]);
    }
    /* More than there can be buffers, for one that reads now and then */
    g_assert_cmpuint(i, ==, 2 * limits.max_buffers + 1);
    g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
    g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
    unread = i;
    /* It is that consumer's own affair, and each one that it reads counts */
    close(import_asserted(other, &ids[unread], O_RDONLY));
    for (i = 0; i < unread; i++) {
        consumer_expect_gone(consumer, &ids[i]);
        close(import_asserted(consumer, &ids[unread], O_RDONLY));
    }
    consumer_expect_nothing(consumer);
    g_assert_cmpuint(guest_unregister(guest, &ids[unread]), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &ids[unread]);
    consumer_expect_gone(consumer, &ids[unread]);
    consumer_expect_gone(other, &ids[unread]);
    close(consumer);
    close(other);
}

/* --- State --- */

static void test_running(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_event event;
    struct virtio_vdmabuf_unregister request;
    struct vdmabuf_id ids[2];
    GuestReply reply;
    guint64 sequence;
    int fd;

    register_buffers(guest, ids, 2, 1);
    sequence = send_frame(guest, &ids[0], 0, 0);
    consumer_expect_frame(consumer, &ids[0], sequence, NULL);
    while (guest_next_event(guest, &event, 0))
        ;
    g_assert_cmpint(guest_set_running(guest, 0), ==, 0);
    consumer_expect_state(consumer, VDMABUF_VM_DRIVER);
    consumer_expect_nothing(consumer);
    /* Twice is not an error, and no change */
    g_assert_cmpint(guest_set_running(guest, 0), ==, 0);
    consumer_expect_nothing(consumer);
    /* Buffers stay, consumers go on; the guest hears of it later */
    fd = import_asserted(consumer, &ids[1], O_RDONLY);
    close(fd);
    g_assert_cmpint(consumer_release(consumer, &ids[0], sequence), ==, 0);
    guest_unregister_request(&request, &ids[1]);
    g_assert_true(guest_submit(guest, &request, sizeof request, NULL));
    guest_kick(guest);
    g_assert_false(guest_next_event(guest, &event, 0));
    g_assert_false(guest_reap(guest, &reply, 0));
    g_assert_cmpint(guest_set_running(guest, 1), ==, 0);
    consumer_expect_state(consumer, STATE_UP);
    g_assert_true(guest_reap(guest, &reply, GUEST_WAIT_MS));
    g_assert_cmpuint(reply.length, ==, sizeof reply.reply);
    g_assert_cmpuint(reply.reply.status, ==, VIRTIO_VDMABUF_S_OK);
    expect_released(guest, &ids[0], sequence, 0);
    expect_unregistered(guest, &ids[1]);
    consumer_expect_gone(consumer, &ids[1]);

    /* A reboot: rings are new, and only RESET makes the device forget */
    guest_restart(guest);
    consumer_expect_gone(consumer, &ids[0]);
    close(consumer);
    consumer = consumer_open(guest, 0);
    register_buffers(guest, ids, 1, 1);
    sequence = send_frame(guest, &ids[0], 0, 0);
    consumer_expect_frame(consumer, &ids[0], sequence, NULL);
    close(consumer);
    expect_released(guest, &ids[0], sequence, 0);
}

static void test_driver_state(void)
{
    GuestOptions options = { .ram_bytes = 1 * MIB, .no_driver = TRUE };
    g_autoptr(Guest) guest = guest_new(&options);
    struct vdmabuf_event event;
    int consumer = consumer_try_open(guest, 0);

    g_assert_cmpint(consumer, >=, 0);
    consumer_expect_state(consumer, 0);
    guest_post_events(guest);
    g_assert_cmpint(guest_set_running(guest, 1), ==, 0);
    consumer_expect_state(consumer, VDMABUF_VM_RUNNING);
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    consumer_expect_state(consumer, STATE_UP);
    g_assert_false(consumer_read(consumer, &event, 0));
    g_assert_cmpuint(guest_status(guest).state, ==, STATE_UP);
    close(consumer);
}

static void test_dead(void)
{
    Guest *guest = new_guest(1 * MIB);
    int known = consumer_open(guest, 0);
    int stranger = consumer_open(guest, 0);
    struct vdmabuf_status status;
    struct vdmabuf_id ids[3];
    guint64 sequence;
    guint8 *map;
    int fd;

    register_buffers(guest, ids, 3, 2);
    sequence = send_frame(guest, &ids[0], 0, 0);
    consumer_expect_frame(known, &ids[0], sequence, NULL);
    fd = import_asserted(known, &ids[1], O_RDONLY);
    map = dmabuf_map(fd, 2 * GUEST_PAGE_SIZE, FALSE);
    fill_page(guest->ram + 2 * GUEST_PAGE_SIZE, 2, 9);
    guest_free(guest);

    consumer_expect_gone(known, &ids[0]);
    consumer_expect_gone(known, &ids[1]);
    consumer_expect_dead(known);
    consumer_expect_end(known);
    consumer_expect_end(known);
    consumer_expect_dead(stranger);
    consumer_expect_end(stranger);
    check_page(map, 2, 9);
    g_assert_cmpint(consumer_import(known, &ids[1], O_RDONLY, NULL), ==, -ENODEV);
    g_assert_cmpint(consumer_import(stranger, &ids[2], O_RDONLY, NULL), ==, -ENODEV);
    g_assert_cmpint(consumer_release(known, &ids[0], sequence), ==, -ENOENT);
    status = consumer_status(known);
    g_assert_cmpuint(status.state & (VDMABUF_VM_DEAD | VDMABUF_VM_RUNNING), ==, VDMABUF_VM_DEAD);
    g_assert_cmpuint(status.nr_imports, ==, 1);
    close(known);
    close(stranger);
    check_page(map, 2, 9);
    munmap(map, GUEST_PAGE_SIZE);
    close(fd);
    munmap(map + GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
}

/* --- read, poll, QUERY, GET_STATUS --- */

static void test_read(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct vdmabuf_event events[8];
    struct vdmabuf_id ids[5];
    struct pollfd pfd = { .fd = consumer, .events = POLLIN | POLLOUT };
    gpointer nowhere;
    guint i;

    g_assert_cmpint(read(consumer, events, sizeof events[0]), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    register_buffers(guest, ids, 5, 1);
    for (i = 0; i < 5; i++)
        send_frame(guest, &ids[i], i, 0);
    g_assert_cmpint(poll(&pfd, 1, GUEST_WAIT_MS), ==, 1);
    g_assert_cmpint(pfd.revents, ==, POLLIN);
    /* Too small for one: nothing is lost by it */
    g_assert_cmpint(read(consumer, events, sizeof events[0] - 1), ==, -1);
    g_assert_cmpint(errno, ==, EINVAL);
    g_assert_cmpint(read(consumer, events, 0), <=, 0);
    /* As many whole ones as fit */
    g_assert_cmpint(read(consumer, events, 2 * sizeof events[0] + 100), ==, 2 * sizeof events[0]);
    g_assert_cmpuint(events[1].id.counter, ==, ids[1].counter);
    g_assert_cmpint(read(consumer, events, sizeof events), ==, 3 * sizeof events[0]);
    g_assert_cmpuint(events[0].id.counter, ==, ids[2].counter);
    g_assert_cmpuint(events[2].id.counter, ==, ids[4].counter);
    g_assert_cmpint(poll(&pfd, 1, 0), ==, 0);
    g_assert_cmpint(read(consumer, events, sizeof events[0] - 1), ==, -1);
    g_assert_cmpint(errno, ==, EINVAL);

    /* A pointer that cannot be written must not take a frame away */
    for (i = 0; i < 5; i++)
        g_assert_cmpint(consumer_release(consumer, &ids[i], i + 1), ==, 0);
    for (i = 0; i < 5; i++)
        expect_released(guest, &ids[i], i + 1, 0);
    send_frame(guest, &ids[0], 0, 0);
    nowhere = mmap(NULL, GUEST_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_cmpint(read(consumer, nowhere, sizeof events[0]), ==, -1);
    g_assert_cmpint(errno, ==, EFAULT);
    munmap(nowhere, GUEST_PAGE_SIZE);
    consumer_expect_frame(consumer, &ids[0], 6, NULL);
    close(consumer);
    expect_released(guest, &ids[0], 6, 0);
}

static void on_signal(int number G_GNUC_UNUSED)
{
}

typedef struct {
    int fd;
    gssize length;
    int error;
    struct vdmabuf_event event;
    volatile gint done;
} Reader;

static gpointer read_blocking(gpointer data)
{
    Reader *reader = data;

    reader->length = read(reader->fd, &reader->event, sizeof reader->event);
    reader->error = errno;
    g_atomic_int_set(&reader->done, 1);
    return NULL;
}

/* Whether a thread of this process sleeps in the kernel, which is when it can be woken */
static void wait_until_blocked(pthread_t thread G_GNUC_UNUSED)
{
    gint64 deadline = g_get_monotonic_time() + GUEST_WAIT_MS * 1000ll;

    while (g_get_monotonic_time() < deadline) {
        g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir)) != NULL) {
            g_autofree char *path = g_strdup_printf("/proc/self/task/%s/syscall", name);
            g_autofree char *text = NULL;

            /* read is system call 0 on x86-64; elsewhere the test is only less certain */
            if (atoi(name) != getpid() && g_file_get_contents(path, &text, NULL, NULL) &&
                g_str_has_prefix(text, "0 "))
                return;
        }
        g_thread_yield();
    }
}

static void test_blocking_read(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct sigaction action = { .sa_handler = on_signal };
    Reader reader = { .fd = consumer };
    struct vdmabuf_id id;
    pthread_t thread;

    g_assert_cmpint(sigaction(SIGUSR1, &action, NULL), ==, 0);
    g_assert_cmpint(fcntl(consumer, F_SETFL, 0), ==, 0);
    register_buffers(guest, &id, 1, 1);
    g_assert_cmpint(pthread_create(&thread, NULL, read_blocking, &reader), ==, 0);
    wait_until_blocked(thread);
    g_assert_cmpint(g_atomic_int_get(&reader.done), ==, 0);
    send_frame(guest, &id, 0, 0);
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    g_assert_cmpint(reader.length, ==, sizeof reader.event);
    g_assert_cmpuint(reader.event.type, ==, VDMABUF_EVENT_FRAME);

    reader.done = 0;
    g_assert_cmpint(pthread_create(&thread, NULL, read_blocking, &reader), ==, 0);
    while (!g_atomic_int_get(&reader.done)) {
        wait_until_blocked(thread);
        pthread_kill(thread, SIGUSR1);
        g_usleep(1000);
    }
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    g_assert_cmpint(reader.length, ==, -1);
    g_assert_cmpint(reader.error, ==, EINTR);

    /* The end of the VM wakes a reader, too */
    g_assert_cmpint(pthread_create(&thread, NULL, read_blocking, &reader), ==, 0);
    wait_until_blocked(thread);
    guest_close_vhost(guest);
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    g_assert_cmpint(reader.length, ==, sizeof reader.event);
    g_assert_cmpuint(reader.event.type, ==, VDMABUF_EVENT_GONE);
    close(consumer);
}

static void test_query(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    struct virtio_vdmabuf_frame_desc desc;
    struct vdmabuf_query query = { 0 };
    struct vdmabuf_id ids[5];
    guint64 sequence = 4711;
    guint i;

    g_assert_cmpint(consumer_query(consumer, &query), ==, -ENOENT);
    query.flags = VDMABUF_QUERY_NEXT;
    g_assert_cmpint(consumer_query(consumer, &query), ==, -ENOENT);
    register_buffers(guest, ids, 5, 3);
    g_assert_cmpuint(guest_unregister(guest, &ids[2]), ==, VIRTIO_VDMABUF_S_OK);
    expect_unregistered(guest, &ids[2]);
    for (i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        query.flags = VDMABUF_QUERY_NEXT;
        g_assert_cmpint(consumer_query(consumer, &query), ==, 0);
        g_assert_true(guest_id_equal(&query.id, &ids[i]));
        g_assert_cmpuint(query.size, ==, 3 * GUEST_PAGE_SIZE);
        g_assert_cmpuint(query.state, ==, VDMABUF_BUFFER_REGISTERED);
        g_assert_cmpuint(query.nr_entries, ==, 1);
        g_assert_cmpuint(query.nr_imports, ==, 0);
        g_assert_cmpuint(query.sequence, ==, 0);
    }
    g_assert_cmpint(consumer_query(consumer, &query), ==, -ENOENT);

    guest_desc_picture(&desc, 32, 24, 1);
    g_assert_cmpuint(guest_frame(guest, &ids[1], &desc, &sequence), ==, VIRTIO_VDMABUF_S_OK);
    memset(&query, 0, sizeof query);
    query.id = ids[1];
    g_assert_cmpint(consumer_query(consumer, &query), ==, 0);
    g_assert_cmpuint(query.state, ==, VDMABUF_BUFFER_REGISTERED | VDMABUF_BUFFER_OUTSTANDING);
    g_assert_cmpuint(query.sequence, ==, 4711);
    g_assert_cmpuint(query.frame.width, ==, 32);
    g_assert_cmpuint(query.frame.output, ==, 1);
    query.flags = 2;
    g_assert_cmpint(consumer_query(consumer, &query), ==, -EINVAL);
    query.flags = 0;
    query.id.random ^= 1;
    g_assert_cmpint(consumer_query(consumer, &query), ==, -ENOENT);
    close(consumer);
}

static void test_ids(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    g_autoptr(Guest) other = new_guest(1 * MIB);
    g_autoptr(GHashTable) randoms = g_hash_table_new(g_int64_hash, g_int64_equal);
    struct vdmabuf_id ids[200], foreign;
    int consumer = consumer_open(guest, 0);
    guint i;

    for (i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_assert_cmpuint(guest_register_run(guest, 0, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
        g_assert_cmpuint(ids[i].vmm_pid, ==, getpid());
        g_assert_cmpuint(ids[i].counter, >, i == 0 ? 0 : ids[i - 1].counter);
        g_assert_true(g_hash_table_add(randoms, &ids[i].random));
        g_assert_cmpuint(guest_unregister(guest, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
        expect_unregistered(guest, &ids[i]);
    }
    /* An id belongs to one VM */
    g_assert_cmpuint(guest_register_run(other, 0, 1, &foreign), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpint(consumer_import(consumer, &foreign, O_RDONLY, NULL), ==, -ENOENT);
    g_assert_cmpuint(guest_unregister(guest, &foreign), ==, VIRTIO_VDMABUF_S_NO_BUFFER);
    close(consumer);
}

/* --- Limits --- */

static void test_limits(void)
{
    struct vdmabuf_limits limits = {
        .max_buffers = 4,
        .max_entries = 8,
        .max_bytes = 40 * GUEST_PAGE_SIZE,
        .max_consumers = 2,
    };
    GuestOptions options = { .ram_bytes = 1 * MIB, .limits = &limits };
    g_autoptr(Guest) guest = guest_new(&options);
    g_autofree struct virtio_vdmabuf_entry *entries = guest_scatter(0, 9, NULL);
    struct vdmabuf_limits defaults, got = guest_limits(guest);
    struct vdmabuf_id ids[5];
    int one, two, fd, i;

    g_assert_cmpmem(&got, sizeof got, &limits, sizeof limits);
    got = guest_status(guest).limits;
    g_assert_cmpmem(&got, sizeof got, &limits, sizeof limits);

    one = consumer_open(guest, 0);
    two = consumer_open(guest, 0);
    g_assert_cmpint(consumer_try_open(guest, 0), ==, -EDQUOT);
    close(two);
    two = consumer_open(guest, 0);

    g_assert_cmpuint(guest_register(guest, entries, 9, 9 * GUEST_PAGE_SIZE, NULL), ==,
                     VIRTIO_VDMABUF_S_ENTRIES);
    g_assert_cmpuint(guest_register(guest, entries, 8, 8 * GUEST_PAGE_SIZE, &ids[0]), ==,
                     VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 33, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    g_assert_cmpuint(guest_register_run(guest, 0, 32, &ids[1]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);

    /* An imported buffer counts until the last dma-buf is closed */
    fd = import_asserted(one, &ids[1], O_RDONLY);
    g_assert_cmpuint(guest_unregister(guest, &ids[1]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    close(fd);
    expect_unregistered(guest, &ids[1]);
    for (i = 1; i < 4; i++)
        g_assert_cmpuint(guest_register_run(guest, 0, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    fd = import_asserted(one, &ids[2], O_RDONLY);
    g_assert_cmpuint(guest_unregister(guest, &ids[2]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    /* RESET does not make it free, either: the pages are still pinned */
    g_assert_cmpuint(guest_reset(guest), ==, VIRTIO_VDMABUF_S_OK);
    for (i = 0; i < 3; i++)
        g_assert_cmpuint(guest_register_run(guest, 0, 1, &ids[i]), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    close(fd);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, &ids[4]), ==, VIRTIO_VDMABUF_S_OK);

    /* Limits can sink below what is in use, and hold for what comes after */
    limits.max_buffers = 1;
    g_assert_cmpint(guest_set_limits(guest, &limits), ==, 0);
    g_assert_cmpuint(guest_register_run(guest, 0, 1, NULL), ==, VIRTIO_VDMABUF_S_LIMIT);
    g_assert_cmpuint(guest_status(guest).nr_buffers, ==, 4);

    /* Not above the module's */
    close(one);
    close(two);
    {
        GuestOptions plain = { .ram_bytes = 1 * MIB };
        g_autoptr(Guest) other = guest_new(&plain);

        defaults = guest_limits(other);
        got = defaults;
        got.flags = 0x80000000;
        g_assert_cmpint(guest_set_limits(other, &got), ==, -EINVAL);
        got = defaults;
        got.max_buffers = G_MAXUINT32;
        g_assert_cmpint(guest_set_limits(other, &got), ==, -EINVAL);
        got = defaults;
        got.max_entries = G_MAXUINT32;
        g_assert_cmpint(guest_set_limits(other, &got), ==, -EINVAL);
        got = defaults;
        got.max_bytes = G_MAXUINT64;
        g_assert_cmpint(guest_set_limits(other, &got), ==, -EINVAL);
        got = defaults;
        got.max_consumers = G_MAXUINT32;
        g_assert_cmpint(guest_set_limits(other, &got), ==, -EINVAL);
        got = guest_limits(other);
        g_assert_cmpmem(&got, sizeof got, &defaults, sizeof defaults);
    }
}

static guint64 locked_bytes(void)
{
    g_autofree char *text = NULL;
    const char *at;

    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    at = strstr(text, "VmLck:");
    g_assert_nonnull(at);
    return g_ascii_strtoull(at + 6, NULL, 10) * 1024;
}

static void memlock_child(void)
{
    GuestOptions options = { .ram_bytes = 4 * MIB };
    struct rlimit limit = { 1 * MIB, 1 * MIB };
    struct vdmabuf_id small, large;
    guint64 locked = locked_bytes();
    Guest *guest;
    int consumer, fd, again;

    options.vhost_fd = open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(options.vhost_fd, >, 0);
    g_assert_cmpint(setrlimit(RLIMIT_MEMLOCK, &limit), ==, 0);
    g_assert_cmpint(setresgid(NOBODY, NOBODY, NOBODY), ==, 0);
    g_assert_cmpint(setresuid(NOBODY, NOBODY, NOBODY), ==, 0);
    guest = guest_new(&options);
    consumer = consumer_open(guest, 0);
    g_assert_cmpuint(guest_register_run(guest, 0, 192, &small), ==, VIRTIO_VDMABUF_S_OK);
    g_assert_cmpuint(guest_register_run(guest, 0, 128, &large), ==, VIRTIO_VDMABUF_S_OK);
    fd = import_asserted(consumer, &small, O_RDONLY);
    g_assert_cmpuint(locked_bytes(), ==, locked + 192 * GUEST_PAGE_SIZE);
    again = import_asserted(consumer, &small, O_RDONLY);
    g_assert_cmpuint(locked_bytes(), ==, locked + 192 * GUEST_PAGE_SIZE);
    g_assert_cmpint(consumer_import(consumer, &large, O_RDONLY, NULL), ==, -ENOMEM);
    g_assert_cmpuint(locked_bytes(), ==, locked + 192 * GUEST_PAGE_SIZE);
    close(fd);
    g_assert_cmpint(consumer_import(consumer, &large, O_RDONLY, NULL), ==, -ENOMEM);
    close(again);
    g_assert_cmpuint(locked_bytes(), ==, locked);
    fd = import_asserted(consumer, &large, O_RDONLY);
    g_assert_cmpuint(locked_bytes(), ==, locked + 128 * GUEST_PAGE_SIZE);
    close(fd);
    g_assert_cmpuint(locked_bytes(), ==, locked);
    close(consumer);
    guest_free(guest);
}

static void test_memlock(void)
{
    pid_t pid = fork();
    int status;

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        memlock_child();
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

/* --- ioctls --- */

static void expect_errno(int fd, unsigned long request, gpointer argument, int expected)
{
    int ret = ioctl(fd, request, argument);

    if (ret != -1 || errno != expected)
        g_error("ioctl %#lx gave %d (%s), not %s", request, ret, g_strerror(errno),
                g_strerror(expected));
}

static void test_ioctls(void)
{
    g_autoptr(Guest) guest = new_guest(1 * MIB);
    int consumer = consumer_open(guest, 0);
    int bare = open(GUEST_DEVICE, O_RDWR | O_CLOEXEC);
    struct vdmabuf_consumer grant = { .pid = getpid(), .flags = 2 };
    struct vdmabuf_vm vm = { .pid = getpid(), .name = "again" };
    struct vdmabuf_id id;
    guint8 room[1024] = { 0 };
    int one = 1;

    /* Numbers and sizes that do not exist */
    expect_errno(consumer, _IOWR(VDMABUF_IOCTL_BASE, 0x1f, int), room, ENOTTY);
    expect_errno(consumer, _IOC(_IOC_READ | _IOC_WRITE, VDMABUF_IOCTL_BASE, 0x10, 8), room, ENOTTY);
    expect_errno(consumer, _IOC(_IOC_READ | _IOC_WRITE, VDMABUF_IOCTL_BASE, 0x10, 1024), room,
                 ENOTTY);
    expect_errno(consumer, _IOC(_IOC_NONE, VDMABUF_IOCTL_BASE, 0x10, 0), room, ENOTTY);
    expect_errno(consumer, VDMABUF_IOC_EXPORT, room, ENOTTY);
    expect_errno(consumer, VHOST_VDMABUF_GET_CONSUMER, room, ENOTTY);
    expect_errno(guest->vhost_fd, VDMABUF_IOC_IMPORT, room, ENOTTY);
    expect_errno(guest->vhost_fd, _IOW(VHOST_VIRTIO, 0x9f, int), room, ENOTTY);
    /* Pointers that lead nowhere */
    expect_errno(consumer, VDMABUF_IOC_IMPORT, NULL, EFAULT);
    expect_errno(consumer, VDMABUF_IOC_RELEASE, NULL, EFAULT);
    expect_errno(consumer, VDMABUF_IOC_QUERY, NULL, EFAULT);
    expect_errno(consumer, VDMABUF_IOC_GET_STATUS, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_RUNNING, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_VM, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_LIMITS, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_LIMITS, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, NULL, EFAULT);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_STATUS, NULL, EFAULT);

    expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &grant, EINVAL);
    expect_errno(bare, VHOST_VDMABUF_SET_RUNNING, &one, EPERM);
    vm.reserved = 1;
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm, EINVAL);
    vm.reserved = 0;
    vm.pid = G_MAXINT32;
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm, ESRCH);
    vm.pid = getpid();
    memset(vm.name, 'x', sizeof vm.name);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm, EINVAL);
    vm.name[sizeof vm.name - 1] = '\0';
    g_assert_cmpint(ioctl(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm), ==, 0);
    register_buffers(guest, &id, 1, 1);
    expect_errno(guest->vhost_fd, VHOST_VDMABUF_SET_VM, &vm, EBUSY);

    /* A ring that is nowhere */
    g_assert_cmpint(ioctl(bare, VHOST_SET_OWNER, NULL), ==, 0);
    expect_errno(bare, VHOST_VDMABUF_SET_RUNNING, &one, EFAULT);
    /* No more descriptors: nothing must be left behind */
    {
        struct rlimit limit, none;
        struct vdmabuf_import import = { .id = id };

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        none = limit;
        none.rlim_cur = 3;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        expect_errno(consumer, VDMABUF_IOC_IMPORT, &import, EMFILE);
        grant.flags = 0;
        expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &grant, EMFILE);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
        g_assert_cmpuint(guest_status(guest).bytes_pinned, ==, 0);
        g_assert_cmpuint(guest_status(guest).nr_consumers, ==, 1);
    }
    /* An answer that cannot be written: the same */
    {
        guint8 *page = mmap(NULL, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        guint fds = check_fds();

        g_assert_true(page != MAP_FAILED);
        ((struct vdmabuf_import *) page)->id = id;
        g_assert_cmpint(mprotect(page, GUEST_PAGE_SIZE, PROT_READ), ==, 0);
        expect_errno(consumer, VDMABUF_IOC_IMPORT, page, EFAULT);
        expect_errno(guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, page + 512, EFAULT);
        munmap(page, GUEST_PAGE_SIZE);
        g_assert_cmpuint(check_fds(), ==, fds);
        g_assert_cmpuint(guest_status(guest).nr_imports, ==, 0);
        g_assert_cmpuint(guest_status(guest).nr_consumers, ==, 1);
    }
    close(bare);
    close(consumer);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    check_prerequisites();

    check_add_test("/cycle/life", test_life);
    check_add_test("/cycle/frame/two-consumers", test_two_consumers);
    check_add_test("/cycle/frame/supersede", test_supersede);
    check_add_test("/cycle/frame/queued", test_queued);
    check_add_test("/cycle/frame/streams", test_streams);
    check_add_test("/cycle/frame/late-consumer", test_late_consumer);
    check_add_test("/cycle/frame/busy", test_busy);
    check_add_test("/cycle/frame/release", test_release);
    check_add_test("/cycle/buffer/import-twice", test_import_twice);
    check_add_test("/cycle/buffer/unregister", test_unregister);
    check_add_test("/cycle/buffer/reset", test_reset);
    check_add_test("/cycle/buffer/query", test_query);
    check_add_test("/cycle/buffer/ids", test_ids);
    check_add_test("/cycle/events/wait", test_events_wait);
    check_add_test("/cycle/events/consumers", test_consumers_event);
    check_add_test("/cycle/events/unread-gone", test_unread_gone);
    check_add_test("/cycle/state/running", test_running);
    check_add_test("/cycle/state/driver", test_driver_state);
    check_add_test("/cycle/state/dead", test_dead);
    check_add_test("/cycle/read/sizes", test_read);
    check_add_test("/cycle/read/blocking", test_blocking_read);
    check_add_test("/cycle/limits/device", test_limits);
    check_add_test("/cycle/limits/memlock", test_memlock);
    check_add_test("/cycle/ioctls", test_ioctls);
    add_pages_tests();
    return g_test_run();
}
