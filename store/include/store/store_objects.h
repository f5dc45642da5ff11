/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of objects: the changing calls of the store, and the next object to handle. All calls
 * but store_peek, store_peek_after and store_has_due gather in a batch, see store.h.
 */
#pragma once

#include "store/record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;

/* Sets the renditions that a done object must have. Borrowed until the next call or store_close. */
void store_set_renditions(Store *store, const Rendition *renditions, size_t n_renditions);

/*
 * Makes objects pending again that a daemon left `running` when it died. Call it once after
 * opening.
 */
bool store_recover(Store *store, uint64_t *ret_recovered, GError **error);

typedef enum {
    /* The store knows this version; it is queued, done, skipped or dead. */
    STORE_UNCHANGED,
    /* The object is new, changed, or was made by another recipe; it is pending now. */
    STORE_QUEUED,
} StoreSeen;

/*
 * Reports that the object exists with this version. A new key makes a record. A new version of a
 * known key makes it pending with 0 attempts; facts and thumbnails stay until new ones are made. A
 * stale record (record_is_stale) becomes pending with PRIORITY_BACKFILL. While the object is
 * running, the new version is recorded, and store_finish makes it pending. An object that is
 * pending already keeps the better of both priorities. An object that failed and is retried has at
 * best PRIORITY_SCAN, so that new uploads go first. *ret_id is the record's id in any case. Errors:
 * ERROR_USAGE for an invalid key.
 */
bool store_seen(Store *store, const char *key, const ObjectVersion *version, Priority priority,
                int64_t now_us, StoreSeen *ret_seen, uint64_t *ret_id, GError **error);

/*
 * Makes a record for an object that was renamed before it was handled, so that store_move could not
 * move its record. No object has the key, and the caller has removed the old one. The event is that
 * of a rename.
 */
bool store_seen_renamed(Store *store, const char *key, const ObjectVersion *version, int64_t now_us,
                        uint64_t *ret_id, GError **error);

/*
 * Reports that the object is gone and deletes its record. *ret_record (key borrowed) is the deleted
 * record; *ret_found is false if there was none.
 */
bool store_remove(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error);

/* As store_remove, with an event that names a lifecycle rule as the reason. */
bool store_expire(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error);

/*
 * Removes the thumbnails of a done object from its record and marks it as expired: until it changes
 * or becomes pending, the thumbnails count neither as missing nor as stale. *ret_record (key
 * borrowed) is the old record. *ret_expired is false if the object is not done or has no
 * thumbnails.
 */
bool store_expire_thumbnails(Store *store, const char *key, int64_t now_us, bool *ret_expired,
                             Record *ret_record, GError **error);

/*
 * Reports that the object was renamed. The record moves to `to` with the new version if `from` is
 * done, skipped or dead, if its version has the same inode, size and mtime as `version`, and if
 * `to` has no record. Then *ret_moved is true and *ret_record is the moved record, key borrowed; if
 * the thumbnails were current, they still are. Otherwise nothing changes, and the caller reports
 * one removed and one seen object.
 */
bool store_move(Store *store, const char *from, const char *to, const ObjectVersion *version,
                int64_t now_us, bool *ret_moved, Record *ret_record, GError **error);

/*
 * Makes an object pending again with 0 attempts (sweeps, reprocess, dead letters). A pending object
 * keeps the better of both priorities. A running object does not change, since it is being made
 * now.
 */
bool store_requeue(Store *store, const char *key, Priority priority, int64_t now_us,
                   bool *ret_found, GError **error);

/*
 * Gives up a dead object for good: it becomes skipped and keeps its error. It is tried again if its
 * bytes change. *ret_dropped is false if there is no such object, or if it is not dead.
 */
bool store_drop(Store *store, const char *key, int64_t now_us, bool *ret_dropped, GError **error);

/*
 * Claims the next object that is due at `now_us`, in the order of priority, due time and sequencer:
 * the object is running afterwards. *ret_found is false if none is due; *ret_next_due_us is then
 * the time when the next one will be due, INT64_MAX for never.
 */
bool store_claim(Store *store, int64_t now_us, bool *ret_found, Record *ret_record,
                 int64_t *ret_next_due_us, GError **error);

/* Finds out whether an object of this priority is due at `now_us` and is not claimed. */
bool store_has_due(Store *store, Priority priority, int64_t now_us, bool *ret_has, GError **error);

/*
 * Due time of a pending object that is away: it becomes due when it is seen again, and no job waits
 * for it.
 */
#define STORE_NEVER_US INT64_MAX

/* Result of an invocation. */
typedef struct {
    /* DONE, SKIPPED, DEAD, or PENDING for a retry at due_us. */
    ObjectState state;
    /* The version that was handled. */
    ObjectVersion version;
    /* True if this counts as an attempt; false for source_changed and similar results. */
    bool counts;
    /* The work was delayed: no handler was free when the object was due, or the disk is full. */
    bool throttled;
    int64_t now_us;
    /* With PENDING; STORE_NEVER_US: when the object is seen again. */
    int64_t due_us;
    ErrorCode error;
    char message[RECORD_MESSAGE_MAX];
    /* start_us is 0 if there was no invocation, because the source could not be opened. */
    Attempt attempt;
    /* The machine that did it; "": this one. */
    char worker[WORKER_NAME_MAX];
    /* Memory size in force during the invocation, MB, for the bill. */
    int memory_mb;
    /* Number of invocations that were running when this one began, itself included. */
    int concurrency;
    /* The facts replace those of the record. */
    bool has_facts;
    /* Only the date of the facts is valid, since nothing else was read. */
    bool only_date;
    ImageFacts facts;
    /* With DONE: all thumbnails of the object. */
    Thumbnail thumbnails[RENDITIONS_MAX];
    size_t n_thumbnails;
} StoreOutcome;

/*
 * Releases a claim as if it had never been made: the object is pending again, at its old place.
 * Nothing changes if the key has another record than `id` now, or if the object is not running.
 */
bool store_release_claim(Store *store, const char *key, uint64_t id, GError **error);

/*
 * Ends the work that store_claim began. If a newer version was seen meanwhile, the object becomes
 * pending whatever the outcome says; the thumbnails of a DONE outcome are still recorded, made from
 * the version that was handled. An object that is given up (SKIPPED, DEAD) loses the facts and
 * thumbnails of an older version. Counts the metrics (invocations, errors, retries, duration), and
 * the first time that a version is done, skipped or dead also its latency since the upload.
 * *ret_record is the new record, key borrowed. *ret_found is false if the object was removed
 * meanwhile. If the object exists but is not running (it was removed and uploaded again), its
 * record does not change.
 */
bool store_finish(Store *store, const char *key, const StoreOutcome *outcome, bool *ret_found,
                  Record *ret_record, GError **error);

/* Reads a record as the open batch sees it. */
bool store_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error);

/*
 * Reads the first record whose key sorts after `after` (NULL: the first of all), as the batch sees
 * it. For long walks in slices with other calls in between. Keys of more than 511 bytes that begin
 * with the same 478 bytes have an order of their own, which is always the same.
 */
bool store_peek_after(Store *store, const char *after, bool *ret_found, Record *ret_record,
                      GError **error);

/*
 * Reads the record in this state with the lowest id above `after` (0: of all), as the batch sees
 * it. For walks in slices: a record that gets another state during the walk is not returned again.
 */
bool store_peek_in_state(Store *store, ObjectState state, uint64_t after, bool *ret_found,
                         Record *ret_record, GError **error);
