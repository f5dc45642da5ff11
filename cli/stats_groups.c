/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"
#include "error.h"
#include "json_out.h"
#include "stats.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const by_names[] = {
    [STORE_BY_ALL] = "",      [STORE_BY_TYPE] = "type",   [STORE_BY_STATE] = "state",
    [STORE_BY_DAY] = "day",   [STORE_BY_MONTH] = "month", [STORE_BY_PREFIX] = "prefix",
    [STORE_BY_SIZE] = "size",
};

/* Where a group of sizes begins. */
static int64_t size_of_group(const char *group)
{
    guint64 power = g_ascii_strtoull(group, NULL, 10);
    return power > 0 ? INT64_C(1) << MIN(power, 62) : 0;
}

/* The group as scripts see it: of sizes, the smallest in bytes. */
static char *group_for_scripts(StoreBy by, const char *group)
{
    return by == STORE_BY_SIZE ? g_strdup_printf("%" PRId64, size_of_group(group))
                               : g_strdup(group);
}

/* And people: "./" for "", which are the objects that lie in the bucket itself. */
static char *group_for_people(StoreBy by, const char *group)
{
    if (by == STORE_BY_SIZE) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *size = units_format_bytes(size_of_group(group));
        g_string_assign(text, size);
        (void)g_string_replace(text, ".0 ", " ", 1); /* all are whole */
        return g_strdup(text->str);
    }
    return *group ? object_key_to_text(group, NULL) : g_strdup("./");
}

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
                                    : g_strdup("it is type, state, day, month, prefix or size");
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--by: unknown grouping '%s'; %s", text, hint);
    return false;
}

/* ---- for scripts --------------------------------------------------------------------------------
 */

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

#define CSV_COLUMNS 7

static void print_group_csv(const char *text, const StoreTotals *totals)
{
    const uint64_t figures[CSV_COLUMNS - 1] = {
        totals->objects,         totals->source_bytes,         totals->thumbnails,
        totals->thumbnail_bytes, totals->by_state[STATE_DONE], totals->by_state[STATE_DEAD],
    };
    char numbers[CSV_COLUMNS - 1][24];
    const char *fields[CSV_COLUMNS] = {text};
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, figures[i]);
        fields[i + 1] = numbers[i];
    }
    csv_print(fields, CSV_COLUMNS);
}

/* ---- for people ---------------------------------------------------------------------------------
 */

enum {
    COLUMN_GROUP,
    COLUMN_OBJECTS,
    COLUMN_SIZE,
    COLUMN_THUMBNAILS,
    COLUMN_THUMBNAIL_SIZE,
    COLUMN_DEAD,
    COLUMN_BAR,
    COLUMNS
};

/*
 * Groups are held back until the largest of them is known, to which the bars are drawn. Where there
 * are more than anybody will look at, there are none.
 */
#define HELD_MAX 4096

typedef struct {
    char *name;
    StoreTotals totals;
} Group;

static void clear_group(gpointer group)
{
    g_free(((Group *)group)->name);
}

typedef struct {
    const Context *context;
    const StatsOptions *stats;
    StoreBy by;
    uint64_t groups;
    Table *table;    /* for people; NULL otherwise */
    GArray *held;    /* Group */
    bool is_flowing; /* too many to hold them back */
} GroupView;

static char *format_count_or_none(uint64_t count)
{
    return count > 0 ? units_format_count((int64_t)count) : g_strdup("-");
}

static void add_row(Table *table, const char *group, const StoreTotals *totals, uint64_t largest)
{
    g_autofree char *objects = units_format_count((int64_t)totals->objects);
    g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
    g_autofree char *thumbnails = format_count_or_none(totals->thumbnails);
    g_autofree char *thumbnail_bytes = units_format_bytes((int64_t)totals->thumbnail_bytes);
    g_autofree char *dead = format_count_or_none(totals->by_state[STATE_DEAD]);
    const char *cells[COLUMNS] = {
        [COLUMN_GROUP] = group,
        [COLUMN_OBJECTS] = objects,
        [COLUMN_SIZE] = bytes,
        [COLUMN_THUMBNAILS] = thumbnails,
        [COLUMN_THUMBNAIL_SIZE] = totals->thumbnails > 0 ? thumbnail_bytes : "-",
        [COLUMN_DEAD] = dead,
    };
    table_add_bar(table, cells, totals->by_state[STATE_DEAD] > 0 ? COLUMN_DEAD : TABLE_NO_PROBLEM,
                  largest > 0 ? (double)totals->objects / (double)largest : 0);
}

/* Gives all that is held to the table. */
static void release_rows(GroupView *view, bool with_bars)
{
    uint64_t largest = 0;
    for (guint i = 0; with_bars && i < view->held->len; i++)
        largest = MAX(largest, g_array_index(view->held, Group, i).totals.objects);
    for (guint i = 0; i < view->held->len; i++) {
        const Group *group = &g_array_index(view->held, Group, i);
        add_row(view->table, group->name, &group->totals, largest);
    }
    g_array_set_size(view->held, 0);
}

static void hold_row(GroupView *view, const char *name, const StoreTotals *totals)
{
    Group group = {.name = group_for_people(view->by, name), .totals = *totals};
    g_array_append_val(view->held, group);
    view->is_flowing = view->is_flowing || view->held->len >= HELD_MAX;
    if (view->is_flowing)
        release_rows(view, false);
}

static Table *new_table(StoreBy by)
{
    const char *title = by == STORE_BY_SIZE ? "from" : by_names[by];
    TableRole role = by == STORE_BY_PREFIX ? TABLE_NAME
                     : by == STORE_BY_SIZE ? TABLE_FIGURE
                                           : TABLE_TEXT;
    const TableColumn columns[COLUMNS] = {
        [COLUMN_GROUP] = {title, role},
        [COLUMN_OBJECTS] = {"objects", TABLE_FIGURE},
        [COLUMN_SIZE] = {"size", TABLE_FIGURE},
        [COLUMN_THUMBNAILS] = {"thumbnails", TABLE_FIGURE},
        [COLUMN_THUMBNAIL_SIZE] = {"size", TABLE_FIGURE},
        [COLUMN_DEAD] = {"dead", TABLE_FIGURE},
        [COLUMN_BAR] = {"", TABLE_BAR},
    };
    /* Bars are for looking. */
    return table_new(columns, terminal_is_interactive() ? COLUMNS : COLUMN_BAR);
}

/* ---- all of them --------------------------------------------------------------------------------
 */

static void begin_json(const Context *context, const char *by)
{
    json_t *object = json_object();
    json_out_set_bytes(object, "bucket", context->bucket);
    json_object_set_new(object, "by", json_string(by));
    json_out_begin_list(object, "groups");
}

static bool visit_group(const char *name, const StoreTotals *totals, void *data)
{
    GroupView *view = data;
    g_autofree char *group = group_for_scripts(view->by, name);
    if (view->table) {
        hold_row(view, name, totals);
    } else if (view->stats->json) {
        if (view->groups == 0)
            begin_json(view->context, by_names[view->by]);
        json_out_add_item(group_json(group, totals), view->groups == 0);
    } else {
        g_autofree char *text = object_key_to_text(group, NULL);
        print_group_csv(text, totals);
    }
    view->groups++;
    return !ferror(stdout); /* nobody reads on, or the disk is full */
}

static void end(GroupView *view)
{
    if (view->table) {
        release_rows(view, !view->is_flowing);
        table_print(view->table);
    } else if (view->stats->json) {
        if (view->groups == 0)
            begin_json(view->context, by_names[view->by]);
        json_out_end_list();
    }
}

bool stats_print_groups(Context *context, const StatsOptions *stats, GError **error)
{
    static const char *const csv_columns[CSV_COLUMNS] = {
        "group", "objects", "source_bytes", "thumbnails", "thumbnail_bytes", "done", "dead"};
    GroupView view = {.context = context, .stats = stats};
    if (!parse_by(stats->by, &view.by, error))
        return false;
    g_autoptr(Table) table = NULL;
    g_autoptr(GArray) held = g_array_new(FALSE, FALSE, sizeof(Group));
    g_array_set_clear_func(held, clear_group);
    view.held = held;
    if (stats->csv)
        csv_print(csv_columns, CSV_COLUMNS);
    else if (!stats->json)
        view.table = table = new_table(view.by);
    if (!store_totals(context->snapshot, &context->filter, view.by, visit_group, &view, error))
        return false;
    end(&view);
    return true;
}
