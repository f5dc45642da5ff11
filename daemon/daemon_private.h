/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's inside, shared by its files:
 *
 *   daemon.c    opens everything in order, runs the loop, ends it
 *   intake.c    bucket events -> store
 *   walk.c      passes over many records, in slices
 *   away.c      objects whose mount is not there
 *   dispatch.c  store -> handlers
 *   outcome.c   handlers -> thumbnails -> store
 *   backfill.c  jobs: objects that are made once more, a window at a time
 *   sweep.c     passes that put right what events cannot tell of; sweep_records.c, sweep_files.c
 *               what they look at, sweep_run.c without a daemon
 *   edit.c      changes of single records that commands ask for
 *   destination.c  on-failure and on-success records
 *   redate.c    the dates of files follow the local time zone
 *   clock_guard.c  whether the wall clock may be believed
 *   lifecycle_notice.c  which files its rules delete, at the start
 *   batch.c     grouped commits, and what to do when one fails
 *   readers.c   other processes that read the store, and stand still
 *   recovery.c  opens the store, whatever the last daemon or the disk has done to it;
 *               session.c knows how the last one ended
 *   held.c      compares what is held open with what the names say
 *   publish.c   thumbnails on disk; thumbnails.c walks over them; mark.c says whose they are,
 *               place.c knows their folder
 *   alarms.c    evaluates alarms, and tells of changes; alarm_state.c decides
 *   reload.c    takes over a new configuration
 *   schedule.c  clock ticks -> sweeps and commands; eventbridge.c says what they are told
 *   control_server.c  what commands ask of a running daemon; control_peer.c sends to one of them
 *   service.c   what the service manager is told
 *   report.c    what it prints
 *   up_to_date.c  whether there is anything to do, without changing anything
 *
 * Everything runs on one thread, in the default GLib main context. No function here waits for a
 * worker.
 */
#pragma once

#include "bucket.h"
#include "config.h"
#include "daemon.h"
#include "edit.h"
#include "jobs.h"
#include "lock.h"
#include "mark.h"
#include "pool.h"
#include "publish.h"
#include "service.h"
#include "store.h"
#include "sweep.h"
#include "thumbnails.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

/* How often those who wait are told how far it is. */
#define PROGRESS_MS 100

typedef struct Sweep Sweep;
typedef struct Walk Walk;
typedef struct Alarms Alarms;
typedef struct Schedules Schedules;
typedef struct Control Control;
typedef struct Reporter Reporter;
typedef struct Backfill Backfill;
typedef struct Held Held;
typedef struct ClockGuard ClockGuard;

/* What a machine can be short of, so that no object is to blame. */
typedef enum {
    TROUBLE_NO_SPACE,
    TROUBLE_REFUSED, /* thumbnails may not be written */
    TROUBLE_SHORTAGE,
    TROUBLE_NO_HANDLER,
    TROUBLES,
} Trouble;

typedef struct {
    const DaemonOptions *options;
    const Config *config;
    Config *loaded_config; /* owned: `config`, once it has been read anew; else NULL */
    GMainLoop *loop;
    char *state_path;
    Lock lock;    /* with the descriptor of the state folder */
    MarkKey mark; /* of the thumbnails */

    Store *store;
    Publisher *publisher;
    Bucket *bucket;
    Pool *pool;
    Schedules *schedules;
    Alarms *alarms;
    Control *control;
    Reporter *reporter;
    Backfill *backfill; /* NULL where there is no loop to work in */
    ClockGuard *clock_guard;
    Service *service; /* NULL: no service manager */

    /* intake.c */
    GByteArray *seen; /* a bit per record id: met since the scan began; NULL outside of one */

    /* walk.c */
    GQueue walks; /* Walk, owned: under way, in order */
    guint walk_source;

    /* redate.c */
    guint zone_source;
    struct stat localtime; /* of /etc/localtime, as of the last look */

    /* sweep.c */
    GQueue sweeps; /* Sweep, owned: the first is under way */
    guint sweep_source;

    /* dispatch.c */
    GQueue jobs;           /* Job, owned, each by its own link: under way */
    guint dispatch_source; /* runs once, soon */
    guint due_source;      /* runs when the next retry is due */
    guint hold_source;     /* no work until it runs: the machine is short of something */
    int lowered;           /* concurrency after a handler was killed; 0: as configured */
    guint raise_source;    /* raises it again */
    uint64_t serial;
    uint64_t generation; /* raised when a batch is lost: answers to older jobs are dropped */
    bool queue_is_empty; /* nothing pending, as of the last claim */
    bool no_room;        /* no handler was free when work was looked for last */
    int64_t no_room_us;  /* wall clock of the last time that this was so */

    /* batch.c */
    guint commit_source;
    guint resume_source;
    int failures;                 /* commits that failed in a row */
    int n_troubles;               /* outcomes in a row that were the machine's fault */
    GHashTable *excuses;          /* key -> failures that were not held against it; or NULL */
    int64_t trouble_us[TROUBLES]; /* monotonic clock at the last one of each; 0: none */

    /* readers.c */
    StoreReader reader; /* whose snapshot was the oldest at the last look; pid 0: none */
    int64_t readers_us; /* monotonic: of that look */
    bool reader_is_told_of;
    bool paused; /* a batch was lost: no work until the store takes changes again */

    /* recovery.c */
    bool session;          /* begun */
    bool look_due;         /* at all thumbnails, after an upgrade */
    bool recovery_due;     /* after a crash, until the sweep for what it left has begun */
    bool store_is_damaged; /* found out by a call: it is replaced before work resumes */
    bool store_is_unknown; /* another file has its name: looked through before work resumes */

    /* held.c */
    Held *held;     /* NULL where there is no loop */
    bool displaced; /* a batch was lost because something lies elsewhere */

    /* daemon.c */
    bool stopping;
    bool offline; /* no events, no work: offline_run */
    bool dry_run; /* with `offline`: nothing is changed */
    int signal_fd;
    guint signal_source;
    bool is_out_of_time;
    guint signals; /* SIGINT and SIGTERM received */
    uint64_t invocations;
    GError *error; /* what ended the loop; NULL: nothing wrong */
} Daemon;

/* ---- daemon.c */

/* Ends the loop with an error. Takes `error`. */
void daemon_fail(Daemon *daemon, GError *error);

/* To be called whenever something came to an end: ends the loop if nothing is left to do and that
 * is wanted. */
void daemon_check_finished(Daemon *daemon);

/* True when everything that was there when it is called has been handled. */
bool daemon_is_settled(const Daemon *daemon);

/* The bucket, as the configuration wants it seen; `callback` gets the daemon. Owner: bucket_free.
 */
Bucket *daemon_open_bucket(Daemon *daemon, BucketCallback callback, GError **error);

/*
 * Opens what a change of state needs, under the lock, does `work` and commits. For what commands do
 * where no daemon runs. Errors: ERROR_LOCKED, ERROR_NOT_FOUND, those of the store and of `work`.
 */
typedef bool (*OfflineWork)(Daemon *daemon, void *data, GError **error);
bool offline_run(const char *bucket, const Config *config, OfflineWork work, void *data,
                 GError **error);

/* The same, with a copy of the store: in bucket, prefix and state nothing is changed. */
bool offline_look(const char *bucket, const Config *config, OfflineWork work, void *data,
                  GError **error);

/* Of the configuration in force; `ret_options` borrows from the daemon. */
void daemon_pool_options(const Daemon *daemon, PoolOptions *ret_options);

/* What to do about a disk that is full or may not be written to: goes behind the reason. */
#define DAEMON_PLACE_HINT                                                                          \
    "; or have thumbnails and state on another disk: set 'prefix' and 'state' in a file that "     \
    "--config names"

/* Adds that to an error that is the disk's. */
void daemon_explain_place(GError *failure);

/* ---- reload.c */

/* Reads the configuration anew and takes it over; a wrong one changes nothing, and is logged. */
void reload_config(Daemon *daemon);

/* ---- intake.c */

void intake_event(const BucketEvent *event, void *daemon);

/* The object and its thumbnails are gone, or are to be. */
void intake_remove(Daemon *daemon, const char *key);

/* The object has a new name: record and thumbnails follow, or are made anew. */
void intake_move(Daemon *daemon, const char *from, const char *to, const ObjectVersion *version);

/* ---- away.c */

/*
 * Tells the store what is mounted below the bucket now, and the log what has come or gone. False if
 * the batch was lost.
 */
bool away_take_mounts(Daemon *daemon);

/*
 * True if that the object is not seen says nothing of it: its mount is not there, or another one
 * hides it, or something was mounted or unmounted that is not known of yet.
 */
bool away_is(const Daemon *daemon, const Record *record);
bool away_is_key(Daemon *daemon, const char *key);

/* The object was not seen by a scan, and is away: it is counted so. */
void away_note(Daemon *daemon, const char *key);

/* ---- walk.c */

typedef enum {
    WALK_REMOVED, /* records below `from` whose object is gone */
    WALK_HIDDEN,  /* records below `from`: no uploads are looked for there */
    WALK_MOVED,   /* records below `from` move to below `to` */
    WALK_REDATE,  /* all records: the dates of files go by the local zone of now */
    WALK_MISSING, /* all records that the scan did not meet and whose object is gone */
} WalkType;

/* `seen` (may be NULL) is taken. */
void walk_start(Daemon *daemon, WalkType type, const char *from, const char *to, GByteArray *seen);
void walk_stop_all(Daemon *daemon);

/* ---- sweep.c */

/* `complete` is false when the batch was lost on the way. */
typedef void (*SweepDone)(const SweepCounts *counts, bool complete, void *data);

/*
 * Sweeps in slices, after those that are under way. `options` is used for the call only, and its
 * progress not at all: see sweep_progress.
 */
void sweep_start(Daemon *daemon, const SweepOptions *options, SweepDone done, void *data);

/* Whoever could take no more notes may be able to now. */
void sweep_resume(Daemon *daemon);

/* True if there is none, but for those that wait for whoever listens to them. */
bool sweep_is_idle(const Daemon *daemon);

/* How far the sweep is that was started with `data`. False if there is none. */
bool sweep_progress(const Daemon *daemon, const void *data, ProgressCount *ret_count);

/* Forgets all sweeps; their `done` is not called. */
void sweep_stop_all(Daemon *daemon);

/* ---- backfill.c */

/* Looks for jobs that have not ended. */
bool backfill_open(Daemon *daemon, GError **error);
void backfill_free(Backfill *backfill);

/* Goes on with the job from the main loop, soon; to be called whenever objects have been handled.
 */
void backfill_soon(Daemon *daemon);

/* No job waits. */
bool backfill_is_idle(const Daemon *daemon);

/* A batch was lost: what is known of the job is read anew. */
void backfill_reset(Daemon *daemon);

/* The daemon ends: says of the job under way that nobody works on it. */
void backfill_rest(Daemon *daemon);

/* False if there is no such job. */
bool backfill_progress(Daemon *daemon, uint32_t id, ProgressCount *ret_count, JobState *ret_state);

/* Objects of all jobs that are not in the queue yet. */
uint64_t backfill_unqueued(Daemon *daemon);

/* As backfill_submit and backfill_cancel, without the commit. */
bool backfill_add(Daemon *daemon, const char *filter, uint64_t total, uint32_t *ret_id,
                  bool *ret_is_new, GError **error);
bool backfill_end(Daemon *daemon, uint32_t id, bool *ret_cancelled, GError **error);

/* ---- edit.c */

/* Takes the name of an action and a space off the front of *line. False if there is none. */
bool edit_action_from_prefix(const char **line, EditAction *ret_action);

/* *ret_changed false if there is no dead object `key`. */
bool edit_apply(Daemon *daemon, EditAction action, const char *key, bool *ret_changed,
                GError **error);

/* ---- dispatch.c */

/* Looks for work from the main loop, soon. */
void dispatch_soon(Daemon *daemon);

/* No work for a while: this machine is short of something. */
void dispatch_hold(Daemon *daemon);
void dispatch_release(Daemon *daemon);

/* One job at a time for a while, then more again: the kernel has killed a handler. */
void dispatch_lower(Daemon *daemon);

/* Jobs under way at the most, now. */
int dispatch_concurrency(const Daemon *daemon);
void dispatch_stop(Daemon *daemon);

/* ---- outcome.c */

/* A job under way: what was asked, and what is needed to judge the answer. */
typedef struct {
    Daemon *daemon;
    GList link; /* in daemon->jobs */
    uint64_t generation;
    uint64_t id; /* of the record */
    char *key;
    char *group;   /* owned: with which other objects it may share a worker */
    int source_fd; /* open still, to see whether the object changed while it was read */
    ObjectVersion version;
    int attempts; /* before this one */
    int64_t uploaded_us;
    int64_t start_us; /* wall clock */
    uint8_t request_id[16];
    bool only_date;          /* its thumbnails are there: nothing but its date is to be read */
    bool throttled;          /* no handler was free at some time since it was due */
    int concurrency;         /* jobs under way when it began, with itself */
    bool refused;            /* thumbnails may not be written: no fault of the object */
    bool is_alone;           /* no other was to be under way beside it */
    bool excused;            /* a want of processors or memory: no attempt */
    int64_t excuse_delay_us; /* until it is tried again then */
    bool is_away;            /* it waits for its mount */
    WireJob wire;
    int outputs[RENDITIONS_MAX]; /* unnamed files for the thumbnails; -1: not made yet */
    RecordThumbnail
        kept[RENDITIONS_MAX]; /* are there already, made by today's recipe from this version */
    size_t n_kept;
    RecordThumbnail before[RENDITIONS_MAX]; /* all that the object had */
    size_t n_before;
} Job;

void job_free(Job *job);

/* How far away a retry can be. */
int64_t outcome_longest_delay_us(const Config *config);

/* PoolDone. Takes `job`. */
void outcome_done(const WireResult *result, const PoolUsage *usage, void *job);

/* All that is wanted is there already, and only what is not is to go. Takes `job`. */
void outcome_nothing_to_make(Job *job);

/* The job could not even begin. Takes `job`. */
void outcome_failed_early(Job *job, const GError *error);

/* ---- news.c */

/* Tells what the job came to; `record` is the object's as it is now. */
void news_outcome(const Job *job, const StoreOutcome *outcome, const Record *record);

void news_removed(const Daemon *daemon, const char *key);
void news_renamed(const Daemon *daemon, const char *from, const char *to);

/* ---- destination.c */

/*
 * Writes down an object that is done or dead, where the configuration asks for it: a Lambda
 * destination record. Before the commit, so that none is lost; after a crash the same object may be
 * written down twice.
 */
void destination_write(const Job *job, const Record *record);

/* How each of these files begins. */
#define DESTINATION_START "{\"version\":\"1.0\",\"timestamp\":"

/*
 * Opens the folder that is set: an absolute one is anybody's to read, one below the state folder is
 * not. With `make` it is made where it is missing. -1 on error. Owner: the caller closes.
 */
int destination_open_folder(const Daemon *daemon, const char *setting, bool make, GError **error);

/* ---- batch.c */

/* To be called after each change: commits at once, or soon. */
void batch_changed(Daemon *daemon);

/* Commits now. False: the batch was lost, and the recovery has begun or the loop is ending. */
bool batch_commit(Daemon *daemon);

/* A changing call has failed: the batch is given up, everything is found again. Frees `error`. */
void batch_lost(Daemon *daemon, GError *error);
void batch_stop(Daemon *daemon);

/* What is held open lies elsewhere by now: the batch is given up, and what is there is opened
 * before it is done again. `patient`: not soon. */
void batch_displaced(Daemon *daemon, bool patient);

/* ---- held.c */

/*
 * Compares what is held open (folder of the thumbnails, state folder, lock, store) with what the
 * names say. False: the batch was given up, or had been before. To be called before each group of
 * work, and between its sync and its commit.
 */
bool held_check(Daemon *daemon);

/* Opens anew, or makes, what was found to lie elsewhere, and the store in any case. */
bool held_renew(Daemon *daemon, GError **error);

/* Has the loop look as soon as one of them is removed or moved, also while nothing is to be done.
 */
void held_open(Daemon *daemon);
void held_watch(Daemon *daemon);
void held_close(Daemon *daemon);

/* ---- readers.c */

/*
 * To be called after each commit: looks every few seconds whether another process keeps the store
 * from using space again, and names it. Space of readers that have died is free after that.
 */
void readers_look(Daemon *daemon);

/* ---- recovery.c */

/*
 * Opens lock, key, a copy of the store, and thumbnails, for a daemon with `dry_run`: in bucket,
 * prefix and state nothing is made, renamed or written. Errors: ERROR_LOCKED, ERROR_NOT_TRUSTED,
 * those of the store; as error_set_errno, also for the temporary folder that the copy is made in.
 */
bool dry_run_open(Daemon *daemon, GError **error);

/*
 * Opens the store. One that is damaged is moved aside, loudly, and a new one made; after a crash
 * it is looked through first.
 */
bool recovery_open(Daemon *daemon, GError **error);

/* Opens it anew after a batch was lost. On error there is no store: daemon->store is NULL. */
bool recovery_reopen(Daemon *daemon, GError **error);

/* Tells the store what the configuration in force wants of it. */
void recovery_configure(Daemon *daemon);

/* A scan of the whole bucket has ended: after a crash, sweeps away what that left half done. */
void recovery_after_scan(Daemon *daemon, uint64_t n_objects);

/* Closes the store. `saved`: the last commit has succeeded. */
void recovery_close(Daemon *daemon, bool saved);

/* ---- schedule.c */

/*
 * Of a configuration, which is to outlive them. Nothing happens before schedules_start. Errors:
 * ERROR_CONFIG, with file and line, for an expression or a `run` that is wrong.
 */
Schedules *schedules_new(Daemon *daemon, const Config *config, GError **error);

/*
 * Takes over what `old`, which is freed, knows and runs. Schedules of the same name go on; of those
 * that are no more, what runs comes to its end.
 */
void schedules_adopt(Schedules *schedules, Schedules *old);

/* From now on they are due. The store is open. */
bool schedules_start(Schedules *schedules, GError **error);

/* The local zone is another one: what is due next is looked at again. */
void schedules_zone_changed(Schedules *schedules);

/* Writes down that what runs is cut off. Before the last commit. */
void schedules_stop(Schedules *schedules);

/* Kills the commands that run. */
void schedules_free(Schedules *schedules);

/* ---- redate.c */

/* Brings dates that go by another zone into the local one. The store is open. */
void redate_start(Daemon *daemon);

/* From now on a change of /etc/localtime is noticed. */
void redate_watch(Daemon *daemon);

/* Looks whether /etc/localtime is another one. */
void redate_look(Daemon *daemon);
void redate_stop(Daemon *daemon);

/* Called by the walk: for each object, and at its end. */
void redate_object(Daemon *daemon, const char *key);
void redate_end(Daemon *daemon);

/* ---- lifecycle_notice.c */

/* Says in the log which files the lifecycle rules delete. */
void lifecycle_notice(Daemon *daemon);

/* ---- clock_guard.c */

/* Reads what the store knows. The store is open. */
bool clock_guard_open(Daemon *daemon, GError **error);

/* Looks at the clock, and from now on once a minute, if a daemon runs. */
void clock_guard_start(Daemon *daemon);

/* A batch was lost: what is believed is written down again. */
void clock_guard_reset(Daemon *daemon);

/* Writes down what is believed. Before the last commit. */
void clock_guard_rest(Daemon *daemon);
void clock_guard_free(Daemon *daemon);

/* Why nothing may be deleted for its age now; NULL: it may. Owner: the caller frees. */
char *clock_guard_objection(Daemon *daemon);

/* The wall clock as far as it is believed. */
int64_t clock_guard_now_us(Daemon *daemon);

/* ---- alarms.c */

/* Of a configuration, which is to outlive them. Nothing happens before alarms_start. */
Alarms *alarms_new(Daemon *daemon, const Config *config);

/* What was before is as the store says. Errors: those of the store. */
bool alarms_start(Alarms *alarms, GError **error);

/* Kills commands that are under way: the next start runs them again. */
void alarms_free(Alarms *alarms);

/* ---- control_server.c */

Control *control_open(Daemon *daemon, GError **error);

/* Answers those who wait for the daemon to settle, if it has. */
void control_check_settled(Control *control);

/* Answers those who wait for a job that has ended, as committed. */
void control_check_jobs(Control *control);

/* Listens where the state folder is now. Does nothing where the socket is in its place. */
bool control_renew(Control *control, GError **error);
void control_free(Control *control);

/* ---- report.c */

void report_invocation(const Job *job, const PoolUsage *usage, ErrorCode code, const char *message);

/* Work that is told of from its beginning on. All zero at first. */
typedef struct {
    uint64_t total, left; /* objects */
} Backlog;

/*
 * What is pending, as committed, against what was since `backlog` was zero. *ret_count's `failed`
 * are all objects that are dead. False if the store cannot be read.
 */
bool report_backlog(Daemon *daemon, Backlog *backlog, ProgressCount *ret_count);

/* Tells options->progress of the work, where somebody asked for it; else NULL. */
Reporter *reporter_new(Daemon *daemon);
void reporter_free(Reporter *reporter);

/* All that there is, as committed. False, and all zero, if the store cannot be read. */
bool report_totals(Daemon *daemon, StoreTotals *ret_totals);

/* Dead objects, as committed. */
uint64_t report_dead(Daemon *daemon);

/* "5 objects: 4 done, 1 to do, 0 dead", or NULL if it cannot be told now. Owner: the caller frees.
 */
char *report_status(Daemon *daemon);

/* The last line of `run --once`. */
void report_summary(Daemon *daemon, int64_t took_us);
