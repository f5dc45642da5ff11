/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the metrics as tables with sparklines. */
#include "views/metrics_views.h"

#include "base/clock.h"
#include "base/units.h"
#include "config/alarm_settings.h"
#include "views/chart.h"
#include "views/table.h"
#include "views/terminal.h"

#include <math.h>
#include <stdio.h>

#define MINUTES(n) ((n)*CLOCK_MINUTE_US)
#define HOURS(n)   ((n)*CLOCK_HOUR_US)
#define DAYS(n)    ((n)*CLOCK_DAY_US)

/* Cells of a sparkline, at most. The rest of 80 columns is for the tables beside it. */
#define CELLS_MAX 24

/* Measurements for each cell of a sparkline. */
typedef struct {
    /* Time that one cell covers. */
    int64_t cell_us;
    /* 0 means no sparklines. */
    size_t n;
    StoreMetrics *cells;
} History;

static void history_clear(History *history)
{
    g_clear_pointer(&history->cells, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(History, history_clear)

/* Returns the shortest round cell time with which CELLS_MAX cells cover `span_us`. */
static int64_t choose_cell(int64_t span_us)
{
    static const int64_t round_ones[] = {MINUTES(1),  MINUTES(2),  MINUTES(5), MINUTES(10),
                                         MINUTES(15), MINUTES(30), HOURS(1),   HOURS(2),
                                         HOURS(3),    HOURS(6),    HOURS(12),  DAYS(1),
                                         DAYS(2),     DAYS(7),     DAYS(14),   DAYS(30)};

    for (size_t i = 0; i < G_N_ELEMENTS(round_ones); i++) {
        if (span_us <= CELLS_MAX * round_ones[i])
            return round_ones[i];
    }
    return (span_us / CELLS_MAX / DAYS(1) + 1) * DAYS(1);
}

/* Reads the history. The newest cell ends with the current minute. */
static bool read_history(const Context *context, const StoreMetrics *metrics, History *history,
                         GError **error)
{
    int64_t span_us = metrics->until_us - metrics->since_us;

    if (span_us <= 0 || !terminal_is_interactive())
        return true;
    history->cell_us = choose_cell(span_us);
    history->n = (size_t)((span_us + history->cell_us - 1) / history->cell_us);
    history->cells = g_new(StoreMetrics, history->n);
    for (size_t i = 0; i < history->n; i++) {
        int64_t since_us = metrics->until_us - (int64_t)(history->n - i) * history->cell_us;
        if (!store_metrics(context->snapshot, since_us, since_us + history->cell_us,
                           &history->cells[i], error))
            return false;
    }
    return true;
}

/* Returns a sparkline; NULL if there is no history. Owner: the caller frees. */
static char *sparkline(const History *history, Metric metric, Statistic statistic)
{
    double values[CELLS_MAX];

    if (history->n == 0)
        return NULL;
    for (size_t i = 0; i < history->n; i++) {
        if (!measures_statistic(&history->cells[i].measures, metric, statistic, &values[i]))
            values[i] = metric_info(metric)->kind == METRIC_SUM ? 0 : NAN;
    }
    return chart_sparkline(values, history->n);
}

/* Formats whole minutes as "5 min" or "1 h". Owner: the caller frees. */
static char *format_span(int64_t span_us)
{
    if (span_us % DAYS(1) == 0)
        return g_strdup_printf("%d d", (int)(span_us / DAYS(1)));
    if (span_us % HOURS(1) == 0)
        return g_strdup_printf("%d h", (int)(span_us / HOURS(1)));
    return g_strdup_printf("%d min", (int)(span_us / MINUTES(1)));
}

static char *format_value(const MetricInfo *info, int64_t value)
{
    if (g_str_equal(info->unit, "Bytes"))
        return units_format_bytes(value);
    if (g_str_equal(info->unit, "Milliseconds") && value == 0)
        return g_strdup("0 ms");
    if (g_str_equal(info->unit, "Milliseconds"))
        return terminal_duration((int64_t)((double)value * info->scale * CLOCK_US_PER_MS));
    return units_format_count(value);
}

/* Metrics of interest to people. The bill has its own command. */
static bool is_shown(Metric metric)
{
    return metric != METRIC_BILLED_DURATION && metric != METRIC_BILLED_MEMORY;
}

static bool is_problem(Metric metric, int64_t value)
{
    bool is_bad = metric == METRIC_ERRORS || metric == METRIC_EVENTS_DROPPED ||
                  metric == METRIC_DEAD_LETTER_ERRORS || metric == METRIC_DEAD_LETTERS;
    return is_bad && value > 0;
}

static void print_values(const Measures *measures, const History *history)
{
    g_autofree char *span = format_span(history->cell_us);
    const char *legend = chart_legend();
    g_autofree char *title = g_strdup_printf("a cell is %s%s%s", span, *legend ? "; " : "", legend);
    const TableColumn columns[] = {
        {"metric", TABLE_TEXT}, {"", TABLE_TEXT}, {"value", TABLE_FIGURE}, {title, TABLE_TEXT}};
    g_autoptr(TextTable) table = table_new(columns, history->n > 0 ? 4 : 3);

    for (Metric metric = 0; metric < METRIC_DISTRIBUTIONS_FROM; metric++) {
        const MetricInfo *info = metric_info(metric);
        bool is_sum = info->kind == METRIC_SUM;
        Statistic statistic = {.type = is_sum ? STATISTIC_SUM : STATISTIC_MAXIMUM};
        if (!is_shown(metric))
            continue;
        g_autofree char *value = format_value(info, measures->values[metric]);
        g_autofree char *line = sparkline(history, metric, statistic);
        const char *cells[] = {info->name, is_sum ? "sum" : "max", value, line};
        table_add(table, cells,
                  is_problem(metric, measures->values[metric]) ? 2 : TABLE_NO_PROBLEM);
    }
    table_print_below(table);
}

static void print_distributions(const Measures *measures, const History *history)
{
    const TableColumn columns[] = {{"time", TABLE_TEXT},  {"p50", TABLE_FIGURE},
                                   {"p90", TABLE_FIGURE}, {"p99", TABLE_FIGURE},
                                   {"max", TABLE_FIGURE}, {"p90 over time", TABLE_TEXT}};
    static const double quantiles[] = {0.50, 0.90, 0.99};
    const Statistic p90 = {STATISTIC_PERCENTILE, 90};
    g_autoptr(TextTable) table = table_new(columns, history->n > 0 ? 6 : 5);

    for (Metric metric = METRIC_DISTRIBUTIONS_FROM; metric < METRICS; metric++) {
        const Histogram *histogram = measures_distribution(measures, metric);
        char *cells[6] = {g_strdup(metric_info(metric)->name)};
        for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++)
            cells[1 + i] = terminal_duration(histogram_quantile(histogram, quantiles[i]));
        cells[4] = terminal_duration(histogram->max);
        cells[5] = sparkline(history, metric, p90);
        table_add(table, (const char *const *)cells, TABLE_NO_PROBLEM);
        for (size_t i = 0; i < G_N_ELEMENTS(cells); i++)
            g_free(cells[i]);
    }
    table_print_below(table);
}

/* Explains figures that look bad in a first run but are no fault. */
static void print_notes(const Measures *measures)
{
    if (!terminal_is_interactive())
        return;
    if (measures->values[METRIC_THROTTLES] > 0)
        puts("\nThrottles are objects that had to wait because every handler was busy: in a\n"
             "first run, or with many uploads at once, that is nearly all of them.");
    if (measures_distribution(measures, METRIC_LATENCY)->max > 0)
        puts("\nLatency and AsyncEventAge begin with the upload, or for files that lay there\n"
             "when they were found, and include the wait in the queue.");
}

/* Returns the rule of an alarm, such as "p99 Duration >= 2000 ms, 2 of 3 x 5 min". Owner: the
 * caller frees. */
static char *describe_alarm(const AlarmConfig *config)
{
    char threshold[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *statistic = metric_format_statistic(config_alarm_settings(config).statistic);
    g_autofree char *period = format_span(config->period_us);
    const MetricInfo *info = metric_info(config->metric);
    bool is_time = info->kind == METRIC_DISTRIBUTION;

    (void)g_ascii_formatd(threshold, sizeof threshold, "%.6g", config->threshold);
    return g_strdup_printf("%s%s%s %s %s%s, %d of %d x %s", is_time ? statistic : "",
                           is_time ? " " : "", info->name, comparison_name(config->comparison),
                           threshold, is_time ? " ms" : "", config->datapoints.breaching,
                           config->datapoints.of, period);
}

static bool print_alarms(const Context *context, GError **error)
{
    static const TableColumn columns[] = {
        {"alarm", TABLE_TEXT}, {"state", TABLE_TEXT}, {"since", TABLE_TEXT}, {"when", TABLE_NAME}};
    const Config *config = context->config;
    g_autoptr(TextTable) table = table_new(columns, G_N_ELEMENTS(columns));

    for (size_t i = 0; i < config->n_alarms; i++) {
        AlarmStatus alarm;
        if (!metrics_get_alarm(context, &config->alarms[i], &alarm, error))
            return false;
        g_autofree char *when = describe_alarm(&config->alarms[i]);
        g_autofree char *since =
            alarm.now.time_us ? terminal_date(alarm.now.time_us, true) : g_strdup("");
        const char *cells[] = {config->alarms[i].name, alarm_state_name(alarm.now.state), since,
                               when};
        table_add(table, cells, alarm.now.state == ALARM_ALARM ? 1 : TABLE_NO_PROBLEM);
    }
    table_print_below(table);
    return true;
}

bool metrics_print_view(const Context *context, const StoreMetrics *metrics, GError **error)
{
    g_auto(History) history = {0};
    g_autofree char *since = terminal_date(metrics->since_us, true);
    g_autofree char *until = terminal_date(context->now_us, true);

    if (!read_history(context, metrics, &history, error))
        return false;
    printf("%s to %s UTC\n", since, until);
    print_values(&metrics->measures, &history);
    print_distributions(&metrics->measures, &history);
    print_notes(&metrics->measures);
    return print_alarms(context, error);
}
