/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a configured alarm, for its JSON forms. */
#pragma once

#include "config/config.h"

/* Returns the settings of an alarm of a checked configuration. They borrow from `config`. */
AlarmSettings config_alarm_settings(const AlarmConfig *config);
