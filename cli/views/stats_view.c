/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the totals of `stats`. */
#include "base/clock.h"
#include "base/units.h"
#include "base/zone.h"
#include "daemon/window.h"
#include "disk_space.h"
#include "views/chart.h"
#include "views/stats_views.h"
#include "views/table.h"
#include "views/terminal.h"

#include <stdio.h>
#include <string.h>

/* A line has a label, a figure and a remark. */
#define LABEL_CELLS  12
#define FIGURE_CELLS 11
#define REMARK_AT    (LABEL_CELLS + FIGURE_CELLS + 3)

/* Prints the number of objects in each state that occurs, such as "4 done, 1 dead", in as many
 * lines as needed. Dead ones are red. */
static void print_states(const ObjectTotals *all)
{
    size_t width = terminal_width();
    size_t at = REMARK_AT;
    bool is_first = true;
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        if (all->by_state[state] == 0)
            continue;
        g_autofree char *count = units_format_count((int64_t)all->by_state[state]);
        const char *name = state_name((ObjectState)state);
        size_t cells = strlen(count) + strlen(" ") + strlen(name);
        bool breaks = !is_first && width > 0 && at + cells + strlen(", ,") > width;
        bool is_problem = state == STATE_DEAD;
        fputs(is_first ? "   " : breaks ? "," : ", ", stdout);
        if (breaks)
            printf("\n%*s", REMARK_AT, "");
        printf("%s%s %s%s", is_problem ? terminal_red() : "", count, name,
               is_problem ? terminal_reset() : "");
        at = (breaks ? REMARK_AT : at) + cells + strlen(", ");
        is_first = false;
    }
    putchar('\n');
}

/* Prints the start of a line, without line feed. */
static void begin_line(const char *label, const char *figure)
{
    printf("%-*s%*s", LABEL_CELLS, label, FIGURE_CELLS, figure);
}

static void print_line(const char *label, const char *figure, const char *remark)
{
    begin_line(label, figure);
    printf("%s%s\n", *remark ? "   " : "", remark);
}

static void print_objects(const ObjectTotals *all, uint64_t away_objects)
{
    g_autofree char *objects = units_format_count((int64_t)all->objects);
    g_autofree char *bytes = units_format_bytes((int64_t)all->source_bytes);
    g_autofree char *thumbnails = units_format_count((int64_t)all->thumbnails);
    g_autofree char *thumbnail_bytes = units_format_bytes((int64_t)all->thumbnail_bytes);
    begin_line("objects", objects);
    print_states(all);
    print_line("sources", bytes, "");
    print_line("thumbnails", thumbnails, thumbnail_bytes);
    if (all->damaged > 0) {
        g_autofree char *damaged = units_format_count((int64_t)all->damaged);
        print_line("damaged", damaged, "readable in part only: thumbq list --damaged");
    }
    if (away_objects > 0) {
        g_autofree char *away = units_format_count((int64_t)away_objects);
        print_line("away", away, "not mounted now: thumbq list --state away");
    }
}

/* Reports work that waits until the disk has its reserve. */
static void print_waiting(const Context *context, const ObjectTotals *all)
{
    ReserveSpace space;
    if (all->by_state[STATE_PENDING] == 0 || !disk_space_is_low(context, &space))
        return;
    g_autofree char *free_text = units_format_bytes(space.free_bytes);
    g_autofree char *reserve = reserve_format(&context->config->reserve);
    g_autofree char *remark =
        g_strdup_printf("free on the disk, less than 'reserve = %s': work waits", reserve);
    print_line("low disk", free_text, remark);
}

typedef struct {
    const char *name;
    ObjectTotals totals;
} Type;

typedef struct {
    ObjectTotals all;
    Type types[IMAGE_TYPES];
    size_t n_types;
} Types;

/* Adds a group to the totals: types are disjoint, so one pass over the objects gives both. */
static bool visit_type(const char *group, const ObjectTotals *totals, void *data)
{
    Types *types = data;
    ImageType type;
    object_totals_add(&types->all, totals);
    if (image_type_from_name(group, &type) && types->n_types < IMAGE_TYPES)
        types->types[types->n_types++] = (Type){image_type_name(type), *totals};
    return true;
}

static void print_types(const Types *types)
{
    static const TableColumn columns[] = {
        {"type", TABLE_TEXT}, {"objects", TABLE_FIGURE}, {"size", TABLE_FIGURE}, {"", TABLE_BAR}};
    size_t n_columns = G_N_ELEMENTS(columns) - !terminal_is_interactive();
    g_autoptr(TextTable) table = table_new(columns, n_columns);
    uint64_t largest = 1;
    for (size_t i = 0; i < types->n_types; i++)
        largest = MAX(largest, types->types[i].totals.objects);
    for (size_t i = 0; i < types->n_types; i++) {
        const ObjectTotals *totals = &types->types[i].totals;
        g_autofree char *objects = units_format_count((int64_t)totals->objects);
        g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
        const char *cells[] = {types->types[i].name, objects, bytes, NULL};
        table_add_bar(table, cells, TABLE_NO_PROBLEM, (double)totals->objects / (double)largest);
    }
    table_print_below(table);
}

#define MONTHS 36

/* Objects for each of the last months, up to the month of the newest object. Future months are left
 * out. */
typedef struct {
    /* Months since year 0. */
    int newest;
    /* The current month. */
    int end;
    /* The newest month comes last. */
    double objects[MONTHS];
    /* Number of months with objects. */
    int n;
} Months;

/* Parses "2026-01" to a number of months. */
static int month_of(const char *group)
{
    char *end;
    int year = (int)g_ascii_strtoll(group, &end, 10);
    int month = *end == '-' ? (int)g_ascii_strtoll(end + 1, NULL, 10) : 1;
    return year * 12 + month - 1;
}

/* Adds the objects of a month to the chart, which shows the newest months. */
static bool visit_month(const char *group, const ObjectTotals *totals, void *data)
{
    Months *months = data;
    int month = month_of(group);
    if (month > months->end)
        return true;
    /* The months come in order. */
    int gone = MIN(month - months->newest, MONTHS);
    if (gone > 0) {
        memmove(months->objects, months->objects + gone,
                (size_t)(MONTHS - gone) * sizeof *months->objects);
        for (int i = MONTHS - gone; i < MONTHS; i++)
            months->objects[i] = 0;
        months->newest = month;
    }
    months->objects[MONTHS - 1] = (double)totals->objects;
    months->n++;
    return true;
}

/* Prints the number of objects in each of the newest months as a line of bars. */
static void print_months(const Months *months)
{
    int first = 0;
    while (first < MONTHS && months->objects[first] <= 0)
        first++;
    /* There is nothing to compare. */
    if (months->n < 2 || MONTHS - first < 2)
        return;
    int from = months->newest - (MONTHS - 1 - first);
    g_autofree char *line = chart_sparkline(months->objects + first, (size_t)(MONTHS - first));
    const char *legend = chart_legend();
    printf("\nby month     %04d-%02d  %s  %04d-%02d%s%s\n", from / 12, from % 12 + 1, line,
           months->newest / 12, months->newest % 12 + 1, *legend ? "  " : "", legend);
}

static void add_quantiles(TextTable *table, const char *name, const Quantiles *quantiles)
{
    double shape[QUANTILES_SHAPE_CELLS];
    for (size_t i = 0; i < QUANTILES_SHAPE_CELLS; i++)
        shape[i] = (double)quantiles->shape[i];
    g_autofree char *p50 = terminal_duration(quantiles->p50);
    g_autofree char *p90 = terminal_duration(quantiles->p90);
    g_autofree char *p99 = terminal_duration(quantiles->p99);
    g_autofree char *max = terminal_duration(quantiles->max);
    g_autofree char *line = chart_sparkline(shape, QUANTILES_SHAPE_CELLS);
    const char *cells[] = {name, p50, p90, p99, max, line};
    table_add(table, cells, TABLE_NO_PROBLEM);
}

/* A latency above this many durations means that objects mostly waited. */
#define LATENCY_FACTOR 3

static void print_invocations(const InvocationFigures *invocations)
{
    static const TableColumn columns[] = {
        {"", TABLE_TEXT},
        {"p50", TABLE_FIGURE},
        {"p90", TABLE_FIGURE},
        {"p99", TABLE_FIGURE},
        {"max", TABLE_FIGURE},
        /* The scale of the line below. */
        {" 1ms       1s 1min", TABLE_TEXT},
    };
    size_t n_columns = G_N_ELEMENTS(columns) - !terminal_is_interactive();
    g_autofree char *count = units_format_count((int64_t)invocations->invocations);
    g_autofree char *errors = terminal_count(invocations->errors, "error", "errors");
    g_autofree char *retries = terminal_count(invocations->retries, "retry", "retries");
    g_autofree char *troubles = g_strdup_printf("%s, %s", errors, retries);
    putchar('\n');
    print_line("invocations", count, troubles);
    if (invocations->invocations == 0)
        return;
    g_autoptr(TextTable) table = table_new(columns, n_columns);
    add_quantiles(table, "duration", &invocations->duration);
    add_quantiles(table, "latency", &invocations->latency);
    table_print(table);
    /* In a first run nearly all latency is waiting, which is no fault. */
    if (invocations->latency.p50 > LATENCY_FACTOR * invocations->duration.p50)
        puts("           latency is from the upload, or from when a file was found,\n"
             "           to the end: here it is mostly waiting in the queue");
}

/* Prints months and invocations. They come from totals, so that no objects are read. */
static bool print_history(Context *context, GError **error)
{
    char today[CLOCK_TEXT_MAX];
    Months months = {.end =
                         month_of(clock_format_seconds(zone_to_wall_us(clock_wall_us()), today))};
    InvocationFigures invocations;
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_MONTH, visit_month, &months,
                      error) ||
        !store_invocations(context->snapshot, INT64_MIN, INT64_MAX, &invocations, error))
        return false;
    if (terminal_is_interactive())
        print_months(&months);
    print_invocations(&invocations);
    return true;
}

bool stats_print_view(Context *context, GError **error)
{
    Types types = {.n_types = 0};
    StoreWindow window;
    uint64_t away;
    if (!store_totals(context->snapshot, &context->filter, STORE_BY_TYPE, visit_type, &types,
                      error) ||
        !store_away(context->snapshot, &context->filter, &away, error) ||
        !store_get_window(context->snapshot, &window, error))
        return false;
    g_autofree char *bucket = object_key_to_text(context->bucket, NULL);
    printf("%s%s%s\n\n", terminal_bold(), bucket, terminal_reset());
    print_objects(&types.all, away);
    if (window_is_closed(context->config, &window))
        print_line("back-fill", "paused", "until a schedule resumes it: thumbq schedule");
    print_waiting(context, &types.all);
    print_types(&types);
    return !store_filter_is_empty(&context->filter) || print_history(context, error);
}
