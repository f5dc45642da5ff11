/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "csv.h"
#include "error.h"
#include "json_out.h"
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>

static const Option options[] = {
    {"by", OPTION_TEXT, "type|state|day|month|prefix|size", offsetof(StatsOptions, by),
     "a row for each; days are those that 'list' prints"},
    {"json", OPTION_FLAG, NULL, offsetof(StatsOptions, json), "one JSON object"},
    {"csv", OPTION_FLAG, NULL, offsetof(StatsOptions, csv),
     "comma-separated values, with a heading, safe to open in a spreadsheet; --csv=raw, for "
     "programs, puts no ' before what looks like a formula"},
    {"csv=raw", OPTION_FLAG, NULL, offsetof(StatsOptions, csv_raw), NULL},
    {NULL},
};

const CommandUsage usage_stats = {
    .about =
        "Counts objects, bytes, thumbnails and invocations. Filters select objects; the figures "
        "of\n"
        "invocations are always those of the whole bucket, and are printed without filters only.",
    .examples = "thumbq stats photos\n"
                "thumbq stats --by month photos\n"
                "thumbq stats --by type --min-size 2M photos\n"
                "thumbq stats --json photos",
    .options = options,
    .values_size = sizeof(StatsOptions),
};

static bool visit_all(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* there is one only */
    *(StoreTotals *)data = *totals;
    return true;
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

typedef struct {
    StoreTotals all;
    json_t *by_type;
} Totals;

/* The types add up to the whole: what a filter selects is read once. */
static bool visit_type(const char *group, const StoreTotals *totals, void *data)
{
    Totals *view = data;
    json_t *type = json_object();
    json_object_set_new(type, "type", json_out_text(group));
    json_object_set_new(type, "objects", json_integer((json_int_t)totals->objects));
    json_object_set_new(type, "bytes", json_integer((json_int_t)totals->source_bytes));
    json_array_append_new(view->by_type, type);
    stats_add(&view->all, totals);
    return true;
}

static json_t *quantiles_json(const StoreQuantiles *quantiles)
{
    json_t *object = json_object();
    json_object_set_new(object, "p50", json_out_ms(quantiles->p50));
    json_object_set_new(object, "p90", json_out_ms(quantiles->p90));
    json_object_set_new(object, "p99", json_out_ms(quantiles->p99));
    json_object_set_new(object, "max", json_out_ms(quantiles->max));
    return object;
}

static json_t *invocations_json(const StoreInvocations *invocations, bool filtered)
{
    json_t *object = json_object();
    json_object_set_new(object, "count", json_integer((json_int_t)invocations->invocations));
    json_object_set_new(object, "errors", json_integer((json_int_t)invocations->errors));
    json_object_set_new(object, "retries", json_integer((json_int_t)invocations->retries));
    json_object_set_new(object, "duration_ms", quantiles_json(&invocations->duration));
    json_object_set_new(object, "latency_ms", quantiles_json(&invocations->latency));
    if (filtered) /* they count invocations, which the filters do not select */
        json_object_set_new(object, "scope", json_string("bucket"));
    return object;
}

static json_t *objects_json(const StoreTotals *all, uint64_t away)
{
    json_t *objects = json_object();
    json_object_set_new(objects, "total", json_integer((json_int_t)all->objects));
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        json_object_set_new(objects, state_name((ObjectState)state),
                            json_integer((json_int_t)all->by_state[state]));
    }
    json_object_set_new(objects, "damaged", json_integer((json_int_t)all->damaged));
    json_object_set_new(objects, "away", json_integer((json_int_t)away));
    return objects;
}

static bool print_totals_json(Context *context, GError **error)
{
    Totals totals = {.by_type = json_array()};
    StoreInvocations invocations;
    uint64_t away;
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_TYPE, visit_type, &totals,
                      error) ||
        !store_away(context->snapshot, &context->filter, &away, error) ||
        !store_invocations(context->snapshot, INT64_MIN, INT64_MAX, &invocations, error)) {
        json_decref(totals.by_type);
        return false;
    }
    json_t *thumbnails = json_object();
    json_object_set_new(thumbnails, "count", json_integer((json_int_t)totals.all.thumbnails));
    json_object_set_new(thumbnails, "bytes", json_integer((json_int_t)totals.all.thumbnail_bytes));
    json_t *object = json_object();
    json_out_set_bytes(object, "bucket", context->bucket);
    json_object_set_new(object, "objects", objects_json(&totals.all, away));
    json_object_set_new(object, "source_bytes", json_integer((json_int_t)totals.all.source_bytes));
    json_object_set_new(object, "thumbnails", thumbnails);
    json_object_set_new(object, "by_type", totals.by_type);
    json_object_set_new(object, "invocations",
                        invocations_json(&invocations, !store_filter_is_empty(&context->filter)));
    json_out_print(object);
    return true;
}

/* ---- CSV ----------------------------------------------------------------------------------------
 */

static bool print_totals_csv(Context *context, GError **error)
{
    static const char *const columns[] = {
        "objects",      "pending",    "running",         "done", "skipped", "dead", "damaged",
        "source_bytes", "thumbnails", "thumbnail_bytes", "away"};
    StoreTotals all = {0};
    uint64_t away;
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_ALL, visit_all, &all, error) ||
        !store_away(context->snapshot, &context->filter, &away, error))
        return false;
    csv_print(columns, G_N_ELEMENTS(columns));
    const uint64_t figures[G_N_ELEMENTS(columns)] = {
        all.objects,
        all.by_state[STATE_PENDING],
        all.by_state[STATE_RUNNING],
        all.by_state[STATE_DONE],
        all.by_state[STATE_SKIPPED],
        all.by_state[STATE_DEAD],
        all.damaged,
        all.source_bytes,
        all.thumbnails,
        all.thumbnail_bytes,
        away,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        printf("%s%" PRIu64, i ? "," : "", figures[i]);
    putchar('\n');
    return true;
}

void stats_add(StoreTotals *sum, const StoreTotals *totals)
{
    sum->objects += totals->objects;
    for (int state = 0; state < STATES_END; state++)
        sum->by_state[state] += totals->by_state[state];
    sum->damaged += totals->damaged;
    sum->source_bytes += totals->source_bytes;
    sum->thumbnails += totals->thumbnails;
    sum->thumbnail_bytes += totals->thumbnail_bytes;
}

int cmd_stats(Context *context, GError **error)
{
    StatsOptions chosen = *(const StatsOptions *)context->options;
    const StatsOptions *stats = &chosen;
    chosen.csv |= chosen.csv_raw;
    csv_set_raw(chosen.csv_raw);
    if (stats->json && stats->csv) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--json and --csv exclude each other");
        return -1;
    }
    bool ok = stats->by     ? stats_print_groups(context, stats, error)
              : stats->json ? print_totals_json(context, error)
              : stats->csv  ? print_totals_csv(context, error)
                            : stats_print_view(context, error);
    return ok ? 0 : -1;
}
