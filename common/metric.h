/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics: one row each, with the name and the unit that people know from CloudWatch, how the
 * values of a period are put together, and a line of help. The store counts them, commands print
 * them, alarms watch them. Pure.
 */
#pragma once

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
    METRIC_BILLED_DURATION, /* ms, each invocation rounded up */
    METRIC_BILLED_MEMORY,   /* those times the memory size in force, MB */
    METRIC_CPU_TIME,        /* us */
    METRIC_CONCURRENT_EXECUTIONS,
    METRIC_MEMORY_USED, /* bytes */
    METRIC_QUEUE_DEPTH,
    METRIC_DEAD_LETTERS,
    METRIC_DURATION,  /* us, as all that follow */
    METRIC_EVENT_AGE, /* from the event to the start of its invocation */
    METRIC_LATENCY,   /* from the upload to the end of the work */
    METRICS,
} Metric;

typedef enum {
    METRIC_SUM,
    METRIC_MAXIMUM,      /* the greatest value */
    METRIC_LEVEL,        /* the greatest value of what stays as it is until it changes */
    METRIC_DISTRIBUTION, /* counts of values by size: percentiles, average, sum, maximum */
} MetricKind;

typedef struct {
    const char *name; /* "AsyncEventAge" */
    MetricKind kind;
    const char *unit;       /* "Count", "Milliseconds", "Bytes", "GB-Seconds" */
    double scale;           /* value x scale is in that unit */
    const char *prometheus; /* name there, "event_age_seconds", in its base units */
    double prometheus_scale;
    const char *help; /* a sentence for people */
} MetricInfo;

const MetricInfo *metric_info(Metric metric);

/* The first metric that is a distribution; all that follow are. */
#define METRIC_DISTRIBUTIONS_FROM METRIC_DURATION
#define METRIC_DISTRIBUTIONS      (METRICS - METRIC_DISTRIBUTIONS_FROM)

/* What an alarm takes of a period. */
typedef enum {
    STATISTIC_SUM,
    STATISTIC_MAXIMUM,
    STATISTIC_AVERAGE,
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_PERCENTILE,
} StatisticType;

typedef struct {
    StatisticType type;
    double percentile; /* 0..100, of STATISTIC_PERCENTILE */
} Statistic;

/*
 * "Sum", "Maximum", "Average", "SampleCount", "p99", "p99.9"; "" is what fits the metric best: Sum,
 * Maximum or p99. Errors: ERROR_USAGE, also for one that the metric does not have.
 */
bool metric_parse_statistic(const char *text, Metric metric, Statistic *ret_statistic,
                            GError **error);

/* "p99". Owner: the caller frees. */
char *metric_format_statistic(Statistic statistic);
