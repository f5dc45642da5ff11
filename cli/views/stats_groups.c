/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the totals of `stats --by`, a row for each group. */
#include "asking.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "model/stats_json.h"
#include "page.h"
#include "views/csv.h"
#include "views/json_out.h"
#include "views/stats_views.h"
#include "views/table.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const by_names[] = {
    [STORE_BY_ALL] = "",      [STORE_BY_TYPE] = "type",   [STORE_BY_STATE] = "state",
    [STORE_BY_DAY] = "day",   [STORE_BY_MONTH] = "month", [STORE_BY_PREFIX] = "prefix",
    [STORE_BY_SIZE] = "size",
};

/* Returns the group's name for scripts from the store's; for sizes, the lower bound in bytes. */
static char *group_for_scripts(StoreBy by, const char *name)
{
    if (by != STORE_BY_SIZE)
        return g_strdup(name);
    guint64 power = g_ascii_strtoull(name, NULL, 10);
    return g_strdup_printf("%" PRId64, power > 0 ? INT64_C(1) << MIN(power, 62) : 0);
}

/* Returns the group's name for people from the one for scripts. "./" stands for "", the objects in
 * the bucket's own folder. */
static char *group_for_people(StoreBy by, const char *group)
{
    if (by == STORE_BY_SIZE) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *size = units_format_bytes(g_ascii_strtoll(group, NULL, 10));
        g_string_assign(text, size);
        /* 1: the first one only, as there is one. */
        (void)g_string_replace(text, ".0 ", " ", 1);
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

#define CSV_COLUMNS 7

static void print_group_csv(const char *text, const ObjectTotals *totals)
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

/* Groups are held until the largest one is known, because it scales the bars. With more groups than
 * this the rows have no bars. */
#define HELD_MAX 4096

typedef struct {
    char *name;
    ObjectTotals totals;
} StatsGroup;

static void clear_group(gpointer group)
{
    g_free(((StatsGroup *)group)->name);
}

typedef struct {
    const Context *context;
    const StatsOptions *stats;
    StoreBy by;
    uint64_t groups;
    /* The table for people. NULL for scripts. */
    TextTable *table;
    /* Elements of type Group. */
    GArray *held;
    /* There are too many groups to hold. */
    bool is_flowing;
    /* With a page: the group after which it begins, NULL for the first page; and the group that was
     * printed last. */
    const char *after;
    GString *last;
} GroupView;

static char *format_count_or_none(uint64_t count)
{
    return count > 0 ? units_format_count((int64_t)count) : g_strdup("-");
}

static void add_row(TextTable *table, const char *group, const ObjectTotals *totals,
                    uint64_t largest)
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

/* Moves the held groups to the table. */
static void release_rows(GroupView *view, bool with_bars)
{
    uint64_t largest = 0;
    for (guint i = 0; with_bars && i < view->held->len; i++)
        largest = MAX(largest, g_array_index(view->held, StatsGroup, i).totals.objects);
    for (guint i = 0; i < view->held->len; i++) {
        const StatsGroup *group = &g_array_index(view->held, StatsGroup, i);
        add_row(view->table, group->name, &group->totals, largest);
    }
    g_array_set_size(view->held, 0);
}

/* Holds a group until all are known. If there are too many to hold, moves all held groups to the
 * table without bars. */
static void hold_row(GroupView *view, const char *name, const ObjectTotals *totals)
{
    StatsGroup group = {.name = group_for_people(view->by, name), .totals = *totals};
    g_array_append_val(view->held, group);
    view->is_flowing = view->is_flowing || view->held->len >= HELD_MAX;
    if (view->is_flowing)
        release_rows(view, false);
}

static TextTable *new_table(StoreBy by)
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
    /* Bars are for terminals only. */
    return table_new(columns, terminal_is_interactive() ? COLUMNS : COLUMN_BAR);
}

static void begin_json(const Context *context, const char *by)
{
    json_t *object = json_object();
    json_value_set_bytes(object, "bucket", context->bucket);
    json_object_set_new(object, "by", json_string(by));
    json_out_begin_list(object, "groups");
}

/* Adds a group to the output, whose name is the one for scripts. Returns false to stop. */
static bool add_group(GroupView *view, const char *group, const ObjectTotals *totals)
{
    if (view->table) {
        hold_row(view, group, totals);
    } else if (view->stats->json) {
        if (view->groups == 0)
            begin_json(view->context, by_names[view->by]);
        json_out_add_item(stats_group_json(group, totals), view->groups == 0);
    } else {
        g_autofree char *text = object_key_to_text(group, NULL);
        print_group_csv(text, totals);
    }
    view->groups++;
    /* The reader closed the pipe, or the disk is full. */
    return !ferror(stdout);
}

/* Adds a group with the name that scripts get. */
static bool visit_group(const char *name, const ObjectTotals *totals, void *data)
{
    GroupView *view = data;
    g_autofree char *group = group_for_scripts(view->by, name);

    return add_group(view, group, totals);
}

/* Groups come in the order of their names. */
static bool visit_for_page(const char *name, const ObjectTotals *totals, void *data)
{
    GroupView *view = data;
    ContextPage *page = view->context->page;

    if (view->after && strcmp(name, view->after) <= 0)
        return true;
    if (view->groups > 0 && (view->groups >= page->rows || context_page_is_full(page))) {
        g_autofree char *last = page_escape(view->last->str);
        g_string_printf(page->next, "=%s", last);
        return false;
    }
    g_string_assign(view->last, name);
    return visit_group(name, totals, data);
}

/* Prints the groups of a page. The place of a page is "=" and the group before it. */
static bool walk_page(GroupView *view, GError **error)
{
    const Context *context = view->context;
    const char *place = context->page->after;
    g_autofree char *after = *place == '=' ? page_unescape(place + 1) : NULL;
    g_autoptr(GString) last = g_string_new(NULL);

    if (*place && !after) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "a page cannot begin there");
        return false;
    }
    view->after = after;
    view->last = last;
    return store_totals(context->snapshot, &context->filter, view->by, visit_for_page, view, error);
}

/* Adds the groups of a page from the daemon's reader. *ret_goes_on is false if the output ended. */
static bool add_page(GroupView *view, const char *output, bool *ret_goes_on, GError **error)
{
    json_t *page = json_loads(output, 0, NULL);
    const json_t *groups = json_object_get(page, "groups");
    bool ok = json_is_array(groups);

    *ret_goes_on = true;
    for (size_t i = 0; ok && *ret_goes_on && i < json_array_size(groups); i++) {
        g_autofree char *group = NULL;
        ObjectTotals totals;
        ok = stats_group_parse(json_array_get(groups, i), &group, &totals);
        *ret_goes_on = ok && add_group(view, group, &totals);
    }
    json_decref(page);
    if (!ok)
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "the daemon's answer has no groups");
    return ok;
}

/* Prints a page from the daemon's reader unchanged. Returns false if stdout has failed. */
static bool print_page(const ControlAnswer *answer)
{
    (void)fwrite(answer->question.output, 1, answer->question.output_len, stdout);
    return !ferror(stdout);
}

/* Asks the daemon's reader for all pages. Pages of CSV are printed as they are. The groups of the
 * others are asked for as JSON, and make one output. */
static bool ask_pages(GroupView *view, Asking *asking, GError **error)
{
    g_autofree char *after = g_strdup("");
    bool ok, goes_on = true;

    do {
        ControlAnswer answer;
        if (!asking_page(asking, after, CONTROL_ROWS_MAX, false, &answer, error))
            return false;
        ok = true;
        if (view->stats->csv)
            goes_on = print_page(&answer);
        else
            ok = add_page(view, answer.question.output, &goes_on, error);
        goes_on = goes_on && *answer.question.next && strcmp(answer.question.next, after) != 0;
        g_free(after);
        after = g_strdup(answer.question.next);
        control_answer_clear(CONTROL_QUESTION, &answer);
    } while (ok && goes_on);
    return ok;
}

static bool ask_groups(GroupView *view, Asking *asking, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    const char *const *given = asking->words;

    g_ptr_array_add(words, (void *)given[0]);
    if (view->table)
        g_ptr_array_add(words, (void *)"--json");
    for (size_t i = 1; given[i - 1]; i++)
        g_ptr_array_add(words, (void *)given[i]);
    asking->words = (const char *const *)words->pdata;
    bool ok = ask_pages(view, asking, error);
    asking->words = given;
    return ok;
}

static bool walk_groups(GroupView *view, GError **error)
{
    const Context *context = view->context;

    if (context->asking)
        return ask_groups(view, context->asking, error);
    if (context->page)
        return walk_page(view, error);
    return store_totals(context->snapshot, &context->filter, view->by, visit_group, view, error);
}

/* Prints what is left of the table, or ends the list of JSON, after the last group. */
static void end(GroupView *view)
{
    if (view->table) {
        release_rows(view, !view->is_flowing);
        table_print(view->table);
        if (view->groups == 0 && terminal_is_interactive())
            log_info("%s", context_nothing_found(view->context));
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
    bool has_table = !stats->csv && !stats->json;
    g_autoptr(TextTable) table = has_table ? new_table(view.by) : NULL;
    g_autoptr(GArray) held = g_array_new(FALSE, FALSE, sizeof(StatsGroup));
    g_array_set_clear_func(held, clear_group);
    view.held = held;
    view.table = table;
    /* The heading belongs to the first page only. */
    if (stats->csv && !context->asking && !(context->page && *context->page->after))
        csv_print(csv_columns, CSV_COLUMNS);
    if (!walk_groups(&view, error))
        return false;
    end(&view);
    return true;
}
