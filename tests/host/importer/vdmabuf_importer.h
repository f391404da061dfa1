/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vdmabuf-importer, for tests: a device that reads a dma-buf as hardware would.
 */
#ifndef VDMABUF_IMPORTER_H
#define VDMABUF_IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct vdmabuf_importer_read - VDMABUF_IMPORTER_READ
 * @fd: a dma-buf
 * @max_segment: the most that the device takes in one segment, in bytes
 * @to: an address; the whole buffer is copied there, by its DMA addresses
 * @nr_segments: out: in how many of them it has come
 * @flags: VDMABUF_IMPORTER_*
 *
 * Errors: EOVERFLOW a segment is longer than @max_segment; EIO all segments together are not the
 * buffer's size; and those of attaching and mapping.
 */
struct vdmabuf_importer_read {
	__s32 fd;
	__u32 max_segment;
	__u64 to;
	__u32 nr_segments;
	__u32 flags;
};

/* By a mapping in the kernel's address space instead, without the device */
#define VDMABUF_IMPORTER_VMAP	1

#define VDMABUF_IMPORTER_READ	_IOWR(0xbf, 0x00, struct vdmabuf_importer_read)

#endif /* VDMABUF_IMPORTER_H */
