/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory, as QEMU hands it over and as it is mapped here.
 *
 * This process never reads or writes it: the mappings are for the kernel, which pins pages and
 * walks rings through them. A file that QEMU truncates later therefore cannot raise SIGBUS here.
 */
#pragma once

#include "vhost_user_protocol.h"

G_BEGIN_DECLS

typedef struct {
    guint64 guest_addr;
    guint64 size;
    guint64 user_addr; /* in QEMU */
    guint64 host_addr; /* in this process */
    gpointer mapping;
    gsize mapping_size; /* more than size where the file's pages are huge */
} GuestMemoryRegion;

typedef struct {
    guint n_regions;
    GuestMemoryRegion regions[VHOST_USER_MAX_REGIONS];
} GuestMemory;

/**
 * guest_memory_map:
 * @fds: table->n_regions of them; they stay the caller's and may be closed afterwards
 *
 * All or nothing.
 */
GuestMemory *guest_memory_map(const VhostUserMemory *table, const int *fds, GError **error);
void guest_memory_free(GuestMemory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestMemory, guest_memory_free)

/**
 * guest_memory_translate:
 * @self: (nullable): no memory yet
 * @user_addr: in QEMU
 * @size: all of it has to be inside one region
 */
gboolean guest_memory_translate(const GuestMemory *self, guint64 user_addr, guint64 size,
                                guint64 *host_addr);

G_END_DECLS
