/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of metrics: accepted metrics are encoded within their bound, and decode to the same
 * metrics. */
#include "fuzz.h"
#include "model/measures.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree Measures *first = g_new0(Measures, 1);
    g_autofree Measures *second = g_new0(Measures, 1);
    g_autoptr(GByteArray) encoded = g_byte_array_new();
    double value;

    if (!measures_decode_merge(first, data, len))
        return 0;
    measures_encode(first, encoded);
    g_assert_cmpuint(encoded->len, <=, MEASURES_LEN_MAX);
    g_assert_true(measures_decode_merge(second, encoded->data, encoded->len));
    for (Metric metric = 0; metric < METRIC_DISTRIBUTIONS_FROM; metric++) {
        if (metric_info(metric)->kind == METRIC_SUM)
            g_assert_cmpint(second->values[metric], ==, first->values[metric]);
    }
    for (Metric metric = METRIC_DISTRIBUTIONS_FROM; metric < METRICS; metric++) {
        const Histogram *histogram = measures_distribution(first, metric);
        if (histogram->count > 0)
            g_assert_cmpmem(measures_distribution(second, metric), sizeof *histogram, histogram,
                            sizeof *histogram);
        for (double percentile = 0; percentile <= 100; percentile += 25)
            (void)measures_statistic(first, metric, (Statistic){STATISTIC_PERCENTILE, percentile},
                                     &value);
    }
    return 0;
}
