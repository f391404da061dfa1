/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of a device in words and in JSON. */
#pragma once

#include "domain.h"
#include "json.h"

/* "256"; "-" for what the kernel module decides */
char *device_text_number(guint64 number);
/* "1.0 GiB"; "-" likewise */
char *device_text_size(guint64 size);
/* "user alice, group video" */
char *device_text_consumers(const DomainDevice *device);
char *device_text_socket(const char *domain, const char *alias);

/* Into an object that is open: what is not said is left out. */
void device_text_add_json(const DomainDevice *device, Json *json);
