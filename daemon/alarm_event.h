/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of an alarm's state as an event: what the log keeps of it, and what the alarm's command
 * gets. Source: Amazon CloudWatch user guide, "Alarm events and EventBridge".
 */
#pragma once

#include "config.h"
#include "store.h"

/*
 * The `detail` of the event, {"alarmName":...,"configuration":...,"previousState":...,"state":...},
 * shorter than STORE_EVENT_TEXT_MAX with the alarm's name. Owner: the caller frees.
 */
char *alarm_event_detail(const AlarmConfig *config, const StoreAlarm *alarm);

/* The whole event as one line. Owner: the caller frees. */
char *alarm_event_text(const AlarmConfig *config, const StoreAlarm *alarm, const char *bucket);
