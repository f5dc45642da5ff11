/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that wait for a busy worker. Whatever happens to the worker's job, the waiting jobs are not
 * affected, and each ends in exactly one InvocationDone. */
#include "pool_fixture.h"

#include <stdlib.h>
#include <sys/mman.h>

#define AHEAD 3

/* Opens a pool with a worker that has done jobs short enough that other jobs may wait for it. */
static void open_warm(Fixture *fixture, const ExecutorOptions *options)
{
    open_fixture(fixture, options);
    (void)run_well(fixture);
}

static ExecutorOptions one_worker(void)
{
    ExecutorOptions options = make_options();

    options.concurrency = 1;
    options.ahead = AHEAD;
    return options;
}

/* Submits a job, which waits because all workers are busy. */
static void submit_waiting(Fixture *fixture, Job *job, const char *command)
{
    submit(fixture, job, command);
    release(job);
    g_assert_cmpuint(job->calls, ==, 0);
}

/* Submits a job again that was handed back. */
static void submit_again(Fixture *fixture, Job *job, const char *command)
{
    g_assert_true(job->handed_back);
    wait_for_room(fixture);
    submit(fixture, job, command);
    release(job);
}

/* The same worker runs the jobs in their order, and no more of them wait than may. */
static void test_in_order(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job jobs[1 + AHEAD];

    open_warm(&fixture, &options);
    submit(&fixture, &jobs[0], "ok");
    pid_t pid = worker_of(&jobs[0]);
    for (size_t i = 1; i < G_N_ELEMENTS(jobs); i++)
        submit_waiting(&fixture, &jobs[i], i == 2 ? "error 1" : "ok");
    g_assert_false(executor_has_room(fixture.pool));
    g_assert_cmpint(executor_busy(fixture.pool), ==, G_N_ELEMENTS(jobs));

    release(&jobs[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        wait_for(&jobs[i]);
        g_assert_cmpint(jobs[i].result.error, ==, i == 2 ? ERROR_NOT_AN_IMAGE : ERROR_NONE);
        g_assert_cmpint(jobs[i].result.facts.width, ==, pid);
        g_assert_cmpint(jobs[i].usage.duration_us, >, 0);
        g_assert_cmpint(jobs[i].usage.init_us, ==, 0);
    }
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    g_assert_cmpint(run_well(&fixture), ==, pid);
    close_fixture(&fixture);
}

/* No job waits while a worker is free or can be started. */
static void test_workers_first(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job jobs[4];

    options.concurrency = 2;
    open_fixture(&fixture, &options);
    /* In the second round the workers exist. */
    for (int round = 0; round < 2; round++) {
        submit(&fixture, &jobs[0], "ok");
        submit(&fixture, &jobs[1], "ok");
        g_assert_cmpint(worker_of(&jobs[0]), !=, worker_of(&jobs[1]));
        for (size_t i = 0; round == 0 && i < 2; i++) {
            release(&jobs[i]);
            wait_for(&jobs[i]);
        }
    }
    submit_waiting(&fixture, &jobs[2], "ok");
    submit_waiting(&fixture, &jobs[3], "ok");
    release(&jobs[1]);
    wait_for(&jobs[1]);
    release(&jobs[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        if (i != 1)
            wait_for(&jobs[i]);
        g_assert_cmpint(jobs[i].result.error, ==, ERROR_NONE);
    }
    /* One job waits for each worker. */
    g_assert_cmpint(jobs[2].result.facts.width, !=, jobs[3].result.facts.width);
    close_fixture(&fixture);
}

/* The clocks of a waiting job start when the job begins. */
static void test_own_clocks(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job first, second;

    open_warm(&fixture, &options);
    submit(&fixture, &first, "ok");
    (void)worker_of(&first);
    submit_waiting(&fixture, &second, "ok");
    int64_t until_us = clock_monotonic_us() + SHORT_US;
    while (clock_monotonic_us() < until_us)
        g_main_context_iteration(NULL, FALSE);
    int64_t from_us = clock_monotonic_us();
    release(&first);
    wait_for(&first);
    wait_for(&second);
    g_assert_cmpint(first.usage.duration_us, >=, SHORT_US);
    g_assert_cmpint(second.usage.duration_us, <=, clock_monotonic_us() - from_us);
    close_fixture(&fixture);
}

/* No job waits for a worker that will be replaced before its turn. */
static void test_max_invocations(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job jobs[2];

    options.max_invocations = 3;
    open_warm(&fixture, &options);
    submit(&fixture, &jobs[0], "ok");
    submit_waiting(&fixture, &jobs[1], "ok");
    g_assert_false(executor_has_room(fixture.pool));
    release(&jobs[0]);
    wait_for(&jobs[0]);
    wait_for(&jobs[1]);
    g_assert_cmpint(jobs[1].result.facts.width, ==, jobs[0].result.facts.width);
    g_assert_cmpint(run_well(&fixture), !=, jobs[0].result.facts.width);
    close_fixture(&fixture);
}

typedef struct {
    const char *name;
    const char *command;
    /* Error of the job that the worker ran. */
    ErrorCode error;
    /* This job is handed back, too, because the culprit is unknown. */
    bool handed_back;
} EndCase;

static const EndCase ends[] = {
    {"segfault", "signal 11", ERROR_HANDLER_CRASHED, false},
    {"killed", "signal 9", ERROR_HANDLER_CRASHED, false},
    {"sandbox", "signal 31", ERROR_SANDBOX_VIOLATION, false},
    {"memory", "exit 71", ERROR_OUT_OF_MEMORY, false},
    {"garbage", "garbage", ERROR_HANDLER_CRASHED, false},
    {"wrong-serial", "wrong-serial", ERROR_HANDLER_CRASHED, false},
    {"damaged", "damaged", ERROR_NONE, false},
    {"does-not-decode", "error 3", ERROR_DAMAGED, false},
    {"violation", "violation", ERROR_SANDBOX_VIOLATION, true},
};

static void test_end(const void *data)
{
    const EndCase *row = data;
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job first, others[2];

    open_warm(&fixture, &options);
    submit(&fixture, &first, row->command);
    pid_t pid = worker_of(&first);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        submit_waiting(&fixture, &others[i], "ok");
    release(&first);
    wait_for(&first);
    g_assert_cmpint(first.handed_back, ==, row->handed_back);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        wait_for(&others[i]);

    /* If the job runs alone, its error is exact. */
    if (row->handed_back) {
        submit_again(&fixture, &first, row->command);
        g_assert_false(executor_has_room(fixture.pool));
        wait_for(&first);
    }
    g_assert_false(first.handed_back);
    g_assert_cmpint(first.result.error, ==, row->error);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        submit_again(&fixture, &others[i], "ok");
        wait_for(&others[i]);
        g_assert_cmpint(others[i].result.error, ==, ERROR_NONE);
        g_assert_cmpint(others[i].result.facts.width, !=, pid);
    }
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* Only the worker's job took too long, not the jobs that waited as long. */
static void test_timeout(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job first, second;

    options.timeout_us = 20 * SHORT_US;
    open_warm(&fixture, &options);
    submit(&fixture, &first, "ok");
    submit_waiting(&fixture, &second, "ok");
    wait_for(&first);
    g_assert_cmpint(first.result.error, ==, ERROR_TIMEOUT);
    wait_for(&second);
    submit_again(&fixture, &second, "ok");
    wait_for(&second);
    g_assert_cmpint(second.result.error, ==, ERROR_NONE);
    close_fixture(&fixture);
}

/* The worker answers the first of two jobs, and dies at the second. */
static void test_second_dies(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job jobs[3];

    open_warm(&fixture, &options);
    submit(&fixture, &jobs[0], "ok");
    submit_waiting(&fixture, &jobs[1], "signal 11");
    submit_waiting(&fixture, &jobs[2], "ok");
    release(&jobs[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++)
        wait_for(&jobs[i]);
    g_assert_cmpint(jobs[0].result.error, ==, ERROR_NONE);
    g_assert_false(jobs[1].handed_back);
    g_assert_cmpint(jobs[1].result.error, ==, ERROR_HANDLER_CRASHED);
    g_assert_true(jobs[2].handed_back);
    close_fixture(&fixture);
}

/*
 * The worker has answered, and dies of the job's remains. Another worker does the next job.
 */
static void test_first_harms(void)
{
    static const char command[] = "ok";
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job first, second;

    open_warm(&fixture, &options);
    submit(&fixture, &first, "ok-signal 11");
    pid_t pid = worker_of(&first);
    autofd source = memfd_create("source", MFD_CLOEXEC);
    g_assert_cmpint(pwrite(source, command, strlen(command), 0), ==, strlen(command));
    second =
        (Job){.fixture = &fixture, .source = -1, .theirs = -1, .file = -1, .order = first.order};
    second.serial = second.order.wire.serial = ++fixture.serial;
    const Invocation work = {.serial = second.order.wire.serial,
                             .kind = &thumbnail_kind,
                             .order = &second.order,
                             .source_fd = source,
                             .group = ""};
    executor_submit(fixture.pool, &work, on_done, &second);
    release(&first);
    wait_for(&first);
    wait_for(&second);
    g_assert_cmpint(first.result.error, ==, ERROR_NONE);
    g_assert_false(second.handed_back);
    g_assert_cmpint(second.result.error, ==, ERROR_NONE);
    g_assert_cmpint(second.result.facts.width, !=, pid);
    close_fixture(&fixture);
}

/* A job does not wait for a worker that is busy for long. The worker's answer to it is ignored. */
static void test_patience(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job slow, waiting;

    options.patience_us = 40 * SHORT_US;
    open_warm(&fixture, &options);
    submit(&fixture, &slow, "ok");
    /* On a slow machine this takes until the jobs count as short. */
    while (!executor_has_room(fixture.pool)) {
        release(&slow);
        wait_for(&slow);
        submit(&fixture, &slow, "ok");
    }
    pid_t pid = worker_of(&slow);
    submit_waiting(&fixture, &waiting, "ok");
    while (waiting.calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(waiting.handed_back);
    g_assert_cmpuint(slow.calls, ==, 0);
    g_assert_false(executor_has_room(fixture.pool));
    g_assert_cmpint(executor_busy(fixture.pool), ==, 1);

    release(&slow);
    wait_for(&slow);
    g_assert_cmpint(slow.result.error, ==, ERROR_NONE);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    /* Without this the idle worker would go unnoticed. */
    while (fixture.rooms == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), ==, pid);
    /* The worker has done the job nevertheless. */
    g_assert_cmpint(worker_of(&waiting), ==, pid);
    g_assert_cmpuint(waiting.calls, ==, 1);
    forget(&waiting);
    close_fixture(&fixture);
}

static const char *const storm[] = {"ok",      "error 1", "ok",        "signal 11", "ok",
                                    "damaged", "ok",      "unchanged", "exit 1",    "ok",
                                    "garbage", "ok",      "error 3",   "ok"};

static ErrorCode expected(const char *command)
{
    if (g_str_has_prefix(command, "ok") || g_str_equal(command, "damaged") ||
        g_str_equal(command, "unchanged"))
        return ERROR_NONE;
    if (g_str_has_prefix(command, "error"))
        return (ErrorCode)atoi(command + strlen("error "));
    return ERROR_HANDLER_CRASHED;
}

static bool is_under_way(const Job *job)
{
    return job->fixture && job->calls == 0;
}

static bool is_answered(const Job *job)
{
    return job->fixture && job->calls == 1 && !job->handed_back;
}

/* Finds the first job that is neither running nor answered; else the first that runs; else NULL. */
static Job *next_of(Job *jobs, size_t n)
{
    Job *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (is_answered(&jobs[i]))
            continue;
        if (!is_under_way(&jobs[i]))
            return &jobs[i];
        found = found ? found : &jobs[i];
    }
    return found;
}

/* Runs hundreds of jobs of all kinds; each is submitted until it has an answer of its own. */
static void test_storm(void)
{
    enum { N = 300 };
    ExecutorOptions options = one_worker();
    g_autofree Job *jobs = g_new0(Job, N);
    unsigned handed_back = 0;
    Fixture fixture;
    Job *job;

    options.concurrency = 3;
    options.max_invocations = 17;
    open_warm(&fixture, &options);
    while ((job = next_of(jobs, N))) {
        if (is_under_way(job) || !executor_has_room(fixture.pool)) {
            g_main_context_iteration(NULL, TRUE);
            continue;
        }
        if (job->handed_back) {
            handed_back++;
            forget(job);
        }
        submit(&fixture, job, storm[(size_t)(job - jobs) % G_N_ELEMENTS(storm)]);
        release(job);
    }
    for (size_t i = 0; i < N; i++) {
        g_assert_cmpint(jobs[i].result.error, ==, expected(storm[i % G_N_ELEMENTS(storm)]));
        forget(&jobs[i]);
    }
    g_assert_cmpuint(handed_back, >, 0);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* The pool is freed while jobs wait: they are forgotten, like the running ones. */
static void test_free(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    Job jobs[3];

    open_warm(&fixture, &options);
    submit(&fixture, &jobs[0], "ok");
    submit_waiting(&fixture, &jobs[1], "ok");
    submit_waiting(&fixture, &jobs[2], "ok");
    close_fixture(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_cmpuint(jobs[i].calls, ==, 0);
        forget(&jobs[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool-ahead/in-order", test_in_order);
    g_test_add_func("/pool-ahead/workers-first", test_workers_first);
    g_test_add_func("/pool-ahead/own-clocks", test_own_clocks);
    g_test_add_func("/pool-ahead/max-invocations", test_max_invocations);
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("/pool-ahead/end/%s", ends[i].name);
        g_test_add_data_func(path, &ends[i], test_end);
    }
    g_test_add_func("/pool-ahead/timeout", test_timeout);
    g_test_add_func("/pool-ahead/second-dies", test_second_dies);
    g_test_add_func("/pool-ahead/first-harms", test_first_harms);
    g_test_add_func("/pool-ahead/patience", test_patience);
    g_test_add_func("/pool-ahead/storm", test_storm);
    g_test_add_func("/pool-ahead/free", test_free);
    return g_test_run();
}
