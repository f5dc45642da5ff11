/* SPDX-License-Identifier: Apache-2.0 */
/* Without a descriptor for a memory file, a job is not begun, and its object is not blamed. */
#include "pool_fixture.h"
#include "shortage_fixture.h"

static pid_t run_by_memory(Fixture *fixture)
{
    Job job;

    run(fixture, &job, "memory 0");
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    return job.result.facts.width;
}

static void check_short(Fixture *fixture)
{
    Shortage shortage;
    Job job;

    /* These two are for the job's source. */
    begin_shortage(&shortage, 2);
    submit(fixture, &job, "memory 0");
    release(&job);
    wait_for(&job);
    end_shortage(&shortage);
    g_assert_false(job.handed_back);
    g_assert_cmpint(job.result.error, ==, ERROR_SHORTAGE);
    g_assert_cmpstr(job.result.message, ==,
                    "cannot make a memory file for 'thumbnails': too many open files");
    g_assert_cmpint(executor_busy(fixture->pool), ==, 0);
}

/* The worker is not affected, and does the next job. */
static void test_idle_worker(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t pid = run_by_memory(&fixture);
    check_short(&fixture);
    g_assert_cmpint(run_by_memory(&fixture), ==, pid);
    close_fixture(&fixture);
}

static void test_no_worker(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    check_short(&fixture);
    g_assert_cmpint(pool_failures(fixture.pool), ==, 0);
    (void)run_by_memory(&fixture);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool-shortage/idle-worker", test_idle_worker);
    g_test_add_func("/pool-shortage/no-worker", test_no_worker);
    return g_test_run();
}
