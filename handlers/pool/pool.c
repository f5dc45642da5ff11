/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <string.h>

/* Ends an invocation that could not be given to a worker. */
static void fail(Pool *pool, const Run *run)
{
    g_autoptr(GError) error = NULL;
    const InvocationUsage usage = {0};
    const Program *program = pool_program(pool, &run->invocation);
    Answer answer = {.serial = run->serial,
                     .error = run->invocation.program == PROGRAM_FIRST ? ERROR_HANDLER_UNAVAILABLE
                                                                       : program->failure_code,
                     .start_failed = run->errnum == 0,
                     .message = program->failure,
                     .memory_fd = -1};

    if (run->errnum != 0) {
        if (run->is_unsent)
            error_set_errno(&error, run->errnum, "cannot pass a file on to", "a handler process");
        else
            error_set_errno(&error, run->errnum, "cannot make a memory file for", "thumbnails");
        answer.message = error->message;
        if (error_code(error) == ERROR_SHORTAGE)
            answer.error = ERROR_SHORTAGE;
    }
    pool->busy--;
    run->done(&answer, &usage, run->data);
}

/* Ends the invocations that could not be given to a worker. */
static gboolean report_failed(gpointer data)
{
    Pool *pool = data;
    Run *run;

    pool->failed_source = 0;
    while ((run = g_queue_pop_head(&pool->failed))) {
        fail(pool, run);
        g_free(run);
    }
    pool_place_waiting(pool);
    return G_SOURCE_REMOVE;
}

/* Gives the invocation back from the main loop, so that no callback runs within executor_submit. */
void pool_fail_later(Pool *pool, const Run *run)
{
    g_queue_push_tail(&pool->failed, g_memdup2(run, sizeof *run));
    if (!pool->failed_source)
        pool->failed_source = g_idle_add_full(G_PRIORITY_DEFAULT, report_failed, pool, NULL);
}

/*
 * True if the program has a worker, or had an invocation of late: in a pool whose workers do one
 * invocation each, no worker is ever idle for long, and often none lives.
 */
static bool is_in_use(const Program *program, int64_t now_us)
{
    const Pool *pool = program->pool;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->program == program)
            return true;
    }
    return program->forkserver && now_us - program->used_us < pool->options.idle_us;
}

/*
 * Ends the workers that have been idle too long, and the fork servers of programs that are not in
 * use.
 */
static gboolean retire_idle(gpointer data)
{
    Pool *pool = data;
    int64_t now_us = clock_monotonic_us();
    Worker *worker;

    bool is_used = false;

    while ((worker = g_queue_peek_head(&pool->idle)) &&
           now_us - worker->idle_since_us >= pool->options.idle_us)
        worker_retire(worker);
    for (size_t i = 0; i < pool->n_programs; i++) {
        Program *program = &pool->programs[i];
        if (is_in_use(program, now_us))
            is_used = true;
        else
            forkserver_end(program);
    }
    if (is_used)
        return G_SOURCE_CONTINUE;
    forkserver_stop(pool);
    pool->retire_source = 0;
    return G_SOURCE_REMOVE;
}

Program *pool_program(Pool *pool, const Invocation *invocation)
{
    g_assert(invocation->program < pool->n_programs);
    return &pool->programs[invocation->program];
}

void pool_watch_idle(Program *program)
{
    Pool *pool = program->pool;
    guint interval_ms = (guint)CLAMP(pool->options.idle_us / 2000, 10, 60000);

    program->used_us = clock_monotonic_us();
    if (!pool->retire_source)
        pool->retire_source = g_timeout_add(interval_ms, retire_idle, pool);
}

void pool_add_idle(Worker *worker)
{
    int64_t now_us = clock_monotonic_us();

    worker->idle_since_us = now_us;
    worker->idle_check_us = now_us + IDLE_CHECK_US;
    pool_check_at(worker->pool, worker->idle_check_us);
    g_queue_push_tail(&worker->pool->idle, worker);
}

/*
 * Invocations do not wait behind others for this time after a forbidden call of a worker that had
 * several invocations: the pool cannot tell which of them made the call.
 */
#define ALONE_US (10 * CLOCK_US_PER_SEC)

void pool_check_at(Pool *pool, int64_t at_us)
{
    if (at_us != INT64_MAX)
        timer_set_earlier(pool->timer, at_us);
}

void pool_leave_alone(Pool *pool)
{
    pool->alone_us = clock_monotonic_us() + ALONE_US;
}

/*
 * Checks deadlines and idle workers, when the timer fires. The end of an invocation does not
 * postpone the timer, so there is sometimes nothing to do.
 */
static void check_workers(void *data)
{
    Pool *pool = data;
    int64_t now_us = clock_monotonic_us();

    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->deadline_us <= now_us)
            worker_time_out(worker);
        pool_check_at(pool, worker->deadline_us);
        pool_check_at(pool, runs_check(worker, now_us));
    }
    for (GList *at = pool->idle.head, *next; at; at = next) {
        next = at->next;
        pool_check_at(pool, worker_check_idle(at->data, now_us));
    }
}

/*
 * Replaces all workers: a worker sets its limits before it enters the sandbox, and no other process
 * can change them.
 */
static void replace_workers(Pool *pool)
{
    Worker *worker;

    while ((worker = g_queue_peek_head(&pool->idle)))
        worker_retire(worker);
    for (guint i = 0; i < pool->workers->len; i++) {
        worker = g_ptr_array_index(pool->workers, i);
        /* The worker ends after its current invocation. */
        worker->invocations = pool->options.max_invocations;
    }
}

/*
 * Applies new options; the programs and their users stay as they were. Workers with old limits are
 * replaced.
 */
static void configure(Executor *executor, const ExecutorOptions *options)
{
    Pool *pool = (Pool *)executor;
    ExecutorOptions old = pool->options;

    pool->options = *options;
    pool->options.program = old.program;
    memcpy(pool->options.further, old.further, sizeof old.further);
    pool->options.n_further = old.n_further;
    pool->options.own_users = old.own_users;
    /* Idle workers hold memory, too. */
    while (options->concurrency < old.concurrency && !g_queue_is_empty(&pool->idle))
        worker_retire(g_queue_peek_head(&pool->idle));
    if (old.timeout_us != options->timeout_us || old.memory_bytes != options->memory_bytes ||
        old.max_output_size != options->max_output_size)
        replace_workers(pool);
    pool_place_waiting(pool);
    executor_report_room(&pool->executor);
}

static bool has_room(const Executor *executor)
{
    return pool_has_room((const Pool *)executor);
}

static int busy(const Executor *executor)
{
    return ((const Pool *)executor)->busy;
}

int64_t pool_held_bytes(const Executor *executor)
{
    const Pool *pool = (const Pool *)executor;
    int64_t bytes = 0;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->n_runs > 0 && worker->process.pid > 0)
            bytes += process_memory_bytes(worker->process.pid);
    }
    return bytes;
}

int pool_failures(const Executor *executor)
{
    return ((const Pool *)executor)->programs[PROGRAM_FIRST].failures;
}

/*
 * Returns the waiting invocation that this invocation goes before: nice invocations let others
 * pass. NULL: the end of the queue.
 */
static GList *find_behind(Pool *pool, const Run *run)
{
    GList *at = pool->waiting.head;

    if (run->invocation.nice > 0)
        return NULL;
    while (at && ((const Run *)at->data)->invocation.nice == 0)
        at = at->next;
    return at;
}

/* Puts the invocation into the pool's queue, and starts what can be started. */
static void submit(Executor *executor, const Invocation *invocation, InvocationDone done,
                   void *data)
{
    Pool *pool = (Pool *)executor;
    const Run run = {.serial = invocation->serial,
                     .invocation = *invocation,
                     .done = done,
                     .data = data,
                     .submitted_us = clock_monotonic_us()};

    /*
     * The caller asked for room before. The room may be gone since, as it depends on time: the
     * invocation waits then.
     */
    pool->busy++;
    g_queue_insert_before(&pool->waiting, find_behind(pool, &run), g_memdup2(&run, sizeof run));
    pool_place_waiting(pool);
}

/* Returns the worker that began a nice invocation last and can be ended. NULL if there is none. */
static Worker *find_yielding(const Pool *pool)
{
    Worker *found = NULL;

    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        bool can_end = worker->nice > 0 && worker->n_runs > 0 && worker->runs[0].done &&
                       worker->process.pid > 0 && !worker->leaving && worker->verdict == ERROR_NONE;
        if (can_end && (!found || worker->runs[0].begun_us > found->runs[0].begun_us))
            found = worker;
    }
    return found;
}

/* Ends the worker, and hands all of its invocations back. */
static void return_runs(Worker *worker)
{
    worker_retire(worker);
    worker->deadline_us = INT64_MAX;
    runs_return(worker, 0, false);
}

bool pool_yield(Executor *executor)
{
    Pool *pool = (Pool *)executor;
    Worker *worker = pool->has_yielded ? NULL : find_yielding(pool);

    if (!worker)
        return false;
    pool->has_yielded = true;
    return_runs(worker);
    return true;
}

/*
 * Cancels an invocation of a queue, which no worker has been sent yet. False if `queue` does not
 * have the invocation.
 */
static bool cancel_waiting(Pool *pool, GQueue *queue, uint64_t serial)
{
    const InvocationUsage nothing = {0};

    for (GList *at = queue->head; at; at = at->next) {
        g_autofree Run *run = at->data;
        if (run->serial != serial) {
            (void)g_steal_pointer(&run);
            continue;
        }
        g_queue_delete_link(queue, at);
        pool->busy--;
        run->done(NULL, &nothing, run->data);
        return true;
    }
    return false;
}

/* Returns the position of the invocation with this serial; n_runs if the worker has no such
 * invocation. */
static unsigned find_run(const Worker *worker, uint64_t serial)
{
    unsigned i = 0;

    while (i < worker->n_runs && (!worker->runs[i].done || worker->runs[i].serial != serial))
        i++;
    return i;
}

/*
 * Ends the worker that is at the invocation. An invocation that waits for a worker is handed back
 * with all that wait behind it; the worker still does them, for nothing.
 */
static bool cancel(Executor *executor, uint64_t serial)
{
    Pool *pool = (Pool *)executor;

    if (cancel_waiting(pool, &pool->waiting, serial) || cancel_waiting(pool, &pool->failed, serial))
        return true;
    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        unsigned at = find_run(worker, serial);
        if (at == worker->n_runs)
            continue;
        if (at > 0)
            runs_return(worker, at, true);
        else if (worker->starter)
            runs_return(worker, 0, true);
        else
            return_runs(worker);
        return true;
    }
    return false;
}

static void clear_programs(Pool *pool)
{
    for (size_t i = 0; i < pool->n_programs; i++) {
        g_clear_handle_id(&pool->programs[i].backoff_source, g_source_remove);
        g_free(pool->programs[i].path);
        g_free(pool->programs[i].failure);
    }
}

static void pool_free(Executor *executor)
{
    Pool *pool = (Pool *)executor;
    ProcessEnd end;

    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        worker->n_runs = 0;
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
    clear_programs(pool);
    timer_free(pool->timer);
    g_queue_clear_full(&pool->waiting, g_free);
    g_queue_clear_full(&pool->failed, g_free);
    g_ptr_array_unref(pool->workers);
    g_ptr_array_unref(pool->replaced);
    g_free(pool);
}

static const ExecutorClass pool_class = {
    .name = "pool",
    .has_room = has_room,
    .submit = submit,
    .cancel = cancel,
    .configure = configure,
    .busy = busy,
    .free = pool_free,
};

/* Adds a program. Takes `path`. */
static void add_program(Pool *pool, char *path, int memory_times, int timeout_times)
{
    g_assert(pool->n_programs < PROGRAMS_MAX && memory_times >= 1 && timeout_times >= 1);
    pool->programs[pool->n_programs++] =
        (Program){.pool = pool,
                  .path = path,
                  .memory_times = memory_times,
                  .timeout_times = timeout_times,
                  .failure = g_strdup("no handler process could be started"),
                  .failure_code = ERROR_HANDLER_UNAVAILABLE};
}

Executor *pool_new(const ExecutorOptions *options)
{
    Pool *pool = g_new0(Pool, 1);

    g_assert(options->ahead >= 0 && options->ahead < WORKER_RUNS_MAX);
    pool->executor.class = &pool_class;
    pool->options = *options;
    pool->timer = timer_new(G_PRIORITY_DEFAULT, check_workers, pool);
    add_program(pool, g_strdup(options->program), 1, 1);
    for (size_t i = 0; i < options->n_further; i++) {
        const FurtherProgram *further = &options->further[i];
        add_program(pool, program_path(options->program, further->executable),
                    further->memory_times, further->timeout_times);
    }
    pool->options.program = NULL;
    pool->workers = g_ptr_array_new();
    pool->replaced = g_ptr_array_new();
    return &pool->executor;
}
