/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFUSED(error, ...)                                                                        \
    g_set_error(error, VHOST_USER_ERROR, VHOST_USER_ERROR_REFUSED, __VA_ARGS__)

static gboolean
map_region(const VhostUserRegion *region, guint index, int fd, GuestMemoryRegion *out,
           GError **error)
{
    struct stat info;
    guint64 block;
    guint64 start;
    guint64 end;
    gpointer mapping;

    if (fstat(fd, &info) < 0) {
        REFUSED(error, "SET_MEM_TABLE: cannot look at the file of region %u: %s", index,
                g_strerror(errno));
        return FALSE;
    }
    if (!S_ISREG(info.st_mode)) {
        REFUSED(error,
                "SET_MEM_TABLE: the memory of region %u is not a file that can be shared; "
                "the domain needs <memoryBacking> with <source type='memfd'/>",
                index);
        return FALSE;
    }
    if (region->mmap_offset + region->size > (guint64) info.st_size) {
        REFUSED(error,
                "SET_MEM_TABLE: region %u ends at byte %" G_GUINT64_FORMAT " of a file that "
                "has %" G_GINT64_FORMAT,
                index, region->mmap_offset + region->size, (gint64) info.st_size);
        return FALSE;
    }

    /* A file on hugetlbfs can only be mapped, and unmapped, in whole pages of its own. */
    block = MAX((guint64) info.st_blksize, (guint64) sysconf(_SC_PAGESIZE));
    if (block & (block - 1))
        block = sysconf(_SC_PAGESIZE);
    start = region->mmap_offset & ~(block - 1);
    end = (region->mmap_offset + region->size + block - 1) & ~(block - 1);

    mapping = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                   (off_t) start);
    if (mapping == MAP_FAILED) {
        REFUSED(error, "SET_MEM_TABLE: cannot map region %u (%" G_GUINT64_FORMAT " bytes): %s",
                index, region->size, g_strerror(errno));
        return FALSE;
    }
    /* The guest's data does not belong into a core file of this program. */
    (void) madvise(mapping, end - start, MADV_DONTDUMP);

    out->guest_addr = region->guest_addr;
    out->size = region->size;
    out->user_addr = region->user_addr;
    out->host_addr = (guint64) (guintptr) mapping + (region->mmap_offset - start);
    out->mapping = mapping;
    out->mapping_size = end - start;
    return TRUE;
}

GuestMemory *
guest_memory_map(const VhostUserMemory *table, const int *fds, GError **error)
{
    g_autoptr(GuestMemory) self = g_new0(GuestMemory, 1);

    for (guint i = 0; i < table->n_regions; i++) {
        if (!map_region(&table->regions[i], i, fds[i], &self->regions[i], error))
            return NULL;
        self->n_regions++;
    }
    return g_steal_pointer(&self);
}

void
guest_memory_free(GuestMemory *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->n_regions; i++)
        munmap(self->regions[i].mapping, self->regions[i].mapping_size);
    g_free(self);
}

gboolean
guest_memory_translate(const GuestMemory *self, guint64 user_addr, guint64 size, guint64 *host_addr)
{
    for (guint i = 0; self && i < self->n_regions; i++) {
        const GuestMemoryRegion *region = &self->regions[i];

        if (user_addr >= region->user_addr && user_addr - region->user_addr < region->size &&
            size <= region->size - (user_addr - region->user_addr)) {
            *host_addr = region->host_addr + (user_addr - region->user_addr);
            return TRUE;
        }
    }
    return FALSE;
}
