/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler that misbehaves on demand, for the pool's tests. It speaks forkserver.h and wire.h like
 * thumbq-thumbnail. The content of the source tells a worker how to misbehave; the name of the
 * program tells the fork server. A worker reads the source to its end first: with a socket as the
 * source, the test decides when the worker acts.
 *
 * Before that, a worker writes its process id into a source that is a socket, so that the test can
 * wait for the worker.
 */
#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/wire.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMMAND_MAX 64

typedef struct {
    int socket_fd;
    /* Write end of the pipe that replaces the kernel's listener. */
    int violations_fd;
    WireOrder order;
    int argument;
    /* Number of orders before this one. */
    int served;
    /* Files of the order, if it has files of its own. */
    int files[RENDITIONS_MAX];
    /* Memory files, the oldest first. */
    int memory[WIRE_MEMORY_FILES_MAX];
    unsigned n_memory;
} Worker;

/* Content of each thumbnail. */
static const char thumbnail[] = "as it was made";

static void send_bytes(const Worker *worker, const void *data, size_t len)
{
    if (!wire_send(worker->socket_fd, data, len, NULL, 0, NULL))
        _exit(WORKER_EXIT_PROTOCOL);
}

static WireResult good_result(const Worker *worker)
{
    WireResult result = {
        .serial = worker->order.serial,
        .facts = {.type = IMAGE_PNG, .width = getpid(), .height = 1, .pages = 1, .orientation = 1},
        .n_thumbnails = worker->order.n_renditions,
        .memory_bytes = 1 << 20,
    };

    for (size_t i = 0; i < result.n_thumbnails; i++) {
        result.thumbnails[i] = (ThumbnailFacts){IMAGE_JPEG, 1, 1, sizeof thumbnail};
        if (worker->order.own_files) {
            if (write(worker->files[i], thumbnail, sizeof thumbnail) < 0)
                _exit(1);
        } else {
            result.places[i].kind = PLACE_ANSWER;
            result.payload = (const uint8_t *)thumbnail;
            result.payload_len = sizeof thumbnail;
        }
    }
    return result;
}

static void send_result(const Worker *worker, const WireResult *result)
{
    uint8_t buffer[WIRE_FRAME_MAX];

    send_bytes(worker, buffer, wire_encode_result(result, buffer));
}

static void answer_well(Worker *worker)
{
    WireResult result = good_result(worker);

    send_result(worker, &result);
}

/* Makes an answer in a memory file whose thumbnail has `more` bytes more than the file. */
static WireResult memory_result(Worker *worker, int more)
{
    WireResult result = good_result(worker);

    if (pwrite(worker->memory[0], thumbnail, sizeof thumbnail, 0) < 0)
        _exit(1);
    result.places[0].kind = PLACE_MEMORY;
    result.thumbnails[0].size += more;
    result.filled_memory = true;
    result.payload_len = 0;
    worker->n_memory--;
    return result;
}

static void drop_memory(Worker *worker)
{
    fd_clear(&worker->memory[0]);
    memmove(&worker->memory[0], &worker->memory[1], worker->n_memory * sizeof worker->memory[0]);
}

static void answer_by_memory(Worker *worker)
{
    WireResult result = memory_result(worker, worker->argument);

    send_result(worker, &result);
    drop_memory(worker);
}

/* Answers with a memory file that stays mapped for writing, which no seal revokes. */
static void answer_by_mapped_memory(Worker *worker)
{
    WireResult result = memory_result(worker, 0);

    if (mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, worker->memory[0], 0) == MAP_FAILED)
        _exit(1);
    send_result(worker, &result);
    drop_memory(worker);
}

/* Answers, and writes to its thumbnails from then on. */
static void answer_and_write_on(Worker *worker)
{
    WireResult result = good_result(worker);
    int fd = worker->files[0];

    if (!worker->order.own_files) {
        result = memory_result(worker, 0);
        fd = worker->memory[0];
    }
    send_result(worker, &result);
    for (;;)
        (void)!pwrite(fd, "as it was later", 15, 0);
}

static void answer_unchanged(Worker *worker)
{
    WireResult result = {.serial = worker->order.serial, .unchanged = true};

    result.facts.width = getpid();
    memcpy(result.facts.etag, worker->order.known_etag, sizeof result.facts.etag);
    result.facts.etag[0] += (uint64_t)worker->argument;
    send_result(worker, &result);
}

static void answer_type(Worker *worker)
{
    WireResult result = good_result(worker);

    result.thumbnails[0].type = (ImageType)worker->argument;
    send_result(worker, &result);
}

/* Answers with a message that would forge a line in the daemon's log. */
static void answer_message(Worker *worker)
{
    WireResult result = {.serial = worker->order.serial, .error = ERROR_DAMAGED};

    g_strlcpy(result.message, "fine\n2026-01-01 thumbq: all is lost", sizeof result.message);
    send_result(worker, &result);
}

static void answer_damaged(Worker *worker)
{
    WireResult result = good_result(worker);

    result.facts.damaged = true;
    send_result(worker, &result);
}

static void answer_error(Worker *worker)
{
    WireResult result = {.serial = worker->order.serial, .error = (ErrorCode)worker->argument};

    g_strlcpy(result.message, "as was asked for", sizeof result.message);
    result.facts.width = getpid();
    send_result(worker, &result);
}

static void answer_serial(Worker *worker)
{
    WireResult result = good_result(worker);

    result.serial++;
    send_result(worker, &result);
}

static void answer_count(Worker *worker)
{
    WireResult result = good_result(worker);

    result.n_thumbnails--;
    send_result(worker, &result);
}

static void answer_garbage(Worker *worker)
{
    send_bytes(worker, "garbage", 7);
}

static void answer_garbage_first(Worker *worker)
{
    answer_garbage(worker);
    answer_well(worker);
}

static void answer_too_long(Worker *worker)
{
    static const uint8_t zeros[WIRE_FRAME_MAX + 1];

    send_bytes(worker, zeros, sizeof zeros);
}

static void answer_with_descriptor(Worker *worker)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    WireResult result = good_result(worker);
    size_t len = wire_encode_result(&result, buffer);
    int fd = STDERR_FILENO;

    if (!wire_send(worker->socket_fd, buffer, len, &fd, 1, NULL))
        _exit(WORKER_EXIT_PROTOCOL);
}

static void answer_twice(Worker *worker)
{
    answer_well(worker);
    answer_well(worker);
}

static void leave(Worker *worker)
{
    _exit(worker->argument);
}

static void die(Worker *worker)
{
    prctl(PR_SET_DUMPABLE, 0);
    if (worker->argument != SIGKILL && worker->argument != SIGSTOP)
        /* A sanitizer may have a handler for the signal. */
        (void)signal(worker->argument, SIG_DFL);
    (void)kill(getpid(), worker->argument);
}

static void answer_and_die(Worker *worker)
{
    answer_well(worker);
    die(worker);
}

/* Dies if it has served an order before, like a worker that an earlier order has harmed. */
static void die_if_used(Worker *worker)
{
    if (worker->served > 0)
        die(worker);
    answer_well(worker);
}

/* Answers, and reports a forbidden call, as if another thread had made it. */
static void answer_in_violation(Worker *worker)
{
    if (write(worker->violations_fd, "x", 1) != 1)
        _exit(1);
    answer_well(worker);
}

G_NORETURN static void linger(void)
{
    for (;;)
        pause();
}

static void close_and_linger(Worker *worker)
{
    fd_clear(&worker->socket_fd);
    linger();
}

static void answer_close_and_linger(Worker *worker)
{
    answer_well(worker);
    close_and_linger(worker);
}

G_NORETURN static void spin(Worker *worker)
{
    (void)worker;
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

static const struct {
    const char *command;
    void (*run)(Worker *worker);
} deeds[] = {
    {"ok", answer_well},
    {"unchanged", answer_unchanged},
    {"memory", answer_by_memory},
    {"memory-mapped", answer_by_mapped_memory},
    {"write-on", answer_and_write_on},
    {"type", answer_type},
    {"message", answer_message},
    {"damaged", answer_damaged},
    {"error", answer_error},
    {"wrong-serial", answer_serial},
    {"wrong-count", answer_count},
    {"garbage", answer_garbage},
    {"garbage-ok", answer_garbage_first},
    {"too-long", answer_too_long},
    {"descriptor", answer_with_descriptor},
    {"twice", answer_twice},
    {"spin", spin},
    {"exit", leave},
    {"signal", die},
    {"ok-signal", answer_and_die},
    {"signal-if-used", die_if_used},
    {"violation", answer_in_violation},
    {"close", close_and_linger},
    {"ok-close", answer_close_and_linger},
};

static void read_command(int fd, char command[static COMMAND_MAX])
{
    size_t len = 0;
    ssize_t n;

    while (len < COMMAND_MAX - 1 && (n = read(fd, command + len, COMMAND_MAX - 1 - len)) > 0)
        len += (size_t)n;
    command[len] = '\0';
}

static void obey(Worker *worker, const char *text)
{
    char command[COMMAND_MAX];

    worker->argument = 0;
    if (sscanf(text, "%63s %d", command, &worker->argument) < 1)
        _exit(1);
    for (size_t i = 0; i < G_N_ELEMENTS(deeds); i++) {
        if (strcmp(deeds[i].command, command) == 0) {
            deeds[i].run(worker);
            return;
        }
    }
    _exit(1);
}

static void greet(Worker *worker, const char *name)
{
    const WorkerHello wrong = {.version = FORKSERVER_VERSION + 1};
    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    int listener[2];

    if (strcmp(name, "greets-wrongly") == 0)
        send_bytes(worker, &wrong, sizeof wrong);
    if (strcmp(name, "does-not-greet") == 0)
        return;
    if (pipe2(listener, O_CLOEXEC) != 0 ||
        !wire_send(worker->socket_fd, &hello, sizeof hello, &listener[0], 1, NULL))
        _exit(WORKER_EXIT_PROTOCOL);
    fd_clear(&listener[0]);
    worker->violations_fd = listener[1];
}

static bool take_descriptors(Worker *worker, const int *fds, size_t n_fds)
{
    if (!worker->order.own_files) {
        for (size_t i = 1; i < n_fds; i++)
            worker->memory[worker->n_memory++] = fds[i];
        return n_fds <= 2 && worker->n_memory < WIRE_MEMORY_FILES_MAX;
    }
    memcpy(worker->files, fds + 1, worker->order.n_renditions * sizeof fds[0]);
    return n_fds == 1 + worker->order.n_renditions;
}

G_NORETURN static void run_worker(int socket_fd, const char *name)
{
    Worker worker = {.socket_fd = socket_fd};

    greet(&worker, name);
    for (;;) {
        uint8_t buffer[WIRE_FRAME_MAX];
        char command[COMMAND_MAX];
        pid_t pid = getpid();
        int fds[WIRE_FDS_MAX];
        size_t n_fds;
        ssize_t len;

        if (!wire_receive(socket_fd, buffer, &len, fds, WIRE_FDS_MAX, &n_fds, NULL))
            _exit(WORKER_EXIT_PROTOCOL);
        if (len == 0)
            _exit(WORKER_EXIT_OK);
        if (!wire_decode_order(buffer, (size_t)len, &worker.order, NULL) ||
            !take_descriptors(&worker, fds, n_fds))
            _exit(WORKER_EXIT_PROTOCOL);
        /* This has an effect only if the source is a socket. */
        (void)send(fds[0], &pid, sizeof pid, MSG_NOSIGNAL);
        read_command(fds[0], command);
        fd_clear(&fds[0]);
        obey(&worker, command);
        for (size_t i = 1; worker.order.own_files && i < n_fds; i++)
            fd_clear(&fds[i]);
        worker.served++;
    }
}

static void start_worker(int worker_fd, const char *name)
{
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_PARENT | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

    if (pid == 0) {
        int forkserver_fd = FORKSERVER_FD;
        fd_clear(&forkserver_fd);
        run_worker(worker_fd, name);
    }
    const ForkReply reply = {.version = FORKSERVER_VERSION, .pid = pid};
    /* If the daemon has gone, the fork server ends soon. */
    (void)wire_send(FORKSERVER_FD, &reply, sizeof reply, &pidfd, 1, NULL);
    fd_clear(&pidfd);
}

static void answer_request(const char *name, int worker_fd)
{
    const bool lacks = strcmp(name, "lacks-processes") == 0;
    const ForkReply refusal = {
        .version = FORKSERVER_VERSION, .pid = -1, .errnum = lacks ? EAGAIN : EPERM};

    if (strcmp(name, "dies-when-asked") == 0)
        _exit(3);
    if (strcmp(name, "hangs") == 0)
        linger();
    if (lacks || strcmp(name, "refuses") == 0)
        (void)wire_send(FORKSERVER_FD, &refusal, sizeof refusal, NULL, 0, NULL);
    else if (strcmp(name, "talks-nonsense") == 0)
        (void)wire_send(FORKSERVER_FD, "nonsense", 8, NULL, 0, NULL);
    else
        start_worker(worker_fd, name);
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];

    if (strcmp(name, "dies-at-once") == 0)
        return 3;
    for (;;) {
        uint8_t buffer[WIRE_FRAME_MAX];
        autofd worker_fd = -1;
        size_t n_fds;
        ssize_t len;

        if (!wire_receive(FORKSERVER_FD, buffer, &len, &worker_fd, 1, &n_fds, NULL) ||
            len != sizeof(ForkRequest) || n_fds != 1)
            return len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        answer_request(name, worker_fd);
    }
}
