/* SPDX-License-Identifier: Apache-2.0 */
#include "model/measures.h"

#include "base/pack.h"

/*
 * Tags of the encoded form. Each metric that is not zero has its tag and then: one varint for a sum
 * or a maximum; two for a level (greatest, last); a histogram for a distribution. Tags never
 * change.
 */
static const uint8_t tags[METRICS] = {
    [METRIC_INVOCATIONS] = 1,
    [METRIC_ERRORS] = 2,
    [METRIC_RETRIES] = 3,
    [METRIC_THROTTLES] = 4,
    [METRIC_EVENTS_RECEIVED] = 5,
    [METRIC_EVENTS_DROPPED] = 6,
    [METRIC_DEAD_LETTER_ERRORS] = 7,
    [METRIC_BILLED_DURATION] = 8,
    [METRIC_BILLED_MEMORY] = 9,
    [METRIC_CPU_TIME] = 10,
    [METRIC_CONCURRENT_EXECUTIONS] = 11,
    [METRIC_MEMORY_USED] = 12,
    [METRIC_QUEUE_DEPTH] = 13,
    [METRIC_DEAD_LETTERS] = 14,
    [METRIC_DURATION] = 15,
    [METRIC_EVENT_AGE] = 16,
    [METRIC_LATENCY] = 17,
    [METRIC_ITERATOR_AGE] = 18,
};

static Histogram *distribution(Measures *measures, Metric metric)
{
    return &measures->distributions[metric - METRIC_DISTRIBUTIONS_FROM];
}

const Histogram *measures_distribution(const Measures *measures, Metric metric)
{
    return &measures->distributions[metric - METRIC_DISTRIBUTIONS_FROM];
}

/* Adds a value of a later period to the measures. `last` matters for a level only. */
static void merge_value(Measures *measures, Metric metric, int64_t value, int64_t last)
{
    switch (metric_info(metric)->kind) {
    case METRIC_SUM:
        if (__builtin_add_overflow(measures->values[metric], value, &measures->values[metric]))
            measures->values[metric] = INT64_MAX;
        break;
    case METRIC_LEVEL:
        measures->last[metric] = last;
        measures->has_levels = true;
        G_GNUC_FALLTHROUGH;
    case METRIC_MAXIMUM:
        measures->values[metric] = MAX(measures->values[metric], value);
        break;
    case METRIC_DISTRIBUTION:
        break;
    }
    measures->has_data = true;
}

void measures_add(Measures *measures, Metric metric, int64_t value)
{
    if (metric < METRIC_DISTRIBUTIONS_FROM) {
        merge_value(measures, metric, value, value);
        return;
    }
    measures->has_data = true;
    histogram_add(distribution(measures, metric), value);
}

void measures_merge(Measures *measures, const Measures *later)
{
    measures->has_data |= later->has_data;
    for (Metric metric = 0; metric < METRIC_DISTRIBUTIONS_FROM; metric++) {
        bool is_level = metric_info(metric)->kind == METRIC_LEVEL;
        if (later->has_data && (!is_level || later->has_levels))
            merge_value(measures, metric, later->values[metric], later->last[metric]);
    }
    for (Metric metric = METRIC_DISTRIBUTIONS_FROM; metric < METRICS; metric++)
        histogram_merge(distribution(measures, metric), measures_distribution(later, metric));
}

static double statistic_of(const Histogram *histogram, Statistic statistic)
{
    switch (statistic.type) {
    case STATISTIC_SUM:
        return (double)histogram->sum;
    case STATISTIC_MAXIMUM:
        return (double)histogram->max;
    case STATISTIC_AVERAGE:
        return (double)histogram->sum / (double)histogram->count;
    case STATISTIC_SAMPLE_COUNT:
        return (double)histogram->count;
    case STATISTIC_PERCENTILE:
        break;
    }
    return (double)histogram_quantile(histogram, statistic.percentile / 100);
}

bool measures_statistic(const Measures *measures, Metric metric, Statistic statistic,
                        double *ret_value)
{
    const MetricInfo *info = metric_info(metric);
    double value;

    if (info->kind == METRIC_DISTRIBUTION) {
        const Histogram *histogram = measures_distribution(measures, metric);
        if (histogram->count == 0)
            return false;
        value = statistic_of(histogram, statistic);
    } else if (info->kind == METRIC_LEVEL ? measures->has_levels : measures->has_data) {
        value = (double)measures->values[metric];
    } else {
        return false;
    }
    *ret_value = statistic.type == STATISTIC_SAMPLE_COUNT ? value : value * info->scale;
    return true;
}

/* Packs a metric, with its tag before it, unless it is 0. */
static void pack_metric(Packer *packer, const Measures *measures, Metric metric)
{
    if (metric >= METRIC_DISTRIBUTIONS_FROM) {
        const Histogram *histogram = measures_distribution(measures, metric);
        if (histogram->count == 0)
            return;
        pack_u8(packer, tags[metric]);
        histogram_pack(histogram, packer);
        return;
    }

    bool is_level = metric_info(metric)->kind == METRIC_LEVEL;
    if (is_level ? !measures->has_levels : measures->values[metric] == 0)
        return;
    pack_u8(packer, tags[metric]);
    pack_varint(packer, (uint64_t)measures->values[metric]);
    if (is_level)
        pack_varint(packer, (uint64_t)measures->last[metric]);
}

void measures_encode(const Measures *measures, GByteArray *buffer)
{
    g_byte_array_set_size(buffer, MEASURES_LEN_MAX);

    Packer packer = {.data = buffer->data, .max = MEASURES_LEN_MAX};
    for (Metric metric = 0; metric < METRICS; metric++)
        pack_metric(&packer, measures, metric);
    g_assert(!packer.failed);
    g_byte_array_set_size(buffer, (guint)packer.len);
}

static bool metric_from_tag(uint8_t tag, Metric *ret_metric)
{
    for (Metric metric = 0; metric < METRICS; metric++) {
        if (tags[metric] == tag) {
            *ret_metric = metric;
            return true;
        }
    }
    return false;
}

bool measures_decode_merge(Measures *measures, const uint8_t *data, size_t len)
{
    Unpacker unpacker = {.data = data, .len = len};
    Metric metric;

    /* A row exists only if something happened in its time. */
    measures->has_data = true;
    while (unpacker.at < len) {
        if (!metric_from_tag(unpack_u8(&unpacker), &metric))
            return false;
        if (metric >= METRIC_DISTRIBUTIONS_FROM) {
            if (!histogram_unpack_add(distribution(measures, metric), &unpacker))
                return false;
            continue;
        }
        int64_t value = (int64_t)unpack_varint(&unpacker);
        bool is_level = metric_info(metric)->kind == METRIC_LEVEL;
        int64_t last = is_level ? (int64_t)unpack_varint(&unpacker) : 0;
        if (unpacker.failed || value < 0 || last < 0)
            return false;
        merge_value(measures, metric, value, last);
    }
    return true;
}
