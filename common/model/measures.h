/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of all metrics (metric.h) that were measured in a period. The measures of two periods, one
 * after the other, can be merged; so can their encoded forms. So a day is the sum of its minutes.
 * Pure data; all zero: nothing was measured.
 */
#pragma once

#include "model/histogram.h"
#include "model/metric.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* About 30 KiB: allocate it on the heap. */
typedef struct {
    /* True if something happened in this period. */
    bool has_data;
    /* True if the levels are known. */
    bool has_levels;
    /* Sums and maxima. */
    int64_t values[METRIC_DISTRIBUTIONS_FROM];
    /* Levels at the end of the period. */
    int64_t last[METRIC_DISTRIBUTIONS_FROM];
    Histogram distributions[METRIC_DISTRIBUTIONS];
} Measures;

/* Counts a value: adds it to a sum or a distribution, raises a maximum, or sets a level. */
void measures_add(Measures *measures, Metric metric, int64_t value);

/* Adds the measures of a later period. */
void measures_merge(Measures *measures, const Measures *later);

const Histogram *measures_distribution(const Measures *measures, Metric metric);

/*
 * Computes a statistic in the unit of the metric. False, and *ret_value unchanged, if there are no
 * data: nothing was measured, or the distribution is empty.
 */
bool measures_statistic(const Measures *measures, Metric metric, Statistic statistic,
                        double *ret_value);

/* Most bytes of the encoded form; a busy minute has about one thousand. */
#define MEASURES_LEN_MAX                                                                           \
    (METRICS * (1 + 2 * PACK_VARINT_MAX) + METRIC_DISTRIBUTIONS * HISTOGRAM_LEN_MAX)

/* Encodes the measures and replaces the content of `buffer`. */
void measures_encode(const Measures *measures, GByteArray *buffer);

/*
 * As measures_merge, from the encoded form. Returns false for invalid bytes; the content of
 * `measures` is then undefined.
 */
bool measures_decode_merge(Measures *measures, const uint8_t *data, size_t len);
