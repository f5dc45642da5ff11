/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the metrics in the text format of Prometheus. */
#include "views/metrics_views.h"

#include "base/clock.h"
#include "daemon/daemon.h"
#include "daemon_probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/* Maxima cover the last minutes only: the maximum of all time would soon stop changing. */
#define RECENT_US (5 * CLOCK_MINUTE_US)

/* Histogram buckets of times: from 1.024 ms on, each bound twice the bound before, up to five
 * hours. */
#define BUCKET_FIRST_BITS 10
#define BUCKET_LAST_BITS  34

/* Formats a number with all its digits, in the C locale. */
static const char *number(double value, char text[static G_ASCII_DTOSTR_BUF_SIZE])
{
    return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, "%.15g", value);
}

static void print_head(const char *name, const char *help, const char *type)
{
    printf("# HELP thumbq_%s %s.\n# TYPE thumbq_%s %s\n", name, help, name, type);
}

static void print_value(const char *bucket, const MetricInfo *info, const char *type, int64_t value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    print_head(info->prometheus, info->help, type);
    if (info->prometheus_scale == 1)
        printf("thumbq_%s{%s} %" PRId64 "\n", info->prometheus, bucket, value);
    else
        printf("thumbq_%s{%s} %s\n", info->prometheus, bucket,
               number((double)value * info->prometheus_scale, text));
}

static void print_histogram(const char *bucket, const MetricInfo *info, const Histogram *histogram)
{
    const char *name = info->prometheus;
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    print_head(name, info->help, "histogram");
    for (int bits = BUCKET_FIRST_BITS; bits <= BUCKET_LAST_BITS; bits++) {
        int64_t limit = INT64_C(1) << bits;
        (void)g_ascii_formatd(text, sizeof text, "%.6f", (double)limit / CLOCK_US_PER_SEC);
        printf("thumbq_%s_bucket{%s,le=\"%s\"} %" PRIu64 "\n", name, bucket, text,
               histogram_count_below(histogram, limit));
    }
    printf("thumbq_%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, bucket, histogram->count);
    printf("thumbq_%s_sum{%s} %s\n", name, bucket,
           number((double)histogram->sum * info->prometheus_scale, text));
    printf("thumbq_%s_count{%s} %" PRIu64 "\n", name, bucket, histogram->count);
}

static void print_metrics(const char *bucket, const Measures *all, const Measures *recent,
                          const ObjectTotals *totals)
{
    for (Metric metric = 0; metric < METRICS; metric++) {
        const MetricInfo *info = metric_info(metric);
        switch (info->kind) {
        case METRIC_SUM:
            print_value(bucket, info, "counter", all->values[metric]);
            break;
        case METRIC_MAXIMUM:
            print_value(bucket, info, "gauge", recent->values[metric]);
            break;
        /* A gauge: the current value. */
        case METRIC_LEVEL:
            print_value(bucket, info, "gauge",
                        (int64_t)totals
                            ->by_state[metric == METRIC_DEAD_LETTERS ? STATE_DEAD : STATE_PENDING]);
            break;
        case METRIC_DISTRIBUTION:
            print_histogram(bucket, info, measures_distribution(all, metric));
            break;
        }
    }
}

static void print_totals(const char *bucket, const ObjectTotals *totals)
{
    print_head("objects", "Objects by state", "gauge");
    for (int state = STATE_PENDING; state < STATES_END; state++)
        printf("thumbq_objects{%s,state=\"%s\"} %" PRIu64 "\n", bucket,
               state_name((ObjectState)state), totals->by_state[state]);
    print_head("source_bytes", "Bytes of all objects", "gauge");
    printf("thumbq_source_bytes{%s} %" PRIu64 "\n", bucket, totals->source_bytes);
    print_head("thumbnail_bytes", "Bytes of all thumbnails", "gauge");
    printf("thumbq_thumbnail_bytes{%s} %" PRIu64 "\n", bucket, totals->thumbnail_bytes);
}

/* Prints a sample for each state of an alarm: 1 for the current state, else 0. */
static bool print_alarms(const Context *context, const char *bucket, GError **error)
{
    const Config *config = context->config;

    if (config->n_alarms > 0)
        print_head("alarm_state", "States of alarms: 1 for the one that it is in", "gauge");
    for (size_t i = 0; i < config->n_alarms; i++) {
        AlarmStatus alarm;
        if (!metrics_get_alarm(context, &config->alarms[i], &alarm, error))
            return false;
        for (int state = 0; state < ALARM_STATES; state++)
            printf("thumbq_alarm_state{%s,alarm=\"%s\",state=\"%s\"} %d\n", bucket,
                   config->alarms[i].name, alarm_state_name((AlarmState)state),
                   alarm.now.state == (AlarmState)state);
    }
    return true;
}

/* Reports whether the daemon runs. Prints nothing if this user may not ask it. */
static void print_daemon(const Context *context, const char *bucket)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    g_autofree char *store = daemon_store_path(context->bucket, context->config);
    g_autofree char *data = g_build_filename(store, "data.mdb", NULL);
    DaemonState daemon = daemon_probe(state);
    struct stat st;

    if (daemon != DAEMON_UNKNOWN) {
        print_head("daemon_up", "1 while a daemon runs on the bucket", "gauge");
        printf("thumbq_daemon_up{%s} %d\n", bucket, daemon == DAEMON_UP);
    }
    if (stat(data, &st) != 0)
        return;
    print_head("last_commit_timestamp_seconds", "When the store was written last", "gauge");
    printf("thumbq_last_commit_timestamp_seconds{%s} %" PRId64 "\n", bucket,
           (int64_t)st.st_mtim.tv_sec);
}

static bool print_schedules(const Context *context, const char *bucket, GError **error)
{
    const Config *config = context->config;

    if (config->n_schedules > 0)
        print_head("schedule_last_success_timestamp_seconds",
                   "End of the last run that was ok; 0 before the first", "gauge");
    for (size_t i = 0; i < config->n_schedules; i++) {
        const char *name = config->schedules[i].name;
        ScheduleState schedule = {0};
        bool found;
        if (!store_get_schedule(context->snapshot, name, &found, &schedule, error))
            return false;
        printf("thumbq_schedule_last_success_timestamp_seconds{%s,schedule=\"%s\"} %" PRId64 "\n",
               bucket, name, schedule.succeeded_us / CLOCK_US_PER_SEC);
    }
    return true;
}

/* Returns the label bucket="PATH", escaped for the text format. It keeps apart several buckets in
 * one file. */
static char *bucket_label(const char *path)
{
    g_autofree char *valid = g_utf8_make_valid(path, -1);
    g_autoptr(GString) label = g_string_new("bucket=\"");

    for (const char *at = valid; *at; at++) {
        if (*at == '\n')
            g_string_append(label, "\\n");
        else if (*at == '\\' || *at == '"')
            g_string_append_printf(label, "\\%c", *at);
        else
            g_string_append_c(label, *at);
    }
    g_string_append_c(label, '"');
    return g_strdup(label->str);
}

static bool set_totals(const char *group, const ObjectTotals *totals, void *data)
{
    /* There is only one group. */
    (void)group;
    *(ObjectTotals *)data = *totals;
    return true;
}

bool metrics_print_prometheus(const Context *context, GError **error)
{
    g_autofree StoreMetrics *all = g_new(StoreMetrics, 1);
    g_autofree StoreMetrics *recent = g_new(StoreMetrics, 1);
    ObjectTotals totals = {0};
    const StoreFilter everything = {0};

    if (!store_metrics(context->snapshot, INT64_MIN, INT64_MAX, all, error) ||
        !store_metrics(context->snapshot, context->now_us - RECENT_US, context->now_us + 1, recent,
                       error) ||
        !store_totals(context->snapshot, &everything, STORE_BY_ALL, set_totals, &totals, error))
        return false;
    g_autofree char *bucket = bucket_label(context->bucket);
    print_metrics(bucket, &all->measures, &recent->measures, &totals);
    print_totals(bucket, &totals);
    print_daemon(context, bucket);
    return print_alarms(context, bucket, error) && print_schedules(context, bucket, error);
}
