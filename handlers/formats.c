/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/formats.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "start_program.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The most bytes that the program may print. */
#define ANSWER_MAX 4096

/* The program while it runs. */
typedef struct {
    const char *program;
    pid_t pid;
    int pidfd;
    /* The end of a pipe: a program that prints more than the pipe holds stops. */
    int output_fd;
} Asked;

static bool is_doubtful(const Rendition *rendition)
{
    return rendition->format == FORMAT_AVIF || rendition->format == FORMAT_JXL;
}

static bool is_any_doubtful(const Rendition *renditions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_doubtful(&renditions[i]))
            return true;
    }
    return false;
}

static void fail(const char *program, const char *reason, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE,
                "cannot ask '%s' what it can write: %s", program, reason);
}

static int reap(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/*
 * Starts the handler program so that it prints the types that it can write. *ret_asked is the
 * running program.
 */
static bool ask(const char *program, Asked *ret_asked, GError **error)
{
    int ends[2];
    pid_t pid = 0;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        fail(program, g_strerror(errno), error);
        return false;
    }
    autofd read_fd = ends[0], write_fd = ends[1];
    /* This end is the program's, which may block. */
    (void)fcntl(write_fd, F_SETFL, 0);
    const ProgramStart start = {.program = program,
                                .argument = FORMATS_ARGUMENT,
                                .fd = write_fd,
                                .fd_there = STDOUT_FILENO};
    int errnum = start_program(&start, &pid);
    int pidfd = errnum == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0) {
        fail(program, g_strerror(errnum != 0 ? errnum : errno), error);
        if (errnum == 0) {
            (void)kill(pid, SIGKILL);
            /* A killed process ends. */
            (void)reap(pid);
        }
        return false;
    }
    *ret_asked = (Asked){program, pid, pidfd, fd_steal(&read_fd)};
    return true;
}

/* Ends the program if it has not ended. Returns the types that it has printed; NULL on error. */
static GStrv read_answer(Asked *asked, bool is_late, GError **error)
{
    g_autofree char *text = g_malloc0(ANSWER_MAX + 1);

    /* This does not harm an ended program, as it is not reaped yet. */
    (void)kill(asked->pid, SIGKILL);
    int status = reap(asked->pid);
    ssize_t len = read(asked->output_fd, text, ANSWER_MAX);
    fd_clear(&asked->output_fd);
    fd_clear(&asked->pidfd);
    if (!is_late && WIFEXITED(status) && WEXITSTATUS(status) == 0 && len >= 0)
        return g_strsplit(text, "\n", -1);
    g_autofree char *reason =
        is_late               ? g_strdup_printf("it does not answer within %d s", FORMATS_TIMEOUT_S)
        : WIFSIGNALED(status) ? g_strdup_printf("killed by signal %d (%s)", WTERMSIG(status),
                                                strsignal(WTERMSIG(status)))
                              : g_strdup_printf("exit status %d", WEXITSTATUS(status));
    fail(asked->program, reason, error);
    return NULL;
}

/*
 * Fails if a rendition has a format that is not in `writable`, the formats that libvips can encode
 * here.
 */
static bool judge(const Rendition *renditions, size_t n, GStrv writable, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = format_name(renditions[i].format);
        if (!is_doubtful(&renditions[i]) || g_strv_contains((const char *const *)writable, name))
            continue;
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "[rendition %s] format = %s: this machine's libvips has no encoder for it; "
                    "choose webp, jpeg or png",
                    renditions[i].name, name);
        return false;
    }
    return true;
}

/* Waits for the end of the program. False after the time limit. */
static bool wait_for_end(const Asked *asked)
{
    int64_t end_us = clock_monotonic_us() + FORMATS_TIMEOUT_S * CLOCK_US_PER_SEC;
    struct pollfd end = {.fd = asked->pidfd, .events = POLLIN};

    for (;;) {
        int64_t left_ms = (end_us - clock_monotonic_us()) / CLOCK_US_PER_MS;
        int n = poll(&end, 1, (int)MAX(left_ms, 0));
        if (n > 0 || (n == 0 && left_ms <= 0))
            return n > 0;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

bool formats_check(const char *program, const Rendition *renditions, size_t n, GError **error)
{
    Asked asked;

    if (!is_any_doubtful(renditions, n))
        return true;
    if (!ask(program, &asked, error))
        return false;
    g_auto(GStrv) writable = read_answer(&asked, !wait_for_end(&asked), error);
    return writable && judge(renditions, n, writable, error);
}

struct FormatsCheck {
    Asked asked;
    /* Borrowed. */
    const Rendition *renditions;
    size_t n;
    guint end_source, timer_source;
    FormatsDone done;
    void *data;
};

static void check_free(FormatsCheck *check)
{
    g_clear_handle_id(&check->end_source, g_source_remove);
    g_clear_handle_id(&check->timer_source, g_source_remove);
    g_free(check);
}

/* Ends the check of the formats, and reports its result. */
static void end_check(FormatsCheck *check, bool is_late)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) writable = read_answer(&check->asked, is_late, &error);
    bool ok = writable && judge(check->renditions, check->n, writable, &error);
    FormatsDone done = check->done;
    void *data = check->data;

    check_free(check);
    done(ok ? NULL : error, data);
}

static gboolean on_end(gint fd, GIOCondition condition, gpointer data)
{
    FormatsCheck *check = data;

    (void)fd;
    (void)condition;
    /* The return value removes it. */
    check->end_source = 0;
    end_check(check, false);
    return G_SOURCE_REMOVE;
}

static gboolean on_timeout(gpointer data)
{
    FormatsCheck *check = data;

    check->timer_source = 0;
    end_check(check, true);
    return G_SOURCE_REMOVE;
}

bool formats_check_start(const char *program, const Rendition *renditions, size_t n,
                         FormatsDone done, void *data, FormatsCheck **ret_check, GError **error)
{
    Asked asked;

    if (!is_any_doubtful(renditions, n)) {
        *ret_check = NULL;
        return true;
    }
    if (!ask(program, &asked, error))
        return false;
    FormatsCheck *check = g_new(FormatsCheck, 1);
    *check = (FormatsCheck){
        .asked = asked, .renditions = renditions, .n = n, .done = done, .data = data};
    check->end_source = g_unix_fd_add(asked.pidfd, G_IO_IN, on_end, check);
    check->timer_source = g_timeout_add_seconds(FORMATS_TIMEOUT_S, on_timeout, check);
    *ret_check = check;
    return true;
}

void formats_check_cancel(FormatsCheck *check)
{
    if (!check)
        return;
    /* The result is not needed any more. */
    g_strfreev(read_answer(&check->asked, true, NULL));
    check_free(check);
}
