/* SPDX-License-Identifier: Apache-2.0 */
/* The command `list`: prints the objects that the filters select, in order and by pages. */
#include "asking.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "model/object_json.h"
#include "page.h"
#include "views/csv.h"
#include "views/json_out.h"
#include "views/list.h"
#include "views/object_csv.h"
#include "views/table.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const CommandOption options[] = {
    {"sort", OPTION_TEXT, "name|size|date|duration", offsetof(ListOptions, sort),
     "smallest first; by name if not given"},
    {"reverse", OPTION_FLAG, NULL, offsetof(ListOptions, reverse), "the other way round"},
    {"limit", OPTION_COUNT, "N", offsetof(ListOptions, limit), "at most N objects"},
    {"json", OPTION_FLAG, NULL, offsetof(ListOptions, json), "a JSON object per line"},
    {"csv", OPTION_FLAG, NULL, offsetof(ListOptions, csv),
     "comma-separated values, with a heading, safe to open in a spreadsheet; --csv=raw, for "
     "programs, has no ' before fields that look like formulas"},
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

/*
 * A terminal of at least this width shows all columns. A narrower one keeps its room for the names.
 */
#define WIDTH_FOR_ALL 100

typedef struct {
    const ListOptions *options;
    /* Folder of the thumbnails. */
    const char *prefix;
    uint64_t rows;
    /* The table for people. NULL for scripts. */
    TextTable *table;
    bool has_time;
    size_t n_columns;
    /* The columns that are shown. */
    int columns[COLUMNS];
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

/* Formats a title as "size", or as "size ↓" if the rows are sorted by it. The arrow is shown on a
 * terminal only, and only if the user chose an order. */
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

/* Returns true for a column that a narrow terminal leaves out. */
static bool makes_way(int column, StoreSort sort)
{
    return column == COLUMN_TYPE || column == COLUMN_PIXELS ||
           (column == COLUMN_DURATION && sort != STORE_SORT_DURATION);
}

/* Makes the table with the columns that fit into the terminal's width. */
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

/* Returns a remark on the object beside its figures; "" for none. */
static const char *note_of(const Record *record)
{
    if (record->away)
        return STORE_AWAY_NAME;
    /* The state `skipped` says it already. */
    if (record->error == ERROR_NOT_AN_IMAGE)
        return "";
    return record->error != ERROR_NONE ? error_name(record->error)
           : record->facts.damaged     ? "damaged"
                                       : "";
}

/* Fills in all cells of a row, dates with their time. Owner: the caller frees. */
static void make_cells(const Record *record, char *ret_cells[static COLUMNS])
{
    const ImageFacts *facts = &record->facts;

    ret_cells[COLUMN_DATE] = terminal_wall_date(record_date_us(record), true);
    ret_cells[COLUMN_STATE] = g_strdup(state_name(record->state));
    ret_cells[COLUMN_TYPE] =
        g_strdup(facts->type == IMAGE_NONE ? "" : image_type_name(facts->type));
    ret_cells[COLUMN_PIXELS] =
        facts->width > 0 ? g_strdup_printf("%dx%d", facts->width, facts->height) : g_strdup("");
    ret_cells[COLUMN_SIZE] = units_format_bytes(record->version.size);
    ret_cells[COLUMN_DURATION] = terminal_duration(record->duration_us);
    ret_cells[COLUMN_NAME] = object_key_to_text(record->key, NULL);
    ret_cells[COLUMN_NOTE] = g_strdup(note_of(record));
}

/* The length of the date in "2026-01-31 12:00". */
#define DAY_LEN 10

/* Adds a row with those of all cells that the table shows. */
static void add_cells(ListView *view, char *const *all)
{
    const char *cells[COLUMNS];
    bool is_dead = strcmp(all[COLUMN_STATE], state_name(STATE_DEAD)) == 0;

    if (!view->has_time && strlen(all[COLUMN_DATE]) > DAY_LEN)
        all[COLUMN_DATE][DAY_LEN] = '\0';
    for (size_t i = 0; i < view->n_columns; i++)
        cells[i] = all[view->columns[i]];
    table_add(view->table, cells, is_dead ? COLUMN_STATE : TABLE_NO_PROBLEM);
}

static void add_row(ListView *view, const Record *record)
{
    char *cells[COLUMNS];

    make_cells(record, cells);
    add_cells(view, cells);
    for (size_t i = 0; i < COLUMNS; i++)
        g_free(cells[i]);
}

/* Prints the object as JSON or CSV. Returns false if neither was chosen. */
static bool print_for_scripts(const ListOptions *list, const char *prefix, const Record *record)
{
    if (list->json) {
        const ObjectInfo info = record_info(record);
        json_out_print(object_json(&info, prefix));
    } else if (list->csv)
        object_csv_print(record);
    return list->json || list->csv;
}

/* Rows of the store that are read for a page, about. They take 15 to 50 ms. */
#define PAGE_ROWS_READ 10000

typedef struct {
    ContextPage *page;
    const ListOptions *options;
    /* Folder of the thumbnails. */
    const char *prefix;
    StoreSort sort;
    uint64_t rows;
} PagedList;

/* Parses "VALUE.ID.KEY", the place of the last row of a page. */
static bool parse_place(const char *text, StoreCursor *ret_place, char **ret_key, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", 3);
    gint64 value;
    guint64 id;

    if (g_strv_length(parts) == 3 &&
        g_ascii_string_to_signed(parts[0], 10, INT64_MIN, INT64_MAX, &value, NULL) &&
        g_ascii_string_to_unsigned(parts[1], 10, 0, UINT64_MAX, &id, NULL)) {
        g_autofree char *key = page_unescape(parts[2]);
        if (key && object_key_is_valid(key)) {
            *ret_place = (StoreCursor){value, id, key};
            *ret_key = g_steal_pointer(&key);
            return true;
        }
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "a page cannot begin there");
    return false;
}

/* Prints the cells of a record for the client, which makes the table of them. */
static void print_cells(const Record *record)
{
    char *cells[COLUMNS + 1] = {NULL};

    make_cells(record, cells);
    g_autofree char *line = g_strjoinv("\t", cells);
    puts(line);
    for (size_t i = 0; i < COLUMNS; i++)
        g_free(cells[i]);
}

/* Sets where the next page begins: after this record. */
static void set_next(const PagedList *view, const Record *record)
{
    const StoreCursor place = store_cursor_of(record, view->sort);
    g_autofree char *key = page_escape(record->key);

    g_string_printf(view->page->next, "%" PRId64 ".%" PRIu64 ".%s", place.value, place.id, key);
}

/* Prints one record of a page. Returns false when the page is full. */
static bool visit_for_page(const Record *record, void *data)
{
    PagedList *view = data;

    if (!print_for_scripts(view->options, view->prefix, record))
        print_cells(record);
    view->rows++;
    if (view->rows != view->page->rows && !context_page_is_full(view->page))
        return true;
    set_next(view, record);
    return false;
}

/* The page ends before it is full: the reader answers other questions between two pages. */
static void pause_page(const Record *last, void *data)
{
    set_next(data, last);
}

/* Prints the page that follows the place which the client names. */
static bool print_page(Context *context, const ListOptions *list, StoreSort sort, GError **error)
{
    ContextPage *page = context->page;
    PagedList view = {.page = page, .options = list, .prefix = context->prefix, .sort = sort};
    g_autofree char *key = NULL;
    StoreCursor after;

    if (*page->after && !parse_place(page->after, &after, &key, error))
        return false;
    if (list->csv && !key)
        object_csv_print_heading();
    const StorePage part = {.after = key ? &after : NULL,
                            .limit = page->rows,
                            .rows_max = PAGE_ROWS_READ,
                            .pause = pause_page};
    return store_query_page(context->snapshot, &context->filter, sort, list->reverse, &part,
                            visit_for_page, &view, error);
}

/* Prints one record, or adds it to the table. Returns false if no more can be printed. */
static bool visit(const Record *record, void *data)
{
    ListView *view = data;
    view->rows++;
    if (!print_for_scripts(view->options, view->prefix, record))
        add_row(view, record);
    /* The reader closed the pipe, or the disk is full. */
    return !ferror(stdout);
}

/* Prints a line of a page from the daemon's reader. */
static bool print_line(char *line, void *data)
{
    ListView *view = data;
    const ListOptions *list = view->options;

    if (list->limit > 0 && view->rows == list->limit + list->csv)
        return false;
    view->rows++;
    if (!view->table) {
        puts(line);
        return !ferror(stdout);
    }
    g_auto(GStrv) cells = g_strsplit(line, "\t", COLUMNS);
    if (g_strv_length(cells) == COLUMNS)
        add_cells(view, cells);
    return !ferror(stdout);
}

/* Lists the records that the filter selects: those of the daemon that was asked, or those of the
 * store. */
static bool walk(Context *context, const ListOptions *list, StoreSort sort, ListView *view,
                 GError **error)
{
    /* The heading of CSV counts as a line of the first page. */
    uint64_t limit = list->limit > 0 && list->csv ? list->limit + 1 : list->limit;

    if (context->asking)
        return asking_lines(context->asking, limit, print_line, view, error);
    return store_query(context->snapshot, &context->filter, sort, list->reverse, list->limit, visit,
                       view, error);
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
    if (context->page)
        return print_page(context, list, sort, error) ? 0 : -1;
    ListView view = {.options = list, .prefix = context->prefix};
    if (list->csv && !context->asking)
        object_csv_print_heading();
    else if (!list->json && !list->csv)
        begin_table(&view, sort);
    g_autoptr(TextTable) table = view.table;
    bool ok = walk(context, list, sort, &view, error);
    if (ok && table)
        table_print(table);
    if (ok && view.rows == 0 && terminal_is_interactive())
        log_info("%s", list->none ? list->none : context_nothing_found(context));
    return ok ? 0 : -1;
}

int cmd_list(Context *context, GError **error)
{
    return list_print(context, context->options, error);
}
