/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Virtio dma-buf device (device ID 37): what travels between driver and device.
 *
 * Every field is little-endian, of fixed width and naturally aligned, and no
 * structure has padding that is not named. docs/protocol.md is the text that
 * goes with this header.
 */
#ifndef _UAPI_LINUX_VIRTIO_VDMABUF_H
#define _UAPI_LINUX_VIRTIO_VDMABUF_H

#include <linux/types.h>
#include <linux/virtio_types.h>

/* Virtqueues */
#define VIRTIO_VDMABUF_VQ_CONTROL	0
#define VIRTIO_VDMABUF_VQ_EVENT		1
#define VIRTIO_VDMABUF_VQ_NUM		2

#define VIRTIO_VDMABUF_MAX_PLANES	4
#define VIRTIO_VDMABUF_MAX_APP		192

/**
 * struct virtio_vdmabuf_config - device configuration space, read-only
 * @page_size: address and length of every entry are multiples of this; a power
 *	of two of at least 4096
 * @max_buffers: how many buffers can be registered at a time
 * @max_entries: how many entries one buffer can have
 * @reserved: zero
 * @max_bytes: how many bytes can be registered in all
 */
struct virtio_vdmabuf_config {
	__le32 page_size;
	__le32 max_buffers;
	__le32 max_entries;
	__le32 reserved;
	__le64 max_bytes;
};

/* The name of a buffer. The device makes it; to the driver it is opaque. */
struct virtio_vdmabuf_id {
	__le32 vmm_pid;
	__le32 counter;
	__le64 random;
};

/* Requests on the control queue */
#define VIRTIO_VDMABUF_CMD_RESET	1
#define VIRTIO_VDMABUF_CMD_REGISTER	2
#define VIRTIO_VDMABUF_CMD_FRAME	3
#define VIRTIO_VDMABUF_CMD_UNREGISTER	4

/**
 * struct virtio_vdmabuf_ctrl - the start of every request
 * @type: VIRTIO_VDMABUF_CMD_*
 * @flags: zero
 *
 * RESET is this header alone.
 */
struct virtio_vdmabuf_ctrl {
	__le32 type;
	__le32 flags;
};

/* A run of pages, by DMA address. Both fields are multiples of page_size. */
struct virtio_vdmabuf_entry {
	__le64 addr;
	__le64 length;
};

/**
 * struct virtio_vdmabuf_register - REGISTER
 * @ctrl: type VIRTIO_VDMABUF_CMD_REGISTER
 * @size: of the buffer in bytes: the sum of the entries' lengths
 * @nr_entries: how many struct virtio_vdmabuf_entry follow this structure
 * @reserved: zero
 */
struct virtio_vdmabuf_register {
	struct virtio_vdmabuf_ctrl ctrl;
	__le64 size;
	__le32 nr_entries;
	__le32 reserved;
};

struct virtio_vdmabuf_plane {
	__le32 offset;
	__le32 stride;
};

struct virtio_vdmabuf_rect {
	__le32 x;
	__le32 y;
	__le32 width;
	__le32 height;
};

/* Flags of a frame */
#define VIRTIO_VDMABUF_FRAME_Y_INVERTED	(1 << 0)
#define VIRTIO_VDMABUF_FRAME_CURSOR	(1 << 1)
#define VIRTIO_VDMABUF_FRAME_HIDDEN	(1 << 2)
#define VIRTIO_VDMABUF_FRAME_QUEUED	(1 << 3)
#define VIRTIO_VDMABUF_FRAME_FLAGS	0xf

/**
 * struct virtio_vdmabuf_frame_desc - what is in the buffer
 * @fourcc: DRM format code; 0 for data that is no picture, and then all fields
 *	that describe a picture are 0 too
 * @flags: VIRTIO_VDMABUF_FRAME_*
 * @modifier: DRM format modifier
 * @width: in pixels
 * @height: in pixels
 * @output: which of the guest's outputs shows it
 * @nr_planes: 1 to 4 for a picture
 * @planes: offset into the buffer and stride of each plane, in bytes
 * @damage: what has changed since the previous frame of this output; all zero
 *	means everything
 * @x: position of a cursor's hot spot on its output, in pixels
 * @y: as @x
 * @hot_x: hot spot of a cursor inside its own picture, in pixels
 * @hot_y: as @hot_x
 * @timestamp_ns: the driver's monotonic clock when the frame was exported
 * @app_size: how many bytes of @app are used
 * @reserved: zero
 * @app: belongs to the application
 */
struct virtio_vdmabuf_frame_desc {
	__le32 fourcc;
	__le32 flags;
	__le64 modifier;
	__le32 width;
	__le32 height;
	__le32 output;
	__le32 nr_planes;
	struct virtio_vdmabuf_plane planes[VIRTIO_VDMABUF_MAX_PLANES];
	struct virtio_vdmabuf_rect damage;
	__le32 x;
	__le32 y;
	__le32 hot_x;
	__le32 hot_y;
	__le64 timestamp_ns;
	__le32 app_size;
	__le32 reserved;
	__u8 app[VIRTIO_VDMABUF_MAX_APP];
};

/**
 * struct virtio_vdmabuf_frame - FRAME
 * @ctrl: type VIRTIO_VDMABUF_CMD_FRAME
 * @id: of a registered buffer that has no frame outstanding
 * @sequence: chosen by the driver, comes back with the frame's release
 * @desc: what is in the buffer
 */
struct virtio_vdmabuf_frame {
	struct virtio_vdmabuf_ctrl ctrl;
	struct virtio_vdmabuf_id id;
	__le64 sequence;
	struct virtio_vdmabuf_frame_desc desc;
};

/**
 * struct virtio_vdmabuf_unregister - UNREGISTER
 * @ctrl: type VIRTIO_VDMABUF_CMD_UNREGISTER
 * @id: of a registered buffer
 */
struct virtio_vdmabuf_unregister {
	struct virtio_vdmabuf_ctrl ctrl;
	struct virtio_vdmabuf_id id;
};

/* Status of a request */
#define VIRTIO_VDMABUF_S_OK		0	/* done */
#define VIRTIO_VDMABUF_S_BAD_REQUEST	1	/* type, length, flags or reserved field */
#define VIRTIO_VDMABUF_S_BAD_ADDRESS	2	/* alignment, overflow or not guest RAM */
#define VIRTIO_VDMABUF_S_BAD_FRAME	3	/* the description does not fit the buffer */
#define VIRTIO_VDMABUF_S_NO_BUFFER	4	/* no registered buffer has this id */
#define VIRTIO_VDMABUF_S_BUSY		5	/* the buffer's last frame is outstanding */
#define VIRTIO_VDMABUF_S_LIMIT		6	/* buffers or bytes of this device */
#define VIRTIO_VDMABUF_S_ENTRIES	7	/* more entries than one buffer may have */
#define VIRTIO_VDMABUF_S_NO_MEMORY	8	/* the device is short of memory; try again */

/**
 * struct virtio_vdmabuf_reply - the answer to every request
 * @status: VIRTIO_VDMABUF_S_*
 * @reserved: zero
 * @id: REGISTER: the new buffer's id; else the request's; zero where there is none
 */
struct virtio_vdmabuf_reply {
	__le32 status;
	__le32 reserved;
	struct virtio_vdmabuf_id id;
};

/* Events on the event queue */
#define VIRTIO_VDMABUF_EVT_RELEASED	1
#define VIRTIO_VDMABUF_EVT_UNREGISTERED	2
#define VIRTIO_VDMABUF_EVT_CONSUMERS	3

/* Flag of RELEASED: no consumer took the frame, a newer one replaced it */
#define VIRTIO_VDMABUF_EVT_F_SUPERSEDED	(1 << 0)

/**
 * struct virtio_vdmabuf_event - filled in by the device
 * @type: VIRTIO_VDMABUF_EVT_*
 * @flags: of RELEASED, else zero
 * @id: RELEASED, UNREGISTERED: the buffer; else zero
 * @value: RELEASED: the frame's sequence; CONSUMERS: how many are connected
 *
 * RELEASED: every consumer that took this frame is done with it.
 * UNREGISTERED: nobody on the host can reach the buffer's pages any more. It
 * also ends a frame of the buffer that was outstanding when it was unregistered.
 */
struct virtio_vdmabuf_event {
	__le32 type;
	__le32 flags;
	struct virtio_vdmabuf_id id;
	__le64 value;
};

#endif /* _UAPI_LINUX_VIRTIO_VDMABUF_H */
