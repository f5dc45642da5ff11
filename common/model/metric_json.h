/* SPDX-License-Identifier: Apache-2.0 */
/* Measures as JSON, as `thumbq metrics --json` prints them. */
#pragma once

#include "model/measures.h"

#include <jansson.h>

/*
 * Converts all metrics: {"Invocations":{"unit":"Count","sum":9},...}. The caller has the reference.
 */
json_t *metrics_json(const Measures *measures);
