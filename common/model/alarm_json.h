/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm as JSON: as `thumbq metrics --json` prints it, and as a change of its state is reported.
 * Source: Amazon CloudWatch user guide, "Alarm events and EventBridge". The caller has the
 * reference of each result.
 */
#pragma once

#include "model/alarm.h"

#include <jansson.h>

/* Makes {"name":...,"metric":...,"state":"OK",...}. */
json_t *alarm_json(const AlarmSettings *settings, const AlarmStatus *status);

/* Makes the `detail` of the event of a change,
 * {"alarmName":...,"configuration":...,"previousState":...,"state":...}. */
json_t *alarm_change_json(const AlarmSettings *settings, const AlarmStatus *status);
