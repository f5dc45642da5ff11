/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was measured over a time: a value for each metric (metric.h). Two of them, one of a time
 * after the other's, merge into what was measured over both; so do their encoded forms, so that a
 * day is the sum of its minutes. Pure data; all zero: nothing was measured.
 */
#pragma once

#include "histogram.h"
#include "metric.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Some 30 KiB: for the heap. */
typedef struct {
    bool has_data;                             /* something happened in this time */
    bool has_levels;                           /* the levels are known */
    int64_t values[METRIC_DISTRIBUTIONS_FROM]; /* sums and maxima */
    int64_t last[METRIC_DISTRIBUTIONS_FROM];   /* of levels: as of the end of the time */
    Histogram distributions[METRIC_DISTRIBUTIONS];
} Measures;

/* Counts a value in: adds it to a sum, or to a distribution; a maximum grows to it, a level is it
 * from now on. */
void measures_add(Measures *measures, Metric metric, int64_t value);

/* Takes in what was measured after it. */
void measures_merge(Measures *measures, const Measures *later);

const Histogram *measures_distribution(const Measures *measures, Metric metric);

/*
 * In the metric's unit. False, and nothing written, where there is no data to take it from: nothing
 * was measured, or there are no values in the distribution.
 */
bool measures_statistic(const Measures *measures, Metric metric, Statistic statistic,
                        double *ret_value);

/* Bytes of the encoded form, at the most; a busy minute has about one thousand. */
#define MEASURES_LEN_MAX                                                                           \
    (METRICS * (1 + 2 * PACK_VARINT_MAX) + METRIC_DISTRIBUTIONS * HISTOGRAM_LEN_MAX)

/* Replaces the content of `buffer`. */
void measures_encode(const Measures *measures, GByteArray *buffer);

/* As measures_merge, from the encoded form. False, with `measures` spoilt, if that is none. */
bool measures_decode_merge(Measures *measures, const uint8_t *data, size_t len);
