/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream-private.h"

/*
 * How long a picture whose buffer the guest has taken back stays: long enough for the next one of a
 * mode change, short enough that nobody takes it for live.
 */
#define GRACE_MS 500

/* Pictures and cursors do not replace each other; each lane imports one buffer at a time. */
enum { LANE_PICTURE, LANE_CURSOR, N_LANES };

typedef struct {
    VdmabufPicture *importing; /* stays until its import ends, so that each gets a chance */
    VdmabufPicture *next;      /* the newest one behind it */
    struct vdmabuf_id current; /* the buffer of what is shown or waits to be; zero for none */
} Lane;

struct _VdmabufOutput {
    GObject parent_instance;

    guint32 number;
    GMainContext *context;
    VdmabufOutputOwner owner;
    gboolean known;
    VdmabufOutputState state;
    guint drops; /* how often what was shown ended */
    char *problem;
    guint32 width;
    guint32 height;
    VdmabufCursor cursor;
    gboolean complained; /* of the cursor */
    VdmabufOutputStats stats;

    Lane lanes[N_LANES];
    VdmabufPicture *mailbox;
    guint64 superseded;         /* of the last event */
    struct vdmabuf_rect damage; /* since the picture that was taken last */
    gboolean damage_all;        /* not known: all of it */
    GSource *grace;
};

enum { PROP_0, PROP_STATE, PROP_PROBLEM, N_PROPERTIES };
enum {
    SIGNAL_FRAME,
    SIGNAL_SIZE_CHANGED,
    SIGNAL_CURSOR_CHANGED,
    SIGNAL_GONE,
    SIGNAL_BUFFER_GONE,
    N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(VdmabufOutput, vdmabuf_output, G_TYPE_OBJECT)

static const struct vdmabuf_id no_id;

/* --- Lanes --- */

static Lane *
output_get_lane(VdmabufOutput *self, VdmabufPicture *picture)
{
    gboolean cursor = vdmabuf_picture_get_frame(picture)->flags & VDMABUF_FRAME_CURSOR;

    return &self->lanes[cursor ? LANE_CURSOR : LANE_PICTURE];
}

static void
lane_clear(Lane *lane)
{
    g_clear_pointer(&lane->importing, vdmabuf_picture_unref);
    g_clear_pointer(&lane->next, vdmabuf_picture_unref);
    lane->current = no_id;
}

/* --- State --- */

static void
output_tell_state(VdmabufOutput *self)
{
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_STATE]);
    if (self->owner.changed != NULL)
        self->owner.changed(self->owner.stream, self);
}

static void
output_set_problem(VdmabufOutput *self, const char *problem)
{
    if (g_strcmp0(self->problem, problem) == 0)
        return;

    g_free(self->problem);
    self->problem = g_strdup(problem);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_PROBLEM]);
}

/* The program hears of the output before it hears anything from it. */
static void
output_make_known(VdmabufOutput *self)
{
    if (self->known)
        return;

    self->known = TRUE;
    if (self->owner.changed != NULL)
        self->owner.changed(self->owner.stream, self);
}

static void
output_end_grace(VdmabufOutput *self)
{
    if (self->grace == NULL)
        return;

    g_source_destroy(self->grace);
    g_clear_pointer(&self->grace, g_source_unref);
}

static void
output_hide_cursor(VdmabufOutput *self)
{
    self->lanes[LANE_CURSOR].current = no_id;
    if (!self->cursor.visible)
        return;

    vdmabuf_cursor_hide(&self->cursor);
    g_signal_emit(self, signals[SIGNAL_CURSOR_CHANGED], 0);
}

/* What was shown does not hold any more. */
static void
output_drop(VdmabufOutput *self, VdmabufOutputState state)
{
    VdmabufOutputState before = self->state;

    output_end_grace(self);
    g_clear_pointer(&self->mailbox, vdmabuf_picture_unref);
    self->damage_all = TRUE;
    self->drops++;
    self->state = state;
    if (state == VDMABUF_OUTPUT_HIDDEN)
        output_make_known(self);
    if (before != state)
        output_tell_state(self);
    if (before == VDMABUF_OUTPUT_SHOWING)
        g_signal_emit(self, signals[SIGNAL_GONE], 0);
}

static gboolean
output_grace_over(gpointer data)
{
    VdmabufOutput *self = data;
    g_autoptr(VdmabufOutput) keep = g_object_ref(self);

    output_end_grace(self);
    output_drop(self, VDMABUF_OUTPUT_WAITING);
    return G_SOURCE_REMOVE;
}

static void
output_begin_grace(VdmabufOutput *self)
{
    if (self->grace != NULL || self->state == VDMABUF_OUTPUT_WAITING)
        return;

    self->grace = g_timeout_source_new(GRACE_MS);
    g_source_set_callback(self->grace, output_grace_over, self, NULL);
    g_source_attach(self->grace, self->context);
}

/* --- Damage --- */

static gboolean
rect_is_empty(const struct vdmabuf_rect *rect)
{
    return rect->width == 0 || rect->height == 0;
}

static void
rect_add(struct vdmabuf_rect *rect, const struct vdmabuf_rect *other)
{
    guint32 right, bottom;

    if (rect_is_empty(rect)) {
        *rect = *other;
        return;
    }
    right = MAX(rect->x + rect->width, other->x + other->width);
    bottom = MAX(rect->y + rect->height, other->y + other->height);
    rect->x = MIN(rect->x, other->x);
    rect->y = MIN(rect->y, other->y);
    rect->width = right - rect->x;
    rect->height = bottom - rect->y;
}

/* Until here a frame's damage is that against the frame before it. */
static void
output_add_damage(VdmabufOutput *self, VdmabufPicture *picture)
{
    struct vdmabuf_rect damage;

    vdmabuf_picture_get_damage(picture, &damage);
    if (rect_is_empty(&damage))
        self->damage_all = TRUE;
    else
        rect_add(&self->damage, &damage);
}

/* From here on it is that against the picture that was taken last. */
static void
output_finish_damage(VdmabufOutput *self, VdmabufPicture *picture)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    struct vdmabuf_rect all = {.width = frame->width, .height = frame->height};

    output_add_damage(self, picture);
    vdmabuf_picture_set_damage(picture, self->damage_all ? &all : &self->damage);
}

/* A frame that nobody saw: its damage is still to be repaired. */
static void
output_skip(VdmabufOutput *self, Lane *lane, VdmabufPicture *picture)
{
    if (lane == &self->lanes[LANE_PICTURE]) {
        self->stats.skipped++;
        output_add_damage(self, picture);
    }
    vdmabuf_picture_unref(picture);
}

/* --- Delivery: the picture's buffer is there --- */

static void
output_deliver_picture(VdmabufOutput *self, VdmabufPicture *picture)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    gboolean resized = frame->width != self->width || frame->height != self->height;
    VdmabufOutputState before = self->state;
    guint drops = self->drops;

    output_end_grace(self);
    if (resized)
        self->damage_all = TRUE;
    output_finish_damage(self, picture);
    /* The damage of the one that is replaced is part of it already. */
    if (self->mailbox != NULL)
        self->stats.skipped++;
    g_clear_pointer(&self->mailbox, vdmabuf_picture_unref);
    self->mailbox = picture;
    self->width = frame->width;
    self->height = frame->height;

    self->state = VDMABUF_OUTPUT_SHOWING;

    /* Any of the handlers may take the picture, or stop the stream. */
    output_make_known(self);
    if (self->drops == drops)
        output_set_problem(self, NULL);
    if (self->drops == drops && before != self->state)
        output_tell_state(self);
    if (self->drops == drops && resized)
        g_signal_emit(self, signals[SIGNAL_SIZE_CHANGED], 0);
    if (self->drops == drops && self->mailbox == picture)
        g_signal_emit(self, signals[SIGNAL_FRAME], 0);
}

/* A cursor is no reason to hide the picture behind a sentence. */
static void
output_complain(VdmabufOutput *self, Lane *lane, const char *sentence)
{
    if (lane == &self->lanes[LANE_PICTURE]) {
        output_make_known(self);
        output_set_problem(self, sentence);
    } else if (!self->complained) {
        self->complained = TRUE;
        g_message("%s", sentence);
    }
}

static void
output_deliver_cursor(VdmabufOutput *self, VdmabufPicture *picture)
{
    g_autoptr(GError) error = NULL;

    if (!vdmabuf_cursor_read(&self->cursor, picture, &error)) {
        output_complain(self, &self->lanes[LANE_CURSOR], error->message);
        vdmabuf_cursor_hide(&self->cursor);
    }
    vdmabuf_picture_unref(picture);
    g_signal_emit(self, signals[SIGNAL_CURSOR_CHANGED], 0);
}

/* Takes @picture. Those of a lane come in their order. */
static void
output_deliver(VdmabufOutput *self, Lane *lane, VdmabufPicture *picture, VdmabufBuffer *buffer,
               gboolean waited)
{
    vdmabuf_picture_set_buffer(picture, buffer, waited);
    lane->current = *vdmabuf_picture_get_id(picture);
    if (lane == &self->lanes[LANE_CURSOR])
        output_deliver_cursor(self, picture);
    else
        output_deliver_picture(self, picture);
}

static VdmabufBuffer *
output_ask(VdmabufOutput *self, VdmabufPicture *picture)
{
    if (self->owner.get_buffer == NULL)
        return NULL;
    return self->owner.get_buffer(self->owner.stream, vdmabuf_picture_get_id(picture));
}

/* Goes on with what waits behind an import that has ended. */
static void
output_advance(VdmabufOutput *self, Lane *lane)
{
    VdmabufBuffer *buffer;

    if (lane->importing != NULL || lane->next == NULL)
        return;

    buffer = output_ask(self, lane->next);
    if (buffer != NULL)
        output_deliver(self, lane, g_steal_pointer(&lane->next), buffer, TRUE);
    else
        lane->importing = g_steal_pointer(&lane->next);
}

/* --- What comes from the stream --- */

static void
output_add_hidden(VdmabufOutput *self, Lane *lane, VdmabufPicture *picture)
{
    lane_clear(lane);
    lane->current = *vdmabuf_picture_get_id(picture);
    vdmabuf_picture_unref(picture);

    if (lane == &self->lanes[LANE_CURSOR]) {
        output_hide_cursor(self);
        return;
    }
    output_drop(self, VDMABUF_OUTPUT_HIDDEN);
}

void
vdmabuf_output_add(VdmabufOutput *self, VdmabufPicture *picture, guint64 superseded)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    Lane *lane = output_get_lane(self, picture);
    VdmabufBuffer *buffer;

    /* Which output the lost frames were of is not known. */
    if (superseded != self->superseded)
        vdmabuf_picture_set_damage(picture, &(struct vdmabuf_rect) {0});
    if (superseded > self->superseded)
        self->stats.superseded += superseded - self->superseded;
    self->superseded = superseded;

    if (frame->flags & VDMABUF_FRAME_HIDDEN) {
        output_add_hidden(self, lane, picture);
        return;
    }
    if (lane == &self->lanes[LANE_PICTURE])
        self->stats.frames++;

    if (lane->importing == NULL) {
        buffer = output_ask(self, picture);
        if (buffer != NULL)
            output_deliver(self, lane, picture, buffer, FALSE);
        else
            lane->importing = picture;
        return;
    }

    if (lane->next != NULL)
        output_skip(self, lane, lane->next);
    lane->next = picture;
}

/* The guest may take a buffer back while it is imported; its GONE is on its way then. */
static gboolean
is_gone(const GError *error)
{
    return g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND) ||
           g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED);
}

void
vdmabuf_output_imported(VdmabufOutput *self, const struct vdmabuf_id *id, VdmabufBuffer *buffer,
                        const GError *error)
{
    for (guint i = 0; i < N_LANES; i++) {
        Lane *lane = &self->lanes[i];
        VdmabufPicture *picture;

        if (lane->importing == NULL ||
            !vdmabuf_id_equal(vdmabuf_picture_get_id(lane->importing), id))
            continue;

        picture = g_steal_pointer(&lane->importing);
        if (buffer != NULL) {
            output_deliver(self, lane, picture, buffer, TRUE);
        } else {
            output_skip(self, lane, picture);
            if (!is_gone(error))
                output_complain(self, lane, error->message);
        }
        output_advance(self, lane);
    }
}

static gboolean
picture_is_of(VdmabufPicture *picture, const struct vdmabuf_id *id)
{
    return picture != NULL && vdmabuf_id_equal(vdmabuf_picture_get_id(picture), id);
}

void
vdmabuf_output_buffer_gone(VdmabufOutput *self, const struct vdmabuf_id *id)
{
    for (guint i = 0; i < N_LANES; i++) {
        Lane *lane = &self->lanes[i];

        if (picture_is_of(lane->importing, id))
            output_skip(self, lane, g_steal_pointer(&lane->importing));
        if (picture_is_of(lane->next, id))
            output_skip(self, lane, g_steal_pointer(&lane->next));
        output_advance(self, lane);
    }

    if (picture_is_of(self->mailbox, id))
        g_clear_pointer(&self->mailbox, vdmabuf_picture_unref);
    if (vdmabuf_id_equal(&self->lanes[LANE_PICTURE].current, id)) {
        self->lanes[LANE_PICTURE].current = no_id;
        output_begin_grace(self);
    }
    if (vdmabuf_id_equal(&self->lanes[LANE_CURSOR].current, id))
        output_hide_cursor(self);
}

void
vdmabuf_output_drop_buffer(VdmabufOutput *self, VdmabufBuffer *buffer)
{
    g_signal_emit(self, signals[SIGNAL_BUFFER_GONE], 0, buffer);
}

void
vdmabuf_output_reset(VdmabufOutput *self)
{
    for (guint i = 0; i < N_LANES; i++)
        lane_clear(&self->lanes[i]);
    self->superseded = 0;
    output_hide_cursor(self);
    output_set_problem(self, NULL);
    output_drop(self, VDMABUF_OUTPUT_WAITING);
}

void
vdmabuf_output_orphan(VdmabufOutput *self)
{
    self->owner = (VdmabufOutputOwner) {0};
}

gboolean
vdmabuf_output_is_known(VdmabufOutput *self)
{
    return self->known;
}

/* --- For the program --- */

guint32
vdmabuf_output_get_number(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), 0);

    return self->number;
}

VdmabufOutputState
vdmabuf_output_get_state(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), VDMABUF_OUTPUT_WAITING);

    return self->state;
}

void
vdmabuf_output_get_size(VdmabufOutput *self, guint32 *width, guint32 *height)
{
    g_return_if_fail(VDMABUF_IS_OUTPUT(self));

    *width = self->width;
    *height = self->height;
}

const char *
vdmabuf_output_get_problem(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), NULL);

    return self->problem;
}

VdmabufPicture *
vdmabuf_output_peek_picture(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), NULL);

    return self->mailbox;
}

VdmabufPicture *
vdmabuf_output_take_picture(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), NULL);

    if (self->mailbox == NULL)
        return NULL;
    self->damage_all = FALSE;
    self->damage = (struct vdmabuf_rect) {0};
    self->stats.taken++;
    return g_steal_pointer(&self->mailbox);
}

const VdmabufCursor *
vdmabuf_output_get_cursor(VdmabufOutput *self)
{
    g_return_val_if_fail(VDMABUF_IS_OUTPUT(self), NULL);

    return &self->cursor;
}

void
vdmabuf_output_get_stats(VdmabufOutput *self, VdmabufOutputStats *stats)
{
    g_return_if_fail(VDMABUF_IS_OUTPUT(self));

    *stats = self->stats;
}

/* --- GObject --- */

static void
vdmabuf_output_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    VdmabufOutput *self = VDMABUF_OUTPUT(object);

    switch (id) {
    case PROP_STATE:
        g_value_set_uint(value, self->state);
        break;
    case PROP_PROBLEM:
        g_value_set_string(value, self->problem);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
vdmabuf_output_finalize(GObject *object)
{
    VdmabufOutput *self = VDMABUF_OUTPUT(object);

    output_end_grace(self);
    for (guint i = 0; i < N_LANES; i++)
        lane_clear(&self->lanes[i]);
    g_clear_pointer(&self->mailbox, vdmabuf_picture_unref);
    g_clear_pointer(&self->cursor.pixels, g_bytes_unref);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self->problem);
    G_OBJECT_CLASS(vdmabuf_output_parent_class)->finalize(object);
}

static guint
add_signal(const char *name)
{
    return g_signal_new(name, VDMABUF_TYPE_OUTPUT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                        G_TYPE_NONE, 0);
}

static void
vdmabuf_output_class_init(VdmabufOutputClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->get_property = vdmabuf_output_get_property;
    object_class->finalize = vdmabuf_output_finalize;

    properties[PROP_STATE] =
        g_param_spec_uint("state", NULL, NULL, VDMABUF_OUTPUT_WAITING, VDMABUF_OUTPUT_SHOWING,
                          VDMABUF_OUTPUT_WAITING, flags);
    properties[PROP_PROBLEM] = g_param_spec_string("problem", NULL, NULL, NULL, flags);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);

    signals[SIGNAL_FRAME] = add_signal("frame");
    signals[SIGNAL_SIZE_CHANGED] = add_signal("size-changed");
    signals[SIGNAL_CURSOR_CHANGED] = add_signal("cursor-changed");
    signals[SIGNAL_GONE] = add_signal("gone");
    signals[SIGNAL_BUFFER_GONE] =
        g_signal_new("buffer-gone", VDMABUF_TYPE_OUTPUT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 1, VDMABUF_TYPE_BUFFER);
}

static void
vdmabuf_output_init(VdmabufOutput *self)
{
    self->state = VDMABUF_OUTPUT_WAITING;
    self->damage_all = TRUE;
}

VdmabufOutput *
vdmabuf_output_new(guint32 number, guint64 superseded, GMainContext *context,
                   const VdmabufOutputOwner *owner)
{
    VdmabufOutput *self = g_object_new(VDMABUF_TYPE_OUTPUT, NULL);

    self->number = number;
    self->superseded = superseded;
    self->context = g_main_context_ref(context);
    self->owner = *owner;
    return self;
}
