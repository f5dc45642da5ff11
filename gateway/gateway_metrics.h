/* SPDX-License-Identifier: Apache-2.0 */
/* Counts requests since the start of the gateway, and prints the counts in the format of
 * Prometheus. */
#pragma once

#include "http/server.h"

#include <glib.h>
#include <stdint.h>

/* Reasons for 429. */
typedef enum { THROTTLE_RATE, THROTTLE_QUOTA } Throttle;
#define THROTTLES 2

typedef struct Metrics Metrics;

/* `start_us` is of the wall clock. Owner: metrics_free. */
Metrics *metrics_new(int64_t start_us);
void metrics_free(Metrics *metrics);

/* Counts an exchange that has ended. `operation` is static. */
void metrics_count(Metrics *metrics, const char *operation, const HttpOutcome *outcome);

/* Counts a request that was refused because of a usage plan. */
void metrics_count_throttled(Metrics *metrics, Throttle reason);

/* The present state, for metrics_print. */
typedef struct {
    unsigned connections, exchanges, buckets;
    size_t keys;
} MetricsState;

/* Appends all metrics. Source: Prometheus, "Exposition formats", text format 0.0.4. */
void metrics_print(const Metrics *metrics, const MetricsState *state, GString *out);

/*
 * Joins texts in this format, with the samples of each metric under one head. `texts` are those of
 * several daemons, which have the same metrics. Elements: char *. Lines that belong to no head are
 * left out. Appends to `out`.
 */
void metrics_join(const GPtrArray *texts, GString *out);
