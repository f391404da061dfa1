/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places of a domain's XML that belong to a vdmabuf device, each written and taken out. */
#pragma once

#include "edit.h"
#include "undo.h"

G_BEGIN_DECLS

/* The element <vdmabuf> of the metadata, or %NULL */
xmlNode *edit_find_vdmabuf(const Text *text);
/* Adds @device, or makes the one of its alias what @device says. */
gboolean edit_set_metadata(Text *text, const DomainDevice *device, Undo *undo, GError **error);
/* There is an element for devices; what is there already is not written. */
gboolean edit_set_undo(Text *text, const Undo *undo, GError **error);
/* The element of a device, and with the last of them the whole */
gboolean edit_remove_metadata(Text *text, const char *alias, const Undo *undo, GError **error);

/**
 * EditPlace: the domain around a device
 * @domain: of the text as it is now
 */
typedef struct {
    Text *text;
    const Domain *domain;
    const char *directory;
} EditPlace;

/* Who else has the alias, or the id of its root port, for a message; or NULL */
char *edit_find_taker(const EditPlace *place, const char *alias);
/* @slot: where the root port is afterwards; @mistake: what was wrong before, or NULL */
gboolean edit_set_arguments(const EditPlace *place, const DomainDevice *device, Undo *undo,
                            guint *slot, char **mistake, GError **error);
/* @found: whether there were any */
gboolean edit_remove_arguments(const EditPlace *place, const char *alias, const Undo *undo,
                               gboolean *found, GError **error);

/* Adds to @notes what is changed. */
gboolean edit_share_memory(Text *text, Undo *undo, GPtrArray *notes, GError **error);
gboolean edit_restore_memory(Text *text, const Undo *undo, GPtrArray *notes, GError **error);

G_GNUC_PRINTF(2, 3)
void edit_note(GPtrArray *notes, const char *format, ...);
/* The last child of @parent with one of the names, of elements of libvirt's; or %NULL */
xmlNode *edit_find_last(const xmlNode *parent, const char *const *names);

G_END_DECLS
