/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a handler for one object: its cost and its result; and statistics of many runs. Plain
 * data.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Bytes of the name of a machine that does invocations for this one, with the final NUL. */
#define WORKER_NAME_MAX 64

typedef struct {
    /* UUID. */
    uint8_t request_id[16];
    /* Wall clock. */
    int64_t start_us;
    int64_t duration_us;
    int64_t cpu_us;
    /* Peak of the resident set. */
    int64_t memory_bytes;
    ErrorCode error;
} Attempt;

#define QUANTILES_SHAPE_CELLS 18

/* Percentiles within 3 %, in microseconds; all zero if count is 0. */
typedef struct {
    uint64_t count;
    int64_t p50, p90, p99, max;
    /*
     * Number of runs that took less than 1, 2, 4, ... 65536 times 1024 us; the last cell counts
     * longer runs.
     */
    uint64_t shape[QUANTILES_SHAPE_CELLS];
} Quantiles;

/* Statistics of all invocations of a period. */
typedef struct {
    uint64_t invocations, errors, retries;
    Quantiles duration, latency;
} InvocationFigures;
