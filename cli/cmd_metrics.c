/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "command.h"
#include "error.h"
#include "json_out.h"
#include "metrics.h"

#include <math.h>
#include <stdio.h>

#define DEFAULT_SINCE_US (24 * 3600 * CLOCK_US_PER_SEC)

typedef struct {
    const char *since;
    bool json;
    bool prometheus;
} MetricsOptions;

static const Option options[] = {
    {"since", OPTION_TEXT, "TIME", offsetof(MetricsOptions, since),
     "from the minute of TIME on: 2026-01-31, 2026-01-31T12:00, 7d, 12h; default: 24h"},
    {"json", OPTION_FLAG, NULL, offsetof(MetricsOptions, json), "one JSON object"},
    {"prometheus", OPTION_FLAG, NULL, offsetof(MetricsOptions, prometheus),
     "all time, in the text format of Prometheus"},
    {NULL},
};

const CommandUsage usage_metrics = {
    .about =
        "Prints what was measured, by the names that CloudWatch has for it, and the states of\n"
        "alarms. Duration is the handler's; Latency is from the upload to the end of its "
        "work;\n"
        "AsyncEventAge from the event to the start of its invocation.",
    .examples = "thumbq metrics photos\n"
                "thumbq metrics --since 7d --json photos\n"
                "thumbq metrics --prometheus photos",
    .options = options,
    .values_size = sizeof(MetricsOptions),
};

/* ---- alarms -------------------------------------------------------------------------------------
 */

bool metrics_get_alarm(const Context *context, const AlarmConfig *config, StoreAlarm *ret_alarm,
                       GError **error)
{
    bool found;

    if (!store_get_alarm(context->snapshot, config->name, &found, ret_alarm, error))
        return false;
    if (!found)
        *ret_alarm = (StoreAlarm){.now = {.state = STORE_ALARM_INSUFFICIENT_DATA}};
    return true;
}

Statistic metrics_statistic(const AlarmConfig *config)
{
    Statistic statistic = {0};

    /* The configuration has been checked. */
    (void)metric_parse_statistic(config->statistic, config->metric, &statistic, NULL);
    return statistic;
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static json_t *value_json(const MetricInfo *info, int64_t value)
{
    return info->scale == 1 ? json_integer(value)
                            : json_real(round((double)value * info->scale * 1e6) / 1e6);
}

static void set_percentiles(json_t *metric, const Histogram *histogram)
{
    json_object_set_new(metric, "p50", json_out_ms(histogram_quantile(histogram, 0.50)));
    json_object_set_new(metric, "p90", json_out_ms(histogram_quantile(histogram, 0.90)));
    json_object_set_new(metric, "p99", json_out_ms(histogram_quantile(histogram, 0.99)));
    json_object_set_new(metric, "max", json_out_ms(histogram->max));
}

static json_t *metrics_json(const Measures *measures)
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

static json_t *alarm_json(const AlarmConfig *config, const StoreAlarm *alarm)
{
    g_autofree char *statistic = metric_format_statistic(metrics_statistic(config));
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:i, s:i, s:s}", "name", config->name, "metric",
                  metric_info(config->metric)->name, "statistic", statistic, "comparison",
                  comparison_name(config->comparison), "threshold", config->threshold, "period_s",
                  (json_int_t)(config->period_us / CLOCK_US_PER_SEC), "datapoints_to_alarm",
                  config->datapoints.breaching, "evaluation_periods", config->datapoints.of,
                  "missing", missing_data_name(config->missing));

    json_object_set_new(object, "state", json_string(store_alarm_state_name(alarm->now.state)));
    json_object_set_new(object, "since", json_out_millis(alarm->now.time_us));
    json_object_set_new(object, "reason", json_out_text(alarm->now.reason));
    return object;
}

static bool print_json(const Context *context, const StoreMetrics *metrics, GError **error)
{
    json_t *object = json_object();
    json_t *alarms = json_array();

    json_object_set_new(object, "since", json_out_seconds(metrics->since_us));
    json_object_set_new(object, "until", json_out_seconds(context->now_us));
    json_object_set_new(object, "metrics", metrics_json(&metrics->measures));
    json_object_set_new(object, "alarms", alarms);
    for (size_t i = 0; i < context->config->n_alarms; i++) {
        const AlarmConfig *config = &context->config->alarms[i];
        StoreAlarm alarm;
        if (!metrics_get_alarm(context, config, &alarm, error)) {
            json_decref(object);
            return false;
        }
        json_array_append_new(alarms, alarm_json(config, &alarm));
    }
    json_out_print(object);
    return true;
}

int cmd_metrics(Context *context, GError **error)
{
    const MetricsOptions *chosen = context->options;
    int64_t since_us = context->now_us - DEFAULT_SINCE_US;

    if (chosen->prometheus && (chosen->since || chosen->json)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "--prometheus prints all time: it goes with neither --since nor --json");
        return -1;
    }
    if (chosen->prometheus)
        return metrics_print_prometheus(context, error) ? 0 : -1;
    if (chosen->since && !clock_parse_time(chosen->since, context->now_us, &since_us, error)) {
        g_prefix_error(error, "--since: ");
        return -1;
    }

    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    int64_t until_us = MAX(context->now_us, since_us) + 1; /* with what began right now */
    if (!store_metrics(context->snapshot, since_us, until_us, metrics, error))
        return -1;
    bool printed = chosen->json ? print_json(context, metrics, error)
                                : metrics_print_view(context, metrics, error);
    return printed ? 0 : -1;
}
