/* SPDX-License-Identifier: Apache-2.0 */
#include "prober.h"

#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "landlock.h"
#include "process.h"
#include "tasks.h"
#include "user.h"
#include "violation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_US   (20 * CLOCK_US_PER_SEC) /* no step takes longer */
#define CPU_US    (100 * CLOCK_US_PER_MS) /* of a worker's job; the kernel counts seconds */
#define FRAMES_FD 10 /* of as many descriptors as fit: more than a worker's limit */

typedef struct {
    Process process;
    int listener_fd;
    uint32_t user; /* 0: that of this process */
} Subject;

struct Prober {
    Process server;
    Subject idle;       /* the first worker */
    uint32_t next_user; /* 0: all stay what this process is */
    uint64_t serial;
};

static bool fail(GError **error, const char *what)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE, "handler: %s", what);
    return false;
}

/* Waits for any of `fds`, at most until `deadline_us`. False when that has passed. */
static bool wait_any(struct pollfd *fds, nfds_t n, int64_t deadline_us)
{
    for (;;) {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / CLOCK_US_PER_MS;
        int ready = left_ms > 0 ? poll(fds, n, (int)left_ms) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* One frame of at least a byte, with at most one descriptor. */
static bool receive(int socket_fd, uint8_t *buffer, size_t len, int *ret_fd)
{
    struct pollfd socket = {.fd = socket_fd, .events = POLLIN};
    ssize_t got;
    size_t n_fds;
    return wait_any(&socket, 1, clock_monotonic_us() + STEP_US) &&
           wire_receive(socket_fd, buffer, &got, ret_fd, ret_fd ? 1 : 0, &n_fds, NULL) &&
           got == (ssize_t)len;
}

static void subject_end(Subject *subject)
{
    ProcessEnd end;
    if (subject->process.pid > 0) {
        process_kill(&subject->process);
        (void)process_reap(&subject->process, true, &end); /* killed: it ends */
    }
    fd_clear(&subject->listener_fd);
}

/* A worker that is locked in. */
static bool subject_start(Prober *prober, Probe probe, Subject *ret_subject, GError **error)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    autofd ours = -1, theirs = -1, pidfd = -1;
    ForkReply reply;
    WorkerHello hello;
    /* The kernel itself keeps one user from signalling another. */
    uint32_t user = probe == PROBE_LANDLOCK_SIGNAL ? prober->idle.user : prober->next_user;
    const ForkRequest request = {
        .version = FORKSERVER_VERSION,
        .probe = probe,
        .memory_bytes = PROBER_MEMORY_BYTES,
        .timeout_us = CPU_US,
        .max_output_size = PROBER_OUTPUT_BYTES,
        .uid = user,
        .gid = user,
    };
    if (!process_socket_pair(&ours, &theirs, error))
        return false;
    if (!wire_send(prober->server.socket_fd, &request, sizeof request, &theirs, 1, NULL) ||
        !receive(prober->server.socket_fd, buffer, sizeof reply, &pidfd))
        return fail(error, "the fork server does not answer");
    memcpy(&reply, buffer, sizeof reply);
    if (reply.version != FORKSERVER_VERSION || reply.pid <= 0)
        return fail(error, g_strerror(reply.errnum));
    *ret_subject = (Subject){
        .process = {.pid = reply.pid, .pidfd = fd_steal(&pidfd), .socket_fd = fd_steal(&ours)},
        .listener_fd = -1,
        .user = user,
    };
    fd_clear(&theirs);
    if (!receive(ret_subject->process.socket_fd, buffer, sizeof hello, &ret_subject->listener_fd)) {
        subject_end(ret_subject);
        return fail(error, "a worker cannot enter its sandbox");
    }
    if (user != 0 && user == prober->next_user)
        prober->next_user = USER_FIRST + (user - USER_FIRST + 1) % USERS_N;
    return true;
}

Prober *prober_open(const char *program, GError **error)
{
    g_autoptr(Prober) prober = g_new0(Prober, 1);
    prober->server = (Process)PROCESS_NONE;
    prober->idle.listener_fd = -1;
    if (!process_start_forkserver(program, &prober->server, error))
        return NULL;
    if (user_is_needed())
        prober->next_user = USER_FIRST + (uint32_t)getpid() % USERS_N;
    return subject_start(prober, PROBE_NONE, &prober->idle, error) ? g_steal_pointer(&prober)
                                                                   : NULL;
}

void prober_free(Prober *prober)
{
    ProcessEnd end;
    subject_end(&prober->idle);
    if (prober->server.pid > 0) {
        process_kill(&prober->server);
        (void)process_reap(&prober->server, true, &end); /* killed: it ends */
    }
    g_free(prober);
}

bool prober_has_users(void)
{
    return user_is_needed();
}

/* How an attempt has ended: exactly one of these. */
typedef struct {
    bool violated; /* its filter has stopped it; violation: the call's number, or -1 */
    int violation;
    bool reported;
    ProbeReport report;
    bool ended;
    int wait_status;
} Ending; /* none: it never ended */

static int output_file(void)
{
    return memfd_create("thumbq-doctor", MFD_CLOEXEC);
}

static bool send_target(const Prober *prober, const Subject *subject, Probe probe)
{
    const ProbeTarget target = {.worker_pid = prober->idle.process.pid};
    int socket_fd = subject->process.socket_fd;
    autofd output = output_file();
    if (output < 0 || !wire_send(socket_fd, &target, sizeof target, &output, 1, NULL))
        return false;
    int fds[WIRE_FDS_MAX];
    for (size_t i = 0; i < WIRE_FDS_MAX; i++)
        fds[i] = output;
    if (probe != PROBE_DESCRIPTORS)
        return true;
    /* A worker that can hold no more hangs up before it has got them all. */
    for (int i = 0; i < FRAMES_FD; i++) {
        if (!wire_send(socket_fd, "", 1, fds, WIRE_FDS_MAX, NULL))
            return true;
    }
    (void)wire_send(socket_fd, "", 1, NULL, 0, NULL);
    return true;
}

static Ending wait_for_end(Subject *subject)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    Ending ending = {.violation = -1};
    int64_t deadline_us = clock_monotonic_us() + STEP_US;
    struct pollfd fds[] = {
        {.fd = subject->listener_fd, .events = POLLIN},
        {.fd = subject->process.socket_fd, .events = POLLIN},
        {.fd = subject->process.pidfd, .events = POLLIN},
    };
    while (wait_any(fds, G_N_ELEMENTS(fds), deadline_us)) {
        ProcessEnd end;
        ssize_t len;
        size_t n_fds;
        if (fds[0].revents & POLLIN) {
            ending.violated = true;
            ending.violation = violation_read(subject->listener_fd);
            break;
        }
        if (fds[0].revents)
            fds[0].fd = -1; /* it has ended without one */
        if (fds[1].revents) {
            bool got = wire_receive(fds[1].fd, buffer, &len, NULL, 0, &n_fds, NULL);
            if (got && len == sizeof ending.report) {
                memcpy(&ending.report, buffer, sizeof ending.report);
                ending.report.text[PROBE_TEXT_MAX - 1] = '\0';
                ending.reported = true;
                break;
            }
            fds[1].fd = -1; /* its end tells more */
        } else if (fds[2].revents && process_reap(&subject->process, true, &end)) {
            ending.ended = true;
            ending.wait_status = end.wait_status;
            break;
        }
    }
    return ending;
}

static void say(ProberFinding *finding, ProberVerdict verdict, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void say(ProberFinding *finding, ProberVerdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finding->verdict = verdict;
    g_vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
}

/* The number after a field of /proc/PID/status, in any base that strtoll knows; -1 if there is
 * none. */
static int64_t status_number(const char *status, const char *field, int base)
{
    const char *at = strstr(status, field);
    return at ? g_ascii_strtoll(at + strlen(field), NULL, base) : -1;
}

/*
 * A container or a service manager may have put a filter around this process. What that refuses
 * with an error never comes to a worker's own filter, since the kernel takes an error before a word
 * to the daemon: the call is not done, but the worker lives on.
 */
static bool is_shadowed(const ProbeRow *row, int errnum)
{
    g_autofree char *status = file_read("/proc/self/status", 1 << 16, NULL, NULL);
    bool filtered = status && status_number(status, "\nSeccomp:", 10) == 2;
    return filtered && (row->end == PROBE_FORBIDDEN || row->landlock > 0) &&
           (errnum == EPERM || errnum == ENOSYS || errnum == EAFNOSUPPORT);
}

/* Memory and the limits of the user end threads some time, too: that is no limit of the worker. */
static bool is_too_much(const ProbeRow *row, const ProbeReport *report)
{
    int64_t most =
        user_is_needed() ? TASKS_ALONE : tasks_count() + 2 * TASKS_MORE; /* some end meanwhile */
    return row == &probe_rows[PROBE_THREADS] && report->amount > most;
}

static void judge_report(const ProbeRow *row, const ProbeReport *report, ProberFinding *finding)
{
    const char *reason = g_strerror(report->errnum);
    bool as_said = report->errnum == row->number;
    switch (report->outcome) {
    case PROBE_SAID:
        say(finding, row->end == PROBE_TOLD ? PROBER_CONTAINED : PROBER_UNPROVEN, "%s",
            report->text);
        break;
    case PROBE_STOPPED:
        if (is_too_much(row, report))
            say(finding, PROBER_OPEN, "only after %" G_GINT64_FORMAT, (gint64)report->amount);
        else
            say(finding, row->end == PROBE_LIMITED && as_said ? PROBER_CONTAINED : PROBER_UNPROVEN,
                "limited: after %" G_GINT64_FORMAT ", %s", (gint64)report->amount, reason);
        break;
    case PROBE_FAILED:
        /* What the filter should have stopped came as far as the kernel's own checks. */
        if (row->end == PROBE_REFUSED && as_said)
            say(finding, PROBER_CONTAINED, "refused: %s", reason);
        else if (is_shadowed(row, report->errnum))
            say(finding, PROBER_SHADOWED,
                "refused by a filter around thumbq, so that the "
                "handler's own could not end it");
        else
            say(finding, row->end == PROBE_FORBIDDEN ? PROBER_OPEN : PROBER_UNPROVEN,
                "not stopped by the filter: %s", reason);
        break;
    default:
        say(finding, PROBER_OPEN, "it could do it");
    }
}

static void judge_end(const ProbeRow *row, int wait_status, ProberFinding *finding)
{
    char message[WIRE_MESSAGE_MAX];
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    (void)process_death_reason(wait_status, message);
    if (row->end == PROBE_ENDED && number == row->number)
        say(finding, PROBER_CONTAINED, "killed: %s", message);
    else if (row->end == PROBE_FORBIDDEN && number == SIGSYS)
        say(finding, PROBER_CONTAINED, "killed: %s", message);
    else /* a program that it could execute ends like this, too */
        say(finding, number != 0 ? PROBER_UNPROVEN : PROBER_OPEN, "it ended: %s", message);
}

static void judge(const ProbeRow *row, const Ending *ending, ProberFinding *finding)
{
    char message[WIRE_MESSAGE_MAX];
    if (ending->violated) {
        violation_describe(ending->violation, message);
        bool as_said = row->end == PROBE_FORBIDDEN && ending->violation == row->number;
        say(finding, as_said ? PROBER_CONTAINED : PROBER_UNPROVEN, "killed: %s", message);
    } else if (ending->reported) {
        judge_report(row, &ending->report, finding);
    } else if (ending->ended) {
        judge_end(row, ending->wait_status, finding);
    } else {
        say(finding, PROBER_OPEN, "it still runs after %d seconds",
            (int)(STEP_US / CLOCK_US_PER_SEC));
    }
}

bool prober_can_try(Probe probe)
{
    return probe_rows[probe].landlock <= landlock_version();
}

/* A local service that anybody may connect to; -1: none. */
static int listen_locally(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = g_snprintf(address.sun_path + 1, sizeof address.sun_path - 1, PROBE_SOCKET_NAME,
                         (int)getpid());
    autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&address,
             (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)len) != 0 ||
        listen(fd, 1) != 0)
        return -1;
    return fd_steal(&fd);
}

bool prober_try(Prober *prober, Probe probe, ProberFinding *ret_finding, GError **error)
{
    Subject subject;
    autofd service = probe == PROBE_LANDLOCK_SOCKET ? listen_locally() : -1;
    if (!subject_start(prober, probe, &subject, error))
        return false;
    bool sent = send_target(prober, &subject, probe);
    if (sent) {
        Ending ending = wait_for_end(&subject);
        judge(&probe_rows[probe], &ending, ret_finding);
    }
    subject_end(&subject);
    return sent || fail(error, "a worker does not listen");
}

/* The soft limit in a row of /proc/PID/limits; -1: none. */
static int64_t limit_number(const char *limits, const char *name)
{
    const char *at = strstr(limits, name);
    at = at ? at + strlen(name) : "";
    at += strspn(at, " ");
    return g_ascii_isdigit(*at) ? g_ascii_strtoll(at, NULL, 10) : -1;
}

bool prober_look(Prober *prober, ProberWorker *ret_worker, GError **error)
{
    pid_t pid = prober->idle.process.pid;
    g_autofree char *folder = g_strdup_printf("/proc/%d", (int)pid);
    g_autofree char *status_path = g_build_filename(folder, "status", NULL);
    g_autofree char *limits_path = g_build_filename(folder, "limits", NULL);
    g_autofree char *status = file_read(status_path, 1 << 16, NULL, error);
    g_autofree char *limits = status ? file_read(limits_path, 1 << 16, NULL, error) : NULL;
    struct stat st;
    if (!limits)
        return false;
    if (stat(status_path, &st) != 0)
        return fail(error, "a worker has ended by itself");
    uint32_t uid = (uint32_t)status_number(status, "\nUid:", 10);
    *ret_worker = (ProberWorker){
        .pid = pid,
        .no_new_privileges = status_number(status, "\nNoNewPrivs:", 10) == 1,
        .filtered = status_number(status, "\nSeccomp:", 10) == 2,
        .told_from = prober->idle.listener_fd >= 0,
        /* The files of what is not dumpable belong to root in /proc. */
        .dumpable = uid != 0 && st.st_uid == uid,
        .privileged = status_number(status, "\nCapEff:", 16) != 0,
        .uid = uid,
        .descriptors_max = limit_number(limits, "Max open files"),
        .memory_max = limit_number(limits, "Max data size"),
        .output_max = limit_number(limits, "Max file size"),
        .core_max = limit_number(limits, "Max core file size"),
    };
    return true;
}

/* An unnamed file with these bytes, or -1. */
static int source_file(GBytes *source)
{
    size_t size;
    const void *data = g_bytes_get_data(source, &size);
    autofd fd = output_file();
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd_steal(&fd);
}

static bool run_job(Prober *prober, const WireJob *job, const int *fds, WireResult *ret_result,
                    GError **error)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    int socket_fd = prober->idle.process.socket_fd;
    struct pollfd socket = {.fd = socket_fd, .events = POLLIN};
    ssize_t len;
    size_t n_fds;
    size_t job_len = wire_encode_job(job, buffer);
    if (!wire_send(socket_fd, buffer, job_len, fds, 1 + job->n_renditions, NULL) ||
        !wait_any(&socket, 1, clock_monotonic_us() + STEP_US) ||
        !wire_receive(socket_fd, buffer, &len, NULL, 0, &n_fds, NULL) || len <= 0)
        return fail(error, "the worker has ended, or hangs");
    if (!wire_decode_result(buffer, (size_t)len, ret_result, error))
        return false;
    if (ret_result->error == ERROR_NONE)
        return true;
    g_set_error_literal(error, THUMBQ_ERROR, (int)ret_result->error, ret_result->message);
    return false;
}

GBytes *prober_convert(Prober *prober, GBytes *source, Format format, ImageFacts *ret_facts,
                       GError **error)
{
    WireJob job = {
        .serial = ++prober->serial,
        .max_pixels = 1 << 20,
        .max_file_size = 1 << 20,
        .max_output_size = 1 << 20,
        .max_pages = 1,
        .own_files = true,
        .renditions = {{.name = "doctor",
                        .width = 16,
                        .height = 16,
                        .fit = FIT_INSIDE,
                        .format = format,
                        .quality = 80,
                        .max_frames = 1}},
        .n_renditions = 1,
    };
    WireResult result;
    autofd from = source_file(source);
    autofd to = output_file();
    if (from < 0 || to < 0) {
        error_set_errno(error, errno, "cannot make a file in", "memory");
        return NULL;
    }
    if (!run_job(prober, &job, (const int[]){from, to}, &result, error))
        return NULL;
    size_t size = (size_t)result.thumbnails[0].size;
    g_autofree uint8_t *bytes = g_malloc(MAX(size, 1));
    if (pread(to, bytes, size, 0) != (ssize_t)size) {
        fail(error, "a thumbnail is shorter than the worker says");
        return NULL;
    }
    *ret_facts = result.facts;
    return g_bytes_new_take(g_steal_pointer(&bytes), size);
}
