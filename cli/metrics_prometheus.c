#include "metrics.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>

/* Maxima are of the last minutes: of all time, they would tell nothing soon. */
#define RECENT_US (5 * 60 * CLOCK_US_PER_SEC)

/* Buckets of times: from 1.024 ms on, each twice the one before, up to five hours. */
#define BUCKET_FIRST_BITS 10
#define BUCKET_LAST_BITS  34

/* As exact as what was counted, whatever the locale. */
static const char *number(double value, char text[static G_ASCII_DTOSTR_BUF_SIZE])
{
    return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, "%.15g", value);
}

static void print_head(const char *name, const char *help, const char *type)
{
    printf("# HELP thumbq_%s %s.\n# TYPE thumbq_%s %s\n", name, help, name, type);
}

static void print_value(const MetricInfo *info, const char *type, int64_t value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    print_head(info->prometheus, info->help, type);
    if (info->prometheus_scale == 1)
        printf("thumbq_%s %" PRId64 "\n", info->prometheus, value);
    else
        printf("thumbq_%s %s\n", info->prometheus,
               number((double)value * info->prometheus_scale, text));
}

static void print_histogram(const MetricInfo *info, const Histogram *histogram)
{
    const char *name = info->prometheus;
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    print_head(name, info->help, "histogram");
    for (int bits = BUCKET_FIRST_BITS; bits <= BUCKET_LAST_BITS; bits++) {
        int64_t limit = INT64_C(1) << bits;
        (void)g_ascii_formatd(text, sizeof text, "%.6f", (double)limit / CLOCK_US_PER_SEC);
        printf("thumbq_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, text,
               histogram_count_below(histogram, limit));
    }
    printf("thumbq_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, histogram->count);
    printf("thumbq_%s_sum %s\n", name,
           number((double)histogram->sum * info->prometheus_scale, text));
    printf("thumbq_%s_count %" PRIu64 "\n", name, histogram->count);
}

static void print_metrics(const Measures *all, const Measures *recent, const StoreTotals *totals)
{
    for (Metric metric = 0; metric < METRICS; metric++) {
        const MetricInfo *info = metric_info(metric);
        switch (info->kind) {
        case METRIC_SUM:
            print_value(info, "counter", all->values[metric]);
            break;
        case METRIC_MAXIMUM:
            print_value(info, "gauge", recent->values[metric]);
            break;
        case METRIC_LEVEL: /* as it is now */
            print_value(info, "gauge",
                        (int64_t)totals
                            ->by_state[metric == METRIC_DEAD_LETTERS ? STATE_DEAD : STATE_PENDING]);
            break;
        case METRIC_DISTRIBUTION:
            print_histogram(info, measures_distribution(all, metric));
            break;
        }
    }
}

static void print_totals(const StoreTotals *totals)
{
    print_head("objects", "Objects by state", "gauge");
    for (int state = STATE_PENDING; state < STATES_END; state++)
        printf("thumbq_objects{state=\"%s\"} %" PRIu64 "\n", state_name((ObjectState)state),
               totals->by_state[state]);
    print_head("source_bytes", "Bytes of all objects", "gauge");
    printf("thumbq_source_bytes %" PRIu64 "\n", totals->source_bytes);
    print_head("thumbnail_bytes", "Bytes of all thumbnails", "gauge");
    printf("thumbq_thumbnail_bytes %" PRIu64 "\n", totals->thumbnail_bytes);
}

/* A sample for each state that there is, 1 for the one that the alarm is in. */
static bool print_alarms(const Context *context, GError **error)
{
    const Config *config = context->config;

    if (config->n_alarms > 0)
        print_head("alarm_state", "States of alarms: 1 for the one that it is in", "gauge");
    for (size_t i = 0; i < config->n_alarms; i++) {
        StoreAlarm alarm;
        if (!metrics_get_alarm(context, &config->alarms[i], &alarm, error))
            return false;
        for (int state = 0; state < STORE_ALARM_STATES; state++)
            printf("thumbq_alarm_state{alarm=\"%s\",state=\"%s\"} %d\n", config->alarms[i].name,
                   store_alarm_state_name((StoreAlarmState)state),
                   alarm.now.state == (StoreAlarmState)state);
    }
    return true;
}

static bool keep_totals(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* there is one only */
    *(StoreTotals *)data = *totals;
    return true;
}

bool metrics_print_prometheus(const Context *context, GError **error)
{
    g_autofree StoreMetrics *all = g_new(StoreMetrics, 1);
    g_autofree StoreMetrics *recent = g_new(StoreMetrics, 1);
    StoreTotals totals = {0};
    const StoreFilter everything = {0};

    if (!store_metrics(context->snapshot, INT64_MIN, INT64_MAX, all, error) ||
        !store_metrics(context->snapshot, context->now_us - RECENT_US, context->now_us + 1, recent,
                       error) ||
        !store_totals(context->snapshot, &everything, STORE_BY_ALL, keep_totals, &totals, error))
        return false;
    print_metrics(&all->measures, &recent->measures, &totals);
    print_totals(&totals);
    return print_alarms(context, error);
}
