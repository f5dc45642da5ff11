/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrower for tests: takes invocations at a daemon's lend.sock, and runs them here with a pool
 * of the real handler program. It prints a line for each verdict of the daemon and for each order.
 *
 * Usage: borrower SOCKET PROGRAM ROOM DEED
 *
 * If an answer names another handler program that is beside PROGRAM, the borrower has that program
 * do the work. DEED: `work` does the work; `sit` takes orders and does not answer; `back` hands
 * each order back at once and asks for more; `late` answers each order twice; `unsealed` answers
 * with a memory file that the borrower can still write to; `garbage` answers with bytes that are
 * not a frame.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "handlers/lend_frame.h"
#include "handlers/memory_output.h"
#include "handlers/pool.h"
#include "handlers/thumbnail_kind.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    int fd;
    const char *deed;
    /* Path of the first handler program. */
    const char *program;
    int room;
    Executor *pool;
    /* &Task.id -> Task, owned. */
    GHashTable *tasks;
    GMainLoop *loop;
} Borrower;

typedef struct {
    Borrower *borrower;
    uint64_t id;
    ThumbnailOrder order;
    int source_fd;
    bool is_submitted;
} Task;

static void task_free(void *data)
{
    Task *task = data;

    fd_clear(&task->source_fd);
    g_free(task);
}

static void say(const Borrower *borrower, const LendFrame *frame, const int *fd)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    size_t len = lend_frame_encode(frame, buffer);

    /* If the daemon has gone, the socket still has data to read, and then its end. */
    (void)wire_send(borrower->fd, buffer, len, fd, fd ? 1 : 0, NULL);
}

static void say_about(const Borrower *borrower, LendType type, uint64_t id)
{
    const LendFrame frame = {.type = type, .id = id};

    say(borrower, &frame, NULL);
}

/*
 * Copies the thumbnails into a memory file that can still be written to. Owner: the caller closes.
 */
static int copy_unsealed(WireResult *result)
{
    int fd = output_new_memory();
    int64_t at = 0;

    for (size_t i = 0; i < result->n_thumbnails; i++) {
        (void)lseek(fd, at, SEEK_SET);
        (void)output_copy(result, i, fd);
        result->places[i] = (WirePlace){PLACE_MEMORY, at};
        at += result->thumbnails[i].size;
    }
    result->filled_memory = true;
    result->payload_len = 0;
    return fd;
}

static void answer(const Borrower *borrower, const Task *task, WireResult *result,
                   const InvocationUsage *usage)
{
    uint8_t inner[WIRE_FRAME_MAX];
    LendFrame frame = {.type = LEND_RESULT, .id = task->id, .inner = inner};
    int memory_fd = result->memory_fd;
    autofd unsealed = -1;

    if (strcmp(borrower->deed, "garbage") == 0) {
        (void)send(borrower->fd, "garbage", 7, MSG_NOSIGNAL);
        return;
    }
    if (strcmp(borrower->deed, "unsealed") == 0)
        memory_fd = unsealed = copy_unsealed(result);
    result->filled_memory = memory_fd >= 0;
    frame.inner_len = wire_encode_result(result, inner);
    frame.figures = (LendFigures){.duration_us = usage->duration_us,
                                  .cpu_us = usage->cpu_us,
                                  .init_us = usage->init_us,
                                  .memory_bytes = usage->memory_bytes};
    say(borrower, &frame, memory_fd >= 0 ? &memory_fd : NULL);
    if (strcmp(borrower->deed, "late") == 0)
        say(borrower, &frame, memory_fd >= 0 ? &memory_fd : NULL);
}

/* Hands work back, and states the room anew: without that no further order comes. */
static void hand_back(const Borrower *borrower, uint64_t id)
{
    const LendFrame room = {.type = LEND_ROOM, .room = borrower->room};

    say_about(borrower, LEND_BACK, id);
    say(borrower, &room, NULL);
}

static void on_done(const Answer *given, const InvocationUsage *usage, void *data);

static void submit(Task *task)
{
    const Invocation invocation = {.serial = task->order.wire.serial,
                                   .kind = &thumbnail_kind,
                                   .order = &task->order,
                                   .source_fd = task->source_fd,
                                   .program = task->order.program,
                                   .group = ""};

    executor_submit(task->borrower->pool, &invocation, on_done, task);
}

/* Submits the task for the handler program that the answer names. False if that is none here. */
static bool move_on(Task *task, const Answer *given)
{
    size_t program;

    if (!thumbnail_needs(given, &program) ||
        !program_is_installed(program, task->borrower->program) ||
        lseek(task->source_fd, 0, SEEK_SET) != 0)
        return false;
    task->order.asked |= 1U << task->order.program;
    task->order.program = program;
    submit(task);
    return true;
}

static void on_done(const Answer *given, const InvocationUsage *usage, void *data)
{
    Task *task = data;
    Borrower *borrower = task->borrower;
    WireResult result;

    if (given && move_on(task, given))
        return;
    if (given) {
        thumbnail_result(given, &result);
        answer(borrower, task, &result, usage);
    } else {
        hand_back(borrower, task->id);
    }
    (void)g_hash_table_remove(borrower->tasks, &task->id);
}

static void receive_order(Borrower *borrower, const LendFrame *frame)
{
    Task *task = g_new0(Task, 1);

    *task = (Task){.borrower = borrower, .id = frame->id, .source_fd = -1};
    if (strcmp(frame->kind, thumbnail_kind.name) != 0 ||
        !wire_decode_order(frame->inner, frame->inner_len, &task->order.wire, NULL)) {
        hand_back(borrower, frame->id);
        task_free(task);
        return;
    }
    printf("order\n");
    if (strcmp(borrower->deed, "back") == 0) {
        hand_back(borrower, frame->id);
        task_free(task);
        return;
    }
    g_hash_table_insert(borrower->tasks, &task->id, task);
    if (strcmp(borrower->deed, "sit") != 0)
        say_about(borrower, LEND_OPEN, task->id);
}

static void take_source(Task *task, int *fd)
{
    task->source_fd = fd_steal(fd);
    task->is_submitted = true;
    submit(task);
}

static void recall(Borrower *borrower, Task *task)
{
    printf("recall\n");
    if (!task->is_submitted)
        (void)g_hash_table_remove(borrower->tasks, &task->id);
    else
        (void)executor_cancel(borrower->pool, task->order.wire.serial);
}

static gboolean on_frame(gint socket_fd, GIOCondition condition, gpointer data)
{
    static const char *const verdicts[] = {"ok", "stale", "bad"};
    Borrower *borrower = data;
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    size_t n_fds;
    ssize_t len;
    autofd fd = -1;

    (void)condition;
    if (!wire_receive(socket_fd, buffer, &len, &fd, 1, &n_fds, NULL) || len <= 0 ||
        !lend_frame_decode(buffer, (size_t)len, &frame, NULL)) {
        g_main_loop_quit(borrower->loop);
        return G_SOURCE_REMOVE;
    }
    Task *task = g_hash_table_lookup(borrower->tasks, &frame.id);
    if (frame.type == LEND_ORDER)
        receive_order(borrower, &frame);
    else if (frame.type == LEND_SOURCE && task)
        take_source(task, &fd);
    else if (frame.type == LEND_RECALL && task)
        recall(borrower, task);
    else if (frame.type == LEND_WELCOME)
        printf("welcome\n");
    else if (frame.type == LEND_VERDICT)
        printf("%s\n", verdicts[frame.verdict]);
    return G_SOURCE_CONTINUE;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        g_error("cannot connect to '%s'", path);
    return fd;
}

/* Adds the handler programs behind the first one. */
static void add_further(ExecutorOptions *options)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);

    for (size_t i = PROGRAM_FIRST + 1; i < n; i++)
        options->further[options->n_further++] =
            (FurtherProgram){rows[i].executable, rows[i].memory_times, rows[i].timeout_times};
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: borrower SOCKET PROGRAM ROOM DEED\n");
        return 2;
    }
    ExecutorOptions options = {
        .program = argv[2],
        .concurrency = 2,
        .max_invocations = 100,
        .patience_us = CLOCK_US_PER_SEC,
        .timeout_us = CLOCK_MINUTE_US,
        .wall_us = 10 * CLOCK_MINUTE_US,
        .idle_us = CLOCK_MINUTE_US,
        .memory_bytes = INT64_C(512) << 20,
        .max_output_size = INT64_C(64) << 20,
    };
    Borrower borrower = {
        .fd = connect_to(argv[1]), .deed = argv[4], .program = argv[2], .room = atoi(argv[3])};
    const LendFrame hello = {.type = LEND_HELLO, .room = borrower.room, .name = "loopback"};

    setvbuf(stdout, NULL, _IOLBF, 0);
    borrower.loop = g_main_loop_new(NULL, FALSE);
    borrower.tasks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, task_free);
    add_further(&options);
    borrower.pool = pool_new(&options);
    say(&borrower, &hello, NULL);
    g_unix_fd_add(borrower.fd, G_IO_IN | G_IO_HUP, on_frame, &borrower);
    g_main_loop_run(borrower.loop);
    printf("end\n");
    executor_free(borrower.pool);
    g_hash_table_destroy(borrower.tasks);
    g_main_loop_unref(borrower.loop);
    close(borrower.fd);
    return 0;
}
