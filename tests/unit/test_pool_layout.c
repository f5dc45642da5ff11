/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts of addresses: which workers share one, and when it is given up. */
#include "pool_fixture.h"

#include <signal.h>
#include <sys/personality.h>

/* Address of a part of the process that is elsewhere in each execution. */
static uint64_t layout_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", (int)pid);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    const char *line = strstr(text, "[vdso]");
    g_assert_nonnull(line);
    while (line > text && line[-1] != '\n')
        line--;
    return g_ascii_strtoull(line, NULL, 16);
}

static bool is_randomized(void)
{
    g_autofree char *text = NULL;

    if (personality(0xffffffff) & ADDR_NO_RANDOMIZE)
        return false;
    return g_file_get_contents("/proc/sys/kernel/randomize_va_space", &text, NULL, NULL) &&
           text[0] != '0';
}

static bool is_skipped(void)
{
    if (is_randomized())
        return false;
    g_test_skip("this machine gives every process the same addresses");
    return true;
}

/* Submits an invocation, and returns the layout of its worker. */
static uint64_t submit_and_look(Fixture *fixture, TestInvocation *invocation, const char *command,
                                pid_t *ret_pid)
{
    submit(fixture, invocation, command);
    *ret_pid = worker_of(invocation);
    return layout_of(*ret_pid);
}

static void end_well(TestInvocation *invocation)
{
    release(invocation);
    wait_for(invocation);
    g_assert_cmpint(invocation->result.error, ==, ERROR_NONE);
}

/* A wrong guess of an attacker is never repeated at the same addresses. */
static void test_given_up(const void *command)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    uint64_t before = 0;
    pid_t pid;
    TestInvocation invocation;

    if (is_skipped())
        return;
    options.timeout_us = 4 * SHORT_US;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    for (int i = 0; i < 4; i++) {
        uint64_t layout = submit_and_look(&fixture, &invocation, command, &pid);
        release(&invocation);
        wait_for(&invocation);
        g_assert_cmpint(invocation.result.error, !=, ERROR_NONE);
        g_assert_cmphex(layout, !=, before);
        before = layout;
    }
    close_fixture(&fixture);
}

/* Each invocation has its own worker here: few workers share a layout, and not each has its own. */
static void test_few_share(const void *data)
{
    enum { N = 132, AT_A_TIME = 4, SHARED_MAX = 64 };
    ExecutorOptions options = make_options();
    uint64_t layouts[N];
    Fixture fixture;
    TestInvocation invocations[AT_A_TIME];
    int n_layouts = 0;
    int at_a_time = GPOINTER_TO_INT(data);

    if (is_skipped())
        return;
    options.concurrency = at_a_time;
    options.max_invocations = 1;
    open_fixture(&fixture, &options);
    for (int i = 0; i < N; i += at_a_time) {
        for (int k = 0; k < at_a_time; k++)
            submit(&fixture, &invocations[k], "ok");
        for (int k = 0; k < at_a_time; k++)
            layouts[i + k] = layout_of(worker_of(&invocations[k]));
        for (int k = 0; k < at_a_time; k++)
            end_well(&invocations[k]);
    }
    for (int i = 0; i < N; i++) {
        int n = 0;
        bool is_new = true;
        for (int k = 0; k < N; k++) {
            n += layouts[k] == layouts[i];
            is_new &= k >= i || layouts[k] != layouts[i];
        }
        g_assert_cmpint(n, <=, SHARED_MAX);
        n_layouts += is_new;
    }
    g_assert_cmpint(n_layouts, ==, (N + SHARED_MAX - 1) / SHARED_MAX);
    close_fixture(&fixture);
}

/* A crash gives up the layout of the other workers, too: the idle one is not used again, and the
 * busy one only finishes its invocation. */
static void test_siblings(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation idle, busy, crash, next;
    pid_t pids[4];

    if (is_skipped())
        return;
    open_fixture(&fixture, &options);
    uint64_t layout = submit_and_look(&fixture, &busy, "ok", &pids[0]);
    g_assert_cmphex(submit_and_look(&fixture, &idle, "ok", &pids[1]), ==, layout);
    g_assert_cmphex(submit_and_look(&fixture, &crash, "signal 11", &pids[2]), ==, layout);
    end_well(&idle);
    release(&crash);
    wait_for(&crash);
    g_assert_cmpint(crash.result.error, ==, ERROR_HANDLER_CRASHED);
    g_assert_cmphex(submit_and_look(&fixture, &next, "ok", &pids[3]), !=, layout);
    g_assert_cmpint(kill(pids[0], 0), ==, 0);
    end_well(&busy);
    g_assert_cmpint(busy.result.facts.width, ==, pids[0]);
    end_well(&next);
    for (int i = 0; i < 2; i++) {
        while (kill(pids[i], 0) == 0)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(run_well(&fixture), ==, pids[3]);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/pool-layout/given-up/crash", "signal 11", test_given_up);
    g_test_add_data_func("/pool-layout/given-up/cut-short", "signal 7", test_given_up);
    g_test_add_data_func("/pool-layout/given-up/violation", "violation", test_given_up);
    g_test_add_data_func("/pool-layout/given-up/nonsense", "garbage", test_given_up);
    g_test_add_data_func("/pool-layout/given-up/timeout", "spin", test_given_up);
    g_test_add_data_func("/pool-layout/few-share/one-by-one", GINT_TO_POINTER(1), test_few_share);
    g_test_add_data_func("/pool-layout/few-share/at-a-time", GINT_TO_POINTER(4), test_few_share);
    g_test_add_func("/pool-layout/siblings", test_siblings);
    return g_test_run();
}
