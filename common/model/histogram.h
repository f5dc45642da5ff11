/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of values by size, for percentiles. Buckets are log-linear, 32 to each power of two, so
 * that a quantile is within 1.6 % of the exact value (exact below 64). The greatest value is stored
 * exactly. Two histograms can be added. Pure data. Source: G. Tene, HdrHistogram.
 */
#pragma once

#include "base/pack.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 32 buckets per power of two. */
#define HISTOGRAM_LINEAR_BITS 5
/* Greater values share the last bucket: 2^44 microseconds are 200 days. */
#define HISTOGRAM_VALUE_BITS 44
#define HISTOGRAM_BUCKETS                                                                          \
    ((HISTOGRAM_VALUE_BITS - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS)

/* All zero: an empty histogram. */
typedef struct {
    uint64_t count;
    uint64_t sum;
    int64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

/* Counts a value. A negative value counts as zero. */
void histogram_add(Histogram *histogram, int64_t value);

/* Adds all values of `other`. */
void histogram_merge(Histogram *histogram, const Histogram *other);

/*
 * Returns the value below which the share `quantile` (0..1) of the values lies, by nearest rank; 0
 * if empty.
 */
int64_t histogram_quantile(const Histogram *histogram, double quantile);

/* Counts the values below `limit`: exact for a power of two, else within the width of a bucket. */
uint64_t histogram_count_below(const Histogram *histogram, int64_t limit);

/* Estimates the sum of all values from the buckets, within 1.6 %. */
uint64_t histogram_estimate_sum(const Histogram *histogram);

/* Most bytes of the packed form. Each used bucket adds two or three bytes. */
#define HISTOGRAM_LEN_MAX (3 * PACK_VARINT_MAX + HISTOGRAM_BUCKETS * (2 + PACK_VARINT_MAX))

void histogram_pack(const Histogram *histogram, Packer *packer);

/*
 * Adds a packed histogram to `histogram`. Returns false for invalid bytes; then `histogram` is
 * unchanged and the unpacker has failed.
 */
bool histogram_unpack_add(Histogram *histogram, Unpacker *unpacker);
