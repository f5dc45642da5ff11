/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of values by size, for percentiles: log-linear buckets, 32 to each power of two, so that a
 * quantile is within 1.6 % of the value it stands for (exact below 64). The greatest value is kept
 * exactly. Two histograms add up to the histogram of both. Pure data. Source: G. Tene,
 * HdrHistogram.
 */
#pragma once

#include "pack.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_LINEAR_BITS 5 /* 32 buckets to a power of two */
#define HISTOGRAM_VALUE_BITS                                                                       \
    44 /* greater values (200 days in microseconds) share the last bucket */
#define HISTOGRAM_BUCKETS                                                                          \
    ((HISTOGRAM_VALUE_BITS - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS)

/* All zero: empty. */
typedef struct {
    uint64_t count;
    uint64_t sum;
    int64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

/* Negative values count as zero. */
void histogram_add(Histogram *histogram, int64_t value);

/* Adds all of `other`. */
void histogram_merge(Histogram *histogram, const Histogram *other);

/* The value below which the share `quantile` (0..1) of the values lies, nearest rank; 0 if empty.
 */
int64_t histogram_quantile(const Histogram *histogram, double quantile);

/* How many values are below `limit`: exact for a power of two, else as exact as a bucket is. */
uint64_t histogram_count_below(const Histogram *histogram, int64_t limit);

/* The sum of all values as far as the buckets tell, within 1.6 %. */
uint64_t histogram_estimate_sum(const Histogram *histogram);

/* Bytes of the binary form at the most. It grows with the buckets in use, by two or three each. */
#define HISTOGRAM_LEN_MAX (3 * PACK_VARINT_MAX + HISTOGRAM_BUCKETS * (2 + PACK_VARINT_MAX))

void histogram_pack(const Histogram *histogram, Packer *packer);

/*
 * Adds a packed histogram to `histogram`. False, with `histogram` as it was and the unpacker
 * failed, if the bytes are none.
 */
bool histogram_unpack_add(Histogram *histogram, Unpacker *unpacker);
