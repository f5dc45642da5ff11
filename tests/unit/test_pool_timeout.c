/* SPDX-License-Identifier: Apache-2.0 */
/* The time limits of an invocation: its CPU time, and its time by the clock. */
#include "pool_fixture.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *command;
    bool release;
} TimeoutCase;

static const TimeoutCase timeouts[] = {
    {"no-answer", "ok", false},
    {"stopped", "signal 19", true},
    {"socket-closed", "close", true},
};

static void test_timeout(const void *data)
{
    const TimeoutCase *row = data;
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.timeout_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &invocation, row->command);
    if (row->release)
        release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_TIMEOUT);
    g_assert_nonnull(strstr(invocation.result.message, "0.20 seconds"));
    g_assert_cmpint(invocation.usage.duration_us, >=, options.timeout_us - CLOCK_US_PER_MS);
    close_fixture(&fixture);
}

static gboolean end_wait(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* An invocation that waits for a processor longer than its CPU time is not ended for that. */
static void test_timeout_waits_for_cpu(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;
    bool is_over = false;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &invocation, "ok");
    g_timeout_add(6 * SHORT_US / 1000, end_wait, &is_over);
    while (!is_over)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(invocation.calls, ==, 0);
    release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    close_fixture(&fixture);
}

/* An invocation may not sleep without end. */
static void test_timeout_of_a_sleeper(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = 6 * SHORT_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &invocation, "ok");
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_TIMEOUT);
    g_assert_true(invocation.usage.starved);
    g_assert_cmpint(invocation.usage.duration_us, >=, options.wall_us - CLOCK_US_PER_MS);
    close_fixture(&fixture);
}

static void test_timeout_of_a_spinner(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    run(&fixture, &invocation, "spin");
    g_assert_cmpint(invocation.result.error, ==, ERROR_TIMEOUT);
    g_assert_false(invocation.usage.starved);
    g_assert_cmpint(invocation.usage.cpu_us, >=, options.timeout_us);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(timeouts); i++) {
        g_autofree char *path = g_strdup_printf("/pool/timeout/%s", timeouts[i].name);
        g_test_add_data_func(path, &timeouts[i], test_timeout);
    }
    g_test_add_func("/pool/timeout/waits-for-cpu", test_timeout_waits_for_cpu);
    g_test_add_func("/pool/timeout/sleeper", test_timeout_of_a_sleeper);
    g_test_add_func("/pool/timeout/spinner", test_timeout_of_a_spinner);
    return g_test_run();
}
