/* SPDX-License-Identifier: Apache-2.0 */
#include "model/alarm.h"

static const char *const names[ALARM_STATES] = {
    [ALARM_INSUFFICIENT_DATA] = "INSUFFICIENT_DATA",
    [ALARM_OK] = "OK",
    [ALARM_ALARM] = "ALARM",
};

const Names alarm_state_values = NAMES_OF(names);

const char *alarm_state_name(AlarmState state)
{
    return names[state];
}
