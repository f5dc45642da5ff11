/* SPDX-License-Identifier: Apache-2.0 */
#include "config/alarm_settings.h"

AlarmSettings config_alarm_settings(const AlarmConfig *config)
{
    AlarmSettings settings = {
        .name = config->name,
        .metric = config->metric,
        .comparison = comparison_name(config->comparison),
        .threshold = config->threshold,
        .period_us = config->period_us,
        .datapoints = config->datapoints.breaching,
        .periods = config->datapoints.of,
        .missing = missing_data_name(config->missing),
    };

    /* The configuration has been checked, so this succeeds. */
    (void)metric_parse_statistic(config->statistic, config->metric, &settings.statistic, NULL);
    return settings;
}
