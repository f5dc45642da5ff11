/* SPDX-License-Identifier: Apache-2.0 */
/* An alarm watches a metric: its settings and its state. */
#pragma once

#include "base/names.h"
#include "model/metric.h"

#include <stdbool.h>
#include <stdint.h>

/* The settings of an alarm. All texts are borrowed. */
typedef struct {
    const char *name;
    Metric metric;
    Statistic statistic;
    /* ">=" and the like. */
    const char *comparison;
    /* In the unit of the metric. */
    double threshold;
    int64_t period_us;
    /* The alarm goes off if this many of the last `periods` are breaching. */
    int datapoints, periods;
    /* "missing" and the like. */
    const char *missing;
} AlarmSettings;

/* States of an alarm. Stored: added to, never renumbered. */
typedef enum {
    ALARM_INSUFFICIENT_DATA = 0,
    ALARM_OK = 1,
    ALARM_ALARM = 2,
} AlarmState;
#define ALARM_STATES 3

/* "INSUFFICIENT_DATA", "OK", "ALARM". */
extern const Names alarm_state_values;

/* Returns the name of a state. Static. */
const char *alarm_state_name(AlarmState state);

/* Bytes, with the final NUL. */
#define ALARM_REASON_MAX 200

/* A state, its beginning (wall clock), and the reason, for people. */
typedef struct {
    AlarmState state;
    int64_t time_us;
    char reason[ALARM_REASON_MAX];
} AlarmVerdict;

/* Stored state of an alarm. */
typedef struct {
    /* Hash of the settings that the alarm watches; after a change of them the alarm begins anew. */
    uint64_t definition;
    AlarmVerdict now, before;
    /* The command has run for this state, or there is no command. */
    bool is_notified;
} AlarmStatus;
