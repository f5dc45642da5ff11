/* SPDX-License-Identifier: Apache-2.0 */
/* The command `stats`: prints totals of the bucket, or a row for each group. */
#include "asking.h"
#include "base/error.h"
#include "command.h"
#include "daemon/window.h"
#include "disk_space.h"
#include "model/stats_json.h"
#include "views/csv.h"
#include "views/json_out.h"
#include "views/stats_views.h"

#include <inttypes.h>
#include <stdio.h>

static const CommandOption options[] = {
    {"by", OPTION_TEXT, "type|state|day|month|prefix|size", offsetof(StatsOptions, by),
     "a row for each; days are those that 'list' prints"},
    {"json", OPTION_FLAG, NULL, offsetof(StatsOptions, json), "one JSON object"},
    {"csv", OPTION_FLAG, NULL, offsetof(StatsOptions, csv),
     "comma-separated values, with a heading, safe to open in a spreadsheet; --csv=raw, for "
     "programs, has no ' before fields that look like formulas"},
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

static bool visit_all(const char *group, const ObjectTotals *totals, void *data)
{
    /* There is only one group. */
    (void)group;
    *(ObjectTotals *)data = *totals;
    return true;
}

typedef struct {
    ObjectTotals all;
    json_t *by_type;
} TypeView;

/* Adds a group to the totals: types are disjoint, so one pass over the objects gives both. */
static bool visit_type(const char *group, const ObjectTotals *totals, void *data)
{
    TypeView *view = data;
    json_array_append_new(view->by_type, stats_type_json(group, totals));
    object_totals_add(&view->all, totals);
    return true;
}

static bool print_totals_json(Context *context, GError **error)
{
    TypeView types = {.by_type = json_array()};
    InvocationFigures invocations;
    ReserveSpace space;
    StoreWindow window;
    uint64_t away;
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_TYPE, visit_type, &types,
                      error) ||
        !store_away(context->snapshot, &context->filter, &away, error) ||
        !store_invocations(context->snapshot, INT64_MIN, INT64_MAX, &invocations, error) ||
        !store_get_window(context->snapshot, &window, error)) {
        json_decref(types.by_type);
        return false;
    }
    json_out_print(stats_json(&(Stats){
        .bucket = context->bucket,
        .is_filtered = !store_filter_is_empty(&context->filter),
        .objects = &types.all,
        .away = away,
        .by_type = types.by_type,
        .invocations = &invocations,
        .is_backfill_paused = window_is_closed(context->config, &window),
        .is_disk_low = disk_space_is_low(context, &space),
    }));
    return true;
}

static bool print_totals_csv(Context *context, GError **error)
{
    static const char *const columns[] = {
        "objects",      "pending",    "running",         "done", "skipped", "dead", "damaged",
        "source_bytes", "thumbnails", "thumbnail_bytes", "away"};
    ObjectTotals all = {0};
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
    if (context->asking && !stats->by)
        return asking_print(context->asking, error);
    bool ok = stats->by     ? stats_print_groups(context, stats, error)
              : stats->json ? print_totals_json(context, error)
              : stats->csv  ? print_totals_csv(context, error)
                            : stats_print_view(context, error);
    return ok ? 0 : -1;
}
