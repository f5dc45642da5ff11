/* SPDX-License-Identifier: Apache-2.0 */
/* Without a descriptor for a memory file, or with too many descriptors on their way to workers, a
 * invocation is not begun, and its object is not blamed. */
#include "pool_fixture.h"
#include "quota_fixture.h"
#include "shortage_fixture.h"

#include <signal.h>

static pid_t run_by_memory(Fixture *fixture)
{
    TestInvocation invocation;

    run(fixture, &invocation, "memory 0");
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    return invocation.result.facts.width;
}

static void check_short(Fixture *fixture)
{
    Shortage shortage;
    TestInvocation invocation;

    /* These two are for the invocation's source. */
    begin_shortage(&shortage, 2);
    submit(fixture, &invocation, "memory 0");
    release(&invocation);
    wait_for(&invocation);
    end_shortage(&shortage);
    g_assert_false(invocation.handed_back);
    g_assert_cmpint(invocation.result.error, ==, ERROR_SHORTAGE);
    g_assert_cmpstr(invocation.result.message, ==,
                    "cannot make a memory file for 'thumbnails': too many open files");
    g_assert_cmpint(executor_busy(fixture->pool), ==, 0);
}

/* The worker is not affected, and does the next invocation. */
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

/* Returns the process id of the pool's fork server. `worker` is its only worker. */
static pid_t forkserver_beside(pid_t worker)
{
    g_autofree char *children = NULL;
    pid_t found = 0;

    g_assert_true(g_file_get_contents("/proc/thread-self/children", &children, NULL, NULL));
    g_auto(GStrv) pids = g_strsplit(g_strstrip(children), " ", -1);
    for (size_t i = 0; pids[i]; i++) {
        pid_t pid = (pid_t)g_ascii_strtoll(pids[i], NULL, 10);
        if (pid != worker) {
            g_assert_cmpint(found, ==, 0);
            found = pid;
        }
    }
    g_assert_cmpint(found, >, 0);
    return found;
}

typedef struct {
    /* Group of the invocation: "" has an idle worker, another one has none. */
    const char *group;
    /* Descriptors that can still be sent. */
    int left;
    ErrorCode error;
    const char *message;
} QuotaRow;

/* The first worker's group is "". The new worker's socket is the first descriptor, the source the
 * second one. */
static const QuotaRow quota_rows[] = {
    {"", 0, ERROR_SHORTAGE, "cannot pass a file on to 'a handler process': too many references"},
    {"other", 0, ERROR_HANDLER_UNAVAILABLE, "cannot ask for a handler process: Too many ref"},
    {"other", 1, ERROR_SHORTAGE,
     "cannot pass a file on to 'a handler process': too many references"},
};

/* Runs an invocation while this user has too many descriptors on their way. */
static void check_over_quota(Fixture *fixture, const QuotaRow *row)
{
    TestInvocation invocation;
    int pair[2], received[2];
    const int fd = STDERR_FILENO;

    open_quota_pair(pair);
    open_quota_pair(received);
    for (int i = 0; i < row->left; i++)
        g_assert_cmpint(wire_try_send(received[0], "x", 1, &fd, 1), ==, WIRE_SENT);
    fill_quota(pair[0]);
    fd_clear(&received[0]);
    fd_clear(&received[1]);
    submit_to(fixture, &invocation, "ok", row->group, false);
    release(&invocation);
    wait_for(&invocation);
    fd_clear(&pair[0]);
    fd_clear(&pair[1]);
    g_assert_false(invocation.handed_back);
    g_assert_cmpint(invocation.result.error, ==, row->error);
    g_assert_true(g_str_has_prefix(invocation.result.message, row->message));
    g_assert_cmpint(executor_busy(fixture->pool), ==, 0);
}

/* The kernel takes no descriptor for a worker or for the fork server: neither of them ends. */
static void test_quota(const void *data)
{
    const QuotaRow *row = data;
    ExecutorOptions options = make_options();
    Fixture fixture;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    limit_quota();
    open_fixture(&fixture, &options);
    pid_t worker = run_well(&fixture);
    pid_t forkserver = forkserver_beside(worker);
    /* A fork server that runs would receive its descriptor before the next one is sent. */
    g_assert_cmpint(kill(forkserver, SIGSTOP), ==, 0);
    check_over_quota(&fixture, row);
    g_assert_cmpint(kill(forkserver, SIGCONT), ==, 0);
    wait_for_room(&fixture);
    g_assert_cmpint(run_well(&fixture), ==, worker);
    TestInvocation invocation;
    submit_to(&fixture, &invocation, "ok", "other", false);
    release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    g_assert_cmpint(kill(forkserver, 0), ==, 0);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool-shortage/idle-worker", test_idle_worker);
    g_test_add_func("/pool-shortage/no-worker", test_no_worker);
    for (size_t i = 0; i < G_N_ELEMENTS(quota_rows); i++) {
        g_autofree char *path = g_strdup_printf("/pool-shortage/quota/%zu", i);
        g_test_add_data_func(path, &quota_rows[i], test_quota);
    }
    return g_test_run();
}
