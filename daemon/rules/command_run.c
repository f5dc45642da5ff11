/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/command_run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct CommandRun {
    /* The process and its process group; not reaped, so that the number is not reused. */
    pid_t pid;
    int pidfd;
    guint end_source;
    guint timer_source;
    bool is_late;
    /* Monotonic. */
    int64_t start_us;
    CommandDone done;
    void *data;
};

/* Makes a file in memory rather than a pipe: a pipe would need a writer for as long as the command
 * reads. */
static int make_input(const char *text, GError **error)
{
    autofd fd = memfd_create("thumbq-input", MFD_CLOEXEC);
    size_t len = strlen(text);

    if (len > COMMAND_INPUT_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "%" G_GSIZE_FORMAT " bytes of input; a command takes %" G_GSIZE_FORMAT, len,
                    COMMAND_INPUT_MAX);
        return -1;
    }
    if (fd < 0 || pwrite(fd, text, len, 0) != (ssize_t)len) {
        error_set_errno(error, errno, "cannot make the input of", "a command");
        return -1;
    }
    return fd_steal(&fd);
}

/* Returns the daemon's own environment with the added variables. Owner: the caller frees. */
static GStrv make_environment(const char *const *added)
{
    GStrv environment = g_get_environ();

    for (; added && *added; added++) {
        const char *equals = strchr(*added, '=');
        g_autofree char *name = g_strndup(*added, (gsize)(equals - *added));
        environment = g_environ_setenv(environment, name, equals + 1, TRUE);
    }
    return environment;
}

/* Sets a process group of its own, and the default action of all signals. */
static void init_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
}

/* Starts the command in a shell. Returns 0, or the errno of the failure. */
static int spawn(const CommandOptions *options, int input_fd, pid_t *ret_pid)
{
    char *const arguments[] = {(char *)"/bin/sh", (char *)"-c", (char *)options->command, NULL};
    g_auto(GStrv) environment = make_environment(options->environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    init_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, options->directory);
    /* Libraries may have opened descriptors without close-on-exec. */
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int errnum = posix_spawn(ret_pid, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return errnum;
}

static void kill_group(const CommandRun *run, int signum)
{
    /* ESRCH: all have ended. */
    (void)kill(-run->pid, signum);
}

/* Kills the rest of the process group, then reaps the command. */
static CommandOutcome finish(CommandRun *run)
{
    struct rusage usage = {0};
    int status = 0;

    kill_group(run, SIGKILL);
    while (wait4(run->pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    CommandOutcome outcome = {
        .end = WIFEXITED(status) ? COMMAND_EXITED : COMMAND_KILLED,
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
        .duration_us = clock_monotonic_us() - run->start_us,
        .cpu_us = clock_cpu_us(&usage),
        .memory_bytes = (int64_t)usage.ru_maxrss * 1024,
    };
    if (run->is_late)
        outcome.end = COMMAND_TIMED_OUT;
    return outcome;
}

static void run_free(CommandRun *run)
{
    g_clear_handle_id(&run->end_source, g_source_remove);
    g_clear_handle_id(&run->timer_source, g_source_remove);
    fd_clear(&run->pidfd);
    g_free(run);
}

static gboolean on_end(gint fd, GIOCondition condition, gpointer data)
{
    CommandRun *run = data;

    (void)fd;
    (void)condition;
    CommandOutcome outcome = finish(run);
    CommandDone done = run->done;
    void *done_data = run->data;

    /* The return value removes the source. */
    run->end_source = 0;
    run_free(run);
    done(&outcome, done_data);
    return G_SOURCE_REMOVE;
}

static gboolean on_grace_over(gpointer data)
{
    CommandRun *run = data;

    run->timer_source = 0;
    kill_group(run, SIGKILL);
    return G_SOURCE_REMOVE;
}

static gboolean on_timeout(gpointer data)
{
    CommandRun *run = data;

    run->is_late = true;
    kill_group(run, SIGTERM);
    run->timer_source = g_timeout_add(COMMAND_GRACE_US / CLOCK_US_PER_MS, on_grace_over, run);
    return G_SOURCE_REMOVE;
}

CommandRun *command_run_start(const CommandOptions *options, CommandDone done, void *data,
                              GError **error)
{
    autofd input_fd = make_input(options->input, error);
    pid_t pid;

    if (input_fd < 0)
        return NULL;
    int errnum = spawn(options, input_fd, &pid);
    if (errnum != 0) {
        error_set_errno(error, errnum, "cannot run", options->command);
        return NULL;
    }
    /* The descriptor is close-on-exec by itself. */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        error_set_errno(error, errno, "cannot watch", options->command);
        (void)kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return NULL;
    }

    CommandRun *run = g_new(CommandRun, 1);
    *run = (CommandRun){
        .pid = pid, .pidfd = pidfd, .start_us = clock_monotonic_us(), .done = done, .data = data};
    run->end_source = g_unix_fd_add(pidfd, G_IO_IN, on_end, run);
    run->timer_source =
        g_timeout_add((guint)(options->timeout_us / CLOCK_US_PER_MS), on_timeout, run);
    return run;
}

void command_run_cancel(CommandRun *run)
{
    if (!run)
        return;
    /* The outcome is not needed. */
    (void)finish(run);
    run_free(run);
}

bool command_outcome_is_ok(const CommandOutcome *outcome)
{
    return outcome->end == COMMAND_EXITED && outcome->status == 0;
}

char *command_outcome_describe(const CommandOutcome *outcome)
{
    if (outcome->end == COMMAND_TIMED_OUT)
        return g_strdup("killed after its time limit");
    if (outcome->end == COMMAND_KILLED)
        return g_strdup_printf("killed by signal %d (%s)", outcome->status,
                               strsignal(outcome->status));
    if (outcome->status != 0)
        return g_strdup_printf("exit status %d", outcome->status);
    return g_strdup("ok");
}
