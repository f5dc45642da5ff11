/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the binary form of records, from any bytes. */
#include "tables/record_codec.h"
#include "tables/record_form.h"

#include "base/zone.h"

#include <string.h>

typedef struct {
    const uint8_t *at;
    size_t left;
} RecordReader;

/* Returns the next `len` bytes; NULL if fewer are left. */
static const void *read_bytes(RecordReader *reader, size_t len)
{
    const uint8_t *bytes = reader->at;

    if (len > reader->left)
        return NULL;
    reader->at += len;
    reader->left -= len;
    return bytes;
}

/* Reads a text of `len` bytes without a NUL into `ret_text`, which has room for `size` bytes. */
static bool read_text(RecordReader *reader, size_t len, char *ret_text, size_t size)
{
    if (len >= size)
        return false;

    const char *bytes = read_bytes(reader, len);
    if (!bytes || memchr(bytes, '\0', len))
        return false;
    memcpy(ret_text, bytes, len);
    ret_text[len] = '\0';
    return true;
}

/* Reads the key. It is not copied: its NUL is part of the record. */
static bool read_key(RecordReader *reader, size_t len, const char **ret_key)
{
    const char *key = read_bytes(reader, len);

    if (!key || len == 0 || memchr(key, '\0', len) != key + len - 1 || !object_key_is_valid(key))
        return false;
    *ret_key = key;
    return true;
}

static ObjectVersion read_version(const FixedVersion *fixed)
{
    return (ObjectVersion){
        .ino = GUINT64_FROM_LE(fixed->ino),
        .size = GINT64_FROM_LE(fixed->size),
        .mtime_ns = GINT64_FROM_LE(fixed->mtime_ns),
        .ctime_ns = GINT64_FROM_LE(fixed->ctime_ns),
    };
}

/* Counts and pixels are int in memory, so the sign bit must be clear. */
static bool is_count(uint32_t little_endian)
{
    return GUINT32_FROM_LE(little_endian) <= INT32_MAX;
}

/* Checks all fields of `fixed` that have a limit. Lengths are checked where they are used. */
static bool fixed_is_valid(const Fixed *fixed)
{
    uint16_t layout = GUINT16_FROM_LE(fixed->layout);

    return (layout == LAYOUT_VERSION || layout == LAYOUT_OLD) && fixed->state >= STATE_PENDING &&
           fixed->state < STATES_END && fixed->priority <= PRIORITY_BACKFILL &&
           fixed->n_thumbnails <= RENDITIONS_MAX && fixed->n_log <= RECORD_ATTEMPTS_MAX &&
           fixed->type < IMAGE_TYPES && fixed->orientation <= 8 &&
           (fixed->flags & ~FLAGS_ALL) == 0 && fixed->thumbhash_len <= THUMBHASH_MAX &&
           is_count(fixed->attempts) && is_count(fixed->width) && is_count(fixed->height) &&
           is_count(fixed->pages) && GUINT32_FROM_LE(fixed->color) <= 0xFFFFFF &&
           GINT64_FROM_LE(fixed->version.size) >= 0 && GINT64_FROM_LE(fixed->made.size) >= 0;
}

static void read_facts(const Fixed *fixed, ImageFacts *ret_facts)
{
    ret_facts->type = (ImageType)fixed->type;
    ret_facts->width = (int)GUINT32_FROM_LE(fixed->width);
    ret_facts->height = (int)GUINT32_FROM_LE(fixed->height);
    ret_facts->pages = (int)GUINT32_FROM_LE(fixed->pages);
    ret_facts->orientation = fixed->orientation;
    ret_facts->alpha = fixed->flags & FLAG_ALPHA;
    ret_facts->damaged = fixed->flags & FLAG_DAMAGED;
    ret_facts->has_date = fixed->flags & FLAG_DATE;
    ret_facts->date_us = GINT64_FROM_LE(fixed->date_us);
    ret_facts->etag[0] = GUINT64_FROM_LE(fixed->etag[0]);
    ret_facts->etag[1] = GUINT64_FROM_LE(fixed->etag[1]);
    ret_facts->has_color = fixed->flags & FLAG_COLOR;
    ret_facts->color = GUINT32_FROM_LE(fixed->color);
}

/* Copies the members that lie at fixed places of a record. */
static void read_fixed(const Fixed *fixed, Record *ret_record)
{
    ret_record->id = GUINT64_FROM_LE(fixed->id);
    ret_record->sequencer = GUINT64_FROM_LE(fixed->sequencer);
    ret_record->state = (ObjectState)fixed->state;
    ret_record->priority = (Priority)fixed->priority;
    ret_record->version = read_version(&fixed->version);
    ret_record->made = read_version(&fixed->made);
    ret_record->uploaded_us = GINT64_FROM_LE(fixed->uploaded_us);
    ret_record->processed_us = GINT64_FROM_LE(fixed->processed_us);
    ret_record->due_us = GINT64_FROM_LE(fixed->due_us);
    ret_record->duration_us = GINT64_FROM_LE(fixed->duration_us);
    ret_record->attempts = (int)GUINT32_FROM_LE(fixed->attempts);
    ret_record->job = GUINT32_FROM_LE(fixed->job);
    ret_record->error = (ErrorCode)GUINT16_FROM_LE(fixed->error);
    ret_record->expired = fixed->flags & FLAG_EXPIRED;
    read_facts(fixed, &ret_record->facts);
    ret_record->n_thumbnails = fixed->n_thumbnails;
    ret_record->n_log = fixed->n_log;
}

static bool read_thumbhash(RecordReader *reader, size_t len, ImageFacts *ret_facts)
{
    const void *bytes = read_bytes(reader, len);

    if (!bytes)
        return false;
    memcpy(ret_facts->thumbhash, bytes, len);
    ret_facts->thumbhash_len = (uint8_t)len;
    return true;
}

static bool read_thumbnail(RecordReader *reader, Thumbnail *ret_thumbnail)
{
    FixedThumbnail fixed;
    const void *bytes = read_bytes(reader, sizeof fixed);

    if (!bytes)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    if (fixed.type >= IMAGE_TYPES || !is_count(fixed.width) || !is_count(fixed.height) ||
        GINT64_FROM_LE(fixed.size) < 0 || fixed.name_len == 0)
        return false;
    if (!read_text(reader, fixed.name_len, ret_thumbnail->rendition, RENDITION_NAME_MAX))
        return false;
    ret_thumbnail->recipe = GUINT64_FROM_LE(fixed.recipe);
    ret_thumbnail->hash =
        (uint64_t)GUINT32_FROM_LE(fixed.hash_high) << 16 | GUINT16_FROM_LE(fixed.hash_low);
    ret_thumbnail->facts = (ThumbnailFacts){
        .type = (ImageType)fixed.type,
        .width = (int)GUINT32_FROM_LE(fixed.width),
        .height = (int)GUINT32_FROM_LE(fixed.height),
        .size = GINT64_FROM_LE(fixed.size),
    };

    /* The name becomes a folder of a path. */
    return !strchr(ret_thumbnail->rendition, '/') && !g_str_equal(ret_thumbnail->rendition, ".") &&
           !g_str_equal(ret_thumbnail->rendition, "..");
}

static bool read_attempt(RecordReader *reader, Attempt *ret_attempt)
{
    FixedAttempt fixed;
    const void *bytes = read_bytes(reader, sizeof fixed);

    if (!bytes)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    if (!is_count(fixed.error))
        return false;
    memcpy(ret_attempt->request_id, fixed.request_id, sizeof ret_attempt->request_id);
    ret_attempt->start_us = GINT64_FROM_LE(fixed.start_us);
    ret_attempt->duration_us = GINT64_FROM_LE(fixed.duration_us);
    ret_attempt->cpu_us = GINT64_FROM_LE(fixed.cpu_us);
    ret_attempt->memory_bytes = GINT64_FROM_LE(fixed.memory_bytes);
    ret_attempt->error = (ErrorCode)GUINT32_FROM_LE(fixed.error);
    return true;
}

/* Reads the mount. A mount of zero is written without the flag, so zero is invalid here. */
static bool read_mount(RecordReader *reader, uint32_t *ret_mount)
{
    uint32_t mount;
    const void *bytes = read_bytes(reader, sizeof mount);

    if (!bytes)
        return false;
    memcpy(&mount, bytes, sizeof mount);
    *ret_mount = GUINT32_FROM_LE(mount);
    return mount != 0;
}

/* Reads the name of the worker. An empty name is written without the flag, and is invalid here. */
static bool read_worker(RecordReader *reader, Record *ret_record)
{
    const uint8_t *len = read_bytes(reader, 1);

    return len && *len > 0 &&
           read_text(reader, *len, ret_record->worker, sizeof ret_record->worker) &&
           g_utf8_validate(ret_record->worker, -1, NULL);
}

static bool is_offset(int minutes)
{
    return minutes >= -IMAGE_OFFSET_MAX && minutes <= IMAGE_OFFSET_MAX;
}

/* Reads the members that older layouts of a record lack. Returns false if one is invalid. */
static bool read_more(RecordReader *reader, const Fixed *fixed, Record *ret_record)
{
    bool is_old = GUINT16_FROM_LE(fixed->layout) == LAYOUT_OLD;
    FixedMore more = {.flags = 0};
    const void *bytes = is_old ? &more : read_bytes(reader, sizeof more);

    if (!bytes)
        return false;
    memcpy(&more, bytes, sizeof more);
    uint16_t flags = GUINT16_FROM_LE(more.flags);
    ImageFacts *facts = &ret_record->facts;
    facts->has_offset = flags & MORE_OFFSET;
    facts->offset_min = GINT16_FROM_LE(more.offset_min);
    facts->date_source = flags & MORE_DATE_XMP   ? DATE_XMP
                         : flags & MORE_DATE_PNG ? DATE_PNG
                                                 : DATE_EXIF;
    ret_record->zone_min = GINT16_FROM_LE(more.zone_min);
    ret_record->tried_revision = GUINT16_FROM_LE(more.tried_revision);
    ret_record->is_date_unsure = is_old ? facts->has_date : flags & MORE_DATE_UNSURE;
    ret_record->is_old = flags & MORE_OLD;
    ret_record->is_bytes_unsure = flags & MORE_BYTES_UNSURE;
    bool is_one = !(flags & MORE_DATE_XMP) || !(flags & MORE_DATE_PNG);
    return (flags & ~MORE_ALL) == 0 && is_one && is_offset(facts->offset_min) &&
           ABS(ret_record->zone_min) <= ZONE_OFFSET_MAX;
}

/* Reads the parts of a record in the order in which they are stored. False for invalid bytes. */
static bool read_record(RecordReader *reader, Record *ret_record)
{
    Fixed fixed;
    const void *bytes = read_bytes(reader, sizeof fixed);

    if (!bytes)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    if (!fixed_is_valid(&fixed))
        return false;
    read_fixed(&fixed, ret_record);
    if (!read_more(reader, &fixed, ret_record))
        return false;
    if (!read_key(reader, GUINT16_FROM_LE(fixed.key_len), &ret_record->key) ||
        !read_text(reader, GUINT16_FROM_LE(fixed.message_len), ret_record->message,
                   RECORD_MESSAGE_MAX) ||
        !read_thumbhash(reader, fixed.thumbhash_len, &ret_record->facts))
        return false;
    for (size_t i = 0; i < ret_record->n_thumbnails; i++) {
        if (!read_thumbnail(reader, &ret_record->thumbnails[i]))
            return false;
    }
    for (size_t i = 0; i < ret_record->n_log; i++) {
        if (!read_attempt(reader, &ret_record->log[i]))
            return false;
    }
    ret_record->mount = 0;
    ret_record->away = false;
    ret_record->worker[0] = '\0';
    if (fixed.flags & FLAG_MOUNT && !read_mount(reader, &ret_record->mount))
        return false;
    if (fixed.flags & FLAG_WORKER && !read_worker(reader, ret_record))
        return false;
    return reader->left == 0;
}

bool record_decode(const void *data, size_t len, Record *ret_record, GError **error)
{
    RecordReader reader = {.at = data, .left = len};

    /*
     * Decodes into *ret_record directly and sets only the used part of it: a scan decodes millions
     * of records.
     */
    if (read_record(&reader, ret_record))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT, "a record of the store is damaged");
    return false;
}
