/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Sharing a guest's dma-bufs with its host: what programs see.
 *
 *   /dev/virtio-vdmabuf   in the guest, for producers
 *   a consumer fd         on the host, made by VHOST_VDMABUF_GET_CONSUMER
 *   /dev/vhost-vdmabuf    on the host, for the broker
 *
 * Structures are the same for 32 and 64 bit programs. Every field called
 * reserved, and every flag without a name here, must be zero; an ioctl that
 * finds it otherwise fails with EINVAL and has done nothing.
 *
 * docs/protocol.md says how the parts work together.
 */
#ifndef _UAPI_LINUX_VDMABUF_H
#define _UAPI_LINUX_VDMABUF_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/vhost.h>

#define VDMABUF_MAX_PLANES	4
#define VDMABUF_MAX_APP		192

/**
 * struct vdmabuf_id - the name of a shared buffer, made by the host
 * @vmm_pid: process id of the VM's monitor, as the host's broker sees it
 * @counter: of this VM, never used twice
 * @random: cannot be guessed
 */
struct vdmabuf_id {
	__u32 vmm_pid;
	__u32 counter;
	__u64 random;
};

struct vdmabuf_plane {
	__u32 offset;		/* into the buffer, in bytes */
	__u32 stride;		/* in bytes */
};

struct vdmabuf_rect {
	__u32 x;
	__u32 y;
	__u32 width;
	__u32 height;
};

/* The first row in memory is the bottom one */
#define VDMABUF_FRAME_Y_INVERTED	(1 << 0)
/* A cursor; its hot spot stands at x, y on its output */
#define VDMABUF_FRAME_CURSOR		(1 << 1)
/* The output, or the cursor, shows nothing from now on */
#define VDMABUF_FRAME_HIDDEN		(1 << 2)
/* A later frame of the same output does not supersede this one */
#define VDMABUF_FRAME_QUEUED		(1 << 3)
#define VDMABUF_FRAME_FLAGS		0xf

/**
 * struct vdmabuf_frame - what is in a buffer
 * @fourcc: DRM format code; 0 for data that is no picture, and then all fields
 *	that describe a picture are 0 too
 * @flags: VDMABUF_FRAME_*
 * @modifier: DRM format modifier
 * @width: in pixels
 * @height: in pixels
 * @output: which output of the guest shows it
 * @nr_planes: 1 to VDMABUF_MAX_PLANES for a picture
 * @planes: where each plane is
 * @damage: what has changed since the previous frame of @output, in pixels; all
 *	zero means everything
 * @x: cursor: position of the hot spot on the output, in pixels
 * @y: as @x
 * @hot_x: cursor: the hot spot inside its own picture, in pixels
 * @hot_y: as @hot_x
 * @timestamp_ns: the guest's CLOCK_MONOTONIC at EXPORT; set by the guest driver
 * @app_size: bytes of @app that are used
 * @reserved: zero
 * @app: belongs to the application; zero behind @app_size
 */
struct vdmabuf_frame {
	__u32 fourcc;
	__u32 flags;
	__u64 modifier;
	__u32 width;
	__u32 height;
	__u32 output;
	__u32 nr_planes;
	struct vdmabuf_plane planes[VDMABUF_MAX_PLANES];
	struct vdmabuf_rect damage;
	__s32 x;
	__s32 y;
	__s32 hot_x;
	__s32 hot_y;
	__u64 timestamp_ns;
	__u32 app_size;
	__u32 reserved;
	__u8 app[VDMABUF_MAX_APP];
};

/**
 * struct vdmabuf_limits - of one VM's device
 * @max_buffers: registered at a time
 * @max_entries: runs of pages in one buffer
 * @max_bytes: registered, or unregistered but still imported, in all
 * @max_consumers: consumer fds open at a time
 * @flags: VDMABUF_LIMITS_*
 */
struct vdmabuf_limits {
	__u32 max_buffers;
	__u32 max_entries;
	__u64 max_bytes;
	__u32 max_consumers;
	__u32 flags;
};

/* Consumers may import for writing */
#define VDMABUF_LIMITS_WRITABLE		(1 << 0)

#define VDMABUF_IOCTL_BASE		0xbe

/* ------------------------------------------------- /dev/virtio-vdmabuf (guest) */

/**
 * struct vdmabuf_info - VDMABUF_IOC_GET_INFO
 * @limits: of the device; max_consumers and flags are 0
 * @page_size: pages of shared buffers have to be this large, in bytes
 * @nr_consumers: connected on the host just now
 *
 * Errors: ENODEV the device is gone.
 */
struct vdmabuf_info {
	struct vdmabuf_limits limits;
	__u32 page_size;
	__u32 nr_consumers;
};

/**
 * struct vdmabuf_alloc - VDMABUF_IOC_ALLOC: a dma-buf of the driver's own pages
 * @size: in bytes, rounded up to whole pages; on return the size it got
 * @flags: VDMABUF_ALLOC_*
 * @fd: out: the dma-buf, close-on-exec; the caller owns it. The pages are zeroed,
 *	mapped with mmap(2), and live as long as anybody uses them.
 *
 * Errors: EINVAL size 0 or over max_bytes, unknown flag; ENOMEM; EMFILE;
 * ENODEV the device is gone.
 */
struct vdmabuf_alloc {
	__u64 size;
	__u32 flags;
	__s32 fd;
};

/* One page at a time, in no order: the worst case, for tests and benchmarks */
#define VDMABUF_ALLOC_SCATTERED		(1 << 0)

/**
 * struct vdmabuf_export - VDMABUF_IOC_EXPORT: give a frame to the host
 * @fd: a dma-buf whose pages are guest RAM
 * @flags: zero
 * @id: out: the buffer's id
 * @sequence: out: the frame's number, counted per device; a release carries it
 * @frame: what is in the buffer
 *
 * The first export of a dma-buf through an open file registers its pages and
 * waits for the host's answer; later ones cost the same for any size. The call
 * never waits for fences: the frame leaves when the writes to the buffer that
 * are pending now have ended, and frames of one open file and output leave in the
 * order of their export. From here to the release the producer must not touch
 * the buffer.
 *
 * Errors: EBADF, EINVAL @fd is no dma-buf, or the frame does not fit it; EBUSY
 * its last frame has not been released; EOPNOTSUPP its memory is not made of
 * pages of guest RAM; E2BIG too many runs of pages; EDQUOT the VM's limit of
 * buffers or bytes is reached; ENOMEM; EINTR; ETIMEDOUT the host does not answer;
 * EPROTO it answers with what this driver does not know;
 * ENODEV the device is gone: close the file and open the new device.
 */
struct vdmabuf_export {
	__s32 fd;
	__u32 flags;
	struct vdmabuf_id id;
	__u64 sequence;
	struct vdmabuf_frame frame;
};

/**
 * struct vdmabuf_unexport - VDMABUF_IOC_UNEXPORT: take a buffer back
 * @id: from EXPORT through the same open file
 *
 * The pages stay pinned until the host has let go of them; then read(2) gives a
 * VDMABUF_GUEST_UNREGISTERED, and a frame that was outstanding has ended with it.
 * Closing the file does the same for all its buffers.
 *
 * Errors: ENOENT this open file has no such buffer.
 */
struct vdmabuf_unexport {
	struct vdmabuf_id id;
};

#define VDMABUF_IOC_GET_INFO	_IOR(VDMABUF_IOCTL_BASE, 0x00, struct vdmabuf_info)
#define VDMABUF_IOC_ALLOC	_IOWR(VDMABUF_IOCTL_BASE, 0x01, struct vdmabuf_alloc)
#define VDMABUF_IOC_EXPORT	_IOWR(VDMABUF_IOCTL_BASE, 0x02, struct vdmabuf_export)
#define VDMABUF_IOC_UNEXPORT	_IOW(VDMABUF_IOCTL_BASE, 0x03, struct vdmabuf_unexport)

#define VDMABUF_GUEST_RELEASED		1
#define VDMABUF_GUEST_UNREGISTERED	2
#define VDMABUF_GUEST_CONSUMERS		3

/* RELEASED: no consumer took the frame, a newer one of its output replaced it */
#define VDMABUF_RELEASED_SUPERSEDED	(1 << 0)
/* RELEASED: the host refused the frame, or the device was reset with it */
#define VDMABUF_RELEASED_LOST		(1 << 1)

/**
 * struct vdmabuf_guest_event - what read(2) returns, as many whole ones as fit
 * @type: VDMABUF_GUEST_*
 * @flags: VDMABUF_RELEASED_*
 * @id: RELEASED, UNREGISTERED: the buffer
 * @value: RELEASED: the frame's sequence; CONSUMERS: how many are connected
 *
 * No event is ever dropped: each buffer has room for its own. CONSUMERS comes
 * once after open(2) and then when the number has changed. read(2) fails with
 * EINVAL when the buffer is smaller than one event, EAGAIN under O_NONBLOCK,
 * EINTR, and ENODEV once the device is gone and all events are read; poll(2)
 * then says EPOLLHUP.
 */
struct vdmabuf_guest_event {
	__u32 type;
	__u32 flags;
	struct vdmabuf_id id;
	__u64 value;
};

/* ------------------------------------------------------- consumer fd (host) */

/**
 * struct vdmabuf_import - VDMABUF_IOC_IMPORT: a dma-buf over the guest's pages
 * @id: of a registered buffer
 * @flags: O_RDONLY (0), or O_RDWR where the VM's limits allow it
 * @fd: out: a new dma-buf, close-on-exec; the caller owns it. It stays usable
 *	after the buffer, or the VM, is gone.
 * @size: out: in bytes
 *
 * The first import pins the pages, under the RLIMIT_MEMLOCK of the process that
 * owns the vhost device; the last close unpins them.
 *
 * Errors: ENOENT no such buffer; EACCES O_RDWR is not allowed; EFAULT the guest's
 * memory is no longer there; ENOMEM, also for RLIMIT_MEMLOCK; EMFILE; ENOBUFS more
 * than twice limits.max_buffers GONE events wait to be read; ENODEV the VM is gone.
 */
struct vdmabuf_import {
	struct vdmabuf_id id;
	__u32 flags;
	__s32 fd;
	__u64 size;
};

/**
 * struct vdmabuf_release - VDMABUF_IOC_RELEASE: done with a frame
 * @id: of the frame's buffer
 * @sequence: of the frame
 *
 * Errors: ENOENT this consumer does not hold that frame (it never took it, or
 * has released it already).
 */
struct vdmabuf_release {
	struct vdmabuf_id id;
	__u64 sequence;
};

/* Look at the first buffer whose counter is greater than id.counter */
#define VDMABUF_QUERY_NEXT		(1 << 0)

/* States of a buffer */
#define VDMABUF_BUFFER_REGISTERED	(1 << 0)
#define VDMABUF_BUFFER_PINNED		(1 << 1)
#define VDMABUF_BUFFER_OUTSTANDING	(1 << 2)

/**
 * struct vdmabuf_query - VDMABUF_IOC_QUERY
 * @id: in: which buffer; out: the buffer that was found
 * @flags: VDMABUF_QUERY_*
 * @state: out: VDMABUF_BUFFER_*
 * @size: out: in bytes
 * @nr_entries: out: runs of pages
 * @nr_imports: out: dma-bufs made of it that are still open
 * @sequence: out: of its last frame; 0 before the first
 * @frame: out: its last frame
 *
 * Errors: ENOENT no such buffer, or no next one.
 */
struct vdmabuf_query {
	struct vdmabuf_id id;
	__u32 flags;
	__u32 state;
	__u64 size;
	__u32 nr_entries;
	__u32 nr_imports;
	__u64 sequence;
	struct vdmabuf_frame frame;
};

/* States of a VM's device; DEAD stays */
#define VDMABUF_VM_RUNNING		(1 << 0)
#define VDMABUF_VM_DRIVER		(1 << 1)	/* the guest driver has said RESET */
#define VDMABUF_VM_DEAD			(1 << 2)

#define VDMABUF_NAME_SIZE		64

/**
 * struct vdmabuf_vm - who the VM is: VHOST_VDMABUF_SET_VM
 * @pid: of the VM's monitor in the caller's pid namespace
 * @reserved: zero
 * @uuid: of the domain, big-endian
 * @name: of the domain, ends with a NUL
 */
struct vdmabuf_vm {
	__s32 pid;
	__u32 reserved;
	__u8 uuid[16];
	char name[VDMABUF_NAME_SIZE];
};

/**
 * struct vdmabuf_status - VDMABUF_IOC_GET_STATUS
 * @vm: who it is
 * @limits: what it may use
 * @state: VDMABUF_VM_*
 * @nr_consumers: consumer fds open
 * @nr_buffers: registered, or unregistered and still imported
 * @nr_outstanding: frames that have not gone back to the guest
 * @nr_imports: dma-bufs open
 * @reserved: zero
 * @bytes_registered: counts against limits.max_bytes
 * @bytes_pinned: of these, pinned
 * @frames: received since the device was opened
 * @released: given back, the superseded ones included
 * @superseded: given back without a consumer that took them
 */
struct vdmabuf_status {
	struct vdmabuf_vm vm;
	struct vdmabuf_limits limits;
	__u32 state;
	__u32 nr_consumers;
	__u32 nr_buffers;
	__u32 nr_outstanding;
	__u32 nr_imports;
	__u32 reserved;
	__u64 bytes_registered;
	__u64 bytes_pinned;
	__u64 frames;
	__u64 released;
	__u64 superseded;
};

#define VDMABUF_IOC_IMPORT	_IOWR(VDMABUF_IOCTL_BASE, 0x10, struct vdmabuf_import)
#define VDMABUF_IOC_RELEASE	_IOW(VDMABUF_IOCTL_BASE, 0x11, struct vdmabuf_release)
#define VDMABUF_IOC_QUERY	_IOWR(VDMABUF_IOCTL_BASE, 0x12, struct vdmabuf_query)
#define VDMABUF_IOC_GET_STATUS	_IOR(VDMABUF_IOCTL_BASE, 0x13, struct vdmabuf_status)

#define VDMABUF_EVENT_FRAME		1
#define VDMABUF_EVENT_GONE		2
#define VDMABUF_EVENT_STATE		3

/**
 * struct vdmabuf_event - what read(2) returns, as many whole ones as fit
 * @type: VDMABUF_EVENT_*
 * @state: VDMABUF_VM_* at the time of reading
 * @id: FRAME, GONE: the buffer
 * @sequence: FRAME: give it back with VDMABUF_IOC_RELEASE
 * @superseded: how many frames newer ones have replaced, since this consumer was
 *	made, before it could read them
 * @size: FRAME: of the buffer, in bytes
 * @timestamp_ns: FRAME: the host's CLOCK_MONOTONIC when the frame arrived
 * @frame: FRAME: what is in the buffer
 *
 * Reading a FRAME takes it: the guest gets the buffer back when the last
 * consumer that took it has released it. Only the newest frame of each output
 * waits to be read (and those marked QUEUED). GONE comes for every buffer that
 * this consumer has imported or taken a frame of, also when the VM dies; frames
 * of it need no release any more. STATE comes once after the fd was made and
 * then when the state has changed. read(2) fails with EINVAL when the buffer is
 * smaller than one event, EAGAIN under O_NONBLOCK, EINTR; it returns 0 once the VM
 * is dead and all events are read, and poll(2) then says EPOLLHUP.
 */
struct vdmabuf_event {
	__u32 type;
	__u32 state;
	struct vdmabuf_id id;
	__u64 sequence;
	__u64 superseded;
	__u64 size;
	__u64 timestamp_ns;
	struct vdmabuf_frame frame;
};

/* -------------------------------------------------- /dev/vhost-vdmabuf (host) */

/**
 * struct vdmabuf_consumer - VHOST_VDMABUF_GET_CONSUMER: a new consumer fd
 * @pid: who will use it, for the status
 * @uid: who will use it, for the status
 * @flags: VDMABUF_LIMITS_WRITABLE: this one may import for writing, if the limits
 *	allow it as well
 * @fd: out: the consumer fd, close-on-exec; the caller owns it
 *
 * Errors: EINVAL unknown flag; EDQUOT max_consumers is reached; EMFILE; ENOMEM;
 * ENODEV the VM is dead.
 */
struct vdmabuf_consumer {
	__s32 pid;
	__u32 uid;
	__u32 flags;
	__s32 fd;
};

/*
 * Start (1) or stop (0) both rings. EINVAL: another value, or VIRTIO_F_VERSION_1 has not
 * been accepted; EFAULT: a ring is not accessible; EPERM: the caller is not the owner.
 */
#define VHOST_VDMABUF_SET_RUNNING	_IOW(VHOST_VIRTIO, 0x90, int)
/* Who the VM is; EBUSY once a buffer was registered, ESRCH no such process */
#define VHOST_VDMABUF_SET_VM		_IOW(VHOST_VIRTIO, 0x91, struct vdmabuf_vm)
/* At most the module's parameters (EINVAL); in force for what comes after */
#define VHOST_VDMABUF_SET_LIMITS	_IOW(VHOST_VIRTIO, 0x92, struct vdmabuf_limits)
#define VHOST_VDMABUF_GET_LIMITS	_IOR(VHOST_VIRTIO, 0x93, struct vdmabuf_limits)
#define VHOST_VDMABUF_GET_CONSUMER	_IOWR(VHOST_VIRTIO, 0x94, struct vdmabuf_consumer)
#define VHOST_VDMABUF_GET_STATUS	_IOR(VHOST_VIRTIO, 0x95, struct vdmabuf_status)

#endif /* _UAPI_LINUX_VDMABUF_H */
