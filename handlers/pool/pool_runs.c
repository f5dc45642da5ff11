/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invocations that a worker has been sent: its current invocation, and invocations that wait in
 * its socket. The worker need not wait for the daemon, and the daemon may read several answers at a
 * time. Each invocation is measured and timed from when the worker could begin it.
 */
#include "pool/pool_private.h"

#include "base/clock.h"

#include <string.h>

/*
 * Parts of the patience. Invocations that wait for a worker should take no longer than the first
 * part, by the current mean duration. Where a mean invocation takes longer than the second part, no
 * invocation waits for a busy worker: little would be gained, and much lost to invocations that
 * take longer than most.
 */
#define PATIENCE_OVER_AHEAD 50
#define PATIENCE_OVER_MEAN  8

int runs_ahead(const Program *program)
{
    const Pool *pool = program->pool;
    int64_t patience_us = pool->options.patience_us;

    if (program->mean_us == 0 || program->mean_us > patience_us / PATIENCE_OVER_MEAN ||
        clock_monotonic_us() < pool->alone_us)
        return 0;
    return (int)MIN(MAX(patience_us / PATIENCE_OVER_AHEAD / program->mean_us, 1),
                    pool->options.ahead);
}

bool runs_may_wait(const Worker *worker, int ahead, int64_t now_us)
{
    const Run *first = &worker->runs[0];
    int n = (int)worker->n_runs;

    return n > 0 && n <= ahead && worker->greeted && !worker->leaving && !worker->is_alone &&
           !worker->is_last && worker->verdict == ERROR_NONE && !first->again &&
           now_us - first->begun_us < worker->pool->options.patience_us &&
           worker->invocations + n < worker->pool->options.max_invocations;
}

/* Starts the clock of the worker's first invocation. */
static void begin_first(Worker *worker, int64_t begun_us)
{
    Pool *pool = worker->pool;

    worker->runs[0].begun_us = begun_us;
    worker->deadline_us = clock_monotonic_us() + program_timeout_us(worker->program);
    pool_check_at(pool, worker->deadline_us);
    if (worker->n_runs > 1)
        pool_check_at(pool, begun_us + pool->options.patience_us);
}

void runs_push(Worker *worker, const Run *run)
{
    Pool *pool = worker->pool;

    g_assert(worker->n_runs < WORKER_RUNS_MAX);
    worker->runs[worker->n_runs++] = *run;
    if (worker->n_runs > 1)
        pool_check_at(pool, worker->runs[0].begun_us + pool->options.patience_us);
    else
        begin_first(worker, worker->process.pid > 0 ? run->submitted_us : 0);
}

void runs_begin(Worker *worker, int64_t started_us)
{
    if (worker->n_runs == 0)
        return;
    worker->runs[0].init_us = MAX(started_us - worker->runs[0].submitted_us, 1);
    begin_first(worker, started_us);
}

static void remove_first(Worker *worker)
{
    worker->n_runs--;
    memmove(&worker->runs[0], &worker->runs[1], worker->n_runs * sizeof worker->runs[0]);
}

void runs_end_first(Worker *worker, const Answer *answer, const InvocationUsage *usage,
                    int64_t ended_us)
{
    Pool *pool = worker->pool;
    Program *program = worker->program;
    Run first = worker->runs[0];

    remove_first(worker);
    worker->deadline_us = INT64_MAX;
    if (worker->nice > 0)
        pool->has_yielded = false;
    if (worker->n_runs > 0)
        begin_first(worker, ended_us);
    pool_place_waiting(pool);
    if (!first.done) {
        executor_report_room(&pool->executor);
        return;
    }
    pool->busy--;
    program->used_us = clock_monotonic_us();
    first.done(answer, usage, first.data);
}

void runs_return(Worker *worker, unsigned n, bool lives)
{
    Pool *pool = worker->pool;
    const InvocationUsage nothing = {0};
    Run runs[WORKER_RUNS_MAX];
    unsigned n_runs = worker->n_runs;

    if (n >= n_runs)
        return;
    memcpy(runs, worker->runs, n_runs * sizeof runs[0]);
    for (unsigned i = n; i < n_runs; i++)
        worker->runs[i].done = NULL;
    if (!lives)
        worker->n_runs = n;
    for (unsigned i = n; i < n_runs; i++) {
        if (runs[i].done) {
            pool->busy--;
            runs[i].done(NULL, &nothing, runs[i].data);
        }
    }
}

int64_t runs_check(Worker *worker, int64_t now_us)
{
    int64_t until_us = worker->runs[0].begun_us + worker->pool->options.patience_us;

    if (worker->n_runs < 2 || !worker->runs[worker->n_runs - 1].done)
        return INT64_MAX;
    if (now_us < until_us)
        return until_us;
    runs_return(worker, 1, true);
    return INT64_MAX;
}
