#include "histogram.h"

#include "pack.h"

#define LINEAR (1 << HISTOGRAM_LINEAR_BITS)

/* Encoded: the greatest value i64, number of used buckets u16, then for each its index u16, count
 * u64. */
#define HEADER_LEN 10
#define BUCKET_LEN 10

/*
 * A value below 2 * LINEAR has a bucket of its own. Any other is shifted until it has
 * HISTOGRAM_LINEAR_BITS + 1 bits; the shift selects the power of two, the bits below the top one
 * the bucket in it.
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

/* The value in the middle of a bucket. */
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
    histogram->max = MAX(histogram->max, value);
    histogram->buckets[bucket_of(value)]++;
}

void histogram_merge(Histogram *histogram, const Histogram *other)
{
    histogram->count += other->count;
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

uint64_t histogram_count_below(const Histogram *histogram, int64_t value)
{
    uint64_t below = 0;

    for (size_t i = 0; i < bucket_of(value); i++)
        below += histogram->buckets[i];
    return below;
}

void histogram_encode(const Histogram *histogram, GByteArray *buffer)
{
    size_t used = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        used += histogram->buckets[i] != 0;

    size_t start = buffer->len;
    size_t len = HEADER_LEN + used * BUCKET_LEN;
    g_byte_array_set_size(buffer, (guint)(start + len));

    Packer packer = {.data = buffer->data + start, .max = len};
    pack_i64(&packer, histogram->max);
    pack_u16(&packer, (uint16_t)used);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        pack_u16(&packer, (uint16_t)i);
        pack_u64(&packer, histogram->buckets[i]);
    }
}

/* True if `used` buckets follow and each is one. */
static bool buckets_are_valid(Unpacker unpacker, size_t used)
{
    for (size_t i = 0; i < used; i++) {
        if (unpack_u16(&unpacker) >= HISTOGRAM_BUCKETS)
            return false;
        (void)unpack_u64(&unpacker);
    }
    return !unpacker.failed;
}

bool histogram_decode_add(Histogram *histogram, const uint8_t **data, size_t *len)
{
    Unpacker unpacker = {.data = *data, .len = *len};
    int64_t max = unpack_i64(&unpacker);
    size_t used = unpack_u16(&unpacker);

    if (unpacker.failed || !buckets_are_valid(unpacker, used))
        return false;
    histogram->max = MAX(histogram->max, max);
    for (size_t i = 0; i < used; i++) {
        size_t bucket = unpack_u16(&unpacker);
        uint64_t count = unpack_u64(&unpacker);
        histogram->buckets[bucket] += count;
        histogram->count += count;
    }
    *data += unpacker.at;
    *len -= unpacker.at;
    return true;
}
