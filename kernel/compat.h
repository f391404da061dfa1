/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the modules build for, 6.1 to 7.x. Nothing else looks at
 * the kernel's version.
 */
#ifndef _VDMABUF_COMPAT_H
#define _VDMABUF_COMPAT_H

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

/* 6.13: the name space of a symbol is a string */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define COMPAT_MODULE_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#else
#define COMPAT_MODULE_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#endif

/* 6.3: the flags of a mapping are changed by functions */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.5: does not return VMAs any more */
static inline long compat_pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
						unsigned long nr_pages, unsigned int flags,
						struct page **pages)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return pin_user_pages_remote(mm, start, nr_pages, flags, pages, NULL);
#else
	return pin_user_pages_remote(mm, start, nr_pages, flags, pages, NULL, NULL);
#endif
}

/* 6.11: pins the folios of a memfd */
static inline long compat_memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
					   struct folio **folios, unsigned int max_folios,
					   pgoff_t *offset)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	return memfd_pin_folios(memfd, start, end, folios, max_folios, offset);
#else
	return -EOPNOTSUPP;
#endif
}

/* 6.5: work is for a ring, whose worker need not be that of other rings; macro: needs vhost.h */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define compat_vhost_work_queue(vq, work)	vhost_vq_work_queue(vq, work)
#else
#define compat_vhost_work_queue(vq, work)	vhost_work_queue((vq)->dev, work)
#endif

/* ---------------------------------------------------------------- virtio_vdmabuf */

/* 6.11: a virtqueue's callback and name are in one structure */
static inline int compat_find_two_vqs(struct virtio_device *vdev, struct virtqueue *vqs[2],
				      vq_callback_t *callback, const char *first,
				      const char *second)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info info[] = { { first, callback }, { second, callback } };

	return virtio_find_vqs(vdev, ARRAY_SIZE(info), vqs, info, NULL);
#else
	vq_callback_t *callbacks[] = { callback, callback };
	const char * const names[] = { first, second };

	return virtio_find_vqs(vdev, ARRAY_SIZE(names), vqs, callbacks, names, NULL);
#endif
}

/* 6.14: a driver can follow a reset of the transport */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define COMPAT_VIRTIO_RESET_OPS(prepare, done) .reset_prepare = (prepare), .reset_done = (done),
#else
#define COMPAT_VIRTIO_RESET_OPS(prepare, done)
#endif

#endif /* _VDMABUF_COMPAT_H */
