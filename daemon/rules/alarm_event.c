/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/alarm_event.h"

#include "config/alarm_settings.h"
#include "model/alarm_json.h"
#include "model/eventbridge.h"

#include <jansson.h>
#include <string.h>

char *alarm_event_detail(const AlarmConfig *config, const AlarmStatus *alarm)
{
    const AlarmSettings settings = config_alarm_settings(config);
    json_t *detail = alarm_change_json(&settings, alarm);
    char *text = json_dumps(detail, JSON_COMPACT);

    json_decref(detail);
    g_assert(strlen(config->name) + strlen(text) < STORE_EVENT_TEXT_MAX);
    return text;
}

char *alarm_event_text(const AlarmConfig *config, const AlarmStatus *alarm, const char *bucket)
{
    g_autofree char *detail = alarm_event_detail(config, alarm);
    const Event event = event_of_bucket(EVENT_ALARM, config->name, detail, alarm->now.time_us);
    json_t *object = eventbridge_json(&event, bucket);
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    return text;
}
