/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vdmabuf-vms, for tests: each open file is a registration with KVM's notifier of virtual
 * machines. It holds a reference to each VM that it has been told of until it is told of its end,
 * or closed.
 */
#ifndef VDMABUF_VMS_H
#define VDMABUF_VMS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct vdmabuf_vms_count - VDMABUF_VMS_COUNT: what was told since the file was opened
 * @created: VMs, those that were alive then included
 * @destroyed: of these
 * @own_created: of @created, those of the process that has opened the file
 * @own_destroyed: of @destroyed, the same
 * @mistakes: VMs that were told twice, or whose end was told without them, and references that could
 *	not be taken
 * @references: that are held
 */
struct vdmabuf_vms_count {
	__u32 created;
	__u32 destroyed;
	__u32 own_created;
	__u32 own_destroyed;
	__u32 mistakes;
	__u32 references;
};

#define VDMABUF_VMS_COUNT	_IOR(0xbf, 0x01, struct vdmabuf_vms_count)

#endif /* VDMABUF_VMS_H */
