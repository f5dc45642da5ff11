/* SPDX-License-Identifier: Apache-2.0 */
/* The event of a change of an alarm's state, for the log and for the alarm's command. Source:
 * Amazon CloudWatch user guide, "Alarm events and EventBridge". */
#pragma once

#include "config/config.h"
#include "store/store.h"

/*
 * Formats the `detail` of the event,
 * {"alarmName":...,"configuration":...,"previousState":...,"state":...}. Limits: shorter than
 * STORE_EVENT_TEXT_MAX together with the alarm's name. Owner: the caller frees.
 */
char *alarm_event_detail(const AlarmConfig *config, const AlarmStatus *alarm);

/* Formats the whole event as one line. Owner: the caller frees. */
char *alarm_event_text(const AlarmConfig *config, const AlarmStatus *alarm, const char *bucket);
