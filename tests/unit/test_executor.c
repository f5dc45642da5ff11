/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of every executor, tested with the null executor and with the pool: each invocation
 * has exactly one end, never within its submit, and cancel hands invocations back. */
#include "handlers/null_executor.h"
#include "pool/pool_private.h"
#include "pool_fixture.h"

typedef struct {
    unsigned calls, answered;
    ErrorCode error;
    /* The end of the invocation submits `next` here; NULL: it does not. */
    Executor *executor;
    Invocation next;
} Caller;

static void count(const Answer *answer, const InvocationUsage *usage, void *data)
{
    Caller *caller = data;

    g_assert_nonnull(usage);
    caller->calls++;
    caller->answered += answer != NULL;
    if (answer)
        caller->error = answer->error;
    if (!caller->executor)
        return;
    unsigned calls = caller->calls;
    Executor *executor = g_steal_pointer(&caller->executor);
    g_assert_true(executor_has_room(executor));
    executor_submit(executor, &caller->next, count, caller);
    g_assert_cmpuint(caller->calls, ==, calls);
}

/* Even serials are damaged; those that 3 divides are handed back. */
static bool answer_by_serial(const Invocation *invocation, Answer *ret_answer, void *data)
{
    g_assert_cmpint(*(int *)data, ==, 17);
    if (invocation->serial % 3 == 0)
        return false;
    if (invocation->serial % 2 == 0)
        ret_answer->error = ERROR_DAMAGED;
    return true;
}

static int of_answers = 17;

static void wait_until_idle(const Executor *executor)
{
    while (executor_busy(executor) > 0)
        g_main_context_iteration(NULL, TRUE);
}

static void test_null(void)
{
    const ExecutorOptions options = {.concurrency = 7};
    Executor *executor = null_executor_new(&options, answer_by_serial, &of_answers);
    Caller callers[7] = {0};

    for (uint64_t i = 0; i < 7; i++) {
        const Invocation invocation = {.serial = i + 1};
        g_assert_true(executor_has_room(executor));
        executor_submit(executor, &invocation, count, &callers[i]);
        g_assert_cmpuint(callers[i].calls, ==, 0);
    }
    g_assert_false(executor_has_room(executor));
    g_assert_cmpint(executor_busy(executor), ==, 7);
    wait_until_idle(executor);
    for (unsigned i = 0; i < 7; i++) {
        unsigned serial = i + 1;
        g_assert_cmpuint(callers[i].calls, ==, 1);
        g_assert_cmpuint(callers[i].answered, ==, serial % 3 != 0);
        if (serial % 3 != 0)
            g_assert_cmpint(callers[i].error, ==, serial % 2 == 0 ? ERROR_DAMAGED : ERROR_NONE);
    }
    executor_free(executor);
}

/* The end of an invocation may submit the next one. The loop serves other sources in between. */
static void test_null_again(void)
{
    const ExecutorOptions options = {.concurrency = 1};
    Executor *executor = null_executor_new(&options, answer_by_serial, &of_answers);
    const Invocation invocation = {.serial = 1};
    Caller caller = {.executor = executor, .next = {.serial = 5}};

    executor_submit(executor, &invocation, count, &caller);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(caller.calls, ==, 1);
    g_assert_cmpint(executor_busy(executor), ==, 1);
    wait_until_idle(executor);
    g_assert_cmpuint(caller.calls, ==, 2);
    executor_free(executor);
}

static void test_null_cancel(void)
{
    const ExecutorOptions options = {.concurrency = 2};
    Executor *executor = null_executor_new(&options, answer_by_serial, &of_answers);
    const Invocation first = {.serial = 1}, second = {.serial = 2};
    Caller callers[2] = {0};

    executor_submit(executor, &first, count, &callers[0]);
    executor_submit(executor, &second, count, &callers[1]);
    g_assert_false(executor_cancel(executor, 3));
    g_assert_true(executor_cancel(executor, 1));
    g_assert_cmpuint(callers[0].calls, ==, 1);
    g_assert_cmpuint(callers[0].answered, ==, 0);
    g_assert_false(executor_cancel(executor, 1));
    wait_until_idle(executor);
    g_assert_cmpuint(callers[0].calls, ==, 1);
    g_assert_cmpuint(callers[1].answered, ==, 1);
    /* Invocations that are running when the executor is freed have no end. */
    executor_submit(executor, &first, count, &callers[0]);
    executor_free(executor);
    g_assert_cmpuint(callers[0].calls, ==, 1);
    executor_free(NULL);
}

static void cancel_invocation(const Fixture *fixture, TestInvocation *invocation)
{
    g_assert_true(executor_cancel(fixture->pool, invocation->serial));
    g_assert_cmpuint(invocation->calls, ==, 1);
    g_assert_true(invocation->handed_back);
    g_assert_false(executor_cancel(fixture->pool, invocation->serial));
}

/* An invocation is handed back at once if a worker runs it, has been asked for, or cannot be
 * started. */
static void test_pool_cancel_first(void)
{
    for (int i = 0; i < 3; i++) {
        ExecutorOptions options = make_options();
        Fixture fixture;
        TestInvocation invocation;

        options.concurrency = 1;
        if (i == 2)
            options.program = "/no/such/program";
        open_fixture(&fixture, &options);
        submit(&fixture, &invocation, "ok");
        if (i == 0)
            (void)worker_of(&invocation);
        g_assert_false(executor_cancel(fixture.pool, invocation.serial + 1));
        cancel_invocation(&fixture, &invocation);
        g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
        release(&invocation);
        wait_for(&invocation);
        if (i < 2) {
            wait_for_room(&fixture);
            (void)run_well(&fixture);
        }
        close_fixture(&fixture);
    }
}

/* An invocation that waits behind the cancelled one is handed back, too, when the worker ends. The
 * invocation before is not disturbed. */
static void test_pool_cancel_waiting(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[3];

    options.concurrency = 1;
    options.ahead = 7;
    open_fixture(&fixture, &options);
    (void)run_well(&fixture);
    submit(&fixture, &invocations[0], "ok");
    fixture.ignores_room = true;
    submit(&fixture, &invocations[1], "ok");
    submit(&fixture, &invocations[2], "ok");
    g_assert_cmpint(executor_busy(fixture.pool), ==, 3);
    cancel_invocation(&fixture, &invocations[1]);
    release(&invocations[1]);
    release(&invocations[2]);
    release(&invocations[0]);
    wait_for(&invocations[0]);
    g_assert_false(invocations[0].handed_back);
    wait_for(&invocations[2]);
    wait_for(&invocations[1]);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* An invocation whose answer is held until its worker is reaped: the answer does not count any
 * more. */
static void test_pool_cancel_held(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.concurrency = 1;
    open_fixture(&fixture, &options);
    const Pool *pool = (const Pool *)fixture.pool;
    submit_to(&fixture, &invocation, "write-on", "", true);
    (void)worker_of(&invocation);
    release(&invocation);
    while (!((const Worker *)g_ptr_array_index(pool->workers, 0))->held)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(invocation.calls, ==, 0);
    cancel_invocation(&fixture, &invocation);
    while (pool->workers->len > 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(invocation.calls, ==, 1);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    g_assert_true(invocation.handed_back);
    forget(&invocation);
    g_assert_cmpint(run_well(&fixture), >, 0);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/executor/null/each-ends-once", test_null);
    g_test_add_func("/executor/null/submit-at-an-end", test_null_again);
    g_test_add_func("/executor/null/cancel", test_null_cancel);
    g_test_add_func("/executor/pool/cancel-held", test_pool_cancel_held);
    g_test_add_func("/executor/pool/cancel-first", test_pool_cancel_first);
    g_test_add_func("/executor/pool/cancel-waiting", test_pool_cancel_waiting);
    return g_test_run();
}
