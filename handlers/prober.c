/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/prober.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/landlock.h"
#include "handlers/user.h"
#include "pool/process.h"
#include "pool/violation.h"
#include "probe_judge.h"

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

/* The most time of a step. */
#define STEP_US (20 * CLOCK_US_PER_SEC)
/* The most time of an attempt that gets no processor. */
#define STARVED_MOST_US (15 * CLOCK_MINUTE_US)
/* CPU time of a worker's invocation; the kernel counts seconds. */
#define CPU_US (100 * CLOCK_US_PER_MS)
/* With this CPU time, the limit has not ended an attempt. */
#define CPU_MOST_US (3 * CLOCK_US_PER_SEC)
/* Frames that have as many descriptors as fit: together more than a worker's limit. */
#define FRAMES_FD 10

typedef struct {
    Process process;
    int listener_fd;
    /* 0: the user of this process. */
    uint32_t user;
} Subject;

struct Prober {
    Process server;
    /* The profile of the program. */
    unsigned calls;
    /* The first worker. */
    Subject idle;
    /* 0: all workers keep the user of this process. */
    uint32_t next_user;
    uint64_t serial;
};

static bool fail(GError **error, const char *what)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE, "handler: %s", what);
    return false;
}

/* Waits for any of `fds`, at most until `deadline_us`. False at the deadline, or on an error. */
static bool wait_any(struct pollfd *fds, nfds_t n, int64_t deadline_us)
{
    for (;;) {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / CLOCK_US_PER_MS;
        int ready = poll(fds, n, (int)MAX(left_ms, 0));
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* Receives one frame of exactly `len` bytes, with at most one descriptor. */
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
        /* A killed process ends. */
        (void)process_reap(&subject->process, true, &end);
    }
    fd_clear(&subject->listener_fd);
}

/* Starts a worker that has entered its sandbox. */
static bool subject_start(Prober *prober, Probe probe, Subject *ret_subject, GError **error)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    autofd ours = -1, theirs = -1, pidfd = -1;
    ForkReply reply;
    WorkerHello hello;
    /*
     * The kernel itself keeps one user from signalling another, so this probe needs the same user.
     */
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

Prober *prober_open(const char *path, unsigned calls, GError **error)
{
    g_autoptr(Prober) prober = g_new0(Prober, 1);
    prober->server = (Process)PROCESS_NONE;
    prober->calls = calls;
    prober->idle.listener_fd = -1;
    if (!process_start_forkserver(path, &prober->server, error))
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
        /* A killed process ends. */
        (void)process_reap(&prober->server, true, &end);
    }
    g_free(prober);
}

bool prober_has_users(void)
{
    return user_is_needed();
}

static int output_file(void)
{
    return memfd_create("thumbq-doctor", MFD_CLOEXEC);
}

/* Sends the process that probes the sandbox what it needs for this probe. */
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
    /* A worker that can hold no more descriptors hangs up before it has got all frames. */
    for (int i = 0; i < FRAMES_FD; i++) {
        if (!wire_send(socket_fd, "", 1, fds, WIRE_FDS_MAX, NULL))
            return true;
    }
    (void)wire_send(socket_fd, "", 1, NULL, 0, NULL);
    return true;
}

/* True if the process waits for a processor or for the disk, or is stopped, and has not had the CPU
 * time that must end it. */
static bool is_starved(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *status = file_read(path, 1 << 16, NULL, NULL);
    const char *state = status ? strstr(status, "\nState:\t") : NULL;
    return state && strchr("RDT", state[strlen("\nState:\t")]) &&
           process_cpu_us(process_cpu_clock(pid)) < CPU_MOST_US;
}

/* Waits for any of `fds`, for the time of a step from `start_us` on. It is longer on a machine that
 * is so busy that the attempt gets no processor. *ret_starved: the attempt has not got one until
 * the end. */
static bool wait_step(struct pollfd *fds, nfds_t n, pid_t pid, int64_t start_us, bool *ret_starved)
{
    int64_t deadline_us = start_us + STEP_US;
    while (!wait_any(fds, n, deadline_us)) {
        *ret_starved = is_starved(pid);
        /* The attempt may have ended since the deadline. */
        if (!*ret_starved || deadline_us >= start_us + STARVED_MOST_US)
            return wait_any(fds, n, deadline_us);
        deadline_us += STEP_US;
    }
    return true;
}

/* Waits until the attempt ends in one of the ways of ProbeEnding, or until its time is over. */
static ProbeEnding wait_for_end(Subject *subject)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ProbeEnding ending = {.violation = -1};
    int64_t start_us = clock_monotonic_us();
    struct pollfd fds[] = {
        {.fd = subject->listener_fd, .events = POLLIN},
        {.fd = subject->process.socket_fd, .events = POLLIN},
        {.fd = subject->process.pidfd, .events = POLLIN},
    };
    while (wait_step(fds, G_N_ELEMENTS(fds), subject->process.pid, start_us, &ending.starved)) {
        ProcessEnd end;
        ssize_t len;
        size_t n_fds;
        if (fds[0].revents & POLLIN) {
            ending.violated = true;
            ending.violation = violation_read(subject->listener_fd);
            break;
        }
        /* The worker has ended without a violation. */
        if (fds[0].revents)
            fds[0].fd = -1;
        if (fds[1].revents) {
            bool got = wire_receive(fds[1].fd, buffer, &len, NULL, 0, &n_fds, NULL);
            if (got && len == sizeof ending.report) {
                memcpy(&ending.report, buffer, sizeof ending.report);
                ending.report.text[PROBE_TEXT_MAX - 1] = '\0';
                ending.reported = true;
                break;
            }
            /* The exit status of the process says more than the end of the stream. */
            fds[1].fd = -1;
        } else if (fds[2].revents) {
            ending.ended = process_reap(&subject->process, true, &end);
            ending.wait_status = ending.ended ? end.wait_status : 0;
            break;
        }
    }
    ending.waited_us = clock_monotonic_us() - start_us;
    return ending;
}

bool prober_can_try(Probe probe)
{
    return probe_rows[probe].landlock <= landlock_version();
}

/* Opens a local service that any process may connect to; -1 on failure. */
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
    const ProbeRow *row = &probe_rows[probe];
    const ProbeRow without = {
        .name = row->name, .about = row->about, .end = PROBE_FORBIDDEN, .number = row->without};
    Subject subject;
    autofd service = probe == PROBE_LANDLOCK_SOCKET ? listen_locally() : -1;
    if (!subject_start(prober, probe, &subject, error))
        return false;
    bool sent = send_target(prober, &subject, probe);
    if (sent) {
        ProbeEnding ending = wait_for_end(&subject);
        probe_judge(row->calls & ~prober->calls ? &without : row, &ending, ret_finding);
    }
    subject_end(&subject);
    return sent || fail(error, "a worker does not listen");
}

/* Returns the soft limit in a row of /proc/PID/limits; -1: none. */
static int64_t limit_number(const char *limits, const char *name)
{
    const char *at = strstr(limits, name);
    at = at ? at + strlen(name) : "";
    at += strspn(at, " ");
    return g_ascii_isdigit(*at) ? g_ascii_strtoll(at, NULL, 10) : -1;
}

bool prober_read_worker(Prober *prober, ProberWorker *ret_worker, GError **error)
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
    uint32_t uid = (uint32_t)process_status_number(status, "\nUid:", 10);
    *ret_worker = (ProberWorker){
        .pid = pid,
        .no_new_privileges = process_status_number(status, "\nNoNewPrivs:", 10) == 1,
        .filtered = process_status_number(status, "\nSeccomp:", 10) == 2,
        .reports_violations = prober->idle.listener_fd >= 0,
        /* In /proc, root owns the files of a process that is not dumpable. */
        .dumpable = uid != 0 && st.st_uid == uid,
        .privileged = process_status_number(status, "\nCapEff:", 16) != 0,
        .uid = uid,
        .descriptors_max = limit_number(limits, "Max open files"),
        .memory_max = limit_number(limits, "Max data size"),
        .output_max = limit_number(limits, "Max file size"),
        .core_max = limit_number(limits, "Max core file size"),
    };
    return true;
}

/* Returns an unnamed file with these bytes, or -1. Owner: the caller. */
static int source_file(GBytes *source)
{
    size_t size;
    const void *data = g_bytes_get_data(source, &size);
    autofd fd = output_file();
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd_steal(&fd);
}

/*
 * Has the worker carry out an order. Returns false with the worker's error, or with one of its own.
 */
static bool run_order(Prober *prober, const WireOrder *order, const int *fds,
                      WireResult *ret_result, GError **error)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    int socket_fd = prober->idle.process.socket_fd;
    struct pollfd socket = {.fd = socket_fd, .events = POLLIN};
    ssize_t len;
    size_t n_fds;
    size_t order_len = wire_encode_order(order, buffer);
    if (!wire_send(socket_fd, buffer, order_len, fds, 1 + order->n_renditions, NULL) ||
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
    WireOrder order = {
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
    if (!run_order(prober, &order, (const int[]){from, to}, &result, error))
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
