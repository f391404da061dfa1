// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a buffer: where they are in the owner's address space, and pinning them.
 *
 * Pinned pages are kept in pieces: pages of one folio that follow each other in the buffer and in
 * memory, held by one pin. So memory that consists of large folios costs next to nothing, and a
 * buffer without two adjacent pages a word for each page.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "vhost_vdmabuf.h"

/* Pieces that are pinned or unpinned before others get a turn */
#define BATCH		512U
/* And how many pages may be in them */
#define BATCH_PAGES	(SZ_64M >> PAGE_SHIFT)
/* From here on the folios of a file are found faster than the pages of a page table */
#define FILE_PAGES	16

/*
 * Where @addr of the guest is in the owner's address space. *@length is how much is wanted, and on
 * return how much lies there in one piece, at least a page.
 */
int vhost_vdmabuf_translate(struct vhost_iotlb *umem, u64 addr, u64 *length, unsigned long *hva)
{
	struct vhost_iotlb_map *map;

	if (!umem)
		return -EFAULT;

	map = vhost_iotlb_itree_first(umem, addr, addr + *length - 1);
	if (!map || map->start > addr)
		return -EFAULT;

	*length = min(*length - 1, map->last - addr) + 1;
	*hva = map->addr + (addr - map->start);

	/* Regions need not consist of whole pages, buffers do */
	if (!PAGE_ALIGNED(*hva) || !PAGE_ALIGNED(*length))
		return -EFAULT;

	return 0;
}

/* Adds pages to, or takes them from, what counts as locked by the owner */
static int account(struct vhost_vdmabuf *vd, unsigned long nr_pages, bool inc)
{
	int ret = 0;

	if (!mmget_not_zero(vd->mm))
		return -ENODEV;

	if (inc)
		ret = mmap_write_lock_killable(vd->mm);
	else
		mmap_write_lock(vd->mm);
	if (!ret) {
		ret = __account_locked_vm(vd->mm, nr_pages, inc, vd->task, vd->may_lock);
		mmap_write_unlock(vd->mm);
	}

	mmput(vd->mm);

	return ret;
}

/* Gives @pages room for so many pieces, in all */
static int resize(struct vhost_vdmabuf_pages *pages, u32 room)
{
	size_t each = sizeof(*pages->pfns) + (pages->single ? 0 : sizeof(*pages->firsts));
	unsigned long *pfns;
	u32 *firsts;

	pfns = kvmalloc_array(room, each, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pfns)
		return -ENOMEM;
	firsts = (u32 *)(pfns + room);

	if (pages->pfns) {
		memcpy(pfns, pages->pfns, pages->nr * sizeof(*pfns));
		if (!pages->single)
			memcpy(firsts, pages->firsts, pages->nr * sizeof(*firsts));
		kvfree(pages->pfns);
	}
	pages->pfns = pfns;
	pages->firsts = pages->single ? NULL : firsts;
	pages->room = room;

	return 0;
}

/* Ends all pins, and forgets the pieces */
static void release(struct vhost_vdmabuf_pages *pages, bool dirty)
{
	u32 i;

	for (i = 0; i < pages->nr; i++) {
		unpin_user_page_range_dirty_lock(pfn_to_page(pages->pfns[i]), 1, dirty);
		if (!(i % BATCH))
			cond_resched();
	}
	kvfree(pages->pfns);
	memset(pages, 0, sizeof(*pages));
}

/* What has been pinned so far, and what comes next */
struct pin_walk {
	struct vhost_vdmabuf_buffer *buf;
	struct vhost_vdmabuf_pages pages;
	unsigned long done;			/* pages */
	const struct vhost_vdmabuf_run *run;
	u64 run_done;				/* bytes */
	union {
		struct page **batch;
		struct folio **folios;
	};
};

/* There is room for it; its pages have one pin */
static void add_piece(struct pin_walk *walk, struct page *page, unsigned long nr)
{
	struct vhost_vdmabuf_pages *pages = &walk->pages;

	pages->pfns[pages->nr] = page_to_pfn(page);
	if (!pages->single)
		pages->firsts[pages->nr] = walk->done;
	pages->nr++;

	walk->done += nr;
	walk->run_done += (u64)nr << PAGE_SHIFT;
	if (walk->run_done == walk->run->length) {
		walk->run++;
		walk->run_done = 0;
	}
}

/* Where the next pages are, and how many of them lie there in one piece */
static int next_pages(struct pin_walk *walk, unsigned long *hva, unsigned long *nr)
{
	u64 length = walk->run->length - walk->run_done;
	int ret;

	ret = vhost_vdmabuf_translate(walk->buf->vd->dev.umem, walk->run->addr + walk->run_done,
				      &length, hva);
	*nr = length >> PAGE_SHIFT;

	return ret;
}

/* The file that the owner has mapped at @hva for all to write, *@nr pages of it at most */
static struct file *mapped_file(struct mm_struct *mm, unsigned long hva, unsigned long *nr,
				loff_t *start)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (mmap_read_lock_killable(mm))
		return NULL;
	vma = find_vma(mm, hva);
	if (vma && vma->vm_start <= hva && vma->vm_file &&
	    (vma->vm_flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE)) {
		*nr = min(*nr, (vma->vm_end - hva) >> PAGE_SHIFT);
		*start = hva - vma->vm_start + ((loff_t)vma->vm_pgoff << PAGE_SHIFT);
		file = get_file(vma->vm_file);
	}
	mmap_read_unlock(mm);

	return file;
}

static bool for_file(const struct pin_walk *walk, unsigned long nr)
{
	return nr >= FILE_PAGES && !walk->pages.single;
}

/* Pins the next pages, folio by folio, if they belong to a memfd or the like */
static int pin_by_file(struct pin_walk *walk, unsigned long hva, unsigned long nr)
{
	unsigned long first, count;
	struct folio *folio;
	struct file *file;
	pgoff_t offset;
	loff_t start;
	long ret, i;

	nr = min(nr, BATCH_PAGES);
	file = mapped_file(walk->buf->vd->mm, hva, &nr, &start);
	if (!file)
		return -EFAULT;
	ret = compat_memfd_pin_folios(file, start, start + ((loff_t)nr << PAGE_SHIFT) - 1,
				      walk->folios, BATCH, &offset);
	fput(file);
	if (ret <= 0)
		return ret ?: -EFAULT;

	first = offset >> PAGE_SHIFT;
	for (i = 0; i < ret; i++) {
		folio = walk->folios[i];
		count = min(folio_nr_pages(folio) - first, nr);
		add_piece(walk, folio_page(folio, first), count);
		nr -= count;
		first = 0;
	}

	return 0;
}

/* Makes pieces of pages that have a pin each */
static void add_pinned(struct pin_walk *walk, struct page **pages, unsigned long nr)
{
	unsigned long i, count;

	for (i = 0; i < nr; i += count) {
		count = 1;
		while (!walk->pages.single && i + count < nr &&
		       pages[i + count] == pages[i] + count &&
		       page_folio(pages[i + count]) == page_folio(pages[i]))
			count++;
		if (count > 1)
			unpin_user_page_range_dirty_lock(pages[i] + 1, count - 1, false);
		add_piece(walk, pages[i], count);
	}
}

/* Pins the next pages as the owner's page tables have them */
static int pin_by_address(struct pin_walk *walk)
{
	struct mm_struct *mm = walk->buf->vd->mm;
	unsigned long done = 0, hva, nr;
	long ret;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;

	while (done < BATCH && walk->done < walk->buf->nr_pages) {
		ret = next_pages(walk, &hva, &nr);
		if (ret || (done && for_file(walk, nr)))
			break;
		ret = compat_pin_user_pages_remote(mm, hva, min(nr, BATCH - done),
						   FOLL_WRITE | FOLL_LONGTERM, walk->batch);
		if (ret <= 0)
			break;
		add_pinned(walk, walk->batch, ret);
		done += ret;
	}

	mmap_read_unlock(mm);

	/* What has been pinned counts; an error that lasts comes again */
	if (done)
		return 0;

	return ret ?: -EFAULT;
}

/* Pins some more; under dev.mutex, which keeps the memory table as it is */
static int pin_batch(struct pin_walk *walk)
{
	struct vhost_vdmabuf_pages *pages = &walk->pages;
	u32 most = walk->buf->nr_pages;
	u32 wanted = pages->nr + min_t(u32, BATCH, most - walk->done);
	unsigned long hva, nr;
	int ret;

	lockdep_assert_held(&walk->buf->vd->dev.mutex);

	if (pages->room < wanted) {
		ret = resize(pages, pages->single ? most : min(max(wanted, 2 * pages->room), most));
		if (ret)
			return ret;
	}

	ret = next_pages(walk, &hva, &nr);
	if (ret)
		return ret;
	if (for_file(walk, nr) && !pin_by_file(walk, hva, nr))
		return 0;

	return pin_by_address(walk);
}

/* To the beginning */
static void walk_reset(struct pin_walk *walk)
{
	release(&walk->pages, false);
	/* Where hardly a run is longer than a page, larger pieces would not be worth @firsts */
	walk->pages.single = walk->buf->nr_runs > walk->buf->nr_pages / 3 * 2;
	walk->done = 0;
	walk->run = walk->buf->runs;
	walk->run_done = 0;
}

/*
 * All pages by one memory table: what the owner maps behind another may be something else. So it
 * begins again when the table changes, and the owner never waits for more than a batch.
 */
static int pin_all(struct pin_walk *walk)
{
	struct vhost_vdmabuf *vd = walk->buf->vd;
	u64 table = 0;
	bool stale;
	int ret;

	walk_reset(walk);
	while (walk->done < walk->buf->nr_pages) {
		ret = mutex_lock_killable(&vd->dev.mutex);
		if (ret)
			return ret;
		stale = walk->done && table != vd->memory_tables;
		table = vd->memory_tables;
		if (vd->dev_gone)
			ret = -ENODEV;
		else if (!stale)
			ret = pin_batch(walk);
		mutex_unlock(&vd->dev.mutex);

		if (ret)
			return ret == -ENOMEM || ret == -EINTR || ret == -ENODEV ? ret : -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (stale)
			walk_reset(walk);
		cond_resched();
	}

	return 0;
}

static int pin(struct vhost_vdmabuf_buffer *buf)
{
	struct pin_walk walk = { .buf = buf };
	int ret;

	walk.batch = kmalloc_array(BATCH, sizeof(*walk.batch), GFP_KERNEL);
	if (!walk.batch)
		return -ENOMEM;

	ret = account(buf->vd, buf->nr_pages, true);
	if (ret)
		goto out_batch;

	ret = pin_all(&walk);
	if (ret) {
		release(&walk.pages, false);
		account(buf->vd, buf->nr_pages, false);
		goto out_batch;
	}

	/* What is too much goes back, if that is worth a copy */
	if (walk.pages.nr <= walk.pages.room / 2)
		resize(&walk.pages, walk.pages.nr);
	buf->pages = walk.pages;
out_batch:
	kfree(walk.batch);

	return ret;
}

/* One more user of the buffer's pages. The first one pins them, for all that follow. */
int vhost_vdmabuf_pin(struct vhost_vdmabuf_buffer *buf, bool write)
{
	int ret;

	ret = mutex_lock_killable(&buf->pin_lock);
	if (ret)
		return ret;

	if (!buf->nr_pins) {
		ret = pin(buf);
		if (ret)
			goto out_unlock;
		buf->written = false;
		atomic64_add(buf->size, &buf->vd->bytes_pinned);
	}
	buf->written |= write;
	WRITE_ONCE(buf->nr_pins, buf->nr_pins + 1);
out_unlock:
	mutex_unlock(&buf->pin_lock);

	return ret;
}

void vhost_vdmabuf_unpin(struct vhost_vdmabuf_buffer *buf)
{
	mutex_lock(&buf->pin_lock);
	WRITE_ONCE(buf->nr_pins, buf->nr_pins - 1);
	if (!buf->nr_pins) {
		release(&buf->pages, buf->written);
		account(buf->vd, buf->nr_pages, false);
		atomic64_sub(buf->size, &buf->vd->bytes_pinned);
	}
	mutex_unlock(&buf->pin_lock);
}

/*
 * The page frame of page @index of a pinned buffer. *@nr is for how many pages, this one included,
 * the buffer goes on there.
 */
unsigned long vhost_vdmabuf_pfn(const struct vhost_vdmabuf_buffer *buf, unsigned long index,
				unsigned long *nr)
{
	const struct vhost_vdmabuf_pages *pages = &buf->pages;
	u32 low = 0, high = pages->nr, middle;

	if (pages->single) {
		*nr = 1;
		return pages->pfns[index];
	}

	/* The last piece that does not begin behind it */
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (pages->firsts[middle] <= index)
			low = middle;
		else
			high = middle;
	}
	*nr = (low + 1 < pages->nr ? pages->firsts[low + 1] : buf->nr_pages) - index;

	return pages->pfns[low] + (index - pages->firsts[low]);
}
