/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/job_rows.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"

#include <string.h>

/*
 * Table jobs, key: id u32; value: state u32, flags u32, 3 times i64, 5 counters u64, then filter
 * and cursor, each with its NUL.
 */
#define FIXED_LEN (2 * 4 + 3 * 8 + 5 * 8)
#define KEY_LEN   4

enum {
    FLAG_CANCELLED = 1 << 0,
    FLAG_WALKED = 1 << 1,
    FLAGS_ALL = (1 << 2) - 1,
};

static MDB_val row_key(uint32_t id, uint8_t bytes[static KEY_LEN])
{
    (void)key_put_u32(bytes, id);
    return (MDB_val){KEY_LEN, bytes};
}

static void encode(const BatchJob *job, GByteArray *buffer)
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

/* Returns the text up to the next NUL; NULL if there is none. */
static const char *unpack_string(Unpacker *unpacker)
{
    const uint8_t *start = unpacker->data + unpacker->at;
    const uint8_t *end = memchr(start, '\0', unpacker->len - unpacker->at);

    return end ? unpack_bytes(unpacker, (size_t)(end - start) + 1) : NULL;
}

bool job_rows_decode(const void *row, size_t len, BatchJob *ret_job)
{
    Unpacker unpacker = {.data = row, .len = len};
    BatchJob job = {0};

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

static bool decode_row(const Store *store, MDB_val key, MDB_val value, BatchJob *ret_job,
                       GError **error)
{
    if (key.mv_size != KEY_LEN || !job_rows_decode(value.mv_data, value.mv_size, ret_job))
        return env_fail_corrupt(store, "a job cannot be read", error);
    ret_job->id = key_get_u32(key.mv_data);
    return true;
}

bool job_rows_get(Store *store, MDB_txn *txn, uint32_t id, bool *ret_found, BatchJob *ret_job,
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

bool job_rows_put(Store *store, const BatchJob *job, GError **error)
{
    uint8_t bytes[KEY_LEN];

    encode(job, store->buffer);
    return batch_put(store, TABLE_JOBS, row_key(job->id, bytes),
                     (MDB_val){store->buffer->len, store->buffer->data}, 0, error);
}

bool job_rows_walk(Store *store, MDB_txn *txn, uint32_t after,
                   bool (*visit)(const BatchJob *job, void *data), void *data, GError **error)
{
    uint8_t bytes[KEY_LEN];
    MDB_val key = row_key(after + 1, bytes);
    MDB_val value;
    MDB_cursor *cursor;
    BatchJob job;
    bool ok = true;

    if (!env_cursor(store, txn, TABLE_JOBS, &cursor, error))
        return false;
    if (!cursor)
        return true;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        ok = decode_row(store, key, value, &job, error);
        if (!ok || !visit(&job, data))
            break;
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

bool job_rows_delete(Store *store, uint32_t id, GError **error)
{
    uint8_t bytes[KEY_LEN];

    return batch_delete(store, TABLE_JOBS, row_key(id, bytes), error);
}

typedef enum { JOINED, LEFT_DONE, LEFT_DEAD, LEFT_GONE } Step;

/* Counts an object in the row of its job, by its step into the job or out of it. */
static bool count(Store *store, uint32_t id, Step step, GError **error)
{
    BatchJob job = {.filter = "", .cursor = ""};
    bool found;

    if (!job_rows_get(store, store->batch, id, &found, &job, error))
        return false;
    if (!found)
        /* The job has ended and was deleted. */
        return true;
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
    return job_rows_put(store, &job, error);
}

static Step step_out(const Record *new)
{
    /* The object was removed, or another job has taken it. */
    if (!new || new->job != 0)
        return LEFT_GONE;
    return new->state == STATE_DEAD ? LEFT_DEAD : LEFT_DONE;
}

bool job_rows_change(Store *store, const Record *old, const Record *new, GError **error)
{
    uint32_t was = old ? old->job : 0;
    uint32_t is = new ? new->job : 0;

    return was == is || ((was == 0 || count(store, was, step_out(new), error)) &&
                         (is == 0 || count(store, is, JOINED, error)));
}
