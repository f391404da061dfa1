/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-names.h"

#include <string.h>

struct _VdmabufScanoutNames {
    char **wanted;
    GHashTable *indexes; /* name -> index + 1 */
};

VdmabufScanoutNames *
vdmabuf_scanout_names_new(const char *const *wanted)
{
    VdmabufScanoutNames *self = g_new0(VdmabufScanoutNames, 1);

    self->wanted = g_strdupv((char **) wanted);
    self->indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void
vdmabuf_scanout_names_free(VdmabufScanoutNames *self)
{
    if (self == NULL)
        return;
    g_strfreev(self->wanted);
    g_hash_table_unref(self->indexes);
    g_free(self);
}

gboolean
vdmabuf_scanout_name_matches(const char *wanted, const char *name)
{
    const char *connector = strchr(name, '-');

    return g_str_equal(wanted, name) || (connector != NULL && g_str_equal(wanted, connector + 1));
}

static gboolean
index_taken(VdmabufScanoutNames *self, guint index)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->indexes);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (GPOINTER_TO_UINT(value) == index + 1)
            return TRUE;
    }
    return FALSE;
}

int
vdmabuf_scanout_names_lookup(VdmabufScanoutNames *self, const char *name)
{
    gpointer known = g_hash_table_lookup(self->indexes, name);
    guint index;

    if (known != NULL)
        return (int) GPOINTER_TO_UINT(known) - 1;
    if (self->wanted != NULL) {
        /* Two cards may have a connector of this name: the first one that is on gets it. */
        for (index = 0; self->wanted[index] != NULL; index++) {
            if (vdmabuf_scanout_name_matches(self->wanted[index], name) &&
                !index_taken(self, index))
                break;
        }
        if (self->wanted[index] == NULL)
            return -1;
    } else {
        index = g_hash_table_size(self->indexes);
    }
    g_hash_table_insert(self->indexes, g_strdup(name), GUINT_TO_POINTER(index + 1));
    return (int) index;
}
