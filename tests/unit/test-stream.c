/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "stream.h"
#include "vdmabuf.h"

#define BUFFER_SIZE 4096

static const char *const parts[] = {"one ", "two ", "three"};

/* Chunk @number of the three */
static StreamChunk
make_chunk(guint number)
{
    StreamChunk chunk = {
        .id = {1, 2, 3},
        .number = number,
        .total = STREAM_TOTAL_UNKNOWN,
        .used = strlen(parts[number]),
    };
    gsize size = sizeof(chunk.sha256);

    for (guint i = 0; i < number; i++)
        chunk.offset += strlen(parts[i]);
    if (number + 1 == G_N_ELEMENTS(parts)) {
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

        for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
            g_checksum_update(checksum, (const guchar *) parts[i], -1);
        g_checksum_get_digest(checksum, chunk.sha256, &size);
        chunk.flags = STREAM_CHUNK_LAST;
        chunk.total = chunk.offset + chunk.used;
    }
    return chunk;
}

static StreamResult
take(StreamReader *reader, const StreamChunk *chunk, guint number, GError **error)
{
    return stream_reader_take(reader, chunk, (const guint8 *) parts[number], error);
}

static void
test_pack(void)
{
    g_autoptr(GError) error = NULL;
    struct vdmabuf_frame frame;
    StreamChunk chunk = make_chunk(2);
    StreamChunk back;

    stream_chunk_pack(&chunk, 5, &frame);
    g_assert_true(vdmabuf_frame_check(&frame, BUFFER_SIZE, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(frame.output, ==, 5);
    g_assert_cmpuint(frame.flags, ==, VDMABUF_FRAME_QUEUED);
    g_assert_cmpuint(frame.app_size, ==, 96);
    /* As it is documented: little-endian, in this order */
    g_assert_cmpmem(frame.app, 8, "VDMSTRM1", 8);
    g_assert_cmpmem(frame.app + 8, 4, "\1\2\3\0", 4);
    g_assert_cmpmem(frame.app + 24, 8, "\2\0\0\0\0\0\0\0", 8);
    g_assert_cmpmem(frame.app + 32, 8, "\10\0\0\0\0\0\0\0", 8);
    g_assert_cmpmem(frame.app + 40, 8, "\15\0\0\0\0\0\0\0", 8);
    g_assert_cmpmem(frame.app + 48, 8, "\5\0\0\0\0\0\0\0", 8);
    g_assert_cmpmem(frame.app + 56, 8, "\1\0\0\0\0\0\0\0", 8);
    g_assert_cmpmem(frame.app + 64, 32, chunk.sha256, 32);

    g_assert_true(stream_chunk_unpack(&back, &frame, BUFFER_SIZE, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(back.id, sizeof(back.id), chunk.id, sizeof(chunk.id));
    g_assert_cmpmem(back.sha256, sizeof(back.sha256), chunk.sha256, sizeof(chunk.sha256));
    g_assert_cmpuint(back.number, ==, 2);
    g_assert_cmpuint(back.offset, ==, 8);
    g_assert_cmpuint(back.total, ==, 13);
    g_assert_cmpuint(back.used, ==, 5);
    g_assert_cmpuint(back.flags, ==, STREAM_CHUNK_LAST);
}

static void
check_unpack_refused(const struct vdmabuf_frame *frame, guint64 size, const char *words)
{
    g_autoptr(GError) error = NULL;
    StreamChunk chunk;

    g_assert_false(stream_chunk_unpack(&chunk, frame, size, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_unpack_refused(void)
{
    const struct vdmabuf_frame nothing = {0};
    struct vdmabuf_frame good, frame;
    StreamChunk chunk = make_chunk(0);

    stream_chunk_pack(&chunk, 0, &good);
    g_assert_true(stream_chunk_is_in(&good));
    g_assert_false(stream_chunk_is_in(&nothing));

    frame = good;
    frame.app[0] = 'v';
    g_assert_false(stream_chunk_is_in(&frame));
    check_unpack_refused(&frame, BUFFER_SIZE, "no chunk");
    frame = good;
    frame.app_size = 95;
    check_unpack_refused(&frame, BUFFER_SIZE, "no chunk");
    frame = good;
    frame.app_size = 4;
    g_assert_false(stream_chunk_is_in(&frame));
    frame = good;
    frame.fourcc = 1;
    g_assert_false(stream_chunk_is_in(&frame));
    frame = good;
    frame.app[56] = 2;
    check_unpack_refused(&frame, BUFFER_SIZE, "flags");
    frame = good;
    frame.app[60] = 1;
    check_unpack_refused(&frame, BUFFER_SIZE, "flags");
    check_unpack_refused(&good, 3, "4 bytes of a buffer of 3");
    frame = good;
    memset(frame.app + 48, 0xff, 8);
    check_unpack_refused(&frame, BUFFER_SIZE, "claims");
}

static void
test_read(void)
{
    g_autoptr(StreamReader) reader = stream_reader_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "one two three", -1);

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        StreamChunk chunk = make_chunk(i);
        StreamResult result;

        g_assert_null(stream_reader_get_sha256(reader));
        result = take(reader, &chunk, i, &error);
        g_assert_no_error(error);
        g_assert_cmpint(result, ==, i == 2 ? STREAM_DONE : STREAM_DATA);
    }
    g_assert_cmpuint(stream_reader_get_length(reader), ==, 13);
    g_assert_cmpuint(stream_reader_get_chunks(reader), ==, 3);
    g_assert_cmpstr(stream_reader_get_sha256(reader), ==, sha256);
}

/* Nothing at all is a stream, too. */
static void
test_read_empty(void)
{
    g_autoptr(StreamReader) reader = stream_reader_new();
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GError) error = NULL;
    StreamChunk chunk = {.flags = STREAM_CHUNK_LAST};
    gsize size = sizeof(chunk.sha256);

    g_checksum_get_digest(checksum, chunk.sha256, &size);
    g_assert_cmpint(stream_reader_take(reader, &chunk, (const guint8 *) "", &error), ==,
                    STREAM_DONE);
    g_assert_no_error(error);
    g_assert_cmpstr(stream_reader_get_sha256(reader), ==,
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
test_read_others(void)
{
    g_autoptr(StreamReader) reader = stream_reader_new();
    g_autoptr(GError) error = NULL;
    StreamChunk late = make_chunk(1);
    StreamChunk other = make_chunk(0);
    StreamChunk chunk;

    /* The beginning of this one was missed */
    g_assert_cmpint(take(reader, &late, 1, &error), ==, STREAM_IGNORED);
    g_assert_false(stream_reader_has_begun(reader));

    chunk = make_chunk(0);
    g_assert_cmpint(take(reader, &chunk, 0, &error), ==, STREAM_DATA);
    g_assert_true(stream_reader_has_begun(reader));
    other.id[15] = 1;
    g_assert_cmpint(take(reader, &other, 0, &error), ==, STREAM_IGNORED);

    chunk = make_chunk(1);
    g_assert_cmpint(take(reader, &chunk, 1, &error), ==, STREAM_DATA);
    chunk = make_chunk(2);
    g_assert_cmpint(take(reader, &chunk, 2, &error), ==, STREAM_DONE);
    g_assert_no_error(error);
}

/* The first chunk is right, and the one that follows, chunk @number changed, is not. */
static void
check_read_failed(const StreamChunk *chunk, guint number, const char *words)
{
    g_autoptr(StreamReader) reader = stream_reader_new();
    g_autoptr(GError) error = NULL;
    StreamChunk first = make_chunk(0), second = make_chunk(1);

    g_assert_cmpint(take(reader, &first, 0, &error), ==, STREAM_DATA);
    if (number == 2)
        g_assert_cmpint(take(reader, &second, 1, &error), ==, STREAM_DATA);
    g_assert_cmpint(take(reader, chunk, number, &error), ==, STREAM_FAILED);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_read_failed(void)
{
    StreamChunk chunk = make_chunk(1);

    chunk.number = 2;
    check_read_failed(&chunk, 1, "missing");
    chunk = make_chunk(1);
    chunk.offset++;
    check_read_failed(&chunk, 1, "missing");
    chunk = make_chunk(0);
    check_read_failed(&chunk, 0, "missing");
    chunk = make_chunk(1);
    chunk.used = G_MAXUINT64;
    check_read_failed(&chunk, 1, "counted");
    chunk = make_chunk(2);
    chunk.total--;
    check_read_failed(&chunk, 2, "its sender counted");
    chunk = make_chunk(2);
    chunk.sha256[31] ^= 1;
    check_read_failed(&chunk, 2, "checksum");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/pack", test_pack);
    g_test_add_func("/stream/unpack-refused", test_unpack_refused);
    g_test_add_func("/stream/read", test_read);
    g_test_add_func("/stream/read-empty", test_read_empty);
    g_test_add_func("/stream/read-others", test_read_others);
    g_test_add_func("/stream/read-failed", test_read_failed);
    return g_test_run();
}
