/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the binary form of records. */
#include "tables/record_codec.h"
#include "tables/record_form.h"

#include <string.h>

static FixedVersion fix_version(const ObjectVersion *version)
{
    return (FixedVersion){
        .ino = GUINT64_TO_LE(version->ino),
        .size = GINT64_TO_LE(version->size),
        .mtime_ns = GINT64_TO_LE(version->mtime_ns),
        .ctime_ns = GINT64_TO_LE(version->ctime_ns),
    };
}

static uint8_t fix_flags(const Record *record)
{
    const ImageFacts *facts = &record->facts;

    return (uint8_t)((facts->alpha ? FLAG_ALPHA : 0) | (facts->damaged ? FLAG_DAMAGED : 0) |
                     (facts->has_date ? FLAG_DATE : 0) | (facts->has_color ? FLAG_COLOR : 0) |
                     (record->expired ? FLAG_EXPIRED : 0) | (record->mount ? FLAG_MOUNT : 0) |
                     (*record->worker ? FLAG_WORKER : 0));
}

static uint16_t more_flags(const Record *record)
{
    const ImageFacts *facts = &record->facts;

    return (uint16_t)((facts->has_offset ? MORE_OFFSET : 0) |
                      (record->is_date_unsure ? MORE_DATE_UNSURE : 0) |
                      (record->is_old ? MORE_OLD : 0) |
                      (record->is_bytes_unsure ? MORE_BYTES_UNSURE : 0) |
                      (facts->date_source == DATE_XMP ? MORE_DATE_XMP : 0) |
                      (facts->date_source == DATE_PNG ? MORE_DATE_PNG : 0));
}

static void append(GByteArray *buffer, const void *data, size_t len)
{
    g_byte_array_append(buffer, data, (guint)len);
}

static void append_thumbnail(GByteArray *buffer, const Thumbnail *thumbnail)
{
    size_t name_len = strnlen(thumbnail->rendition, RENDITION_NAME_MAX - 1);
    FixedThumbnail fixed = {
        .recipe = GUINT64_TO_LE(thumbnail->recipe),
        .size = GINT64_TO_LE(thumbnail->facts.size),
        .width = GUINT32_TO_LE((uint32_t)thumbnail->facts.width),
        .height = GUINT32_TO_LE((uint32_t)thumbnail->facts.height),
        .type = (uint8_t)thumbnail->facts.type,
        .name_len = (uint8_t)name_len,
        .hash_low = GUINT16_TO_LE((uint16_t)thumbnail->hash),
        .hash_high = GUINT32_TO_LE((uint32_t)(thumbnail->hash >> 16)),
    };

    append(buffer, &fixed, sizeof fixed);
    append(buffer, thumbnail->rendition, name_len);
}

static void append_attempt(GByteArray *buffer, const Attempt *attempt)
{
    FixedAttempt fixed = {
        .start_us = GINT64_TO_LE(attempt->start_us),
        .duration_us = GINT64_TO_LE(attempt->duration_us),
        .cpu_us = GINT64_TO_LE(attempt->cpu_us),
        .memory_bytes = GINT64_TO_LE(attempt->memory_bytes),
        .error = GUINT32_TO_LE((uint32_t)attempt->error),
    };

    memcpy(fixed.request_id, attempt->request_id, sizeof fixed.request_id);
    append(buffer, &fixed, sizeof fixed);
}

/* Appends the fields that few records have. */
static void append_rare(GByteArray *buffer, const Record *record)
{
    if (record->mount != 0) {
        uint32_t mount = GUINT32_TO_LE(record->mount);
        append(buffer, &mount, sizeof mount);
    }
    if (*record->worker) {
        uint8_t worker_len = (uint8_t)strnlen(record->worker, WORKER_NAME_MAX - 1);
        append(buffer, &worker_len, sizeof worker_len);
        append(buffer, record->worker, worker_len);
    }
}

void record_encode(const Record *record, GByteArray *buffer)
{
    const ImageFacts *facts = &record->facts;
    size_t key_len = strlen(record->key) + 1;
    size_t message_len = strnlen(record->message, RECORD_MESSAGE_MAX - 1);
    size_t thumbhash_len = MIN(facts->thumbhash_len, THUMBHASH_MAX);
    size_t n_thumbnails = MIN(record->n_thumbnails, RENDITIONS_MAX);
    size_t n_log = MIN(record->n_log, RECORD_ATTEMPTS_MAX);
    Fixed fixed = {
        .layout = GUINT16_TO_LE(LAYOUT_VERSION),
        .key_len = GUINT16_TO_LE((uint16_t)key_len),
        .message_len = GUINT16_TO_LE((uint16_t)message_len),
        .error = GUINT16_TO_LE((uint16_t)record->error),
        .state = (uint8_t)record->state,
        .priority = (uint8_t)record->priority,
        .n_thumbnails = (uint8_t)n_thumbnails,
        .n_log = (uint8_t)n_log,
        .type = (uint8_t)facts->type,
        .orientation = (uint8_t)facts->orientation,
        .flags = fix_flags(record),
        .thumbhash_len = (uint8_t)thumbhash_len,
        .attempts = GUINT32_TO_LE((uint32_t)record->attempts),
        .width = GUINT32_TO_LE((uint32_t)facts->width),
        .height = GUINT32_TO_LE((uint32_t)facts->height),
        .pages = GUINT32_TO_LE((uint32_t)facts->pages),
        .color = GUINT32_TO_LE(facts->color),
        .job = GUINT32_TO_LE(record->job),
        .id = GUINT64_TO_LE(record->id),
        .sequencer = GUINT64_TO_LE(record->sequencer),
        .version = fix_version(&record->version),
        .made = fix_version(&record->made),
        .uploaded_us = GINT64_TO_LE(record->uploaded_us),
        .processed_us = GINT64_TO_LE(record->processed_us),
        .due_us = GINT64_TO_LE(record->due_us),
        .duration_us = GINT64_TO_LE(record->duration_us),
        .date_us = GINT64_TO_LE(facts->date_us),
        .etag = {GUINT64_TO_LE(facts->etag[0]), GUINT64_TO_LE(facts->etag[1])},
    };

    FixedMore more = {
        .offset_min = GINT16_TO_LE((int16_t)facts->offset_min),
        .flags = GUINT16_TO_LE(more_flags(record)),
        .zone_min = GINT16_TO_LE((int16_t)record->zone_min),
        .tried_revision = GUINT16_TO_LE((uint16_t)record->tried_revision),
    };

    append(buffer, &fixed, sizeof fixed);
    append(buffer, &more, sizeof more);
    append(buffer, record->key, key_len);
    append(buffer, record->message, message_len);
    append(buffer, facts->thumbhash, thumbhash_len);
    for (size_t i = 0; i < n_thumbnails; i++)
        append_thumbnail(buffer, &record->thumbnails[i]);
    for (size_t i = 0; i < n_log; i++)
        append_attempt(buffer, &record->log[i]);
    append_rare(buffer, record);
}
