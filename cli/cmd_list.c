#include "clock.h"
#include "command.h"
#include "error.h"
#include "json_out.h"
#include "list.h"
#include "object_csv.h"
#include "object_json.h"
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
     "comma-separated values, with a heading"},
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

/* ---- for people: fixed columns, the name last, so that rows can be printed as they come ---------
 */

#define ROW_FORMAT "%-20s  %-7s  %-5s  %11s  %10s  %6s  %9s  %s"

static void print_heading(void)
{
    printf("%s" ROW_FORMAT "%s\n", terminal_bold(), "date", "state", "type", "pixels", "size",
           "thumbs", "duration", "name", terminal_reset());
}

static void print_row(const Record *record)
{
    const ImageFacts *facts = &record->facts;
    char date[CLOCK_TEXT_MAX], pixels[32] = "-", thumbnails[16];
    if (facts->width > 0)
        snprintf(pixels, sizeof(pixels), "%dx%d", facts->width, facts->height);
    snprintf(thumbnails, sizeof(thumbnails), "%zu", record->n_thumbnails);
    g_autofree char *name = object_key_to_text(record->key, NULL);
    g_autofree char *size = units_format_bytes(record->version.size);
    g_autofree char *duration = terminal_duration(record->duration_us);
    bool dead = record->state == STATE_DEAD;
    printf("%s" ROW_FORMAT "%s\n", dead ? terminal_red() : "",
           clock_format_seconds(record_date_us(record), date), state_name(record->state),
           facts->type == IMAGE_NONE ? "-" : image_type_name(facts->type), pixels, size, thumbnails,
           duration, name, dead ? terminal_reset() : "");
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

typedef struct {
    const ListOptions *options;
    const char *prefix;
} ListView;

static bool visit(const Record *record, void *data)
{
    const ListView *view = data;
    if (view->options->json)
        json_out_print(object_json(record, view->prefix));
    else if (view->options->csv)
        object_csv_print(record);
    else
        print_row(record);
    return !ferror(stdout); /* nobody reads on, or the disk is full */
}

int list_print(Context *context, const ListOptions *list, GError **error)
{
    StoreSort sort = STORE_SORT_NAME;
    if (list->json && list->csv) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--json and --csv exclude each other");
        return -1;
    }
    if (list->sort && !parse_sort(list->sort, &sort, error))
        return -1;
    if (list->csv)
        object_csv_print_heading();
    else if (!list->json)
        print_heading();
    ListView view = {.options = list, .prefix = context->prefix};
    bool ok = store_query(context->snapshot, &context->filter, sort, list->reverse, list->limit,
                          visit, &view, error);
    return ok ? 0 : -1;
}

int cmd_list(Context *context, GError **error)
{
    return list_print(context, context->options, error);
}
