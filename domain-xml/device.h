/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's settings: what they may be, and how they are changed. */
#pragma once

#include "domain.h"

G_BEGIN_DECLS

#define DEVICE_USER_MAX 255
#define DEVICE_BYTES_MAX ((guint64) G_MAXINT64)

/* Bits of DomainDevice.given; none of them is set in what was read from XML. */
enum {
    DEVICE_GIVEN = 1 << 0, /* in all that were made from options */
    DEVICE_GIVEN_MODEL = 1 << 1,
    DEVICE_GIVEN_LABEL = 1 << 2,
    DEVICE_GIVEN_BUFFERS = 1 << 3,
    DEVICE_GIVEN_MEMORY = 1 << 4,
    DEVICE_GIVEN_ENTRIES = 1 << 5,
    DEVICE_GIVEN_CONSUMERS = 1 << 6,
    DEVICE_GIVEN_QUEUE = 1 << 7,
    DEVICE_GIVEN_WRITE = 1 << 8,
    DEVICE_GIVEN_USERS = 1 << 9,
    DEVICE_GIVEN_GROUPS = 1 << 10,
};

/* What has an element of its own below <device>, in the order in which they are written */
typedef enum {
    DEVICE_PART_LABEL,
    DEVICE_PART_LIMITS,
    DEVICE_PART_QUEUE,
    DEVICE_PART_CONSUMERS,
    DEVICE_N_PARTS,
} DevicePart;

DomainDevice *device_copy(const DomainDevice *self);
/* Takes over what @other's options have given. */
void device_merge(DomainDevice *self, const DomainDevice *other);
gboolean device_part_equal(const DomainDevice *a, const DomainDevice *b, DevicePart part);

gboolean device_set_model(DomainDevice *self, const char *name);
gboolean device_queue_size_is_usable(guint64 size);
gboolean device_label_is_usable(const char *label);
gboolean device_user_is_usable(const char *name);
/* 0 for what is no unit */
guint64 device_scale(const char *unit);

G_END_DECLS
