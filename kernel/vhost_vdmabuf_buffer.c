// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which buffers a VM has registered.
 *
 * A buffer is a list of runs of guest memory. Nothing of it is held until the first import; then
 * the runs are translated with the memory table as it is at that moment, and all pages are pinned.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "vhost_vdmabuf.h"

/* What one allocation can hold, whatever the module's parameters say */
#define MAX_ENTRIES	(INT_MAX / sizeof(struct vhost_vdmabuf_run))
#define MAX_PAGES	(INT_MAX / (sizeof(unsigned long) + sizeof(u32)))

static bool run_is_ram(struct vhost_iotlb *umem, const struct vhost_vdmabuf_run *run)
{
	u64 done, length;
	unsigned long hva;

	for (done = 0; done < run->length; done += length) {
		length = run->length - done;
		if (vhost_vdmabuf_translate(umem, run->addr + done, &length, &hva))
			return false;
	}

	return true;
}

/*
 * Checks the guest's entries and turns them, in place, into runs with adjacent ones merged. Returns
 * how many runs there are, or 0 if something is wrong.
 */
static u32 entries_to_runs(struct vhost_iotlb *umem, u64 size, struct vhost_vdmabuf_run *runs,
			   u32 nr_entries)
{
	const struct virtio_vdmabuf_entry *entries = (void *)runs;
	u32 i, nr_runs = 0;
	u64 sum = 0;

	static_assert(sizeof(*entries) == sizeof(*runs));

	for (i = 0; i < nr_entries; i++) {
		u64 addr = le64_to_cpu(entries[i].addr);
		u64 length = le64_to_cpu(entries[i].length);
		struct vhost_vdmabuf_run *last = nr_runs ? &runs[nr_runs - 1] : NULL;
		u64 end;

		if (!length || !PAGE_ALIGNED(addr) || !PAGE_ALIGNED(length) ||
		    check_add_overflow(addr, length, &end) ||
		    check_add_overflow(sum, length, &sum))
			return 0;

		if (last && last->addr + last->length == addr) {
			last->length += length;
		} else {
			runs[nr_runs].addr = addr;
			runs[nr_runs].length = length;
			nr_runs++;
		}
	}

	if (sum != size)
		return 0;

	for (i = 0; i < nr_runs; i++) {
		if (!run_is_ram(umem, &runs[i]))
			return 0;
		cond_resched();
	}

	return nr_runs;
}

/* Gives back what merging has made superfluous, if that is worth a copy */
static struct vhost_vdmabuf_run *shrink_runs(struct vhost_vdmabuf_run *runs, u32 nr_entries,
					     u32 nr_runs)
{
	struct vhost_vdmabuf_run *small;

	if (nr_runs > nr_entries / 2)
		return runs;

	small = kvmalloc_array(nr_runs, sizeof(*runs), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!small)
		return runs;

	memcpy(small, runs, nr_runs * sizeof(*runs));
	kvfree(runs);

	return small;
}

/* Makes room in the limits; what is reserved here ends with the buffer */
static u32 reserve(struct vhost_vdmabuf *vd, u64 size, u32 nr_entries)
{
	u32 status = VIRTIO_VDMABUF_S_OK;

	mutex_lock(&vd->lock);
	if (nr_entries > vd->limits.max_entries || nr_entries > MAX_ENTRIES) {
		status = VIRTIO_VDMABUF_S_ENTRIES;
	} else if (nr_entries > size >> PAGE_SHIFT) {
		/* Each of them is a page at least: known before they are copied */
		status = VIRTIO_VDMABUF_S_BAD_ADDRESS;
	} else if (vd->nr_buffers >= vd->limits.max_buffers ||
		   vd->bytes_registered >= vd->limits.max_bytes ||
		   size > vd->limits.max_bytes - vd->bytes_registered ||
		   size >> PAGE_SHIFT > MAX_PAGES || size > SIZE_MAX || !vd->next_counter) {
		status = VIRTIO_VDMABUF_S_LIMIT;
	} else {
		vd->nr_buffers++;
		vd->bytes_registered += size;
	}
	mutex_unlock(&vd->lock);

	return status;
}

static void unreserve(struct vhost_vdmabuf *vd, u64 size)
{
	lockdep_assert_held(&vd->lock);

	vd->nr_buffers--;
	vd->bytes_registered -= size;
}

/*
 * REGISTER. The caller has checked that @entries has exactly @nr_entries of them, and keeps @umem
 * from changing. Returns VIRTIO_VDMABUF_S_*.
 */
u32 vhost_vdmabuf_register(struct vhost_vdmabuf *vd, struct vhost_iotlb *umem, u64 size,
			   u32 nr_entries, struct iov_iter *entries, struct vdmabuf_id *id)
{
	size_t bytes = array_size(nr_entries, sizeof(struct virtio_vdmabuf_entry));
	struct vhost_vdmabuf_buffer *buf;
	u32 status;

	if (!size || !PAGE_ALIGNED(size))
		return VIRTIO_VDMABUF_S_BAD_ADDRESS;

	status = reserve(vd, size, nr_entries);
	if (status)
		return status;

	status = VIRTIO_VDMABUF_S_NO_MEMORY;
	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		goto err_reserved;

	buf->runs = kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!buf->runs)
		goto err_buf;

	status = VIRTIO_VDMABUF_S_BAD_ADDRESS;
	if (!copy_from_iter_full(buf->runs, bytes, entries))
		goto err_runs;

	buf->nr_runs = entries_to_runs(umem, size, buf->runs, nr_entries);
	if (!buf->nr_runs)
		goto err_runs;

	buf->runs = shrink_runs(buf->runs, nr_entries, buf->nr_runs);
	buf->vd = vd;
	buf->size = size;
	buf->nr_pages = size >> PAGE_SHIFT;
	mutex_init(&buf->pin_lock);
	kref_init(&buf->ref);
	INIT_LIST_HEAD(&buf->holds);
	INIT_LIST_HEAD(&buf->frame_node);
	INIT_LIST_HEAD(&buf->event_node);

	mutex_lock(&vd->lock);

	status = VIRTIO_VDMABUF_S_LIMIT;
	if ((vd->state & VDMABUF_VM_DEAD) || !vd->next_counter)
		goto err_locked;

	buf->id.vmm_pid = vd->who.pid;
	buf->id.counter = vd->next_counter;
	buf->id.random = get_random_u64();

	status = VIRTIO_VDMABUF_S_NO_MEMORY;
	if (xa_insert(&vd->registered, buf->id.counter, buf, GFP_KERNEL))
		goto err_locked;

	vd->next_counter++;
	vhost_vdmabuf_get(vd);
	list_add_tail(&buf->node, &vd->buffers);
	buf->registered = true;
	*id = buf->id;

	mutex_unlock(&vd->lock);

	return VIRTIO_VDMABUF_S_OK;

err_locked:
	mutex_unlock(&vd->lock);
	mutex_destroy(&buf->pin_lock);
err_runs:
	kvfree(buf->runs);
err_buf:
	kfree(buf);
err_reserved:
	mutex_lock(&vd->lock);
	unreserve(vd, size);
	mutex_unlock(&vd->lock);

	return status;
}

static void buffer_free(struct kref *ref)
{
	struct vhost_vdmabuf_buffer *buf = container_of(ref, struct vhost_vdmabuf_buffer, ref);
	struct vhost_vdmabuf *vd = buf->vd;

	list_del(&buf->node);
	unreserve(vd, buf->size);
	mutex_destroy(&buf->pin_lock);
	kvfree(buf->runs);
	kfree(buf);

	/* Not the last one: the caller has one, as it has the lock */
	vhost_vdmabuf_put(vd);
}

void vhost_vdmabuf_buffer_put(struct vhost_vdmabuf_buffer *buf)
{
	lockdep_assert_held(&buf->vd->lock);
	kref_put(&buf->ref, buffer_free);
}

/* The registered buffer with this id, not counted, or NULL */
struct vhost_vdmabuf_buffer *vhost_vdmabuf_find(struct vhost_vdmabuf *vd,
						const struct vdmabuf_id *id)
{
	struct vhost_vdmabuf_buffer *buf;

	lockdep_assert_held(&vd->lock);

	buf = xa_load(&vd->registered, id->counter);
	if (buf && vhost_vdmabuf_id_equal(&buf->id, id))
		return buf;

	return NULL;
}

/*
 * Takes the buffer off the list. The reference of its registration ends here, or, if the guest is
 * @owed an UNREGISTERED, with that.
 */
static void delist(struct vhost_vdmabuf_buffer *buf, bool owed)
{
	struct vhost_vdmabuf *vd = buf->vd;
	struct vhost_vdmabuf_hold *hold, *next;

	lockdep_assert_held(&vd->lock);

	xa_erase(&vd->registered, buf->id.counter);
	buf->registered = false;
	vhost_vdmabuf_frame_drop(buf);
	list_for_each_entry_safe(hold, next, &buf->holds, buffer_node)
		vhost_vdmabuf_hold_gone(hold);

	if (!owed) {
		vhost_vdmabuf_buffer_put(buf);
		return;
	}

	buf->owed = true;
	if (!buf->nr_imports)
		vhost_vdmabuf_event_add(buf, VIRTIO_VDMABUF_EVT_UNREGISTERED);
}

/* UNREGISTER; returns VIRTIO_VDMABUF_S_* */
u32 vhost_vdmabuf_unregister(struct vhost_vdmabuf *vd, const struct vdmabuf_id *id)
{
	u32 status = VIRTIO_VDMABUF_S_NO_BUFFER;
	struct vhost_vdmabuf_buffer *buf;

	mutex_lock(&vd->lock);
	buf = vhost_vdmabuf_find(vd, id);
	if (buf) {
		delist(buf, true);
		status = VIRTIO_VDMABUF_S_OK;
	}
	mutex_unlock(&vd->lock);

	return status;
}

/* The guest starts anew, or is gone: no buffer is listed, and nothing is owed for one */
void vhost_vdmabuf_forget_all(struct vhost_vdmabuf *vd)
{
	struct vhost_vdmabuf_buffer *buf, *next;

	lockdep_assert_held(&vd->lock);

	list_for_each_entry_safe(buf, next, &vd->buffers, node) {
		if (buf->registered) {
			delist(buf, false);
		} else if (buf->owed) {
			vhost_vdmabuf_event_remove(buf);
			buf->owed = false;
			vhost_vdmabuf_buffer_put(buf);
		}
	}
}

/* A dma-buf of the buffer is closed, or was not made after all */
void vhost_vdmabuf_import_ended(struct vhost_vdmabuf_buffer *buf)
{
	struct vhost_vdmabuf *vd = buf->vd;

	/* The buffer's own reference may end with the buffer, while the lock is held */
	vhost_vdmabuf_get(vd);

	mutex_lock(&vd->lock);
	vd->nr_imports--;
	if (!--buf->nr_imports && buf->owed)
		vhost_vdmabuf_event_add(buf, VIRTIO_VDMABUF_EVT_UNREGISTERED);
	vhost_vdmabuf_buffer_put(buf);
	mutex_unlock(&vd->lock);

	vhost_vdmabuf_put(vd);
}
