/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include "filter_text.h"
#include "pack.h"
#include "store_internal.h"

#include <string.h>

/*
 * jobs: key: id u32; value: state u32, flags u32, 3 times i64, 5 counters u64, then filter and
 * cursor, each with its NUL.
 */
#define FIXED_LEN (2 * 4 + 3 * 8 + 5 * 8)
#define KEY_LEN   4

enum {
    FLAG_CANCELLED = 1 << 0,
    FLAG_WALKED = 1 << 1,
    FLAGS_ALL = (1 << 2) - 1,
};

const char *job_state_name(JobState state)
{
    static const char *const names[JOB_STATES_END] = {
        [JOB_SUBMITTED] = "SUBMITTED", [JOB_PENDING] = "PENDING", [JOB_RUNNABLE] = "RUNNABLE",
        [JOB_STARTING] = "STARTING",   [JOB_RUNNING] = "RUNNING", [JOB_SUCCEEDED] = "SUCCEEDED",
        [JOB_FAILED] = "FAILED",
    };
    bool is_known = state >= JOB_SUBMITTED && state < JOB_STATES_END;

    return is_known ? names[state] : "UNKNOWN";
}

bool job_has_ended(const StoreJob *job)
{
    return job->state == JOB_SUCCEEDED || job->state == JOB_FAILED;
}

uint64_t job_handled(const StoreJob *job)
{
    return job->done + job->failed + job->gone;
}

uint64_t job_waiting(const StoreJob *job)
{
    return job->queued - MIN(job_handled(job), job->queued);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static MDB_val row_key(uint32_t id, uint8_t bytes[static KEY_LEN])
{
    (void)key_put_u32(bytes, id);
    return (MDB_val){KEY_LEN, bytes};
}

static void encode(const StoreJob *job, GByteArray *buffer)
{
    g_byte_array_set_size(buffer, FIXED_LEN);

    Packer packer = {.data = buffer->data, .max = FIXED_LEN};
    pack_u32(&packer, (uint32_t)job->state);
    pack_u32(&packer,
             (job->is_cancelled ? FLAG_CANCELLED : 0u) | (job->is_walked ? FLAG_WALKED : 0u));
    pack_i64(&packer, job->submitted_us);
    pack_i64(&packer, job->started_us);
    pack_i64(&packer, job->ended_us);
    pack_u64(&packer, job->total);
    pack_u64(&packer, job->queued);
    pack_u64(&packer, job->done);
    pack_u64(&packer, job->failed);
    pack_u64(&packer, job->gone);
    g_byte_array_append(buffer, (const guint8 *)job->filter, (guint)strlen(job->filter) + 1);
    g_byte_array_append(buffer, (const guint8 *)job->cursor, (guint)strlen(job->cursor) + 1);
}

/* The text up to the next NUL, or NULL. */
static const char *unpack_string(Unpacker *unpacker)
{
    const uint8_t *start = unpacker->data + unpacker->at;
    const uint8_t *end = memchr(start, '\0', unpacker->len - unpacker->at);

    return end ? unpack_bytes(unpacker, (size_t)(end - start) + 1) : NULL;
}

bool jobs_decode(const void *row, size_t len, StoreJob *ret_job)
{
    Unpacker unpacker = {.data = row, .len = len};
    StoreJob job = {0};

    job.state = (JobState)unpack_int(&unpacker, JOB_SUBMITTED, JOB_STATES_END - 1);
    int flags = unpack_int(&unpacker, 0, FLAGS_ALL);
    job.is_cancelled = flags & FLAG_CANCELLED;
    job.is_walked = flags & FLAG_WALKED;
    job.submitted_us = unpack_i64(&unpacker);
    job.started_us = unpack_i64(&unpacker);
    job.ended_us = unpack_i64(&unpacker);
    job.total = unpack_u64(&unpacker);
    job.queued = unpack_u64(&unpacker);
    job.done = unpack_u64(&unpacker);
    job.failed = unpack_u64(&unpacker);
    job.gone = unpack_u64(&unpacker);
    if (unpacker.failed)
        return false;
    job.filter = unpack_string(&unpacker);
    job.cursor = job.filter ? unpack_string(&unpacker) : NULL;
    if (!job.cursor || unpacker.at != len)
        return false;
    *ret_job = job;
    return true;
}

static bool decode_row(const Store *store, MDB_val key, MDB_val value, StoreJob *ret_job,
                       GError **error)
{
    if (key.mv_size != KEY_LEN || !jobs_decode(value.mv_data, value.mv_size, ret_job))
        return env_fail_corrupt(store, "a job cannot be read", error);
    ret_job->id = key_get_u32(key.mv_data);
    return true;
}

static bool get_job(Store *store, MDB_txn *txn, uint32_t id, bool *ret_found, StoreJob *ret_job,
                    GError **error)
{
    uint8_t bytes[KEY_LEN];
    MDB_val key = row_key(id, bytes);
    MDB_val value;
    bool found;

    if (!env_get(store, txn, TABLE_JOBS, key, &found, &value, error) ||
        (found && !decode_row(store, key, value, ret_job, error)))
        return false;
    *ret_found = found;
    return true;
}

static bool put_job(Store *store, const StoreJob *job, GError **error)
{
    uint8_t bytes[KEY_LEN];

    encode(job, store->buffer);
    return batch_put(store, TABLE_JOBS, row_key(job->id, bytes),
                     (MDB_val){store->buffer->len, store->buffer->data}, 0, error);
}

/* Visits the rows after `after`, in order. */
static bool walk_jobs(Store *store, MDB_txn *txn, uint32_t after, StoreVisitJob visit, void *data,
                      GError **error)
{
    uint8_t bytes[KEY_LEN];
    MDB_val key = row_key(after + 1, bytes);
    MDB_val value;
    MDB_cursor *cursor;
    StoreJob job;
    bool ok = true;

    if (store->tables[TABLE_JOBS] == TABLE_LACKING)
        return true;
    int rc = mdb_cursor_open(txn, store->tables[TABLE_JOBS], &cursor);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        ok = decode_row(store, key, value, &job, error);
        if (!ok || !visit(&job, data))
            break;
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

/* ---- counting -----------------------------------------------------------------------------------
 */

typedef enum { JOINED, LEFT_DONE, LEFT_DEAD, LEFT_GONE } Step;

static bool count(Store *store, uint32_t id, Step step, GError **error)
{
    StoreJob job;
    bool found;

    if (!get_job(store, store->batch, id, &found, &job, error))
        return false;
    if (!found)
        return true; /* long since ended, and pruned */
    switch (step) {
    case JOINED:
        job.queued++;
        break;
    case LEFT_DONE:
        job.done++;
        break;
    case LEFT_DEAD:
        job.failed++;
        break;
    case LEFT_GONE:
        job.gone++;
        break;
    }
    return put_job(store, &job, error);
}

static Step step_out(const Record *new)
{
    if (!new || new->job != 0) /* removed, or taken over by another job */
        return LEFT_GONE;
    return new->state == STATE_DEAD ? LEFT_DEAD : LEFT_DONE;
}

bool jobs_change(Store *store, const Record *old, const Record *new, GError **error)
{
    uint32_t was = old ? old->job : 0;
    uint32_t is = new ? new->job : 0;

    return was == is || ((was == 0 || count(store, was, step_out(new), error)) &&
                         (is == 0 || count(store, is, JOINED, error)));
}

/* ---- changing -----------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t last;        /* id */
    uint32_t first_ended; /* id, 0: none */
    size_t n_ended;
} JobList;

static bool list_job(const StoreJob *job, void *data)
{
    JobList *list = data;

    list->last = job->id;
    if (job_has_ended(job)) {
        list->first_ended = list->first_ended ? list->first_ended : job->id;
        list->n_ended++;
    }
    return true;
}

/* The oldest of those that have ended makes room for one more. */
static bool prune(Store *store, const JobList *list, GError **error)
{
    uint8_t bytes[KEY_LEN];

    return list->n_ended < STORE_JOBS_MAX ||
           batch_delete(store, TABLE_JOBS, row_key(list->first_ended, bytes), error);
}

bool store_job_submit(Store *store, const char *filter, uint64_t total, int64_t now_us,
                      uint32_t *ret_id, GError **error)
{
    StoreFilter *parsed = filter_text_parse(filter, error);
    JobList list = {0};
    StoreJob job = {.state = JOB_SUBMITTED,
                    .submitted_us = now_us,
                    .total = total,
                    .filter = filter,
                    .cursor = ""};

    if (!parsed)
        return false;
    filter_text_free(parsed);
    if (!batch_begin(store, error) || !walk_jobs(store, store->batch, 0, list_job, &list, error) ||
        !prune(store, &list, error))
        return false;
    job.id = list.last + 1;
    if (!put_job(store, &job, error))
        return false;
    store->batch_size++;
    *ret_id = job.id;
    return true;
}

typedef struct {
    bool found;
    StoreJob job;
} Search;

static bool find_unended(const StoreJob *job, void *data)
{
    Search *search = data;

    search->found = !job_has_ended(job);
    search->job = *job;
    return !search->found;
}

bool store_job_next(Store *store, uint32_t after, bool *ret_found, StoreJob *ret_job,
                    GError **error)
{
    Search search = {.found = false};
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = walk_jobs(store, txn, after, find_unended, &search, error);
    view_end(store);
    if (!ok)
        return false;
    *ret_found = search.found;
    *ret_job = search.job;
    return true;
}

bool store_job_peek(Store *store, uint32_t id, bool *ret_found, StoreJob *ret_job, GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = get_job(store, txn, id, ret_found, ret_job, error);
    view_end(store);
    return ok;
}

/* The row of a job that has not ended, in a batch. */
static bool begin_change(Store *store, uint32_t id, bool *ret_found, StoreJob *ret_job,
                         GError **error)
{
    if (!batch_begin(store, error) || !get_job(store, store->batch, id, ret_found, ret_job, error))
        return false;
    *ret_found = *ret_found && !job_has_ended(ret_job);
    store->batch_size += *ret_found;
    return true;
}

static bool set_state(Store *store, StoreJob *job, JobState state, int64_t now_us, GError **error)
{
    job->state = state;
    if (job->started_us == 0 && state >= JOB_STARTING)
        job->started_us = now_us;
    if (job_has_ended(job))
        job->ended_us = now_us;
    return put_job(store, job, error);
}

bool store_job_set_state(Store *store, uint32_t id, JobState state, int64_t now_us, GError **error)
{
    StoreJob job;
    bool found;

    return begin_change(store, id, &found, &job, error) &&
           (!found || set_state(store, &job, state, now_us, error));
}

bool store_job_advance(Store *store, uint32_t id, const char *key, GError **error)
{
    g_autofree char *cursor = g_strdup(key ? key : "");
    StoreJob job;
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
    return put_job(store, &job, error);
}

bool store_job_cancel(Store *store, uint32_t id, int64_t now_us, bool *ret_cancelled,
                      GError **error)
{
    StoreJob job;

    if (!begin_change(store, id, ret_cancelled, &job, error))
        return false;
    job.is_cancelled = true;
    return !*ret_cancelled || set_state(store, &job, JOB_FAILED, now_us, error);
}

bool store_job_take(Store *store, uint32_t id, const char *key, int64_t now_us, bool *ret_taken,
                    GError **error)
{
    bool found, taken;

    /* One change, and so in one batch with the cursor. */
    if (!state_requeue(store, key, PRIORITY_BACKFILL, id, now_us, &found, &taken, error))
        return false;
    *ret_taken = taken;
    if (!taken)
        return true;

    StoreJob job;
    if (!get_job(store, store->batch, id, &found, &job, error))
        return false;
    job.cursor = store->key;
    return !found || put_job(store, &job, error);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

bool store_get_job(StoreSnapshot *snapshot, uint32_t id, bool *ret_found, StoreJob *ret_job,
                   GError **error)
{
    return get_job(snapshot->store, snapshot->txn, id, ret_found, ret_job, error);
}

bool store_jobs(StoreSnapshot *snapshot, StoreVisitJob visit, void *data, GError **error)
{
    return walk_jobs(snapshot->store, snapshot->txn, 0, visit, data, error);
}
