/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-stats.h"

typedef struct {
    const char *name;
    gsize offset;
} Counter;

#define COUNTER(member) {#member, G_STRUCT_OFFSET(VdmabufScanoutStats, member)}

static const Counter counters[] = {
    COUNTER(frames),    COUNTER(cursors), COUNTER(hidden),   COUNTER(flips),
    COUNTER(refreshes), COUNTER(busy),    COUNTER(released), COUNTER(superseded),
    COUNTER(lost),      COUNTER(errors),  COUNTER(copied),
};

void
vdmabuf_scanout_json_string(GString *to, const char *text)
{
    g_string_append_c(to, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(to, "\\%c", *c);
        else if ((guchar) *c < 0x20)
            g_string_append_printf(to, "\\u%04x", (guchar) *c);
        else
            g_string_append_c(to, *c);
    }
    g_string_append_c(to, '"');
}

char *
vdmabuf_scanout_stats_to_json(const char *mode, guint64 consumers,
                              const VdmabufScanoutStatsOutput *outputs, guint n_outputs)
{
    GString *text = g_string_new("{\"mode\":");

    vdmabuf_scanout_json_string(text, mode);
    g_string_append_printf(text, ",\"consumers\":%" G_GUINT64_FORMAT ",\"outputs\":[", consumers);
    for (guint i = 0; i < n_outputs; i++) {
        const VdmabufScanoutStatsOutput *output = &outputs[i];

        g_string_append(text, i > 0 ? ",{\"name\":" : "{\"name\":");
        vdmabuf_scanout_json_string(text, output->name);
        g_string_append_printf(text,
                               ",\"output\":%u,\"active\":%s,\"vblank\":%s,\"buffers\":%u,"
                               "\"outstanding\":%u",
                               output->index, output->active ? "true" : "false",
                               output->vblank ? "true" : "false", output->buffers,
                               output->outstanding);
        for (gsize c = 0; c < G_N_ELEMENTS(counters); c++)
            g_string_append_printf(text, ",\"%s\":%" G_GUINT64_FORMAT, counters[c].name,
                                   G_STRUCT_MEMBER(guint64, output->stats, counters[c].offset));
        g_string_append_c(text, '}');
    }
    g_string_append(text, "]}");
    return g_string_free(text, FALSE);
}

char *
vdmabuf_scanout_stats_to_text(const char *mode, guint64 consumers,
                              const VdmabufScanoutStatsOutput *outputs, guint n_outputs)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "mode %s, %" G_GUINT64_FORMAT " consumers, %u outputs\n", mode,
                           consumers, n_outputs);
    for (guint i = 0; i < n_outputs; i++) {
        const VdmabufScanoutStatsOutput *output = &outputs[i];

        g_string_append_printf(text, "output %u (%s): %s, %s, buffers %u, outstanding %u",
                               output->index, output->name, output->active ? "on" : "off",
                               output->vblank ? "vblank" : "timer", output->buffers,
                               output->outstanding);
        for (gsize c = 0; c < G_N_ELEMENTS(counters); c++)
            g_string_append_printf(text, ", %s %" G_GUINT64_FORMAT, counters[c].name,
                                   G_STRUCT_MEMBER(guint64, output->stats, counters[c].offset));
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}
