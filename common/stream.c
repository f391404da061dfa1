/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "stream.h"
#include "vdmabuf.h"

#define STREAM_MAGIC "VDMSTRM1"

/* As it lies in struct vdmabuf_frame.app */
typedef struct {
    char magic[8];
    guint8 id[STREAM_ID_SIZE];
    guint64 number;
    guint64 offset;
    guint64 total;
    guint64 used;
    guint32 flags;
    guint32 reserved;
    guint8 sha256[STREAM_SHA256_SIZE];
} StreamWire;

G_STATIC_ASSERT(sizeof(StreamWire) == 96);
G_STATIC_ASSERT(sizeof(StreamWire) <= VDMABUF_MAX_APP);

void
stream_chunk_pack(const StreamChunk *self, guint32 output, struct vdmabuf_frame *frame)
{
    StreamWire wire = {
        .number = GUINT64_TO_LE(self->number),
        .offset = GUINT64_TO_LE(self->offset),
        .total = GUINT64_TO_LE(self->total),
        .used = GUINT64_TO_LE(self->used),
        .flags = GUINT32_TO_LE(self->flags),
    };

    memcpy(wire.magic, STREAM_MAGIC, sizeof(wire.magic));
    memcpy(wire.id, self->id, sizeof(wire.id));
    if (self->flags & STREAM_CHUNK_LAST)
        memcpy(wire.sha256, self->sha256, sizeof(wire.sha256));

    *frame = (struct vdmabuf_frame) {
        .flags = VDMABUF_FRAME_QUEUED,
        .output = output,
        .app_size = sizeof(wire),
    };
    memcpy(frame->app, &wire, sizeof(wire));
}

gboolean
stream_chunk_is_in(const struct vdmabuf_frame *frame)
{
    return frame->fourcc == 0 && !(frame->flags & VDMABUF_FRAME_HIDDEN) &&
           frame->app_size >= strlen(STREAM_MAGIC) &&
           memcmp(frame->app, STREAM_MAGIC, strlen(STREAM_MAGIC)) == 0;
}

gboolean
stream_chunk_unpack(StreamChunk *self, const struct vdmabuf_frame *frame, guint64 size,
                    GError **error)
{
    StreamWire wire;

    if (!stream_chunk_is_in(frame) || frame->app_size != sizeof(wire)) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                            "The frame is no chunk of a stream of this version");
        return FALSE;
    }

    memcpy(&wire, frame->app, sizeof(wire));
    *self = (StreamChunk) {
        .number = GUINT64_FROM_LE(wire.number),
        .offset = GUINT64_FROM_LE(wire.offset),
        .total = GUINT64_FROM_LE(wire.total),
        .used = GUINT64_FROM_LE(wire.used),
        .flags = GUINT32_FROM_LE(wire.flags),
    };
    memcpy(self->id, wire.id, sizeof(self->id));
    memcpy(self->sha256, wire.sha256, sizeof(self->sha256));

    if ((self->flags & ~STREAM_CHUNK_FLAGS) != 0 || wire.reserved != 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "Chunk %" G_GUINT64_FORMAT " of the stream has flags that this version does "
                    "not know",
                    self->number);
        return FALSE;
    }
    if (self->used > size) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "Chunk %" G_GUINT64_FORMAT " of the stream claims %" G_GUINT64_FORMAT " bytes "
                    "of a buffer of %" G_GUINT64_FORMAT,
                    self->number, self->used, size);
        return FALSE;
    }
    return TRUE;
}

struct _StreamReader {
    gboolean begun;
    guint8 id[STREAM_ID_SIZE];
    guint64 chunks;
    guint64 length;
    GChecksum *checksum;
    char *sha256;
};

StreamReader *
stream_reader_new(void)
{
    StreamReader *self = g_new0(StreamReader, 1);

    self->checksum = g_checksum_new(G_CHECKSUM_SHA256);
    return self;
}

void
stream_reader_free(StreamReader *self)
{
    if (self == NULL)
        return;

    g_checksum_free(self->checksum);
    g_free(self->sha256);
    g_free(self);
}

/* GChecksum takes a signed length. */
static void
stream_reader_hash(StreamReader *self, const guint8 *data, guint64 length)
{
    while (length > 0) {
        gssize part = (gssize) MIN(length, 1u << 30);

        g_checksum_update(self->checksum, data, part);
        data += part;
        length -= (guint64) part;
    }
}

static StreamResult
stream_reader_finish(StreamReader *self, const StreamChunk *chunk, GError **error)
{
    guint8 sum[STREAM_SHA256_SIZE];
    gsize sum_size = sizeof(sum);

    if (chunk->total != self->length) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "The stream ended after %" G_GUINT64_FORMAT " bytes, but its sender counted "
                    "%" G_GUINT64_FORMAT,
                    self->length, chunk->total);
        return STREAM_FAILED;
    }

    /* The string first: it leaves the checksum finished, and then both may be asked for */
    self->sha256 = g_strdup(g_checksum_get_string(self->checksum));
    g_checksum_get_digest(self->checksum, sum, &sum_size);
    if (memcmp(sum, chunk->sha256, sizeof(sum)) != 0) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The checksum of the received data, %s, is not the one that its sender made: "
                    "the data was changed on its way",
                    self->sha256);
        return STREAM_FAILED;
    }
    return STREAM_DONE;
}

StreamResult
stream_reader_take(StreamReader *self, const StreamChunk *chunk, const guint8 *data, GError **error)
{
    if (!self->begun) {
        if (chunk->number != 0)
            return STREAM_IGNORED;
        memcpy(self->id, chunk->id, sizeof(self->id));
        self->begun = TRUE;
    } else if (memcmp(self->id, chunk->id, sizeof(self->id)) != 0) {
        return STREAM_IGNORED;
    }

    if (chunk->number != self->chunks || chunk->offset != self->length) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                    "Chunk %" G_GUINT64_FORMAT " of the stream came where chunk "
                    "%" G_GUINT64_FORMAT " was due: some of the data is missing",
                    chunk->number, self->chunks);
        return STREAM_FAILED;
    }
    if (chunk->used > G_MAXUINT64 - self->length) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL,
                            "The stream claims more bytes than can be counted");
        return STREAM_FAILED;
    }

    stream_reader_hash(self, data, chunk->used);
    self->chunks++;
    self->length += chunk->used;

    if (chunk->flags & STREAM_CHUNK_LAST)
        return stream_reader_finish(self, chunk, error);

    return STREAM_DATA;
}

gboolean
stream_reader_has_begun(StreamReader *self)
{
    return self->begun;
}

guint64
stream_reader_get_length(StreamReader *self)
{
    return self->length;
}

guint64
stream_reader_get_chunks(StreamReader *self)
{
    return self->chunks;
}

const char *
stream_reader_get_sha256(StreamReader *self)
{
    return self->sha256;
}
