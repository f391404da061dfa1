/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-engine.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vdmabuf.h>

#include "scanout-cache.h"
#include "scanout-card.h"
#include "scanout-error.h"
#include "scanout-names.h"
#include "scanout-pace.h"
#include "scanout-stats.h"

/* dma-bufs kept of each plane: more than any swapchain has */
#define CACHE_LIMIT 8
/* Those not shown for so long go: their framebuffers may be removed long since. */
#define CACHE_SECONDS 10
/* Nothing tells a bystander of a mode set or a new card, so look once a second. */
#define SCAN_MS 1000
/* After an export that failed */
#define PAUSE_USEC   G_USEC_PER_SEC
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 5000
/* How often per second a cursor that stays is compared with its copy, at most */
#define CURSOR_REFRESH 10
#define MAX_WARNINGS   256

typedef struct _Output Output;

typedef struct {
    Output *output;
    gboolean cursor;
    guint32 plane_id;
    VdmabufScanoutPace pace;
    VdmabufScanoutPlaneState last;   /* what was looked at last */
    gboolean shown;                  /* the newest frame shows something */
    gboolean hide;                   /* a HIDDEN frame has to be exported */
    gboolean no_copy;                /* a cursor that cannot be mapped */
    VdmabufScanoutCache *cache;      /* of the compositor's buffers */
    VdmabufScanoutCache *ring;       /* of our own, for copies */
    guint64 ring_serial;             /* stands for an inode in @ring */
    VdmabufScanoutBuffer *blank;     /* carries HIDDEN frames */
    VdmabufScanoutBuffer *current;   /* of the newest visible frame; in @cache or @ring */
    VdmabufScanoutBuffer *waits_for; /* has to be released before the next frame */
    gboolean waiting;                /* for that, or for any buffer of the ring */
    gint64 not_before;               /* after a failure: when to try again */
} Layer;

enum { PRIMARY, CURSOR, N_LAYERS };

typedef struct {
    VdmabufScanoutEngine *engine;
    VdmabufScanoutCard *card;
    guint source;
    gboolean gone;
} Card;

struct _Output {
    VdmabufScanoutEngine *engine;
    char *name;
    guint index;
    Card *card; /* NULL while the output is off */
    guint32 crtc_id;
    guint refresh_mhz;
    gboolean seen; /* by the scan under way */
    gboolean vblank;
    guint64 vblank_token; /* of the event that is awaited; 0 for none */
    guint timer;
    gint64 last_tick;
    VdmabufProducer *producer;
    guint producer_source;
    Layer layers[N_LAYERS];
    VdmabufScanoutStats stats;
};

struct _VdmabufScanoutEngine {
    const VdmabufScanoutOptions *options;
    GMainLoop *loop;
    GPtrArray *signals;  /* GSource ids */
    GPtrArray *cards;    /* Card */
    GHashTable *refused; /* paths of nodes that are no use, so that they stay closed */
    GPtrArray *outputs;  /* Output; never removed, so that an index stays */
    GHashTable *warned;
    VdmabufScanoutNames *names;
    VdmabufProducer *control; /* tells how many consumers there are */
    guint control_source;
    guint64 consumers;
    guint scan_source;
    guint64 last_token;
    guint lost_source;
    guint retry_source;
    guint retry_ms;
    GFileMonitor *monitor;
    GError *failure; /* why the loop ended */
};

static void engine_lose_device(VdmabufScanoutEngine *self);
static void output_look(Output *output);
static void output_arm(Output *output);

G_GNUC_PRINTF(2, 3)
static void
engine_say(VdmabufScanoutEngine *self, const char *format, ...)
{
    va_list args;
    g_autofree char *text = NULL;

    if (!self->options->verbose)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_printerr("vdmabuf-scanout: %s\n", text);
}

/* The same sentence about the same framebuffer is said once, not at each refresh. */
static void
engine_warn(VdmabufScanoutEngine *self, const char *text)
{
    if (g_hash_table_size(self->warned) >= MAX_WARNINGS)
        g_hash_table_remove_all(self->warned);
    if (g_hash_table_add(self->warned, g_strdup(text)))
        g_printerr("vdmabuf-scanout: %s\n", text);
}

static void
engine_fail(VdmabufScanoutEngine *self, GError *error)
{
    if (self->failure == NULL)
        self->failure = error;
    else
        g_error_free(error);
    g_main_loop_quit(self->loop);
}

/* Whether frames are wanted. Without consumers nothing is watched, held or pinned. */
static gboolean
engine_watches(VdmabufScanoutEngine *self)
{
    return self->control != NULL && (self->consumers > 0 || self->options->once);
}

/* ---------------------------------------------------------------------------- layers */

static void
layer_drop(VdmabufScanoutBuffer *buffer, gpointer data)
{
    Layer *layer = data;

    if (layer->current == buffer)
        layer->current = NULL;
    if (layer->waits_for == buffer)
        layer->waits_for = NULL;
    /* Fails only when the device has forgotten the buffer, and then there is nothing to undo. */
    if (buffer->registered && layer->output->producer != NULL)
        vdmabuf_producer_unexport(layer->output->producer, &buffer->id, NULL);
}

static void
layer_init(Layer *layer, Output *output, gboolean cursor)
{
    const VdmabufScanoutOptions *options = output->engine->options;
    guint refresh = options->refresh;

    layer->output = output;
    layer->cursor = cursor;
    if (cursor)
        refresh = MIN(refresh, CURSOR_REFRESH);
    vdmabuf_scanout_pace_init(&layer->pace, options->max_rate, refresh);
    layer->cache = vdmabuf_scanout_cache_new(CACHE_LIMIT, layer_drop, layer);
    layer->ring = vdmabuf_scanout_cache_new(VDMABUF_SCANOUT_MAX_BUFFERS, layer_drop, layer);
}

static void
layer_clear(Layer *layer)
{
    g_clear_pointer(&layer->cache, vdmabuf_scanout_cache_free);
    g_clear_pointer(&layer->ring, vdmabuf_scanout_cache_free);
    if (layer->blank != NULL)
        layer_drop(layer->blank, layer);
    g_clear_pointer(&layer->blank, vdmabuf_scanout_buffer_free);
}

/* Forgets every buffer, and that anything was ever shown. */
static void
layer_reset(Layer *layer)
{
    guint64 flips = layer->pace.flips;

    layer_clear(layer);
    layer_init(layer, layer->output, layer->cursor);
    layer->pace.flips = flips;
    memset(&layer->last, 0, sizeof(layer->last));
    layer->shown = FALSE;
    layer->hide = FALSE;
    layer->waiting = FALSE;
    layer->not_before = 0;
}

static guint
layer_outstanding(const Layer *layer)
{
    return vdmabuf_scanout_cache_outstanding(layer->cache) +
           vdmabuf_scanout_cache_outstanding(layer->ring) +
           (layer->blank != NULL && layer->blank->outstanding ? 1 : 0);
}

static void
layer_wait(Layer *layer, VdmabufScanoutBuffer *buffer)
{
    if (!layer->waiting)
        layer->output->stats.busy++;
    layer->waiting = TRUE;
    layer->waits_for = buffer;
}

/* Gives up what is not needed, so that the device's limits allow for another buffer. */
static void
output_spare(Output *output, const VdmabufScanoutBuffer *keep)
{
    for (guint l = 0; l < N_LAYERS; l++) {
        Layer *layer = &output->layers[l];
        VdmabufScanoutBuffer *buffer;
        guint i = 0;

        while ((buffer = vdmabuf_scanout_cache_nth(layer->cache, i)) != NULL) {
            if (buffer->registered && !buffer->outstanding && buffer != layer->current &&
                buffer != keep)
                vdmabuf_scanout_cache_remove(layer->cache, buffer);
            else
                i++;
        }
    }
}

/*
 * Hands @frame, which is in @buffer, to the host. What fails for good is said once; what may
 * succeed later stays pending.
 */
static gboolean
layer_export(Layer *layer, VdmabufScanoutBuffer *buffer, struct vdmabuf_frame *frame)
{
    Output *output = layer->output;
    VdmabufScanoutEngine *engine = output->engine;
    struct vdmabuf_id id;
    guint64 sequence;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    frame->output = output->index;
    if (!vdmabuf_producer_export(output->producer, buffer->fd, frame, &id, &sequence, &error) &&
        g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_LIMIT)) {
        output_spare(output, buffer);
        g_clear_error(&error);
        vdmabuf_producer_export(output->producer, buffer->fd, frame, &id, &sequence, &error);
    }
    if (error == NULL) {
        char name[VDMABUF_ID_TEXT_SIZE];

        if (!buffer->registered || !vdmabuf_id_equal(&buffer->id, &id))
            engine_say(engine, "%s: %s is buffer %s of %" G_GUINT64_FORMAT " bytes", output->name,
                       layer->cursor ? "cursor" : "picture", vdmabuf_id_format(&id, name),
                       buffer->size);
        buffer->registered = TRUE;
        buffer->id = id;
        buffer->sequence = sequence;
        buffer->outstanding = TRUE;
        buffer->used = g_get_monotonic_time();
        output->stats.frames++;
        if (layer->cursor)
            output->stats.cursors++;
        layer->waits_for = NULL;
        layer->waiting = FALSE;
        return TRUE;
    }

    if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_BUSY)) {
        layer_wait(layer, NULL);
        return FALSE;
    }
    output->stats.errors++;
    layer->not_before = g_get_monotonic_time() + PAUSE_USEC;
    if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE)) {
        engine_lose_device(engine);
        return FALSE;
    }
    if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NOT_PAGES) ||
        g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID)) {
        buffer->refused = TRUE;
        text = g_strdup_printf(
            "%s: %s%s", output->name, error->message,
            engine->options->mode == VDMABUF_SCANOUT_DIRECT ? "; --mode=copy may help" : "");
    } else {
        text = g_strdup_printf("%s: %s", output->name, error->message);
    }
    if (engine->options->once)
        engine_fail(engine, g_error_new_literal(error->domain, error->code, text));
    else
        engine_warn(engine, text);
    return FALSE;
}

/* The output, or its pointer, shows nothing any more. */
static void
layer_hide(Layer *layer)
{
    Output *output = layer->output;
    struct vdmabuf_frame frame = {
        .flags = VDMABUF_FRAME_HIDDEN | (layer->cursor ? VDMABUF_FRAME_CURSOR : 0),
    };

    if (layer->blank == NULL) {
        /* The last picture may be outstanding, so this needs a buffer of its own. */
        g_autoptr(GError) error = NULL;
        guint64 size = (guint64) sysconf(_SC_PAGESIZE);
        int fd = vdmabuf_producer_alloc(output->producer, size, 0, &error);

        if (fd < 0) {
            if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
                engine_lose_device(output->engine);
            else
                engine_warn(output->engine, error->message);
            return;
        }
        layer->blank = vdmabuf_scanout_buffer_new(0, fd, size);
    }
    if (layer->blank->outstanding) {
        layer_wait(layer, layer->blank);
        return;
    }
    if (!layer_export(layer, layer->blank, &frame))
        return;
    output->stats.hidden++;
    layer->hide = FALSE;
    layer->shown = FALSE;
    layer->current = NULL;
    engine_say(output->engine, "%s: %s hidden", output->name, layer->cursor ? "cursor" : "output");
}

/* An idle buffer of the ring for @size bytes, or NULL until one is released. */
static VdmabufScanoutBuffer *
layer_take_ring(Layer *layer, guint64 size, GError **error)
{
    VdmabufScanoutBuffer *best = NULL;
    VdmabufScanoutBuffer *buffer;
    guint limit = layer->output->engine->options->buffers;
    guint usable = 0;
    guint i = 0;
    int fd;

    while ((buffer = vdmabuf_scanout_cache_nth(layer->ring, i)) != NULL) {
        /* Neither too small nor left over from a mode much larger */
        gboolean fits = buffer->size >= size && buffer->size / 2 <= MAX(size, 65536);

        if (!fits && !buffer->outstanding) {
            vdmabuf_scanout_cache_remove(layer->ring, buffer);
            continue;
        }
        i++;
        if (!fits) {
            buffer->retired = TRUE;
            continue;
        }
        usable++;
        if (!buffer->outstanding && (best == NULL || buffer->used < best->used))
            best = buffer;
    }
    /* One that is not shown before the one that is, and a new one before that as well */
    if (best != NULL && (best != layer->current || usable >= limit))
        return best;
    if (usable >= limit)
        return NULL;

    fd = vdmabuf_producer_alloc(layer->output->producer, size, 0, error);
    if (fd < 0)
        return NULL;
    buffer = vdmabuf_scanout_buffer_new(++layer->ring_serial, fd, size);
    buffer->map = vdmabuf_map_new(fd, size, TRUE, error);
    if (buffer->map == NULL) {
        vdmabuf_scanout_buffer_free(buffer);
        return NULL;
    }
    vdmabuf_scanout_cache_add(layer->ring, buffer);
    return buffer;
}

/*
 * Copies @frame out of @source and exports the copy.
 *
 * Returns: %FALSE with @error when that is not possible
 */
static gboolean
layer_show_copy(Layer *layer, VdmabufScanoutBuffer *source, const struct vdmabuf_frame *frame,
                gboolean refresh, GError **error)
{
    Output *output = layer->output;
    VdmabufScanoutBuffer *target;
    struct vdmabuf_frame copy;
    gboolean equal = FALSE;
    guint64 size;

    if (!vdmabuf_scanout_build_copy(frame, &copy, &size, error))
        return FALSE;
    if (!vdmabuf_scanout_frame_fits(frame, source->size)) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                    "the framebuffer of %s is larger than its dma-buf", output->name);
        return FALSE;
    }
    if (source->map == NULL) {
        source->map = vdmabuf_map_new(source->fd, source->size, FALSE, error);
        if (source->map == NULL)
            return FALSE;
    }
    if (!layer->cursor && frame->modifier != copy.modifier) {
        g_autofree char *text = g_strdup_printf(
            "%s: the framebuffers have no modifier, so they are taken to be linear; if the picture "
            "is garbled use --mode=direct",
            output->name);
        engine_warn(output->engine, text);
    }

    if (refresh && layer->current != NULL && layer->current->map != NULL) {
        if (!vdmabuf_map_begin(source->map, error))
            return FALSE;
        equal = vdmabuf_scanout_rows_equal(vdmabuf_map_get_data(source->map), frame,
                                           vdmabuf_map_get_data(layer->current->map),
                                           &layer->current->frame);
        vdmabuf_map_end(source->map, NULL);
        if (equal) {
            vdmabuf_scanout_pace_done(&layer->pace, g_get_monotonic_time());
            return TRUE;
        }
        layer->pace.pending = TRUE;
    }

    target = layer_take_ring(layer, size, error);
    if (target == NULL) {
        if (error != NULL && *error != NULL)
            return FALSE;
        layer_wait(layer, NULL);
        return TRUE;
    }
    /* Waits for the compositor's GPU, if it still draws: that is less than a frame. */
    if (!vdmabuf_map_begin(source->map, error))
        return FALSE;
    if (!vdmabuf_map_begin(target->map, error)) {
        vdmabuf_map_end(source->map, NULL);
        return FALSE;
    }
    output->stats.copied += vdmabuf_scanout_copy_rows(vdmabuf_map_get_data(target->map), &copy,
                                                      vdmabuf_map_get_data(source->map), frame);
    vdmabuf_map_end(target->map, NULL);
    vdmabuf_map_end(source->map, NULL);
    target->frame = copy;

    if (layer_export(layer, target, &copy)) {
        source->used = target->used;
        if (refresh)
            output->stats.refreshes++;
        layer->current = target;
        layer->shown = TRUE;
        vdmabuf_scanout_pace_done(&layer->pace, target->used);
        vdmabuf_scanout_cache_trim(layer->cache, source, 0);
    } else if (target->refused) {
        vdmabuf_scanout_cache_remove(layer->ring, target);
    }
    return TRUE;
}

static void
layer_show_direct(Layer *layer, VdmabufScanoutBuffer *buffer, struct vdmabuf_frame *frame,
                  gboolean refresh)
{
    if (buffer->outstanding) {
        layer_wait(layer, buffer);
        return;
    }
    if (layer_export(layer, buffer, frame)) {
        if (refresh)
            layer->output->stats.refreshes++;
        layer->current = buffer;
        layer->shown = TRUE;
        vdmabuf_scanout_pace_done(&layer->pace, buffer->used);
        vdmabuf_scanout_cache_trim(layer->cache, buffer, 0);
    } else if (buffer->refused) {
        vdmabuf_scanout_pace_done(&layer->pace, g_get_monotonic_time());
    }
}

/* The framebuffer of @state as a buffer in the cache; NULL with @error. */
static VdmabufScanoutBuffer *
layer_open_fb(Layer *layer, const VdmabufScanoutPlaneState *state, VdmabufScanoutFb *fb,
              GError **error)
{
    VdmabufScanoutBuffer *buffer;
    struct stat status;
    off_t size;
    int fd;

    fd = vdmabuf_scanout_card_open_fb(layer->output->card->card, layer->plane_id, state->fb_id, fb,
                                      error);
    if (fd < 0)
        return NULL;
    size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || fstat(fd, &status) != 0) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_FAILED,
                    "the dma-buf of framebuffer %u does not tell its size", fb->id);
        close(fd);
        return NULL;
    }
    buffer = vdmabuf_scanout_cache_find(layer->cache, status.st_ino);
    if (buffer != NULL) {
        close(fd);
        return buffer;
    }
    buffer = vdmabuf_scanout_buffer_new(status.st_ino, fd, (guint64) size);
    buffer->used = g_get_monotonic_time();
    vdmabuf_scanout_cache_add(layer->cache, buffer);
    return buffer;
}

static void
layer_show(Layer *layer, const VdmabufScanoutPlaneState *state, gboolean refresh)
{
    Output *output = layer->output;
    VdmabufScanoutEngine *engine = output->engine;
    gboolean copy = engine->options->mode == VDMABUF_SCANOUT_COPY;
    VdmabufScanoutBuffer *buffer;
    VdmabufScanoutFb fb;
    struct vdmabuf_frame frame;
    g_autoptr(GError) error = NULL;

    buffer = layer_open_fb(layer, state, &fb, &error);
    if (buffer == NULL) {
        /* Removed since the plane was read: the next look finds its successor. */
        if (g_error_matches(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_GONE))
            return;
        goto fail;
    }
    if (buffer->refused) {
        vdmabuf_scanout_pace_done(&layer->pace, g_get_monotonic_time());
        return;
    }
    if (!vdmabuf_scanout_build_frame(&frame, &fb, state, layer->cursor, &error))
        goto fail;

    /*
     * A cursor is small and often has one buffer alone. As a copy it can move on while the
     * host holds the last frame, and the compositor may draw the next shape into its own.
     */
    if (copy || (layer->cursor && !layer->no_copy)) {
        if (layer_show_copy(layer, buffer, &frame, refresh, &error))
            return;
        if (copy || g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
            goto fail;
        engine_say(engine, "%s: the cursor cannot be copied (%s), so it is exported itself",
                   output->name, error->message);
        g_clear_error(&error);
        layer->no_copy = TRUE;
    }
    layer_show_direct(layer, buffer, &frame, refresh);
    return;

fail:
    output->stats.errors++;
    if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE)) {
        engine_lose_device(engine);
    } else if (engine->options->once ||
               g_error_matches(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_PERMISSION)) {
        engine_fail(engine, g_steal_pointer(&error));
    } else {
        g_autofree char *text = g_strdup_printf("%s: %s", output->name, error->message);

        engine_warn(engine, text);
        layer->not_before = g_get_monotonic_time() + PAUSE_USEC;
    }
}

static void
layer_look(Layer *layer)
{
    Output *output = layer->output;
    VdmabufScanoutPlaneState state = {0};
    VdmabufScanoutAction action;
    gint64 now = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;

    if (output->card != NULL && layer->plane_id != 0 &&
        !vdmabuf_scanout_card_read_plane(output->card->card, layer->plane_id, output->crtc_id,
                                         &state, &error)) {
        /* The next scan finds out what is left of the card. */
        engine_say(output->engine, "%s: %s", output->name, error->message);
        if (!g_error_matches(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_GONE))
            return;
    }
    if (state.fb_id == 0) {
        if (layer->shown)
            layer->hide = TRUE;
        if (layer->hide && now >= layer->not_before)
            layer_hide(layer);
        layer->last = state;
        return;
    }

    if (state.fb_id != layer->last.fb_id) {
        vdmabuf_scanout_pace_flip(&layer->pace);
        if (!layer->cursor && layer->last.fb_id != 0)
            output->stats.flips++;
    } else if (!vdmabuf_scanout_plane_state_equal(&state, &layer->last)) {
        vdmabuf_scanout_pace_touch(&layer->pace);
    } else if (layer->waits_for != NULL && layer->waits_for->outstanding) {
        return;
    }
    layer->last = state;
    layer->hide = FALSE;

    if (now < layer->not_before)
        return;
    action = vdmabuf_scanout_pace_decide(&layer->pace, now);
    if (action == VDMABUF_SCANOUT_EXPORT ||
        (action == VDMABUF_SCANOUT_REFRESH && !output->engine->options->once))
        layer_show(layer, &state, action == VDMABUF_SCANOUT_REFRESH);
}

/* A frame came back; TRUE when it was one of this layer's. */
static gboolean
layer_released(Layer *layer, const struct vdmabuf_guest_event *event)
{
    VdmabufScanoutStats *stats = &layer->output->stats;
    VdmabufScanoutCache *owner = layer->cache;
    VdmabufScanoutBuffer *buffer = vdmabuf_scanout_cache_find_id(owner, &event->id);

    if (buffer == NULL) {
        owner = layer->ring;
        buffer = vdmabuf_scanout_cache_find_id(owner, &event->id);
    }
    if (buffer == NULL && layer->blank != NULL && layer->blank->registered &&
        vdmabuf_id_equal(&layer->blank->id, &event->id)) {
        owner = NULL;
        buffer = layer->blank;
    }
    if (buffer == NULL || !buffer->outstanding || buffer->sequence != event->value)
        return FALSE;

    buffer->outstanding = FALSE;
    if (layer->waits_for == buffer)
        layer->waits_for = NULL;
    if (event->flags & VDMABUF_RELEASED_LOST) {
        stats->lost++;
        engine_warn(layer->output->engine,
                    "the device lost a frame (it was reset, or refused it); it is sent again");
        if (buffer == layer->current)
            vdmabuf_scanout_pace_touch(&layer->pace);
        else if (buffer == layer->blank && !layer->shown)
            layer->hide = TRUE;
    } else if (event->flags & VDMABUF_RELEASED_SUPERSEDED) {
        stats->superseded++;
    } else {
        stats->released++;
    }
    if (buffer->retired && owner != NULL)
        vdmabuf_scanout_cache_remove(owner, buffer);
    return TRUE;
}

/* --------------------------------------------------------------------------- outputs */

static guint
output_outstanding(const Output *output)
{
    guint count = 0;

    for (guint i = 0; i < N_LAYERS; i++)
        count += layer_outstanding(&output->layers[i]);
    return count;
}

static void
engine_check_done(VdmabufScanoutEngine *self)
{
    guint count = 0;

    if (!self->options->once)
        return;
    for (guint i = 0; i < self->outputs->len; i++)
        count += output_outstanding(g_ptr_array_index(self->outputs, i));
    if (count == 0)
        g_main_loop_quit(self->loop);
}

static gboolean
output_on_event(gint fd, GIOCondition condition, gpointer data)
{
    Output *output = data;
    gboolean look = FALSE;

    (void) fd;
    (void) condition;
    for (;;) {
        struct vdmabuf_guest_event event;
        g_autoptr(GError) error = NULL;

        if (!vdmabuf_producer_next_event(output->producer, 0, &event, &error)) {
            if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT))
                break;
            if (!g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
                engine_warn(output->engine, error->message);
            engine_lose_device(output->engine);
            output->producer_source = 0;
            return G_SOURCE_REMOVE;
        }
        if (event.type != VDMABUF_GUEST_RELEASED)
            continue;
        for (guint i = 0; i < N_LAYERS; i++) {
            Layer *layer = &output->layers[i];

            /* A lost frame waits for the next tick, so that a device that refuses cannot spin. */
            if (layer_released(layer, &event) && (layer->pace.pending || layer->hide) &&
                !(event.flags & VDMABUF_RELEASED_LOST))
                look = TRUE;
        }
    }
    if (look && !output->engine->options->once)
        output_look(output);
    engine_check_done(output->engine);
    return G_SOURCE_CONTINUE;
}

static gboolean
output_open(Output *output)
{
    VdmabufScanoutEngine *engine = output->engine;
    g_autoptr(GError) error = NULL;

    if (output->producer != NULL)
        return TRUE;
    output->producer = vdmabuf_producer_open(engine->options->device, &error);
    if (output->producer == NULL) {
        if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
            engine_lose_device(engine);
        else
            engine_warn(engine, error->message);
        return FALSE;
    }
    output->producer_source = g_unix_fd_add(vdmabuf_producer_get_fd(output->producer),
                                            G_IO_IN | G_IO_HUP | G_IO_ERR, output_on_event, output);
    return TRUE;
}

/* Takes everything back from the host. */
static void
output_close(Output *output)
{
    g_clear_handle_id(&output->timer, g_source_remove);
    g_clear_handle_id(&output->producer_source, g_source_remove);
    for (guint i = 0; i < N_LAYERS; i++)
        layer_reset(&output->layers[i]);
    g_clear_pointer(&output->producer, vdmabuf_producer_free);
}

static void
output_detach(Output *output)
{
    g_clear_handle_id(&output->timer, g_source_remove);
    output->card = NULL;
    output->vblank_token = 0;
    for (guint i = 0; i < N_LAYERS; i++)
        output->layers[i].plane_id = 0;
}

static void
output_free(Output *output)
{
    output_detach(output);
    output_close(output);
    for (guint i = 0; i < N_LAYERS; i++)
        layer_clear(&output->layers[i]);
    g_free(output->name);
    g_free(output);
}

static void
output_look(Output *output)
{
    if (output->producer == NULL || output->engine->lost_source != 0)
        return;
    output->last_tick = g_get_monotonic_time();
    for (guint i = 0; i < N_LAYERS && output->engine->lost_source == 0; i++)
        layer_look(&output->layers[i]);
}

static gboolean
output_on_timer(gpointer data)
{
    Output *output = data;

    output->timer = 0;
    output_look(output);
    output_arm(output);
    return G_SOURCE_REMOVE;
}

/*
 * Asks for the next look. KMS tells nobody but the compositor of a flip. What a bystander
 * can have is the vertical blank, at which flips take effect. Virtual displays have none on
 * older kernels; there a timer at the mode's refresh rate has to do.
 */
static void
output_arm(Output *output)
{
    VdmabufScanoutEngine *engine = output->engine;
    guint skip = vdmabuf_scanout_pace_skip(output->refresh_mhz, engine->options->max_rate);
    guint64 period_ms = (guint64) skip * 1000000 / MAX(1, output->refresh_mhz);
    gboolean vblank;

    if (output->card == NULL || output->producer == NULL || engine->options->once ||
        !engine_watches(engine) || output->timer != 0 || output->vblank_token != 0)
        return;
    vblank = vdmabuf_scanout_card_queue_vblank(output->card->card, output->crtc_id, skip,
                                               engine->last_token + 1);
    if (vblank != output->vblank || output->last_tick == 0)
        engine_say(engine, "%s: looking for flips %s", output->name,
                   vblank ? "at vertical blanks" : "with a timer");
    output->vblank = vblank;
    if (vblank)
        output->vblank_token = ++engine->last_token;
    else
        output->timer = g_timeout_add((guint) MAX(1, period_ms), output_on_timer, output);
}

/* ------------------------------------------------------------------------------ cards */

static void
on_vblank(guint64 token, gpointer data)
{
    VdmabufScanoutEngine *engine = data;

    for (guint i = 0; i < engine->outputs->len; i++) {
        Output *output = g_ptr_array_index(engine->outputs, i);

        /* One that nobody awaits any more is from before a mode set. */
        if (output->vblank_token != token)
            continue;
        output->vblank_token = 0;
        output_look(output);
        output_arm(output);
    }
}

static gboolean
card_on_event(gint fd, GIOCondition condition, gpointer data)
{
    Card *card = data;

    (void) fd;
    if (vdmabuf_scanout_card_read_events(card->card, on_vblank, card->engine) &&
        !(condition & (G_IO_HUP | G_IO_ERR)))
        return G_SOURCE_CONTINUE;
    card->gone = TRUE;
    card->source = 0;
    return G_SOURCE_REMOVE;
}

static void
card_free(Card *card)
{
    for (guint i = 0; i < card->engine->outputs->len; i++) {
        Output *output = g_ptr_array_index(card->engine->outputs, i);

        if (output->card == card) {
            output_detach(output);
            output_look(output);
        }
    }
    g_clear_handle_id(&card->source, g_source_remove);
    vdmabuf_scanout_card_free(card->card);
    g_free(card);
}

static Card *
engine_find_card(VdmabufScanoutEngine *self, const char *path)
{
    for (guint i = 0; i < self->cards->len; i++) {
        Card *card = g_ptr_array_index(self->cards, i);

        if (g_str_equal(vdmabuf_scanout_card_get_path(card->card), path))
            return card;
    }
    return NULL;
}

/* Opens the cards that are not open yet. The error is that of the first that cannot be. */
static gboolean
engine_open_cards(VdmabufScanoutEngine *self, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    g_autoptr(GError) first = NULL;
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer key;

    if (self->options->cards != NULL) {
        paths = g_ptr_array_new_with_free_func(g_free);
        for (char **card = self->options->cards; *card != NULL; card++)
            g_ptr_array_add(paths, g_strdup(*card));
    } else {
        paths = vdmabuf_scanout_card_list();
    }
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        g_autoptr(GError) local = NULL;
        VdmabufScanoutCard *opened;
        Card *card;

        if (g_file_test(path, G_FILE_TEST_EXISTS))
            g_hash_table_add(present, (gpointer) path);
        if (engine_find_card(self, path) != NULL || g_hash_table_contains(self->refused, path))
            continue;
        opened = vdmabuf_scanout_card_open(path, &local);
        if (opened == NULL) {
            /* Each open of a card may take the DRM master for a moment: once is enough. */
            engine_say(self, "%s", local->message);
            g_hash_table_add(self->refused, g_strdup(path));
            if (first == NULL)
                first = g_steal_pointer(&local);
            continue;
        }
        engine_say(self, "%s is open (driver %s)", path, vdmabuf_scanout_card_get_driver(opened));
        card = g_new0(Card, 1);
        card->engine = self;
        card->card = opened;
        card->source = g_unix_fd_add(vdmabuf_scanout_card_get_fd(opened),
                                     G_IO_IN | G_IO_HUP | G_IO_ERR, card_on_event, card);
        g_ptr_array_add(self->cards, card);
    }
    g_hash_table_iter_init(&iter, self->refused);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (!g_hash_table_contains(present, key))
            g_hash_table_iter_remove(&iter);
    }
    if (self->cards->len > 0)
        return TRUE;
    if (first != NULL)
        g_propagate_error(error, g_steal_pointer(&first));
    else
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_NO_CARD,
                    "there is no DRM card in /dev/dri: load the driver of the guest's display, "
                    "such as virtio-gpu");
    return FALSE;
}

static Output *
engine_get_output(VdmabufScanoutEngine *self, const char *name)
{
    int index = vdmabuf_scanout_names_lookup(self->names, name);
    Output *output;

    if (index < 0)
        return NULL;
    for (guint i = 0; i < self->outputs->len; i++) {
        output = g_ptr_array_index(self->outputs, i);
        if (g_str_equal(output->name, name))
            return output;
    }
    output = g_new0(Output, 1);
    output->engine = self;
    output->name = g_strdup(name);
    output->index = (guint) index;
    for (guint i = 0; i < N_LAYERS; i++)
        layer_init(&output->layers[i], output, i == CURSOR);
    g_ptr_array_add(self->outputs, output);
    return output;
}

static void
engine_update_head(VdmabufScanoutEngine *self, Card *card, const VdmabufScanoutHead *head)
{
    Output *output = engine_get_output(self, head->name);

    if (output == NULL)
        return;
    output->seen = TRUE;
    if (head->overlays > 0) {
        g_autofree char *text = g_strdup_printf(
            "%s: %u overlay planes are in use, and what they show is not exported; tell the "
            "compositor not to use them",
            head->name, head->overlays);
        engine_warn(self, text);
    }
    if (output->card != card || output->crtc_id != head->crtc_id) {
        output_detach(output);
        engine_say(self, "%s is output %u: %ux%u at %u.%03u Hz", head->name, output->index,
                   head->width, head->height, head->refresh_mhz / 1000, head->refresh_mhz % 1000);
    }
    output->card = card;
    output->crtc_id = head->crtc_id;
    output->refresh_mhz = head->refresh_mhz;
    /* A plane that is off keeps its place: it may be the compositor's pause on a VT switch. */
    if (head->primary_plane != 0)
        output->layers[PRIMARY].plane_id = head->primary_plane;
    if (head->cursor_plane != 0)
        output->layers[CURSOR].plane_id = head->cursor_plane;
    if (!output_open(output))
        return;
    /* Also makes up for a vertical blank that never came. */
    if (output->vblank_token == 0 || output->last_tick + G_USEC_PER_SEC < g_get_monotonic_time()) {
        output->vblank_token = 0;
        if (output->timer == 0)
            output_look(output);
        output_arm(output);
    }
}

static void
engine_scan(VdmabufScanoutEngine *self)
{
    gint64 before = g_get_monotonic_time() - CACHE_SECONDS * G_USEC_PER_SEC;

    g_autoptr(GError) no_card = NULL;

    if (!engine_open_cards(self, &no_card))
        engine_warn(self, no_card->message);
    for (guint i = 0; i < self->outputs->len; i++)
        ((Output *) g_ptr_array_index(self->outputs, i))->seen = FALSE;
    for (guint i = 0; i < self->cards->len;) {
        Card *card = g_ptr_array_index(self->cards, i);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) heads =
            card->gone ? NULL : vdmabuf_scanout_card_list_heads(card->card, &error);

        if (heads == NULL) {
            engine_say(self, "%s is gone", vdmabuf_scanout_card_get_path(card->card));
            g_ptr_array_remove_index(self->cards, i);
            continue;
        }
        for (guint h = 0; h < heads->len && self->lost_source == 0; h++)
            engine_update_head(self, card, g_ptr_array_index(heads, h));
        i++;
    }
    for (guint i = 0; i < self->outputs->len; i++) {
        Output *output = g_ptr_array_index(self->outputs, i);

        if (!output->seen) {
            if (output->card != NULL)
                engine_say(self, "%s is off", output->name);
            output_detach(output);
            output_look(output);
        }
        for (guint l = 0; l < N_LAYERS; l++) {
            Layer *layer = &output->layers[l];
            VdmabufScanoutBuffer *keep = layer->current;

            vdmabuf_scanout_cache_trim(layer->cache, keep, before);
            if (!layer->shown)
                vdmabuf_scanout_cache_trim(layer->ring, NULL, before);
        }
    }
}

static gboolean
engine_on_scan(gpointer data)
{
    engine_scan(data);
    return G_SOURCE_CONTINUE;
}

/* ----------------------------------------------------------------------------- device */

static void
engine_stop_watching(VdmabufScanoutEngine *self)
{
    g_clear_handle_id(&self->scan_source, g_source_remove);
    for (guint i = 0; i < self->outputs->len; i++) {
        Output *output = g_ptr_array_index(self->outputs, i);

        output_detach(output);
        output_close(output);
    }
    /* An open card keeps the text console from coming back when the compositor ends. */
    g_ptr_array_set_size(self->cards, 0);
    g_hash_table_remove_all(self->refused);
}

static void
engine_set_consumers(VdmabufScanoutEngine *self, guint64 consumers)
{
    guint64 before = self->consumers;

    self->consumers = consumers;
    if (before != consumers)
        engine_say(self, "%" G_GUINT64_FORMAT " consumers", consumers);
    if (self->options->once)
        return;
    if (consumers == 0) {
        engine_stop_watching(self);
        return;
    }
    if (before == 0) {
        engine_scan(self);
        if (self->scan_source == 0)
            self->scan_source = g_timeout_add(SCAN_MS, engine_on_scan, self);
        return;
    }
    if (consumers <= before)
        return;
    for (guint i = 0; i < self->outputs->len; i++) {
        Output *output = g_ptr_array_index(self->outputs, i);

        for (guint l = 0; l < N_LAYERS; l++) {
            Layer *layer = &output->layers[l];

            /* The newest frame, as long as it is outstanding, is there for newcomers too. */
            if (layer->shown && (layer->current == NULL || !layer->current->outstanding))
                vdmabuf_scanout_pace_touch(&layer->pace);
        }
        output_look(output);
    }
}

static gboolean
engine_on_control(gint fd, GIOCondition condition, gpointer data)
{
    VdmabufScanoutEngine *self = data;
    gboolean changed = FALSE;
    guint64 consumers = 0;

    (void) fd;
    (void) condition;
    for (;;) {
        struct vdmabuf_guest_event event;
        g_autoptr(GError) error = NULL;

        if (!vdmabuf_producer_next_event(self->control, 0, &event, &error)) {
            if (g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT))
                break;
            if (!g_error_matches(error, VDMABUF_ERROR, VDMABUF_ERROR_NO_DEVICE))
                engine_warn(self, error->message);
            engine_lose_device(self);
            self->control_source = 0;
            return G_SOURCE_REMOVE;
        }
        if (event.type == VDMABUF_GUEST_CONSUMERS) {
            changed = TRUE;
            consumers = event.value;
        }
    }
    if (changed)
        engine_set_consumers(self, consumers);
    return G_SOURCE_CONTINUE;
}

static gboolean
engine_open_device(VdmabufScanoutEngine *self, GError **error)
{
    self->control = vdmabuf_producer_open(self->options->device, error);
    if (self->control == NULL)
        return FALSE;
    self->control_source = g_unix_fd_add(vdmabuf_producer_get_fd(self->control),
                                         G_IO_IN | G_IO_HUP | G_IO_ERR, engine_on_control, self);
    return TRUE;
}

static void engine_arm_retry(VdmabufScanoutEngine *self);

static void
engine_try_device(VdmabufScanoutEngine *self)
{
    g_autoptr(GError) error = NULL;

    if (self->control != NULL || self->lost_source != 0)
        return;
    if (engine_open_device(self, &error)) {
        g_clear_handle_id(&self->retry_source, g_source_remove);
        g_clear_object(&self->monitor);
        g_printerr("vdmabuf-scanout: the vdmabuf device is back\n");
    }
}

static gboolean
engine_on_retry(gpointer data)
{
    VdmabufScanoutEngine *self = data;

    self->retry_source = 0;
    engine_try_device(self);
    if (self->control == NULL)
        engine_arm_retry(self);
    return G_SOURCE_REMOVE;
}

static void
engine_arm_retry(VdmabufScanoutEngine *self)
{
    self->retry_source = g_timeout_add(self->retry_ms, engine_on_retry, self);
    self->retry_ms = MIN(self->retry_ms * 2, RETRY_MAX_MS);
}

static void
engine_on_monitor(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
                  gpointer data)
{
    (void) monitor;
    (void) file;
    (void) other;
    /* The node's owner and mode may come after it, hence not only CREATED. */
    if (event != G_FILE_MONITOR_EVENT_DELETED)
        engine_try_device(data);
}

static gboolean
engine_on_lost(gpointer data)
{
    VdmabufScanoutEngine *self = data;
    const char *path = self->options->device;
    g_autoptr(GFile) file = NULL;

    engine_stop_watching(self);
    g_clear_handle_id(&self->control_source, g_source_remove);
    g_clear_pointer(&self->control, vdmabuf_producer_free);
    self->consumers = 0;
    self->lost_source = 0;
    if (self->options->once) {
        engine_fail(self, g_error_new_literal(VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_GONE,
                                              "the vdmabuf device went away before every frame was "
                                              "released; start again when it is back"));
        return G_SOURCE_REMOVE;
    }
    g_printerr("vdmabuf-scanout: the vdmabuf device is gone; waiting for it to come back\n");

    if (path == NULL)
        path = g_getenv("VDMABUF_DEVICE");
    if (path == NULL || path[0] == '\0')
        path = "/dev/virtio-vdmabuf";
    file = g_file_new_for_path(path);
    self->monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);
    if (self->monitor != NULL)
        g_signal_connect(self->monitor, "changed", G_CALLBACK(engine_on_monitor), self);
    self->retry_ms = RETRY_MIN_MS;
    engine_arm_retry(self);
    return G_SOURCE_REMOVE;
}

/* From the main loop: whoever notices is in the middle of using what has to go. */
static void
engine_lose_device(VdmabufScanoutEngine *self)
{
    if (self->lost_source == 0 && self->control != NULL)
        self->lost_source = g_idle_add(engine_on_lost, self);
}

/* ----------------------------------------------------------------------------- engine */

static gboolean
engine_on_stop(gpointer data)
{
    VdmabufScanoutEngine *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
engine_on_stats(gpointer data)
{
    g_autofree char *text = vdmabuf_scanout_engine_stats(data);

    g_print("%s", text);
    return G_SOURCE_CONTINUE;
}

VdmabufScanoutEngine *
vdmabuf_scanout_engine_new(const VdmabufScanoutOptions *options)
{
    VdmabufScanoutEngine *self = g_new0(VdmabufScanoutEngine, 1);

    self->options = options;
    self->loop = g_main_loop_new(NULL, FALSE);
    self->signals = g_ptr_array_new();
    self->cards = g_ptr_array_new_with_free_func((GDestroyNotify) card_free);
    self->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->outputs = g_ptr_array_new_with_free_func((GDestroyNotify) output_free);
    self->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->names = vdmabuf_scanout_names_new((const char *const *) options->outputs);
    return self;
}

void
vdmabuf_scanout_engine_free(VdmabufScanoutEngine *self)
{
    if (self == NULL)
        return;
    engine_stop_watching(self);
    for (guint i = 0; i < self->signals->len; i++)
        g_source_remove(GPOINTER_TO_UINT(g_ptr_array_index(self->signals, i)));
    g_ptr_array_unref(self->signals);
    g_clear_handle_id(&self->lost_source, g_source_remove);
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_clear_handle_id(&self->control_source, g_source_remove);
    g_clear_object(&self->monitor);
    g_clear_pointer(&self->control, vdmabuf_producer_free);
    g_ptr_array_unref(self->cards);
    g_ptr_array_unref(self->outputs);
    g_hash_table_unref(self->refused);
    g_hash_table_unref(self->warned);
    vdmabuf_scanout_names_free(self->names);
    g_clear_error(&self->failure);
    g_main_loop_unref(self->loop);
    g_free(self);
}

/* What can be known to be wrong at the start is better said then than at the first consumer. */
static gboolean
engine_check_cards(VdmabufScanoutEngine *self, GError **error)
{
    if (!engine_open_cards(self, error))
        return FALSE;
    for (guint i = 0; i < self->cards->len; i++) {
        Card *card = g_ptr_array_index(self->cards, i);
        g_autoptr(GPtrArray) heads = vdmabuf_scanout_card_list_heads(card->card, NULL);

        for (guint h = 0; heads != NULL && h < heads->len; h++) {
            const VdmabufScanoutHead *head = g_ptr_array_index(heads, h);
            VdmabufScanoutPlaneState state;
            VdmabufScanoutFb fb;
            g_autoptr(GError) local = NULL;
            int fd;

            if (head->primary_plane == 0 ||
                !vdmabuf_scanout_card_read_plane(card->card, head->primary_plane, head->crtc_id,
                                                 &state, NULL) ||
                state.fb_id == 0)
                continue;
            fd = vdmabuf_scanout_card_open_fb(card->card, head->primary_plane, state.fb_id, &fb,
                                              &local);
            if (fd >= 0)
                close(fd);
            if (g_error_matches(local, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_PERMISSION)) {
                g_propagate_error(error, g_steal_pointer(&local));
                return FALSE;
            }
        }
    }
    return TRUE;
}

static gboolean
engine_run_once(VdmabufScanoutEngine *self, GError **error)
{
    guint64 frames = 0;

    engine_scan(self);
    for (guint i = 0; i < self->outputs->len; i++)
        frames += ((Output *) g_ptr_array_index(self->outputs, i))->stats.frames;
    if (self->failure == NULL && frames == 0 && self->lost_source == 0) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_FAILED,
                    "no output shows anything that can be exported; vdmabuf-scanout --dry-run "
                    "tells more");
        return FALSE;
    }
    return TRUE;
}

static void
engine_add_signal(VdmabufScanoutEngine *self, int number, GSourceFunc func)
{
    g_ptr_array_add(self->signals, GUINT_TO_POINTER(g_unix_signal_add(number, func, self)));
}

gboolean
vdmabuf_scanout_engine_run(VdmabufScanoutEngine *self, GError **error)
{
    engine_add_signal(self, SIGINT, engine_on_stop);
    engine_add_signal(self, SIGTERM, engine_on_stop);
    engine_add_signal(self, SIGUSR1, engine_on_stats);

    if (!engine_open_device(self, error) || !engine_check_cards(self, error))
        return FALSE;
    if (self->options->once) {
        if (!engine_run_once(self, error))
            return FALSE;
    } else {
        g_ptr_array_set_size(self->cards, 0); /* until there is a consumer */
        g_hash_table_remove_all(self->refused);
    }
    if (self->failure == NULL)
        g_main_loop_run(self->loop);
    if (self->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&self->failure));
        return FALSE;
    }
    return TRUE;
}

char *
vdmabuf_scanout_engine_stats(VdmabufScanoutEngine *self)
{
    const char *mode = self->options->mode == VDMABUF_SCANOUT_COPY ? "copy" : "direct";
    g_autofree VdmabufScanoutStatsOutput *rows =
        g_new0(VdmabufScanoutStatsOutput, self->outputs->len);
    g_autofree char *json = NULL;

    for (guint i = 0; i < self->outputs->len; i++) {
        Output *output = g_ptr_array_index(self->outputs, i);

        rows[i].name = output->name;
        rows[i].index = output->index;
        rows[i].active = output->card != NULL;
        rows[i].vblank = output->vblank;
        rows[i].outstanding = output_outstanding(output);
        rows[i].stats = &output->stats;
        for (guint l = 0; l < N_LAYERS; l++)
            rows[i].buffers += vdmabuf_scanout_cache_size(output->layers[l].cache) +
                               vdmabuf_scanout_cache_size(output->layers[l].ring);
    }
    if (!self->options->json)
        return vdmabuf_scanout_stats_to_text(mode, self->consumers, rows, self->outputs->len);
    json = vdmabuf_scanout_stats_to_json(mode, self->consumers, rows, self->outputs->len);
    return g_strconcat(json, "\n", NULL);
}
