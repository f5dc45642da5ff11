/* SPDX-License-Identifier: Apache-2.0 */
#include "backfill.h"

#include "clock.h"
#include "daemon_private.h"
#include "error.h"
#include "filter_text.h"
#include "jobs.h"

#include <inttypes.h>
#include <string.h>

#define SLICE_US (5 * CLOCK_US_PER_MS)

/*
 * Objects of a job that are in the queue at a time: enough to keep every core at work, few enough
 * that a job that is cancelled has soon come to rest.
 */
#define WINDOW 256

/* Between notes of how far the walk is, where it meets nothing to take. */
#define SAVE_US CLOCK_US_PER_SEC

/* The store sorts keys longer than this in another order than by name, so longer ranges are cut. */
#define RANGE_MAX 400

struct Backfill {
    Daemon *daemon;
    guint source;
    bool is_idle;        /* no job that has not ended */
    uint32_t id;         /* of the job under way; 0: none yet */
    StoreFilter *filter; /* its own, owned */
    char *range;         /* keys that it selects begin with this */
    GString *cursor;     /* the last key looked at */
    int64_t saved_us;    /* monotonic */
    bool is_filling;     /* the window, from half to full */
};

/* ---- the job under way --------------------------------------------------------------------------
 */

static void forget_job(Backfill *backfill)
{
    backfill->id = 0;
    backfill->is_filling = false;
    g_clear_pointer(&backfill->filter, filter_text_free);
    g_clear_pointer(&backfill->range, g_free);
    g_string_truncate(backfill->cursor, 0);
}

static bool log_state(Daemon *daemon, uint32_t id, JobState state, const char *summary,
                      GError **error)
{
    g_autofree char *name = g_strdup_printf("reprocess %" PRIu32, id);
    g_autofree char *detail =
        g_strdup_printf("{\"jobId\":\"%" PRIu32
                        "\",\"jobName\":\"reprocess\",\"status\":\"%s\",\"summary\":\"%s\"}",
                        id, job_state_name(state), summary);

    return store_log(daemon->store, STORE_EVENT_JOB, name, detail, clock_wall_us(), error);
}

/* Its turn: whatever state it was left in. */
static bool enter(Backfill *backfill, const StoreJob *job, GError **error)
{
    g_autofree char *summary = g_strdup_printf("%" PRIu64 " objects", job->total);
    JobState state = job_handled(job) > 0 ? JOB_RUNNING : JOB_STARTING;
    uint32_t id = job->id;

    g_string_assign(backfill->cursor, job->cursor);
    if (job->started_us == 0 && !log_state(backfill->daemon, id, state, summary, error))
        return false;
    return store_job_set_state(backfill->daemon->store, id, state, clock_wall_us(), error);
}

/* Those behind it have to wait. */
static bool queue_others(const Backfill *backfill, uint32_t id, GError **error)
{
    Store *store = backfill->daemon->store;
    StoreJob job;
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

/* The next job's turn. *ret_found false if there is none. */
static bool begin_next(Backfill *backfill, bool *ret_found, GError **error)
{
    Store *store = backfill->daemon->store;
    StoreJob job;
    bool cancelled;

    if (!store_job_next(store, 0, ret_found, &job, error))
        return false;
    if (!*ret_found)
        return true;
    backfill->filter = filter_text_parse(job.filter, NULL);
    if (!backfill->filter) /* of another thumbq, which knew more filters */
        return store_job_cancel(store, job.id, clock_wall_us(), &cancelled, error);
    backfill->id = job.id;
    backfill->saved_us = clock_monotonic_us();
    const char *prefix = backfill->filter->prefix;
    backfill->range = g_strndup(prefix ? prefix : "", RANGE_MAX);
    if (!enter(backfill, &job, error))
        return false;
    /* Nothing before the range is of interest; a key may be the prefix itself. */
    if (backfill->cursor->len == 0 && *backfill->range)
        g_string_append_len(backfill->cursor, backfill->range, (gssize)strlen(backfill->range) - 1);
    return queue_others(backfill, backfill->id, error);
}

static bool end_job(Backfill *backfill, const StoreJob *job, GError **error)
{
    g_autofree char *summary =
        g_strdup_printf("%" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " gone", job->done,
                        job->failed, job->gone);
    JobState state = job->failed > 0 ? JOB_FAILED : JOB_SUCCEEDED;

    if (!log_state(backfill->daemon, job->id, state, summary, error))
        return false;
    return store_job_set_state(backfill->daemon->store, backfill->id, state, clock_wall_us(),
                               error);
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

/* Looks at the next record. *ret_more false when there is none. */
static bool step(Backfill *backfill, bool *ret_more, bool *ret_taken, GError **error)
{
    Store *store = backfill->daemon->store;
    const char *after = backfill->cursor->len > 0 ? backfill->cursor->str : NULL;
    size_t range_len = strlen(backfill->range);
    Record record;
    bool found;

    *ret_taken = false;
    if (!store_peek_after(store, after, &found, &record, error))
        return false;
    *ret_more = found && strncmp(record.key, backfill->range, range_len) <= 0;
    if (!*ret_more)
        return store_job_advance(store, backfill->id, NULL, error);
    g_string_assign(backfill->cursor, record.key);
    return record.away || !store_filter_matches(backfill->filter, &record) ||
           store_job_take(store, backfill->id, backfill->cursor->str, clock_wall_us(), ret_taken,
                          error);
}

/* So that not all is walked again after a crash. */
static bool save_cursor(Backfill *backfill, GError **error)
{
    int64_t now_us = clock_monotonic_us();

    if (now_us < backfill->saved_us + SAVE_US)
        return true;
    backfill->saved_us = now_us;
    return store_job_advance(backfill->daemon->store, backfill->id, backfill->cursor->str, error);
}

/* Fills the window, for as long as a slice may take. *ret_again: there is more to do right away. */
static bool walk(Backfill *backfill, uint64_t waiting, bool *ret_again, GError **error)
{
    int64_t end_us = clock_monotonic_us() + SLICE_US;
    uint64_t before = waiting;
    bool more = true;

    while (more && waiting < WINDOW && clock_monotonic_us() < end_us) {
        bool taken;
        if (!step(backfill, &more, &taken, error))
            return false;
        waiting += taken;
    }
    if (waiting > before)
        dispatch_soon(backfill->daemon);
    backfill->is_filling = more && waiting < WINDOW;
    *ret_again = !more || backfill->is_filling;
    return !more || save_cursor(backfill, error);
}

/* It has ended, by itself or because somebody wanted so. */
static void leave_job(Backfill *backfill)
{
    Daemon *daemon = backfill->daemon;

    if (daemon->options->job == backfill->id)
        daemon->stopping = true; /* it was all that was wanted */
    forget_job(backfill);
    /* Whoever waits for the job reads what has been committed. */
    if (batch_commit(daemon) && daemon->control)
        control_check_jobs(daemon->control);
}

/* ---- slices -------------------------------------------------------------------------------------
 */

/* What is to be done for the job at the moment. */
static bool advance(Backfill *backfill, bool *ret_again, GError **error)
{
    Daemon *daemon = backfill->daemon;
    StoreJob job;
    bool found;

    *ret_again = true;
    if (!store_job_peek(daemon->store, backfill->id, &found, &job, error))
        return false;
    if (!found || job_has_ended(&job)) {
        leave_job(backfill);
        return true;
    }
    if (job.is_walked && job_waiting(&job) == 0)
        return end_job(backfill, &job, error);
    if (job.state == JOB_STARTING && job_handled(&job) > 0)
        return store_job_set_state(daemon->store, backfill->id, JOB_RUNNING, clock_wall_us(),
                                   error);
    if (!job.is_walked && (backfill->is_filling || job_waiting(&job) <= WINDOW / 2))
        return walk(backfill, job_waiting(&job), ret_again, error);
    *ret_again = false; /* until some of what waits has been handled */
    return true;
}

static gboolean run_slice(gpointer data)
{
    Backfill *backfill = data;
    Daemon *daemon = backfill->daemon;
    GError *error = NULL;
    bool again = false;

    bool ok = daemon->paused || daemon->stopping ||
              (backfill->id != 0 ? advance(backfill, &again, &error)
                                 : begin_next(backfill, &again, &error));
    if (!ok)
        batch_lost(daemon, error);
    else if (again && store_batch_size(daemon->store) > 0)
        batch_changed(daemon);
    if (again && !daemon->paused && !daemon->stopping)
        return G_SOURCE_CONTINUE;
    backfill->source = 0;
    backfill->is_idle = backfill->id == 0 && !daemon->paused;
    daemon_check_finished(daemon);
    return G_SOURCE_REMOVE;
}

void backfill_soon(Daemon *daemon)
{
    Backfill *backfill = daemon->backfill;

    if (backfill && !backfill->is_idle && backfill->source == 0)
        backfill->source = g_idle_add_full(G_PRIORITY_LOW, run_slice, backfill, NULL);
}

/* ---- what the rest of the daemon sees -----------------------------------------------------------
 */

bool backfill_open(Daemon *daemon, GError **error)
{
    StoreJob job;
    bool found;

    daemon->backfill = g_new0(Backfill, 1);
    daemon->backfill->daemon = daemon;
    daemon->backfill->cursor = g_string_new(NULL);
    if (daemon->options->job != 0) {
        if (!store_job_peek(daemon->store, daemon->options->job, &found, &job, error))
            return false;
        daemon->stopping = !found || job_has_ended(&job);
    }
    backfill_soon(daemon);
    return true;
}

bool backfill_is_idle(const Daemon *daemon)
{
    return !daemon->backfill || daemon->backfill->is_idle;
}

void backfill_reset(Daemon *daemon)
{
    if (daemon->backfill)
        forget_job(daemon->backfill);
}

void backfill_rest(Daemon *daemon)
{
    const Backfill *backfill = daemon->backfill;
    GError *error = NULL;

    if (!daemon->paused && backfill->id != 0 &&
        !store_job_set_state(daemon->store, backfill->id, JOB_RUNNABLE, clock_wall_us(), &error))
        batch_lost(daemon, error);
}

void backfill_free(Backfill *backfill)
{
    if (!backfill)
        return;
    g_clear_handle_id(&backfill->source, g_source_remove);
    forget_job(backfill);
    g_string_free(backfill->cursor, TRUE);
    g_free(backfill);
}

bool backfill_progress(Daemon *daemon, uint32_t id, ProgressCount *ret_count, JobState *ret_state)
{
    StoreJob job;
    bool found;

    if (!daemon->store || !store_job_peek(daemon->store, id, &found, &job, NULL) || !found)
        return false;
    *ret_count = (ProgressCount){
        .done = job_handled(&job), .total = MAX(job.total, job.queued), .failed = job.failed};
    *ret_state = job.state;
    return true;
}

uint64_t backfill_unqueued(Daemon *daemon)
{
    StoreJob job = {.id = 0};
    uint64_t unqueued = 0;
    bool found;

    while (daemon->store && store_job_next(daemon->store, job.id, &found, &job, NULL) && found)
        unqueued += job.total - MIN(job.queued, job.total);
    return unqueued;
}

/* ---- what commands want -------------------------------------------------------------------------
 */

/* Among the jobs that have not ended: whether there is any, and the one with this filter (0: none).
 */
static bool find_same(Daemon *daemon, const char *filter, bool *ret_any, uint32_t *ret_same,
                      GError **error)
{
    StoreJob job = {.id = 0};
    bool found = true;

    *ret_any = false;
    *ret_same = 0;
    while (found && *ret_same == 0) {
        if (!store_job_next(daemon->store, job.id, &found, &job, error))
            return false;
        *ret_any |= found;
        if (found && strcmp(job.filter, filter) == 0)
            *ret_same = job.id;
    }
    return true;
}

bool backfill_add(Daemon *daemon, const char *filter, uint64_t total, uint32_t *ret_id,
                  bool *ret_is_new, GError **error)
{
    bool others;

    if (!find_same(daemon, filter, &others, ret_id, error))
        return false;
    *ret_is_new = *ret_id == 0;
    if (!*ret_is_new)
        return true;
    if (!store_job_submit(daemon->store, filter, total, clock_wall_us(), ret_id, error))
        return false;
    if (!daemon->backfill)
        return true; /* nobody is there to work on it */
    daemon->backfill->is_idle = false;
    backfill_soon(daemon);
    return !others ||
           store_job_set_state(daemon->store, *ret_id, JOB_PENDING, clock_wall_us(), error);
}

bool backfill_end(Daemon *daemon, uint32_t id, bool *ret_cancelled, GError **error)
{
    StoreJob job;
    bool found;

    if (!store_job_peek(daemon->store, id, &found, &job, error))
        return false;
    *ret_cancelled = found && !job_has_ended(&job);
    if (!*ret_cancelled)
        return true;
    if (!store_job_cancel(daemon->store, id, clock_wall_us(), ret_cancelled, error))
        return false;
    if (!log_state(daemon, id, JOB_FAILED, "cancelled", error))
        return false;
    backfill_soon(daemon);
    return true;
}
