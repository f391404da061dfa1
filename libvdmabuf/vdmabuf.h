/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvdmabuf: share dma-bufs of a guest with its host.
 *
 * A producer runs in the guest and exports dma-bufs as frames; a consumer runs on
 * the host and imports them. Structures named struct vdmabuf_* are the kernel's, from
 * <linux/vdmabuf.h>, which comes with this library.
 *
 * Threads: an object may be used by one thread at a time. Nothing here blocks except
 * vdmabuf_consumer_connect(), the first vdmabuf_producer_export() of a buffer, and the
 * *_next_event() functions when they are given a timeout.
 *
 * Errors: a function with a GError argument returns %FALSE, %NULL or -1 and sets it, in
 * the domain %VDMABUF_ERROR. The message is a sentence that can be shown to a person: it
 * names the thing that was wrong and what can be done about it.
 */
#pragma once

#include <glib.h>
#include <linux/vdmabuf.h>

G_BEGIN_DECLS

/**
 * VdmabufError:
 * @VDMABUF_ERROR_FAILED: anything without a code of its own
 * @VDMABUF_ERROR_NO_DEVICE: no device node, socket or module, or it went away
 * @VDMABUF_ERROR_PERMISSION: the caller may not use it
 * @VDMABUF_ERROR_INVALID: an argument, a file descriptor or a frame is not what it should be
 * @VDMABUF_ERROR_NOT_PAGES: the dma-buf is not made of pages of guest RAM
 * @VDMABUF_ERROR_LIMIT: a limit of the VM, or of locked memory, is reached
 * @VDMABUF_ERROR_BUSY: the buffer's last frame has not been released
 * @VDMABUF_ERROR_NOT_FOUND: no such buffer or frame
 * @VDMABUF_ERROR_TIMED_OUT: nothing happened in the given time
 * @VDMABUF_ERROR_CLOSED: the VM is gone and all its events have been read
 * @VDMABUF_ERROR_PROTOCOL: the other side does not speak this version's protocol
 */
typedef enum {
    VDMABUF_ERROR_FAILED,
    VDMABUF_ERROR_NO_DEVICE,
    VDMABUF_ERROR_PERMISSION,
    VDMABUF_ERROR_INVALID,
    VDMABUF_ERROR_NOT_PAGES,
    VDMABUF_ERROR_LIMIT,
    VDMABUF_ERROR_BUSY,
    VDMABUF_ERROR_NOT_FOUND,
    VDMABUF_ERROR_TIMED_OUT,
    VDMABUF_ERROR_CLOSED,
    VDMABUF_ERROR_PROTOCOL,
} VdmabufError;

#define VDMABUF_ERROR (vdmabuf_error_quark())
GQuark vdmabuf_error_quark(void);

/* --- Buffer ids --- */

/* Room for an id as text, "%08x-%08x-%016llx" (pid, counter, random), and its NUL */
#define VDMABUF_ID_TEXT_SIZE 35

/* Writes @id as text into @text and returns @text. */
const char *vdmabuf_id_format(const struct vdmabuf_id *id, char text[VDMABUF_ID_TEXT_SIZE]);
/* Reads back what vdmabuf_id_format() writes; %FALSE, without an error, for anything else. */
gboolean vdmabuf_id_parse(const char *text, struct vdmabuf_id *id);
gboolean vdmabuf_id_equal(gconstpointer a, gconstpointer b); /* a GEqualFunc */
guint vdmabuf_id_hash(gconstpointer id);                     /* a GHashFunc */

/* --- Frames --- */

/**
 * vdmabuf_frame_check:
 * @frame: what a producer says is in a buffer
 * @size: of the buffer, in bytes
 *
 * The rules of docs/protocol.md for a frame, in the order and words a person can use. The
 * kernel checks the same; this says why.
 */
gboolean vdmabuf_frame_check(const struct vdmabuf_frame *frame, guint64 size, GError **error);

/* Fills @frame for a linear picture with one plane; the rest of it becomes zero. */
void vdmabuf_frame_init(struct vdmabuf_frame *frame, guint32 fourcc, guint32 width, guint32 height,
                        guint32 stride);

/* --- Producer (in the guest) --- */

typedef struct _VdmabufProducer VdmabufProducer;

/**
 * vdmabuf_producer_open:
 * @path: (nullable): device node; %NULL for $VDMABUF_DEVICE or else /dev/virtio-vdmabuf
 *
 * Returns: (transfer full): free with vdmabuf_producer_free(), which takes back every buffer
 */
VdmabufProducer *vdmabuf_producer_open(const char *path, GError **error);
void vdmabuf_producer_free(VdmabufProducer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufProducer, vdmabuf_producer_free)

/* For poll(2) and g_unix_fd_source_new(): readable when an event waits. Owned by @self. */
int vdmabuf_producer_get_fd(VdmabufProducer *self);
gboolean vdmabuf_producer_get_info(VdmabufProducer *self, struct vdmabuf_info *info,
                                   GError **error);
/* A dma-buf of the driver's own zeroed pages, VDMABUF_ALLOC_* in @flags. Close the fd. */
int vdmabuf_producer_alloc(VdmabufProducer *self, guint64 size, guint32 flags, GError **error);

/**
 * vdmabuf_producer_export:
 * @dmabuf_fd: stays the caller's
 * @frame: what is in it
 * @id: (out) (optional): the buffer
 * @sequence: (out) (optional): the frame; its release carries it
 *
 * From here until the release the producer must not touch the buffer.
 * See struct vdmabuf_export in <linux/vdmabuf.h> for the rest.
 */
gboolean vdmabuf_producer_export(VdmabufProducer *self, int dmabuf_fd,
                                 const struct vdmabuf_frame *frame, struct vdmabuf_id *id,
                                 guint64 *sequence, GError **error);
gboolean vdmabuf_producer_unexport(VdmabufProducer *self, const struct vdmabuf_id *id,
                                   GError **error);

/**
 * vdmabuf_producer_next_event:
 * @timeout_ms: 0 to only look, -1 to wait for ever
 *
 * Errors: %VDMABUF_ERROR_TIMED_OUT, %VDMABUF_ERROR_NO_DEVICE after the device went away.
 */
gboolean vdmabuf_producer_next_event(VdmabufProducer *self, int timeout_ms,
                                     struct vdmabuf_guest_event *event, GError **error);

/* --- Consumer (on the host) --- */

typedef struct _VdmabufConsumer VdmabufConsumer;

/**
 * VdmabufEndpoint:
 * @domain: libvirt's name of the domain
 * @device: alias of its vdmabuf device
 * @path: the socket to give to vdmabuf_consumer_connect()
 */
typedef struct {
    char *domain;
    char *device;
    char *path;
} VdmabufEndpoint;

void vdmabuf_endpoint_free(VdmabufEndpoint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufEndpoint, vdmabuf_endpoint_free)

/**
 * vdmabuf_endpoint_list:
 * @directory: (nullable): %NULL for $VDMABUF_RUNDIR or else /run/vdmabuf
 *
 * Sockets DIRECTORY/DOMAIN/DEVICE.sock, sorted; those the caller may not use included.
 *
 * Returns: (transfer full) (element-type VdmabufEndpoint): an array, possibly empty
 */
GPtrArray *vdmabuf_endpoint_list(const char *directory, GError **error);

/**
 * vdmabuf_consumer_connect:
 * @path: a broker's consumer socket
 *
 * Asks the broker for a consumer fd; waits for its answer for at most ten seconds.
 *
 * Returns: (transfer full): free with vdmabuf_consumer_free(), which gives back every frame
 */
VdmabufConsumer *vdmabuf_consumer_connect(const char *path, GError **error);
/* Of a consumer fd that came another way; takes @fd. */
VdmabufConsumer *vdmabuf_consumer_new_for_fd(int fd);
void vdmabuf_consumer_free(VdmabufConsumer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufConsumer, vdmabuf_consumer_free)

/* For poll(2) and g_unix_fd_source_new(): readable when an event waits. Owned by @self. */
int vdmabuf_consumer_get_fd(VdmabufConsumer *self);
gboolean vdmabuf_consumer_get_status(VdmabufConsumer *self, struct vdmabuf_status *status,
                                     GError **error);
/* Errors: %VDMABUF_ERROR_TIMED_OUT, %VDMABUF_ERROR_CLOSED once the VM is gone. */
gboolean vdmabuf_consumer_next_event(VdmabufConsumer *self, int timeout_ms,
                                     struct vdmabuf_event *event, GError **error);

/**
 * vdmabuf_consumer_import:
 * @writable: whether the host may write, too
 * @size: (out) (optional): in bytes
 *
 * Returns: a dma-buf to be closed by the caller, usable after @self and the VM are gone; or -1
 */
int vdmabuf_consumer_import(VdmabufConsumer *self, const struct vdmabuf_id *id, gboolean writable,
                            guint64 *size, GError **error);
/* Gives the frame back; only after the last access to its buffer. */
gboolean vdmabuf_consumer_release(VdmabufConsumer *self, const struct vdmabuf_id *id,
                                  guint64 sequence, GError **error);
/* One buffer; or with VDMABUF_QUERY_NEXT in query->flags the one after query->id. */
gboolean vdmabuf_consumer_query(VdmabufConsumer *self, struct vdmabuf_query *query,
                                GError **error);

/* --- A dma-buf in this process's memory --- */

typedef struct _VdmabufMap VdmabufMap;

/* Maps a dma-buf; @dmabuf_fd stays the caller's and may be closed. */
VdmabufMap *vdmabuf_map_new(int dmabuf_fd, guint64 size, gboolean writable, GError **error);
void vdmabuf_map_free(VdmabufMap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VdmabufMap, vdmabuf_map_free)
gpointer vdmabuf_map_get_data(VdmabufMap *self);
gsize vdmabuf_map_get_size(VdmabufMap *self);
/* DMA_BUF_IOCTL_SYNC around every access by the CPU. */
gboolean vdmabuf_map_begin(VdmabufMap *self, GError **error);
gboolean vdmabuf_map_end(VdmabufMap *self, GError **error);

G_END_DECLS
