/* SPDX-License-Identifier: Apache-2.0 */
#include "model/histogram.h"

#define LINEAR (1 << HISTOGRAM_LINEAR_BITS)

/*
 * Returns the bucket of a value. A value below 2 * LINEAR has a bucket of its own. A larger value
 * is shifted right until it has HISTOGRAM_LINEAR_BITS + 1 bits. The shift selects the power of two;
 * the bits below the top bit select the bucket in it.
 */
static size_t bucket_of(int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;

    if (v >> HISTOGRAM_VALUE_BITS)
        return HISTOGRAM_BUCKETS - 1;
    if (v < LINEAR)
        return (size_t)v;

    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    unsigned shift = top - HISTOGRAM_LINEAR_BITS;
    return ((size_t)shift << HISTOGRAM_LINEAR_BITS) + (size_t)(v >> shift);
}

/* Returns the middle value of a bucket. */
static int64_t bucket_middle(size_t bucket)
{
    if (bucket < 2 * LINEAR)
        return (int64_t)bucket;

    size_t shift = (bucket >> HISTOGRAM_LINEAR_BITS) - 1;
    int64_t low = (int64_t)((bucket & (LINEAR - 1)) + LINEAR) << shift;
    return low + (INT64_C(1) << shift) / 2;
}

void histogram_add(Histogram *histogram, int64_t value)
{
    histogram->count++;
    histogram->sum += (uint64_t)MAX(value, 0);
    histogram->max = MAX(histogram->max, value);
    histogram->buckets[bucket_of(value)]++;
}

void histogram_merge(Histogram *histogram, const Histogram *other)
{
    histogram->count += other->count;
    histogram->sum += other->sum;
    histogram->max = MAX(histogram->max, other->max);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += other->buckets[i];
}

int64_t histogram_quantile(const Histogram *histogram, double quantile)
{
    double exact_rank = quantile * (double)histogram->count;
    uint64_t rank = (uint64_t)exact_rank;
    uint64_t below = 0;

    rank += (double)rank < exact_rank;
    rank = CLAMP(rank, 1, MAX(histogram->count, 1));
    if (rank == histogram->count)
        return histogram->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += histogram->buckets[i];
        if (below >= rank)
            return MIN(bucket_middle(i), histogram->max);
    }
    return histogram->max;
}

uint64_t histogram_count_below(const Histogram *histogram, int64_t limit)
{
    size_t end = bucket_of(limit);
    uint64_t count = 0;

    for (size_t i = 0; i < end; i++)
        count += histogram->buckets[i];
    return count;
}

uint64_t histogram_estimate_sum(const Histogram *histogram)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum += histogram->buckets[i] * (uint64_t)bucket_middle(i);
    return sum;
}

/*
 * Packs varints: the sum, the greatest value, the number of used buckets; then for each used bucket
 * the distance to the index before it, and its count.
 */
void histogram_pack(const Histogram *histogram, Packer *packer)
{
    uint64_t used = 0;
    size_t last = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        used += histogram->buckets[i] != 0;
    pack_varint(packer, histogram->sum);
    pack_varint(packer, (uint64_t)histogram->max);
    pack_varint(packer, used);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        pack_varint(packer, i - last);
        pack_varint(packer, histogram->buckets[i]);
        last = i;
    }
}

/*
 * Checks that `used` valid buckets follow, and that their counts fit beside the `counted` values
 * into a 64-bit total.
 */
static bool buckets_are_valid(Unpacker unpacker, uint64_t used, uint64_t counted)
{
    uint64_t bucket = 0;

    if (used > HISTOGRAM_BUCKETS)
        return false;
    for (uint64_t i = 0; i < used; i++) {
        uint64_t gap = unpack_varint(&unpacker);
        if (gap >= HISTOGRAM_BUCKETS || (bucket += gap) >= HISTOGRAM_BUCKETS)
            return false;
        uint64_t count = unpack_varint(&unpacker);
        if (count > INT64_MAX - counted)
            return false;
        counted += count;
    }
    return !unpacker.failed;
}

bool histogram_unpack_add(Histogram *histogram, Unpacker *unpacker)
{
    uint64_t sum = unpack_varint(unpacker);
    int64_t max = (int64_t)unpack_varint(unpacker);
    uint64_t used = unpack_varint(unpacker);
    size_t bucket = 0;

    if (unpacker->failed || max < 0 || !buckets_are_valid(*unpacker, used, histogram->count)) {
        unpacker->failed = true;
        return false;
    }
    histogram->sum += sum;
    histogram->max = MAX(histogram->max, max);
    for (uint64_t i = 0; i < used; i++) {
        bucket += unpack_varint(unpacker);
        uint64_t count = unpack_varint(unpacker);
        histogram->buckets[bucket] += count;
        histogram->count += count;
    }
    return true;
}
