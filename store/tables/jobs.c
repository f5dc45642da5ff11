/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: begins, advances and ends jobs, and adds objects to them. */
#include "store/jobs.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/snapshot.h"
#include "store/filter_text.h"
#include "tables/job_rows.h"
#include "tables/object_state.h"

typedef struct {
    /* Id. */
    uint32_t last;
    /* Id; 0: none. */
    uint32_t first_ended;
    size_t n_ended;
} JobList;

static bool list_job(const BatchJob *job, void *data)
{
    JobList *list = data;

    list->last = job->id;
    if (job_has_ended(job)) {
        list->first_ended = list->first_ended ? list->first_ended : job->id;
        list->n_ended++;
    }
    return true;
}

/* Deletes the oldest ended job if there are too many. */
static bool prune(Store *store, const JobList *list, GError **error)
{
    return list->n_ended < STORE_JOBS_MAX || job_rows_delete(store, list->first_ended, error);
}

bool store_job_submit(Store *store, const char *filter, uint64_t total, int64_t now_us,
                      uint32_t *ret_id, GError **error)
{
    StoreFilter *parsed = filter_text_parse(filter, error);
    JobList list = {0};
    BatchJob job = {.state = JOB_SUBMITTED,
                    .submitted_us = now_us,
                    .total = total,
                    .filter = filter,
                    .cursor = ""};

    if (!parsed)
        return false;
    filter_text_free(parsed);
    if (!batch_begin(store, error) ||
        !job_rows_walk(store, store->batch, 0, list_job, &list, error) ||
        !prune(store, &list, error))
        return false;
    job.id = list.last + 1;
    if (!job_rows_put(store, &job, error))
        return false;
    store->batch_size++;
    *ret_id = job.id;
    return true;
}

typedef struct {
    bool found;
    BatchJob job;
} JobSearch;

static bool find_unended(const BatchJob *job, void *data)
{
    JobSearch *search = data;

    search->found = !job_has_ended(job);
    search->job = *job;
    return !search->found;
}

bool store_job_next(Store *store, uint32_t after, bool *ret_found, BatchJob *ret_job,
                    GError **error)
{
    JobSearch search = {.found = false};
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = job_rows_walk(store, txn, after, find_unended, &search, error);
    view_end(store);
    if (!ok)
        return false;
    *ret_found = search.found;
    *ret_job = search.job;
    return true;
}

bool store_job_peek(Store *store, uint32_t id, bool *ret_found, BatchJob *ret_job, GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = job_rows_get(store, txn, id, ret_found, ret_job, error);
    view_end(store);
    return ok;
}

/* Opens the batch and reads a job that has not ended. */
static bool begin_change(Store *store, uint32_t id, bool *ret_found, BatchJob *ret_job,
                         GError **error)
{
    if (!batch_begin(store, error) ||
        !job_rows_get(store, store->batch, id, ret_found, ret_job, error))
        return false;
    *ret_found = *ret_found && !job_has_ended(ret_job);
    store->batch_size += *ret_found;
    return true;
}

static bool set_state(Store *store, BatchJob *job, JobState state, int64_t now_us, GError **error)
{
    job->state = state;
    if (job->started_us == 0 && state >= JOB_STARTING)
        job->started_us = now_us;
    if (job_has_ended(job))
        job->ended_us = now_us;
    return job_rows_put(store, job, error);
}

bool store_job_set_state(Store *store, uint32_t id, JobState state, int64_t now_us, GError **error)
{
    BatchJob job;
    bool found;

    return begin_change(store, id, &found, &job, error) &&
           (!found || set_state(store, &job, state, now_us, error));
}

bool store_job_advance(Store *store, uint32_t id, const char *key, GError **error)
{
    g_autofree char *cursor = g_strdup(key ? key : "");
    BatchJob job;
    bool found;

    if (!begin_change(store, id, &found, &job, error))
        return false;
    if (!found)
        return true;
    job.cursor = cursor;
    if (!key) {
        job.is_walked = true;
        job.total = job.queued;
    }
    return job_rows_put(store, &job, error);
}

bool store_job_cancel(Store *store, uint32_t id, int64_t now_us, bool *ret_cancelled,
                      GError **error)
{
    BatchJob job;

    if (!begin_change(store, id, ret_cancelled, &job, error))
        return false;
    job.is_cancelled = true;
    return !*ret_cancelled || set_state(store, &job, JOB_FAILED, now_us, error);
}

bool store_job_add(Store *store, uint32_t id, const char *key, int64_t now_us, bool *ret_taken,
                   GError **error)
{
    bool found, taken;

    /* Both count as one change and so are in the same batch. */
    if (!state_requeue(store, key, PRIORITY_BACKFILL, id, now_us, &found, &taken, error))
        return false;
    *ret_taken = taken;
    if (!taken)
        return true;

    BatchJob job;
    if (!job_rows_get(store, store->batch, id, &found, &job, error))
        return false;
    job.cursor = store->key;
    return !found || job_rows_put(store, &job, error);
}

bool store_get_job(StoreSnapshot *snapshot, uint32_t id, bool *ret_found, BatchJob *ret_job,
                   GError **error)
{
    return job_rows_get(snapshot->store, snapshot->txn, id, ret_found, ret_job, error);
}

bool store_jobs(StoreSnapshot *snapshot, StoreVisitJob visit, void *data, GError **error)
{
    return job_rows_walk(snapshot->store, snapshot->txn, 0, visit, data, error);
}
