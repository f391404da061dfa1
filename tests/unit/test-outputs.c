/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VdmabufStream and its outputs: mailbox, imports, damage, cursors, and how they end. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-consumer.h"

#define XR24 0x34325258u
#define AR24 0x34325241u
#define WAIT_SECONDS 30

typedef struct {
    FakeConsumer consumer;
    VdmabufStream *stream;
    GString *log; /* of signals, a letter each */
} Fixture;

static gboolean
on_timeout(gpointer data)
{
    *(gboolean *) data = TRUE;
    return G_SOURCE_CONTINUE;
}

/* Runs the main loop until @condition holds. */
#define wait_until(condition)                                                                      \
    G_STMT_START                                                                                   \
    {                                                                                              \
        gboolean late = FALSE;                                                                     \
        guint timer = g_timeout_add_seconds(WAIT_SECONDS, on_timeout, &late);                      \
                                                                                                   \
        while (!(condition) && !late)                                                              \
            g_main_context_iteration(NULL, TRUE);                                                  \
        g_source_remove(timer);                                                                    \
        if (late)                                                                                  \
            g_error("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition);              \
    }                                                                                              \
    G_STMT_END

/* Until everything that was sent has been seen, and imports that have begun have ended */
static void
settle(Fixture *self)
{
    gboolean done;

    do {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_mutex_lock(&self->consumer.mutex);
        done = self->consumer.holding == 0 || self->consumer.hold_imports;
        g_mutex_unlock(&self->consumer.mutex);
        if (!done)
            g_thread_yield();
    } while (!done || g_main_context_pending(NULL));
}

static void
on_frame(G_GNUC_UNUSED VdmabufOutput *output, gpointer data)
{
    g_string_append(((Fixture *) data)->log, "f");
}

static void
on_size_changed(G_GNUC_UNUSED VdmabufOutput *output, gpointer data)
{
    g_string_append(((Fixture *) data)->log, "s");
}

static void
on_cursor_changed(G_GNUC_UNUSED VdmabufOutput *output, gpointer data)
{
    g_string_append(((Fixture *) data)->log, "c");
}

static void
on_gone(G_GNUC_UNUSED VdmabufOutput *output, gpointer data)
{
    g_string_append(((Fixture *) data)->log, "g");
}

static void
on_buffer_gone(G_GNUC_UNUSED VdmabufOutput *output, G_GNUC_UNUSED VdmabufBuffer *buffer,
               gpointer data)
{
    g_string_append(((Fixture *) data)->log, "b");
}

static void
on_output_added(G_GNUC_UNUSED VdmabufStream *stream, VdmabufOutput *output, gpointer data)
{
    g_string_append(((Fixture *) data)->log, "a");
    g_signal_connect(output, "frame", G_CALLBACK(on_frame), data);
    g_signal_connect(output, "size-changed", G_CALLBACK(on_size_changed), data);
    g_signal_connect(output, "cursor-changed", G_CALLBACK(on_cursor_changed), data);
    g_signal_connect(output, "gone", G_CALLBACK(on_gone), data);
    g_signal_connect(output, "buffer-gone", G_CALLBACK(on_buffer_gone), data);
}

static void
fixture_set_up(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    fake_consumer_init(&self->consumer);
    self->log = g_string_new(NULL);
    self->stream = vdmabuf_stream_new_for_fd(fake_consumer_take_fd(&self->consumer));
    g_signal_connect(self->stream, "output-added", G_CALLBACK(on_output_added), self);
    vdmabuf_stream_start(self->stream);
    fake_consumer_state(&self->consumer, VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER);
}

static void
fixture_tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    fake_consumer_set_holding(&self->consumer, FALSE);
    settle(self);
    /* Imports that have not begun yet keep it, and need the consumer. */
    g_object_add_weak_pointer(G_OBJECT(self->stream), (gpointer *) &self->stream);
    g_object_unref(self->stream);
    wait_until(self->stream == NULL);
    g_assert_cmpuint(self->consumer.bad_releases, ==, 0);
    g_string_free(self->log, TRUE);
    fake_consumer_clear(&self->consumer);
}

static void
expect_log(Fixture *self, const char *expected)
{
    g_assert_cmpstr(self->log->str, ==, expected);
    g_string_truncate(self->log, 0);
}

static guint64
send_picture(Fixture *self, guint buffer, guint32 width, guint32 height)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, XR24, width, height, width * 4);
    return fake_consumer_frame(&self->consumer, buffer, &frame);
}

static guint64
send_damage(Fixture *self, guint buffer, struct vdmabuf_rect damage)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, XR24, 64, 48, 256);
    frame.damage = damage;
    return fake_consumer_frame(&self->consumer, buffer, &frame);
}

/* The first picture of output 0; its buffer is @buffer. */
static VdmabufOutput *
begin(Fixture *self, guint buffer)
{
    VdmabufOutput *output;

    send_picture(self, buffer, 64, 48);
    wait_until((output = vdmabuf_stream_get_output(self->stream, 0)) != NULL &&
               vdmabuf_output_peek_picture(output) != NULL);
    g_string_truncate(self->log, 0);
    return output;
}

static guint
count_descriptors(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

/* --- Pictures --- */

static void
test_first(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    guint64 sequence = send_picture(self, 1, 64, 48);
    VdmabufOutput *output;
    VdmabufPicture *picture;
    guint32 width, height;
    VdmabufMap *map;

    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_STREAMING);
    settle(self);
    expect_log(self, "asf");
    output = vdmabuf_stream_get_output(self->stream, 0);
    g_assert_nonnull(output);
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_SHOWING);
    vdmabuf_output_get_size(output, &width, &height);
    g_assert_cmpuint(width, ==, 64);
    g_assert_cmpuint(height, ==, 48);

    picture = vdmabuf_output_take_picture(output);
    g_assert_nonnull(picture);
    g_assert_null(vdmabuf_output_take_picture(output));
    g_assert_cmpuint(vdmabuf_picture_get_sequence(picture), ==, sequence);
    map = vdmabuf_buffer_get_map(vdmabuf_picture_get_buffer(picture), NULL);
    g_assert_cmpuint(((guint8 *) vdmabuf_map_get_data(map))[77], ==, 77);
    g_assert_true(fake_consumer_is_held(&self->consumer, sequence));
    vdmabuf_picture_unref(vdmabuf_picture_ref(picture));
    g_assert_true(fake_consumer_is_held(&self->consumer, sequence));
    vdmabuf_picture_unref(picture);
    g_assert_false(fake_consumer_is_held(&self->consumer, sequence));
}

static void
test_mailbox(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    g_autoptr(VdmabufPicture) shown = vdmabuf_output_take_picture(output);
    VdmabufOutputStats stats;
    guint64 newest;

    for (guint i = 0; i < 10; i++) {
        newest = send_picture(self, 2 + i % 3, 64, 48);
        settle(self);
        /* What is shown and the newest, never more */
        wait_until(fake_consumer_count_held(&self->consumer) == 2 &&
                   vdmabuf_output_peek_picture(output) != NULL &&
                   vdmabuf_picture_get_sequence(vdmabuf_output_peek_picture(output)) == newest);
    }
    /* Each buffer was imported once */
    g_assert_cmpuint(fake_consumer_count_imports(&self->consumer), ==, 4);
    g_clear_pointer(&shown, vdmabuf_picture_unref);
    shown = vdmabuf_output_take_picture(output);
    g_assert_cmpuint(vdmabuf_picture_get_sequence(shown), ==, newest);
    vdmabuf_output_get_stats(output, &stats);
    g_assert_cmpuint(stats.frames, ==, 11);
    g_assert_cmpuint(stats.skipped, ==, 9);
    g_assert_cmpuint(stats.taken, ==, 2);
    g_clear_pointer(&shown, vdmabuf_picture_unref);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 0);
}

static void
test_slow_import(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    guint64 first, last = 0;

    fake_consumer_set_holding(&self->consumer, TRUE);
    first = send_picture(self, 2, 64, 48);
    settle(self);
    for (guint i = 0; i < 5; i++) {
        last = send_picture(self, 3 + i, 64, 48);
        settle(self);
    }
    /* In the mailbox, being imported, and behind that */
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 3);
    g_assert_true(fake_consumer_is_held(&self->consumer, first));
    g_assert_true(fake_consumer_is_held(&self->consumer, last));
    /* Each one that is left out is not imported. */
    fake_consumer_set_holding(&self->consumer, FALSE);
    wait_until(vdmabuf_picture_get_sequence(vdmabuf_output_peek_picture(output)) == last);
    g_assert_cmpuint(fake_consumer_count_imports(&self->consumer), ==, 3);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 1);
}

static void
test_import_fails(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output;

    self->consumer.import_errno = ENOMEM;
    send_picture(self, 1, 64, 48);
    wait_until((output = vdmabuf_stream_get_output(self->stream, 0)) != NULL);
    wait_until(vdmabuf_output_get_problem(output) != NULL);
    g_assert_nonnull(strstr(vdmabuf_output_get_problem(output), "LimitMEMLOCK"));
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_WAITING);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 0);

    /* The guest has taken it back meanwhile: that is no problem. */
    self->consumer.import_errno = 0;
    send_picture(self, 2, 64, 48);
    wait_until(vdmabuf_output_peek_picture(output) != NULL);
    g_assert_null(vdmabuf_output_get_problem(output));
    self->consumer.import_errno = ENOENT;
    send_picture(self, 3, 64, 48);
    wait_until(fake_consumer_count_held(&self->consumer) == 1);
    g_assert_null(vdmabuf_output_get_problem(output));
}

static void
test_size(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    guint32 width, height;

    send_picture(self, 2, 64, 48);
    send_picture(self, 3, 32, 16);
    wait_until(self->log->len >= 3);
    expect_log(self, "fsf");
    vdmabuf_output_get_size(output, &width, &height);
    g_assert_cmpuint(width, ==, 32);
    g_assert_cmpuint(height, ==, 16);
}

static void
expect_damage(VdmabufOutput *output, guint32 x, guint32 y, guint32 width, guint32 height)
{
    g_autoptr(VdmabufPicture) picture = vdmabuf_output_take_picture(output);
    struct vdmabuf_rect damage;

    g_assert_nonnull(picture);
    vdmabuf_picture_get_damage(picture, &damage);
    g_assert_cmpuint(damage.x, ==, x);
    g_assert_cmpuint(damage.y, ==, y);
    g_assert_cmpuint(damage.width, ==, width);
    g_assert_cmpuint(damage.height, ==, height);
}

static void
test_damage(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);

    expect_damage(output, 0, 0, 64, 48);
    send_damage(self, 1, (struct vdmabuf_rect) {1, 2, 3, 4});
    settle(self);
    expect_damage(output, 1, 2, 3, 4);

    /* One is left out, and one is imported while another waits behind it. */
    send_damage(self, 1, (struct vdmabuf_rect) {10, 10, 5, 5});
    settle(self);
    fake_consumer_set_holding(&self->consumer, TRUE);
    send_damage(self, 2, (struct vdmabuf_rect) {20, 4, 2, 2});
    settle(self);
    expect_damage(output, 10, 10, 5, 5);
    send_damage(self, 3, (struct vdmabuf_rect) {30, 30, 1, 1});
    send_damage(self, 4, (struct vdmabuf_rect) {8, 40, 1, 1});
    settle(self);
    fake_consumer_set_holding(&self->consumer, FALSE);
    wait_until(vdmabuf_output_peek_picture(output) != NULL &&
               vdmabuf_picture_get_sequence(vdmabuf_output_peek_picture(output)) ==
                   self->consumer.sequence);
    expect_damage(output, 8, 4, 23, 37);

    /* All of it: none was said, or a frame was lost before it was read. */
    send_damage(self, 1, (struct vdmabuf_rect) {0});
    settle(self);
    expect_damage(output, 0, 0, 64, 48);
    self->consumer.superseded = 3;
    send_damage(self, 2, (struct vdmabuf_rect) {1, 1, 1, 1});
    settle(self);
    expect_damage(output, 0, 0, 64, 48);
    send_damage(self, 4, (struct vdmabuf_rect) {1, 1, 1, 1});
    settle(self);
    expect_damage(output, 1, 1, 1, 1);
}

/* --- What is no picture --- */

static void
test_hidden(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    struct vdmabuf_frame frame = {.flags = VDMABUF_FRAME_HIDDEN};

    fake_consumer_frame(&self->consumer, 2, &frame);
    wait_until(vdmabuf_output_get_state(output) == VDMABUF_OUTPUT_HIDDEN);
    settle(self);
    expect_log(self, "g");
    g_assert_null(vdmabuf_output_peek_picture(output));
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 0);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STREAMING);
    send_picture(self, 1, 64, 48);
    wait_until(vdmabuf_output_get_state(output) == VDMABUF_OUTPUT_SHOWING);
}

static void
test_others(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    struct vdmabuf_frame frame = {.app_size = 4};
    guint i;

    /* Data without a picture, and a frame that breaks the rules */
    fake_consumer_frame(&self->consumer, 1, &frame);
    vdmabuf_frame_init(&frame, XR24, 64, 4800, 256);
    fake_consumer_frame(&self->consumer, 2, &frame);
    settle(self);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 0);
    expect_log(self, "");

    /* A guest with too many outputs */
    vdmabuf_frame_init(&frame, XR24, 64, 48, 256);
    for (i = 0; i < VDMABUF_STREAM_MAX_OUTPUTS + 3; i++) {
        frame.output = 1000 - i;
        fake_consumer_frame(&self->consumer, 10 + i, &frame);
    }
    wait_until(vdmabuf_stream_get_outputs(self->stream)->len == VDMABUF_STREAM_MAX_OUTPUTS);
    settle(self);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, VDMABUF_STREAM_MAX_OUTPUTS);
    /* In order */
    for (i = 0; i < VDMABUF_STREAM_MAX_OUTPUTS; i++)
        g_assert_cmpuint(vdmabuf_output_get_number(
                             g_ptr_array_index(vdmabuf_stream_get_outputs(self->stream), i)),
                         ==, 1001 - VDMABUF_STREAM_MAX_OUTPUTS + i);
    g_assert_null(vdmabuf_stream_get_output(self->stream, 2));
}

static guint64
send_cursor(Fixture *self, guint buffer, guint32 size, gint32 x, guint32 flags)
{
    struct vdmabuf_frame frame;

    vdmabuf_frame_init(&frame, AR24, size, size, size * 4);
    frame.flags = VDMABUF_FRAME_CURSOR | flags;
    frame.x = x;
    frame.y = -2;
    frame.hot_x = 3;
    frame.hot_y = 4;
    return fake_consumer_frame(&self->consumer, buffer, &frame);
}

static void
test_cursor(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    const VdmabufCursor *cursor = vdmabuf_output_get_cursor(output);
    const guint8 *pixels;
    guint64 serial;

    g_assert_false(cursor->visible);
    send_cursor(self, 2, 16, 100, 0);
    wait_until(cursor->visible);
    expect_log(self, "c");
    /* It is copied: the guest has it back. */
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 1);
    g_assert_cmpint(cursor->x, ==, 100);
    g_assert_cmpint(cursor->y, ==, -2);
    g_assert_cmpint(cursor->hot_x, ==, 3);
    g_assert_cmpint(cursor->hot_y, ==, 4);
    g_assert_cmpuint(g_bytes_get_size(cursor->pixels), ==, 16 * 16 * 4);
    pixels = g_bytes_get_data(cursor->pixels, NULL);
    g_assert_cmpmem(pixels + 64, 4, ((guint8[]) {64, 65, 66, 67}), 4);

    /* It moves: the same pixels. */
    serial = cursor->serial;
    send_cursor(self, 2, 16, 101, 0);
    wait_until(cursor->x == 101);
    g_assert_cmpuint(cursor->serial, ==, serial);
    /* The bottom row first */
    send_cursor(self, 2, 16, 102, VDMABUF_FRAME_Y_INVERTED);
    wait_until(cursor->x == 102);
    g_assert_cmpuint(cursor->serial, !=, serial);
    pixels = g_bytes_get_data(cursor->pixels, NULL);
    g_assert_cmpmem(pixels + 14 * 64, 4, ((guint8[]) {64, 65, 66, 67}), 4);

    send_cursor(self, 2, 16, 0, VDMABUF_FRAME_HIDDEN);
    wait_until(!cursor->visible);
    send_cursor(self, 2, 16, 5, 0);
    wait_until(cursor->visible);
    /* Its buffer goes: so does it. */
    fake_consumer_gone(&self->consumer, 2);
    wait_until(!cursor->visible);
    /* The picture stays through all of this. */
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_SHOWING);
}

static void
test_cursor_refused(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    struct vdmabuf_frame frame;

    /* Rows that end behind the buffer: only a consumer can know that. */
    vdmabuf_frame_init(&frame, AR24, 100, 64, 4096);
    frame.flags = VDMABUF_FRAME_CURSOR;
    frame.planes[0].offset = 4096 - 8;
    g_test_expect_message("libvdmabuf", G_LOG_LEVEL_MESSAGE, "*rows do not fit*");
    fake_consumer_frame(&self->consumer, 2, &frame);
    wait_until(self->log->len > 0);
    g_test_assert_expected_messages();
    /* Said once; and a cursor is no problem of the picture's. */
    vdmabuf_frame_init(&frame, AR24, 60000, 1, 240000);
    frame.flags = VDMABUF_FRAME_CURSOR;
    fake_consumer_frame(&self->consumer, 2, &frame);
    settle(self);
    g_assert_false(vdmabuf_output_get_cursor(output)->visible);
    g_assert_null(vdmabuf_output_get_problem(output));
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 1);
}

/* --- Ends --- */

static void
test_gone(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    g_autoptr(VdmabufPicture) shown = vdmabuf_output_take_picture(output);

    /* Another buffer's end is of no interest to the picture. */
    send_picture(self, 2, 64, 48);
    wait_until(self->log->len == 1);
    vdmabuf_picture_unref(shown);
    shown = vdmabuf_output_take_picture(output);
    fake_consumer_gone(&self->consumer, 1);
    settle(self);
    expect_log(self, "fb");

    /* A mode change: the next picture comes in time. */
    fake_consumer_gone(&self->consumer, 2);
    settle(self);
    expect_log(self, "b");
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_SHOWING);
    send_picture(self, 3, 80, 20);
    wait_until(self->log->len == 2);
    expect_log(self, "sf");
    g_clear_pointer(&shown, vdmabuf_picture_unref);
    shown = vdmabuf_output_take_picture(output);

    /* The producer's end: none comes. */
    fake_consumer_gone(&self->consumer, 3);
    wait_until(vdmabuf_output_get_state(output) == VDMABUF_OUTPUT_WAITING);
    expect_log(self, "bg");
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_NO_PRODUCER);
    /* Frames of buffers that are gone have ended with them. */
    self->consumer.bad_releases = 0;
    g_array_set_size(self->consumer.held, 0);
    g_clear_pointer(&shown, vdmabuf_picture_unref);
    self->consumer.bad_releases = 0;

    send_picture(self, 4, 80, 20);
    wait_until(vdmabuf_output_get_state(output) == VDMABUF_OUTPUT_SHOWING);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STREAMING);
}

static void
test_gone_while_importing(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    guint64 sequence;

    fake_consumer_set_holding(&self->consumer, TRUE);
    send_picture(self, 2, 64, 48);
    settle(self);
    fake_consumer_gone(&self->consumer, 2);
    settle(self);
    sequence = send_picture(self, 3, 64, 48);
    settle(self);
    fake_consumer_set_holding(&self->consumer, FALSE);
    wait_until(vdmabuf_picture_get_sequence(vdmabuf_output_peek_picture(output)) == sequence);
    settle(self);
    /* What was imported of buffer 2 was closed, not kept. */
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 1);
}

static void
test_states(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output;
    struct vdmabuf_status status;

    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_PRODUCER);
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), "vdmabuf-scanout"));
    g_assert_true(vdmabuf_stream_get_status(self->stream, &status));
    g_assert_cmpstr(status.vm.name, ==, "fake");
    fake_consumer_state(&self->consumer, VDMABUF_VM_RUNNING);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_DRIVER);
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), "virtio_vdmabuf"));
    fake_consumer_state(&self->consumer, VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_PRODUCER);
    fake_consumer_state(&self->consumer, VDMABUF_VM_DRIVER);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_DRIVER);
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), "paused"));
    fake_consumer_state(&self->consumer, VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER);

    output = begin(self, 1);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STREAMING);
    fake_consumer_state(&self->consumer, VDMABUF_VM_DEAD);
    fake_consumer_end(&self->consumer);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_DEAD);
    expect_log(self, "gb");
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_WAITING);
    g_assert_false(vdmabuf_stream_get_status(self->stream, &status));
}

static void
test_stop(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    g_autoptr(VdmabufPicture) picture = vdmabuf_output_take_picture(output);
    char byte;

    fake_consumer_set_holding(&self->consumer, TRUE);
    send_picture(self, 2, 64, 48);
    settle(self);
    vdmabuf_stream_stop(self->stream);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STOPPED);
    expect_log(self, "gb");
    /* An import is under way: only its end closes the connection, */
    g_assert_cmpint(recv(self->consumer.events, &byte, 1, MSG_DONTWAIT), ==, -1);
    fake_consumer_set_holding(&self->consumer, FALSE);
    wait_until(recv(self->consumer.events, &byte, 1, MSG_DONTWAIT) == 0);
    /* and the picture that is still held is just forgotten. */
    self->consumer.bad_releases = 0;
    g_clear_pointer(&picture, vdmabuf_picture_unref);
    g_assert_cmpuint(self->consumer.bad_releases, ==, 0);
}

static void
stop_stream(G_GNUC_UNUSED VdmabufOutput *output, gpointer data)
{
    vdmabuf_stream_stop(data);
}

static void
test_stop_in_handler(Fixture *self, gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);

    g_signal_connect(output, data, G_CALLBACK(stop_stream), self->stream);
    send_picture(self, 2, 32, 32);
    send_picture(self, 3, 33, 33);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_STOPPED);
    settle(self);
    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_WAITING);
    g_assert_null(vdmabuf_output_peek_picture(output));
}

static void
take_at_once(G_GNUC_UNUSED VdmabufStream *stream, VdmabufOutput *output, gpointer data)
{
    VdmabufPicture **picture = data;

    g_assert_cmpint(vdmabuf_output_get_state(output), ==, VDMABUF_OUTPUT_SHOWING);
    *picture = vdmabuf_output_take_picture(output);
}

/* A program may take the first picture when it hears of the output. */
static void
test_take_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(VdmabufPicture) picture = NULL;

    g_signal_connect(self->stream, "output-added", G_CALLBACK(take_at_once), &picture);
    send_picture(self, 1, 64, 48);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_STREAMING);
    settle(self);
    expect_log(self, "as");
    g_assert_nonnull(picture);
    fake_consumer_gone(&self->consumer, 1);
    wait_until(vdmabuf_stream_get_state(self->stream) == VDMABUF_STREAM_NO_PRODUCER);
    expect_log(self, "bg");
    self->consumer.bad_releases = 0;
    g_array_set_size(self->consumer.held, 0);
    g_clear_pointer(&picture, vdmabuf_picture_unref);
    self->consumer.bad_releases = 0;
}

/* A guest that uses each buffer once, and one that uses three for ever */
static void
test_descriptors(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    VdmabufOutput *output = begin(self, 1);
    guint before = count_descriptors();
    guint most = 0;

    for (guint i = 0; i < 500; i++) {
        g_autoptr(VdmabufPicture) picture = NULL;
        guint64 sequence = send_picture(self, 2 + i, 64, 48);

        wait_until(vdmabuf_picture_get_sequence(vdmabuf_output_peek_picture(output)) == sequence);
        picture = vdmabuf_output_take_picture(output);
        vdmabuf_buffer_get_map(vdmabuf_picture_get_buffer(picture), NULL);
        most = MAX(most, count_descriptors());
        /* So that peeking has something to look at */
        g_clear_pointer(&picture, vdmabuf_picture_unref);
        sequence = send_picture(self, 1, 64, 48);
        wait_until(vdmabuf_output_peek_picture(output) != NULL);
    }
    g_assert_cmpuint(most, <=, before + 2 * 64 + 4);
    g_assert_cmpuint(fake_consumer_count_held(&self->consumer), ==, 1);

    before = count_descriptors();
    for (guint i = 0; i < 3000; i++) {
        send_picture(self, 490 + i % 3, 64, 48);
        if (i % 4 == 0)
            settle(self);
    }
    settle(self);
    g_assert_cmpuint(count_descriptors(), ==, before);
}

#define add(path, data, function)                                                                  \
    g_test_add("/outputs/" path, Fixture, data, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add("first", NULL, test_first);
    add("mailbox", NULL, test_mailbox);
    add("slow-import", NULL, test_slow_import);
    add("import-fails", NULL, test_import_fails);
    add("size", NULL, test_size);
    add("damage", NULL, test_damage);
    add("hidden", NULL, test_hidden);
    add("others", NULL, test_others);
    add("cursor", NULL, test_cursor);
    add("cursor-refused", NULL, test_cursor_refused);
    add("gone", NULL, test_gone);
    add("gone-while-importing", NULL, test_gone_while_importing);
    add("states", NULL, test_states);
    add("stop", NULL, test_stop);
    add("take-at-once", NULL, test_take_at_once);
    add("stop-in-frame", "frame", test_stop_in_handler);
    add("stop-in-size", "size-changed", test_stop_in_handler);
    add("descriptors", NULL, test_descriptors);
    return g_test_run();
}
