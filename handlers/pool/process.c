/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/scan.h"
#include "handlers/forkserver.h"
#include "start_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

ErrorCode process_start_error(int errnum)
{
    switch (errnum) {
    /* For fork: a limit of processes. */
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ETOOMANYREFS:
        return ERROR_SHORTAGE;
    default:
        return ERROR_HANDLER_UNAVAILABLE;
    }
}

static bool fail(GError **error, int errnum, const char *what, const char *subject)
{
    g_set_error(error, THUMBQ_ERROR, (gint)process_start_error(errnum), "%s '%s': %s", what,
                subject, g_strerror(errnum));
    return false;
}

bool process_socket_pair(int *ret_ours, int *ret_theirs, GError **error)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return fail(error, errno, "cannot make a socket pair for", "a handler");
    /* Only the daemon's end does not block: the worker waits for its next frame in recvmsg. */
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        int errnum = errno;
        fd_clear(&fds[0]);
        fd_clear(&fds[1]);
        return fail(error, errnum, "cannot set up a socket for", "a handler");
    }
    wire_enable_stamps(fds[0]);
    *ret_ours = fds[0];
    *ret_theirs = fds[1];
    return true;
}

bool process_start_forkserver(const char *program, Process *ret_process, GError **error)
{
    autofd ours = -1;
    autofd theirs = -1;
    pid_t pid;

    if (!process_socket_pair(&ours, &theirs, error))
        return false;
    /* dup2 of a descriptor onto itself would leave close-on-exec set. */
    if (theirs == FORKSERVER_FD) {
        int other = fcntl(theirs, F_DUPFD_CLOEXEC, FORKSERVER_FD + 1);
        if (other < 0)
            return fail(error, errno, "cannot set up a socket for", program);
        fd_clear(&theirs);
        theirs = other;
    }
    const ProgramStart start = {
        .program = program, .fd = theirs, .fd_there = FORKSERVER_FD, .has_own_group = true};
    int errnum = start_program(&start, &pid);
    if (errnum != 0)
        return fail(error, errnum, "cannot start the handler program", program);

    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        errnum = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return fail(error, errnum, "cannot watch the handler program", program);
    }
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    *ret_process = (Process){.pid = pid, .pidfd = pidfd, .socket_fd = fd_steal(&ours)};
    return true;
}

void process_kill(const Process *process)
{
    /*
     * A child that is not reaped yet keeps its pid, so this never hits another process. ESRCH is
     * ignored: the process has ended by itself.
     */
    if (process->pid > 0)
        (void)kill(process->pid, SIGKILL);
}

void process_kill_group(const Process *leader)
{
    /*
     * The group of a leader that is not reaped keeps its number, as the leader does. ESRCH is
     * ignored: all have ended.
     */
    if (leader->pid > 0)
        (void)kill(-leader->pid, SIGKILL);
}

void process_reap_group(pid_t group)
{
    while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
        ;
}

bool process_reap(Process *process, bool block, ProcessEnd *ret_end)
{
    struct rusage usage;
    int status;
    pid_t pid;

    do
        pid = wait4(process->pid, &status, block ? 0 : WNOHANG, &usage);
    while (pid < 0 && errno == EINTR);
    if (pid != process->pid)
        return false;

    *ret_end = (ProcessEnd){
        .wait_status = status,
        .cpu_us = clock_cpu_us(&usage),
        .memory_bytes = (int64_t)usage.ru_maxrss * 1024,
    };
    fd_clear(&process->pidfd);
    fd_clear(&process->socket_fd);
    process->pid = 0;
    return true;
}

clockid_t process_cpu_clock(pid_t pid)
{
    clockid_t clock;

    /* A process that is gone has no CPU clock. CLOCK_REALTIME stands for none. */
    return clock_getcpuclockid(pid, &clock) == 0 ? clock : CLOCK_REALTIME;
}

int64_t process_cpu_us(clockid_t clock)
{
    struct timespec used;

    if (clock == CLOCK_REALTIME || clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t)used.tv_sec * CLOCK_US_PER_SEC + used.tv_nsec / 1000;
}

int64_t process_memory_bytes(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
    g_autofree char *text = file_read(path, 256, NULL, NULL);
    const uint64_t most = G_MAXINT32;
    uint64_t mapped, resident, of_files;
    const char *at = text;

    if (!text || !scan_number(&at, INT64_MAX, &mapped) || !scan_text(&at, " ") ||
        !scan_number(&at, most, &resident) || !scan_text(&at, " ") ||
        !scan_number(&at, most, &of_files) || of_files > resident)
        return 0;
    return (int64_t)(resident - of_files) * sysconf(_SC_PAGESIZE);
}

ErrorCode process_death_reason(int wait_status, char message[static WIRE_MESSAGE_MAX])
{
    static const struct {
        bool by_signal;
        int number;
        ErrorCode code;
        const char *message;
    } reasons[] = {
        {true, SIGSYS, ERROR_SANDBOX_VIOLATION, "it made a system call that its sandbox forbids"},
        {true, SIGBUS, ERROR_SOURCE_CHANGED, "the file was cut short while it was read"},
        {true, SIGXCPU, ERROR_TIMEOUT, "it used up its CPU time"},
        {true, SIGXFSZ, ERROR_OUTPUT_TOO_LARGE, "a thumbnail grew past its limit"},
        {true, SIGKILL, ERROR_HANDLER_CRASHED,
         "killed: this machine is out of memory, or a person has ended it"},
        {false, WORKER_EXIT_MEMORY, ERROR_OUT_OF_MEMORY, "no memory left within its limit"},
        {false, WORKER_EXIT_CLAIM, ERROR_DAMAGED,
         "the file asks for more memory than any picture of its size needs"},
        {false, WORKER_EXIT_SANDBOX, ERROR_HANDLER_UNAVAILABLE, "it could not enter its sandbox"},
    };
    bool by_signal = WIFSIGNALED(wait_status);
    int number = by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].by_signal == by_signal && reasons[i].number == number) {
            g_strlcpy(message, reasons[i].message, WIRE_MESSAGE_MAX);
            return reasons[i].code;
        }
    }
    g_snprintf(message, WIRE_MESSAGE_MAX,
               by_signal ? "killed by signal %d (%s)" : "exited with status %d%s", number,
               by_signal ? strsignal(number) : "");
    return ERROR_HANDLER_CRASHED;
}

int64_t process_status_number(const char *status, const char *field, int base)
{
    const char *at = strstr(status, field);
    return at ? g_ascii_strtoll(at + strlen(field), NULL, base) : -1;
}
