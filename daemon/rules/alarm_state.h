/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for an alarm's state: M of the last N periods breaching, and the treatment of periods
 * without data. Pure functions. Source: Amazon CloudWatch user guide, "Evaluating an alarm" and
 * "How alarm state is evaluated when data is missing"; its tables are the test.
 */
#pragma once

#include "config/config.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* The value of a period. */
typedef struct {
    bool is_known;
    double value;
} AlarmPoint;

/* Periods that are examined in addition to N: if some of the last N have no data, values of these
 * take their places. */
#define ALARM_PERIODS_MORE 2

/* Returns the number of periods that alarm_evaluate needs. */
size_t alarm_periods(const AlarmConfig *config);

/* Computes the state from `points`, the newest last; `state` is the state before. `ret_reason` is
 * an explanation in the words of CloudWatch. */
AlarmState alarm_evaluate(const AlarmConfig *config, AlarmState state, const AlarmPoint *points,
                          size_t n, char ret_reason[static ALARM_REASON_MAX]);
