/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of an object: its known facts, and values that follow from them. The binary form is
 * private to the store.
 */
#pragma once

#include "base/error.h"
#include "model/image.h"
#include "model/invocation.h"
#include "model/object.h"
#include "model/object_info.h"
#include "model/rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes, with the final NUL. */
#define RECORD_MESSAGE_MAX 256
/* The newest ones are kept. */
#define RECORD_ATTEMPTS_MAX 4

typedef struct {
    /* Never used for another object again. */
    uint64_t id;
    /* Sequencer of the object's newest event. */
    uint64_t sequencer;
    ObjectState state;
    Priority priority;
    /* The version that was seen last, which is to be handled or has been. */
    ObjectVersion version;
    /* The version from which facts and thumbnails were made; all zero: none were made. */
    ObjectVersion made;
    /* Wall clock: when this version was seen first. */
    int64_t uploaded_us;
    /*
     * Wall clock: when this version, or one that differs in owner or mode alone, became done,
     * skipped or dead; 0 before.
     */
    int64_t processed_us;
    /* Wall clock, while pending: the object is not handled before; below 0: see record_due_us. */
    int64_t due_us;
    /* Duration of the last invocation. */
    int64_t duration_us;
    /* The machine that did it, valid UTF-8; "": this one. */
    char worker[WORKER_NAME_MAX];
    /* Number of invocations of this version. */
    int attempts;
    /* The job that the object belongs to until it is done, skipped or dead; 0: none. */
    uint32_t job;
    ErrorCode error;
    char message[RECORD_MESSAGE_MAX];
    /* With DEAD and SKIPPED: revision of record_tried_type at that time. */
    int tried_revision;
    ImageFacts facts;
    /* An older thumbq wrote the record and may have converted the date to UTC. */
    bool is_date_unsure;
    /*
     * Minutes that the local zone was ahead of UTC at the file's modification time when indexes and
     * totals were written; see store_set_zone.
     */
    int zone_min;
    /*
     * Since the last outcome only ctime changed: owner, mode or links, or the bytes together with
     * an old modification time. The next outcome shows whether the bytes are others; if so, the
     * event `created` is logged then.
     */
    bool is_bytes_unsure;
    /* The first scan of a new store has found the object, which was there before the store, and it
     * has not had an outcome yet. */
    bool is_old;
    /* A lifecycle rule removed the thumbnails; they must not be made again. */
    bool expired;
    Thumbnail thumbnails[RENDITIONS_MAX];
    size_t n_thumbnails;
    /* Oldest first. */
    Attempt log[RECORD_ATTEMPTS_MAX];
    size_t n_log;
    /* The mount below the bucket that the object was seen on; 0: none, see store_set_mounts. */
    uint32_t mount;
    /* Not stored: the object's mount is missing, or another mount hides it. */
    bool away;
    /* Borrowed; the function that returns the record says for how long. */
    const char *key;
} Record;

/*
 * Class of the record's error; ERROR_CLASS_SKIP for an object that was skipped, which is no
 * failure.
 */
ErrorClass record_error_class(const Record *record);

/*
 * Returns the date that the object is listed under, as a clock shows it (see zone.h): the EXIF
 * creation date as the camera wrote it, else the modification time in the local zone.
 */
int64_t record_date_us(const Record *record);

/*
 * As record_date_us, in the local zone at the time of writing: the object's place in the indexes.
 */
int64_t record_indexed_date_us(const Record *record);

/* As record_date_us, as an instant. A camera that wrote no offset is assumed to show local time. */
int64_t record_date_instant_us(const Record *record);

/*
 * Returns the time from which on a pending object may be handled. The first scan stores due times
 * below 0, so that the newest day comes first; such an object may be handled since it was seen.
 */
int64_t record_due_us(const Record *record);

/* Returns the value that zone_min has in the present local zone. */
int record_zone_min(const Record *record);

/* Minutes that the camera's clock was ahead of UTC; false if the camera did not write them. */
bool record_date_offset(const Record *record, int *ret_offset_min);

/*
 * Returns the time at which the file was written or put into the bucket, whichever is later, as S3
 * counts ages: a copy that keeps an old modification time is not that old.
 */
int64_t record_put_us(const Record *record);

/* True if facts and thumbnails were made from the version that was seen last. */
bool record_is_current(const Record *record);

/* Finds the thumbnail of this rendition with the present recipe; NULL if there is none. */
const Thumbnail *record_thumbnail(const Record *record, const Rendition *rendition);

/*
 * Returns the type whose decoder was tried: that of the facts, or, if none are known because the
 * decoder has crashed, the one that the end of the object's name stands for.
 */
ImageType record_tried_type(const Record *record);

/*
 * True for a done record whose thumbnails differ from those of the renditions, or whose date has to
 * be read again; and for a dead or skipped one if the revision of its type is higher than when it
 * was tried. False if the thumbnails have expired.
 */
bool record_is_stale(const Record *record, const Rendition *renditions, size_t n_renditions);

/* Bytes of all thumbnails. */
int64_t record_thumbnail_bytes(const Record *record);

/* Converts a record for commands and other programs. Borrowed from the record. */
ObjectInfo record_info(const Record *record);
