/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which worker gets which invocation. A worker belongs to the group of its first invocation
 * for its whole life. So an invocation goes to an idle worker of its group, to a new worker, or
 * behind the invocations of a busy worker. An invocation that can go to none waits in the pool.
 */
#include "pool/pool_private.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/memory_output.h"

#include <errno.h>
#include <string.h>

/*
 * The turn of a group, as a part of the patience: its worker goes on with invocations of the group
 * for this time although invocations of other groups wait for a worker. A new worker costs some
 * milliseconds, a part of a turn.
 */
#define PATIENCE_OVER_TURN 4

/*
 * The most invocations that wait in the pool, so that some of them are of the same group. The pool
 * also takes no more than can be done within the patience.
 */
#define WAITING_MAX 256

bool pool_has_slot(const Pool *pool)
{
    guint n = pool->failed.length;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        n += worker->n_runs > 0;
    }
    return n < (guint)pool->options.concurrency;
}

/*
 * Returns the busy worker of the program with the fewest invocations behind which another
 * invocation can wait; NULL if there is none. `group` NULL: of any group.
 */
static Worker *find_ahead(const Program *program, const char *group)
{
    const Pool *pool = program->pool;
    int ahead = runs_ahead(program);
    int64_t now_us = clock_monotonic_us();
    Worker *found = NULL;

    for (guint i = 0; ahead > 0 && i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->program != program || (group && strcmp(worker->group, group) != 0))
            continue;
        if (runs_may_wait(worker, ahead, now_us) && (!found || worker->n_runs < found->n_runs))
            found = worker;
    }
    return found;
}

/*
 * Returns the number of invocations that may wait in the pool. 0 if no invocation may wait for a
 * busy worker: invocations take long then, and a new worker for each costs little.
 */
static guint waiting_limit(const Program *program)
{
    const ExecutorOptions *options = &program->pool->options;

    if (runs_ahead(program) == 0)
        return 0;
    return (guint)CLAMP(options->concurrency * options->patience_us / program->mean_us, 1,
                        WAITING_MAX);
}

bool pool_has_room(const Pool *pool)
{
    const Program *first = &pool->programs[PROGRAM_FIRST];

    if (first->backoff_source)
        return false;
    if (pool->waiting.length == 0)
        return pool_has_slot(pool) || find_ahead(first, NULL);
    return pool->waiting.length < waiting_limit(first);
}

/*
 * Fails an invocation for which no memory file could be made, or which could not be sent, before a
 * worker begins it: the machine is short of something.
 */
static void fail_short(Pool *pool, Worker *worker, Run *run, int errnum)
{
    run->errnum = errnum;
    pool_fail_later(pool, run);
    if (worker && worker->n_runs == 0 && !worker->starter)
        pool_add_idle(worker);
}

void pool_place(Pool *pool, Worker *worker, Run *run)
{
    Program *program = pool_program(pool, &run->invocation);
    bool needs_memory = !run->invocation.own_files && (!worker || worker_lacks_memory(worker));
    autofd memory_fd = needs_memory ? output_new_memory() : -1;

    if (needs_memory && memory_fd < 0) {
        fail_short(pool, worker, run, errno);
        return;
    }
    if (!worker)
        worker = forkserver_start_worker(program, run->invocation.group, run->invocation.nice);
    if (!worker) {
        forkserver_back_off(program);
        pool_fail_later(pool, run);
        return;
    }
    int errnum = worker_send(worker, &run->invocation, fd_steal(&memory_fd));
    if (errnum != 0) {
        run->is_unsent = true;
        fail_short(pool, worker, run, errnum);
        return;
    }
    worker->is_alone = run->invocation.own_files;
    runs_push(worker, run);
}

/*
 * Takes the idle worker of the program and group that was used last, as its memory is the warmest,
 * out of the idle ones. NULL if there is none.
 */
static Worker *pop_idle(Pool *pool, const Invocation *invocation)
{
    const Program *program = pool_program(pool, invocation);
    GList *before;

    for (GList *at = pool->idle.tail; at && !invocation->own_files; at = before) {
        Worker *worker = at->data;
        before = at->prev;
        if (worker->program != program || strcmp(worker->group, invocation->group) != 0)
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

/*
 * Returns the idle worker of the least use: a nice one, as no upload may have it; otherwise the one
 * that has been idle longest. NULL if none is idle.
 */
static Worker *find_dispensable(const Pool *pool)
{
    for (GList *at = pool->idle.head; at; at = at->next) {
        if (((Worker *)at->data)->nice > 0)
            return at->data;
    }
    return g_queue_peek_head((GQueue *)&pool->idle);
}

/* Retires idle workers until one more may be started. */
static void make_room(Pool *pool)
{
    guint most = (guint)(pool->options.concurrency + pool->options.idle_max);
    guint n = 0;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        n += !worker->leaving || worker->n_runs > 0;
    }
    for (; n >= most && !g_queue_is_empty(&pool->idle); n--)
        worker_retire(find_dispensable(pool));
}

/* True if an invocation has waited for a worker for as long as a turn takes. */
static bool is_overdue(Pool *pool, int64_t now_us)
{
    const Run *first = g_queue_peek_head(&pool->waiting);

    return now_us - first->submitted_us >= pool->options.patience_us / PATIENCE_OVER_TURN;
}

/* True if the worker may go on with invocations of its group. */
static bool has_turn(Pool *pool, Worker *worker, int64_t now_us)
{
    /* The turn starts anew as long as no invocation has waited for long. */
    if (!is_overdue(pool, now_us))
        worker->turn_us = now_us;
    return now_us - worker->turn_us < pool->options.patience_us / PATIENCE_OVER_TURN;
}

/* Gives the invocation to an idle worker whose group has the turn. False if there is none. */
static bool place_on_idle(Pool *pool, Run *run)
{
    int64_t now_us = clock_monotonic_us();
    Worker *worker = pool_has_slot(pool) ? pop_idle(pool, &run->invocation) : NULL;

    if (!worker)
        return false;
    if (!has_turn(pool, worker, now_us)) {
        g_queue_push_tail(&pool->idle, worker);
        return false;
    }
    pool_place(pool, worker, run);
    return true;
}

/*
 * Gives the invocation to an idle worker, to a new one, or to a busy one as its next. Returns false
 * if it has to wait.
 */
static bool place_anywhere(Pool *pool, Run *run)
{
    const Invocation *invocation = &run->invocation;
    const Program *program = pool_program(pool, invocation);
    Worker *worker = NULL;

    if (pool_has_slot(pool)) {
        worker = pop_idle(pool, invocation);
        if (!worker && program->backoff_source) {
            pool_fail_later(pool, run);
            return true;
        }
        if (!worker)
            make_room(pool);
    } else {
        worker = invocation->own_files ? NULL : find_ahead(program, invocation->group);
        if (!worker || !has_turn(pool, worker, clock_monotonic_us()))
            return false;
    }
    pool_place(pool, worker, run);
    return true;
}

/* True if an invocation of some program can go to a worker now. */
static bool can_place_any(const Pool *pool)
{
    bool can_place = pool_has_slot(pool);

    for (size_t i = 0; i < pool->n_programs && !can_place; i++)
        can_place = find_ahead(&pool->programs[i], NULL);
    return can_place;
}

/*
 * True if the invocation waits until workers can be started again. Only invocations of the first
 * program wait: the caller stops to submit those, and knows nothing of the room for others.
 */
static bool waits_for_start(Pool *pool, const Run *run)
{
    return run->invocation.program == PROGRAM_FIRST && pool->programs[PROGRAM_FIRST].backoff_source;
}

/* Tries `place` with each waiting invocation, in order, as long as there is room. */
static void place_each(Pool *pool, bool (*place)(Pool *pool, Run *run))
{
    GList *next;

    for (GList *at = pool->waiting.head; at; at = next) {
        Run *run = at->data;
        next = at->next;
        if (!can_place_any(pool))
            return;
        if (waits_for_start(pool, run) || !place(pool, run))
            continue;
        g_queue_delete_link(&pool->waiting, at);
        g_free(run);
    }
}

void pool_place_waiting(Pool *pool)
{
    /* Invocations that need no new process come first. */
    if (pool->waiting.length > 1)
        place_each(pool, place_on_idle);
    place_each(pool, place_anywhere);
}
