/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "zone.h"

#include <string.h>

/*
 * The binary form: Fixed, FixedMore, then key (with its NUL), message, thumbhash, one
 * FixedThumbnail with its name for each thumbnail, one FixedAttempt for each attempt, and, with
 * FLAG_MOUNT, the number of the mount (u32). All integers little-endian. Every field of the fixed
 * structs lies on its natural boundary, so that they have no padding and can be copied as they are.
 */
#define LAYOUT_VERSION 2

/*
 * Without FixedMore: the date of a picture was an instant where the camera wrote its offset, else
 * its wall clock, and nobody can tell which.
 */
#define LAYOUT_OLD 1

#define MINUTE_US (INT64_C(60) * 1000000)

enum {
    FLAG_ALPHA = 1 << 0,
    FLAG_DAMAGED = 1 << 1,
    FLAG_DATE = 1 << 2,
    FLAG_COLOR = 1 << 3,
    FLAG_EXPIRED = 1 << 4,
    FLAG_MOUNT = 1 << 5,
    FLAGS_ALL = (1 << 6) - 1,
};

typedef struct {
    uint64_t ino;
    int64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
} FixedVersion;

typedef struct {
    uint16_t layout;
    uint16_t key_len;     /* with the NUL */
    uint16_t message_len; /* without it */
    uint16_t error;
    uint8_t state;
    uint8_t priority;
    uint8_t n_thumbnails;
    uint8_t n_log;
    uint8_t type;
    uint8_t orientation;
    uint8_t flags;
    uint8_t thumbhash_len;
    uint32_t attempts;
    uint32_t width;
    uint32_t height;
    uint32_t pages;
    uint32_t color;
    uint32_t job;
    uint64_t id;
    uint64_t sequencer;
    FixedVersion version;
    FixedVersion made;
    int64_t uploaded_us;
    int64_t processed_us;
    int64_t due_us;
    int64_t duration_us;
    int64_t date_us;
    uint64_t etag[2];
} Fixed;

typedef struct {
    int16_t offset_min; /* of the date */
    uint16_t flags;
    int16_t zone_min;
    uint16_t reserved;
} FixedMore;

enum {
    MORE_OFFSET = 1 << 0,
    MORE_DATE_UNSURE = 1 << 1,
    MORE_ALL = (1 << 2) - 1,
};

typedef struct {
    uint64_t recipe;
    int64_t size;
    uint32_t width;
    uint32_t height;
    uint8_t type;
    uint8_t name_len;
    uint16_t hash_low; /* the hash's 16 lowest bits; stores made before there was one have 0 */
    uint32_t hash_high;
} FixedThumbnail;

typedef struct {
    uint8_t request_id[16];
    int64_t start_us;
    int64_t duration_us;
    int64_t cpu_us;
    int64_t memory_bytes;
    uint32_t error;
    uint32_t reserved;
} FixedAttempt;

_Static_assert(sizeof(Fixed) == 176, "the fixed part has padding");
_Static_assert(sizeof(FixedMore) == 8, "the rest of the fixed part has padding");
_Static_assert(sizeof(FixedThumbnail) == 32, "the fixed part of a thumbnail has padding");
_Static_assert(sizeof(FixedAttempt) == 56, "the fixed part of an attempt has padding");

static const char *const state_names[STATES_END] = {
    [STATE_PENDING] = "pending", [STATE_RUNNING] = "running", [STATE_DONE] = "done",
    [STATE_SKIPPED] = "skipped", [STATE_DEAD] = "dead",
};

const char *state_name(ObjectState state)
{
    bool is_known = state >= STATE_PENDING && state < STATES_END;
    return is_known ? state_names[state] : "unknown";
}

bool state_from_name(const char *name, ObjectState *ret_state)
{
    for (int state = STATE_PENDING; state < STATES_END; state++) {
        if (strcmp(state_names[state], name) == 0) {
            *ret_state = (ObjectState)state;
            return true;
        }
    }
    return false;
}

int64_t record_put_us(const Record *record)
{
    return MAX(record->version.mtime_ns, record->version.ctime_ns) / 1000;
}

ErrorClass record_error_class(const Record *record)
{
    return record->state == STATE_SKIPPED ? ERROR_CLASS_SKIP : error_class(record->error);
}

/* Of the file, rounded down, also before 1970. */
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

const RecordThumbnail *record_thumbnail(const Record *record, const Rendition *rendition)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *thumbnail = &record->thumbnails[i];
        if (thumbnail->recipe == rendition->recipe &&
            strcmp(thumbnail->rendition, rendition->name) == 0)
            return thumbnail;
    }
    return NULL;
}

bool record_is_stale(const Record *record, const Rendition *renditions, size_t n_renditions)
{
    if (record->state != STATE_DONE || record->expired)
        return false;
    if (record->is_date_unsure)
        return true;
    for (size_t i = 0; i < n_renditions; i++) {
        if (!record_thumbnail(record, &renditions[i]))
            return true;
    }
    return record->n_thumbnails > n_renditions; /* of a rendition that is not wanted any more */
}

char *record_request_id(const uint8_t id[static 16])
{
    GString *text = g_string_sized_new(36);

    for (int i = 0; i < 16; i++)
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               id[i]);
    return g_string_free(text, FALSE);
}

int64_t record_thumbnail_bytes(const Record *record)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < record->n_thumbnails; i++)
        bytes += (uint64_t)record->thumbnails[i].facts.size;
    return (int64_t)bytes;
}

/* ---- encode -------------------------------------------------------------------------------------
 */

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
                     (record->expired ? FLAG_EXPIRED : 0) | (record->mount ? FLAG_MOUNT : 0));
}

static void append(GByteArray *buffer, const void *data, size_t len)
{
    g_byte_array_append(buffer, data, (guint)len);
}

static void append_thumbnail(GByteArray *buffer, const RecordThumbnail *thumbnail)
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

static void append_attempt(GByteArray *buffer, const RecordAttempt *attempt)
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
        .flags = GUINT16_TO_LE((uint16_t)((facts->has_offset ? MORE_OFFSET : 0) |
                                          (record->is_date_unsure ? MORE_DATE_UNSURE : 0))),
        .zone_min = GINT16_TO_LE((int16_t)record->zone_min),
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
    if (record->mount != 0) {
        uint32_t mount = GUINT32_TO_LE(record->mount);
        append(buffer, &mount, sizeof mount);
    }
}

/* ---- decode -------------------------------------------------------------------------------------
 */

typedef struct {
    const uint8_t *at;
    size_t left;
} Reader;

/* The next `len` bytes, or NULL if there are not as many. */
static const void *take(Reader *reader, size_t len)
{
    const uint8_t *bytes = reader->at;

    if (len > reader->left)
        return NULL;
    reader->at += len;
    reader->left -= len;
    return bytes;
}

/* Takes a text of `len` bytes without a NUL into `ret_text`, which has room for `size`. */
static bool take_text(Reader *reader, size_t len, char *ret_text, size_t size)
{
    if (len >= size)
        return false;

    const char *bytes = take(reader, len);
    if (!bytes || memchr(bytes, '\0', len))
        return false;
    memcpy(ret_text, bytes, len);
    ret_text[len] = '\0';
    return true;
}

/* Takes the key, which is used where it lies: its NUL is part of the record. */
static bool take_key(Reader *reader, size_t len, const char **ret_key)
{
    const char *key = take(reader, len);

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

/* Counts and pixels are int in memory: the sign bit must be clear. */
static bool is_count(uint32_t little_endian)
{
    return GUINT32_FROM_LE(little_endian) <= INT32_MAX;
}

/* Everything of `fixed` that has a limit, except the lengths, which are checked where they are
 * used. */
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

static bool take_thumbhash(Reader *reader, size_t len, ImageFacts *ret_facts)
{
    const void *bytes = take(reader, len);

    if (!bytes)
        return false;
    memcpy(ret_facts->thumbhash, bytes, len);
    ret_facts->thumbhash_len = (uint8_t)len;
    return true;
}

static bool take_thumbnail(Reader *reader, RecordThumbnail *ret_thumbnail)
{
    FixedThumbnail fixed;
    const void *bytes = take(reader, sizeof fixed);

    if (!bytes)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    if (fixed.type >= IMAGE_TYPES || !is_count(fixed.width) || !is_count(fixed.height) ||
        GINT64_FROM_LE(fixed.size) < 0 || fixed.name_len == 0)
        return false;
    if (!take_text(reader, fixed.name_len, ret_thumbnail->rendition, RENDITION_NAME_MAX))
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

static bool take_attempt(Reader *reader, RecordAttempt *ret_attempt)
{
    FixedAttempt fixed;
    const void *bytes = take(reader, sizeof fixed);

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

/* Zero would be written without the flag. */
static bool take_mount(Reader *reader, uint32_t *ret_mount)
{
    uint32_t mount;
    const void *bytes = take(reader, sizeof mount);

    if (!bytes)
        return false;
    memcpy(&mount, bytes, sizeof mount);
    *ret_mount = GUINT32_FROM_LE(mount);
    return mount != 0;
}

static bool is_offset(int minutes)
{
    return minutes >= -IMAGE_OFFSET_MAX && minutes <= IMAGE_OFFSET_MAX;
}

static bool take_more(Reader *reader, const Fixed *fixed, Record *ret_record)
{
    bool is_old = GUINT16_FROM_LE(fixed->layout) == LAYOUT_OLD;
    FixedMore more = {.flags = 0};
    const void *bytes = is_old ? &more : take(reader, sizeof more);

    if (!bytes)
        return false;
    memcpy(&more, bytes, sizeof more);
    uint16_t flags = GUINT16_FROM_LE(more.flags);
    ImageFacts *facts = &ret_record->facts;
    facts->has_offset = flags & MORE_OFFSET;
    facts->offset_min = GINT16_FROM_LE(more.offset_min);
    ret_record->zone_min = GINT16_FROM_LE(more.zone_min);
    ret_record->is_date_unsure = is_old ? facts->has_date : flags & MORE_DATE_UNSURE;
    return (flags & ~MORE_ALL) == 0 && is_offset(facts->offset_min) &&
           ABS(ret_record->zone_min) <= ZONE_OFFSET_MAX;
}

static bool take_record(Reader *reader, Record *ret_record)
{
    Fixed fixed;
    const void *bytes = take(reader, sizeof fixed);

    if (!bytes)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    if (!fixed_is_valid(&fixed))
        return false;
    read_fixed(&fixed, ret_record);
    if (!take_more(reader, &fixed, ret_record))
        return false;
    if (!take_key(reader, GUINT16_FROM_LE(fixed.key_len), &ret_record->key) ||
        !take_text(reader, GUINT16_FROM_LE(fixed.message_len), ret_record->message,
                   RECORD_MESSAGE_MAX) ||
        !take_thumbhash(reader, fixed.thumbhash_len, &ret_record->facts))
        return false;
    for (size_t i = 0; i < ret_record->n_thumbnails; i++) {
        if (!take_thumbnail(reader, &ret_record->thumbnails[i]))
            return false;
    }
    for (size_t i = 0; i < ret_record->n_log; i++) {
        if (!take_attempt(reader, &ret_record->log[i]))
            return false;
    }
    ret_record->mount = 0;
    ret_record->away = false;
    if (fixed.flags & FLAG_MOUNT && !take_mount(reader, &ret_record->mount))
        return false;
    return reader->left == 0;
}

bool record_decode(const void *data, size_t len, Record *ret_record, GError **error)
{
    Reader reader = {.at = data, .left = len};

    /* Straight into *ret_record, and no more of it than is used: a scan decodes millions. */
    if (take_record(&reader, ret_record))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT, "a record of the store is damaged");
    return false;
}
