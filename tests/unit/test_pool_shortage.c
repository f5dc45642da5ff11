/* SPDX-License-Identifier: Apache-2.0 */
/* Without a descriptor for a memory file a job is not begun, and the object is not to blame. */
#include "pool_fixture.h"

#include <sys/resource.h>

#define DESCRIPTORS_MAX 256

typedef struct {
    struct rlimit before;
    int fds[DESCRIPTORS_MAX];
    int n;
} Shortage;

/* Leaves `left` descriptors. */
static void begin_shortage(Shortage *shortage, int left)
{
    int fd;

    shortage->n = 0;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &shortage->before), ==, 0);
    const struct rlimit few = {DESCRIPTORS_MAX, shortage->before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        shortage->fds[shortage->n++] = fd;
    g_assert_cmpint(errno, ==, EMFILE);
    while (left-- > 0)
        fd_clear(&shortage->fds[--shortage->n]);
}

static void end_shortage(Shortage *shortage)
{
    while (shortage->n > 0)
        fd_clear(&shortage->fds[--shortage->n]);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &shortage->before), ==, 0);
}

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

    begin_shortage(&shortage, 2); /* those of the job's source */
    submit(fixture, &job, "memory 0");
    release(&job);
    wait_for(&job);
    end_shortage(&shortage);
    g_assert_false(job.handed_back);
    g_assert_cmpint(job.result.error, ==, ERROR_SHORTAGE);
    g_assert_cmpstr(job.result.message, ==,
                    "cannot make a memory file for 'thumbnails': too many open files");
    g_assert_cmpint(pool_busy(fixture->pool), ==, 0);
}

/* The worker is none the worse, and does the next job. */
static void test_idle_worker(void)
{
    PoolOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t pid = run_by_memory(&fixture);
    check_short(&fixture);
    g_assert_cmpint(run_by_memory(&fixture), ==, pid);
    close_fixture(&fixture);
}

static void test_no_worker(void)
{
    PoolOptions options = make_options();
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
