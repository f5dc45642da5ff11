/* SPDX-License-Identifier: Apache-2.0 */
/* A store that two processes use, of which one is killed. The second process is this program,
 * executed again, because an LMDB environment does not survive fork. */
#include "base/file.h"
#include "store_fixture.h"
#include "store_rows.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

/* Runs `role` on the store's directory in a second process. It prints "ready" on *ret_out, and ends
 * when *ret_in is closed. */
static GPid spawn(const char *role, const char *directory, int *ret_in, FILE **ret_out)
{
    const char *const args[] = {program, role, directory, NULL};
    g_autoptr(GError) error = NULL;
    GPid pid;
    int out;

    g_assert_true(g_spawn_async_with_pipes(NULL, (char **)args, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
                                           NULL, NULL, &pid, ret_in, &out, NULL, &error));
    g_assert_no_error(error);
    *ret_out = fdopen(out, "r");
    return pid;
}

static void expect_line(FILE *in, const char *expected)
{
    char line[64] = "";

    g_assert_nonnull(fgets(line, sizeof line, in));
    g_strchomp(line);
    g_assert_cmpstr(line, ==, expected);
}

static void wait_for_input(void)
{
    char byte;

    if (read(STDIN_FILENO, &byte, 1) < 0)
        abort();
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout);
}

/* Commits one object, adds another to a batch, and waits to be killed. */
static void act_writer(const char *directory)
{
    Store *store = open_store(directory, STORE_WRITE, &small_limits);

    (void)seen_as(store, "committed", version_of(1), PRIORITY_UPLOAD, T0);
    commit(store);
    (void)seen_as(store, "gathered", version_of(1), PRIORITY_UPLOAD, T0);
    say("ready");
    wait_for_input();
}

/* Holds a snapshot, and counts again whenever it is asked to. */
static void act_reader(const char *directory)
{
    Store *store = open_store(directory, STORE_READ, &small_limits);
    char byte;

    say("ready");
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        g_autofree char *line = g_strdup_printf("%d", (int)count_rows(store));
        say(line);
    }
    store_close(store);
}

/* Keeps a snapshot open until it is killed. */
static void act_holder(const char *directory)
{
    Store *store = open_store(directory, STORE_READ, &small_limits);

    (void)begin_snapshot(store);
    say("ready");
    wait_for_input();
}

static void test_killed_writer(void)
{
    Fixture fixture;
    Record record;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    store_close(fixture.store);
    GPid pid = spawn("--writer", fixture.directory, &in, &out);
    expect_line(out, "ready");
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    /* The stream was only read, so an error has no effect. */
    (void)fclose(out);
    fd_clear(&in);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_true(peek(fixture.store, "committed", &record));
    g_assert_false(peek(fixture.store, "gathered", &record));
    add_objects(fixture.store, 0, 10);
    g_assert_cmpuint(count_rows(fixture.store), ==, 11);
    fixture_clear(&fixture);
}

/* A reader continues while the writer adds objects and its map grows. */
static void test_reader_follows(void)
{
    Fixture fixture;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    GPid pid = spawn("--reader", fixture.directory, &in, &out);
    expect_line(out, "ready");
    for (int n = 0; n < 4000; n += 500) {
        g_autofree char *expected = g_strdup_printf("%d", n + 500);
        add_objects(fixture.store, n, 500);
        g_assert_cmpint(write(in, "c", 1), ==, 1);
        expect_line(out, expected);
    }
    fd_clear(&in);

    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    /* The stream was only read, so an error has no effect. */
    (void)fclose(out);
    fixture_clear(&fixture);
}

/* Overwrites the same few objects. Returns the growth of the file, bytes. */
static int64_t churn(Fixture *fixture)
{
    g_autofree char *path = data_path(fixture);
    struct stat before, after;

    g_assert_cmpint(stat(path, &before), ==, 0);
    for (int i = 0; i < 300; i++) {
        for (int k = 0; k < 10; k++) {
            g_autofree char *key = g_strdup_printf("%d", k);
            (void)seen_as(fixture->store, key, version_of(i), PRIORITY_UPLOAD, T0 + i);
        }
        commit(fixture->store);
    }
    g_assert_cmpint(stat(path, &after), ==, 0);
    return after.st_size - before.st_size;
}

/* A reader that was killed with an open snapshot does not keep old pages without end. */
static void test_killed_reader(void)
{
    Fixture fixture;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    (void)churn(&fixture);
    GPid pid = spawn("--holder", fixture.directory, &in, &out);
    expect_line(out, "ready");
    int64_t held = churn(&fixture);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    /* This is long enough for the writer to notice the death. */
    (void)churn(&fixture);
    int64_t later = churn(&fixture);
    g_assert_cmpint(held, >, 1 << 20);
    g_assert_cmpint(later, <, held / 4);
    /* The stream was only read, so an error has no effect. */
    (void)fclose(out);
    fd_clear(&in);
    fixture_clear(&fixture);
}

static bool act(int argc, char **argv)
{
    static const struct {
        const char *role;
        void (*act)(const char *directory);
    } roles[] = {{"--writer", act_writer}, {"--reader", act_reader}, {"--holder", act_holder}};

    for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(roles); i++) {
        if (g_str_equal(argv[1], roles[i].role)) {
            roles[i].act(argv[2]);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    if (act(argc, argv))
        return 0;
    program = "/proc/self/exe";
    g_autofree char *own_path = g_file_read_link(program, NULL);
    program = own_path;
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/processes/killed_writer", test_killed_writer);
    g_test_add_func("/store/processes/reader_follows", test_reader_follows);
    g_test_add_func("/store/processes/killed_reader", test_killed_reader);
    return g_test_run();
}
