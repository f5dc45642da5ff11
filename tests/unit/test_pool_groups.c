/* SPDX-License-Identifier: Apache-2.0 */
/* Each worker belongs to one group of invocations: which groups are served, and that no invocation
 * waits without end. */
#include "pool_fixture.h"

#include <signal.h>

#define AHEAD 3

static ExecutorOptions options_of(int concurrency)
{
    ExecutorOptions options = make_options();

    options.concurrency = concurrency;
    options.ahead = AHEAD;
    return options;
}

/* Runs an invocation of `group` to its end. Returns the process id of its worker. */
static pid_t run_in(Fixture *fixture, const char *group)
{
    TestInvocation invocation;

    submit_to(fixture, &invocation, "ok", group, false);
    release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    return invocation.result.facts.width;
}

static void end_invocation(TestInvocation *invocation)
{
    release(invocation);
    wait_for(invocation);
    g_assert_cmpint(invocation->result.error, ==, ERROR_NONE);
}

/* Each group keeps its worker while there is room for all. */
static void test_own_workers(void)
{
    ExecutorOptions options = options_of(2);
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    pid_t b = run_in(&fixture, "b");
    g_assert_cmpint(a, !=, b);
    g_assert_cmpint(run_in(&fixture, "a"), ==, a);
    g_assert_cmpint(run_in(&fixture, "b"), ==, b);
    close_fixture(&fixture);
}

/* There is no room for a third group, so the worker that has been idle longest ends. */
static void test_makes_room(void)
{
    ExecutorOptions options = options_of(2);
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    pid_t b = run_in(&fixture, "b");
    pid_t c = run_in(&fixture, "c");
    g_assert_true(c != a && c != b);
    g_assert_cmpint(run_in(&fixture, "b"), ==, b);
    while (kill(a, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_in(&fixture, "a"), !=, a);
    close_fixture(&fixture);
}

/* The only worker runs an invocation of another group, so no descriptor is passed to it. */
static void test_waits_for_no_other(void)
{
    ExecutorOptions options = options_of(1);
    Fixture fixture;
    TestInvocation first, same, other;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    g_assert_cmpint(worker_of(&first), ==, a);
    submit_to(&fixture, &same, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 3);
    release(&other);
    end_invocation(&first);
    g_assert_cmpuint(other.calls, ==, 0);
    end_invocation(&same);
    g_assert_cmpint(same.result.facts.width, ==, a);
    wait_for(&other);
    g_assert_cmpint(other.result.error, ==, ERROR_NONE);
    g_assert_cmpint(other.result.facts.width, !=, a);
    close_fixture(&fixture);
}

/* Of two waiting invocations, the one whose group has a worker comes first, because it needs no new
 * process. */
static void test_prefers_workers_that_are_there(void)
{
    ExecutorOptions options = options_of(1);
    Fixture fixture;
    TestInvocation first, other, same;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    submit_to(&fixture, &same, "ok", "a", false);
    release(&other);
    release(&first);
    end_invocation(&same);
    g_assert_cmpint(same.result.facts.width, ==, a);
    wait_for(&first);
    wait_for(&other);
    g_assert_cmpint(other.result.facts.width, !=, a);
    close_fixture(&fixture);
}

/* A group with endless invocations does not keep the invocation of another group waiting. */
static void test_none_starves(void)
{
    ExecutorOptions options = options_of(1);
    TestInvocation invocations[1 + AHEAD];
    Fixture fixture;
    TestInvocation other;

    options.patience_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++)
        invocations[i] = (TestInvocation){.calls = 1};
    submit_to(&fixture, &other, "ok", "b", false);
    release(&other);
    while (other.calls == 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
            if (invocations[i].calls > 0 && executor_has_room(fixture.pool)) {
                if (invocations[i].fixture)
                    forget(&invocations[i]);
                submit_to(&fixture, &invocations[i], "ok", "a", false);
                release(&invocations[i]);
            }
        }
        g_main_context_iteration(NULL, TRUE);
    }
    wait_for(&other);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        if (invocations[i].fixture)
            wait_for(&invocations[i]);
    }
    close_fixture(&fixture);
}

/* All of many small groups are served in turn, by no more processes than allowed. */
static void test_many_groups(void)
{
    enum { N = 120, GROUPS = 40 };
    ExecutorOptions options = options_of(3);
    g_autofree TestInvocation *invocations = g_new0(TestInvocation, N);
    pid_t worker_of_group[GROUPS] = {0};
    Fixture fixture;

    open_fixture(&fixture, &options);
    for (size_t i = 0; i < N; i++) {
        g_autofree char *group = g_strdup_printf("group %zu", i % GROUPS);
        while (!executor_has_room(fixture.pool))
            g_main_context_iteration(NULL, TRUE);
        submit_to(&fixture, &invocations[i], "ok", g_intern_string(group), false);
        release(&invocations[i]);
    }
    for (size_t i = 0; i < N; i++) {
        wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, ERROR_NONE);
        for (size_t other = 0; other < GROUPS; other++)
            g_assert_true(other == i % GROUPS ||
                          worker_of_group[other] != invocations[i].result.facts.width);
        worker_of_group[i % GROUPS] = invocations[i].result.facts.width;
    }
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* The worker's invocation takes long after the pool has reported room, so the submitted invocation
 * waits. */
static void test_room_that_passes(void)
{
    ExecutorOptions options = options_of(1);
    Fixture fixture;
    TestInvocation first, late;

    options.patience_us = 10 * SHORT_US;
    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    (void)worker_of(&first);
    fixture.ignores_room = true;
    int64_t until_us = clock_monotonic_us() + options.patience_us;
    while (clock_monotonic_us() <= until_us)
        /* The loop does not run: this is a slow caller that has asked for room. */
        ;
    g_assert_false(executor_has_room(fixture.pool));
    submit_to(&fixture, &late, "ok", "a", false);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 2);
    release(&late);
    end_invocation(&first);
    wait_for(&late);
    g_assert_cmpint(late.result.error, ==, ERROR_NONE);
    close_fixture(&fixture);
}

/* The pool is freed while an invocation waits in it. */
static void test_free(void)
{
    ExecutorOptions options = options_of(1);
    Fixture fixture;
    TestInvocation first, other;

    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    close_fixture(&fixture);
    g_assert_cmpuint(first.calls + other.calls, ==, 0);
    forget(&first);
    forget(&other);
}

/* Runs a nice invocation as run_in does. */
static pid_t run_nice(Fixture *fixture, const char *group)
{
    TestInvocation invocation;

    submit_nice(fixture, &invocation, "ok", group, false, 10);
    end_invocation(&invocation);
    return invocation.result.facts.width;
}

/* The nice invocation that began last is handed back, and no other one before an invocation has
 * ended. */
static void test_nice_yields(void)
{
    ExecutorOptions options = options_of(2);
    Fixture fixture;
    TestInvocation first, second, third, upload;

    open_fixture(&fixture, &options);
    pid_t first_pid = run_nice(&fixture, "nice a");
    pid_t second_pid = run_nice(&fixture, "nice b");
    g_assert_false(pool_yield(fixture.pool));
    submit_nice(&fixture, &first, "ok", "nice a", false, 10);
    g_assert_cmpint(worker_of(&first), ==, first_pid);
    submit_nice(&fixture, &second, "ok", "nice b", false, 10);
    g_assert_cmpint(worker_of(&second), ==, second_pid);
    g_assert_true(pool_yield(fixture.pool));
    g_assert_cmpuint(first.calls, ==, 0);
    wait_for(&second);
    g_assert_true(second.handed_back);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 1);

    g_assert_true(executor_has_room(fixture.pool));
    submit_to(&fixture, &upload, "ok", "a", false);
    pid_t upload_pid = worker_of(&upload);
    g_assert_true(upload_pid != first_pid && upload_pid != second_pid);
    g_assert_false(pool_yield(fixture.pool));
    end_invocation(&upload);
    end_invocation(&first);

    submit_nice(&fixture, &third, "ok", "nice a", false, 10);
    g_assert_cmpint(worker_of(&third), ==, first_pid);
    g_assert_true(pool_yield(fixture.pool));
    wait_for(&third);
    g_assert_true(third.handed_back);
    submit_to(&fixture, &upload, "ok", "a", false);
    /* The invocation is not nice. */
    g_assert_false(pool_yield(fixture.pool));
    end_invocation(&upload);
    close_fixture(&fixture);
}

/* If room is needed, an idle nice worker ends, even if another one has been idle longer. */
static void test_nice_makes_room_first(void)
{
    ExecutorOptions options = options_of(2);
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    (void)run_nice(&fixture, "nice a");
    (void)run_in(&fixture, "b");
    g_assert_cmpint(run_in(&fixture, "a"), ==, a);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool-groups/own-workers", test_own_workers);
    g_test_add_func("/pool-groups/makes-room", test_makes_room);
    g_test_add_func("/pool-groups/waits-for-no-other", test_waits_for_no_other);
    g_test_add_func("/pool-groups/prefers-workers-that-are-there",
                    test_prefers_workers_that_are_there);
    g_test_add_func("/pool-groups/none-starves", test_none_starves);
    g_test_add_func("/pool-groups/many-groups", test_many_groups);
    g_test_add_func("/pool-groups/room-that-passes", test_room_that_passes);
    g_test_add_func("/pool-groups/nice-yields", test_nice_yields);
    g_test_add_func("/pool-groups/nice-makes-room-first", test_nice_makes_room_first);
    g_test_add_func("/pool-groups/free", test_free);
    return g_test_run();
}
