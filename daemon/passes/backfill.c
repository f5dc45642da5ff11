/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-fill jobs: objects that are made once more, a window of them in the queue at a time. One
 * pass serves one job, and starts the pass of the next job at its end. An event in the log records
 * each change of a job's state.
 */
#include "passes/backfill.h"

#include "base/clock.h"
#include "journal/journal.h"
#include "passes/record_cursor.h"
#include "store/filter_text.h"

#include <inttypes.h>
#include <string.h>

/* Objects of a job that are in the queue at a time: enough to keep every core busy, and few enough
 * that a cancelled job ends soon. */
#define WINDOW 256

/* Time between saves of the cursor while the walk selects no object. */
#define SAVE_US CLOCK_US_PER_SEC

typedef struct {
    /* Outlives the passes. */
    const Backfill *backfill;
    /* Id of the job; 0: none yet. */
    uint32_t id;
    /* The filter of the job, owned. */
    StoreFilter *filter;
    RecordCursor cursor;
    /* Monotonic. */
    int64_t saved_us;
    /* The window is being filled, from half to full. */
    bool is_filling;
    /* In this slice `waiting` is known. */
    bool is_walking;
    /* Number of objects in the queue. */
    uint64_t waiting;
    /* Batch size at the end of the last slice. */
    size_t batch;
} BackfillPass;

static bool log_state(Store *store, uint32_t id, JobState state, const char *summary,
                      GError **error)
{
    g_autofree char *name = g_strdup_printf("reprocess %" PRIu32, id);
    g_autofree char *detail =
        g_strdup_printf("{\"jobId\":\"%" PRIu32
                        "\",\"jobName\":\"reprocess\",\"status\":\"%s\",\"summary\":\"%s\"}",
                        id, job_state_name(state), summary);

    return store_log(store, EVENT_JOB, name, detail, clock_wall_us(), error);
}

/* Begins the turn of the job, from any state. */
static bool enter(BackfillPass *pass, const BatchJob *job, GError **error)
{
    g_autofree char *summary = job->total > 0 ? g_strdup_printf("%" PRIu64 " objects", job->total)
                                              : g_strdup("objects not counted");
    JobState state = job_handled(job) > 0 ? JOB_RUNNING : JOB_STARTING;
    uint32_t id = job->id;

    if (job->started_us == 0 && !log_state(pass->backfill->state->store, id, state, summary, error))
        return false;
    return store_job_set_state(pass->backfill->state->store, id, state, clock_wall_us(), error);
}

/* Marks the jobs behind this one as waiting. */
static bool queue_others(const BackfillPass *pass, uint32_t id, GError **error)
{
    Store *store = pass->backfill->state->store;
    BatchJob job;
    bool found;

    for (; store_job_next(store, id, &found, &job, error); id = job.id) {
        if (!found)
            return true;
        if (job.state == JOB_SUBMITTED &&
            !store_job_set_state(store, job.id, JOB_PENDING, clock_wall_us(), error))
            return false;
    }
    return false;
}

/* Sets the cursor to the saved position, at first to before the range, since a key may be the
 * prefix itself. */
static void place_cursor(BackfillPass *pass, const char *saved)
{
    const char *prefix = pass->filter->prefix;
    RecordCursor *cursor = &pass->cursor;

    record_cursor_init(cursor, prefix ? prefix : "");
    if (saved && *saved)
        record_cursor_seek(cursor, saved);
    else if (cursor->key->len > 0)
        g_string_truncate(cursor->key, cursor->key->len - 1);
}

/* Finds the next job whose filter this version knows. Returns PASS_END if there is none. */
static PassStep find_job(BackfillPass *pass, BatchJob *ret_job, GError **error)
{
    Store *store = pass->backfill->state->store;
    bool found, cancelled;

    while (!pass->filter) {
        if (!store_job_next(store, 0, &found, ret_job, error))
            return PASS_FAILED;
        if (!found)
            return PASS_END;
        pass->filter = filter_text_parse(ret_job->filter, NULL);
        /* A different version of thumbq, with more filters, has made the job. */
        if (!pass->filter &&
            !store_job_cancel(store, ret_job->id, clock_wall_us(), &cancelled, error))
            return PASS_FAILED;
    }
    return PASS_MORE;
}

static PassStep backfill_begin(void *work, GError **error)
{
    BackfillPass *pass = work;
    BatchJob job = {0};

    if (run_is_stopping(pass->backfill->run))
        return PASS_WAIT;
    PassStep found = find_job(pass, &job, error);
    if (found != PASS_MORE)
        return found;
    pass->id = job.id;
    pass->saved_us = clock_monotonic_us();
    place_cursor(pass, job.cursor);
    if (!enter(pass, &job, error) || !queue_others(pass, pass->id, error))
        return PASS_FAILED;
    return journal_change(pass->backfill->state->journal, true) ? PASS_MORE : PASS_FAILED;
}

/* Returns the counts of a job as text. Counts that are 0 are left out, so that the event fits into
 * a line of a terminal. Owner: the caller frees. */
static char *summarize(const BatchJob *job)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "%" PRIu64 " done", job->done);
    if (job->failed > 0)
        g_string_append_printf(text, ", %" PRIu64 " failed", job->failed);
    if (job->gone > 0)
        g_string_append_printf(text, ", %" PRIu64 " gone", job->gone);
    return g_string_free(text, FALSE);
}

static bool end_job(BackfillPass *pass, const BatchJob *job, GError **error)
{
    g_autofree char *summary = summarize(job);
    JobState state = job->failed > 0 ? JOB_FAILED : JOB_SUCCEEDED;

    if (!log_state(pass->backfill->state->store, job->id, state, summary, error))
        return false;
    return store_job_set_state(pass->backfill->state->store, pass->id, state, clock_wall_us(),
                               error);
}

/* Fills the window from the next record. */
static PassStep walk(BackfillPass *pass, GError **error)
{
    Store *store = pass->backfill->state->store;
    Record record;
    bool found, taken = false;

    if (!record_cursor_next(&pass->cursor, store, &found, &record, error))
        return PASS_FAILED;
    if (!found) {
        pass->is_walking = pass->is_filling = false;
        return store_job_advance(store, pass->id, NULL, error) ? PASS_MORE : PASS_FAILED;
    }
    if (!record.away && store_filter_matches(pass->filter, &record) &&
        !store_job_add(store, pass->id, pass->cursor.key->str, clock_wall_us(), &taken, error))
        return PASS_FAILED;
    pass->waiting += taken;
    pass->is_filling = pass->waiting < WINDOW;
    return pass->is_filling ? PASS_MORE : PASS_WAIT;
}

/* Saves the cursor, so that a crash does not repeat the whole walk. */
static bool save_cursor(BackfillPass *pass, GError **error)
{
    int64_t now_us = clock_monotonic_us();

    if (now_us < pass->saved_us + SAVE_US)
        return true;
    pass->saved_us = now_us;
    return store_job_advance(pass->backfill->state->store, pass->id, pass->cursor.key->str, error);
}

/* Takes the next step of the job. */
static PassStep advance(BackfillPass *pass, GError **error)
{
    Store *store = pass->backfill->state->store;
    BatchJob job;
    bool found, ok = true;

    if (!store_job_peek(store, pass->id, &found, &job, error))
        return PASS_FAILED;
    if (!found || job_has_ended(&job))
        return PASS_END;
    if (job.is_walked && job_waiting(&job) == 0) {
        ok = end_job(pass, &job, error);
    } else if (job.state == JOB_STARTING && job_handled(&job) > 0) {
        ok = store_job_set_state(store, pass->id, JOB_RUNNING, clock_wall_us(), error);
    } else if (!job.is_walked && (pass->is_filling || job_waiting(&job) <= WINDOW / 2)) {
        pass->is_walking = true;
        pass->waiting = job_waiting(&job);
    } else {
        /* Waits until some of the queued objects are handled. */
        return PASS_WAIT;
    }
    return ok ? PASS_MORE : PASS_FAILED;
}

static PassStep backfill_next(void *work, GError **error)
{
    BackfillPass *pass = work;

    if (run_is_stopping(pass->backfill->run))
        return PASS_WAIT;
    return pass->is_walking ? walk(pass, error) : advance(pass, error);
}

/* Ends the slice. Objects are handled between slices, so the next slice counts the waiting ones
 * again. */
static bool backfill_end_slice(void *work, GError **error)
{
    BackfillPass *pass = work;
    const Backfill *backfill = pass->backfill;
    bool was_walking = pass->is_walking;

    pass->is_walking = false;
    if (was_walking && !save_cursor(pass, error))
        return false;
    size_t before = pass->batch;
    pass->batch = store_batch_size(backfill->state->store);
    return pass->batch == 0 || pass->batch == before ||
           journal_change(backfill->state->journal, true);
}

/* Ends the pass, after the job has ended by itself or was cancelled, or because there was no
 * job. */
static bool backfill_end_pass(void *work, GError **error)
{
    const BackfillPass *pass = work;
    const Backfill *backfill = pass->backfill;

    /* The journal holds the error. */
    (void)error;
    if (pass->id == 0)
        return true;
    if (backfill->only_job == pass->id)
        /* The caller of the daemon wanted this job only. */
        run_stop(backfill->run);
    backfill_start(backfill);
    /* Informs the commands that wait for the job. */
    return journal_commit(backfill->state->journal);
}

static void backfill_free(void *work)
{
    BackfillPass *pass = work;

    g_clear_pointer(&pass->filter, filter_text_free);
    record_cursor_clear(&pass->cursor);
    g_free(pass);
}

static const PassKind backfill_kind = {
    .queue = PASS_JOBS,
    .budget = PASS_BUDGET,
    .begin = backfill_begin,
    .next = backfill_next,
    .end_slice = backfill_end_slice,
    .end = backfill_end_pass,
    .free = backfill_free,
};

void backfill_start(const Backfill *backfill)
{
    if (backfill->is_offline || passes_find(backfill->passes, &backfill_kind, NULL, NULL))
        return;
    BackfillPass *pass = g_new0(BackfillPass, 1);
    pass->backfill = backfill;
    pass_start(backfill->passes, &backfill_kind, pass);
}

bool backfill_open(const Backfill *backfill, GError **error)
{
    BatchJob job;
    bool found;

    if (backfill->only_job != 0) {
        if (!store_job_peek(backfill->state->store, backfill->only_job, &found, &job, error))
            return false;
        if (!found || job_has_ended(&job))
            run_stop(backfill->run);
    }
    backfill_start(backfill);
    return true;
}

bool backfill_is_idle(const Backfill *backfill)
{
    return passes_is_empty(backfill->passes, PASS_JOBS);
}

void backfill_stop(const Backfill *backfill)
{
    const BackfillPass *pass = passes_find(backfill->passes, &backfill_kind, NULL, NULL);
    Journal *journal = backfill->state->journal;

    if (journal_is_open(journal) && pass && pass->id != 0)
        (void)journal_check(journal,
                            store_job_set_state(backfill->state->store, pass->id, JOB_RUNNABLE,
                                                clock_wall_us(), journal_error(journal)));
}

bool backfill_progress(const Backfill *backfill, uint32_t id, ProgressCount *ret_count,
                       JobState *ret_state)
{
    BatchJob job;
    bool found;

    if (!backfill->state->store ||
        !store_job_peek(backfill->state->store, id, &found, &job, NULL) || !found)
        return false;
    *ret_count = (ProgressCount){.done = job_handled(&job),
                                 .total = MAX(job.total, job.queued),
                                 .failed = job.failed,
                                 .is_growing = job.total == 0 && !job.is_walked};
    *ret_state = job.state;
    return true;
}

uint64_t backfill_unqueued(const Backfill *backfill)
{
    BatchJob job = {.id = 0};
    uint64_t unqueued = 0;
    bool found;

    while (backfill->state->store &&
           store_job_next(backfill->state->store, job.id, &found, &job, NULL) && found)
        unqueued += job.total - MIN(job.queued, job.total);
    return unqueued;
}

/* Searches the jobs that have not ended: whether there is any, and the one with this filter (0:
 * none). */
static bool find_same(Store *store, const char *filter, bool *ret_any, uint32_t *ret_same,
                      GError **error)
{
    BatchJob job = {.id = 0};
    bool found = true;

    *ret_any = false;
    *ret_same = 0;
    while (found && *ret_same == 0) {
        if (!store_job_next(store, job.id, &found, &job, error))
            return false;
        *ret_any |= found;
        if (found && strcmp(job.filter, filter) == 0)
            *ret_same = job.id;
    }
    return true;
}

bool backfill_add(const Backfill *backfill, const char *filter, uint64_t total, uint32_t *ret_id,
                  bool *ret_is_new, GError **error)
{
    bool others;

    if (!find_same(backfill->state->store, filter, &others, ret_id, error))
        return false;
    *ret_is_new = *ret_id == 0;
    if (!*ret_is_new)
        return true;
    if (!store_job_submit(backfill->state->store, filter, total, clock_wall_us(), ret_id, error))
        return false;
    backfill_start(backfill);
    return !others || store_job_set_state(backfill->state->store, *ret_id, JOB_PENDING,
                                          clock_wall_us(), error);
}

bool backfill_end(const Backfill *backfill, uint32_t id, bool *ret_cancelled, GError **error)
{
    BatchJob job;
    bool found;

    if (!store_job_peek(backfill->state->store, id, &found, &job, error))
        return false;
    *ret_cancelled = found && !job_has_ended(&job);
    if (!*ret_cancelled)
        return true;
    if (!store_job_cancel(backfill->state->store, id, clock_wall_us(), ret_cancelled, error))
        return false;
    return log_state(backfill->state->store, id, JOB_FAILED, "cancelled", error);
}
