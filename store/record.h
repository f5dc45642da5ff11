/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object's record, and its binary form: a fixed little-endian struct with a layout version,
 * then the variable parts. The decoder trusts nobody (any bytes give a record within the limits
 * said here, or ERROR_STORE_CORRUPT) and is fuzzed.
 */
#pragma once

#include "error.h"
#include "image.h"
#include "object.h"
#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORD_MESSAGE_MAX  256 /* bytes, with the final NUL */
#define RECORD_ATTEMPTS_MAX 4   /* the newest ones are kept */

/* Stored: added to, never renumbered. */
typedef enum {
    STATE_PENDING = 1,
    STATE_RUNNING = 2,
    STATE_DONE = 3,
    STATE_SKIPPED = 4, /* not an image, or ignored */
    STATE_DEAD = 5,    /* given up */
} ObjectState;
#define STATES_END 6

/* Order of work: smaller first. */
typedef enum {
    PRIORITY_UPLOAD = 0,   /* just came */
    PRIORITY_SCAN = 1,     /* lay there when the daemon started, or has failed before */
    PRIORITY_BACKFILL = 2, /* stale recipe, reprocess, sweeps */
} Priority;

#define RECORD_THUMBNAIL_HASH_BITS 48

typedef struct {
    char rendition[RENDITION_NAME_MAX];
    ThumbnailFacts facts;
    uint64_t recipe;
    uint64_t hash; /* of its bytes, RECORD_THUMBNAIL_HASH_BITS of it; 0: not known */
} RecordThumbnail;

typedef struct {
    uint8_t request_id[16]; /* UUID */
    int64_t start_us;       /* wall clock */
    int64_t duration_us;
    int64_t cpu_us;
    int64_t memory_bytes; /* peak resident set */
    ErrorCode error;
} RecordAttempt;

typedef struct {
    uint64_t id;        /* given once, never used again */
    uint64_t sequencer; /* of the object's newest event */
    ObjectState state;
    Priority priority;
    ObjectVersion version; /* as seen last; what is to be, or has been, handled */
    ObjectVersion made;    /* what facts and thumbnails were made from; all zero if nothing was */
    int64_t uploaded_us;   /* wall clock: when this version was seen first */
    int64_t processed_us;  /* wall clock: when this version was done, skipped or dead; 0 before */
    int64_t due_us;        /* wall clock: not before this, while pending; < 0: see record_due_us */
    int64_t duration_us;   /* of the last invocation */
    int attempts;          /* invocations of this version */
    uint32_t job;          /* it is made for, until it is done, skipped or dead; 0: none */
    ErrorCode error;
    char message[RECORD_MESSAGE_MAX];
    ImageFacts facts;
    bool is_date_unsure; /* written by an older thumbq, which may have turned the date into UTC */
    int zone_min; /* minutes that the local zone is ahead of UTC at the file's modification time, as
                     far as indexes and totals know; see store_set_zone */
    bool expired; /* its thumbnails were removed by a lifecycle rule, and are not to be made */
    RecordThumbnail thumbnails[RENDITIONS_MAX];
    size_t n_thumbnails;
    RecordAttempt log[RECORD_ATTEMPTS_MAX]; /* oldest first */
    size_t n_log;
    uint32_t
        mount; /* the mount below the bucket that it was seen on; 0: none, see store_set_mounts */
    bool away; /* not stored: its mount is not there, or another one hides it */
    const char *key; /* borrowed: see whoever hands out the record */
} Record;

/* "pending", "running", ... Static. */
const char *state_name(ObjectState state);
bool state_from_name(const char *name, ObjectState *ret_state);

/* The class of its error; of one that was left alone, and is no failure, ERROR_CLASS_SKIP. */
ErrorClass record_error_class(const Record *record);

/*
 * The date that the object is listed under, as a clock shows it (see zone.h): the EXIF creation
 * date as the camera had it, else the modification time in the local zone.
 */
int64_t record_date_us(const Record *record);

/* The same with the local zone as it was when the record was written: its place in the indexes. */
int64_t record_indexed_date_us(const Record *record);

/* The same as an instant; of a camera that wrote no offset, its clock is taken for a local one. */
int64_t record_date_instant_us(const Record *record);

/*
 * Since when, or from when on, a pending object may be handled. What a scan has found has a due
 * time below 0, by which the newest day comes first: it may be handled since it was seen.
 */
int64_t record_due_us(const Record *record);

/* What zone_min is to be now. */
int record_zone_min(const Record *record);

/* What that clock is ahead of UTC, in minutes; false if the camera did not write it. */
bool record_date_offset(const Record *record, int *ret_offset_min);

/*
 * When it was written or put there, whichever was later, as S3 counts ages: a copy that keeps the
 * times of an old file is not as old as that.
 */
int64_t record_put_us(const Record *record);

/* True if facts and thumbnails were made from the version seen last. */
bool record_is_current(const Record *record);

/* The thumbnail of this rendition, made by its recipe of today; NULL if there is none. */
const RecordThumbnail *record_thumbnail(const Record *record, const Rendition *rendition);

/*
 * True for a done record whose thumbnails are not exactly those of the renditions, or whose date is
 * to be read once more; never of one whose thumbnails have expired.
 */
bool record_is_stale(const Record *record, const Rendition *renditions, size_t n_renditions);

/* A request id as text, 8-4-4-4-12 hexadecimal digits. Owner: the caller frees. */
char *record_request_id(const uint8_t id[static 16]);

/* Bytes of all thumbnails. */
int64_t record_thumbnail_bytes(const Record *record);

/* Appends the binary form to `buffer`. */
void record_encode(const Record *record, GByteArray *buffer);

/* record->key points into `data`. Errors: ERROR_STORE_CORRUPT. Does not allocate. */
bool record_decode(const void *data, size_t len, Record *ret_record, GError **error);
