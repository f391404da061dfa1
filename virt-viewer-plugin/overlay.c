/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "overlay.h"

#include "latency.h"

/* Between two pictures of the overlay */
#define INTERVAL_US (G_TIME_SPAN_SECOND / 4)
#define HINT_SECONDS 8

#define MARGIN 12
#define PADDING 10
/* Of the graph: a column for each frame, and so many pixels for a millisecond */
#define GRAPH_HEIGHT 60
#define GRAPH_MS 50.0

struct _ViewerOverlay {
    GObject parent;
    VdmabufView *view;
    gboolean statistics;
    char *hint;
    guint hint_timeout;
    gint64 drawn;
};

G_DEFINE_FINAL_TYPE(ViewerOverlay, viewer_overlay, G_TYPE_OBJECT)

static const double colours[VIEWER_NR_STAGES][3] = {
    [VIEWER_STAGE_TRANSPORT] = {0.35, 0.65, 1.00},
    [VIEWER_STAGE_QUEUE] = {1.00, 0.80, 0.25},
    [VIEWER_STAGE_IMPORT] = {1.00, 0.40, 0.35},
    [VIEWER_STAGE_FRAME_CLOCK] = {0.45, 0.85, 0.45},
    [VIEWER_STAGE_PRESENTATION] = {0.75, 0.55, 1.00},
};

/* --- Text --- */

static void
describe_picture(ViewerOverlay *self, GString *text)
{
    const struct vdmabuf_frame *frame = vdmabuf_view_get_frame(self->view);
    const char *reason = vdmabuf_view_get_path_reason(self->view);

    if (frame == NULL) {
        g_string_append(text, "no picture\n");
        return;
    }
    g_string_append_printf(text, "%u x %u, %.4s, ", frame->width, frame->height,
                           (const char *) &frame->fourcc);
    if (frame->modifier == 0)
        g_string_append(text, "linear");
    else
        g_string_append_printf(text, "modifier 0x%016" G_GINT64_MODIFIER "x",
                               (guint64) frame->modifier);
    g_string_append_printf(text, "\n%s%s%s\n", vdmabuf_view_get_import_path(self->view),
                           reason ? ": " : "", reason ? reason : "");
}

static void
describe_rate(ViewerOverlay *self, GString *text, const VdmabufTimes *times, guint nr)
{
    VdmabufOutput *output = vdmabuf_view_get_output(self->view);
    VdmabufOutputStats stats = {0};

    if (output)
        vdmabuf_output_get_stats(output, &stats);
    g_string_append_printf(text,
                           "%.1f frames per second; superseded %" G_GUINT64_FORMAT
                           ", skipped %" G_GUINT64_FORMAT "\n",
                           viewer_latency_get_rate(times, nr, g_get_monotonic_time()),
                           stats.superseded, stats.skipped);
}

static void
describe_latency(GString *text, const VdmabufTimes *times, guint nr)
{
    double means[VIEWER_NR_STAGES];
    double sum = viewer_latency_get_means(times, nr, means);

    g_string_append_printf(text, "%.1f ms from the guest to the screen:", sum);
    for (guint stage = 0; stage < VIEWER_NR_STAGES; stage++) {
        g_autofree char *mean =
            means[stage] < 0 ? g_strdup("unknown") : g_strdup_printf("%.1f ms", means[stage]);

        g_string_append_printf(text,
                               "\n<span foreground=\"#%02x%02x%02x\">\342\226\240</span> "
                               "%s: %s",
                               (guint) (colours[stage][0] * 255), (guint) (colours[stage][1] * 255),
                               (guint) (colours[stage][2] * 255), viewer_stage_get_name(stage),
                               mean);
    }
}

/* --- Drawing --- */

static void
draw_panel(cairo_t *cr, double x, double y, double width, double height)
{
    cairo_set_source_rgba(cr, 0, 0, 0, 0.7);
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
}

static void
draw_graph(cairo_t *cr, double x, double y, const VdmabufTimes *times, guint nr)
{
    for (guint i = 0; i < nr; i++) {
        gint64 stages[VIEWER_NR_STAGES];
        double bottom = y + GRAPH_HEIGHT;

        viewer_latency_get_stages(&times[i], stages);
        for (guint stage = 0; stage < VIEWER_NR_STAGES; stage++) {
            double height = MAX(stages[stage], 0) / 1000.0 * GRAPH_HEIGHT / GRAPH_MS;

            height = MIN(height, bottom - y);
            cairo_set_source_rgb(cr, colours[stage][0], colours[stage][1], colours[stage][2]);
            cairo_rectangle(cr, x + i, bottom - height, 1, height);
            cairo_fill(cr);
            bottom -= height;
        }
    }
    cairo_set_source_rgba(cr, 1, 1, 1, 0.5);
    cairo_set_line_width(cr, 1);
    cairo_rectangle(cr, x - 0.5, y - 0.5, VDMABUF_VIEW_HISTORY + 1, GRAPH_HEIGHT + 1);
    cairo_stroke(cr);
}

static void
draw_statistics(ViewerOverlay *self, cairo_t *cr)
{
    g_autofree VdmabufTimes *times = g_new(VdmabufTimes, VDMABUF_VIEW_HISTORY);
    guint nr = vdmabuf_view_get_history(self->view, times, VDMABUF_VIEW_HISTORY);
    g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout(GTK_WIDGET(self->view), NULL);
    g_autoptr(GString) plain = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *escaped = NULL;
    int width, height;

    describe_picture(self, plain);
    describe_rate(self, plain, times, nr);
    escaped = g_markup_escape_text(plain->str, -1);
    g_string_append(text, escaped);
    describe_latency(text, times, nr);
    pango_layout_set_markup(layout, text->str, -1);
    pango_layout_get_pixel_size(layout, &width, &height);

    draw_panel(cr, MARGIN, MARGIN, MAX(width, VDMABUF_VIEW_HISTORY) + 2 * PADDING,
               height + GRAPH_HEIGHT + 3 * PADDING);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_move_to(cr, MARGIN + PADDING, MARGIN + PADDING);
    pango_cairo_show_layout(cr, layout);
    draw_graph(cr, MARGIN + PADDING, MARGIN + height + 2 * PADDING, times, nr);
}

/* A sentence at the bottom */
static void
draw_hint(ViewerOverlay *self, cairo_t *cr, int width, int height)
{
    g_autoptr(PangoLayout) layout =
        gtk_widget_create_pango_layout(GTK_WIDGET(self->view), self->hint);
    int text_width, text_height;
    double x, y;

    pango_layout_set_width(layout, MAX(width - 4 * MARGIN, 1) * PANGO_SCALE);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_get_pixel_size(layout, &text_width, &text_height);
    x = 2 * MARGIN;
    y = height - text_height - 2 * MARGIN;
    draw_panel(cr, x - PADDING, y - PADDING, width - 4 * MARGIN + 2 * PADDING,
               text_height + 2 * PADDING);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_move_to(cr, x, y);
    pango_cairo_show_layout(cr, layout);
}

static void
draw(VdmabufView *view G_GNUC_UNUSED, cairo_t *cr, int width, int height, gpointer data)
{
    ViewerOverlay *self = data;

    self->drawn = g_get_monotonic_time();
    if (self->hint)
        draw_hint(self, cr, width, height);
    if (self->statistics)
        draw_statistics(self, cr);
}

static void
viewer_overlay_update(ViewerOverlay *self)
{
    gboolean any = self->statistics || self->hint;

    vdmabuf_view_set_overlay(self->view, any ? draw : NULL, self, NULL);
}

/* Not with each picture: nobody can read it so fast, and it should not be what it measures. */
static void
on_picture(ViewerOverlay *self)
{
    if (self->statistics && g_get_monotonic_time() - self->drawn >= INTERVAL_US)
        vdmabuf_view_queue_overlay(self->view);
}

/* --- The object --- */

static void
viewer_overlay_dispose(GObject *object)
{
    ViewerOverlay *self = VIEWER_OVERLAY(object);

    g_clear_handle_id(&self->hint_timeout, g_source_remove);
    if (self->view) {
        g_signal_handlers_disconnect_by_data(self->view, self);
        vdmabuf_view_set_overlay(self->view, NULL, NULL, NULL);
    }
    self->view = NULL;
    G_OBJECT_CLASS(viewer_overlay_parent_class)->dispose(object);
}

static void
viewer_overlay_finalize(GObject *object)
{
    ViewerOverlay *self = VIEWER_OVERLAY(object);

    g_free(self->hint);
    G_OBJECT_CLASS(viewer_overlay_parent_class)->finalize(object);
}

static void
viewer_overlay_class_init(ViewerOverlayClass *class)
{
    G_OBJECT_CLASS(class)->dispose = viewer_overlay_dispose;
    G_OBJECT_CLASS(class)->finalize = viewer_overlay_finalize;
}

static void
viewer_overlay_init(ViewerOverlay *self G_GNUC_UNUSED)
{
}

ViewerOverlay *
viewer_overlay_new(VdmabufView *view)
{
    ViewerOverlay *self = g_object_new(VIEWER_TYPE_OVERLAY, NULL);

    self->view = view;
    g_signal_connect_swapped(view, "picture", G_CALLBACK(on_picture), self);
    return self;
}

void
viewer_overlay_set_statistics(ViewerOverlay *self, gboolean show)
{
    self->statistics = show;
    viewer_overlay_update(self);
}

static gboolean
on_hint_over(gpointer data)
{
    ViewerOverlay *self = data;

    self->hint_timeout = 0;
    viewer_overlay_set_hint(self, NULL);
    return G_SOURCE_REMOVE;
}

void
viewer_overlay_set_hint(ViewerOverlay *self, const char *hint)
{
    g_clear_handle_id(&self->hint_timeout, g_source_remove);
    g_free(self->hint);
    self->hint = g_strdup(hint);
    if (hint)
        self->hint_timeout = g_timeout_add_seconds(HINT_SECONDS, on_hint_over, self);
    viewer_overlay_update(self);
}
