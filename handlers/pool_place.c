/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which worker gets which job. A worker belongs to the group of its first job for as long as it
 * lives, so a job goes to an idle worker of its group, to a new one, or behind the jobs of one that
 * is at work. A job that can go to none waits here.
 */
#include "pool_private.h"

#include "clock.h"
#include "file.h"
#include "output.h"

#include <errno.h>
#include <string.h>

/*
 * A group's turn, as a part of the patience: for so long its worker goes on with its jobs although
 * others wait for a worker of theirs. A new worker costs some milliseconds: a part of a turn.
 */
#define PATIENCE_OVER_TURN 4

/* Jobs that wait here, so that some of them are of the same group: at the most, and as many as are
 * done within the patience. */
#define WAITING_MAX 256

bool pool_has_slot(const Pool *pool)
{
    guint n = pool->failed.length;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        n += worker->n_jobs > 0;
    }
    return n < (guint)pool->options.concurrency;
}

/* The worker behind whose jobs another one can wait, that with the fewest; NULL if there is none.
 * Of any group where `group` is NULL. */
static Worker *find_ahead(const Pool *pool, const char *group)
{
    int ahead = jobs_ahead(pool);
    int64_t now_us = clock_monotonic_us();
    Worker *found = NULL;

    for (guint i = 0; ahead > 0 && i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        if (group && strcmp(worker->group, group) != 0)
            continue;
        if (jobs_may_wait(worker, ahead, now_us) && (!found || worker->n_jobs < found->n_jobs))
            found = worker;
    }
    return found;
}

/* How many jobs may wait here. None where none may wait for a worker: they take long, and a new
 * worker for each does not. */
static guint waiting_limit(const Pool *pool)
{
    if (jobs_ahead(pool) == 0)
        return 0;
    return (guint)CLAMP(pool->options.concurrency * pool->options.patience_us / pool->mean_us, 1,
                        WAITING_MAX);
}

bool pool_has_room(const Pool *pool)
{
    if (pool->backoff_source)
        return false;
    if (pool->waiting.length == 0)
        return pool_has_slot(pool) || find_ahead(pool, NULL);
    return pool->waiting.length < waiting_limit(pool);
}

/* There is no memory file for it. That is the machine's fault, and is told before a worker begins.
 */
static void fail_short(Pool *pool, Worker *worker, Invocation *invocation, int errnum)
{
    invocation->errnum = errnum;
    pool_fail_later(pool, invocation);
    if (worker && worker->n_jobs == 0)
        pool_add_idle(worker);
}

void pool_place(Pool *pool, Worker *worker, Invocation *invocation)
{
    bool needs_memory =
        !invocation->job.wire->own_files && (!worker || worker_lacks_memory(worker));
    autofd memory_fd = needs_memory ? output_new_memory() : -1;

    if (needs_memory && memory_fd < 0) {
        fail_short(pool, worker, invocation, errno);
        return;
    }
    if (!worker)
        worker = forkserver_start_worker(pool, invocation->job.group);
    if (!worker) {
        forkserver_back_off(pool);
        pool_fail_later(pool, invocation);
        return;
    }
    worker->is_alone = invocation->job.wire->own_files;
    jobs_push(worker, invocation);
    worker_send(worker, fd_steal(&memory_fd));
}

/* The idle worker of the group that was used last, whose memory is the warmest. Takes it out of the
 * idle ones. */
static Worker *take_idle(Pool *pool, const PoolJob *job)
{
    GList *before;

    for (GList *at = pool->idle.tail; at && !job->wire->own_files; at = before) {
        Worker *worker = at->data;
        before = at->prev;
        if (strcmp(worker->group, job->group) != 0)
            continue;
        if (worker_is_restless(worker)) {
            worker_retire(worker);
            continue;
        }
        g_queue_delete_link(&pool->idle, at);
        return worker;
    }
    return NULL;
}

/* Retires idle workers, the oldest first, until one more may be started. */
static void make_room(Pool *pool)
{
    guint most = (guint)(pool->options.concurrency + pool->options.keep_idle);
    guint n = 0;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        n += !worker->leaving || worker->n_jobs > 0;
    }
    for (; n >= most && !g_queue_is_empty(&pool->idle); n--)
        worker_retire(g_queue_peek_head(&pool->idle));
}

/* True if some job has waited for a worker as long as a turn takes. */
static bool is_overdue(Pool *pool, int64_t now_us)
{
    const Invocation *first = g_queue_peek_head(&pool->waiting);

    return now_us - first->submitted_us >= pool->options.patience_us / PATIENCE_OVER_TURN;
}

/* True if the worker may go on with jobs of its group. */
static bool has_turn(Pool *pool, Worker *worker, int64_t now_us)
{
    if (!is_overdue(pool, now_us))
        worker->turn_us = now_us; /* as long as nobody waits for long it begins anew */
    return now_us - worker->turn_us < pool->options.patience_us / PATIENCE_OVER_TURN;
}

/* An idle worker whose group has the turn. */
static bool place_on_idle(Pool *pool, Invocation *invocation)
{
    int64_t now_us = clock_monotonic_us();
    Worker *worker = pool_has_slot(pool) ? take_idle(pool, &invocation->job) : NULL;

    if (!worker)
        return false;
    if (!has_turn(pool, worker, now_us)) {
        g_queue_push_tail(&pool->idle, worker);
        return false;
    }
    pool_place(pool, worker, invocation);
    return true;
}

static bool place_anywhere(Pool *pool, Invocation *invocation)
{
    const PoolJob *job = &invocation->job;
    Worker *worker = NULL;

    if (pool_has_slot(pool)) {
        worker = take_idle(pool, job);
        if (!worker)
            make_room(pool);
    } else {
        worker = job->wire->own_files ? NULL : find_ahead(pool, job->group);
        if (!worker || !has_turn(pool, worker, clock_monotonic_us()))
            return false;
    }
    pool_place(pool, worker, invocation);
    return true;
}

static void place_each(Pool *pool, bool (*place)(Pool *pool, Invocation *invocation))
{
    GList *next;

    for (GList *at = pool->waiting.head; at && !pool->backoff_source; at = next) {
        Invocation *invocation = at->data;
        next = at->next;
        if (!pool_has_slot(pool) && !find_ahead(pool, NULL))
            return;
        if (!place(pool, invocation))
            continue;
        g_queue_delete_link(&pool->waiting, at);
        g_free(invocation);
    }
}

void pool_place_waiting(Pool *pool)
{
    if (pool->waiting.length > 1) /* what costs no new process comes first */
        place_each(pool, place_on_idle);
    place_each(pool, place_anywhere);
}
