/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "error.h"
#include "etc.h"
#include "json_out.h"
#include "locate.h"
#include "object_json.h"
#include "show_view.h"

#include <inttypes.h>

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
    return locate_bucket_above(ETC_FOLDER, folder);
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
        show->json ? print_json(context, &record, error) : show_view_print(context, &record, error);
    return ok ? 0 : -1;
}
