/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/dispatch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "handlers/pool.h"
#include "journal/journal.h"
#include "queue/brake.h"
#include "queue/lender.h"
#include "queue/low_disk.h"
#include "queue/prepare.h"
#include "queue/work_item.h"
#include "queue/workers.h"

struct Dispatch {
    DispatchOptions options;
    const BucketState *state;
    /* The local executor. */
    Executor *pool;
    /* NULL: nothing is lent. */
    Lender *lender;
    Brake *brake;
    LowDisk *low_disk;
    Outcomes *outcomes;
    /* WorkItem, owned, each by its own link: the work items under way. */
    GQueue items;
    /* Forces a search for work, even if the numbers below are unchanged. */
    bool is_woken;
    /* journal_changes at the last search. */
    uint64_t checked_changes;
    /* dispatch_busy at the last search. */
    int checked_busy;
    /* Runs when the next retry is due. */
    guint due_source;
    uint64_t serial;
    /* Work items in a row that went to the pool although it had no room. */
    int n_pressed;
    /* No object was pending at the last claim. */
    bool queue_is_empty;
    /* No handler was free at the last search for work. */
    bool no_room;
    /* Wall clock: time of the last search without a free handler. */
    int64_t no_room_us;
};

static void wake(void *dispatch)
{
    dispatch_wake(dispatch);
}

static void describe_workers(const Dispatch *dispatch, ExecutorOptions *ret_options)
{
    workers_options(dispatch->state->config, dispatch->options.handler_program, dispatch->brake,
                    ret_options);
}

/* Applies the concurrency of the brake. */
static void configure_pool(Dispatch *dispatch)
{
    ExecutorOptions options;

    describe_workers(dispatch, &options);
    executor_configure(dispatch->pool, &options);
    dispatch->n_pressed = 0;
    dispatch_wake(dispatch);
}

static void change_concurrency(void *dispatch)
{
    configure_pool(dispatch);
}

static bool check_memory(Dispatch *dispatch)
{
    return brake_check(dispatch->brake, dispatch->pool ? pool_held_bytes(dispatch->pool) : 0);
}

static void open_pool(Dispatch *dispatch)
{
    ExecutorOptions options;

    (void)check_memory(dispatch);
    describe_workers(dispatch, &options);
    dispatch->pool = pool_new(&options);
    executor_set_room_callback(dispatch->pool, wake, dispatch);
}

Dispatch *dispatch_new(const DispatchOptions *options)
{
    Dispatch *dispatch = g_new0(Dispatch, 1);
    const OutcomeOptions *outcomes = &options->outcomes;
    const BrakeCallbacks callbacks = {
        .changed = change_concurrency, .again = wake, .data = dispatch};

    dispatch->options = *options;
    dispatch->state = outcomes->state;
    dispatch->brake = brake_new(dispatch->state->config, &callbacks);
    dispatch->low_disk = low_disk_new(dispatch->state, outcomes->run, outcomes->once);
    dispatch->outcomes = outcomes_new(outcomes, dispatch->brake);
    g_queue_init(&dispatch->items);
    open_pool(dispatch);
    return dispatch;
}

void dispatch_lend(Dispatch *dispatch)
{
    ExecutorOptions options;

    describe_workers(dispatch, &options);
    dispatch->lender = lender_new(dispatch->state, &options, wake, dispatch);
}

void dispatch_stop_lending(Dispatch *dispatch)
{
    lender_stop(dispatch->lender);
}

void dispatch_renew_lender(Dispatch *dispatch)
{
    lender_renew(dispatch->lender);
}

void dispatch_stop(Dispatch *dispatch)
{
    if (!dispatch)
        return;
    brake_stop(dispatch->brake);
    g_clear_handle_id(&dispatch->due_source, g_source_remove);
}

void dispatch_free(Dispatch *dispatch)
{
    if (!dispatch)
        return;
    executor_free(dispatch->pool);
    lender_free(dispatch->lender);
    /* No answer comes for these work items any more. */
    while (!g_queue_is_empty(&dispatch->items))
        work_item_free(g_queue_peek_head(&dispatch->items));
    outcomes_free(dispatch->outcomes);
    low_disk_free(dispatch->low_disk);
    brake_free(dispatch->brake);
    g_free(dispatch);
}

/* Work items in a row that may not be lent and wait in a pool without room. */
#define PRESSED_MAX 16

static bool can_lend(const Dispatch *dispatch)
{
    const Executor *lend = lender_executor(dispatch->lender);

    return lend && dispatch->n_pressed < PRESSED_MAX && executor_has_room(lend);
}

static bool has_free_handler(const Dispatch *dispatch)
{
    const Executor *pool = dispatch->pool;

    return (executor_has_room(pool) && executor_busy(pool) < brake_concurrency(dispatch->brake)) ||
           can_lend(dispatch);
}

/* Chooses the executor of the work item: this machine while it has room, then borrowers; with `lend
 * = always` borrowers first. A work item that may not be lent waits here. */
static Executor *choose_executor(Dispatch *dispatch, const WorkItem *item)
{
    const Config *config = dispatch->state->config;
    bool has_room = executor_has_room(dispatch->pool);
    bool is_lent = can_lend(dispatch) && item->version.size <= config->lend_up_to &&
                   !item->stays_here && !outcomes_is_local(dispatch->outcomes, item) &&
                   (!has_room || config->lend == LENDING_ALWAYS);

    if (is_lent)
        return lender_executor(dispatch->lender);
    dispatch->n_pressed = has_room ? 0 : dispatch->n_pressed + 1;
    return dispatch->pool;
}

static WorkItem *new_item(Dispatch *dispatch, const Record *record)
{
    WorkItem *item =
        work_item_new(dispatch->options.kind, dispatch->state, dispatch->options.outcomes.once,
                      dispatch->outcomes, &dispatch->items, record);

    item->dispatch = dispatch;
    item->throttled = record_due_us(record) <= dispatch->no_room_us || !has_free_handler(dispatch);
    /* Further work items wait for a busy handler. */
    item->concurrency =
        MIN(executor_busy(dispatch->pool) + 1, dispatch->state->config->concurrency.most);
    item->is_alone = brake_is_alone(dispatch->brake);
    return item;
}

static void on_done(const Answer *answer, const InvocationUsage *usage, void *data);

/* Submits the work item. A lent work item holds no descriptor: the source is opened when the
 * borrower asks for it. */
static void submit(Dispatch *dispatch, WorkItem *item, Executor *executor, bool own_files)
{
    item->serial = ++dispatch->serial;
    prepare_group(item);
    item->is_lent = executor != dispatch->pool;
    if (item->is_lent)
        fd_clear(&item->source_fd);
    Invocation invocation = {.serial = item->serial,
                             .kind = item->kind->invocation,
                             .source_fd = item->source_fd,
                             .open_source = work_item_open_source,
                             .source_size = item->version.size,
                             .own_files = own_files,
                             .group = item->group,
                             .nice = item->nice};
    item->kind->fill(item, &invocation);
    executor_submit(executor, &invocation, on_done, item);
}

/* Submits the work item again, on this machine, for another handler program. */
static void submit_again(Dispatch *dispatch, WorkItem *item, size_t program)
{
    bool own_files = dispatch->state->config->isolation == ISOLATION_FILE;
    g_autoptr(GError) error = NULL;

    item->program = program;
    item->kind->move(item, program);
    if (prepare_again(item, own_files, &error))
        submit(dispatch, item, dispatch->pool, own_files);
    else
        outcome_failed_early(item, error);
}

/* An InvocationDone: moves the work item to the handler program that the answer names, or ends it.
 */
static void on_done(const Answer *answer, const InvocationUsage *usage, void *data)
{
    WorkItem *item = data;
    Dispatch *dispatch = item->dispatch;
    const InvocationUsage total = work_item_total_usage(item, usage);
    size_t program;

    if (answer && item->generation == journal_generation(dispatch->state->journal) &&
        item->kind->needs(item, answer, &program)) {
        if (program_is_installed(program, dispatch->options.handler_program)) {
            item->spent = total;
            submit_again(dispatch, item, program);
            return;
        }
        item->lacks_program = true;
    }
    outcome_done(answer, &total, item);
}

/* Prepares the work item of a claimed record, and submits it to an executor. Ends it at once if
 * there is nothing to do, or if it cannot begin. */
static void start_item(Dispatch *dispatch, const Record *record)
{
    WorkItem *item = new_item(dispatch, record);
    g_autoptr(GError) error = NULL;

    if (!prepare_source(item, &error)) {
        outcome_failed_early(item, error);
        return;
    }
    if (!journal_is_open(dispatch->state->journal)) {
        work_item_free(item);
        return;
    }
    if (!item->kind->prepare(item, record)) {
        outcome_nothing_to_make(item);
        return;
    }
    Executor *executor = choose_executor(dispatch, item);
    bool own_files =
        dispatch->state->config->isolation == ISOLATION_FILE && executor == dispatch->pool;
    /* If no file can be made for the output, the handler does not begin. */
    if ((own_files || outcomes_is_in_trouble(dispatch->outcomes)) &&
        !item->kind->open_outputs(item, &error)) {
        item->refused = error_code(error) == ERROR_ACCESS_DENIED;
        outcome_failed_early(item, error);
        return;
    }
    submit(dispatch, item, executor, own_files);
}

static gboolean dispatch_due(gpointer data)
{
    Dispatch *dispatch = data;

    dispatch->due_source = 0;
    dispatch_wake(dispatch);
    return G_SOURCE_REMOVE;
}

/* Sets the timer for the object that is due next. */
static void wait_until_due(Dispatch *dispatch, int64_t due_us)
{
    int64_t delay_ms = (due_us - clock_wall_us()) / CLOCK_US_PER_MS + 1;

    g_clear_handle_id(&dispatch->due_source, g_source_remove);
    dispatch->queue_is_empty = due_us == INT64_MAX;
    /* Bounded, so that a clock that is set back does not delay work for long. */
    if (!dispatch->queue_is_empty)
        dispatch->due_source =
            g_timeout_add((guint)CLAMP(delay_ms, 1, 60000), dispatch_due, dispatch);
}

/* Claims an object with a due time beyond the longest retry delay: such a time means that the clock
 * was set back. */
static bool claim_from_the_future(const BucketState *state, int64_t due_us, bool *ret_found,
                                  Record *ret_record, GError **error)
{
    int64_t now_us = clock_wall_us();

    if (due_us == INT64_MAX || due_us - now_us <= outcome_longest_delay_us(state->config))
        return true;
    return store_claim(state->store, due_us, ret_found, ret_record, &now_us, error);
}

/* Returns the claim, until the disk has its reserve again. */
static void put_back(Dispatch *dispatch, const Record *record)
{
    const BucketState *state = dispatch->state;
    Journal *journal = state->journal;

    (void)journal_check(journal, store_release_claim(state->store, record->key, record->id,
                                                     journal_error(journal)));
    brake_pause(dispatch->brake);
}

/*
 * True if a work item may begin. If all handlers are busy and an upload waits, one handler
 * with back-fill is ended for the upload: on a busy machine a nice process gets next to no CPU
 * time, and the upload would wait for it.
 */
static bool make_room(Dispatch *dispatch)
{
    const BucketState *state = dispatch->state;
    Journal *journal = state->journal;
    bool is_due = false;

    if (!journal_is_open(journal) || run_is_stopping(dispatch->options.outcomes.run) ||
        brake_is_on(dispatch->brake))
        return false;
    if (executor_has_room(dispatch->pool)) {
        dispatch->n_pressed = 0;
        return true;
    }
    if (!journal_check(journal, store_has_due(state->store, PRIORITY_UPLOAD, clock_wall_us(),
                                              &is_due, journal_error(journal))))
        return false;
    if (is_due && pool_yield(dispatch->pool) && executor_has_room(dispatch->pool))
        return true;
    return can_lend(dispatch);
}

/* Hands out the next work item. Returns false if no further work item can follow now: none is due,
 * or the batch is lost. */
static bool start_next(Dispatch *dispatch, bool *ret_is_low)
{
    const BucketState *state = dispatch->state;
    Journal *journal = state->journal;
    Record record;
    int64_t next_due_us;
    bool found;

    if (!journal_check(journal, store_claim(state->store, clock_wall_us(), &found, &record,
                                            &next_due_us, journal_error(journal))))
        return false;
    if (!found && !journal_check(journal, claim_from_the_future(state, next_due_us, &found, &record,
                                                                journal_error(journal))))
        return false;
    if (!found) {
        wait_until_due(dispatch, next_due_us);
        return false;
    }
    dispatch->queue_is_empty = false;
    *ret_is_low = low_disk_check(dispatch->low_disk);
    if (*ret_is_low) {
        put_back(dispatch, &record);
        return false;
    }
    start_item(dispatch, &record);
    return journal_change(journal, true);
}

/* Starts invocations as long as objects are due and workers have room. */
static void start_work(Dispatch *dispatch)
{
    bool is_low = false;
    bool is_open = journal_holds(dispatch->state->journal);

    dispatch->queue_is_empty = false;
    if (check_memory(dispatch))
        configure_pool(dispatch);
    /* Events that became due in the meantime had to wait: throttled, in the term of Lambda. */
    if (dispatch->no_room)
        dispatch->no_room_us = clock_wall_us();
    while (is_open && make_room(dispatch))
        is_open = start_next(dispatch, &is_low);
    dispatch->no_room = is_low || !has_free_handler(dispatch);
    if (dispatch->no_room)
        brake_wait(dispatch->brake);
}

void dispatch_wake(Dispatch *dispatch)
{
    dispatch->is_woken = true;
}

bool dispatch_is_due(const Dispatch *dispatch)
{
    return dispatch->is_woken ||
           dispatch->checked_changes != journal_changes(dispatch->state->journal) ||
           dispatch->checked_busy != dispatch_busy(dispatch);
}

void dispatch_settle(Dispatch *dispatch)
{
    if (!dispatch_is_due(dispatch))
        return;
    dispatch->is_woken = false;
    start_work(dispatch);
    dispatch->checked_changes = journal_changes(dispatch->state->journal);
    dispatch->checked_busy = dispatch_busy(dispatch);
}

void dispatch_configure(Dispatch *dispatch)
{
    ExecutorOptions options;

    brake_configure(dispatch->brake, dispatch->state->config);
    configure_pool(dispatch);
    describe_workers(dispatch, &options);
    lender_configure(dispatch->lender, &options);
}

int dispatch_busy(const Dispatch *dispatch)
{
    const Executor *lend = lender_executor(dispatch->lender);

    return executor_busy(dispatch->pool) + (lend ? executor_busy(lend) : 0);
}

int dispatch_busy_here(const Dispatch *dispatch)
{
    return executor_busy(dispatch->pool);
}

bool dispatch_is_empty(const Dispatch *dispatch)
{
    return dispatch->queue_is_empty;
}

bool dispatch_waits_for_disk(const Dispatch *dispatch)
{
    return low_disk_is(dispatch->low_disk);
}

int64_t dispatch_oldest_us(const Dispatch *dispatch)
{
    const GList *oldest = dispatch->items.head;

    return oldest ? ((const WorkItem *)oldest->data)->start_us : INT64_MAX;
}

uint64_t dispatch_invocations(const Dispatch *dispatch)
{
    return outcomes_invocations(dispatch->outcomes);
}
