/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: a record per object, the queue order, secondary indexes, totals, metrics and the event
 * log, all changed together in one transaction. Alone includes lmdb.h; nothing here shows LMDB.
 *
 * Writing: one process (the daemon, under its lock). Changing calls gather in a batch, which the
 * first of them opens; others see nothing of it and nothing is durable until store_commit (or until
 * the batch is full, see STORE_BATCH_MAX). The writer's own store_peek within a batch sees it. Any
 * error of a changing call spoils the batch: the caller aborts it, and what it held must be found
 * again by a rescan (the bucket is the truth).
 *
 * Reading: any process, at any time, through a snapshot. A `Record` handed out borrows its key: it
 * is valid until the snapshot ends or is renewed, or the next changing call.
 *
 * Errors, everywhere: ERROR_NO_SPACE, ERROR_IO, ERROR_STORE (LMDB says no; message has the reason),
 * ERROR_STORE_CORRUPT, ERROR_NOT_FOUND (no store there to read). Keys are as object.h says; longer
 * ones than LMDB takes are handled inside.
 */
#pragma once

#include "clock_trust.h"
#include "measures.h"
#include "record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;

typedef enum { STORE_READ, STORE_WRITE } StoreMode;

/*
 * `directory`, below `dir_fd` where it is relative, is made when writing, and opened as trusted.h
 * says. Owner: store_close. At most one Store per directory and process.
 */
Store *store_open_at(int dir_fd, const char *directory, StoreMode mode, GError **error);

/* The same of a whole path. */
Store *store_open(const char *directory, StoreMode mode, GError **error);

/*
 * True if the folder and the files that are held open are those that the names say now: nobody has
 * removed, moved or replaced the store.
 */
bool store_is_in_place(const Store *store, int dir_fd, const char *directory);

/*
 * Reads all of a store and checks that it hangs together. LMDB trusts what it finds, so that a file
 * with noise in it may end the process: call it in one of its own. Errors: ERROR_STORE_CORRUPT,
 * ERROR_NOT_FOUND, those of store_open.
 */
bool store_check(const char *directory, GError **error);

/* An open batch is aborted. */
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* ---- writing ------------------------------------------------------------------------------------
 */

/* What a done object must have. Borrowed until the next call or store_close. */
void store_set_renditions(Store *store, const Rendition *renditions, size_t n_renditions);

/*
 * The most changes a batch holds. One that is full is committed by itself before the next change,
 * so that the room it needs on disk is known beforehand; commit well before that.
 */
#define STORE_BATCH_MAX 2048

/* Changes in the open batch; 0 if there is none. */
size_t store_batch_size(const Store *store);

/* Blocks until the batch is on disk. On error the batch is gone. Without one: true. */
bool store_commit(Store *store, GError **error);

/*
 * With false, commits leave it to the kernel when what they write reaches the disk, and in which
 * order: after a power cut the store is not to be trusted. store_flush waits until all of it has.
 */
bool store_set_durable(Store *store, bool durable, GError **error);
bool store_flush(Store *store, GError **error);
void store_abort(Store *store);

/* Puts what a dead daemon left `running` back to `pending`. Call once after opening. */
bool store_recover(Store *store, uint64_t *ret_recovered, GError **error);

typedef enum {
    STORE_UNCHANGED, /* this version is known, and queued, done, skipped or dead */
    STORE_QUEUED,    /* new, changed, or made by another recipe: pending now */
} StoreSeen;

/*
 * The object is there with this version. A new key makes a record; a new version of a known key
 * makes it pending with attempts back at 0 (facts and thumbnails stay until they are made anew); so
 * does a `done` record that is stale (record_is_stale), with PRIORITY_BACKFILL. While running, the
 * new version is noted and the object becomes pending when store_finish comes. One that is pending
 * already keeps the better of both priorities; one that failed and is tried again has at best
 * PRIORITY_SCAN, so that it waits for new uploads. *ret_id is the record's id in either case.
 * Errors: ERROR_USAGE for a key that is none.
 */
bool store_seen(Store *store, const char *key, const ObjectVersion *version, Priority priority,
                int64_t now_us, StoreSeen *ret_seen, uint64_t *ret_id, GError **error);

/* The object is gone: its record too. *ret_record (key borrowed) is what it was; *ret_found false
 * if there was none. */
bool store_remove(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error);

/* The same, and the event says that it was a lifecycle rule. */
bool store_expire(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error);

/*
 * A done object loses its thumbnails and is marked: they are not missed, nor stale, until it
 * changes, or is made pending. *ret_expired false if it is not done, or has none; else *ret_record
 * (key borrowed) is what it was.
 */
bool store_expire_thumbnails(Store *store, const char *key, int64_t now_us, bool *ret_expired,
                             Record *ret_record, GError **error);

/*
 * The object was renamed. If `from` is done, skipped or dead, its version has the same inode, size
 * and mtime as `version`, and `to` has no record, then the record moves to `to` with the new
 * version (made from it too, if it was current) and *ret_moved is true; *ret_record is the record
 * after the move, key borrowed. Otherwise nothing happens, and the caller takes it as one removed
 * and one seen.
 */
bool store_move(Store *store, const char *from, const char *to, const ObjectVersion *version,
                int64_t now_us, bool *ret_moved, Record *ret_record, GError **error);

/*
 * Makes an object pending again (sweeps, reprocess, dead letters): attempts back at 0. One that is
 * pending already keeps the better of both priorities; one that is running stays as it is, being
 * made right now.
 */
bool store_requeue(Store *store, const char *key, Priority priority, int64_t now_us,
                   bool *ret_found, GError **error);

/*
 * A dead object is given up for good: skipped, with its error. It is tried again when its bytes
 * change, as ever. *ret_dropped false if it is not there, or not dead.
 */
bool store_drop(Store *store, const char *key, int64_t now_us, bool *ret_dropped, GError **error);

/*
 * Takes the next object that is due at `now_us` in the order of priority, due time, sequencer:
 * running. *ret_found false if none is due; then *ret_next_due_us is when the next will be,
 * INT64_MAX for never.
 */
bool store_claim(Store *store, int64_t now_us, bool *ret_found, Record *ret_record,
                 int64_t *ret_next_due_us, GError **error);

/* Of a pending object that is away: it is due when it is seen again, and no job waits for it. */
#define STORE_NEVER_US INT64_MAX

/* How an invocation ended. */
typedef struct {
    ObjectState state;     /* DONE, SKIPPED, DEAD, or PENDING: again at due_us */
    ObjectVersion version; /* that was handled */
    bool counts;           /* an attempt: false for source_changed and the like */
    bool throttled;        /* held up: no handler was free when it was due, or the disk is full */
    int64_t now_us;
    int64_t due_us; /* with PENDING; STORE_NEVER_US: when it is seen again */
    ErrorCode error;
    char message[RECORD_MESSAGE_MAX];
    RecordAttempt
        attempt;     /* start_us == 0: no invocation took place (the source could not be opened) */
    int memory_mb;   /* of the invocation: memory size in force, MB, for the bill */
    int concurrency; /* invocations under way when it began, with itself */
    bool has_facts;  /* facts replace the record's */
    bool only_date;  /* of the facts, the date alone: nothing else was read */
    ImageFacts facts;
    RecordThumbnail thumbnails[RENDITIONS_MAX]; /* with DONE: all the object has now */
    size_t n_thumbnails;
} StoreOutcome;

/*
 * Takes a claim back, as if it had never been: pending again, in its old place. Nothing changes if
 * the record is not that of `id` any more, or not running.
 */
bool store_unclaim(Store *store, const char *key, uint64_t id, GError **error);

/*
 * Ends what store_claim began. If a newer version came meanwhile, the object is pending again
 * whatever the outcome says; thumbnails of a DONE outcome are noted all the same, made from the
 * version handled. One that is given up (SKIPPED, DEAD) loses the
 * facts and thumbnails of an older version. Metrics (invocations, errors, retries, duration) are
 * counted here, and the latency, uploaded to now, the first time a version is done, skipped or
 * dead. *ret_record: the record after it, key borrowed. *ret_found false: the object was removed
 * meanwhile. If it is there but not running (removed, and put there again), its record stays as it
 * is.
 */
bool store_finish(Store *store, const char *key, const StoreOutcome *outcome, bool *ret_found,
                  Record *ret_record, GError **error);

/* Counts a value of a metric in, as part of the open batch; does nothing without one. */
void store_measure(Store *store, Metric metric, int64_t time_us, int64_t value);

/* What is kept; 0 for a time: for ever. */
typedef struct {
    uint64_t events_max; /* rows of the event log */
    int64_t events_us;   /* their age */
    int64_t minutes_us;  /* metrics by the minute */
    int64_t hours_us;    /* and by the hour; those by the day stay */
} StoreRetention;

/* Holds for the commits from here on. Without: 100,000 events, 15 days, 455 days. */
void store_set_retention(Store *store, const StoreRetention *retention);

/* How a run of a schedule ended. Stored: added to, never renumbered. */
typedef enum {
    STORE_RUN_FAILED = 0,
    STORE_RUN_OK = 1,
    STORE_RUN_TIMEOUT = 2, /* killed at its time limit */
    STORE_RUN_CUT_OFF = 3, /* the daemon ended before it did */
    STORE_RUN_GOING = 4,   /* it has not */
} StoreRunOutcome;
#define STORE_RUN_OUTCOMES 5

/* "failed", "ok", "timeout", "interrupted", "running". Static. */
const char *store_run_outcome_name(StoreRunOutcome outcome);

#define STORE_RUN_TEXT_MAX 256 /* bytes, with the final NUL */

/* What is remembered of a schedule. */
typedef struct {
    uint64_t definition; /* hash of what says when it is due: another one begins anew */
    int64_t handled_us;  /* wall clock: of what was due up to then nothing is left to be done */
    /* Its last run; time_us is 0 before the first. */
    int64_t time_us; /* wall clock, of the start */
    int64_t due_us;  /* wall clock */
    int64_t duration_us;
    StoreRunOutcome outcome;
    char text[STORE_RUN_TEXT_MAX]; /* for people: "exit status 3" */
    int64_t succeeded_us;          /* wall clock: end of the last run that was ok; 0 before */
} StoreSchedule;

bool store_put_schedule(Store *store, const char *name, const StoreSchedule *schedule,
                        GError **error);

/* Stored: added to, never renumbered. */
typedef enum {
    STORE_ALARM_INSUFFICIENT_DATA = 0,
    STORE_ALARM_OK = 1,
    STORE_ALARM_ALARM = 2,
} StoreAlarmState;
#define STORE_ALARM_STATES 3

/* "INSUFFICIENT_DATA", "OK", "ALARM". Static. */
const char *store_alarm_state_name(StoreAlarmState state);

#define STORE_ALARM_REASON_MAX 200 /* bytes, with the final NUL */

/* A state, since when (wall clock), and why, for people. */
typedef struct {
    StoreAlarmState state;
    int64_t time_us;
    char reason[STORE_ALARM_REASON_MAX];
} StoreVerdict;

/* What is remembered of an alarm. */
typedef struct {
    uint64_t definition; /* hash of what it watches: another one begins anew */
    StoreVerdict now, before;
    bool is_told; /* its command has been run for this state, or there is none */
} StoreAlarm;

bool store_put_alarm(Store *store, const char *name, const StoreAlarm *alarm, GError **error);

/* A mount below the bucket: the key of its place, and what identifies what is mounted there. */
typedef struct {
    const char *path;
    uint64_t identity;
} StoreMountPoint;

typedef struct {
    const char *path; /* borrowed for the call */
    bool is_away;     /* it is not there, or another one hides it */
    int64_t since_us; /* wall clock */
    uint64_t objects; /* that were seen on it, or that it hides */
} StoreMount;

typedef void (*StoreVisitMount)(const StoreMount *mount, void *data);

/*
 * All that is mounted below the bucket now. What an object was seen on is remembered with it;
 * objects whose place belongs to another mount by now are away (Record.away) until theirs is back.
 * `changed` is told of each mount that has come or gone. The bucket itself is not a mount here.
 */
bool store_set_mounts(Store *store, const StoreMountPoint *points, size_t n, int64_t now_us,
                      StoreVisitMount changed, void *data, GError **error);

/* Counts the object as one that a mount hides, if that is why it is away. */
bool store_note_hidden(Store *store, const char *key, int64_t now_us, GError **error);

/* What is believed of the wall clock. */
bool store_put_clock(Store *store, const ClockTrust *trust, GError **error);

/*
 * Whether all dates of files go by the local zone of this process. `store_set_zone` says that they
 * do (or, before store_redate is called for each object, that some may not).
 */
bool store_set_zone(Store *store, bool is_local, GError **error);

/* Puts the object into its place by the local zone of now. Nothing changes if it is there. */
bool store_redate(Store *store, const char *key, GError **error);

/* The record as the open batch sees it. */
bool store_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error);

/*
 * The first record whose key sorts after `after` (NULL: the first of all), as the batch sees it.
 * For long walks in slices, with other calls in between. Keys of more than 511 bytes that begin
 * with the same 478 come in an order of their own, the same each time.
 */
bool store_peek_after(Store *store, const char *after, bool *ret_found, Record *ret_record,
                      GError **error);

/* What upkeep has done, or would do. */
typedef struct {
    uint64_t events;                /* rows dropped */
    uint64_t metrics;               /* the same */
    unsigned readers;               /* cleared: of processes that have died while they read */
    int64_t file_bytes, free_bytes; /* of the store's file, as it is now */
} StoreUpkeep;

/*
 * Drops what is older than its retention, a slice of it: to be called again, in between commits,
 * while *ret_more is true. Clears readers that have died. Adds to `upkeep`, all zero at first. With
 * `dry_run` nothing is changed, and all that would be dropped is counted at once.
 */
bool store_upkeep(Store *store, int64_t now_us, bool dry_run, StoreUpkeep *upkeep, bool *ret_more,
                  GError **error);

typedef struct {
    bool is_due; /* it was worth it: half of the file was free, and no less than asked for */
    int64_t before_bytes, after_bytes, free_bytes;
} StoreCompaction;

/*
 * Writes the store anew, without what is free in its file, if that is worth it; 0 for never. The
 * caller holds the daemon's lock and has no Store of it open. Others may read it meanwhile, and
 * keep reading what they have opened. Crashes, and errors, leave the old one or the new one. Needs
 * room for both. Blocks: about a second per GiB. Errors: those of store_open;
 * ERROR_NO_SPACE; others where the file system cannot exchange two folders.
 */
bool store_compact(int dir_fd, const char *directory, int64_t min_free_bytes,
                   StoreCompaction *ret_compaction, GError **error);

/* ---- reading ------------------------------------------------------------------------------------
 */

typedef struct StoreSnapshot StoreSnapshot;

/* Owner: store_snapshot_end. Keep it short: while it is open, space is not reused. */
StoreSnapshot *store_snapshot_begin(Store *store, GError **error);
void store_snapshot_end(StoreSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreSnapshot, store_snapshot_end)

/*
 * For whoever hands on what it reads to somebody who may be slow: `rest` is called whenever a query
 * renews the snapshot, while none is held, and before that as soon as `is_due` says so after a
 * visit.
 */
void store_snapshot_on_rest(StoreSnapshot *snapshot, bool (*is_due)(void *data),
                            void (*rest)(void *data), void *data);

/* Errors: ERROR_NOT_FOUND for a key without a record. */
bool store_get(StoreSnapshot *snapshot, const char *key, Record *ret_record, GError **error);

/* *ret_found false if nothing is known of the schedule. */
bool store_get_schedule(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                        StoreSchedule *ret_schedule, GError **error);

/* *ret_found false if the alarm has never been evaluated. */
bool store_get_alarm(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                     StoreAlarm *ret_alarm, GError **error);

/* True if all dates of files go by the local zone of this process. */
bool store_zone_is_local(StoreSnapshot *snapshot, bool *ret_is, GError **error);

/* All zero where nothing is known. */
bool store_get_clock(StoreSnapshot *snapshot, ClockTrust *ret_trust, GError **error);

/* All zero: everything. */
typedef struct {
    const char *prefix; /* of the key's bytes */
    const char *match;  /* glob on the whole key; without '/' in it, on the last component */
    uint32_t types;     /* 1 << ImageType; 0: any */
    uint32_t states;    /* 1 << ObjectState, STORE_FILTER_AWAY: any of them; 0: any */
    bool has_since, has_until;
    /* since <= date < until: of what the clock showed (record_date_us), or of the instant. */
    int64_t since_us, until_us;
    bool since_is_instant, until_is_instant;
    bool has_min_size, has_max_size;
    int64_t min_size, max_size; /* bytes of the source, both included */
    bool damaged;
} StoreFilter;

/* In StoreFilter.states: objects that are away, whatever their state is. */
#define STORE_FILTER_AWAY (UINT32_C(1) << 31)
#define STORE_AWAY_NAME   "away"

bool store_filter_is_empty(const StoreFilter *filter);

/* Pure. */
bool store_filter_matches(const StoreFilter *filter, const Record *record);

typedef enum {
    STORE_SORT_NAME,
    STORE_SORT_SIZE,
    STORE_SORT_DATE,
    STORE_SORT_DURATION,
} StoreSort;

/* False stops the walk. */
typedef bool (*StoreVisit)(const Record *record, void *data);

/*
 * Visits the records that match, in the order of `sort`, at most `limit` (0: all). Uses the
 * narrowest index; renews the snapshot every few thousand rows, so that a slow reader does not
 * bloat the file: a record that changes during the walk may then be missed or, where its place in
 * the order changed, come twice. Records that are equal in what is sorted by come by their ids.
 */
bool store_query(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort, bool reverse,
                 uint64_t limit, StoreVisit visit, void *data, GError **error);

typedef struct {
    uint64_t objects;
    uint64_t by_state[STATES_END];
    uint64_t damaged;
    uint64_t source_bytes;
    uint64_t thumbnails;
    uint64_t thumbnail_bytes;
} StoreTotals;

/* What totals are grouped by. */
typedef enum {
    STORE_BY_ALL,    /* one group, "" */
    STORE_BY_TYPE,   /* "jpeg" */
    STORE_BY_STATE,  /* "done" */
    STORE_BY_DAY,    /* "2026-01-31", UTC */
    STORE_BY_MONTH,  /* "2026-01" */
    STORE_BY_PREFIX, /* first folder, "2026/"; "" for objects in the bucket itself */
    STORE_BY_SIZE,   /* power of two of the source's bytes: "20" from 1 MiB up to 2 MiB, "00" for
                        less than two bytes. Not kept: counted each time, whatever the filter */
} StoreBy;

typedef bool (*StoreVisitGroup)(const char *group, const StoreTotals *totals, void *data);

/*
 * Visits the groups that are not empty, sorted by name. Costs the same with any number of objects
 * while the filter is empty; otherwise walks what the filter selects.
 */
bool store_totals(StoreSnapshot *snapshot, const StoreFilter *filter, StoreBy by,
                  StoreVisitGroup visit, void *data, GError **error);

/* Visits what is known of mounts below the bucket. */
void store_mounts(StoreSnapshot *snapshot, StoreVisitMount visit, void *data);

/* True if these, and no others, are known to be there. */
bool store_mounts_are(StoreSnapshot *snapshot, const StoreMountPoint *points, size_t n);

/* Objects that are away. Costs the same with any number of objects while the filter is empty. */
bool store_away(StoreSnapshot *snapshot, const StoreFilter *filter, uint64_t *ret_objects,
                GError **error);

/* What was measured from `since_us` up to `until_us`. Some 30 KiB: for the heap. */
typedef struct {
    int64_t since_us, until_us; /* whole minutes; whole hours or days where nothing finer is kept */
    Measures measures;
} StoreMetrics;

/*
 * Over the minutes that overlap [since_us, until_us), with levels as they were at its beginning; a
 * minute is that in which an invocation began. Reads some hundred rows at the most, and one per
 * day. INT64_MIN and INT64_MAX: all time, at a fixed cost, without carried levels.
 */
bool store_metrics(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                   StoreMetrics *ret_metrics, GError **error);

/* What Lambda would count. */
typedef struct {
    uint64_t requests;
    uint64_t billed_ms;       /* durations, each rounded up to whole milliseconds */
    uint64_t billed_mb_ms;    /* those times the memory size in force, in MB */
    int64_t counted_since_us; /* nothing was counted before; 0: nothing ever */
} StoreBill;

/* Over the days (UTC) that begin in [since_us, until_us). */
bool store_bill(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us, StoreBill *ret_bill,
                GError **error);

#define STORE_SHAPE_CELLS 18

/* Percentiles within 3 %; all in microseconds; zero while count is. */
typedef struct {
    uint64_t count;
    int64_t p50, p90, p99, max;
    uint64_t shape[STORE_SHAPE_CELLS]; /* how many take less than 1, 2, 4, ... 65536 times 1024 us,
                                          and longer than that */
} StoreQuantiles;

/* Metrics in short. */
typedef struct {
    uint64_t invocations, errors, retries;
    StoreQuantiles duration, latency;
} StoreInvocations;

/* As store_metrics. */
bool store_invocations(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                       StoreInvocations *ret_invocations, GError **error);

#define STORE_EVENTS_MAX 100000 /* rows kept; the oldest go */

typedef enum {
    STORE_EVENT_CREATED = 1, /* a new object, or a new version of one */
    STORE_EVENT_REMOVED = 2,
    STORE_EVENT_MOVED = 3, /* key is the new one */
    STORE_EVENT_DONE = 4,
    STORE_EVENT_SKIPPED = 5,
    STORE_EVENT_DEAD = 6,
    STORE_EVENT_RETRY = 7,
    STORE_EVENT_EXPIRED = 8,            /* removed by a lifecycle rule */
    STORE_EVENT_THUMBNAILS_EXPIRED = 9, /* the object stays */
    STORE_EVENT_SCHEDULED = 10, /* of no object: key is the schedule, time when it was due */
    STORE_EVENT_SWEPT = 11,     /* of no object: key says what for */
    STORE_EVENT_JOB = 12,       /* of no object: key says which job, detail its new state */
    STORE_EVENT_ALARM = 13,     /* of no object: key is the alarm, whose state has changed */
} StoreEventType;
#define STORE_EVENT_TYPES 14

typedef struct {
    uint64_t sequencer;
    int64_t time_us; /* wall clock */
    StoreEventType type;
    uint64_t object_id; /* 0: of no object */
    int64_t size;       /* bytes of the source */
    ErrorCode error;
    const char *key;    /* borrowed for the call */
    const char *detail; /* borrowed for the call: a JSON object, or "" */
} StoreEvent;

const char *store_event_name(StoreEventType type);

/*
 * Writing: adds an event that is of no object to the log. `detail` is a JSON object, or "" for
 * none; of both texts no more than STORE_EVENT_TEXT_MAX bytes in all.
 */
#define STORE_EVENT_TEXT_MAX 1024
bool store_log(Store *store, StoreEventType type, const char *key, const char *detail,
               int64_t time_us, GError **error);

typedef bool (*StoreVisitEvent)(const StoreEvent *event, void *data);

/* Events after the sequencer `after` (0: all that are kept), oldest first; of one object, or of all
 * where `object_id` is 0. */
bool store_events(StoreSnapshot *snapshot, uint64_t after, uint64_t object_id, uint64_t limit,
                  StoreVisitEvent visit, void *data, GError **error);

/* ---- health -------------------------------------------------------------------------------------
 */

typedef struct {
    int64_t file_bytes;    /* in use at the end of the last batch */
    int64_t free_bytes;    /* of these, pages that hold nothing: filled before the file grows */
    unsigned readers;      /* snapshots that other processes have open */
    uint64_t lag;          /* batches since the oldest of them: what these freed is not filled */
    unsigned dead_readers; /* left by processes that are gone; cleared when this one opened it */
} StoreHealth;

/* Another process that holds a snapshot. */
typedef struct {
    int pid;
    uint64_t snapshot; /* the same as long as it holds the same one */
    uint64_t lag;      /* batches since */
} StoreReader;

/*
 * Clears readers that have died, and finds the one whose snapshot is the oldest; *ret_found false
 * if no other process holds one. For the writer.
 */
bool store_oldest_reader(Store *store, bool *ret_found, StoreReader *ret_reader, GError **error);

/* Looks, and changes nothing. */
bool store_health(StoreSnapshot *snapshot, StoreHealth *ret_health, GError **error);
