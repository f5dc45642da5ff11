#include "clock.h"
#include "command.h"
#include "csv.h"
#include "error.h"
#include "json_out.h"
#include "object_json.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *sort;
    bool reverse;
    uint64_t limit;
    bool json;
    bool csv;
} ListOptions;

static const Option options[] = {
    {"sort", OPTION_TEXT, "ORDER", offsetof(ListOptions, sort),
     "name (the default), size, date or duration; smallest first"},
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

#define ROW_FORMAT "%-20s  %-7s  %-5s  %11s  %10s  %6s  %9s  %s\n"

static void print_heading(void)
{
    printf("%s", terminal_bold());
    printf(ROW_FORMAT, "date", "state", "type", "pixels", "size", "thumbs", "duration", "name");
    printf("%s", terminal_reset());
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
    printf("%s", dead ? terminal_red() : "");
    printf(ROW_FORMAT, clock_format_seconds(record_date_us(record), date),
           state_name(record->state),
           facts->type == IMAGE_NONE ? "-" : image_type_name(facts->type), pixels, size, thumbnails,
           duration, name);
    printf("%s", dead ? terminal_reset() : "");
}

/* ---- CSV: the fields of the JSON object, thumbnails as count and bytes
 * --------------------------- */

enum {
    CSV_NAME,
    CSV_NAME_ENCODING,
    CSV_SIZE,
    CSV_DATE,
    CSV_DATE_SOURCE,
    CSV_STATE,
    CSV_TYPE,
    CSV_WIDTH,
    CSV_HEIGHT,
    CSV_PAGES,
    CSV_ORIENTATION,
    CSV_ALPHA,
    CSV_DAMAGED,
    CSV_UPLOADED,
    CSV_PROCESSED,
    CSV_DURATION_MS,
    CSV_ATTEMPTS,
    CSV_THUMBNAILS,
    CSV_THUMBNAIL_BYTES,
    CSV_ERROR,
    CSV_ERROR_MESSAGE,
    CSV_COLUMNS,
};

static const char *const csv_columns[CSV_COLUMNS] = {
    "name",
    "name_encoding",
    "size",
    "date",
    "date_source",
    "state",
    "type",
    "width",
    "height",
    "pages",
    "orientation",
    "alpha",
    "damaged",
    "uploaded",
    "processed",
    "duration_ms",
    "attempts",
    "thumbnails",
    "thumbnail_bytes",
    "error",
    "error_message",
};

#define CSV_NUMBER_MAX 32

/* Numbers that are not known are empty. */
static const char *csv_number(int64_t number, char text[static CSV_NUMBER_MAX])
{
    if (number == 0)
        return NULL;
    snprintf(text, CSV_NUMBER_MAX, "%" PRId64, number);
    return text;
}

static void print_csv(const Record *record)
{
    const ImageFacts *facts = &record->facts;
    const char *fields[CSV_COLUMNS] = {NULL};
    char numbers[CSV_COLUMNS][CSV_NUMBER_MAX];
    bool encoded = false;
    g_autofree char *name = object_key_to_text(record->key, &encoded);
    fields[CSV_NAME] = name;
    fields[CSV_NAME_ENCODING] = encoded ? "percent" : NULL;
    snprintf(numbers[CSV_SIZE], CSV_NUMBER_MAX, "%" PRId64, record->version.size);
    fields[CSV_SIZE] = numbers[CSV_SIZE];
    fields[CSV_DATE] = clock_format_seconds(record_date_us(record), numbers[CSV_DATE]);
    fields[CSV_DATE_SOURCE] = facts->has_date ? "exif" : "mtime";
    fields[CSV_STATE] = state_name(record->state);
    fields[CSV_TYPE] = image_type_name(facts->type);
    fields[CSV_WIDTH] = csv_number(facts->width, numbers[CSV_WIDTH]);
    fields[CSV_HEIGHT] = csv_number(facts->height, numbers[CSV_HEIGHT]);
    fields[CSV_PAGES] = csv_number(facts->pages, numbers[CSV_PAGES]);
    fields[CSV_ORIENTATION] = csv_number(facts->orientation, numbers[CSV_ORIENTATION]);
    fields[CSV_ALPHA] = facts->alpha ? "true" : "false";
    fields[CSV_DAMAGED] = facts->damaged ? "true" : "false";
    fields[CSV_UPLOADED] = clock_format_millis(record->uploaded_us, numbers[CSV_UPLOADED]);
    if (record->processed_us)
        fields[CSV_PROCESSED] = clock_format_millis(record->processed_us, numbers[CSV_PROCESSED]);
    if (record->duration_us) {
        snprintf(numbers[CSV_DURATION_MS], CSV_NUMBER_MAX, "%.2f",
                 (double)record->duration_us / CLOCK_US_PER_MS);
        fields[CSV_DURATION_MS] = numbers[CSV_DURATION_MS];
    }
    snprintf(numbers[CSV_ATTEMPTS], CSV_NUMBER_MAX, "%d", record->attempts);
    fields[CSV_ATTEMPTS] = numbers[CSV_ATTEMPTS];
    snprintf(numbers[CSV_THUMBNAILS], CSV_NUMBER_MAX, "%zu", record->n_thumbnails);
    fields[CSV_THUMBNAILS] = numbers[CSV_THUMBNAILS];
    snprintf(numbers[CSV_THUMBNAIL_BYTES], CSV_NUMBER_MAX, "%" PRId64,
             record_thumbnail_bytes(record));
    fields[CSV_THUMBNAIL_BYTES] = numbers[CSV_THUMBNAIL_BYTES];
    if (record->error != ERROR_NONE) {
        fields[CSV_ERROR] = error_name(record->error);
        fields[CSV_ERROR_MESSAGE] = record->message;
    }
    csv_print(fields, CSV_COLUMNS);
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
        print_csv(record);
    else
        print_row(record);
    return !ferror(stdout); /* nobody reads on, or the disk is full */
}

int cmd_list(Context *context, GError **error)
{
    const ListOptions *list = context->options;
    StoreSort sort = STORE_SORT_NAME;
    if (list->json && list->csv) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--json and --csv exclude each other");
        return -1;
    }
    if (list->sort && !parse_sort(list->sort, &sort, error))
        return -1;
    if (list->csv)
        csv_print(csv_columns, CSV_COLUMNS);
    else if (!list->json)
        print_heading();
    ListView view = {.options = list, .prefix = context->prefix};
    bool ok = store_query(context->snapshot, &context->filter, sort, list->reverse, list->limit,
                          visit, &view, error);
    return ok ? 0 : -1;
}
