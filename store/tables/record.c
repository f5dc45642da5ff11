/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include "base/zone.h"

#include <string.h>

#define MINUTE_US (INT64_C(60) * 1000000)

int64_t record_put_us(const Record *record)
{
    return MAX(record->version.mtime_ns, record->version.ctime_ns) / 1000;
}

ErrorClass record_error_class(const Record *record)
{
    return record->state == STATE_SKIPPED ? ERROR_CLASS_SKIP : error_class(record->error);
}

/* Modification time of the file, rounded down, also before 1970. */
static int64_t file_date_us(const Record *record)
{
    int64_t ns = record->version.mtime_ns;

    return ns / 1000 - (ns % 1000 < 0);
}

int64_t record_date_us(const Record *record)
{
    return record->facts.has_date ? record->facts.date_us : zone_to_wall_us(file_date_us(record));
}

int64_t record_indexed_date_us(const Record *record)
{
    return record->facts.has_date ? record->facts.date_us
                                  : file_date_us(record) + record->zone_min * MINUTE_US;
}

int64_t record_date_instant_us(const Record *record)
{
    const ImageFacts *facts = &record->facts;

    if (!facts->has_date)
        return file_date_us(record);
    return facts->has_offset ? facts->date_us - facts->offset_min * MINUTE_US
                             : zone_from_wall_us(facts->date_us);
}

bool record_date_offset(const Record *record, int *ret_offset_min)
{
    if (record->facts.has_date && !record->facts.has_offset)
        return false;
    *ret_offset_min =
        record->facts.has_date ? record->facts.offset_min : zone_offset_min(file_date_us(record));
    return true;
}

int64_t record_due_us(const Record *record)
{
    return record->due_us < 0 ? record->uploaded_us : record->due_us;
}

int record_zone_min(const Record *record)
{
    return zone_offset_min(file_date_us(record));
}

bool record_is_current(const Record *record)
{
    return object_version_equal(&record->made, &record->version);
}

const Thumbnail *record_thumbnail(const Record *record, const Rendition *rendition)
{
    uint64_t recipe = rendition_recipe(rendition, record->facts.type);

    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *thumbnail = &record->thumbnails[i];
        if (thumbnail->recipe == recipe && strcmp(thumbnail->rendition, rendition->name) == 0)
            return thumbnail;
    }
    return NULL;
}

ImageType record_tried_type(const Record *record)
{
    ImageType type = record->facts.type;

    return type != IMAGE_NONE && type != IMAGE_OTHER ? type
                                                     : image_type_from_name_ending(record->key);
}

/* True if a decoder that was mended since may read what another one could not. */
static bool may_be_read_now(const Record *record)
{
    return (record->state == STATE_DEAD || record->state == STATE_SKIPPED) &&
           image_type_revision(record_tried_type(record)) > record->tried_revision;
}

bool record_is_stale(const Record *record, const Rendition *renditions, size_t n_renditions)
{
    if (may_be_read_now(record))
        return true;
    if (record->state != STATE_DONE || record->expired)
        return false;
    if (record->is_date_unsure)
        return true;
    for (size_t i = 0; i < n_renditions; i++) {
        if (!record_thumbnail(record, &renditions[i]))
            return true;
    }
    /* Extra thumbnails belong to renditions that were removed. */
    return record->n_thumbnails > n_renditions;
}

int64_t record_thumbnail_bytes(const Record *record)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < record->n_thumbnails; i++)
        bytes += (uint64_t)record->thumbnails[i].facts.size;
    return (int64_t)bytes;
}

static ObjectDate date_of(const Record *record)
{
    ObjectDate date = {.wall_us = record_date_us(record),
                       .instant_us = record_date_instant_us(record)};

    date.has_offset = record_date_offset(record, &date.offset_min);
    return date;
}

ObjectInfo record_info(const Record *record)
{
    return (ObjectInfo){
        .key = record->key,
        .id = record->id,
        .sequencer = record->sequencer,
        .state = record->state,
        .priority = record->priority,
        .due_us = record_due_us(record),
        .version = record->version,
        .is_current = record_is_current(record),
        .date = date_of(record),
        .uploaded_us = record->uploaded_us,
        .processed_us = record->processed_us,
        .duration_us = record->duration_us,
        .attempts = record->attempts,
        .worker = *record->worker ? record->worker : NULL,
        .error = record->error,
        .error_class = record_error_class(record),
        .message = record->message,
        .facts = &record->facts,
        .thumbnails = record->thumbnails,
        .n_thumbnails = record->n_thumbnails,
        .log = record->log,
        .n_log = record->n_log,
        .away = record->away,
    };
}
