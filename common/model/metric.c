/* SPDX-License-Identifier: Apache-2.0 */
#include "model/metric.h"

#include "base/error.h"
#include "base/units.h"

#include <string.h>

#define COUNT   "Count", 1
#define MILLIS  "Milliseconds", 1e-3
#define SECONDS 1e-6
#define GB_S    (1.0 / 1024 / 1000)

static const MetricInfo infos[METRICS] = {
    [METRIC_INVOCATIONS] = {"Invocations", METRIC_SUM, COUNT, "invocations_total", 1,
                            "Invocations of the handler"},
    [METRIC_ERRORS] = {"Errors", METRIC_SUM, COUNT, "errors_total", 1, "Invocations that failed"},
    [METRIC_RETRIES] = {"Retries", METRIC_SUM, COUNT, "retries_total", 1,
                        "Invocations that were retries"},
    [METRIC_THROTTLES] = {"Throttles", METRIC_SUM, COUNT, "throttles_total", 1,
                          "Events that were delayed: all handlers busy, or no space on the disk"},
    [METRIC_EVENTS_RECEIVED] = {"AsyncEventsReceived", METRIC_SUM, COUNT, "events_received_total",
                                1, "Events put into the queue"},
    [METRIC_EVENTS_DROPPED] = {"AsyncEventsDropped", METRIC_SUM, COUNT, "events_dropped_total", 1,
                               "Events given up: their objects are dead letters"},
    [METRIC_DEAD_LETTER_ERRORS] = {"DeadLetterErrors", METRIC_SUM, COUNT,
                                   "dead_letter_errors_total", 1,
                                   "Destination records that could not be written"},
    [METRIC_BILLED_DURATION] = {"BilledDuration", METRIC_SUM, "Milliseconds", 1,
                                "billed_duration_seconds_total", 1e-3,
                                "Durations, each rounded up to whole milliseconds"},
    [METRIC_BILLED_MEMORY] = {"GBSeconds", METRIC_SUM, "GB-Seconds", GB_S,
                              "billed_gigabyte_seconds_total", GB_S,
                              "Billed durations times the memory size in force"},
    [METRIC_CPU_TIME] = {"CpuTime", METRIC_SUM, MILLIS, "cpu_seconds_total", SECONDS,
                         "Processor time of the handlers"},
    [METRIC_CONCURRENT_EXECUTIONS] = {"ConcurrentExecutions", METRIC_MAXIMUM, COUNT,
                                      "concurrent_executions_max", 1,
                                      "Most invocations under way at once"},
    [METRIC_MEMORY_USED] = {"MaxMemoryUsed", METRIC_MAXIMUM, "Bytes", 1, "memory_used_bytes_max", 1,
                            "Memory of the invocation that needed most"},
    [METRIC_ITERATOR_AGE] = {"IteratorAge", METRIC_MAXIMUM, MILLIS, "iterator_age_seconds_max",
                             SECONDS, "Age of the oldest event that waits for a trigger"},
    [METRIC_QUEUE_DEPTH] = {"QueueDepth", METRIC_LEVEL, COUNT, "queue_depth", 1,
                            "Objects that wait for an invocation"},
    [METRIC_DEAD_LETTERS] = {"DeadLetters", METRIC_LEVEL, COUNT, "dead_letters", 1,
                             "Objects that have been given up"},
    [METRIC_DURATION] = {"Duration", METRIC_DISTRIBUTION, MILLIS, "duration_seconds", SECONDS,
                         "Time of an invocation"},
    [METRIC_EVENT_AGE] = {"AsyncEventAge", METRIC_DISTRIBUTION, MILLIS, "event_age_seconds",
                          SECONDS, "Time from an event to the start of its invocation"},
    [METRIC_LATENCY] = {"Latency", METRIC_DISTRIBUTION, MILLIS, "latency_seconds", SECONDS,
                        "Time from an upload to the end of its work"},
};

const Names metric_values = NAMES_OF_ROWS(infos);

const MetricInfo *metric_info(Metric metric)
{
    return &infos[metric];
}

static const char *const statistic_names[] = {
    [STATISTIC_SUM] = "Sum",
    [STATISTIC_MAXIMUM] = "Maximum",
    [STATISTIC_AVERAGE] = "Average",
    [STATISTIC_SAMPLE_COUNT] = "SampleCount",
};

/* Parses "p99.9". */
static bool parse_percentile(const char *text, double *ret_percentile)
{
    char *end;

    if (text[0] != 'p' || !g_ascii_isdigit(text[1]) ||
        strspn(text + 1, "0123456789.") != strlen(text + 1) || strlen(text) > 8)
        return false;
    *ret_percentile = g_ascii_strtod(text + 1, &end);
    return *end == '\0' && *ret_percentile <= 100;
}

static Statistic default_statistic(Metric metric)
{
    switch (infos[metric].kind) {
    case METRIC_SUM:
        return (Statistic){.type = STATISTIC_SUM};
    case METRIC_MAXIMUM:
    case METRIC_LEVEL:
        return (Statistic){.type = STATISTIC_MAXIMUM};
    case METRIC_DISTRIBUTION:
        break;
    }
    return (Statistic){.type = STATISTIC_PERCENTILE, .percentile = 99};
}

static bool parse_statistic(const char *text, Statistic *ret_statistic, GError **error)
{
    double percentile;

    if (parse_percentile(text, &percentile)) {
        *ret_statistic = (Statistic){STATISTIC_PERCENTILE, percentile};
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(statistic_names); i++) {
        if (strcmp(text, statistic_names[i]) == 0) {
            *ret_statistic = (Statistic){.type = (StatisticType)i};
            return true;
        }
    }
    const char *nearest = units_nearest(text, statistic_names, G_N_ELEMENTS(statistic_names));
    g_autofree char *hint = nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : NULL;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown statistic '%s'%s", text,
                hint ? hint : "");
    return false;
}

bool metric_parse_statistic(const char *text, Metric metric, Statistic *ret_statistic,
                            GError **error)
{
    Statistic fitting = default_statistic(metric);
    Statistic statistic = fitting;

    if (*text && !parse_statistic(text, &statistic, error))
        return false;
    if (infos[metric].kind != METRIC_DISTRIBUTION && statistic.type != fitting.type) {
        g_autofree char *name = metric_format_statistic(fitting);
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "%s has no '%s'; its statistic is %s",
                    infos[metric].name, text, name);
        return false;
    }
    *ret_statistic = statistic;
    return true;
}

char *metric_format_statistic(Statistic statistic)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (statistic.type != STATISTIC_PERCENTILE)
        return g_strdup(statistic_names[statistic.type]);
    return g_strconcat("p", g_ascii_formatd(text, sizeof text, "%g", statistic.percentile), NULL);
}
