/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sample in words and in JSON. */
#pragma once

#include "json.h"
#include "sample.h"

/* @before: the sample before this one, or %NULL: then there is no rate */
void sample_text_append(GString *text, const Sample *sample, const Sample *before);
void sample_text_add_json(Json *json, const Sample *sample, const Sample *before);
