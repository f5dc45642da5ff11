/* SPDX-License-Identifier: Apache-2.0 */
/* The command `show`: prints the record of an object, and its history. */
#include "base/error.h"
#include "command.h"
#include "config/etc.h"
#include "locate.h"
#include "model/event_json.h"
#include "model/object_json.h"
#include "views/json_out.h"
#include "views/show_view.h"

typedef struct {
    bool json;
} ShowOptions;

static const CommandOption options[] = {
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
 * Returns the bucket of a file that KEY names by its path, if neither BUCKET nor $THUMBQ_BUCKET
 * names a bucket. That bucket is preferred to the one around the current folder. Returns NULL if
 * there is none. Owner: the caller frees.
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

/* Tries each key that KEY may mean. */
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

static bool add_event_json(const Event *event, void *data)
{
    json_array_append_new(data, event_json(event));
    return true;
}

static bool print_json(const Context *context, const Record *record, GError **error)
{
    json_t *events = json_array();
    if (!store_events(context->snapshot, 0, record->id, 0, add_event_json, events, error)) {
        json_decref(events);
        return false;
    }
    const ObjectInfo info = record_info(record);
    json_t *object = object_json(&info, context->prefix);
    object_json_add_details(object, &info);
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
