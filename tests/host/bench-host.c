/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost_vdmabuf costs, next to what it replaces, in one run on one machine: a frame next to
 * one memcpy of it, an import next to a udmabuf of the same pages, memory, and round trips.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static gint64 clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

gint64 bench_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

gint64 bench_cpu(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(gconstpointer a, gconstpointer b)
{
    gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

    return x < y ? -1 : x > y;
}

double bench_median(gint64 *values, guint n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] / 1e3 : (values[n / 2 - 1] + values[n / 2]) / 2e3;
}

void bench_open(Bench *bench, const char *name)
{
    g_string_append_printf(bench->json, ",\n  \"%s\": [", name);
    bench->comma = FALSE;
}

void bench_emit(Bench *bench, const char *name, const char *format, ...)
{
    va_list arguments;

    g_string_append_printf(bench->json, "%s\n    {\"case\": \"%s\", ", bench->comma ? "," : "",
                           name);
    va_start(arguments, format);
    g_string_append_vprintf(bench->json, format, arguments);
    va_end(arguments);
    g_string_append_c(bench->json, '}');
    bench->comma = TRUE;
}

void bench_close(Bench *bench)
{
    g_string_append(bench->json, "\n  ]");
    fflush(stdout);
}

static const struct {
    const char *name;
    void (*run)(Bench *bench);
} parts[] = {
    { "frame", bench_frames },
    { "import", bench_imports },
    { "memory", bench_memory },
    { "round-trips", bench_round_trips },
};

/* All of them, or those that are named */
static gboolean is_wanted(char **names, const char *name)
{
    return names == NULL || names[0] == NULL ||
           g_strv_contains((const char *const *) names, name);
}

static gboolean are_parts(char **names)
{
    guint i;

    for (; names != NULL && *names != NULL; names++) {
        for (i = 0; i < G_N_ELEMENTS(parts) && !g_str_equal(*names, parts[i].name); i++)
            ;
        if (i == G_N_ELEMENTS(parts)) {
            fprintf(stderr, "bench-host: there is no part %s\n", *names);
            return FALSE;
        }
    }
    return TRUE;
}

int main(int argc, char *argv[])
{
    g_autoptr(GOptionContext) context = g_option_context_new("- what vhost_vdmabuf costs");
    g_autofree char *json_path = NULL;
    g_auto(GStrv) names = NULL;
    gint runs = 9, frames = 2000;
    const GOptionEntry options[] = {
        { "json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "Write the results there", "FILE" },
        { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "Take the median of so many runs (9)", "N" },
        { "frames", 0, 0, G_OPTION_ARG_INT, &frames, "Frames of each size (2000)", "N" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &names, NULL,
          "[frame] [import] [memory] [round-trips]" },
        { 0 },
    };
    g_autoptr(GError) error = NULL;
    struct utsname kernel;
    Bench bench = { 0 };
    guint i;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || runs < 1 || frames < 1) {
        fprintf(stderr, "bench-host: %s\n", error ? error->message : "counts start at 1");
        return 2;
    }
    if (!are_parts(names))
        return 2;
    if (access(GUEST_DEVICE, R_OK | W_OK) < 0) {
        fprintf(stderr, "bench-host: %s: %s\n", GUEST_DEVICE, g_strerror(errno));
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench.json = g_string_new(NULL);
    bench.runs = runs;
    bench.frames = frames;
    uname(&kernel);
    printf("kernel %s, %u CPUs, medians of %d runs, times in microseconds\n", kernel.release,
           g_get_num_processors(), runs);
    g_string_append_printf(bench.json,
                           "{\n  \"kernel\": \"%s\",\n  \"cpus\": %u,\n  \"runs\": %d,\n"
                           "  \"frames\": %d",
                           kernel.release, g_get_num_processors(), runs, frames);
    for (i = 0; i < G_N_ELEMENTS(parts); i++)
        if (is_wanted(names, parts[i].name))
            parts[i].run(&bench);
    g_string_append(bench.json, "\n}\n");

    if (json_path != NULL && !g_file_set_contents(json_path, bench.json->str, -1, &error)) {
        fprintf(stderr, "bench-host: %s\n", error->message);
        return 1;
    }
    g_string_free(bench.json, TRUE);
    return 0;
}
