/* SPDX-License-Identifier: Apache-2.0 */
#include "model/metric_json.h"

#include "model/json_value.h"

#include <math.h>

static json_t *value_json(const MetricInfo *info, int64_t value)
{
    return info->scale == 1 ? json_integer(value)
                            : json_real(round((double)value * info->scale * 1e6) / 1e6);
}

static void set_percentiles(json_t *metric, const Histogram *histogram)
{
    json_object_set_new(metric, "p50", json_value_ms(histogram_quantile(histogram, 0.50)));
    json_object_set_new(metric, "p90", json_value_ms(histogram_quantile(histogram, 0.90)));
    json_object_set_new(metric, "p99", json_value_ms(histogram_quantile(histogram, 0.99)));
    json_object_set_new(metric, "max", json_value_ms(histogram->max));
}

json_t *metrics_json(const Measures *measures)
{
    json_t *metrics = json_object();

    for (Metric metric = 0; metric < METRICS; metric++) {
        const MetricInfo *info = metric_info(metric);
        json_t *object = json_object();
        json_object_set_new(object, "unit", json_string(info->unit));
        if (info->kind == METRIC_DISTRIBUTION)
            set_percentiles(object, measures_distribution(measures, metric));
        else
            json_object_set_new(object, info->kind == METRIC_SUM ? "sum" : "max",
                                value_json(info, measures->values[metric]));
        json_object_set_new(metrics, info->name, object);
    }
    return metrics;
}
