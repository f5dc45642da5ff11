#include "command.h"
#include "csv.h"
#include "error.h"
#include "json_out.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *by;
    bool json;
    bool csv;
} StatsOptions;

static const Option options[] = {
    {"by", OPTION_TEXT, "type|state|day|month|prefix", offsetof(StatsOptions, by),
     "a row per each; days and months in UTC, prefix is the first folder"},
    {"json", OPTION_FLAG, NULL, offsetof(StatsOptions, json), "one JSON object"},
    {"csv", OPTION_FLAG, NULL, offsetof(StatsOptions, csv),
     "comma-separated values, with a heading"},
    {NULL},
};

const CommandUsage usage_stats = {
    .about =
        "Counts objects, bytes, thumbnails and invocations. Filters select objects; the figures "
        "of\n"
        "invocations are always those of the whole bucket, and are printed without filters only.",
    .examples = "thumbq stats photos\n"
                "thumbq stats --by type --min-size 2M photos\n"
                "thumbq stats --json photos",
    .options = options,
    .values_size = sizeof(StatsOptions),
};

static const char *const by_names[] = {
    [STORE_BY_ALL] = "",    [STORE_BY_TYPE] = "type",   [STORE_BY_STATE] = "state",
    [STORE_BY_DAY] = "day", [STORE_BY_MONTH] = "month", [STORE_BY_PREFIX] = "prefix",
};

static bool parse_by(const char *text, StoreBy *ret_by, GError **error)
{
    for (size_t i = STORE_BY_TYPE; i < G_N_ELEMENTS(by_names); i++) {
        if (!strcmp(by_names[i], text)) {
            *ret_by = (StoreBy)i;
            return true;
        }
    }
    const char *nearest = units_nearest(text, by_names + 1, G_N_ELEMENTS(by_names) - 1);
    g_autofree char *hint = nearest ? g_strdup_printf("did you mean '%s'?", nearest)
                                    : g_strdup("it is type, state, day, month or prefix");
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--by: unknown grouping '%s'; %s", text, hint);
    return false;
}

/* ---- grouped ------------------------------------------------------------------------------------
 */

#define GROUP_COLUMNS 7

typedef struct {
    Table *table;   /* for people */
    json_t *groups; /* for --json; neither: CSV */
} GroupView;

static json_t *group_json(const char *group, const StoreTotals *totals)
{
    json_t *object = json_object();
    json_out_set_bytes(object, "group", group);
    json_object_set_new(object, "objects", json_integer((json_int_t)totals->objects));
    json_object_set_new(object, "source_bytes", json_integer((json_int_t)totals->source_bytes));
    json_object_set_new(object, "thumbnails", json_integer((json_int_t)totals->thumbnails));
    json_object_set_new(object, "thumbnail_bytes",
                        json_integer((json_int_t)totals->thumbnail_bytes));
    json_object_set_new(object, "done", json_integer((json_int_t)totals->by_state[STATE_DONE]));
    json_object_set_new(object, "dead", json_integer((json_int_t)totals->by_state[STATE_DEAD]));
    return object;
}

static void print_group_csv(const char *text, const StoreTotals *totals)
{
    const uint64_t figures[GROUP_COLUMNS - 1] = {
        totals->objects,         totals->source_bytes,         totals->thumbnails,
        totals->thumbnail_bytes, totals->by_state[STATE_DONE], totals->by_state[STATE_DEAD],
    };
    char numbers[GROUP_COLUMNS - 1][24];
    const char *fields[GROUP_COLUMNS] = {text};
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, figures[i]);
        fields[i + 1] = numbers[i];
    }
    csv_print(fields, GROUP_COLUMNS);
}

static void add_group_row(Table *table, const char *name, const StoreTotals *totals)
{
    g_autofree char *objects = units_format_count((int64_t)totals->objects);
    g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
    g_autofree char *thumbnails = units_format_count((int64_t)totals->thumbnails);
    g_autofree char *thumbnail_bytes = units_format_bytes((int64_t)totals->thumbnail_bytes);
    g_autofree char *done = units_format_count((int64_t)totals->by_state[STATE_DONE]);
    g_autofree char *dead = units_format_count((int64_t)totals->by_state[STATE_DEAD]);
    const char *cells[GROUP_COLUMNS] = {name, objects, bytes, thumbnails, thumbnail_bytes,
                                        done, dead};
    table_add(table, cells,
              totals->by_state[STATE_DEAD] > 0 ? GROUP_COLUMNS - 1 : TABLE_NO_PROBLEM);
}

static bool visit_group(const char *group, const StoreTotals *totals, void *data)
{
    GroupView *view = data;
    if (view->groups) {
        json_array_append_new(view->groups, group_json(group, totals));
        return true;
    }
    g_autofree char *text = object_key_to_text(group, NULL);
    if (!view->table)
        print_group_csv(text, totals);
    else /* "" are the objects that lie in the bucket itself */
        add_group_row(view->table, *text ? text : "./", totals);
    return true;
}

static bool print_grouped(Context *context, const StatsOptions *stats, StoreBy by, GError **error)
{
    const TableColumn columns[GROUP_COLUMNS] = {
        {by_names[by], false}, {"objects", true}, {"size", true}, {"thumbnails", true},
        {"size", true},        {"done", true},    {"dead", true},
    };
    static const char *const csv_columns[GROUP_COLUMNS] = {
        "group", "objects", "source_bytes", "thumbnails", "thumbnail_bytes", "done", "dead"};
    g_autoptr(Table) table = NULL;
    GroupView view = {0};
    if (stats->json)
        view.groups = json_array();
    else if (stats->csv)
        csv_print(csv_columns, GROUP_COLUMNS);
    else
        view.table = table = table_new(columns, GROUP_COLUMNS);

    bool ok = store_totals(context->snapshot, &context->filter, by, visit_group, &view, error);
    if (ok && table)
        table_print(table);
    if (ok && view.groups) {
        json_t *object = json_object();
        json_out_set_bytes(object, "bucket", context->bucket);
        json_object_set_new(object, "by", json_string(by_names[by]));
        json_object_set(object, "groups", view.groups);
        json_out_print(object);
    }
    json_decref(view.groups);
    return ok;
}

/* ---- totals -------------------------------------------------------------------------------------
 */

typedef struct {
    StoreTotals all;
    json_t *by_type; /* for --json */
    Table *types;    /* for people */
    StoreInvocations invocations;
} Totals;

static bool visit_all(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* there is one only */
    *(StoreTotals *)data = *totals;
    return true;
}

static bool visit_type(const char *group, const StoreTotals *totals, void *data)
{
    Totals *view = data;
    if (view->by_type) {
        json_t *type = json_object();
        json_object_set_new(type, "type", json_out_text(group));
        json_object_set_new(type, "objects", json_integer((json_int_t)totals->objects));
        json_object_set_new(type, "bytes", json_integer((json_int_t)totals->source_bytes));
        json_array_append_new(view->by_type, type);
    }
    if (view->types) {
        g_autofree char *objects = units_format_count((int64_t)totals->objects);
        g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
        const char *cells[] = {group, objects, bytes};
        table_add(view->types, cells, TABLE_NO_PROBLEM);
    }
    return true;
}

static bool read_totals(Context *context, Totals *totals, GError **error)
{
    return store_totals(context->snapshot, &context->filter, STORE_BY_ALL, visit_all, &totals->all,
                        error) &&
           store_totals(context->snapshot, &context->filter, STORE_BY_TYPE, visit_type, totals,
                        error) &&
           store_invocations(context->snapshot, INT64_MIN, INT64_MAX, &totals->invocations, error);
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

static json_t *objects_json(const StoreTotals *all)
{
    json_t *objects = json_object();
    json_object_set_new(objects, "total", json_integer((json_int_t)all->objects));
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        json_object_set_new(objects, state_name((ObjectState)state),
                            json_integer((json_int_t)all->by_state[state]));
    }
    json_object_set_new(objects, "damaged", json_integer((json_int_t)all->damaged));
    return objects;
}

static bool print_totals_json(Context *context, GError **error)
{
    Totals totals = {.by_type = json_array()};
    if (!read_totals(context, &totals, error)) {
        json_decref(totals.by_type);
        return false;
    }
    json_t *thumbnails = json_object();
    json_object_set_new(thumbnails, "count", json_integer((json_int_t)totals.all.thumbnails));
    json_object_set_new(thumbnails, "bytes", json_integer((json_int_t)totals.all.thumbnail_bytes));
    json_t *object = json_object();
    json_out_set_bytes(object, "bucket", context->bucket);
    json_object_set_new(object, "objects", objects_json(&totals.all));
    json_object_set_new(object, "source_bytes", json_integer((json_int_t)totals.all.source_bytes));
    json_object_set_new(object, "thumbnails", thumbnails);
    json_object_set_new(object, "by_type", totals.by_type);
    json_object_set_new(
        object, "invocations",
        invocations_json(&totals.invocations, !store_filter_is_empty(&context->filter)));
    json_out_print(object);
    return true;
}

static bool print_totals_csv(Context *context, GError **error)
{
    static const char *const columns[] = {"objects",    "pending",        "running", "done",
                                          "skipped",    "dead",           "damaged", "source_bytes",
                                          "thumbnails", "thumbnail_bytes"};
    StoreTotals all = {0};
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_ALL, visit_all, &all, error))
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
    };
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        printf("%s%" PRIu64, i ? "," : "", figures[i]);
    putchar('\n');
    return true;
}

/* "4 done, 1 dead": the states that occur, dead ones in red. */
static void print_states(const StoreTotals *all)
{
    bool first = true;
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        if (all->by_state[state] == 0)
            continue;
        g_autofree char *count = units_format_count((int64_t)all->by_state[state]);
        bool problem = state == STATE_DEAD;
        printf("%s%s%s %s%s", first ? "   " : ", ", problem ? terminal_red() : "", count,
               state_name((ObjectState)state), problem ? terminal_reset() : "");
        first = false;
    }
    putchar('\n');
}

static void print_objects(const StoreTotals *all)
{
    g_autofree char *objects = units_format_count((int64_t)all->objects);
    g_autofree char *bytes = units_format_bytes((int64_t)all->source_bytes);
    g_autofree char *thumbnails = units_format_count((int64_t)all->thumbnails);
    g_autofree char *thumbnail_bytes = units_format_bytes((int64_t)all->thumbnail_bytes);
    printf("objects     %11s", objects);
    print_states(all);
    printf("sources     %11s\n", bytes);
    printf("thumbnails  %11s   %s\n", thumbnails, thumbnail_bytes);
    if (all->damaged > 0) {
        g_autofree char *damaged = units_format_count((int64_t)all->damaged);
        printf("damaged     %11s   readable in part only: thumbq list --damaged\n", damaged);
    }
}

static void add_quantiles(Table *table, const char *name, const StoreQuantiles *quantiles)
{
    g_autofree char *p50 = terminal_duration(quantiles->p50);
    g_autofree char *p90 = terminal_duration(quantiles->p90);
    g_autofree char *p99 = terminal_duration(quantiles->p99);
    g_autofree char *max = terminal_duration(quantiles->max);
    const char *cells[] = {name, p50, p90, p99, max};
    table_add(table, cells, TABLE_NO_PROBLEM);
}

static void print_invocations(const StoreInvocations *invocations)
{
    static const TableColumn columns[] = {
        {"", false}, {"p50", true}, {"p90", true}, {"p99", true}, {"max", true}};
    g_autofree char *count = units_format_count((int64_t)invocations->invocations);
    g_autofree char *errors = terminal_count(invocations->errors, "error", "errors");
    g_autofree char *retries = terminal_count(invocations->retries, "retry", "retries");
    printf("\ninvocations %11s   %s, %s\n", count, errors, retries);
    if (invocations->invocations == 0)
        return;
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    add_quantiles(table, "duration", &invocations->duration);
    add_quantiles(table, "latency", &invocations->latency);
    table_print(table);
}

static bool print_totals(Context *context, GError **error)
{
    static const TableColumn columns[] = {{"type", false}, {"objects", true}, {"size", true}};
    g_autoptr(Table) types = table_new(columns, G_N_ELEMENTS(columns));
    Totals totals = {.types = types};
    if (!read_totals(context, &totals, error))
        return false;
    g_autofree char *bucket = object_key_to_text(context->bucket, NULL);
    printf("%s%s%s\n\n", terminal_bold(), bucket, terminal_reset());
    print_objects(&totals.all);
    table_print_below(types);
    if (store_filter_is_empty(&context->filter))
        print_invocations(&totals.invocations);
    return true;
}

int cmd_stats(Context *context, GError **error)
{
    const StatsOptions *stats = context->options;
    StoreBy by = STORE_BY_ALL;
    if (stats->json && stats->csv) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--json and --csv exclude each other");
        return -1;
    }
    if (stats->by && !parse_by(stats->by, &by, error))
        return -1;
    bool ok = stats->by     ? print_grouped(context, stats, by, error)
              : stats->json ? print_totals_json(context, error)
              : stats->csv  ? print_totals_csv(context, error)
                            : print_totals(context, error);
    return ok ? 0 : -1;
}
