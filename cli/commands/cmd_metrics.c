/* SPDX-License-Identifier: Apache-2.0 */
/* The command `metrics`: prints metrics as tables, as JSON or for Prometheus. */
#include "base/clock.h"
#include "base/error.h"
#include "command.h"
#include "config/alarm_settings.h"
#include "model/alarm_json.h"
#include "model/metric_json.h"
#include "views/json_out.h"
#include "views/metrics_views.h"

#include <stdio.h>

#define DEFAULT_SINCE_US CLOCK_DAY_US

typedef struct {
    const char *since;
    bool json;
    bool prometheus;
} MetricsOptions;

static const CommandOption options[] = {
    {"since", OPTION_TEXT, "TIME", offsetof(MetricsOptions, since),
     "from the minute of TIME on: 2026-01-31, 2026-01-31T12:00, 7d, 12h; default: 24h"},
    {"json", OPTION_FLAG, NULL, offsetof(MetricsOptions, json), "one JSON object"},
    {"prometheus", OPTION_FLAG, NULL, offsetof(MetricsOptions, prometheus),
     "all time, in the text format of Prometheus"},
    {NULL},
};

const CommandUsage usage_metrics = {
    .about = "Prints the metrics, with the names that they have in CloudWatch, and the states of\n"
             "alarms. Duration is the handler's time; Latency is from the upload to the end of its "
             "work;\n"
             "AsyncEventAge from the event to the start of its invocation.",
    .examples = "thumbq metrics photos\n"
                "thumbq metrics --since 7d --json photos\n"
                "thumbq metrics --prometheus photos",
    .options = options,
    .values_size = sizeof(MetricsOptions),
};

static bool print_json(const Context *context, const StoreMetrics *metrics, GError **error)
{
    json_t *object = json_object();
    json_t *alarms = json_array();

    json_object_set_new(object, "since", json_value_seconds(metrics->since_us));
    json_object_set_new(object, "until", json_value_seconds(context->now_us));
    json_object_set_new(object, "metrics", metrics_json(&metrics->measures));
    json_object_set_new(object, "alarms", alarms);
    for (size_t i = 0; i < context->config->n_alarms; i++) {
        const AlarmConfig *config = &context->config->alarms[i];
        AlarmStatus alarm;
        if (!metrics_get_alarm(context, config, &alarm, error)) {
            json_decref(object);
            return false;
        }
        const AlarmSettings settings = config_alarm_settings(config);
        json_array_append_new(alarms, alarm_json(&settings, &alarm));
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
                    "--prometheus prints all time: it cannot be used with --since or --json");
        return -1;
    }
    if (chosen->prometheus)
        return metrics_print_prometheus(context, error) ? 0 : -1;
    if (chosen->since && !clock_parse_time(chosen->since, context->now_us, &since_us, error)) {
        g_prefix_error(error, "--since: ");
        return -1;
    }

    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    /* Includes what was counted in this very moment. */
    int64_t until_us = MAX(context->now_us, since_us) + 1;
    if (!store_metrics(context->snapshot, since_us, until_us, metrics, error))
        return -1;
    bool printed = chosen->json ? print_json(context, metrics, error)
                                : metrics_print_view(context, metrics, error);
    return printed ? 0 : -1;
}
