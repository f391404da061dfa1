/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the benchmark share. Each of them measures one thing, prints a table of it and
 * writes a list of the JSON; all times are in microseconds.
 */
#pragma once

#include "guest-model.h"

G_BEGIN_DECLS

#define BENCH_UHD_BYTES (3840u * 2160u * 4u)

typedef struct {
    GString *json;
    /* How often everything is measured; medians are of these */
    guint runs;
    guint frames;
    gboolean comma;
} Bench;

gint64 bench_now(void);
/* Of this process, the device's worker included where that is a thread of it */
gint64 bench_cpu(void);
/* Sorts @values, nanoseconds */
double bench_median(gint64 *values, guint n);

/* A list of objects in the JSON */
void bench_open(Bench *bench, const char *name);
void bench_emit(Bench *bench, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
void bench_close(Bench *bench);

void bench_frames(Bench *bench);
void bench_imports(Bench *bench);
void bench_memory(Bench *bench);
void bench_round_trips(Bench *bench);

G_END_DECLS
