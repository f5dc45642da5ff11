/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "content.h"
#include "error.h"
#include "failpoint.h"
#include "log.h"
#include "output.h"
#include "units.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Before an object that is being written to is read again. */
#define CHANGED_DELAY_US (CLOCK_US_PER_SEC / 2)

/* Before the next try when the disk is full, or thumbnails may not be written. */
#define NO_SPACE_DELAY_US (5 * CLOCK_US_PER_SEC)

/* In a row, before `run --once` gives up on a machine that cannot do the work. */
#define ONCE_FAILURES_MAX 5

static bool source_is_unchanged(const Job *job)
{
    ObjectVersion version;
    struct stat st;

    if (fstat(job->source_fd, &st) != 0)
        return false;
    object_version_from_stat(&st, &version);
    return object_version_equal(&version, &job->version);
}

/* The worker's word is not taken for it: each file must be as large as it says. */
static bool files_are_sound(const Job *job, const WireResult *result)
{
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        struct stat st;
        if (fstat(job->outputs[i], &st) != 0 || st.st_size != result->thumbnails[i].size)
            return false;
    }
    return true;
}

/* Copies what the worker handed over into files that it has never seen. */
static bool copy_outputs(Job *job, const WireResult *result, GError **error)
{
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        int *fd = &job->outputs[i];
        if (*fd < 0 && (*fd = publisher_create(job->daemon->publisher, error)) < 0)
            return false;
        if (FAILPOINT("publish.copy", output_copy(result, i, *fd)) != 0) {
            error_set_errno(error, errno, "cannot write", "thumbnail");
            return false;
        }
    }
    return true;
}

/* Puts what the worker made into place; adds it to the outcome. */
static bool publish(Job *job, const WireResult *result, StoreOutcome *outcome, GError **error)
{
    if (!job->wire.own_files && !copy_outputs(job, result, error))
        return false;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const Rendition *rendition = &job->wire.renditions[i];
        RecordThumbnail *thumbnail = &outcome->thumbnails[outcome->n_thumbnails];

        if (!publisher_put(job->daemon->publisher, job->outputs[i], rendition->name, job->key,
                           result->thumbnails[i].type, error))
            return false;
        g_strlcpy(thumbnail->rendition, rendition->name, sizeof thumbnail->rendition);
        thumbnail->facts = result->thumbnails[i];
        thumbnail->recipe = rendition->recipe;
        thumbnail->hash = content_hash(job->outputs[i], result->thumbnails[i].size);
        outcome->n_thumbnails++;
    }
    return true;
}

static void keep(StoreOutcome *outcome, const RecordThumbnail *thumbnails, size_t n)
{
    memcpy(outcome->thumbnails, thumbnails, n * sizeof thumbnails[0]);
    outcome->n_thumbnails = n;
}

/* The bytes are the same, who may read them need not be. */
static void adjust(const Job *job)
{
    for (size_t i = 0; i < job->n_before; i++)
        publisher_adjust(job->daemon->publisher, job->before[i].rendition, job->key,
                         job->before[i].facts.type);
}

/* Turns a success into thumbnails in their places, or finds out that it was none. */
static ErrorCode accept(Job *job, const WireResult *result, StoreOutcome *outcome)
{
    g_autoptr(GError) error = NULL;

    if (!source_is_unchanged(job))
        return ERROR_SOURCE_CHANGED;
    if (!publisher_set_source(job->daemon->publisher, job->source_fd, &error)) {
        g_strlcpy(outcome->message, error->message, sizeof outcome->message);
        return error_code(error);
    }
    if (result->unchanged) {
        keep(outcome, job->before, job->n_before);
        adjust(job);
        return ERROR_NONE;
    }
    if (job->wire.own_files && !files_are_sound(job, result)) {
        g_strlcpy(outcome->message, "the handler wrote something else than it said",
                  sizeof outcome->message);
        return ERROR_HANDLER_CRASHED;
    }
    keep(outcome, job->kept, job->n_kept);
    if (!publish(job, result, outcome, &error)) {
        g_strlcpy(outcome->message, error->message, sizeof outcome->message);
        job->refused = error_code(error) == ERROR_ACCESS_DENIED;
        return error_code(error);
    }
    return ERROR_NONE;
}

/*
 * That the object changed or went away is for us to see. A hostile file could have itself done
 * again for ever otherwise.
 */
static bool is_false_excuse(const Job *job, const WireResult *result)
{
    bool is_excuse = result->error == ERROR_SOURCE_CHANGED || result->error == ERROR_SOURCE_GONE;
    return is_excuse && source_is_unchanged(job);
}

static void set_again(StoreOutcome *outcome, int64_t delay_us)
{
    outcome->state = STATE_PENDING;
    outcome->counts = false;
    outcome->due_us = outcome->now_us + delay_us;
}

static int64_t retry_delay_us(const Config *config, int attempts)
{
    return config->retry_delay_us << MIN(attempts - 1, 10);
}

int64_t outcome_longest_delay_us(const Config *config)
{
    return MAX(retry_delay_us(config, MAX(config->retries, 1)), NO_SPACE_DELAY_US);
}

/* A file that has taken all of its time twice is going to take it a third time. */
#define TIMEOUT_RETRIES 1

static void set_retry(const Job *job, StoreOutcome *outcome)
{
    int attempts = job->attempts + 1;
    int retries = job->daemon->config->retries;

    if (outcome->error == ERROR_TIMEOUT)
        retries = MIN(retries, TIMEOUT_RETRIES);
    if (attempts > retries) {
        outcome->state = STATE_DEAD;
        return;
    }
    outcome->state = STATE_PENDING;
    outcome->due_us = outcome->now_us;
    if (!job->daemon->options->once)
        outcome->due_us += retry_delay_us(job->daemon->config, attempts);
}

/* What becomes of the object: the class of the error decides, some errors say more. */
static void judge(const Job *job, StoreOutcome *outcome)
{
    outcome->counts = outcome->error != ERROR_NONE || outcome->attempt.start_us != 0;
    if (outcome->error == ERROR_NONE) {
        outcome->state = STATE_DONE;
        return;
    }
    if (job->is_away) {
        set_again(outcome, 0);
        outcome->due_us = STORE_NEVER_US;
        return;
    }
    if (job->excused) {
        set_again(outcome, job->excuse_delay_us);
        return;
    }
    if (outcome->error == ERROR_NO_SPACE || job->refused) {
        set_again(outcome, NO_SPACE_DELAY_US);
        return;
    }
    if (outcome->error == ERROR_UNSUPPORTED_TYPE && outcome->has_facts &&
        !image_type_is_read(outcome->facts.type)) {
        outcome->state = STATE_SKIPPED; /* no failure: no file of that type is read */
        return;
    }
    switch (error_class(outcome->error)) {
    case ERROR_CLASS_SKIP:
        outcome->state = STATE_SKIPPED;
        break;
    case ERROR_CLASS_REJECT:
        outcome->state = STATE_DEAD;
        break;
    case ERROR_CLASS_AGAIN:
        set_again(outcome, outcome->error == ERROR_SOURCE_CHANGED ? CHANGED_DELAY_US : 0);
        break;
    case ERROR_CLASS_RETRY:
    case ERROR_CLASS_FATAL:
        set_retry(job, outcome);
        break;
    }
}

static bool has_thumbnail(const Record *record, const RecordThumbnail *thumbnail)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *now = &record->thumbnails[i];
        if (strcmp(thumbnail->rendition, now->rendition) == 0 &&
            thumbnail->facts.type == now->facts.type)
            return true;
    }
    return false;
}

/* Removes those thumbnails that the record (NULL: there is none any more) does not name. */
static void remove_obsolete(const Job *job, const RecordThumbnail *thumbnails, size_t n,
                            const Record *record)
{
    for (size_t i = 0; i < n; i++) {
        if (!record || !has_thumbnail(record, &thumbnails[i]))
            publisher_remove(job->daemon->publisher, thumbnails[i].rendition, job->key,
                             thumbnails[i].facts.type);
    }
}

/* A trouble that has not been there for so long is a new one. */
#define TROUBLE_FORGET_US (60 * CLOCK_US_PER_SEC)

/* What of the machine is in the way, not the object; TROUBLES: nothing. */
static Trouble trouble_of(const Job *job, const StoreOutcome *outcome)
{
    switch (outcome->error) {
    case ERROR_NO_SPACE:
        return TROUBLE_NO_SPACE;
    case ERROR_SHORTAGE:
        return TROUBLE_SHORTAGE;
    case ERROR_HANDLER_UNAVAILABLE:
        return TROUBLE_NO_HANDLER;
    default:
        return job->refused ? TROUBLE_REFUSED : TROUBLES;
    }
}

/* Said once, also where other objects go well in between; and no reason to wait for ever. */
static void notice_trouble(const Job *job, const StoreOutcome *outcome)
{
    Daemon *daemon = job->daemon;
    Trouble trouble = trouble_of(job, outcome);
    int64_t now_us = clock_monotonic_us();

    if (trouble == TROUBLES) {
        daemon->n_troubles = 0;
        dispatch_release(daemon); /* what it held is free */
        return;
    }
    if (trouble == TROUBLE_SHORTAGE)
        dispatch_hold(daemon);
    int64_t last_us = daemon->trouble_us[trouble];
    if (last_us == 0 || now_us - last_us > TROUBLE_FORGET_US) {
        bool has_place = trouble == TROUBLE_NO_SPACE || trouble == TROUBLE_REFUSED;
        log_error("%s; %s%s", outcome->message, error_text(outcome->error),
                  has_place ? DAEMON_PLACE_HINT : "");
    }
    daemon->trouble_us[trouble] = now_us;
    if (++daemon->n_troubles >= ONCE_FAILURES_MAX && daemon->options->once)
        daemon_fail(daemon, g_error_new(THUMBQ_ERROR, (gint)outcome->error,
                                        "given up after %d tries in a row that came to nothing",
                                        daemon->n_troubles));
}

/* Writes the outcome down. Takes `job`. */
static void conclude(Job *job, StoreOutcome *outcome)
{
    Daemon *daemon = job->daemon;
    GError *error = NULL;
    Record record;
    bool found;

    /* A folder that was removed is not the object's fault. */
    if (outcome->error != ERROR_NONE && !held_check(daemon)) {
        job_free(job);
        return;
    }
    /* A machine in trouble cannot look at the mount either. */
    job->is_away = outcome->error != ERROR_NONE && trouble_of(job, outcome) == TROUBLES &&
                   away_is_key(daemon, job->key);
    judge(job, outcome);
    outcome->throttled =
        job->throttled || outcome->error == ERROR_NO_SPACE || outcome->error == ERROR_SHORTAGE;
    notice_trouble(job, outcome);
    if (!store_finish(daemon->store, job->key, outcome, &found, &record, &error)) {
        batch_lost(daemon, error);
    } else {
        /* What it had before and has no more; what was just made of an object that is gone. */
        const Record *now = found ? &record : NULL;
        remove_obsolete(job, job->before, job->n_before, now);
        remove_obsolete(job, outcome->thumbnails, outcome->n_thumbnails, now);
        if (found && record.state == outcome->state) {
            destination_write(job, &record);
            news_outcome(job, outcome, &record);
        }
        batch_changed(daemon);
    }
    job_free(job);
    dispatch_soon(daemon);
    backfill_soon(daemon);
}

static void init_outcome(const Job *job, StoreOutcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->version = job->version;
    outcome->now_us = clock_wall_us();
    outcome->memory_mb = (int)units_mebibytes(job->daemon->config->memory_bytes);
    outcome->concurrency = job->concurrency;
}

/* Nothing has come of the job, and nothing of it counts: its object waits as before. Takes `job`.
 */
static void set_free(Job *job)
{
    Daemon *daemon = job->daemon;
    GError *error = NULL;

    /* What a lost batch knew of it is lost anyway. */
    if (job->generation == daemon->generation) {
        if (store_unclaim(daemon->store, job->key, job->id, &error))
            batch_changed(daemon);
        else
            batch_lost(daemon, error);
    }
    job_free(job);
    dispatch_soon(daemon);
}

/*
 * A want of the machine is not the picture's failure: too few processors, so that it was killed by
 * the clock with little CPU time; too little memory, so that the kernel killed it beside others. A
 * file that does this to every handler is found out: it is excused so many times, and no more.
 */
#define EXCUSES_MAX 2

/* Keys that are remembered; beyond, all are forgotten. */
#define EXCUSED_MAX 10000

static bool take_excuse(Daemon *daemon, const char *key)
{
    if (!daemon->excuses)
        daemon->excuses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (g_hash_table_size(daemon->excuses) >= EXCUSED_MAX)
        g_hash_table_remove_all(daemon->excuses);
    int n = GPOINTER_TO_INT(g_hash_table_lookup(daemon->excuses, key));
    if (n >= EXCUSES_MAX)
        return false;
    g_hash_table_insert(daemon->excuses, g_strdup(key), GINT_TO_POINTER(n + 1));
    return true;
}

static bool is_excused(Job *job, const WireResult *result, const PoolUsage *usage)
{
    Daemon *daemon = job->daemon;
    bool among_others = usage->killed && !job->is_alone;

    if (usage->killed)
        dispatch_lower(daemon);
    if (result->error == ERROR_NONE && daemon->excuses)
        (void)g_hash_table_remove(daemon->excuses, job->key); /* it may have none */
    /* One that was killed is tried again alone, at once, the others later. */
    if (usage->starved && !daemon->options->once)
        job->excuse_delay_us = daemon->config->retry_delay_us;
    return (usage->starved || among_others) && take_excuse(daemon, job->key);
}

void outcome_done(const WireResult *result, const PoolUsage *usage, void *data)
{
    Job *job = data;
    StoreOutcome outcome;

    if (!result || job->generation != job->daemon->generation) {
        set_free(job);
        return;
    }
    job->excused = is_excused(job, result, usage);
    init_outcome(job, &outcome);
    outcome.error = result->error;
    g_strlcpy(outcome.message, result->message, sizeof outcome.message);
    if (result->error == ERROR_NONE)
        outcome.error = accept(job, result, &outcome);
    else if (is_false_excuse(job, result))
        outcome.error = ERROR_HANDLER_CRASHED;
    outcome.has_facts = !result->unchanged && result->facts.type != IMAGE_NONE;
    outcome.only_date = job->only_date;
    outcome.facts = result->facts;
    if (outcome.error != ERROR_HANDLER_UNAVAILABLE) {
        memcpy(outcome.attempt.request_id, job->request_id, sizeof job->request_id);
        outcome.attempt.start_us = job->start_us;
        outcome.attempt.duration_us = usage->duration_us;
        outcome.attempt.cpu_us = usage->cpu_us;
        outcome.attempt.memory_bytes = usage->memory_bytes;
        outcome.attempt.error = outcome.error;
        job->daemon->invocations++;
        report_invocation(job, usage, outcome.error, outcome.message);
    }
    conclude(job, &outcome);
}

void outcome_nothing_to_make(Job *job)
{
    StoreOutcome outcome;

    init_outcome(job, &outcome);
    keep(&outcome, job->kept, job->n_kept);
    conclude(job, &outcome);
}

void outcome_failed_early(Job *job, const GError *error)
{
    Daemon *daemon = job->daemon;
    StoreOutcome outcome;

    if (daemon->paused) {
        job_free(job);
        return;
    }
    if (error_code(error) == ERROR_SOURCE_GONE && !away_is_key(daemon, job->key)) {
        intake_remove(daemon, job->key);
        job_free(job);
        return;
    }
    init_outcome(job, &outcome);
    outcome.error = error_code(error);
    g_strlcpy(outcome.message, error->message, sizeof outcome.message);
    conclude(job, &outcome);
}
