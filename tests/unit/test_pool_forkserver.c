/* SPDX-License-Identifier: Apache-2.0 */
/* Fork servers and workers that do not start: the pool reports the machine, and backs off. */
#include "pool_fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static char *folder;

static const char *const bad_names[] = {
    "dies-at-once", "dies-when-asked", "hangs", "refuses", "talks-nonsense", "is-not-there",
};

/* Makes the fake handler available under another name. */
static char *make_program(const char *name)
{
    char *path = g_build_filename(folder, name, NULL);

    if (strcmp(name, "is-not-there") != 0)
        g_assert_cmpint(symlink(FAKE_HANDLER, path), ==, 0);
    return path;
}

static void test_bad_forkserver(const void *data)
{
    g_autofree char *program = make_program(data);
    ExecutorOptions options = make_options();
    Fixture fixture;
    int64_t waited_us[2];

    options.program = program;
    options.timeout_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    for (int i = 0; i < 2; i++) {
        TestInvocation invocation;

        run(&fixture, &invocation, "ok");
        g_assert_cmpint(invocation.result.error, ==, ERROR_HANDLER_UNAVAILABLE);
        g_assert_cmpuint(strlen(invocation.result.message), >, 5);
        g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
        g_assert_cmpint(pool_failures(fixture.pool), ==, i + 1);

        /* There is no room for now, although no invocation runs. Then the pool reports room again.
         */
        int64_t from_us = clock_monotonic_us();
        g_assert_false(executor_has_room(fixture.pool));
        g_assert_cmpuint(fixture.rooms, ==, (guint)i);
        wait_for_room(&fixture);
        waited_us[i] = clock_monotonic_us() - from_us;
        g_assert_cmpuint(fixture.rooms, ==, (guint)i + 1);
    }
    g_assert_cmpint(waited_us[1], >, waited_us[0] / 2);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* Workers with a wrong greeting are refused, whatever they answer. */
static void test_bad_greeting(const void *data)
{
    g_autofree char *program = make_program(data);
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.program = program;
    open_fixture(&fixture, &options);
    run(&fixture, &invocation, "ok");
    g_assert_cmpint(invocation.result.error, ==, ERROR_HANDLER_CRASHED);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* All invocations that wait for the fork server fail at once, which counts as one failure. */
static void test_bad_forkserver_many(void)
{
    g_autofree char *program = make_program("dies-when-asked");
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[3];

    options.program = program;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations) && executor_has_room(fixture.pool); i++)
        submit(&fixture, &invocations[i], "ok");
    unsigned submitted = (unsigned)fixture.serial;
    for (size_t i = 0; i < submitted; i++) {
        wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, ERROR_HANDLER_UNAVAILABLE);
    }
    g_assert_cmpuint(fixture.done, ==, submitted);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/*
 * The fork server dies. Live workers continue, and another fork server starts when one is needed.
 */
static void test_forkserver_killed(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation held, other;

    open_fixture(&fixture, &options);
    submit(&fixture, &held, "ok");
    pid_t pid = worker_of(&held);
    while (pool_failures(fixture.pool) > 0)
        g_main_context_iteration(NULL, TRUE);
    /* The pool has certainly read the fork server's first answer by now. */
    run(&fixture, &other, "ok");
    g_assert_cmpint(kill(-getpgid(pid), 0), ==, 0);
    pid_t forkserver = getpgid(pid);
    g_assert_cmpint(kill(forkserver, SIGKILL), ==, 0);
    while (kill(forkserver, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), ==, other.result.facts.width);
    submit(&fixture, &other, "ok");
    (void)worker_of(&other);
    g_assert_cmpint(run_well(&fixture), !=, pid);
    release(&held);
    release(&other);
    wait_for(&held);
    wait_for(&other);
    g_assert_cmpint(held.result.error, ==, ERROR_NONE);
    g_assert_cmpint(held.result.facts.width, ==, pid);
    close_fixture(&fixture);
}

/* If workers cannot enter their sandbox, the pool does not start them as fast as possible. */
static void test_bad_sandbox(void)
{
    g_autofree char *program = make_program("does-not-greet");
    ExecutorOptions options = make_options();
    Fixture fixture;

    options.program = program;
    open_fixture(&fixture, &options);
    for (int i = 1; i <= 3; i++) {
        TestInvocation invocation;

        run(&fixture, &invocation, "exit 70");
        g_assert_cmpint(invocation.result.error, ==, ERROR_HANDLER_UNAVAILABLE);
        g_assert_cmpint(pool_failures(fixture.pool), ==, i);
        g_assert_false(executor_has_room(fixture.pool));
        wait_for_room(&fixture);
    }
    close_fixture(&fixture);
    (void)g_unlink(program);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("thumbq-pool-XXXXXX", NULL);
    g_assert_nonnull(folder);
    for (size_t i = 0; i < G_N_ELEMENTS(bad_names); i++) {
        g_autofree char *path = g_strdup_printf("/pool/forkserver/%s", bad_names[i]);
        g_test_add_data_func(path, bad_names[i], test_bad_forkserver);
    }
    g_test_add_data_func("/pool/greeting/wrong", "greets-wrongly", test_bad_greeting);
    g_test_add_data_func("/pool/greeting/none", "does-not-greet", test_bad_greeting);
    g_test_add_func("/pool/forkserver/many", test_bad_forkserver_many);
    g_test_add_func("/pool/forkserver/killed", test_forkserver_killed);
    g_test_add_func("/pool/bad-sandbox", test_bad_sandbox);
    int status = g_test_run();
    (void)g_rmdir(folder);
    g_free(folder);
    return status;
}
