/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm_event.h"

#include "clock.h"
#include "eventbridge.h"

#include <jansson.h>
#include <string.h>

static json_t *verdict_json(const StoreVerdict *verdict)
{
    char time[CLOCK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s}", "value", store_alarm_state_name(verdict->state), "reason",
                     verdict->reason, "timestamp", clock_format_millis(verdict->time_us, time));
}

static json_t *configuration_json(const AlarmConfig *config)
{
    Statistic statistic = {0};

    /* The configuration has been checked. */
    (void)metric_parse_statistic(config->statistic, config->metric, &statistic, NULL);
    g_autofree char *name = metric_format_statistic(statistic);
    json_t *metric = json_pack("{s:s, s:s, s:{}}", "namespace", "thumbq", "name",
                               metric_info(config->metric)->name, "dimensions");
    json_t *stat = json_pack("{s:o, s:I, s:s}", "metric", metric, "period",
                             (json_int_t)(config->period_us / CLOCK_US_PER_SEC), "stat", name);
    return json_pack("{s:[{s:s, s:o, s:b}]}", "metrics", "id", config->name, "metricStat", stat,
                     "returnData", 1);
}

char *alarm_event_detail(const AlarmConfig *config, const StoreAlarm *alarm)
{
    json_t *detail = json_pack("{s:s, s:o, s:o, s:o}", "alarmName", config->name, "configuration",
                               configuration_json(config), "previousState",
                               verdict_json(&alarm->before), "state", verdict_json(&alarm->now));
    char *text = json_dumps(detail, JSON_COMPACT);

    json_decref(detail);
    g_assert(strlen(config->name) + strlen(text) < STORE_EVENT_TEXT_MAX);
    return text;
}

char *alarm_event_text(const AlarmConfig *config, const StoreAlarm *alarm, const char *bucket)
{
    g_autofree char *detail = alarm_event_detail(config, alarm);
    const StoreEvent event = {.type = STORE_EVENT_ALARM,
                              .time_us = alarm->now.time_us,
                              .key = config->name,
                              .detail = detail};
    json_t *object = eventbridge_json(&event, bucket);
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    return text;
}
