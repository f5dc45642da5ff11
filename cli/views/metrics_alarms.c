/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an alarm, for each output of the metrics. */
#include "views/metrics_views.h"

bool metrics_get_alarm(const Context *context, const AlarmConfig *config, AlarmStatus *ret_alarm,
                       GError **error)
{
    bool found;

    if (!store_get_alarm(context->snapshot, config->name, &found, ret_alarm, error))
        return false;
    if (!found)
        *ret_alarm = (AlarmStatus){.now = {.state = ALARM_INSUFFICIENT_DATA}};
    return true;
}
