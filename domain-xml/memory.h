/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a broker can map the guest's memory. */
#pragma once

#include "document.h"

G_BEGIN_DECLS

/**
 * Memory: what of it is to be added, and what is in the way
 * @needs_source: <source type="memfd"/>
 * @needs_access: <access mode="shared"/>
 * @conflict: what somebody has asked for and cannot be, for a message; or %NULL
 * @remedy: what to do about it
 */
typedef struct {
    gboolean needs_source;
    gboolean needs_access;
    char *conflict;
    char *remedy;
} Memory;

void memory_read(const xmlNode *root, Memory *self);
void memory_clear(Memory *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Memory, memory_clear)

/* The first other device that cannot do without shared memory, for a message; or NULL */
char *memory_find_user(const xmlNode *root);

G_END_DECLS
