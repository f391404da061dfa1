/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes from a guest, in words and in JSON. */
#pragma once

#include "json.h"
#include "vdmabuf.h"

/* "XR24 640x480 output 0", "data output 0", ... */
char *describe_frame(const struct vdmabuf_frame *frame);
/* "running, driver loaded" */
char *describe_state(guint32 state);
/* "4.0 MiB" */
char *describe_size(guint64 size);
/* "123e4567-e89b-12d3-a456-426614174000" */
char *describe_uuid(const guint8 uuid[16]);

void describe_add_frame(Json *json, const char *key, const struct vdmabuf_frame *frame);
void describe_add_state(Json *json, guint32 state);
/* As an object of an array */
void describe_add_buffer(Json *json, const struct vdmabuf_query *buffer);
