// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dma-bufs that consumers import. Each IMPORT makes one of its own; all dma-bufs of a buffer
 * share its pinned pages, and nothing else.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "vhost_vdmabuf.h"

/* Pages that a fault maps at most, itself included; aligned to this in the buffer */
#define FAULT_AROUND	512

struct vhost_vdmabuf_import {
	struct vhost_vdmabuf_buffer *buf;
	bool write;
	struct mutex lock;		/* protects mappings */
	struct list_head mappings;
};

/* For one attachment */
struct import_mapping {
	struct list_head node;
	struct device *dev;
	enum dma_data_direction dir;
	struct sg_table sgt;
};

/*
 * From page @index of the buffer on, at most @max pages that are neighbours in memory. Returns how
 * many.
 */
static unsigned long adjacent_pages(const struct vhost_vdmabuf_buffer *buf, unsigned long index,
				    unsigned long max, struct page **page)
{
	unsigned long nr, more, pfn, next;

	pfn = vhost_vdmabuf_pfn(buf, index, &nr);
	*page = pfn_to_page(pfn);
	while (nr < max && index + nr < buf->nr_pages) {
		next = vhost_vdmabuf_pfn(buf, index + nr, &more);
		if (next != pfn + nr || pfn_to_page(next) != *page + nr)
			break;
		nr += more;
	}

	return min(nr, max);
}

/* A table of the buffer's pages, in segments of at most @max_segment bytes */
static int import_table(const struct vhost_vdmabuf_buffer *buf, struct sg_table *sgt,
			size_t max_segment)
{
	unsigned long max = max_segment >> PAGE_SHIFT, index, nr;
	unsigned int nr_segments = 0, i;
	struct scatterlist *sg;
	struct page *page;
	int ret;

	for (index = 0; index < buf->nr_pages; index += nr) {
		nr = adjacent_pages(buf, index, max, &page);
		nr_segments++;
	}

	ret = sg_alloc_table(sgt, nr_segments, GFP_KERNEL);
	if (ret)
		return ret;

	index = 0;
	for_each_sgtable_sg(sgt, sg, i) {
		nr = adjacent_pages(buf, index, max, &page);
		sg_set_page(sg, page, nr << PAGE_SHIFT, 0);
		index += nr;
	}

	return 0;
}

static struct sg_table *import_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction dir)
{
	struct vhost_vdmabuf_import *imp = attachment->dmabuf->priv;
	struct import_mapping *mapping;
	int ret;

	/*
	 * Drivers of GPUs always ask for both directions. A device behind an IOMMU can then
	 * only do what it was granted.
	 */
	if (!imp->write) {
		if (dir == DMA_FROM_DEVICE)
			return ERR_PTR(-EACCES);
		if (dir == DMA_BIDIRECTIONAL)
			dir = DMA_TO_DEVICE;
	}

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = attachment->dev;
	mapping->dir = dir;

	ret = import_table(imp->buf, &mapping->sgt,
			   max_t(size_t, dma_get_max_seg_size(mapping->dev), PAGE_SIZE));
	if (ret)
		goto err_mapping;

	ret = dma_map_sgtable(mapping->dev, &mapping->sgt, dir, 0);
	if (ret)
		goto err_sgt;

	mutex_lock(&imp->lock);
	list_add(&mapping->node, &imp->mappings);
	mutex_unlock(&imp->lock);

	return &mapping->sgt;

err_sgt:
	sg_free_table(&mapping->sgt);
err_mapping:
	kfree(mapping);

	return ERR_PTR(ret);
}

static void import_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct import_mapping *mapping = container_of(sgt, struct import_mapping, sgt);
	struct vhost_vdmabuf_import *imp = attachment->dmabuf->priv;

	mutex_lock(&imp->lock);
	list_del(&mapping->node);
	mutex_unlock(&imp->lock);

	dma_unmap_sgtable(mapping->dev, sgt, mapping->dir, 0);
	sg_free_table(sgt);
	kfree(mapping);
}

/*
 * By DMA address: while a table is with its importer its page links belong to the dma-buf core,
 * which may have scrambled them. Page by page: what is one piece to the device need not be one in
 * memory, and an IOMMU looks up only the first address it is given.
 */
static void sync_mapping(struct import_mapping *mapping, bool for_cpu)
{
	struct sg_dma_page_iter iter;

	for_each_sgtable_dma_page(&mapping->sgt, &iter, 0) {
		dma_addr_t addr = sg_page_iter_dma_address(&iter);

		if (for_cpu)
			dma_sync_single_for_cpu(mapping->dev, addr, PAGE_SIZE, mapping->dir);
		else
			dma_sync_single_for_device(mapping->dev, addr, PAGE_SIZE, mapping->dir);
	}
}

static int import_sync(struct dma_buf *dmabuf, bool for_cpu)
{
	struct vhost_vdmabuf_import *imp = dmabuf->priv;
	struct import_mapping *mapping;

	mutex_lock(&imp->lock);
	list_for_each_entry(mapping, &imp->mappings, node)
		sync_mapping(mapping, for_cpu);
	mutex_unlock(&imp->lock);

	return 0;
}

static int import_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return import_sync(dmabuf, true);
}

static int import_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return import_sync(dmabuf, false);
}

static vm_fault_t import_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vhost_vdmabuf_import *imp = vma->vm_private_data;
	struct vhost_vdmabuf_buffer *buf = imp->buf;
	unsigned long pfn, nr;
	pgoff_t pgoff, end;
	vm_fault_t ret;

	if (vmf->pgoff >= buf->nr_pages)
		return VM_FAULT_SIGBUS;

	ret = vmf_insert_pfn(vma, vmf->address, vhost_vdmabuf_pfn(buf, vmf->pgoff, &nr));
	if (ret & VM_FAULT_ERROR)
		return ret;

	/* Its neighbours are wanted next; where that fails they fault themselves */
	pgoff = max(round_down(vmf->pgoff, FAULT_AROUND), vma->vm_pgoff);
	end = min3(round_down(vmf->pgoff, FAULT_AROUND) + FAULT_AROUND,
		   vma->vm_pgoff + vma_pages(vma), buf->nr_pages);
	while (pgoff < end) {
		pfn = vhost_vdmabuf_pfn(buf, pgoff, &nr);
		for (; nr && pgoff < end; nr--, pgoff++, pfn++) {
			if (pgoff == vmf->pgoff)
				continue;
			if (vmf_insert_pfn(vma, vma->vm_start +
					   ((pgoff - vma->vm_pgoff) << PAGE_SHIFT), pfn) &
			    VM_FAULT_ERROR)
				return ret;
		}
	}

	return ret;
}

static const struct vm_operations_struct import_vm_ops = {
	.fault = import_fault,
};

static int import_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct vhost_vdmabuf_import *imp = dmabuf->priv;
	unsigned long end;

	/* A private mapping would have to copy pages, which have no struct page here */
	if (!(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;

	if (check_add_overflow(vma->vm_pgoff, vma_pages(vma), &end) || end > imp->buf->nr_pages)
		return -EINVAL;

	if (!imp->write) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &import_vm_ops;
	vma->vm_private_data = imp;

	return 0;
}

/* The dma-buf core counts users of the mapping, and asks for one only */
static int import_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct vhost_vdmabuf_import *imp = dmabuf->priv;
	struct vhost_vdmabuf_buffer *buf = imp->buf;
	unsigned long index = 0, nr, pfn;
	struct page **pages;
	void *vaddr;

	pages = kvmalloc_array(buf->nr_pages, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	while (index < buf->nr_pages) {
		pfn = vhost_vdmabuf_pfn(buf, index, &nr);
		while (nr--)
			pages[index++] = pfn_to_page(pfn++);
	}
	vaddr = vmap(pages, buf->nr_pages, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (!vaddr)
		return -ENOMEM;

	iosys_map_set_vaddr(map, vaddr);

	return 0;
}

static void import_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
	iosys_map_clear(map);
}

static void import_release(struct dma_buf *dmabuf)
{
	struct vhost_vdmabuf_import *imp = dmabuf->priv;

	vhost_vdmabuf_unpin(imp->buf);
	vhost_vdmabuf_import_ended(imp->buf);
	mutex_destroy(&imp->lock);
	kfree(imp);
}

static const struct dma_buf_ops import_write_ops = {
	.map_dma_buf		= import_map,
	.unmap_dma_buf		= import_unmap,
	.begin_cpu_access	= import_begin_cpu_access,
	.end_cpu_access		= import_end_cpu_access,
	.mmap			= import_mmap,
	.vmap			= import_vmap,
	.vunmap			= import_vunmap,
	.release		= import_release,
};

/*
 * Without vmap: it does not say what its users are going to do, and drivers that capture into what
 * they have vmapped write to it. The kernel would not survive that on pages mapped read-only; and
 * the dma-buf core warns of a vmap that fails, but not of one that there is not.
 */
static const struct dma_buf_ops import_read_ops = {
	.map_dma_buf		= import_map,
	.unmap_dma_buf		= import_unmap,
	.begin_cpu_access	= import_begin_cpu_access,
	.end_cpu_access		= import_end_cpu_access,
	.mmap			= import_mmap,
	.release		= import_release,
};

/*
 * A dma-buf of a buffer whose pages the caller has pinned. The pin, and the caller's import, are
 * the dma-buf's when this succeeds.
 */
struct dma_buf *vhost_vdmabuf_export(struct vhost_vdmabuf_buffer *buf, bool write)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vhost_vdmabuf_import *imp;
	struct dma_buf *dmabuf;

	imp = kzalloc(sizeof(*imp), GFP_KERNEL_ACCOUNT);
	if (!imp)
		return ERR_PTR(-ENOMEM);
	imp->buf = buf;
	imp->write = write;
	mutex_init(&imp->lock);
	INIT_LIST_HEAD(&imp->mappings);

	info.ops = write ? &import_write_ops : &import_read_ops;
	info.size = buf->size;
	info.flags = write ? O_RDWR : O_RDONLY;
	info.priv = imp;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		mutex_destroy(&imp->lock);
		kfree(imp);
	}

	return dmabuf;
}

/* The buffer of a dma-buf that vhost_vdmabuf_export() has returned */
struct vhost_vdmabuf_buffer *vhost_vdmabuf_exported(struct dma_buf *dmabuf)
{
	struct vhost_vdmabuf_import *imp = dmabuf->priv;

	return imp->buf;
}
