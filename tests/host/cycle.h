/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of host-test-cycle share.
 */
#pragma once

#include "check.h"
#include "guest-model.h"

G_BEGIN_DECLS

#define MIB (1024ull * 1024)

Guest *new_guest(gsize ram_bytes);
/* Its RAM is made of small pages, so that as many pages are pinned as there are pins */
Guest *new_guest_of_small_pages(gsize ram_bytes);
Guest *new_writable_guest(gsize ram_bytes);
/* Buffers of @pages pages each, one behind the other */
void register_buffers(Guest *guest, struct vdmabuf_id *ids, guint count, guint pages);
/* Hands over a frame of data without a picture */
guint64 send_frame(Guest *guest, const struct vdmabuf_id *id, guint32 output, guint32 flags);
void expect_released(Guest *guest, const struct vdmabuf_id *id, guint64 sequence, guint32 flags);
void expect_unregistered(Guest *guest, const struct vdmabuf_id *id);
int import_asserted(int consumer, const struct vdmabuf_id *id, guint32 flags);

guint64 word_of(guint64 page, guint64 offset, guint64 salt);
/* A pattern that differs in every word of the page */
void fill_page(guint8 *memory, guint64 page, guint64 salt);
void check_page(const guint8 *memory, guint64 page, guint64 salt);

/* test-cycle-pages.c */
void add_pages_tests(void);

G_END_DECLS
