/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information about an object, as `list`, `show` and destination records print it (object_json.h).
 * Plain data; the store makes it from its records.
 */
#pragma once

#include "base/error.h"
#include "model/image.h"
#include "model/invocation.h"
#include "model/object.h"
#include "model/rendition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* States of an object. Stored: added to, never renumbered. */
typedef enum {
    STATE_PENDING = 1,
    STATE_RUNNING = 2,
    STATE_DONE = 3,
    /* Not an image, or ignored. */
    STATE_SKIPPED = 4,
    /* Given up after a failure. */
    STATE_DEAD = 5,
} ObjectState;
#define STATES_END 6

/* Order of work; the smaller number goes first. */
typedef enum {
    /* A new upload. */
    PRIORITY_UPLOAD = 0,
    /* The object existed when the daemon started, or has failed before. */
    PRIORITY_SCAN = 1,
    /* The thumbnails are stale (new recipe, reprocess), or a sweep asks for the work. */
    PRIORITY_BACKFILL = 2,
} Priority;

#define THUMBNAIL_HASH_BITS 48

typedef struct {
    char rendition[RENDITION_NAME_MAX];
    ThumbnailFacts facts;
    uint64_t recipe;
    /* The first THUMBNAIL_HASH_BITS bits of a hash of the thumbnail's bytes; 0: unknown. */
    uint64_t hash;
} Thumbnail;

/* Returns the name of a state: "pending", "running", ... Static. */
const char *state_name(ObjectState state);
bool state_from_name(const char *name, ObjectState *ret_state);

/* Returns the name of a priority: "upload", "scan" or "backfill". Static. */
const char *priority_name(Priority priority);

/* Time at which the picture was taken, or else at which the file was written. */
typedef struct {
    /* As a clock at that place showed it, stored as if that were UTC. */
    int64_t wall_us;
    /* The instant. A camera that wrote no offset is assumed to show local time. */
    int64_t instant_us;
    bool has_offset;
    /* Minutes that the clock was ahead of UTC; 0: unknown. */
    int offset_min;
} ObjectDate;

/* All pointers are borrowed. */
typedef struct {
    const char *key;
    /* Never used for another object again. */
    uint64_t id;
    /* Number of the object's newest event. */
    uint64_t sequencer;
    ObjectState state;
    Priority priority;
    /* Wall clock, while pending: the object may be handled from this time on. */
    int64_t due_us;
    /* The version that was seen last. */
    ObjectVersion version;
    /* True if facts and thumbnails were made from that version. */
    bool is_current;
    ObjectDate date;
    /* Wall clock: when this version was seen first. */
    int64_t uploaded_us;
    /* Wall clock: when the object became done, skipped or dead; 0 before. */
    int64_t processed_us;
    /* Duration of the last invocation; 0: there was none. */
    int64_t duration_us;
    /* Number of invocations of this version. */
    int attempts;
    /* The machine that did the last invocation; NULL: this one. */
    const char *worker;
    ErrorCode error;
    /* Class of `error`; ERROR_CLASS_SKIP for an object that was skipped, which is no failure. */
    ErrorClass error_class;
    const char *message;
    const ImageFacts *facts;
    const Thumbnail *thumbnails;
    size_t n_thumbnails;
    /* The last attempts, oldest first. */
    const Attempt *log;
    size_t n_log;
    /* True if the object's mount is missing or hidden by another mount. */
    bool away;
} ObjectInfo;
