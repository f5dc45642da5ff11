/* SPDX-License-Identifier: Apache-2.0 */
/* Workers belong to one group of jobs: who is served by whom, and that nobody waits for ever. */
#include "pool_fixture.h"

#include <signal.h>

#define AHEAD 3

static PoolOptions options_of(int concurrency)
{
    PoolOptions options = make_options();

    options.concurrency = concurrency;
    options.ahead = AHEAD;
    return options;
}

/* Runs a job of `group` to its end. Returns the worker that did it. */
static pid_t run_in(Fixture *fixture, const char *group)
{
    Job job;

    submit_to(fixture, &job, "ok", group, false);
    release(&job);
    wait_for(&job);
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    return job.result.facts.width;
}

static void end_job(Job *job)
{
    release(job);
    wait_for(job);
    g_assert_cmpint(job->result.error, ==, ERROR_NONE);
}

/* Each group keeps its worker, as long as there is room for all. */
static void test_own_workers(void)
{
    PoolOptions options = options_of(2);
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    pid_t b = run_in(&fixture, "b");
    g_assert_cmpint(a, !=, b);
    g_assert_cmpint(run_in(&fixture, "a"), ==, a);
    g_assert_cmpint(run_in(&fixture, "b"), ==, b);
    close_fixture(&fixture);
}

/* There is no room for a third group: the worker that has been idle longest makes place. */
static void test_makes_room(void)
{
    PoolOptions options = options_of(2);
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

/* The only worker is at a job of another group: no descriptor goes to it. */
static void test_waits_for_no_other(void)
{
    PoolOptions options = options_of(1);
    Fixture fixture;
    Job first, same, other;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    g_assert_cmpint(worker_of(&first), ==, a);
    submit_to(&fixture, &same, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    g_assert_cmpint(pool_busy(fixture.pool), ==, 3);
    release(&other);
    end_job(&first);
    g_assert_cmpuint(other.calls, ==, 0);
    end_job(&same);
    g_assert_cmpint(same.result.facts.width, ==, a);
    wait_for(&other);
    g_assert_cmpint(other.result.error, ==, ERROR_NONE);
    g_assert_cmpint(other.result.facts.width, !=, a);
    close_fixture(&fixture);
}

/* Of two that wait, the one whose group has a worker comes first: it costs no new process. */
static void test_prefers_workers_that_are_there(void)
{
    PoolOptions options = options_of(1);
    Fixture fixture;
    Job first, other, same;

    open_fixture(&fixture, &options);
    pid_t a = run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    submit_to(&fixture, &same, "ok", "a", false);
    release(&other);
    release(&first);
    end_job(&same);
    g_assert_cmpint(same.result.facts.width, ==, a);
    wait_for(&first);
    wait_for(&other);
    g_assert_cmpint(other.result.facts.width, !=, a);
    close_fixture(&fixture);
}

/* A group whose jobs never end does not keep the job of another one waiting. */
static void test_none_starves(void)
{
    PoolOptions options = options_of(1);
    Job jobs[1 + AHEAD];
    Fixture fixture;
    Job other;

    options.patience_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i] = (Job){.calls = 1};
    submit_to(&fixture, &other, "ok", "b", false);
    release(&other);
    while (other.calls == 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
            if (jobs[i].calls > 0 && pool_has_room(fixture.pool)) {
                if (jobs[i].fixture)
                    forget(&jobs[i]);
                submit_to(&fixture, &jobs[i], "ok", "a", false);
                release(&jobs[i]);
            }
        }
        g_main_context_iteration(NULL, TRUE);
    }
    wait_for(&other);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        if (jobs[i].fixture)
            wait_for(&jobs[i]);
    }
    close_fixture(&fixture);
}

/* Many small groups: all are served, in turn, by no more processes than there may be. */
static void test_many_groups(void)
{
    enum { N = 120, GROUPS = 40 };
    PoolOptions options = options_of(3);
    g_autofree Job *jobs = g_new0(Job, N);
    pid_t worker_of_group[GROUPS] = {0};
    Fixture fixture;

    open_fixture(&fixture, &options);
    for (size_t i = 0; i < N; i++) {
        g_autofree char *group = g_strdup_printf("group %zu", i % GROUPS);
        while (!pool_has_room(fixture.pool))
            g_main_context_iteration(NULL, TRUE);
        submit_to(&fixture, &jobs[i], "ok", g_intern_string(group), false);
        release(&jobs[i]);
    }
    for (size_t i = 0; i < N; i++) {
        wait_for(&jobs[i]);
        g_assert_cmpint(jobs[i].result.error, ==, ERROR_NONE);
        for (size_t other = 0; other < GROUPS; other++)
            g_assert_true(other == i % GROUPS ||
                          worker_of_group[other] != jobs[i].result.facts.width);
        worker_of_group[i % GROUPS] = jobs[i].result.facts.width;
    }
    g_assert_cmpint(pool_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* There is room behind a worker's job, which takes long just then: what is submitted waits. */
static void test_room_that_passes(void)
{
    PoolOptions options = options_of(1);
    Fixture fixture;
    Job first, late;

    options.patience_us = 10 * SHORT_US;
    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    (void)worker_of(&first);
    fixture.ignores_room = true;
    int64_t until_us = clock_monotonic_us() + options.patience_us;
    while (clock_monotonic_us() <= until_us)
        ; /* the loop does not run: a caller that has asked, and is slow */
    g_assert_false(pool_has_room(fixture.pool));
    submit_to(&fixture, &late, "ok", "a", false);
    g_assert_cmpint(pool_busy(fixture.pool), ==, 2);
    release(&late);
    end_job(&first);
    wait_for(&late);
    g_assert_cmpint(late.result.error, ==, ERROR_NONE);
    close_fixture(&fixture);
}

/* The pool goes while a job waits in it. */
static void test_free(void)
{
    PoolOptions options = options_of(1);
    Fixture fixture;
    Job first, other;

    open_fixture(&fixture, &options);
    (void)run_in(&fixture, "a");
    submit_to(&fixture, &first, "ok", "a", false);
    submit_to(&fixture, &other, "ok", "b", false);
    close_fixture(&fixture);
    g_assert_cmpuint(first.calls + other.calls, ==, 0);
    forget(&first);
    forget(&other);
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
    g_test_add_func("/pool-groups/free", test_free);
    return g_test_run();
}
