/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics: one row each, with the name and the unit that CloudWatch uses, the way to combine
 * values of a period, and a line of help. The store counts metrics, commands print them, alarms
 * watch them. Pure.
 */
#pragma once

#include "base/names.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    METRIC_INVOCATIONS,
    METRIC_ERRORS,
    METRIC_RETRIES,
    METRIC_THROTTLES,
    METRIC_EVENTS_RECEIVED,
    METRIC_EVENTS_DROPPED,
    METRIC_DEAD_LETTER_ERRORS,
    /* Milliseconds; each invocation is rounded up. */
    METRIC_BILLED_DURATION,
    /* Billed duration times the memory size in force, MB. */
    METRIC_BILLED_MEMORY,
    /* Microseconds. */
    METRIC_CPU_TIME,
    METRIC_CONCURRENT_EXECUTIONS,
    /* Bytes. */
    METRIC_MEMORY_USED,
    /* Microseconds: age of the oldest event that a trigger has not delivered. */
    METRIC_ITERATOR_AGE,
    METRIC_QUEUE_DEPTH,
    METRIC_DEAD_LETTERS,
    /* Microseconds, as all metrics below. */
    METRIC_DURATION,
    /* Time from the event to the start of its invocation. */
    METRIC_EVENT_AGE,
    /* Time from the upload to the end of the work. */
    METRIC_LATENCY,
    METRICS,
} Metric;

typedef enum {
    METRIC_SUM,
    /* The greatest value. */
    METRIC_MAXIMUM,
    /* A value that stays until it changes; the greatest one counts. */
    METRIC_LEVEL,
    /* Counts of values by size: percentiles, average, sum, maximum. */
    METRIC_DISTRIBUTION,
} MetricKind;

typedef struct {
    /* Such as "AsyncEventAge". */
    const char *name;
    MetricKind kind;
    /* "Count", "Milliseconds", "Bytes", "GB-Seconds". */
    const char *unit;
    /* A stored value times `scale` is in `unit`. */
    double scale;
    /* Name in Prometheus, such as "event_age_seconds", in Prometheus' base units. */
    const char *prometheus;
    double prometheus_scale;
    /* A sentence for people. */
    const char *help;
} MetricInfo;

extern const Names metric_values;

const MetricInfo *metric_info(Metric metric);

/* The first metric that is a distribution; all metrics behind it are distributions too. */
#define METRIC_DISTRIBUTIONS_FROM METRIC_DURATION
#define METRIC_DISTRIBUTIONS      (METRICS - METRIC_DISTRIBUTIONS_FROM)

/* The statistic of a period that an alarm compares. */
typedef enum {
    STATISTIC_SUM,
    STATISTIC_MAXIMUM,
    STATISTIC_AVERAGE,
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_PERCENTILE,
} StatisticType;

typedef struct {
    StatisticType type;
    /* 0..100, for STATISTIC_PERCENTILE only. */
    double percentile;
} Statistic;

/*
 * Parses "Sum", "Maximum", "Average", "SampleCount", "p99", "p99.9"; "" means the statistic that
 * suits the metric best: Sum, Maximum or p99. Errors: ERROR_USAGE, also for a statistic that the
 * metric does not have.
 */
bool metric_parse_statistic(const char *text, Metric metric, Statistic *ret_statistic,
                            GError **error);

/* Formats a statistic, such as "p99". Owner: the caller frees. */
char *metric_format_statistic(Statistic statistic);
