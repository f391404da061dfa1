/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What attaching has added to a domain, so that detaching the last device takes it out again:
 *
 *     <vdmabuf:undo metadata="added" commandline="filled" source="added" .../>
 */
#pragma once

#include "text.h"

G_BEGIN_DECLS

/* What can have been added; the names are those of the attributes. */
typedef enum {
    UNDO_METADATA,
    UNDO_COMMANDLINE,
    UNDO_MEMORY_BACKING,
    UNDO_SOURCE,
    UNDO_ACCESS,
    UNDO_N_THINGS,
} UndoThing;

/**
 * UndoState:
 * @UNDO_NOTHING: there was one, with more in it; or nothing is known
 * @UNDO_ADDED: there was no such element
 * @UNDO_FILLED: there was one without anything in it, written <x/>
 * @UNDO_KEPT: there was one with nothing but blanks in it
 */
typedef enum {
    UNDO_NOTHING,
    UNDO_ADDED,
    UNDO_FILLED,
    UNDO_KEPT,
} UndoState;

typedef struct {
    UndoState things[UNDO_N_THINGS];
} Undo;

/* @vdmabuf: the element <vdmabuf> of the metadata, or %NULL */
void undo_read(Undo *self, const xmlNode *vdmabuf);
/* To be called before something is put into @node, which has been there before */
void undo_look_at(Undo *self, UndoThing thing, const Text *text, const xmlNode *node);
/* The element */
char *undo_write(const Undo *self, const char *prefix);

/* Makes @node, from which something was taken, what it was before, if nothing else is in it. */
gboolean undo_container(const Undo *self, UndoThing thing, Text *text, const xmlNode *node,
                        GError **error);

G_END_DECLS
