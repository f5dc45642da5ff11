/* SPDX-License-Identifier: Apache-2.0 */
#include "object_json.h"

#include "clock.h"
#include "json_out.h"
#include "layout.h"

#include <inttypes.h>

/* What is 0 in a record because it is not known is null in JSON. */
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

static json_t *error_json(const Record *record)
{
    bool ended = record->state == STATE_DEAD || record->state == STATE_SKIPPED;
    if (!ended || record->error == ERROR_NONE)
        return json_null();
    json_t *error = json_object();
    json_object_set_new(error, "name", json_string(error_name(record->error)));
    const char *class = error_class_name(record_error_class(record));
    json_object_set_new(error, "class", json_string(class));
    json_object_set_new(error, "message", json_out_text(record->message));
    return error;
}

static json_t *thumbnails_json(const Record *record, const char *prefix)
{
    json_t *thumbnails = json_array();
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *made = &record->thumbnails[i];
        const ThumbnailFacts *facts = &made->facts;
        g_autofree char *path =
            layout_thumbnail_key(prefix, made->rendition, record->key, facts->type);
        json_t *thumbnail = json_object();
        json_object_set_new(thumbnail, "rendition", json_out_text(made->rendition));
        json_out_set_bytes(thumbnail, "path", path);
        json_object_set_new(thumbnail, "type", json_string(image_type_name(facts->type)));
        json_object_set_new(thumbnail, "width", json_integer(facts->width));
        json_object_set_new(thumbnail, "height", json_integer(facts->height));
        json_object_set_new(thumbnail, "size", json_integer(facts->size));
        json_array_append_new(thumbnails, thumbnail);
    }
    return thumbnails;
}

static void add_picture(json_t *object, const ImageFacts *facts)
{
    json_object_set_new(object, "type", json_string(image_type_name(facts->type)));
    json_object_set_new(object, "width", known_integer(facts->width));
    json_object_set_new(object, "height", known_integer(facts->height));
    json_object_set_new(object, "pages", known_integer(facts->pages));
    bool is_read = facts->width > 0; /* its header, at least */
    json_object_set_new(object, "orientation", known_integer(is_read ? facts->orientation : 0));
    json_object_set_new(object, "alpha", is_read ? json_boolean(facts->alpha) : json_null());
    json_object_set_new(object, "damaged", json_boolean(facts->damaged));
}

static void add_work(json_t *object, const Record *record)
{
    json_object_set_new(object, "uploaded", json_out_millis(record->uploaded_us));
    json_object_set_new(object, "processed", json_out_millis(record->processed_us));
    json_object_set_new(object, "duration_ms",
                        record->duration_us ? json_out_ms(record->duration_us) : json_null());
    json_object_set_new(object, "attempts", json_integer(record->attempts));
}

static void add_date(json_t *object, const Record *record)
{
    char text[CLOCK_TEXT_MAX];
    int offset_min = 0;
    bool has_offset = record_date_offset(record, &offset_min);
    json_object_set_new(
        object, "date",
        json_string(clock_format_wall(record_date_us(record), has_offset, offset_min, text)));
    json_object_set_new(object, "date_utc",
                        has_offset ? json_out_seconds(record_date_instant_us(record))
                                   : json_null());
}

json_t *object_json(const Record *record, const char *prefix)
{
    const ImageFacts *facts = &record->facts;
    json_t *object = json_object();
    json_out_set_bytes(object, "name", record->key);
    json_object_set_new(object, "size", json_integer(record->version.size));
    add_date(object, record);
    json_object_set_new(object, "date_source", json_string(facts->has_date ? "exif" : "mtime"));
    json_object_set_new(object, "state", json_string(state_name(record->state)));
    add_picture(object, facts);
    add_work(object, record);
    json_object_set_new(object, "thumbhash", thumbhash_json(facts));
    json_object_set_new(object, "color",
                        facts->has_color ? json_sprintf("#%06" PRIx32, facts->color) : json_null());
    json_object_set_new(object, "thumbnails", thumbnails_json(record, prefix));
    json_object_set_new(object, "error", error_json(record));
    json_object_set_new(object, "away", json_boolean(record->away));
    return object;
}

char *object_etag(const ImageFacts *facts)
{
    if (!facts->etag[0] && !facts->etag[1])
        return NULL;
    return g_strdup_printf("%016" PRIx64 "%016" PRIx64, facts->etag[1], facts->etag[0]);
}

const char *object_priority_name(Priority priority)
{
    switch (priority) {
    case PRIORITY_UPLOAD:
        return "upload";
    case PRIORITY_SCAN:
        return "scan";
    case PRIORITY_BACKFILL:
        return "backfill";
    }
    return "unknown";
}

static json_t *version_json(const ObjectVersion *version)
{
    json_t *object = json_object();
    json_object_set_new(object, "inode", json_integer((json_int_t)version->ino));
    json_object_set_new(object, "size", json_integer(version->size));
    json_object_set_new(object, "mtime", json_out_nanos(version->mtime_ns));
    json_object_set_new(object, "ctime", json_out_nanos(version->ctime_ns));
    return object;
}

static json_t *attempts_json(const Record *record)
{
    json_t *attempts = json_array();
    for (size_t i = 0; i < record->n_log; i++) {
        const RecordAttempt *made = &record->log[i];
        g_autofree char *request_id = record_request_id(made->request_id);
        json_t *attempt = json_object();
        json_object_set_new(attempt, "request_id", json_string(request_id));
        json_object_set_new(attempt, "start", json_out_millis(made->start_us));
        json_object_set_new(attempt, "duration_ms", json_out_ms(made->duration_us));
        json_object_set_new(attempt, "cpu_ms", json_out_ms(made->cpu_us));
        json_object_set_new(attempt, "memory_bytes", json_integer(made->memory_bytes));
        json_object_set_new(attempt, "error", json_out_error_name(made->error));
        json_array_append_new(attempts, attempt);
    }
    return attempts;
}

void object_json_add_details(json_t *object, const Record *record)
{
    g_autofree char *etag = object_etag(&record->facts);
    bool waits = record->state == STATE_PENDING;
    json_object_set_new(object, "id", json_integer((json_int_t)record->id));
    json_object_set_new(object, "sequencer", json_sprintf("%016" PRIX64, record->sequencer));
    json_object_set_new(object, "etag", etag ? json_string(etag) : json_null());
    json_object_set_new(object, "version", version_json(&record->version));
    json_object_set_new(object, "current", json_boolean(record_is_current(record)));
    json_object_set_new(object, "priority",
                        waits ? json_string(object_priority_name(record->priority)) : json_null());
    json_object_set_new(object, "due",
                        waits ? json_out_millis(record_due_us(record)) : json_null());
    json_object_set_new(object, "attempts_log", attempts_json(record));
}
