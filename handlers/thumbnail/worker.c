#include "worker.h"

#include "attempt.h"
#include "clock.h"
#include "file.h"
#include "job.h"
#include "probe.h"
#include "sandbox.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the worker's only descriptors are, beside the standard ones. */
#define SOCKET_FD 3
#define RESET_FD  4 /* /proc/self/clear_refs, or closed */

_Noreturn static void die(int status, const char *message)
{
    g_autofree char *line = g_strdup_printf("thumbq-thumbnail: %s\n", message);
    (void)!write(STDERR_FILENO, line, strlen(line)); /* nobody is left to be told otherwise */
    _exit(status);
}

/* Nothing is inherited but the socket and stderr. */
static bool settle_descriptors(int socket_fd)
{
    autofd null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return false;
    fd_clear(&null);
    if (socket_fd != SOCKET_FD && dup2(socket_fd, SOCKET_FD) < 0)
        return false;
    if (close_range(SOCKET_FD + 1, UINT_MAX, 0) != 0)
        return false;
    int reset = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    return reset < 0 || reset == RESET_FD;
}

/* So that the peak of the memory is that of this job, not of all jobs. */
static void reset_peak(void)
{
    (void)!write(RESET_FD, "5", 1); /* without it, the peak is of the process: still a bound */
}

/* Memory of this job, since the mark was reset; CPU time of all so far. Source: getrusage(2). */
static void tell_usage(WireResult *result)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage); /* fails on bad arguments only */
    result->memory_bytes = (int64_t)usage.ru_maxrss * 1024;
    result->cpu_us = clock_cpu_us(&usage);
}

/* One frame in, one frame out. False at the end of the stream. */
static bool serve(const ForkRequest *request, uint8_t *buffer, WireJob *job, WireResult *result)
{
    g_autoptr(GError) error = NULL;
    int fds[WIRE_FDS_MAX];
    size_t n_fds = 0;
    ssize_t len;
    if (!wire_receive(SOCKET_FD, buffer, &len, fds, WIRE_FDS_MAX, &n_fds, &error) ||
        (len > 0 && !wire_decode_job(buffer, (size_t)len, job, &error)))
        die(WORKER_EXIT_PROTOCOL, error->message);
    if (len <= 0)
        return false;
    if (n_fds != 1 + job->n_renditions)
        die(WORKER_EXIT_PROTOCOL, "a job came with the wrong number of descriptors");

    reset_peak();
    sandbox_start_job(request->timeout_us);
    job_run(job, fds, result);
    for (size_t i = 0; i < n_fds; i++)
        fd_clear(&fds[i]);
    tell_usage(result);
    size_t result_len = wire_encode_result(result, buffer);
    if (!wire_send(SOCKET_FD, buffer, result_len, NULL, 0, &error))
        die(WORKER_EXIT_PROTOCOL, error->message);
    return true;
}

/*
 * GLib and libvips end the process where an allocation of theirs fails, after a message: the only
 * one that is of use here. All others are dropped.
 */
static GLogWriterOutput on_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                               void *data)
{
    (void)data;
    for (gsize i = 0; level & G_LOG_LEVEL_ERROR && i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0 &&
            g_strstr_len(fields[i].value, fields[i].length, "failed to allocate") != NULL)
            _exit(WORKER_EXIT_MEMORY);
    }
    return G_LOG_WRITER_HANDLED;
}

/* Nothing of a file has been read until here. */
static void lock_in(const ForkRequest *request)
{
    g_autoptr(GError) error = NULL;
    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    autofd listener = -1;
    if (!sandbox_enter(request, &listener, &error))
        die(WORKER_EXIT_SANDBOX, error->message);
    if (!wire_send(SOCKET_FD, &hello, sizeof hello, &listener, listener >= 0 ? 1 : 0, &error))
        die(WORKER_EXIT_PROTOCOL, error->message);
}

_Noreturn void worker_run(int socket_fd, const ForkRequest *request)
{
    g_log_set_writer_func(on_log, NULL, NULL);
    if (!settle_descriptors(socket_fd))
        die(WORKER_EXIT_SANDBOX, "sandbox: cannot settle descriptors");
    lock_in(request);
    if (request->probe != PROBE_NONE)
        attempt_run(SOCKET_FD, request);

    g_autofree uint8_t *buffer = g_malloc(WIRE_FRAME_MAX);
    g_autofree WireJob *job = g_new(WireJob, 1);
    g_autofree WireResult *result = g_new(WireResult, 1);
    while (serve(request, buffer, job, result))
        continue;
#ifdef THUMBQ_SANITIZE
    g_clear_pointer(&buffer, g_free);
    g_clear_pointer(&job, g_free);
    g_clear_pointer(&result, g_free);
    exit(WORKER_EXIT_OK); /* with the search for leaks */
#else
    _exit(WORKER_EXIT_OK);
#endif
}
