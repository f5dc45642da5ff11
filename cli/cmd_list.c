/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "csv.h"
#include "error.h"
#include "json_out.h"
#include "list.h"
#include "log.h"
#include "object_csv.h"
#include "object_json.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

static const Option options[] = {
    {"sort", OPTION_TEXT, "name|size|date|duration", offsetof(ListOptions, sort),
     "smallest first; by name if not given"},
    {"reverse", OPTION_FLAG, NULL, offsetof(ListOptions, reverse), "the other way round"},
    {"limit", OPTION_COUNT, "N", offsetof(ListOptions, limit), "at most N objects"},
    {"json", OPTION_FLAG, NULL, offsetof(ListOptions, json), "a JSON object per line"},
    {"csv", OPTION_FLAG, NULL, offsetof(ListOptions, csv),
     "comma-separated values, with a heading, safe to open in a spreadsheet; --csv=raw, for "
     "programs, puts no ' before what looks like a formula"},
    {"csv=raw", OPTION_FLAG, NULL, offsetof(ListOptions, csv_raw), NULL},
    {NULL},
};

const CommandUsage usage_list = {
    .about =
        "Lists objects, one per line, as they are read: a million rows need no more memory than\n"
        "one.",
    .examples = "thumbq list --state dead photos\n"
                "thumbq list --sort size --reverse --limit 10 photos\n"
                "thumbq list --type png,webp --json photos",
    .options = options,
    .values_size = sizeof(ListOptions),
};

static bool parse_sort(const char *text, StoreSort *ret_sort, GError **error)
{
    static const char *const names[] = {
        [STORE_SORT_NAME] = "name",
        [STORE_SORT_SIZE] = "size",
        [STORE_SORT_DATE] = "date",
        [STORE_SORT_DURATION] = "duration",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!strcmp(names[i], text)) {
            *ret_sort = (StoreSort)i;
            return true;
        }
    }
    const char *nearest = units_nearest(text, names, G_N_ELEMENTS(names));
    g_autofree char *hint = nearest ? g_strdup_printf("did you mean '%s'?", nearest)
                                    : g_strdup("it is name, size, date or duration");
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--sort: unknown order '%s'; %s", text, hint);
    return false;
}

/* ---- for people ---------------------------------------------------------------------------------
 */

enum {
    COLUMN_DATE,
    COLUMN_STATE,
    COLUMN_TYPE,
    COLUMN_PIXELS,
    COLUMN_SIZE,
    COLUMN_DURATION,
    COLUMN_NAME,
    COLUMN_NOTE,
    COLUMNS
};

/* From this width on there is room for all columns; a narrower terminal needs it for the names. */
#define WIDTH_FOR_ALL 100

typedef struct {
    const ListOptions *options;
    const char *prefix; /* of thumbnails */
    uint64_t rows;
    Table *table; /* for people; NULL otherwise */
    bool has_time;
    size_t n_columns;
    int columns[COLUMNS]; /* those that are shown */
} ListView;

static int sorted_column(StoreSort sort)
{
    switch (sort) {
    case STORE_SORT_SIZE:
        return COLUMN_SIZE;
    case STORE_SORT_DATE:
        return COLUMN_DATE;
    case STORE_SORT_DURATION:
        return COLUMN_DURATION;
    case STORE_SORT_NAME:
        break;
    }
    return COLUMN_NAME;
}

/* "size", or "size ↓" where that is the order: on a terminal, if somebody asked for one. */
static char *format_title(const ListOptions *list, StoreSort sort, int column, const char *title)
{
    bool is_asked = list->sort || list->reverse;
    if (!terminal_is_interactive() || !is_asked || column != sorted_column(sort))
        return g_strdup(title);
    bool unicode = terminal_is_unicode();
    return g_strdup_printf("%s %s", title,
                           list->reverse ? unicode ? "↓" : "v"
                           : unicode     ? "↑"
                                         : "^");
}

/* True of a column that a narrow terminal leaves out: the names are what its rows differ by. */
static bool makes_way(int column, StoreSort sort)
{
    return column == COLUMN_TYPE || column == COLUMN_PIXELS ||
           (column == COLUMN_DURATION && sort != STORE_SORT_DURATION);
}

static void begin_table(ListView *view, StoreSort sort)
{
    static const TableColumn all[COLUMNS] = {
        [COLUMN_DATE] = {"date", TABLE_TEXT},   [COLUMN_STATE] = {"state", TABLE_TEXT},
        [COLUMN_TYPE] = {"type", TABLE_TEXT},   [COLUMN_PIXELS] = {"pixels", TABLE_FIGURE},
        [COLUMN_SIZE] = {"size", TABLE_FIGURE}, [COLUMN_DURATION] = {"took", TABLE_FIGURE},
        [COLUMN_NAME] = {"name", TABLE_NAME},   [COLUMN_NOTE] = {"", TABLE_NOTE},
    };
    TableColumn columns[COLUMNS];
    size_t width = terminal_width();
    bool is_wide = width == 0 || width >= WIDTH_FOR_ALL;
    view->has_time = is_wide || sort == STORE_SORT_DATE;
    for (int column = 0; column < COLUMNS; column++) {
        if (!is_wide && makes_way(column, sort))
            continue;
        columns[view->n_columns] = all[column];
        columns[view->n_columns].title =
            format_title(view->options, sort, column, all[column].title);
        view->columns[view->n_columns++] = column;
    }
    view->table = table_new(columns, view->n_columns);
    for (size_t i = 0; i < view->n_columns; i++)
        g_free((char *)columns[i].title);
}

/* What a person has to know of the object beyond its figures; "" if nothing. */
static const char *note_of(const Record *record)
{
    if (record->away)
        return STORE_AWAY_NAME;
    if (record->error == ERROR_NOT_AN_IMAGE) /* it is skipped: that says it */
        return "";
    return record->error != ERROR_NONE ? error_name(record->error)
           : record->facts.damaged     ? "damaged"
                                       : "";
}

static void add_row(ListView *view, const Record *record)
{
    const ImageFacts *facts = &record->facts;
    g_autofree char *pixels =
        facts->width > 0 ? g_strdup_printf("%dx%d", facts->width, facts->height) : g_strdup("");
    g_autofree char *date = terminal_wall_date(record_date_us(record), view->has_time);
    g_autofree char *name = object_key_to_text(record->key, NULL);
    g_autofree char *size = units_format_bytes(record->version.size);
    g_autofree char *duration = terminal_duration(record->duration_us);
    const char *all[COLUMNS] = {
        [COLUMN_DATE] = date,
        [COLUMN_STATE] = state_name(record->state),
        [COLUMN_TYPE] = facts->type == IMAGE_NONE ? "" : image_type_name(facts->type),
        [COLUMN_PIXELS] = pixels,
        [COLUMN_SIZE] = size,
        [COLUMN_DURATION] = duration,
        [COLUMN_NAME] = name,
        [COLUMN_NOTE] = note_of(record),
    };
    const char *cells[COLUMNS];
    for (size_t i = 0; i < view->n_columns; i++)
        cells[i] = all[view->columns[i]];
    table_add(view->table, cells, record->state == STATE_DEAD ? COLUMN_STATE : TABLE_NO_PROBLEM);
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

static bool visit(const Record *record, void *data)
{
    ListView *view = data;
    view->rows++;
    if (view->options->json)
        json_out_print(object_json(record, view->prefix));
    else if (view->options->csv)
        object_csv_print(record);
    else
        add_row(view, record);
    return !ferror(stdout); /* nobody reads on, or the disk is full */
}

int list_print(Context *context, const ListOptions *given, GError **error)
{
    ListOptions chosen = *given;
    const ListOptions *list = &chosen;
    StoreSort sort = STORE_SORT_NAME;
    chosen.csv |= chosen.csv_raw;
    csv_set_raw(chosen.csv_raw);
    if (list->json && list->csv) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--json and --csv exclude each other");
        return -1;
    }
    if (list->sort && !parse_sort(list->sort, &sort, error))
        return -1;
    ListView view = {.options = list, .prefix = context->prefix};
    if (list->csv)
        object_csv_print_heading();
    else if (!list->json)
        begin_table(&view, sort);
    g_autoptr(Table) table = view.table;
    bool ok = store_query(context->snapshot, &context->filter, sort, list->reverse, list->limit,
                          visit, &view, error);
    if (ok && table)
        table_print(table);
    if (ok && view.rows == 0 && terminal_is_interactive())
        log_info("%s", list->none                                ? list->none
                       : store_filter_is_empty(&context->filter) ? "no objects yet"
                                                                 : "no objects match");
    return ok ? 0 : -1;
}

int cmd_list(Context *context, GError **error)
{
    return list_print(context, context->options, error);
}
