/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the user: how they end, what their environment is, and that no process of them stays.
 */
#include "base/error.h"
#include "rules/command_run.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)
/* A time that no test reaches. */
#define LONG (50 * SECOND)

typedef struct {
    GMainLoop *loop;
    CommandOutcome outcome;
    int calls;
} Waiting;

static void note_outcome(const CommandOutcome *outcome, void *data)
{
    Waiting *waiting = data;

    waiting->outcome = *outcome;
    waiting->calls++;
    g_main_loop_quit(waiting->loop);
}

static CommandOutcome run(const char *directory, const char *command, const char *input,
                          int64_t timeout_us)
{
    static const char *const environment[] = {"THUMBQ_BUCKET=/some=where", NULL};
    const CommandOptions options = {.command = command,
                                    .directory = directory,
                                    .environment = environment,
                                    .input = input,
                                    .timeout_us = timeout_us};
    Waiting waiting = {.loop = g_main_loop_new(NULL, FALSE)};
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(command_run_start(&options, note_outcome, &waiting, &error));
    g_assert_no_error(error);
    g_assert_cmpint(waiting.calls, ==, 0);
    g_main_loop_run(waiting.loop);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(waiting.calls, ==, 1);
    g_main_loop_unref(waiting.loop);
    return waiting.outcome;
}

typedef struct {
    const char *name;
    const char *command;
    int64_t timeout_us;
    CommandEnd end;
    /* -1: the status depends on the moment of the request to end. */
    int status;
    const char *text;
} EndCase;

static const EndCase ends[] = {
    {"ok", "true", LONG, COMMAND_EXITED, 0, "ok"},
    {"status", "exit 3", LONG, COMMAND_EXITED, 3, "exit status 3"},
    {"pipe", "false | true", LONG, COMMAND_EXITED, 0, "ok"},
    {"unknown", "exec 2>/dev/null; no-such-command", LONG, COMMAND_EXITED, 127, "exit status 127"},
    {"signal", "kill -USR1 $$", LONG, COMMAND_KILLED, SIGUSR1,
     "killed by signal 10 (User defined signal 1)"},
    {"late", "exec sleep 1000", SECOND / 100, COMMAND_TIMED_OUT, SIGTERM,
     "killed after its time limit"},
    {"late and tidy", "trap 'exit 0' TERM; while :; do sleep 0.01; done", SECOND / 10,
     COMMAND_TIMED_OUT, -1, "killed after its time limit"},
    {"late and deaf", "trap '' TERM; while :; do sleep 0.1; done", SECOND / 10, COMMAND_TIMED_OUT,
     -1, "killed after its time limit"},
};

static void test_end(const void *data)
{
    const EndCase *row = data;
    CommandOutcome outcome = run("/", row->command, "", row->timeout_us);
    g_autofree char *text = command_outcome_describe(&outcome);

    g_assert_cmpint(outcome.end, ==, row->end);
    if (row->status >= 0)
        g_assert_cmpint(outcome.status, ==, row->status);
    g_assert_cmpstr(text, ==, row->text);
    g_assert_true(command_outcome_is_ok(&outcome) == (strcmp(row->text, "ok") == 0));
    g_assert_cmpint(outcome.duration_us, >, 0);
    g_assert_cmpint(outcome.memory_bytes, >, 0);
}

typedef struct {
    char *path;
} Folder;

static void folder_init(Folder *folder)
{
    folder->path = g_dir_make_tmp("thumbq-command-XXXXXX", NULL);
    g_assert_nonnull(folder->path);
}

/* Returns the content of the file `name` that the command has written, and removes the file. */
static char *take(const Folder *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder->path, name, NULL);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    (void)g_remove(path);
    return text;
}

static void folder_clear(Folder *folder)
{
    g_assert_cmpint(g_rmdir(folder->path), ==, 0);
    g_free(folder->path);
}

static void test_input(void)
{
    Folder folder;
    g_autofree char *long_text = g_strnfill(COMMAND_INPUT_MAX, 'x');

    folder_init(&folder);
    for (int i = 0; i < 3; i++) {
        const char *text = i == 0 ? "" : i == 1 ? "{\"a\": 1}\n" : long_text;
        CommandOutcome outcome = run(folder.path, "cat > got", text, LONG);
        g_assert_true(command_outcome_is_ok(&outcome));
        g_autofree char *got = take(&folder, "got");
        g_assert_cmpstr(got, ==, text);
    }
    folder_clear(&folder);
}

static void test_environment(void)
{
    Folder folder;

    folder_init(&folder);
    (void)g_setenv("THUMBQ_TEST_INHERITED", "yes", TRUE);
    CommandOutcome outcome =
        run(folder.path, "echo \"$THUMBQ_BUCKET,$THUMBQ_TEST_INHERITED\" > got", "", LONG);
    g_assert_true(command_outcome_is_ok(&outcome));
    g_autofree char *got = take(&folder, "got");
    g_assert_cmpstr(got, ==, "/some=where,yes\n");
    folder_clear(&folder);
}

/* The command gets no descriptor, not even one without close-on-exec. */
static void test_no_descriptors(void)
{
    Folder folder;
    int leak = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int high = fcntl(leak, F_DUPFD, 100);

    g_assert_cmpint(high, >=, 100);
    folder_init(&folder);
    /* The descriptors of `ls` itself are 0, 1, 2 and the folder that it reads. */
    CommandOutcome outcome = run(folder.path, "ls /proc/self/fd | wc -l > got", "", LONG);
    g_assert_true(command_outcome_is_ok(&outcome));
    g_autofree char *got = take(&folder, "got");
    g_assert_cmpstr(g_strstrip(got), ==, "4");
    folder_clear(&folder);
    close(high);
    close(leak);
}

static bool is_alive(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *state = strrchr(text, ')');
    return state && state[2] != 'Z' && state[2] != 'X';
}

static void wait_until_dead(pid_t pid)
{
    for (int i = 0; is_alive(pid); i++) {
        g_assert_cmpint(i, <, 50000);
        g_usleep(1000);
    }
}

/* The command has its own process group, and no member of the group outlives it. */
static void test_children(void)
{
    Folder folder;

    folder_init(&folder);
    CommandOutcome outcome =
        run(folder.path,
            "sleep 1000 & echo $! > child; cut -d' ' -f5 /proc/$$/stat > group; echo $$ > self", "",
            LONG);
    g_assert_true(command_outcome_is_ok(&outcome));
    g_autofree char *child = take(&folder, "child");
    g_autofree char *group = take(&folder, "group");
    g_autofree char *self = take(&folder, "self");
    g_assert_cmpint(atoi(group), ==, atoi(self));
    g_assert_cmpint(atoi(group), !=, getpgrp());
    wait_until_dead(atoi(child));
    folder_clear(&folder);
}

static void test_cancel(void)
{
    Folder folder;
    Waiting waiting = {0};
    const char *path;

    folder_init(&folder);
    g_autofree char *file = g_build_filename(folder.path, "pid", NULL);
    const CommandOptions options = {.command = "sleep 1000 & echo $! > new; mv new pid; wait",
                                    .directory = folder.path,
                                    .input = "",
                                    .timeout_us = LONG};
    CommandRun *command = command_run_start(&options, note_outcome, &waiting, NULL);
    g_assert_nonnull(command);
    for (path = file; !g_file_test(path, G_FILE_TEST_EXISTS);)
        g_usleep(1000);
    command_run_cancel(command);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(waiting.calls, ==, 0);
    g_autofree char *child = take(&folder, "pid");
    wait_until_dead(atoi(child));
    folder_clear(&folder);
}

static void test_errors(void)
{
    g_autofree char *too_long = g_strnfill(COMMAND_INPUT_MAX + 1, 'x');
    CommandOptions options = {
        .command = "true", .directory = "/nowhere/at/all", .input = "", .timeout_us = LONG};
    g_autoptr(GError) error = NULL;

    g_assert_null(command_run_start(&options, note_outcome, NULL, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
    g_clear_error(&error);
    options.directory = "/";
    options.input = too_long;
    g_assert_null(command_run_start(&options, note_outcome, NULL, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("/command_run/end/%s", ends[i].name);
        g_test_add_data_func(path, &ends[i], test_end);
    }
    g_test_add_func("/command_run/input", test_input);
    g_test_add_func("/command_run/environment", test_environment);
    g_test_add_func("/command_run/no_descriptors", test_no_descriptors);
    g_test_add_func("/command_run/children", test_children);
    g_test_add_func("/command_run/cancel", test_cancel);
    g_test_add_func("/command_run/errors", test_errors);
    return g_test_run();
}
