/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/handover.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "journal/handover_rows.h"
#include "store/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINK_NAME "store.handover"

/* Descriptors of the child process. */
enum { CHILD_FD_PIPE = STDERR_FILENO + 1, CHILD_FD_FOLDER, CHILD_FDS_END };

/* Reads the link. False if there is none, or if its store is not there. */
static bool read_link(int state_fd, char ret_name[static NAME_MAX + 1])
{
    ssize_t len = readlinkat(state_fd, LINK_NAME, ret_name, NAME_MAX);

    if (len <= 0)
        return false;
    ret_name[len] = '\0';
    return !strchr(ret_name, '/') && faccessat(state_fd, ret_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool handover_begin(int state_fd, const char *name, GError **error)
{
    char older[NAME_MAX + 1];

    /* The store in between has taken the rows of an older one only in part. */
    if (read_link(state_fd, older))
        return true;
    if ((unlinkat(state_fd, LINK_NAME, 0) == 0 || errno == ENOENT) &&
        FAILPOINT("recovery.handover-link", symlinkat(name, state_fd, LINK_NAME)) == 0 &&
        fsync(state_fd) == 0)
        return true;
    error_set_errno(error, errno, "cannot note the damaged store as", name);
    return false;
}

/*
 * Leaves the child process with the pipe and the folder alone: a lock that it held would outlive
 * the daemon. The folder is opened anew, because a lock belongs to the open file. Returns -1 on
 * error.
 */
static int keep_descriptors(int state_fd, int *pipe_fd)
{
    int folder_fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fds[] = {*pipe_fd, folder_fd};

    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, CHILD_FDS_END);
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] < 0 || dup2(fds[i], CHILD_FD_PIPE + (int)i) < 0)
            return -1;
    }
    *pipe_fd = CHILD_FD_PIPE;
    return close_range(CHILD_FDS_END, ~0U, 0) == 0 ? CHILD_FD_FOLDER : -1;
}

/* Reads the damaged store in the child process, and exits. */
static void write_and_exit(const BucketState *state, const char *name, int fd, pid_t parent)
{
    const struct rlimit none = {0, 0};
    sigset_t no_signals;

    /* The parent may have ended before the call. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    int folder_fd = keep_descriptors(state->lock.folder_fd, &fd);
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (folder_fd < 0)
        _exit(1);
    /* A crash here is a result: no core file is needed. */
    (void)setrlimit(RLIMIT_CORE, &none);
    if (null_fd >= 0)
        (void)dup2(null_fd, STDERR_FILENO);
    /* Ends when the parent reads no further. */
    (void)signal(SIGPIPE, SIG_DFL);
    /* Damaged pages can form a loop. */
    (void)signal(SIGALRM, SIG_DFL);
    sigemptyset(&no_signals);
    (void)sigprocmask(SIG_SETMASK, &no_signals, NULL);
    (void)alarm(HANDOVER_SECONDS);
    _exit(handover_rows_write(fd, folder_fd, name, state->bucket_path, state->config) ? 0 : 1);
}

/* Starts the child process. Returns the end of the pipe that its rows come from, or -1. */
static int start(const BucketState *state, const char *name, pid_t *ret_pid, GError **error)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(error, errno, "cannot read the damaged store", name);
        return -1;
    }
    *ret_pid = fork();
    if (*ret_pid == 0)
        write_and_exit(state, name, ends[1], parent);
    (void)close(ends[1]);
    if (*ret_pid > 0)
        return ends[0];
    error_set_errno(error, errno, "cannot read the damaged store", name);
    (void)close(ends[0]);
    return -1;
}

static bool wait_for_end(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void report(const char *name, const HandoverCounts *counts, bool is_whole)
{
    log_info("the triggers go on with what the old store has: %" PRIu64
             " batches that wait, %" PRIu64 " dead letters",
             counts->n_waiting, counts->n_dead);
    if (!is_whole)
        log_error("'%s' cannot be read as a whole: events that waited for triggers, or dead "
                  "letters, may be lost",
                  name);
}

static bool take_rows(const BucketState *state, const char *name, GError **error)
{
    HandoverCounts counts = {0};
    pid_t pid;
    int fd = start(state, name, &pid, error);

    if (fd < 0)
        return false;
    FAILPOINT_HERE("recovery.handover-read");
    bool ok = handover_rows_read(fd, state->store, &counts, error);
    /* Without its last row, the child process may still be at work. */
    if (!counts.is_whole)
        (void)kill(pid, SIGKILL);
    bool is_whole = wait_for_end(pid) && counts.is_whole;
    /* A link that comes back after a power cut leads to nothing new. */
    if (!ok || !store_set_predecessor(state->store, name, error) ||
        !store_commit(state->store, error))
        return false;
    report(name, &counts, is_whole);
    return true;
}

/* Takes the rows of the store that the link names, unless the new store has them. */
static bool follow_link(const BucketState *state, GError **error)
{
    char name[NAME_MAX + 1];
    bool is_done;

    if (!read_link(state->lock.folder_fd, name))
        return true;
    return store_is_predecessor(state->store, name, &is_done, error) &&
           (is_done || take_rows(state, name, error));
}

bool handover_take(const BucketState *state, GError **error)
{
    int state_fd = state->lock.folder_fd;

    if (faccessat(state_fd, LINK_NAME, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (!follow_link(state, error))
        return false;
    bool is_gone = FAILPOINT("recovery.handover-unlink", unlinkat(state_fd, LINK_NAME, 0)) == 0 ||
                   errno == ENOENT;
    if (is_gone && fsync(state_fd) == 0)
        return true;
    error_set_errno(error, errno, "cannot remove the link", LINK_NAME);
    return false;
}
