/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "private.h"

const char *
vdmabuf_id_format(const struct vdmabuf_id *id, char text[VDMABUF_ID_TEXT_SIZE])
{
    g_snprintf(text, VDMABUF_ID_TEXT_SIZE, "%08x-%08x-%016" G_GINT64_MODIFIER "x", id->vmm_pid,
               id->counter, (guint64) id->random);
    return text;
}

/* @digits hexadecimal digits in lower case, as vdmabuf_id_format() writes them; nothing else */
static gboolean
id_parse_field(const char *text, guint digits, guint64 *value)
{
    *value = 0;
    for (guint i = 0; i < digits; i++) {
        if (!g_ascii_isxdigit(text[i]) || g_ascii_isupper(text[i]))
            return FALSE;
        *value = *value << 4 | (guint) g_ascii_xdigit_value(text[i]);
    }
    return TRUE;
}

gboolean
vdmabuf_id_parse(const char *text, struct vdmabuf_id *id)
{
    guint64 vmm_pid, counter, random;

    if (strlen(text) != VDMABUF_ID_TEXT_SIZE - 1 || text[8] != '-' || text[17] != '-')
        return FALSE;
    if (!id_parse_field(text, 8, &vmm_pid) || !id_parse_field(text + 9, 8, &counter) ||
        !id_parse_field(text + 18, 16, &random))
        return FALSE;

    *id = (struct vdmabuf_id) {
        .vmm_pid = (guint32) vmm_pid,
        .counter = (guint32) counter,
        .random = random,
    };
    return TRUE;
}

gboolean
vdmabuf_id_equal(gconstpointer a, gconstpointer b)
{
    const struct vdmabuf_id *one = a;
    const struct vdmabuf_id *other = b;

    return one->vmm_pid == other->vmm_pid && one->counter == other->counter &&
           one->random == other->random;
}

guint
vdmabuf_id_hash(gconstpointer id)
{
    const struct vdmabuf_id *self = id;

    /* The random half alone is as even as a hash can be; the host draws it for every buffer */
    return (guint) (self->random ^ self->random >> 32);
}
