/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object_json.h"

#include "base/clock.h"
#include "model/invocation_json.h"
#include "model/json_value.h"
#include "model/layout.h"

#include <inttypes.h>

/* Converts a number: 0 means unknown in the record, and becomes null in JSON. */
static json_t *known_integer(int64_t value)
{
    return value ? json_integer(value) : json_null();
}

static json_t *thumbhash_json(const ImageFacts *facts)
{
    if (!facts->thumbhash_len)
        return json_null();
    g_autofree char *text = g_base64_encode(facts->thumbhash, facts->thumbhash_len);
    return json_string(text);
}

static json_t *error_json(const ObjectInfo *object)
{
    bool ended = object->state == STATE_DEAD || object->state == STATE_SKIPPED;
    if (!ended || object->error == ERROR_NONE)
        return json_null();
    json_t *error = json_object();
    json_object_set_new(error, "name", json_string(error_name(object->error)));
    const char *class = error_class_name(object->error_class);
    json_object_set_new(error, "class", json_string(class));
    json_object_set_new(error, "message", json_value_text(object->message));
    return error;
}

json_t *object_thumbnails_json(const ObjectInfo *object, const char *prefix)
{
    json_t *thumbnails = json_array();
    for (size_t i = 0; i < object->n_thumbnails; i++) {
        const Thumbnail *made = &object->thumbnails[i];
        const ThumbnailFacts *facts = &made->facts;
        g_autofree char *path =
            layout_thumbnail_key(prefix, made->rendition, object->key, facts->type);
        json_t *thumbnail = json_object();
        json_object_set_new(thumbnail, "rendition", json_value_text(made->rendition));
        json_value_set_bytes(thumbnail, "path", path);
        json_object_set_new(thumbnail, "type", json_string(image_type_name(facts->type)));
        json_object_set_new(thumbnail, "width", json_integer(facts->width));
        json_object_set_new(thumbnail, "height", json_integer(facts->height));
        json_object_set_new(thumbnail, "size", json_integer(facts->size));
        json_array_append_new(thumbnails, thumbnail);
    }
    return thumbnails;
}

static void add_picture(json_t *json, const ImageFacts *facts)
{
    json_object_set_new(json, "type", json_string(image_type_name(facts->type)));
    json_object_set_new(json, "width", known_integer(facts->width));
    json_object_set_new(json, "height", known_integer(facts->height));
    json_object_set_new(json, "pages", known_integer(facts->pages));
    /* True if at least the header of the file was read. */
    bool is_read = facts->width > 0;
    json_object_set_new(json, "orientation", known_integer(is_read ? facts->orientation : 0));
    json_object_set_new(json, "alpha", is_read ? json_boolean(facts->alpha) : json_null());
    json_object_set_new(json, "damaged", json_boolean(facts->damaged));
}

static void add_work(json_t *json, const ObjectInfo *object)
{
    json_object_set_new(json, "uploaded", json_value_millis(object->uploaded_us));
    json_object_set_new(json, "processed", json_value_millis(object->processed_us));
    json_object_set_new(json, "duration_ms",
                        object->duration_us ? json_value_ms(object->duration_us) : json_null());
    json_object_set_new(json, "attempts", json_integer(object->attempts));
    json_object_set_new(json, "worker",
                        object->worker ? json_value_text(object->worker) : json_null());
}

static void add_date(json_t *json, const ObjectDate *date)
{
    char text[CLOCK_TEXT_MAX];

    json_object_set_new(
        json, "date",
        json_string(clock_format_wall(date->wall_us, date->has_offset, date->offset_min, text)));
    json_object_set_new(json, "date_utc",
                        date->has_offset ? json_value_seconds(date->instant_us) : json_null());
}

json_t *object_json(const ObjectInfo *object, const char *prefix)
{
    const ImageFacts *facts = object->facts;
    json_t *json = json_object();
    json_value_set_bytes(json, "name", object->key);
    json_object_set_new(json, "size", json_integer(object->version.size));
    add_date(json, &object->date);
    json_object_set_new(json, "date_source", json_string(image_date_source(facts)));
    json_object_set_new(json, "state", json_string(state_name(object->state)));
    add_picture(json, facts);
    add_work(json, object);
    json_object_set_new(json, "thumbhash", thumbhash_json(facts));
    json_object_set_new(json, "color",
                        facts->has_color ? json_sprintf("#%06" PRIx32, facts->color) : json_null());
    json_object_set_new(json, "thumbnails", object_thumbnails_json(object, prefix));
    json_object_set_new(json, "error", error_json(object));
    json_object_set_new(json, "away", json_boolean(object->away));
    return json;
}

static json_t *version_json(const ObjectVersion *version)
{
    json_t *json = json_object();
    json_object_set_new(json, "inode", json_integer((json_int_t)version->ino));
    json_object_set_new(json, "size", json_integer(version->size));
    json_object_set_new(json, "mtime", json_value_nanos(version->mtime_ns));
    json_object_set_new(json, "ctime", json_value_nanos(version->ctime_ns));
    return json;
}

static json_t *attempts_json(const ObjectInfo *object)
{
    json_t *attempts = json_array();

    for (size_t i = 0; i < object->n_log; i++)
        json_array_append_new(attempts, invocation_json(&object->log[i]));
    return attempts;
}

void object_json_add_details(json_t *json, const ObjectInfo *object)
{
    g_autofree char *etag = image_etag(object->facts);
    bool waits = object->state == STATE_PENDING;
    json_object_set_new(json, "id", json_integer((json_int_t)object->id));
    json_object_set_new(json, "sequencer", json_sprintf("%016" PRIX64, object->sequencer));
    json_object_set_new(json, "etag", etag ? json_string(etag) : json_null());
    json_object_set_new(json, "version", version_json(&object->version));
    json_object_set_new(json, "current", json_boolean(object->is_current));
    json_object_set_new(json, "priority",
                        waits ? json_string(priority_name(object->priority)) : json_null());
    json_object_set_new(json, "due", waits ? json_value_millis(object->due_us) : json_null());
    json_object_set_new(json, "attempts_log", attempts_json(object));
}
