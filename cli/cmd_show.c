#include "clock.h"
#include "command.h"
#include "error.h"
#include "json_out.h"
#include "layout.h"
#include "locate.h"
#include "object_json.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bool json;
} ShowOptions;

static const Option options[] = {
    {"json", OPTION_FLAG, NULL, offsetof(ShowOptions, json), "one JSON object"},
    {NULL},
};

const CommandUsage usage_show = {
    .words = "KEY",
    .n_words = 1,
    .about =
        "Prints all that is known of one object: its picture, thumbnails, attempts and events.\n"
        "KEY is the name that 'thumbq list' prints, or a path to the file.",
    .examples = "thumbq show 2026/trip/dune.png photos\n"
                "thumbq show --json photos/2026/trip/dune.png",
    .options = options,
    .values_size = sizeof(ShowOptions),
};

/*
 * Where neither BUCKET nor $THUMBQ_BUCKET names one, a KEY that is a path to a file means the
 * bucket that file lies in, rather than the one around the current folder. Owner: the caller frees;
 * NULL if there is none.
 */
static char *bucket_of_file(const Context *context, const char *key)
{
    const char *environment = g_getenv("THUMBQ_BUCKET");
    if (context->bucket_argument || (environment && *environment))
        return NULL;
    if (!g_file_test(key, G_FILE_TEST_IS_REGULAR))
        return NULL;
    g_autofree char *folder = g_path_get_dirname(key);
    return locate_bucket_above(folder);
}

/* Tries what KEY may mean. */
static bool find_record(Context *context, const char *text, Record *ret_record, GError **error)
{
    g_autofree char *directory = g_get_current_dir();
    g_auto(GStrv) keys = locate_keys(text, context->bucket, directory);
    for (size_t i = 0; keys[i]; i++) {
        g_autoptr(GError) failure = NULL;
        if (store_get(context->snapshot, keys[i], ret_record, &failure))
            return true;
        if (error_code(failure) != ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                "no such object: '%s' in '%s'; 'thumbq list' prints the names", text,
                context->bucket);
    return false;
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static bool add_event_json(const StoreEvent *event, void *data)
{
    json_t *object = json_object();
    json_object_set_new(object, "sequencer", json_sprintf("%016" PRIX64, event->sequencer));
    json_object_set_new(object, "time", json_out_millis(event->time_us));
    json_object_set_new(object, "event", json_string(store_event_name(event->type)));
    json_object_set_new(object, "size", json_integer(event->size));
    json_object_set_new(object, "error", json_out_error_name(event->error));
    json_array_append_new(data, object);
    return true;
}

static bool print_json(const Context *context, const Record *record, GError **error)
{
    json_t *events = json_array();
    if (!store_events(context->snapshot, 0, record->id, 0, add_event_json, events, error)) {
        json_decref(events);
        return false;
    }
    json_t *object = object_json(record, context->prefix);
    object_json_add_details(object, record);
    json_object_set_new(object, "events", events);
    json_out_print(object);
    return true;
}

/* ---- for people ---------------------------------------------------------------------------------
 */

G_GNUC_PRINTF(2, 3) static void print_line(const char *label, const char *format, ...)
{
    va_list arguments;
    printf("%-11s ", label);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void print_time(const char *label, int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    if (wall_us)
        print_line(label, "%s", clock_format_millis(wall_us, text));
}

static void print_object(const Record *record)
{
    char date[CLOCK_TEXT_MAX];
    bool dead = record->state == STATE_DEAD;
    print_line("state", "%s%s%s%s", dead ? terminal_red() : "", state_name(record->state),
               dead ? terminal_reset() : "",
               record->n_thumbnails > 0 && !record_is_current(record)
                   ? ", thumbnails of an earlier version"
                   : "");
    if (record->error != ERROR_NONE) {
        g_autofree char *message = terminal_safe(record->message);
        print_line("error", "%s (%s): %s", error_name(record->error),
                   error_class_name(error_class(record->error)),
                   *message ? message : error_text(record->error));
    }
    if (record->state == STATE_PENDING) {
        print_line("priority", "%s", object_priority_name(record->priority));
        print_time("due", record->due_us);
    }
    g_autofree char *size = units_format_bytes(record->version.size);
    g_autofree char *bytes = terminal_count((uint64_t)record->version.size, "byte", "bytes");
    print_line("size", "%s (%s)", size, bytes);
    print_line("date", "%s (%s)", clock_format_seconds(record_date_us(record), date),
               record->facts.has_date ? "exif" : "mtime");
}

static void print_picture(const ImageFacts *facts)
{
    if (facts->type == IMAGE_NONE)
        return;
    g_autofree char *pages = terminal_count((uint64_t)facts->pages, "page", "pages");
    print_line("picture", "%s, %dx%d, %s, orientation %d%s%s%s%s", image_type_name(facts->type),
               facts->width, facts->height, pages, facts->orientation,
               facts->alpha ? ", alpha" : "", facts->damaged ? terminal_red() : "",
               facts->damaged ? ", damaged" : "", facts->damaged ? terminal_reset() : "");
    if (facts->has_color)
        print_line("color", "#%06" PRIx32, facts->color);
    g_autofree char *etag = object_etag(facts);
    if (etag)
        print_line("etag", "%s", etag);
}

static void print_thumbnails(const Record *record, const char *prefix)
{
    static const TableColumn columns[] = {{"thumbnail", TABLE_TEXT},
                                          {"type", TABLE_TEXT},
                                          {"pixels", TABLE_FIGURE},
                                          {"size", TABLE_FIGURE},
                                          {"path", TABLE_TEXT}};
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *made = &record->thumbnails[i];
        g_autofree char *pixels = g_strdup_printf("%dx%d", made->facts.width, made->facts.height);
        g_autofree char *size = units_format_bytes(made->facts.size);
        g_autofree char *key =
            layout_thumbnail_key(prefix, made->rendition, record->key, made->facts.type);
        g_autofree char *path = object_key_to_text(key, NULL);
        const char *cells[] = {made->rendition, image_type_name(made->facts.type), pixels, size,
                               path};
        table_add(table, cells, TABLE_NO_PROBLEM);
    }
    table_print_below(table);
}

static void print_attempts(const Record *record)
{
    static const TableColumn columns[] = {{"attempt", TABLE_TEXT}, {"duration", TABLE_FIGURE},
                                          {"cpu", TABLE_FIGURE},   {"memory", TABLE_FIGURE},
                                          {"error", TABLE_TEXT},   {"request", TABLE_TEXT}};
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    for (size_t i = 0; i < record->n_log; i++) {
        const RecordAttempt *made = &record->log[i];
        char start[CLOCK_TEXT_MAX];
        g_autofree char *duration = terminal_duration(made->duration_us);
        g_autofree char *cpu = terminal_duration(made->cpu_us);
        g_autofree char *memory = units_format_bytes(made->memory_bytes);
        g_autofree char *request = record_request_id(made->request_id);
        bool failed = made->error != ERROR_NONE;
        const char *cells[] = {clock_format_millis(made->start_us, start), duration, cpu, memory,
                               failed ? error_name(made->error) : "-",     request};
        table_add(table, cells, failed ? 4 : TABLE_NO_PROBLEM);
    }
    table_print_below(table);
}

static bool add_event_row(const StoreEvent *event, void *data)
{
    char time[CLOCK_TEXT_MAX];
    g_autofree char *size = units_format_bytes(event->size);
    bool failed = event->error != ERROR_NONE;
    const char *cells[] = {clock_format_millis(event->time_us, time), store_event_name(event->type),
                           size, failed ? error_name(event->error) : "-"};
    table_add(data, cells, event->type == STORE_EVENT_DEAD ? 1 : TABLE_NO_PROBLEM);
    return true;
}

static bool print_text(const Context *context, const Record *record, GError **error)
{
    static const TableColumn columns[] = {
        {"time", TABLE_TEXT}, {"event", TABLE_TEXT}, {"size", TABLE_FIGURE}, {"error", TABLE_TEXT}};
    g_autoptr(Table) events = table_new(columns, G_N_ELEMENTS(columns));
    if (!store_events(context->snapshot, 0, record->id, 0, add_event_row, events, error))
        return false;
    g_autofree char *name = object_key_to_text(record->key, NULL);
    printf("%s%s%s\n\n", terminal_bold(), name, terminal_reset());
    print_object(record);
    print_picture(&record->facts);
    print_time("uploaded", record->uploaded_us);
    print_time("processed", record->processed_us);
    print_line("attempts", "%d", record->attempts);
    print_thumbnails(record, context->prefix);
    print_attempts(record);
    table_print_below(events);
    return true;
}

int cmd_show(Context *context, GError **error)
{
    const ShowOptions *show = context->options;
    const char *text = context->words[0];
    g_autofree char *nearest = bucket_of_file(context, text);
    if (nearest)
        context->bucket_argument = nearest;
    Record record;
    if (!context_open_store(context, error) || !find_record(context, text, &record, error))
        return -1;
    bool ok =
        show->json ? print_json(context, &record, error) : print_text(context, &record, error);
    return ok ? 0 : -1;
}
