/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sink.h"

ViewerSink *
viewer_sink_new(VirtViewerSession *session)
{
    if (g_str_equal(G_OBJECT_TYPE_NAME(session), "VirtViewerSessionVnc"))
        return viewer_sink_vnc_new(session);
    if (g_str_equal(G_OBJECT_TYPE_NAME(session), "VirtViewerSessionSpice"))
        return viewer_sink_spice_new(session);
    return NULL;
}

void
viewer_sink_free(ViewerSink *self)
{
    self->class->free(self);
}

/* From the middle of the pixel, so that no place is left out at either end */
int
viewer_sink_scale(int position, int size, int other_size)
{
    gint64 place;

    if (size <= 0 || other_size <= 0)
        return 0;
    place = (2 * (gint64) position + 1) * other_size / (2 * (gint64) size);
    return (int) CLAMP(place, 0, other_size - 1);
}
