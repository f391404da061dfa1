// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: attaches to a dma-buf, maps it, and reads it through the DMA addresses it gets. It is
 * for machines where those are physical addresses.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "vdmabuf_importer.h"

/* 6.2: with a name that says who locks */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_vmap_unlocked	dma_buf_vmap
#define dma_buf_vunmap_unlocked	dma_buf_vunmap
#endif

static struct platform_device *pdev;
static DEFINE_MUTEX(lock);	/* of the device's largest segment */

static int read_segment(dma_addr_t addr, size_t length, char __user *to)
{
	size_t part;
	void *from;
	int ret;

	for (; length; length -= part, addr += part, to += part) {
		part = min_t(size_t, length, PAGE_SIZE - offset_in_page(addr));
		from = kmap_local_page(pfn_to_page(addr >> PAGE_SHIFT));
		ret = copy_to_user(to, from + offset_in_page(addr), part);
		kunmap_local(from);
		if (ret)
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	return 0;
}

static int read_table(struct sg_table *sgt, struct vdmabuf_importer_read *args, size_t size)
{
	char __user *to = u64_to_user_ptr(args->to);
	struct scatterlist *sg;
	int i, ret;

	args->nr_segments = 0;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (sg_dma_len(sg) > args->max_segment)
			return -EOVERFLOW;
		if (sg_dma_len(sg) > size)
			return -EIO;
		ret = read_segment(sg_dma_address(sg), sg_dma_len(sg), to);
		if (ret)
			return ret;
		to += sg_dma_len(sg);
		size -= sg_dma_len(sg);
		args->nr_segments++;
	}

	return size ? -EIO : 0;
}

static int read_dmabuf(struct dma_buf *dmabuf, struct vdmabuf_importer_read *args)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	int ret;

	dma_set_max_seg_size(&pdev->dev, args->max_segment);
	attach = dma_buf_attach(dmabuf, &pdev->dev);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		ret = PTR_ERR(sgt);
	} else {
		ret = read_table(sgt, args, dmabuf->size);
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	}
	dma_buf_detach(dmabuf, attach);

	return ret;
}

static int read_vmap(struct dma_buf *dmabuf, struct vdmabuf_importer_read *args)
{
	struct iosys_map map;
	int ret;

	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (ret)
		return ret;
	if (copy_to_user(u64_to_user_ptr(args->to), map.vaddr, dmabuf->size))
		ret = -EFAULT;
	dma_buf_vunmap_unlocked(dmabuf, &map);

	return ret;
}

static long importer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vdmabuf_importer_read args;
	void __user *argp = (void __user *)arg;
	struct dma_buf *dmabuf;
	int ret;

	if (cmd != VDMABUF_IMPORTER_READ)
		return -ENOTTY;
	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;

	dmabuf = dma_buf_get(args.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	mutex_lock(&lock);
	if (args.flags & VDMABUF_IMPORTER_VMAP)
		ret = read_vmap(dmabuf, &args);
	else
		ret = read_dmabuf(dmabuf, &args);
	mutex_unlock(&lock);
	dma_buf_put(dmabuf);

	if (!ret && copy_to_user(argp, &args, sizeof(args)))
		ret = -EFAULT;

	return ret;
}

static const struct file_operations importer_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= importer_ioctl,
};

static struct miscdevice importer_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vdmabuf-importer",
	.mode	= 0600,
	.fops	= &importer_fops,
};

static int __init importer_init(void)
{
	int ret;

	pdev = platform_device_register_simple("vdmabuf-importer", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (!ret)
		ret = misc_register(&importer_misc);
	if (ret)
		platform_device_unregister(pdev);

	return ret;
}
module_init(importer_init);

static void __exit importer_exit(void)
{
	misc_deregister(&importer_misc);
	platform_device_unregister(pdev);
}
module_exit(importer_exit);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
MODULE_DESCRIPTION("Reads dma-bufs as a device, for tests");
MODULE_LICENSE("GPL");
