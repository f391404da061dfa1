/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "json.h"

#define DEFAULT_SECONDS 5
/* As many imports stay open; a viewer keeps those of a swapchain */
#define MAX_KEPT 64

typedef struct {
    guint64 frames;
    guint64 superseded;
    gint64 start, end;
    GHashTable *kept; /* id to descriptor */
    GArray *age;      /* from the frame's arrival on the host until it was read, in us */
    GArray *first;    /* import of a buffer that is not imported, in us */
    GArray *again;    /* import of one that is */
    GArray *release;  /* in us */
} Measure;

static void
close_kept(gpointer data)
{
    close(GPOINTER_TO_INT(data));
}

static void
measure_init(Measure *self)
{
    *self = (Measure) {
        .kept = g_hash_table_new_full(vdmabuf_id_hash, vdmabuf_id_equal, g_free, close_kept),
        .age = g_array_new(FALSE, FALSE, sizeof(double)),
        .first = g_array_new(FALSE, FALSE, sizeof(double)),
        .again = g_array_new(FALSE, FALSE, sizeof(double)),
        .release = g_array_new(FALSE, FALSE, sizeof(double)),
    };
}

static void
measure_clear(Measure *self)
{
    g_hash_table_unref(self->kept);
    g_array_unref(self->age);
    g_array_unref(self->first);
    g_array_unref(self->again);
    g_array_unref(self->release);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Measure, measure_clear)

/* g_get_monotonic_time() has microseconds; an import may take less than one. */
static double
get_time_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static void
add_sample(GArray *array, double value)
{
    g_array_append_val(array, value);
}

static gboolean
measure_frame(Measure *self, Receiver *receiver, const struct vdmabuf_event *event, GError **error)
{
    g_autoptr(GError) local = NULL;
    gboolean known = g_hash_table_contains(self->kept, &event->id);
    double start = get_time_us();
    double end;
    int fd;

    add_sample(self->age, start - (double) event->timestamp_ns / 1e3);
    fd = vdmabuf_consumer_import(receiver_get_consumer(receiver), &event->id, FALSE, NULL, &local);
    end = get_time_us();
    if (fd < 0 && !g_error_matches(local, VDMABUF_ERROR, VDMABUF_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }

    if (fd >= 0) {
        add_sample(known ? self->again : self->first, end - start);
        if (known) {
            close(fd);
        } else {
            if (g_hash_table_size(self->kept) >= MAX_KEPT)
                g_hash_table_remove_all(self->kept);
            g_hash_table_insert(self->kept, g_memdup2(&event->id, sizeof(event->id)),
                                GINT_TO_POINTER(fd));
        }
    }

    self->frames++;
    self->superseded = event->superseded;
    start = get_time_us();
    if (!receiver_release(receiver, event, error))
        return FALSE;
    add_sample(self->release, get_time_us() - start);
    return TRUE;
}

static int
compare_samples(gconstpointer a, gconstpointer b)
{
    double one = *(const double *) a;
    double other = *(const double *) b;

    return one < other ? -1 : one > other;
}

typedef struct {
    guint number;
    double least, median, p99, most;
} Summary;

static Summary
summarize(GArray *samples)
{
    const double *values = (const double *) (gpointer) samples->data;
    Summary summary = {.number = samples->len};

    if (samples->len == 0)
        return summary;

    g_array_sort(samples, compare_samples);
    summary.least = values[0];
    summary.median = values[samples->len / 2];
    summary.p99 = values[(guint) ((guint64) samples->len * 99 / 100)];
    summary.most = values[samples->len - 1];
    return summary;
}

static void
report_samples(Json *json, const char *key, const char *text, GArray *samples)
{
    Summary summary = summarize(samples);

    if (json != NULL) {
        json_open_object(json, key);
        json_add_uint(json, "number", summary.number);
        json_add_double(json, "min_us", summary.least);
        json_add_double(json, "median_us", summary.median);
        json_add_double(json, "p99_us", summary.p99);
        json_add_double(json, "max_us", summary.most);
        json_close_object(json);
    } else if (summary.number > 0) {
        printf("%-28s %6u times, median %.1f us, 99%% %.1f us, %.1f to %.1f us\n", text,
               summary.number, summary.median, summary.p99, summary.least, summary.most);
    }
}

static void
measure_report(Measure *self, gboolean as_json)
{
    double seconds = (double) (self->end - self->start) / G_TIME_SPAN_SECOND;
    double rate = seconds > 0 ? (double) self->frames / seconds : 0;
    g_auto(Json) json;

    json_init(&json);
    if (as_json) {
        json_open_object(&json, NULL);
        json_add_uint(&json, "frames", self->frames);
        json_add_double(&json, "seconds", seconds);
        json_add_double(&json, "frames_per_second", rate);
        json_add_uint(&json, "superseded", self->superseded);
    } else {
        printf("%" G_GUINT64_FORMAT " frames in %.2f s: %.1f frames/s, %" G_GUINT64_FORMAT
               " superseded\n",
               self->frames, seconds, rate, self->superseded);
    }

    report_samples(as_json ? &json : NULL, "age", "from arrival to reading:", self->age);
    report_samples(as_json ? &json : NULL, "first_import",
                   "first import of a buffer:", self->first);
    report_samples(as_json ? &json : NULL, "import", "import of one in use:", self->again);
    report_samples(as_json ? &json : NULL, "release", "release:", self->release);

    if (as_json) {
        json_close_object(&json);
        json_print(&json, stdout);
    }
}

/* From the first frame on, because before it there is nothing to measure */
static gboolean
measure(Measure *self, Receiver *receiver, const CommandOptions *options, double seconds,
        gint64 count, const char *name, GError **error)
{
    gint64 deadline = receiver_get_deadline(options->timeout_ms);

    while (count == 0 || self->frames < (guint64) count) {
        g_autoptr(GError) local = NULL;
        struct vdmabuf_event event;
        ReceiverResult result = receiver_next(receiver, deadline, &event, &local);

        if (result == RECEIVER_EVENT && event.type == VDMABUF_EVENT_GONE)
            g_hash_table_remove(self->kept, &event.id);
        if (result == RECEIVER_EVENT && event.type == VDMABUF_EVENT_FRAME) {
            if (self->frames == 0) {
                self->start = g_get_monotonic_time();
                deadline = seconds > 0 ? self->start + (gint64) (seconds * G_TIME_SPAN_SECOND)
                                       : receiver_get_deadline(options->timeout_ms);
            }
            if (!measure_frame(self, receiver, &event, error))
                return FALSE;
        }

        if (result == RECEIVER_EVENT && deadline >= 0 && g_get_monotonic_time() >= deadline)
            result = RECEIVER_TIMED_OUT;
        if (result == RECEIVER_EVENT)
            continue;
        /* Whatever ends it: what was measured until then is the answer */
        if (self->frames > 0 && result != RECEIVER_FAILED)
            break;
        command_end_wait(result, "frame", name, options, &local);
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    self->end = g_get_monotonic_time();
    return TRUE;
}

gboolean
command_measure(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.timeout = 10};
    double seconds = DEFAULT_SECONDS;
    gint64 count = 0;
    const GOptionEntry entries[] = {
        {"duration", 'd', 0, G_OPTION_ARG_DOUBLE, &seconds,
         "How long, from the first frame (5; 0: until --count)", "SECONDS"},
        {"count", 'n', 0, G_OPTION_ARG_INT64, &count, "Stop after N frames", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(Receiver) receiver = NULL;
    g_autofree char *name = NULL;
    g_auto(Measure) result;

    measure_init(&result);
    if (!command_parse(&options, COMMAND_NEEDS_DEVICE | COMMAND_NEEDS_WAIT, entries,
                       "[DOMAIN[/DEVICE]]",
                       "Takes, imports and releases every frame, and says how long that took.", 1,
                       argc, argv, error))
        return FALSE;
    if (!(seconds >= 0 && seconds <= G_MAXINT) || count < 0)
        return command_usage_error(error, "--duration takes seconds, and --count a number from 1");

    receiver = command_connect(&options, &name, error);
    if (receiver == NULL || !measure(&result, receiver, &options, seconds, count, name, error))
        return FALSE;

    measure_report(&result, options.json);
    return TRUE;
}
