/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_private.h"

#include "clock.h"
#include "file.h"

#include <string.h>

static void explain_failure(const Pool *pool, const Invocation *invocation, WireResult *result)
{
    g_autoptr(GError) error = NULL;

    g_strlcpy(result->message, pool->failure, sizeof result->message);
    if (invocation->errnum == 0)
        return;
    error_set_errno(&error, invocation->errnum, "cannot make a memory file for", "thumbnails");
    g_strlcpy(result->message, error->message, sizeof result->message);
    if (error_code(error) == ERROR_SHORTAGE)
        result->error = ERROR_SHORTAGE;
}

static gboolean report_failed(gpointer data)
{
    Pool *pool = data;
    Invocation *invocation;

    pool->failed_source = 0;
    while ((invocation = g_queue_pop_head(&pool->failed))) {
        WireResult result = {.serial = invocation->serial, .error = ERROR_HANDLER_UNAVAILABLE};
        PoolUsage usage = {0};
        explain_failure(pool, invocation, &result);
        pool->busy--;
        invocation->done(&result, &usage, invocation->data);
        g_free(invocation);
    }
    pool_place_waiting(pool);
    return G_SOURCE_REMOVE;
}

/* Gives the job back from the main loop, so that no callback runs within pool_submit. */
void pool_fail_later(Pool *pool, const Invocation *invocation)
{
    g_queue_push_tail(&pool->failed, g_memdup2(invocation, sizeof *invocation));
    if (!pool->failed_source)
        pool->failed_source = g_idle_add_full(G_PRIORITY_DEFAULT, report_failed, pool, NULL);
}

static gboolean retire_idle(gpointer data)
{
    Pool *pool = data;
    int64_t now_us = clock_monotonic_us();
    Worker *worker;

    while ((worker = g_queue_peek_head(&pool->idle)) &&
           now_us - worker->idle_since_us >= pool->options.idle_us)
        worker_retire(worker);
    /* Where each worker does one job there is none to grow old, and often none at all. */
    if (pool->workers->len > 0 || now_us - pool->used_us < pool->options.idle_us)
        return G_SOURCE_CONTINUE;
    forkserver_stop(pool);
    pool->retire_source = 0;
    return G_SOURCE_REMOVE;
}

void pool_watch_idle(Pool *pool)
{
    guint interval_ms = (guint)CLAMP(pool->options.idle_us / 2000, 10, 60000);

    pool->used_us = clock_monotonic_us();
    if (!pool->retire_source)
        pool->retire_source = g_timeout_add(interval_ms, retire_idle, pool);
}

void pool_add_idle(Worker *worker)
{
    int64_t now_us = clock_monotonic_us();

    worker->idle_since_us = now_us;
    worker->idle_look_us = now_us + IDLE_LOOK_US;
    pool_look_again(worker->pool, worker->idle_look_us);
    g_queue_push_tail(&worker->pool->idle, worker);
}

/* ---- what is due --------------------------------------------------------------------------------
 */

/* After a worker has broken a rule, and it cannot be told over which of its jobs. */
#define ALONE_US (10 * CLOCK_US_PER_SEC)

void pool_look_again(Pool *pool, int64_t at_us)
{
    if (at_us != INT64_MAX)
        alarm_set_earlier(pool->alarm, at_us);
}

void pool_leave_alone(Pool *pool)
{
    pool->alone_us = clock_monotonic_us() + ALONE_US;
}

/* The alarm is not put off each time a job ends: it rings in vain instead, now and then. */
static void look_after_workers(void *data)
{
    Pool *pool = data;
    int64_t now_us = clock_monotonic_us();

    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->deadline_us <= now_us)
            worker_time_out(worker);
        pool_look_again(pool, worker->deadline_us);
        pool_look_again(pool, jobs_look_after(worker, now_us));
    }
    for (GList *at = pool->idle.head, *next; at; at = next) {
        next = at->next;
        pool_look_again(pool, worker_look_after_idle(at->data, now_us));
    }
}

/* ---- jobs in, jobs out --------------------------------------------------------------------------
 */

Pool *pool_new(const PoolOptions *options)
{
    Pool *pool = g_new0(Pool, 1);

    g_assert(options->ahead >= 0 && options->ahead < WORKER_JOBS_MAX);
    pool->options = *options;
    pool->alarm = alarm_new(G_PRIORITY_DEFAULT, look_after_workers, pool);
    pool->options.program = g_strdup(options->program);
    pool->workers = g_ptr_array_new();
    pool->replaced = g_ptr_array_new();
    pool->failure = g_strdup("no handler process could be started");
    return pool;
}

/* Limits are set before the sandbox is entered, and cannot be changed from outside. */
static void replace_workers(Pool *pool)
{
    Worker *worker;

    while ((worker = g_queue_peek_head(&pool->idle)))
        worker_retire(worker);
    for (guint i = 0; i < pool->workers->len; i++) {
        worker = g_ptr_array_index(pool->workers, i);
        worker->invocations = pool->options.max_invocations; /* the job it is at is its last */
    }
}

void pool_configure(Pool *pool, const PoolOptions *options)
{
    PoolOptions old = pool->options;

    pool->options = *options;
    pool->options.program = old.program;
    pool->options.own_users = old.own_users;
    /* Those that are idle hold memory, too. */
    while (options->concurrency < old.concurrency && !g_queue_is_empty(&pool->idle))
        worker_retire(g_queue_peek_head(&pool->idle));
    if (old.timeout_us != options->timeout_us || old.memory_bytes != options->memory_bytes ||
        old.max_output_size != options->max_output_size)
        replace_workers(pool);
    pool_place_waiting(pool);
    if (pool->room)
        pool->room(pool->room_data);
}

void pool_set_room_callback(Pool *pool, void (*callback)(void *data), void *data)
{
    pool->room = callback;
    pool->room_data = data;
}

int pool_busy(const Pool *pool)
{
    return pool->busy;
}

int pool_failures(const Pool *pool)
{
    return pool->failures;
}

void pool_submit(Pool *pool, const PoolJob *job, PoolDone done, void *data)
{
    const Invocation invocation = {.serial = job->wire->serial,
                                   .job = *job,
                                   .done = done,
                                   .data = data,
                                   .submitted_us = clock_monotonic_us()};

    /* There was room when the caller asked. Whether there is still, which time decides, is of no
     * matter: the job waits. */
    pool->busy++;
    g_queue_push_tail(&pool->waiting, g_memdup2(&invocation, sizeof invocation));
    pool_place_waiting(pool);
}

void pool_free(Pool *pool)
{
    ProcessEnd end;

    if (!pool)
        return;
    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        worker->n_jobs = 0;
        process_kill(&worker->process);
    }
    while (pool->workers->len > 0) {
        Worker *worker = g_ptr_array_index(pool->workers, 0);
        if (worker->process.pid > 0)
            (void)process_reap(&worker->process, true, &end);
        worker_free(worker);
    }
    forkserver_stop(pool);
    g_clear_handle_id(&pool->retire_source, g_source_remove);
    g_clear_handle_id(&pool->failed_source, g_source_remove);
    g_clear_handle_id(&pool->backoff_source, g_source_remove);
    alarm_free(pool->alarm);
    g_queue_clear_full(&pool->waiting, g_free);
    g_queue_clear_full(&pool->failed, g_free);
    g_ptr_array_unref(pool->workers);
    g_ptr_array_unref(pool->replaced);
    g_free(pool->failure);
    g_free((char *)pool->options.program);
    g_free(pool);
}
