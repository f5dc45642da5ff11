/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What state an alarm is in: M of the last N periods breaching, and what periods without data count
 * as. Pure. Source: Amazon CloudWatch user guide, "Evaluating an alarm" and "How alarm state is
 * evaluated when data is missing", whose tables are the test.
 */
#pragma once

#include "config.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>

/* The value of a period. */
typedef struct {
    bool is_known;
    double value;
} AlarmPoint;

/*
 * Periods that are looked at beyond N: where some of the last N have no data, values of these take
 * their places.
 */
#define ALARM_PERIODS_MORE 2

/* Periods that alarm_evaluate is to be given. */
size_t alarm_periods(const AlarmConfig *config);

/*
 * The state that follows from `points`, the last of them the newest, when it was `state` before.
 * `ret_reason` says why, in words: as CloudWatch does.
 */
StoreAlarmState alarm_evaluate(const AlarmConfig *config, StoreAlarmState state,
                               const AlarmPoint *points, size_t n,
                               char ret_reason[static STORE_ALARM_REASON_MAX]);
