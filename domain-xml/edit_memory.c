/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edit_parts.h"
#include "memory.h"

/* After which libvirt writes it */
static const char *const before_backing[] = {
    "name",      "uuid",   "genid",         "title",     "description", "metadata",
    "maxMemory", "memory", "currentMemory", "blkiotune", "memtune",     NULL,
};
static const char *const before_source[] = {"hugepages", "nosharepages", "locked", NULL};
static const char *const before_access[] = {"hugepages", "nosharepages", "locked", "source", NULL};

static gboolean
add_backing(Text *text, Undo *undo, GError **error)
{
    const xmlNode *backing = node_find(text->root, "memoryBacking");

    if (backing) {
        undo_look_at(undo, UNDO_MEMORY_BACKING, text, backing);
        return TRUE;
    }
    undo->things[UNDO_MEMORY_BACKING] = UNDO_ADDED;
    return text_insert(text, text->root, edit_find_last(text->root, before_backing),
                       "<memoryBacking/>", error);
}

static gboolean
add_child(Text *text, const char *const *before, const char *element, GError **error)
{
    const xmlNode *backing = node_find(text->root, "memoryBacking");

    return text_insert(text, backing, edit_find_last(backing, before), element, error);
}

gboolean
edit_share_memory(Text *text, Undo *undo, GPtrArray *notes, GError **error)
{
    static const char source[] = "<source type=\"memfd\"/>";
    static const char access[] = "<access mode=\"shared\"/>";
    g_auto(Memory) memory = {FALSE, FALSE, NULL, NULL};

    memory_read(text->root, &memory);
    if (memory.conflict) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED,
                    "a vdmabuf device needs shared memory, but %s; %s", memory.conflict,
                    memory.remedy);
        return FALSE;
    }
    if (!memory.needs_source && !memory.needs_access)
        return TRUE;
    if (!add_backing(text, undo, error))
        return FALSE;
    if (memory.needs_source) {
        undo->things[UNDO_SOURCE] = UNDO_ADDED;
        if (!add_child(text, before_source, source, error))
            return FALSE;
    }
    if (memory.needs_access) {
        undo->things[UNDO_ACCESS] = UNDO_ADDED;
        if (!add_child(text, before_access, access, error))
            return FALSE;
    }
    edit_note(notes, "the guest's memory becomes shared: <memoryBacking> gets %s%s%s",
              memory.needs_source ? source : "",
              memory.needs_source && memory.needs_access ? " and " : "",
              memory.needs_access ? access : "");
    return TRUE;
}

/* What somebody has changed since is not as it was added, and stays. @whole: whether that is so */
static gboolean
take_out(Text *text, const Undo *undo, UndoThing thing, const char *path, const char *attribute,
         const char *value, gboolean *whole, GError **error)
{
    const xmlNode *node = node_find(text->root, path);

    if (undo->things[thing] != UNDO_ADDED)
        return TRUE;
    if (node && node_attribute_is(node, attribute, value))
        return text_remove(text, node, error);
    *whole = FALSE;
    return TRUE;
}

gboolean
edit_restore_memory(Text *text, const Undo *undo, GPtrArray *notes, GError **error)
{
    g_autofree char *user = NULL;
    gboolean whole = TRUE;

    if (undo->things[UNDO_SOURCE] != UNDO_ADDED && undo->things[UNDO_ACCESS] != UNDO_ADDED) {
        edit_note(notes, "<memoryBacking> stays as it is: nothing of it was added for the device");
        return TRUE;
    }
    user = memory_find_user(text->root);
    if (user) {
        edit_note(notes, "<memoryBacking> stays as it is: %s needs shared memory too", user);
        return TRUE;
    }
    if (!take_out(text, undo, UNDO_ACCESS, "memoryBacking/access", "mode", "shared", &whole,
                  error) ||
        !take_out(text, undo, UNDO_SOURCE, "memoryBacking/source", "type", "memfd", &whole,
                  error) ||
        !undo_container(undo, UNDO_MEMORY_BACKING, text, node_find(text->root, "memoryBacking"),
                        error))
        return FALSE;
    edit_note(notes, whole
                         ? "<memoryBacking> is without what was added for the device"
                         : "<memoryBacking> keeps what was changed since the device was attached");
    return TRUE;
}
