// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: dma-bufs of the driver's own pages.
 *
 * They have nothing to do with the device once they are made: they live, and keep the
 * module, as long as anybody uses them. They are exported to the host like any other.
 *
 * Lock order: the dma-buf's reservation lock (held by the core around map, unmap, vmap
 * and vunmap), then vdmabuf_pages.lock.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "virtio_vdmabuf_drv.h"

/* It is an ordinary failure not to get the pages, and no reason to kill anybody for them. */
#define VDMABUF_PAGES_GFP	(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN)

/* Two megabytes, 64 kilobytes, a page (with pages of four kilobytes) */
static const unsigned int vdmabuf_orders[] = { 9, 4, 0 };

struct vdmabuf_pages {
	struct page **pages;
	unsigned long nr_pages;
	struct mutex lock;		/* of all that follows */
	struct list_head attachments;
	void *vaddr;			/* NULL: not mapped */
};

struct vdmabuf_attachment {
	struct list_head node;
	struct device *dev;
	struct sg_table sgt;
	bool mapped;
};

/* ----------------------------------------------------------- dma_buf_ops */

static int vdmabuf_pages_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	struct vdmabuf_attachment *a;
	int err;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;

	/* A table of its own: DMA addresses differ from device to device */
	err = sg_alloc_table_from_pages_segment(&a->sgt, p->pages, p->nr_pages, 0,
						p->nr_pages << PAGE_SHIFT,
						max_t(size_t, PAGE_SIZE,
						      dma_get_max_seg_size(attach->dev)),
						GFP_KERNEL);
	if (err) {
		kfree(a);
		return err;
	}
	a->dev = attach->dev;
	attach->priv = a;

	mutex_lock(&p->lock);
	list_add_tail(&a->node, &p->attachments);
	mutex_unlock(&p->lock);
	return 0;
}

static void vdmabuf_pages_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	struct vdmabuf_attachment *a = attach->priv;

	mutex_lock(&p->lock);
	list_del(&a->node);
	mutex_unlock(&p->lock);

	sg_free_table(&a->sgt);
	kfree(a);
}

static struct sg_table *vdmabuf_pages_map(struct dma_buf_attachment *attach,
					  enum dma_data_direction dir)
{
	struct vdmabuf_pages *p = attach->dmabuf->priv;
	struct vdmabuf_attachment *a = attach->priv;
	int err;

	/*
	 * Synchronised by hand, with the same effect: one device may have the pages mapped
	 * more than once, which the DMA API takes for a mistake otherwise.
	 */
	mutex_lock(&p->lock);
	/* One table, so one mapping at a time */
	err = a->mapped ? -EBUSY : dma_map_sgtable(a->dev, &a->sgt, dir,
						   DMA_ATTR_SKIP_CPU_SYNC);
	if (!err) {
		dma_sync_sgtable_for_device(a->dev, &a->sgt, dir);
		a->mapped = true;
	}
	mutex_unlock(&p->lock);

	return err ? ERR_PTR(err) : &a->sgt;
}

static void vdmabuf_pages_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct vdmabuf_pages *p = attach->dmabuf->priv;
	struct vdmabuf_attachment *a = attach->priv;

	mutex_lock(&p->lock);
	dma_sync_sgtable_for_cpu(a->dev, sgt, dir);
	dma_unmap_sgtable(a->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	a->mapped = false;
	mutex_unlock(&p->lock);
}

static int vdmabuf_pages_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	struct vdmabuf_attachment *a;

	mutex_lock(&p->lock);
	if (p->vaddr)
		invalidate_kernel_vmap_range(p->vaddr, dmabuf->size);
	list_for_each_entry(a, &p->attachments, node)
		if (a->mapped)
			dma_sync_sgtable_for_cpu(a->dev, &a->sgt, dir);
	mutex_unlock(&p->lock);
	return 0;
}

static int vdmabuf_pages_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	struct vdmabuf_attachment *a;

	mutex_lock(&p->lock);
	if (p->vaddr)
		flush_kernel_vmap_range(p->vaddr, dmabuf->size);
	list_for_each_entry(a, &p->attachments, node)
		if (a->mapped)
			dma_sync_sgtable_for_device(a->dev, &a->sgt, dir);
	mutex_unlock(&p->lock);
	return 0;
}

/* How many pages from @first on, but not more than @max, are physically contiguous. */
static unsigned long vdmabuf_pages_run(struct vdmabuf_pages *p, unsigned long first,
				       unsigned long max)
{
	unsigned long n = 1;

	while (n < max &&
	       page_to_pfn(p->pages[first + n]) == page_to_pfn(p->pages[first]) + n)
		n++;
	return n;
}

/* The core has checked that the range is inside the buffer. */
static int vdmabuf_pages_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	unsigned long addr = vma->vm_start;
	unsigned long left = vma_pages(vma);
	unsigned long first = vma->vm_pgoff;
	unsigned long run;
	int err;

	/* A private copy that can be written to would have nothing to do with the buffer */
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	while (left) {
		run = vdmabuf_pages_run(p, first, left);
		err = remap_pfn_range(vma, addr, page_to_pfn(p->pages[first]),
				      run << PAGE_SHIFT, vma->vm_page_prot);
		if (err)
			return err;
		addr += run << PAGE_SHIFT;
		first += run;
		left -= run;
	}
	return 0;
}

/* The core counts: this comes for the first vmap, vunmap for the last. */
static int vdmabuf_pages_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	void *vaddr;

	vaddr = vmap(p->pages, p->nr_pages, VM_MAP, PAGE_KERNEL);
	if (!vaddr)
		return -ENOMEM;

	mutex_lock(&p->lock);
	p->vaddr = vaddr;
	mutex_unlock(&p->lock);
	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void vdmabuf_pages_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct vdmabuf_pages *p = dmabuf->priv;
	void *vaddr;

	mutex_lock(&p->lock);
	vaddr = p->vaddr;
	p->vaddr = NULL;
	mutex_unlock(&p->lock);
	vunmap(vaddr);
	iosys_map_clear(map);
}

static void vdmabuf_pages_free(struct vdmabuf_pages *p)
{
	unsigned long i;

	for (i = 0; i < p->nr_pages; i++) {
		__free_page(p->pages[i]);
		if (!(i % 4096))
			cond_resched();
	}
	kvfree(p->pages);
	kfree(p);
}

static void vdmabuf_pages_release(struct dma_buf *dmabuf)
{
	vdmabuf_pages_free(dmabuf->priv);
}

static const struct dma_buf_ops vdmabuf_pages_ops = {
	.attach			= vdmabuf_pages_attach,
	.detach			= vdmabuf_pages_detach,
	.map_dma_buf		= vdmabuf_pages_map,
	.unmap_dma_buf		= vdmabuf_pages_unmap,
	.begin_cpu_access	= vdmabuf_pages_begin_cpu_access,
	.end_cpu_access		= vdmabuf_pages_end_cpu_access,
	.mmap			= vdmabuf_pages_mmap,
	.vmap			= vdmabuf_pages_vmap,
	.vunmap			= vdmabuf_pages_vunmap,
	.release		= vdmabuf_pages_release,
};

/* ------------------------------------------------------------- allocation */

static struct page *vdmabuf_pages_get(unsigned int order, unsigned int min_order)
{
	struct page *page;
	gfp_t gfp = VDMABUF_PAGES_GFP;

	if (order > min_order)
		gfp = (gfp | __GFP_NORETRY) & ~__GFP_DIRECT_RECLAIM;
	else
		gfp |= __GFP_RETRY_MAYFAIL;

	page = alloc_pages(gfp, order);
	/* As single pages they can be freed, and mapped, one by one */
	if (page && order)
		split_page(page, order);
	return page;
}

/* Fill the array, in runs as long as there are; in runs of @min_order only if @scattered. */
static int vdmabuf_pages_fill(struct vdmabuf_pages *p, unsigned long nr_pages,
			      unsigned int min_order, bool scattered)
{
	unsigned int level = 0, order, i;
	struct page *page;

	while (p->nr_pages < nr_pages) {
		if (fatal_signal_pending(current))
			return -EINTR;

		order = max(vdmabuf_orders[level], min_order);
		if (scattered)
			order = min_order;
		if (order > min_order && nr_pages - p->nr_pages < 1UL << order) {
			level++;
			continue;
		}

		page = vdmabuf_pages_get(order, min_order);
		if (!page) {
			if (order == min_order)
				return -ENOMEM;
			level++;
			continue;
		}
		for (i = 0; i < 1U << order; i++)
			p->pages[p->nr_pages++] = page + i;
		cond_resched();
	}
	return 0;
}

static int vdmabuf_pages_compare(const void *a, const void *b)
{
	unsigned long pfn_a = page_to_pfn(*(struct page * const *)a);
	unsigned long pfn_b = page_to_pfn(*(struct page * const *)b);

	return pfn_a < pfn_b ? -1 : pfn_a > pfn_b;
}

/*
 * Order the pages so that no two neighbours in the buffer are neighbours in memory: sort
 * them, and deal them out from the upper and the lower half in turn. Each step then goes
 * down, or up by more than half of all pages.
 */
static int vdmabuf_pages_scatter(struct vdmabuf_pages *p, unsigned int min_order)
{
	size_t unit = sizeof(struct page *) << min_order;
	unsigned long per_unit = 1UL << min_order;
	unsigned long nr = p->nr_pages >> min_order;
	unsigned long lower = nr / 2;
	struct page **pages;
	unsigned long i, from;

	pages = kvmalloc_array(nr, unit, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return -ENOMEM;

	sort(p->pages, nr, unit, vdmabuf_pages_compare, NULL);
	for (i = 0; i < nr; i++) {
		from = i % 2 ? i / 2 : lower + i / 2;
		memcpy(pages + i * per_unit, p->pages + from * per_unit, unit);
	}

	kvfree(p->pages);
	p->pages = pages;
	return 0;
}

static struct dma_buf *vdmabuf_pages_export(unsigned long nr_pages, unsigned int min_order,
					    bool scattered)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vdmabuf_pages *p;
	struct dma_buf *dmabuf;
	int err;

	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return ERR_PTR(-ENOMEM);
	mutex_init(&p->lock);
	INIT_LIST_HEAD(&p->attachments);

	p->pages = kvmalloc_array(nr_pages, sizeof(*p->pages),
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!p->pages) {
		err = -ENOMEM;
		goto err_free;
	}
	err = vdmabuf_pages_fill(p, nr_pages, min_order, scattered);
	if (err)
		goto err_free;
	if (scattered) {
		err = vdmabuf_pages_scatter(p, min_order);
		if (err)
			goto err_free;
	}

	info.ops = &vdmabuf_pages_ops;
	info.size = nr_pages << PAGE_SHIFT;
	info.flags = O_RDWR;
	info.priv = p;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		err = PTR_ERR(dmabuf);
		goto err_free;
	}
	return dmabuf;

err_free:
	vdmabuf_pages_free(p);
	return ERR_PTR(err);
}

int vdmabuf_alloc_ioctl(struct vdmabuf_device *dev, struct vdmabuf_alloc *arg,
			void __user *uarg)
{
	u64 max_bytes, unit;
	struct dma_buf *dmabuf;
	bool dead;
	int fd;

	spin_lock(&dev->lock);
	dead = dev->state == VDMABUF_DEAD;
	max_bytes = dev->max_bytes;
	unit = max_t(u64, dev->page_size, PAGE_SIZE);
	spin_unlock(&dev->lock);
	if (dead)
		return -ENODEV;

	if (arg->flags & ~VDMABUF_ALLOC_SCATTERED)
		return -EINVAL;
	if (!arg->size || arg->size > max_bytes)
		return -EINVAL;
	/* Before it is rounded: nobody has half of the address space as memory */
	if (arg->size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	arg->size = round_up(arg->size, unit);

	dmabuf = vdmabuf_pages_export(arg->size >> PAGE_SHIFT, get_order(unit),
				      arg->flags & VDMABUF_ALLOC_SCATTERED);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	arg->fd = fd;
	if (copy_to_user(uarg, arg, sizeof(*arg))) {
		put_unused_fd(fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	fd_install(fd, dmabuf->file);
	return 0;
}
