/* SPDX-License-Identifier: Apache-2.0 */
#include "model/alarm_json.h"

#include "base/clock.h"
#include "model/json_value.h"

json_t *alarm_json(const AlarmSettings *settings, const AlarmStatus *status)
{
    g_autofree char *statistic = metric_format_statistic(settings->statistic);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:i, s:i, s:s}", "name", settings->name, "metric",
                  metric_info(settings->metric)->name, "statistic", statistic, "comparison",
                  settings->comparison, "threshold", settings->threshold, "period_s",
                  (json_int_t)(settings->period_us / CLOCK_US_PER_SEC), "datapoints_to_alarm",
                  settings->datapoints, "evaluation_periods", settings->periods, "missing",
                  settings->missing);

    json_object_set_new(object, "state", json_string(alarm_state_name(status->now.state)));
    json_object_set_new(object, "since", json_value_millis(status->now.time_us));
    json_object_set_new(object, "reason", json_value_text(status->now.reason));
    return object;
}

static json_t *verdict_json(const AlarmVerdict *verdict)
{
    char time[CLOCK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s}", "value", alarm_state_name(verdict->state), "reason",
                     verdict->reason, "timestamp", clock_format_millis(verdict->time_us, time));
}

/* Returns the metric of the alarm in the form of CloudWatch. */
static json_t *configuration_json(const AlarmSettings *settings)
{
    g_autofree char *name = metric_format_statistic(settings->statistic);
    json_t *metric = json_pack("{s:s, s:s, s:{}}", "namespace", "thumbq", "name",
                               metric_info(settings->metric)->name, "dimensions");
    json_t *stat = json_pack("{s:o, s:I, s:s}", "metric", metric, "period",
                             (json_int_t)(settings->period_us / CLOCK_US_PER_SEC), "stat", name);

    return json_pack("{s:[{s:s, s:o, s:b}]}", "metrics", "id", settings->name, "metricStat", stat,
                     "returnData", 1);
}

json_t *alarm_change_json(const AlarmSettings *settings, const AlarmStatus *status)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "alarmName", settings->name, "configuration",
                     configuration_json(settings), "previousState", verdict_json(&status->before),
                     "state", verdict_json(&status->now));
}
