/* SPDX-License-Identifier: Apache-2.0 */
/* Invocations that wait for a busy worker. Whatever happens to the worker's invocation, the waiting
 * invocations are not affected, and each ends in exactly one InvocationDone. */
#include "pool_fixture.h"

#include <stdlib.h>
#include <sys/mman.h>

#define AHEAD 3

/* Opens a pool with a worker that has done invocations short enough that other invocations may wait
 * for it. */
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

/* Submits an invocation, which waits because all workers are busy. */
static void submit_waiting(Fixture *fixture, TestInvocation *invocation, const char *command)
{
    submit(fixture, invocation, command);
    release(invocation);
    g_assert_cmpuint(invocation->calls, ==, 0);
}

/* Submits an invocation again that was handed back. */
static void submit_again(Fixture *fixture, TestInvocation *invocation, const char *command)
{
    g_assert_true(invocation->handed_back);
    wait_for_room(fixture);
    submit(fixture, invocation, command);
    release(invocation);
}

/* The same worker runs the invocations in their order, and no more of them wait than may. */
static void test_in_order(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation invocations[1 + AHEAD];

    open_warm(&fixture, &options);
    submit(&fixture, &invocations[0], "ok");
    pid_t pid = worker_of(&invocations[0]);
    for (size_t i = 1; i < G_N_ELEMENTS(invocations); i++)
        submit_waiting(&fixture, &invocations[i], i == 2 ? "error 1" : "ok");
    g_assert_false(executor_has_room(fixture.pool));
    g_assert_cmpint(executor_busy(fixture.pool), ==, G_N_ELEMENTS(invocations));

    release(&invocations[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, i == 2 ? ERROR_NOT_AN_IMAGE : ERROR_NONE);
        g_assert_cmpint(invocations[i].result.facts.width, ==, pid);
        g_assert_cmpint(invocations[i].usage.duration_us, >, 0);
        g_assert_cmpint(invocations[i].usage.init_us, ==, 0);
    }
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    g_assert_cmpint(run_well(&fixture), ==, pid);
    close_fixture(&fixture);
}

/* No invocation waits while a worker is free or can be started. */
static void test_workers_first(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation invocations[4];

    options.concurrency = 2;
    open_fixture(&fixture, &options);
    /* In the second round the workers exist. */
    for (int round = 0; round < 2; round++) {
        submit(&fixture, &invocations[0], "ok");
        submit(&fixture, &invocations[1], "ok");
        g_assert_cmpint(worker_of(&invocations[0]), !=, worker_of(&invocations[1]));
        for (size_t i = 0; round == 0 && i < 2; i++) {
            release(&invocations[i]);
            wait_for(&invocations[i]);
        }
    }
    submit_waiting(&fixture, &invocations[2], "ok");
    submit_waiting(&fixture, &invocations[3], "ok");
    release(&invocations[1]);
    wait_for(&invocations[1]);
    release(&invocations[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        if (i != 1)
            wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, ERROR_NONE);
    }
    /* One invocation waits for each worker. */
    g_assert_cmpint(invocations[2].result.facts.width, !=, invocations[3].result.facts.width);
    close_fixture(&fixture);
}

/* The clocks of a waiting invocation start when the invocation begins. */
static void test_own_clocks(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation first, second;

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

/* No invocation waits for a worker that will be replaced before its turn. */
static void test_max_invocations(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation invocations[2];

    options.max_invocations = 3;
    open_warm(&fixture, &options);
    submit(&fixture, &invocations[0], "ok");
    submit_waiting(&fixture, &invocations[1], "ok");
    g_assert_false(executor_has_room(fixture.pool));
    release(&invocations[0]);
    wait_for(&invocations[0]);
    wait_for(&invocations[1]);
    g_assert_cmpint(invocations[1].result.facts.width, ==, invocations[0].result.facts.width);
    g_assert_cmpint(run_well(&fixture), !=, invocations[0].result.facts.width);
    close_fixture(&fixture);
}

typedef struct {
    const char *name;
    const char *command;
    /* Error of the invocation that the worker ran. */
    ErrorCode error;
    /* This invocation is handed back, too, because the culprit is unknown. */
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
    TestInvocation first, others[2];

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

    /* If the invocation runs alone, its error is exact. */
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

/* Only the worker's invocation took too long, not the invocations that waited as long. */
static void test_timeout(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation first, second;

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

/* The worker answers the first of two invocations, and dies at the second. */
static void test_second_dies(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation invocations[3];

    open_warm(&fixture, &options);
    submit(&fixture, &invocations[0], "ok");
    submit_waiting(&fixture, &invocations[1], "signal 11");
    submit_waiting(&fixture, &invocations[2], "ok");
    release(&invocations[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++)
        wait_for(&invocations[i]);
    g_assert_cmpint(invocations[0].result.error, ==, ERROR_NONE);
    g_assert_false(invocations[1].handed_back);
    g_assert_cmpint(invocations[1].result.error, ==, ERROR_HANDLER_CRASHED);
    g_assert_true(invocations[2].handed_back);
    close_fixture(&fixture);
}

/*
 * The worker has answered, and dies of the invocation's remains. Another worker does the next
 * invocation.
 */
static void test_first_harms(void)
{
    static const char command[] = "ok";
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation first, second;

    open_warm(&fixture, &options);
    submit(&fixture, &first, "ok-signal 11");
    pid_t pid = worker_of(&first);
    autofd source = memfd_create("source", MFD_CLOEXEC);
    g_assert_cmpint(pwrite(source, command, strlen(command), 0), ==, strlen(command));
    second = (TestInvocation){
        .fixture = &fixture, .source = -1, .theirs = -1, .file = -1, .order = first.order};
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

/* An invocation does not wait for a worker that is busy for long. The worker's answer to it is
 * ignored. */
static void test_patience(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation slow, waiting;

    options.patience_us = 40 * SHORT_US;
    open_warm(&fixture, &options);
    submit(&fixture, &slow, "ok");
    /* On a slow machine this takes until the invocations count as short. */
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
    /* The worker has done the invocation nevertheless. */
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

static bool is_under_way(const TestInvocation *invocation)
{
    return invocation->fixture && invocation->calls == 0;
}

static bool is_answered(const TestInvocation *invocation)
{
    return invocation->fixture && invocation->calls == 1 && !invocation->handed_back;
}

/* Finds the first invocation that is neither running nor answered; else the first that runs; else
 * NULL. */
static TestInvocation *next_of(TestInvocation *invocations, size_t n)
{
    TestInvocation *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (is_answered(&invocations[i]))
            continue;
        if (!is_under_way(&invocations[i]))
            return &invocations[i];
        found = found ? found : &invocations[i];
    }
    return found;
}

/* Runs hundreds of invocations of all kinds; each is submitted until it has an answer of its own.
 */
static void test_storm(void)
{
    enum { N = 300 };
    ExecutorOptions options = one_worker();
    g_autofree TestInvocation *invocations = g_new0(TestInvocation, N);
    unsigned handed_back = 0;
    Fixture fixture;
    TestInvocation *invocation;

    options.concurrency = 3;
    options.max_invocations = 17;
    open_warm(&fixture, &options);
    while ((invocation = next_of(invocations, N))) {
        if (is_under_way(invocation) || !executor_has_room(fixture.pool)) {
            g_main_context_iteration(NULL, TRUE);
            continue;
        }
        if (invocation->handed_back) {
            handed_back++;
            forget(invocation);
        }
        submit(&fixture, invocation,
               storm[(size_t)(invocation - invocations) % G_N_ELEMENTS(storm)]);
        release(invocation);
    }
    for (size_t i = 0; i < N; i++) {
        g_assert_cmpint(invocations[i].result.error, ==, expected(storm[i % G_N_ELEMENTS(storm)]));
        forget(&invocations[i]);
    }
    g_assert_cmpuint(handed_back, >, 0);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* The pool is freed while invocations wait: they are forgotten, like the running ones. */
static void test_free(void)
{
    ExecutorOptions options = one_worker();
    Fixture fixture;
    TestInvocation invocations[3];

    open_warm(&fixture, &options);
    submit(&fixture, &invocations[0], "ok");
    submit_waiting(&fixture, &invocations[1], "ok");
    submit_waiting(&fixture, &invocations[2], "ok");
    close_fixture(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        g_assert_cmpuint(invocations[i].calls, ==, 0);
        forget(&invocations[i]);
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
