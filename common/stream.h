/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data of any length as a row of buffers: what vdmabuf-send writes into the application's
 * bytes of each frame, and how vdmabuf-recv puts the data together again.
 *
 * In the 96 bytes, all numbers little-endian: "VDMSTRM1", the stream's id (16 bytes), number
 * of the chunk, its offset in the stream, length of the whole stream (all ones while that is
 * not known), bytes used of the buffer (64 bits each), flags, zero (32 bits each), and in
 * the last chunk the SHA-256 of the whole stream (32 bytes; zero in the others).
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

#define STREAM_ID_SIZE 16
#define STREAM_SHA256_SIZE 32
#define STREAM_TOTAL_UNKNOWN G_MAXUINT64

/* The last chunk: its total and its checksum hold */
#define STREAM_CHUNK_LAST (1 << 0)
#define STREAM_CHUNK_FLAGS 0x1

typedef struct {
    guint8 id[STREAM_ID_SIZE];
    guint64 number;
    guint64 offset;
    guint64 total;
    guint64 used;
    guint32 flags;
    guint8 sha256[STREAM_SHA256_SIZE];
} StreamChunk;

/* Makes @frame one that carries @self; it is QUEUED, because no chunk may be replaced. */
void stream_chunk_pack(const StreamChunk *self, guint32 output, struct vdmabuf_frame *frame);
/* Whether @frame means to be a chunk of a stream */
gboolean stream_chunk_is_in(const struct vdmabuf_frame *frame);
/* Checks that @frame is a chunk that fits a buffer of @size bytes. */
gboolean stream_chunk_unpack(StreamChunk *self, const struct vdmabuf_frame *frame, guint64 size,
                             GError **error);

typedef enum {
    STREAM_IGNORED, /* the chunk is of another stream, or one whose beginning was missed */
    STREAM_DATA,    /* its bytes continue the stream */
    STREAM_DONE,    /* its bytes end the stream, and the checksum is right */
    STREAM_FAILED,  /* the error is set; nothing more can come */
} StreamResult;

typedef struct _StreamReader StreamReader;

StreamReader *stream_reader_new(void);
void stream_reader_free(StreamReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamReader, stream_reader_free)

/* @data: the chunk's bytes, chunk->used of them. The first chunk 0 decides which stream it is. */
StreamResult stream_reader_take(StreamReader *self, const StreamChunk *chunk, const guint8 *data,
                                GError **error);
gboolean stream_reader_has_begun(StreamReader *self);
guint64 stream_reader_get_length(StreamReader *self);
guint64 stream_reader_get_chunks(StreamReader *self);
/* Of a stream that is done, as hexadecimal digits; else %NULL */
const char *stream_reader_get_sha256(StreamReader *self);
