/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes on in the devices of running domains, at one moment. */
#pragma once

#include <gio/gio.h>

#include "vdmabuf.h"

/**
 * SampleTarget: a device to look at
 * @label: or %NULL
 * @path: of the socket for consumers
 */
typedef struct {
    char *domain;
    char *device;
    char *label;
    char *path;
} SampleTarget;

SampleTarget *sample_target_new(const char *domain, const char *device, const char *label,
                                const char *path);
void sample_target_free(SampleTarget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SampleTarget, sample_target_free)

/**
 * Sample:
 * @target: the device
 * @pid: of the broker; 0 if it does not run, or that cannot be known
 * @unit: of the broker
 * @error: why there is nothing more; else %NULL
 * @status: this program is one of its consumers
 * @buffers: struct vdmabuf_query
 * @time: monotonic, in microseconds
 */
typedef struct {
    SampleTarget *target;
    guint pid;
    char *unit;
    char *error;
    struct vdmabuf_status status;
    GArray *buffers;
    gint64 time;
} Sample;

void sample_free(Sample *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sample, sample_free)

/*
 * Connects for a moment, takes no frame, and goes: a consumer that stays without taking frames
 * would keep some from the guest. Takes @target. @bus is %NULL where there is no systemd.
 */
Sample *sample_take(SampleTarget *target, GDBusConnection *bus);

/* Frames in a second since @before, and over how long; %FALSE if it cannot be said */
gboolean sample_get_rate(const Sample *self, const Sample *before, double *rate, double *seconds);
/* Without this program */
guint sample_get_consumers(const Sample *self);
