/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_metrics.h"

#include "base/clock.h"
#include "model/histogram.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "thumbq_gateway_"

/* Histogram buckets: from 1.024 ms on, each bound four times the bound before, up to 17 s. */
#define FIRST_BITS 10
#define LAST_BITS  24
#define STEP_BITS  2

#define STATUS_MAX 600

/* The counts of one operation. */
typedef struct {
    uint64_t by_status[STATUS_MAX];
    uint64_t taken_bytes, sent_bytes;
    /* Microseconds. */
    Histogram duration;
} Operation;

struct Metrics {
    int64_t start_us;
    /* Name (static) -> Operation, owned. */
    GHashTable *operations;
    uint64_t throttled[THROTTLES];
};

Metrics *metrics_new(int64_t start_us)
{
    Metrics *metrics = g_new0(Metrics, 1);

    metrics->start_us = start_us;
    metrics->operations = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    return metrics;
}

void metrics_free(Metrics *metrics)
{
    if (!metrics)
        return;
    g_hash_table_destroy(metrics->operations);
    g_free(metrics);
}

void metrics_count(Metrics *metrics, const char *operation, const HttpOutcome *outcome)
{
    Operation *row = g_hash_table_lookup(metrics->operations, operation);

    if (!row) {
        row = g_new0(Operation, 1);
        g_hash_table_insert(metrics->operations, (void *)operation, row);
    }
    row->by_status[outcome->status < STATUS_MAX ? outcome->status : 0]++;
    row->taken_bytes += (uint64_t)outcome->taken_bytes;
    row->sent_bytes += (uint64_t)outcome->sent_bytes;
    histogram_add(&row->duration, outcome->duration_us);
}

void metrics_count_throttled(Metrics *metrics, Throttle reason)
{
    metrics->throttled[reason]++;
}

static void print_head(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# HELP " PREFIX "%s %s.\n# TYPE " PREFIX "%s %s\n", name, help,
                           name, type);
}

static void print_number(GString *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    print_head(out, name, type, help);
    g_string_append_printf(out, PREFIX "%s %" G_GUINT64_FORMAT "\n", name, value);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the operations in order. Owner: the caller frees the array. */
static GPtrArray *list_operations(const Metrics *metrics)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter iter;
    void *name;

    g_hash_table_iter_init(&iter, metrics->operations);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(names, name);
    g_ptr_array_sort(names, compare_names);
    return names;
}

static const char *seconds(double us, char text[static G_ASCII_DTOSTR_BUF_SIZE])
{
    return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, "%.6f", us / CLOCK_US_PER_SEC);
}

static void print_durations(GString *out, const char *name, const Histogram *duration)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    for (int bits = FIRST_BITS; bits <= LAST_BITS; bits += STEP_BITS) {
        const int64_t limit = INT64_C(1) << bits;
        g_string_append_printf(
            out,
            PREFIX "request_duration_seconds_bucket{operation=\"%s\",le=\"%s\"} %" G_GUINT64_FORMAT
                   "\n",
            name, seconds((double)limit, text), histogram_count_below(duration, limit));
    }
    g_string_append_printf(
        out,
        PREFIX "request_duration_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %" G_GUINT64_FORMAT
               "\n" PREFIX "request_duration_seconds_sum{operation=\"%s\"} %s\n" PREFIX
               "request_duration_seconds_count{operation=\"%s\"} %" G_GUINT64_FORMAT "\n",
        name, duration->count, name, seconds((double)duration->sum, text), name, duration->count);
}

static void print_requests(const Metrics *metrics, const GPtrArray *names, GString *out)
{
    print_head(out, "requests_total", "counter",
               "Requests by operation and status; status 0: cut before the answer");
    for (guint i = 0; i < names->len; i++) {
        const Operation *row = g_hash_table_lookup(metrics->operations, names->pdata[i]);
        for (unsigned status = 0; status < STATUS_MAX; status++) {
            if (row->by_status[status] > 0)
                g_string_append_printf(
                    out,
                    PREFIX "requests_total{operation=\"%s\",status=\"%u\"} %" G_GUINT64_FORMAT "\n",
                    (const char *)names->pdata[i], status, row->by_status[status]);
        }
    }
}

static void print_bytes(const Metrics *metrics, const GPtrArray *names, bool sent, GString *out)
{
    const char *name = sent ? "sent_bytes_total" : "received_bytes_total";

    print_head(out, name, "counter",
               sent ? "Bytes of the bodies of whole answers" : "Bytes of the bodies of requests");
    for (guint i = 0; i < names->len; i++) {
        const Operation *row = g_hash_table_lookup(metrics->operations, names->pdata[i]);
        g_string_append_printf(out, PREFIX "%s{operation=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
                               (const char *)names->pdata[i],
                               sent ? row->sent_bytes : row->taken_bytes);
    }
}

/* Resident memory of this process, bytes; 0: unknown. */
static uint64_t resident_bytes(void)
{
    g_autofree char *text = NULL;
    unsigned long long pages = 0;

    if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
        return 0;
    const char *second = strchr(text, ' ');
    if (second)
        pages = g_ascii_strtoull(second, NULL, 10);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void metrics_print(const Metrics *metrics, const MetricsState *state, GString *out)
{
    static const char *const reasons[THROTTLES] = {"rate", "quota"};
    g_autoptr(GPtrArray) names = list_operations(metrics);

    print_requests(metrics, names, out);
    print_head(out, "request_duration_seconds", "histogram",
               "Time from the request line to the end of the answer");
    for (guint i = 0; i < names->len; i++) {
        const Operation *row = g_hash_table_lookup(metrics->operations, names->pdata[i]);
        print_durations(out, names->pdata[i], &row->duration);
    }
    print_bytes(metrics, names, false, out);
    print_bytes(metrics, names, true, out);
    print_head(out, "throttled_requests_total", "counter",
               "Requests that were refused because of a usage plan");
    for (int reason = 0; reason < THROTTLES; reason++)
        g_string_append_printf(
            out, PREFIX "throttled_requests_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
            reasons[reason], metrics->throttled[reason]);
    print_number(out, "connections", "gauge", "Open connections", state->connections);
    print_number(out, "running_requests", "gauge", "Requests that have not ended",
                 state->exchanges);
    print_number(out, "buckets", "gauge", "Buckets that are served", state->buckets);
    print_number(out, "keys", "gauge", "Keys that are not revoked", state->keys);
    print_number(out, "resident_memory_bytes", "gauge", "Resident memory of the process",
                 resident_bytes());
    print_number(out, "start_time_seconds", "gauge", "Start of the process",
                 (uint64_t)(metrics->start_us / CLOCK_US_PER_SEC));
}

/* One metric of several texts: its head, and its samples. */
typedef struct {
    char *head;
    GString *samples;
} Family;

static void family_free(void *data)
{
    Family *family = data;

    g_free(family->head);
    g_string_free(family->samples, TRUE);
    g_free(family);
}

/* Finds the metric that a line "# HELP NAME ..." begins; makes it for the first text. */
static Family *find_family(const char *line, GHashTable *by_name, GPtrArray *ordered)
{
    const char *name = line + strlen("# HELP ");
    g_autofree char *key = g_strndup(name, strcspn(name, " "));
    Family *family = g_hash_table_lookup(by_name, key);

    if (family)
        return family;
    family = g_new0(Family, 1);
    family->samples = g_string_new(NULL);
    g_ptr_array_add(ordered, family);
    g_hash_table_insert(by_name, g_steal_pointer(&key), family);
    return family;
}

static void add_lines(const char *text, GHashTable *by_name, GPtrArray *ordered)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    Family *family = NULL;
    bool is_new = false;

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "# HELP ")) {
            family = find_family(*line, by_name, ordered);
            is_new = !family->head;
        }
        if (!family || !**line)
            continue;
        if (**line != '#') {
            g_string_append_printf(family->samples, "%s\n", *line);
        } else if (is_new) {
            char *head = g_strdup_printf("%s%s\n", family->head ? family->head : "", *line);
            g_free(family->head);
            family->head = head;
        }
    }
}

void metrics_join(const GPtrArray *texts, GString *out)
{
    g_autoptr(GHashTable) by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) ordered = g_ptr_array_new_with_free_func(family_free);

    for (guint i = 0; i < texts->len; i++)
        add_lines(texts->pdata[i], by_name, ordered);
    for (guint i = 0; i < ordered->len; i++) {
        const Family *family = ordered->pdata[i];
        g_string_append_printf(out, "%s%s", family->head, family->samples->str);
    }
}
