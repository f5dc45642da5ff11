/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that a worker has been sent: the one that it is at, and those that wait in its socket,
 * so that it need not wait for the daemon, and the daemon may take several answers at a time. Each
 * is measured and timed from when the worker could begin with it.
 */
#include "pool_private.h"

#include "clock.h"

#include <string.h>

/*
 * Parts of the patience. What waits for a worker is to take no longer than the one, as jobs are of
 * late; where a job takes longer than the other there is nothing to be gained, and much to be lost
 * to jobs that take longer than most.
 */
#define PATIENCE_OVER_AHEAD 50
#define PATIENCE_OVER_MEAN  8

int jobs_ahead(const Pool *pool)
{
    int64_t patience_us = pool->options.patience_us;

    if (pool->mean_us == 0 || pool->mean_us > patience_us / PATIENCE_OVER_MEAN ||
        clock_monotonic_us() < pool->alone_us)
        return 0;
    return (int)MIN(MAX(patience_us / PATIENCE_OVER_AHEAD / pool->mean_us, 1), pool->options.ahead);
}

bool jobs_may_wait(const Worker *worker, int ahead, int64_t now_us)
{
    const Invocation *first = &worker->jobs[0];
    int n = (int)worker->n_jobs;

    return n > 0 && n <= ahead && worker->greeted && !worker->leaving && !worker->is_alone &&
           !worker->is_last && worker->verdict == ERROR_NONE && !first->again &&
           now_us - first->begun_us < worker->pool->options.patience_us &&
           worker->invocations + n < worker->pool->options.max_invocations;
}

static void begin_first(Worker *worker, int64_t begun_us)
{
    Pool *pool = worker->pool;

    worker->jobs[0].begun_us = begun_us;
    worker->deadline_us = clock_monotonic_us() + pool->options.timeout_us;
    pool_look_again(pool, worker->deadline_us);
    if (worker->n_jobs > 1)
        pool_look_again(pool, begun_us + pool->options.patience_us);
}

void jobs_push(Worker *worker, const Invocation *invocation)
{
    Pool *pool = worker->pool;

    g_assert(worker->n_jobs < WORKER_JOBS_MAX);
    worker->jobs[worker->n_jobs++] = *invocation;
    if (worker->n_jobs > 1)
        pool_look_again(pool, worker->jobs[0].begun_us + pool->options.patience_us);
    else
        begin_first(worker, worker->process.pid > 0 ? invocation->submitted_us : 0);
}

void jobs_begin(Worker *worker, int64_t started_us)
{
    if (worker->n_jobs == 0)
        return;
    worker->jobs[0].init_us = MAX(started_us - worker->jobs[0].submitted_us, 1);
    begin_first(worker, started_us);
}

static void remove_first(Worker *worker)
{
    worker->n_jobs--;
    memmove(&worker->jobs[0], &worker->jobs[1], worker->n_jobs * sizeof worker->jobs[0]);
}

void jobs_end_first(Worker *worker, const WireResult *result, const PoolUsage *usage,
                    int64_t ended_us)
{
    Pool *pool = worker->pool;
    Invocation first = worker->jobs[0];

    remove_first(worker);
    worker->deadline_us = INT64_MAX;
    if (worker->n_jobs > 0)
        begin_first(worker, ended_us);
    pool_place_waiting(pool);
    if (!first.done) {
        if (pool->room)
            pool->room(pool->room_data);
        return;
    }
    pool->busy--;
    pool->used_us = clock_monotonic_us();
    first.done(result, usage, first.data);
}

void jobs_hand_back(Worker *worker, unsigned n, bool lives)
{
    Pool *pool = worker->pool;
    const PoolUsage nothing = {0};
    Invocation jobs[WORKER_JOBS_MAX];
    unsigned n_jobs = worker->n_jobs;

    if (n >= n_jobs)
        return;
    memcpy(jobs, worker->jobs, n_jobs * sizeof jobs[0]);
    for (unsigned i = n; i < n_jobs; i++)
        worker->jobs[i].done = NULL;
    if (!lives)
        worker->n_jobs = n;
    for (unsigned i = n; i < n_jobs; i++) {
        if (jobs[i].done) {
            pool->busy--;
            jobs[i].done(NULL, &nothing, jobs[i].data);
        }
    }
}

int64_t jobs_look_after(Worker *worker, int64_t now_us)
{
    int64_t until_us = worker->jobs[0].begun_us + worker->pool->options.patience_us;

    if (worker->n_jobs < 2 || !worker->jobs[worker->n_jobs - 1].done)
        return INT64_MAX;
    if (now_us < until_us)
        return until_us;
    jobs_hand_back(worker, 1, true);
    return INT64_MAX;
}
