/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdmabuf-view.h"

#include <math.h>

#include "view-backend.h"
#include "view-choice.h"
#include "view-history.h"
#include "view-layers.h"

/*
 * Drawing comes before idle functions, and programs may live on these. So each picture waits until
 * all of them have had their turn after the one before: a guest whose pictures take as long to draw
 * as to come would leave nothing for them.
 */
#define REST_PRIORITY G_PRIORITY_DEFAULT_IDLE

/* What the way to the screen is chosen for */
typedef struct {
    guint32 fourcc;
    guint32 nr_planes;
    guint64 modifier;
} Kind;

struct _VdmabufView {
    GtkEventBox parent_instance;

    GtkWidget *stack;
    ViewBackend *egl; /* NULL where there is none for this display */
    ViewBackend *cpu;
    ViewTrust trust;
    ViewChoice choice;
    gboolean chosen;
    Kind kind; /* of the picture that it was chosen for */
    guint choose_source;
    guint rest_source; /* until the others have had their turn */

    VdmabufOutput *output;
    VdmabufPicture *next;    /* to be shown when the next frame is drawn; prepared */
    VdmabufPicture *current; /* shown */
    gboolean fresh;          /* @current has not been drawn yet */
    ViewFence *fence;        /* of what was drawn last of @current */
    VdmabufBuffer *gone;     /* the guest took it back while @current lies in it */
    ViewRetirement *retirement;

    ViewFit fit; /* of the frame that was drawn last */
    double scale;
    gboolean cursor_visible;
    ViewLayers layers;
    VdmabufViewStats stats;
    ViewHistory history;
};

enum { PROP_0, PROP_PROBLEM, N_PROPERTIES };
enum { SIGNAL_PICTURE, SIGNAL_CURSOR_CHANGED, N_SIGNALS };

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(VdmabufView, vdmabuf_view, GTK_TYPE_EVENT_BOX)

/* --- Pictures --- */

static void
kind_init(Kind *self, VdmabufPicture *picture)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);

    *self = (Kind) {frame->fourcc, frame->nr_planes, frame->modifier};
}

static gboolean
kind_is_of(const Kind *self, VdmabufPicture *picture)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);

    return self->fourcc == frame->fourcc && self->nr_planes == frame->nr_planes &&
           self->modifier == frame->modifier;
}

/* What is on the screen: the backend that was chosen, or black */
static ViewBackend *
view_get_backend(VdmabufView *self)
{
    return self->choice.backend != NULL ? self->choice.backend : self->cpu;
}

static void
view_queue_draw(VdmabufView *self)
{
    ViewBackend *backend = view_get_backend(self);

    backend->class->queue_draw(backend, NULL);
}

static const VdmabufCursor *
view_get_cursor(VdmabufView *self)
{
    return self->output != NULL ? vdmabuf_output_get_cursor(self->output) : NULL;
}

static void view_frame(VdmabufView *self);

static gboolean
view_rested(gpointer data)
{
    VdmabufView *self = data;

    self->rest_source = 0;
    if (self->output != NULL)
        view_frame(self);
    return G_SOURCE_REMOVE;
}

static void
view_rest(VdmabufView *self)
{
    if (self->rest_source == 0)
        self->rest_source = g_idle_add_full(REST_PRIORITY, view_rested, self, NULL);
}

/* Gives the picture that is shown back to the guest, when the GPU is done with it. */
static void
view_retire(VdmabufView *self)
{
    if (self->current != NULL)
        view_retirement_add(self->retirement, g_steal_pointer(&self->current),
                            g_steal_pointer(&self->fence));
    self->fresh = FALSE;
    if (self->gone != NULL && self->egl != NULL)
        self->egl->class->forget(self->egl, self->gone);
    g_clear_pointer(&self->gone, vdmabuf_buffer_unref);
}

/* Takes @picture, and chooses how it is shown; not while it is drawn, since widgets may change. */
static void
view_choose(VdmabufView *self, VdmabufPicture *picture)
{
    g_autofree char *problem = g_strdup(self->choice.problem);

    view_rest(self);
    kind_init(&self->kind, picture);
    self->chosen = TRUE;
    view_choice_make(&self->choice, &self->trust, self->egl, self->cpu, picture);
    gtk_stack_set_visible_child(GTK_STACK(self->stack), view_get_backend(self)->widget);

    g_clear_pointer(&self->next, vdmabuf_picture_unref);
    if (self->choice.backend != NULL) {
        self->next = picture;
    } else {
        vdmabuf_picture_unref(picture);
        view_retire(self);
    }
    view_queue_draw(self);
    if (g_strcmp0(problem, self->choice.problem) != 0)
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_PROBLEM]);
}

static gboolean
view_choose_later(gpointer data)
{
    VdmabufView *self = data;

    self->choose_source = 0;
    if (self->next != NULL && gtk_widget_get_realized(GTK_WIDGET(self)))
        view_choose(self, g_steal_pointer(&self->next));
    return G_SOURCE_REMOVE;
}

/* Whether the way that was chosen is the one for this picture, too */
static gboolean
view_has_chosen(VdmabufView *self, VdmabufPicture *picture)
{
    return self->chosen && self->choice.backend != NULL && !self->choice.again &&
           kind_is_of(&self->kind, picture);
}

/* While the widget is drawn: makes the newest picture the one that is shown. */
static void
view_advance(VdmabufView *self)
{
    VdmabufPicture *picture =
        self->output != NULL ? vdmabuf_output_peek_picture(self->output) : NULL;

    if (self->choose_source != 0)
        return;

    if (picture != NULL && view_has_chosen(self, picture)) {
        picture = vdmabuf_output_take_picture(self->output);
        g_clear_pointer(&self->next, vdmabuf_picture_unref);
        if (!self->choice.backend->class->prepare(self->choice.backend, picture, NULL)) {
            /* Others of its kind could be shown in this way, this one cannot. */
            self->next = picture;
            self->choose_source = g_idle_add(view_choose_later, self);
            return;
        }
    } else {
        picture = g_steal_pointer(&self->next);
    }
    if (picture == NULL)
        return;

    view_retire(self);
    self->current = picture;
    self->fresh = TRUE;
}

/* --- Drawing --- */

static void
view_set_fit(VdmabufView *self, int width, int height)
{
    double scale;

    self->fit = (ViewFit) {.width = 0};
    if (self->current != NULL) {
        const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(self->current);

        view_fit_init(&self->fit, width, height, frame->width, frame->height);
    }
    scale = self->fit.width > 0 ? (double) self->fit.area.width / self->fit.width : 0;
    if (scale != self->scale) {
        self->scale = scale;
        g_signal_emit(self, signals[SIGNAL_CURSOR_CHANGED], 0);
    }
}

static void
view_begin(gpointer data, ViewBackend *backend, int width, int height, ViewScene *scene)
{
    VdmabufView *self = data;

    if (backend == self->choice.backend)
        view_advance(self);
    view_set_fit(self, width, height);
    *scene = (ViewScene) {
        .picture = backend == self->choice.backend ? self->current : NULL,
        .fit = self->fit,
        .width = width,
        .height = height,
    };
    view_layers_fill(&self->layers, self, view_get_cursor(self),
                     gtk_widget_get_scale_factor(GTK_WIDGET(self)), scene);
}

static void
view_end(gpointer data, ViewBackend *backend, ViewFence *fence)
{
    VdmabufView *self = data;
    GdkFrameClock *clock = gtk_widget_get_frame_clock(GTK_WIDGET(self));
    VdmabufTimes *times;

    self->stats.draws++;
    if (backend != self->choice.backend || self->current == NULL) {
        view_fence_free(fence);
        return;
    }

    view_fence_free(self->fence);
    self->fence = fence;
    if (clock != NULL)
        view_history_update(&self->history, clock);
    if (!self->fresh)
        return;

    view_rest(self);
    self->fresh = FALSE;
    self->stats.shown++;
    times = vdmabuf_picture_get_times(self->current);
    times->drawn = g_get_monotonic_time();
    view_history_add(&self->history, times,
                     clock != NULL ? gdk_frame_clock_get_frame_counter(clock) : -1);
    g_signal_emit(self, signals[SIGNAL_PICTURE], 0);
}

/* @area in pixels of the screen */
static void
view_queue_area(VdmabufView *self, const cairo_rectangle_int_t *area)
{
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(self));
    ViewBackend *backend = view_get_backend(self);
    cairo_rectangle_int_t logical;

    if (area->width <= 0 || area->height <= 0)
        return;
    logical.x = (int) floor((double) area->x / scale);
    logical.y = (int) floor((double) area->y / scale);
    logical.width = (int) ceil((double) (area->x + area->width) / scale) - logical.x;
    logical.height = (int) ceil((double) (area->y + area->height) / scale) - logical.y;
    backend->class->queue_draw(backend, &logical);
}

/* --- What comes from the output --- */

static void
view_frame(VdmabufView *self)
{
    VdmabufPicture *picture = vdmabuf_output_peek_picture(self->output);
    const struct vdmabuf_frame *frame;
    struct vdmabuf_rect damage;
    cairo_rectangle_int_t area;

    /* Chosen when it is realized: what OpenGL there is shows then. */
    if (picture == NULL || self->rest_source != 0 || !gtk_widget_get_realized(GTK_WIDGET(self)))
        return;
    if (!view_has_chosen(self, picture)) {
        view_choose(self, vdmabuf_output_take_picture(self->output));
        return;
    }
    /* Nothing is drawn of a window that is hidden; the guest needs its older buffers for others. */
    if (!gtk_widget_get_mapped(GTK_WIDGET(self))) {
        g_clear_pointer(&self->next, vdmabuf_picture_unref);
        view_retire(self);
        return;
    }

    frame = vdmabuf_picture_get_frame(picture);
    vdmabuf_picture_get_damage(picture, &damage);
    view_fit_damage(&self->fit, &damage, &area);
    /* Also where nothing is to be seen of it: it still has to be taken. */
    if (frame->width != self->fit.width || frame->height != self->fit.height || area.width == 0 ||
        area.height == 0)
        view_queue_draw(self);
    else
        view_queue_area(self, &area);
}

static void
view_cursor_changed(VdmabufView *self)
{
    const VdmabufCursor *cursor = view_get_cursor(self);
    gboolean changed = view_layers_set_cursor(&self->layers, cursor);
    cairo_rectangle_int_t area;

    view_queue_area(self, &self->layers.cursor_area);
    view_layers_place_cursor(&self->layers, cursor, &self->fit, &area);
    view_queue_area(self, &area);
    /* When it has only moved, a pointer that was made of it is still right. */
    if (changed || cursor->visible != self->cursor_visible) {
        self->cursor_visible = cursor->visible;
        g_signal_emit(self, signals[SIGNAL_CURSOR_CHANGED], 0);
    }
}

static void
view_gone(VdmabufView *self)
{
    g_clear_pointer(&self->next, vdmabuf_picture_unref);
    view_retire(self);
    view_queue_draw(self);
}

static void
view_buffer_gone(VdmabufView *self, VdmabufBuffer *buffer)
{
    if (self->next != NULL && vdmabuf_picture_get_buffer(self->next) == buffer)
        g_clear_pointer(&self->next, vdmabuf_picture_unref);
    /* It may have to be drawn again before the next one comes. */
    if (self->current != NULL && vdmabuf_picture_get_buffer(self->current) == buffer) {
        g_clear_pointer(&self->gone, vdmabuf_buffer_unref);
        self->gone = vdmabuf_buffer_ref(buffer);
    } else if (self->egl != NULL) {
        self->egl->class->forget(self->egl, buffer);
    }
}

/* --- For the program --- */

GtkWidget *
vdmabuf_view_new(VdmabufOutput *output)
{
    VdmabufView *self = g_object_new(VDMABUF_TYPE_VIEW, NULL);

    vdmabuf_view_set_output(self, output);
    return GTK_WIDGET(self);
}

void
vdmabuf_view_set_output(VdmabufView *self, VdmabufOutput *output)
{
    g_return_if_fail(VDMABUF_IS_VIEW(self));

    if (self->output == output)
        return;

    if (self->output != NULL) {
        g_signal_handlers_disconnect_by_data(self->output, self);
        view_gone(self);
    }
    g_set_object(&self->output, output);
    view_layers_set_cursor(&self->layers, view_get_cursor(self));
    if (output == NULL)
        return;

    g_signal_connect_swapped(output, "frame", G_CALLBACK(view_frame), self);
    g_signal_connect_swapped(output, "cursor-changed", G_CALLBACK(view_cursor_changed), self);
    g_signal_connect_swapped(output, "gone", G_CALLBACK(view_gone), self);
    g_signal_connect_swapped(output, "buffer-gone", G_CALLBACK(view_buffer_gone), self);
    view_frame(self);
}

VdmabufOutput *
vdmabuf_view_get_output(VdmabufView *self)
{
    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    return self->output;
}

/* The one on the screen, or the one that will be */
static VdmabufPicture *
view_get_picture(VdmabufView *self)
{
    if (self->current != NULL)
        return self->current;
    if (self->next != NULL)
        return self->next;
    return self->output != NULL ? vdmabuf_output_peek_picture(self->output) : NULL;
}

gboolean
vdmabuf_view_has_picture(VdmabufView *self)
{
    g_return_val_if_fail(VDMABUF_IS_VIEW(self), FALSE);

    return view_get_picture(self) != NULL;
}

const struct vdmabuf_frame *
vdmabuf_view_get_frame(VdmabufView *self)
{
    VdmabufPicture *picture;

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    picture = view_get_picture(self);
    return picture != NULL ? vdmabuf_picture_get_frame(picture) : NULL;
}

/* The CPU reads what it can; what is tiled or compressed only the GPU can read. */
static gboolean
view_read(VdmabufView *self, VdmabufPicture *picture, cairo_surface_t *surface, GError **error)
{
    if (self->choice.backend != self->egl || self->egl == NULL)
        return self->cpu->class->read(self->cpu, picture, surface, error);
    return self->cpu->class->read(self->cpu, picture, surface, NULL) ||
           self->egl->class->read(self->egl, picture, surface, error);
}

GdkPixbuf *
vdmabuf_view_get_pixbuf(VdmabufView *self, GError **error)
{
    VdmabufPicture *picture;
    cairo_surface_t *surface;
    GdkPixbuf *pixbuf = NULL;
    int width, height;

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    picture = view_get_picture(self);
    if (picture == NULL) {
        g_set_error_literal(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND,
                            "The guest shows no picture");
        return NULL;
    }

    width = (int) vdmabuf_picture_get_frame(picture)->width;
    height = (int) vdmabuf_picture_get_frame(picture)->height;
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT,
                    "No memory for a picture of %dx%d pixels", width, height);
    else if (view_read(self, picture, surface, error))
        pixbuf = gdk_pixbuf_get_from_surface(surface, 0, 0, width, height);
    cairo_surface_destroy(surface);
    return pixbuf;
}

VdmabufViewPath
vdmabuf_view_get_path(VdmabufView *self)
{
    g_return_val_if_fail(VDMABUF_IS_VIEW(self), VDMABUF_VIEW_PATH_NONE);

    return self->choice.backend != NULL ? self->choice.backend->class->path
                                        : VDMABUF_VIEW_PATH_NONE;
}

const char *
vdmabuf_view_get_import_path(VdmabufView *self)
{
    switch (vdmabuf_view_get_path(self)) {
    case VDMABUF_VIEW_PATH_EGL_WAYLAND:
        return "EGL on Wayland";
    case VDMABUF_VIEW_PATH_EGL_X11:
        return "EGL on X11";
    case VDMABUF_VIEW_PATH_CPU:
        return "CPU";
    case VDMABUF_VIEW_PATH_NONE:
    default:
        return "none";
    }
}

const char *
vdmabuf_view_get_path_reason(VdmabufView *self)
{
    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    return self->choice.reason;
}

const char *
vdmabuf_view_get_problem(VdmabufView *self)
{
    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    return self->choice.problem;
}

/* As it is laid out now, whether or not it has been drawn so already */
static gboolean
view_get_fit(VdmabufView *self, ViewFit *fit)
{
    const struct vdmabuf_frame *frame = vdmabuf_view_get_frame(self);
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(self));

    if (frame == NULL)
        return FALSE;
    view_fit_init(fit, gtk_widget_get_allocated_width(GTK_WIDGET(self)) * scale,
                  gtk_widget_get_allocated_height(GTK_WIDGET(self)) * scale, frame->width,
                  frame->height);
    return !view_fit_is_empty(fit);
}

gboolean
vdmabuf_view_get_area(VdmabufView *self, GdkRectangle *area)
{
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(self));
    ViewFit fit;

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), FALSE);

    *area = (GdkRectangle) {0};
    if (!view_get_fit(self, &fit))
        return FALSE;
    *area = (GdkRectangle) {fit.area.x / scale, fit.area.y / scale, fit.area.width / scale,
                            fit.area.height / scale};
    return TRUE;
}

gboolean
vdmabuf_view_to_guest(VdmabufView *self, double widget_x, double widget_y, int *x, int *y)
{
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(self));
    ViewFit fit;

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), FALSE);

    *x = *y = 0;
    return view_get_fit(self, &fit) &&
           view_fit_to_picture(&fit, widget_x * scale, widget_y * scale, x, y);
}

void
vdmabuf_view_set_draw_cursor(VdmabufView *self, gboolean draw)
{
    g_return_if_fail(VDMABUF_IS_VIEW(self));

    if (self->layers.draw_cursor == !!draw)
        return;
    self->layers.draw_cursor = !!draw;
    view_queue_draw(self);
}

GdkCursor *
vdmabuf_view_get_gdk_cursor(VdmabufView *self)
{
    int device = gtk_widget_get_scale_factor(GTK_WIDGET(self));

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), NULL);

    return view_layers_make_pointer(&self->layers, view_get_cursor(self),
                                    gtk_widget_get_display(GTK_WIDGET(self)),
                                    self->scale > 0 ? self->scale : device, device);
}

void
vdmabuf_view_set_overlay(VdmabufView *self, VdmabufViewOverlayFunc func, gpointer data,
                         GDestroyNotify destroy)
{
    g_return_if_fail(VDMABUF_IS_VIEW(self));

    view_layers_set_overlay(&self->layers, func, data, destroy);
    view_queue_draw(self);
}

void
vdmabuf_view_queue_overlay(VdmabufView *self)
{
    g_return_if_fail(VDMABUF_IS_VIEW(self));

    self->layers.overlay_old = TRUE;
    view_queue_draw(self);
}

void
vdmabuf_view_get_stats(VdmabufView *self, VdmabufViewStats *stats)
{
    g_return_if_fail(VDMABUF_IS_VIEW(self));

    *stats = self->stats;
    stats->held = (self->current != NULL) + (self->next != NULL) +
                  view_retirement_get_length(self->retirement);
    stats->images = self->egl != NULL ? self->egl->class->get_n_images(self->egl) : 0;
}

guint
vdmabuf_view_get_history(VdmabufView *self, VdmabufTimes *times, guint max)
{
    GdkFrameClock *clock;

    g_return_val_if_fail(VDMABUF_IS_VIEW(self), 0);

    clock = gtk_widget_get_frame_clock(GTK_WIDGET(self));
    if (clock != NULL)
        view_history_update(&self->history, clock);
    return view_history_get(&self->history, times, max);
}

/* --- GObject --- */

static void
vdmabuf_view_realize(GtkWidget *widget)
{
    VdmabufView *self = VDMABUF_VIEW(widget);

    GTK_WIDGET_CLASS(vdmabuf_view_parent_class)->realize(widget);
    if (self->output != NULL)
        view_frame(self);
}

static void
vdmabuf_view_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    VdmabufView *self = VDMABUF_VIEW(object);

    switch (id) {
    case PROP_PROBLEM:
        g_value_set_string(value, self->choice.problem);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
vdmabuf_view_dispose(GObject *object)
{
    VdmabufView *self = VDMABUF_VIEW(object);

    vdmabuf_view_set_output(self, NULL);
    view_layers_clear(&self->layers);
    g_clear_handle_id(&self->choose_source, g_source_remove);
    g_clear_handle_id(&self->rest_source, g_source_remove);
    G_OBJECT_CLASS(vdmabuf_view_parent_class)->dispose(object);
}

static void
vdmabuf_view_finalize(GObject *object)
{
    VdmabufView *self = VDMABUF_VIEW(object);

    g_clear_pointer(&self->retirement, view_retirement_free);
    view_choice_clear(&self->choice);
    self->cpu->class->free(self->cpu);
    if (self->egl != NULL)
        self->egl->class->free(self->egl);
    G_OBJECT_CLASS(vdmabuf_view_parent_class)->finalize(object);
}

static void
vdmabuf_view_class_init(VdmabufViewClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = vdmabuf_view_get_property;
    object_class->dispose = vdmabuf_view_dispose;
    object_class->finalize = vdmabuf_view_finalize;
    GTK_WIDGET_CLASS(class)->realize = vdmabuf_view_realize;

    properties[PROP_PROBLEM] =
        g_param_spec_string("problem", NULL, NULL, NULL,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);

    signals[SIGNAL_PICTURE] = g_signal_new("picture", VDMABUF_TYPE_VIEW, G_SIGNAL_RUN_LAST, 0, NULL,
                                           NULL, NULL, G_TYPE_NONE, 0);
    signals[SIGNAL_CURSOR_CHANGED] =
        g_signal_new("cursor-changed", VDMABUF_TYPE_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 0);
}

static void
vdmabuf_view_init(VdmabufView *self)
{
    const ViewBackendHost host = {view_begin, view_end, self};

    self->layers.draw_cursor = TRUE;
    self->retirement = view_retirement_new();
    self->stack = gtk_stack_new();
    self->cpu = view_backend_cairo_new(&host);
    self->egl = view_backend_gl_area_new(&host);
    if (self->egl == NULL)
        self->egl = view_backend_x11_new(&host);
    gtk_container_add(GTK_CONTAINER(self->stack), self->cpu->widget);
    if (self->egl != NULL)
        gtk_container_add(GTK_CONTAINER(self->stack), self->egl->widget);
    gtk_container_add(GTK_CONTAINER(self), self->stack);
    gtk_widget_show_all(self->stack);
    gtk_stack_set_visible_child(GTK_STACK(self->stack), self->cpu->widget);

    gtk_event_box_set_above_child(GTK_EVENT_BOX(self), TRUE);
    gtk_widget_set_can_focus(GTK_WIDGET(self), TRUE);
}
