#include "clock.h"
#include "command.h"
#include "error.h"
#include "json_out.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

#define HOUR_US       (3600 * CLOCK_US_PER_SEC)
#define DEFAULT_HOURS 24

typedef struct {
    const char *since;
    bool json;
    bool prometheus;
} MetricsOptions;

static const Option options[] = {
    {"since", OPTION_TEXT, "TIME", offsetof(MetricsOptions, since),
     "from the hour of TIME on: 2026-01-31, 2026-01-31T12:00, 7d, 12h; default: 24h"},
    {"json", OPTION_FLAG, NULL, offsetof(MetricsOptions, json), "one JSON object"},
    {"prometheus", OPTION_FLAG, NULL, offsetof(MetricsOptions, prometheus),
     "all time, in the text format of Prometheus"},
    {NULL},
};

const CommandUsage usage_metrics = {
    .about = "Counts invocations and says how long they took. Duration is the handler's; Latency "
             "is from\n"
             "the upload to the end of its work. Metrics are kept by the hour.",
    .examples = "thumbq metrics photos\n"
                "thumbq metrics --since 7d --json photos\n"
                "thumbq metrics --prometheus photos",
    .options = options,
    .values_size = sizeof(MetricsOptions),
};

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static void add_count(json_t *metrics, const char *name, uint64_t sum)
{
    json_t *metric = json_object();
    json_object_set_new(metric, "unit", json_string("Count"));
    json_object_set_new(metric, "sum", json_integer((json_int_t)sum));
    json_object_set_new(metrics, name, metric);
}

static void add_quantiles(json_t *metrics, const char *name, const StoreQuantiles *quantiles)
{
    json_t *metric = json_object();
    json_object_set_new(metric, "unit", json_string("Milliseconds"));
    json_object_set_new(metric, "p50", json_out_ms(quantiles->p50));
    json_object_set_new(metric, "p90", json_out_ms(quantiles->p90));
    json_object_set_new(metric, "p99", json_out_ms(quantiles->p99));
    json_object_set_new(metric, "max", json_out_ms(quantiles->max));
    json_object_set_new(metrics, name, metric);
}

static void print_json(const StoreInvocations *invocations, int64_t since_us, int64_t until_us)
{
    json_t *metrics = json_object();
    add_count(metrics, "Invocations", invocations->invocations);
    add_count(metrics, "Errors", invocations->errors);
    add_count(metrics, "Retries", invocations->retries);
    add_quantiles(metrics, "Duration", &invocations->duration);
    add_quantiles(metrics, "Latency", &invocations->latency);
    json_t *object = json_object();
    json_object_set_new(object, "since", json_out_seconds(since_us));
    json_object_set_new(object, "until", json_out_seconds(until_us));
    json_object_set_new(object, "metrics", metrics);
    json_out_print(object);
}

/* ---- Prometheus ---------------------------------------------------------------------------------
 */

static void print_counter(const char *name, const char *help, uint64_t value)
{
    printf("# HELP thumbq_%s %s\n# TYPE thumbq_%s counter\nthumbq_%s %" PRIu64 "\n", name, help,
           name, name, value);
}

static void print_summary(const char *name, const char *help, const StoreQuantiles *quantiles)
{
    const struct {
        const char *quantile;
        int64_t value_us;
    } rows[] = {{"0.5", quantiles->p50},
                {"0.9", quantiles->p90},
                {"0.99", quantiles->p99},
                {"1", quantiles->max}};
    printf("# HELP thumbq_%s %s\n# TYPE thumbq_%s summary\n", name, help, name);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        printf("thumbq_%s{quantile=\"%s\"} %.6f\n", name, rows[i].quantile,
               (double)rows[i].value_us / CLOCK_US_PER_SEC);
    }
    printf("thumbq_%s_count %" PRIu64 "\n", name, quantiles->count);
}

static bool keep_totals(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* there is one only */
    *(StoreTotals *)data = *totals;
    return true;
}

static bool print_prometheus(const Context *context, GError **error)
{
    StoreInvocations invocations;
    StoreTotals totals = {0};
    const StoreFilter all = {0};
    if (!store_invocations(context->snapshot, INT64_MIN, INT64_MAX, &invocations, error) ||
        !store_totals(context->snapshot, &all, STORE_BY_ALL, keep_totals, &totals, error))
        return false;
    print_counter("invocations_total", "Invocations of the handler.", invocations.invocations);
    print_counter("errors_total", "Invocations that failed.", invocations.errors);
    print_counter("retries_total", "Invocations that were tried again.", invocations.retries);
    print_summary("duration_seconds", "Duration of an invocation.", &invocations.duration);
    print_summary("latency_seconds", "From upload to the end of the work.", &invocations.latency);
    printf("# HELP thumbq_objects Objects by state.\n# TYPE thumbq_objects gauge\n");
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        printf("thumbq_objects{state=\"%s\"} %" PRIu64 "\n", state_name((ObjectState)state),
               totals.by_state[state]);
    }
    printf("# HELP thumbq_source_bytes Bytes of all objects.\n# TYPE thumbq_source_bytes gauge\n"
           "thumbq_source_bytes %" PRIu64 "\n",
           totals.source_bytes);
    printf("# HELP thumbq_thumbnail_bytes Bytes of all thumbnails.\n"
           "# TYPE thumbq_thumbnail_bytes gauge\nthumbq_thumbnail_bytes %" PRIu64 "\n",
           totals.thumbnail_bytes);
    return true;
}

/* ---- for people ---------------------------------------------------------------------------------
 */

#define SPARKS_MAX 48

/* Invocations over time, one bar per hour or, for a longer time, per as many hours as are needed.
 */
static bool print_sparkline(const Context *context, int64_t since_us, int64_t until_us,
                            GError **error)
{
    static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const uint64_t top = G_N_ELEMENTS(bars) - 1;
    int64_t hours = (until_us - since_us + HOUR_US - 1) / HOUR_US;
    int64_t step_us = (hours + SPARKS_MAX - 1) / SPARKS_MAX * HOUR_US;
    uint64_t sums[SPARKS_MAX] = {0}, most = 0;
    size_t n = 0;
    for (int64_t at = since_us; at < until_us && n < SPARKS_MAX; at += step_us, n++) {
        StoreInvocations invocations;
        if (!store_invocations(context->snapshot, at, at + step_us, &invocations, error))
            return false;
        sums[n] = invocations.invocations;
        most = MAX(most, sums[n]);
    }
    if (most == 0)
        return true;
    printf("\n");
    for (size_t i = 0; i < n; i++)
        fputs(bars[(sums[i] * top + most - 1) / most], stdout);
    printf("  invocations, a bar is %" PRId64 " h\n", step_us / HOUR_US);
    return true;
}

static void add_row(Table *table, const char *name, const StoreQuantiles *quantiles)
{
    g_autofree char *p50 = terminal_duration(quantiles->p50);
    g_autofree char *p90 = terminal_duration(quantiles->p90);
    g_autofree char *p99 = terminal_duration(quantiles->p99);
    g_autofree char *max = terminal_duration(quantiles->max);
    const char *cells[] = {name, p50, p90, p99, max};
    table_add(table, cells, TABLE_NO_PROBLEM);
}

static bool print_text(const Context *context, const StoreInvocations *invocations,
                       int64_t since_us, int64_t until_us, GError **error)
{
    static const TableColumn columns[] = {
        {"", false}, {"p50", true}, {"p90", true}, {"p99", true}, {"max", true}};
    char since[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
    g_autofree char *count = units_format_count((int64_t)invocations->invocations);
    g_autofree char *errors = units_format_count((int64_t)invocations->errors);
    g_autofree char *retries = units_format_count((int64_t)invocations->retries);
    printf("%s to %s\n\nInvocations %11s\nErrors      %11s\nRetries     %11s\n",
           clock_format_seconds(since_us, since), clock_format_seconds(until_us, until), count,
           errors, retries);
    if (invocations->invocations > 0) {
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        add_row(table, "Duration", &invocations->duration);
        add_row(table, "Latency", &invocations->latency);
        table_print_below(table);
    }
    /* The bars are UTF-8. */
    bool draw = terminal_is_interactive() && g_get_charset(NULL);
    return !draw || print_sparkline(context, since_us, until_us, error);
}

int cmd_metrics(Context *context, GError **error)
{
    const MetricsOptions *metrics = context->options;
    if (metrics->prometheus && (metrics->since || metrics->json)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "--prometheus prints all time: it goes with neither --since nor --json");
        return -1;
    }
    if (metrics->prometheus)
        return print_prometheus(context, error) ? 0 : -1;

    int64_t since_us = context->now_us - DEFAULT_HOURS * HOUR_US;
    if (metrics->since && !clock_parse_time(metrics->since, context->now_us, &since_us, error)) {
        g_prefix_error(error, "--since: ");
        return -1;
    }
    since_us -= since_us % HOUR_US; /* what the figures are of */
    int64_t until_us = MAX(context->now_us, since_us);
    StoreInvocations invocations;
    if (!store_invocations(context->snapshot, since_us, until_us, &invocations, error))
        return -1;
    if (metrics->json)
        print_json(&invocations, since_us, until_us);
    else if (!print_text(context, &invocations, since_us, until_us, error))
        return -1;
    return 0;
}
