/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor does invocations: in local processes (pool.h), in borrowers at a socket (lend.h), or
 * not at all (null_executor.h). The caller does not know which.
 *
 * Every submit ends in exactly one InvocationDone, and never from within the submit. An answer of
 * NULL hands the invocation back: nothing of it counts, and it may be submitted again.
 *
 * An executor knows no picture. The functions of the invocation's kind say what an order means and
 * which answer is believed. Everything runs in the default GLib main context, and nothing here
 * blocks.
 */
#pragma once

#include "base/error.h"
#include "handlers/programs.h"
#include "handlers/wire.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes of a decoded answer of any kind. */
#define ANSWER_BODY_MAX 4096

/* The part of an answer that all kinds share. */
typedef struct {
    uint64_t serial;
    ErrorCode error;
    /* No worker could be started for the invocation. */
    bool start_failed;
    /* The reason, one line of plain text; "" without an error. Borrowed. */
    const char *message;
    /* The invocation made some output. */
    bool has_output;
    /* The worker has written to its oldest memory file, and needs another one. */
    bool filled_memory;
    /* That file, sealed, borrowed; -1: none. */
    int memory_fd;
    /* Peak resident set during the invocation, as the worker states it. */
    int64_t memory_bytes;
    /* CPU time of the worker so far, as it states. */
    int64_t cpu_us;
    /* The part of the kind; NULL: no worker has answered. Borrowed. */
    const void *body;
} Answer;

/* The functions of a kind of invocations that an executor needs. */
typedef struct {
    const char *name;
    /* Bytes of a decoded answer, up to ANSWER_BODY_MAX. */
    size_t body_size;

    /* Writes the frame that a worker is sent for an order. Returns its length. */
    size_t (*encode)(const void *order, uint8_t frame[static WIRE_FRAME_MAX]);

    /*
     * Reads a worker's frame into `ret_body` and `ret_answer`, which borrows from both. False for a
     * malformed frame.
     */
    bool (*decode)(const uint8_t *frame, size_t len, void *ret_body, Answer *ret_answer);

    /*
     * True if the answer can be one to the order. Does not check what it states of a memory file.
     */
    bool (*is_sound)(const void *order, const Answer *answer);

    /* True if all output that the answer states lies within the memory file. */
    bool (*is_whole)(const Answer *answer, int memory_fd);

    /*
     * True if all output begins as the answer's types say. is_whole was true for the answer. Only
     * the answers of borrowers are checked in this way.
     */
    bool (*is_typed)(const Answer *answer, int memory_fd);

    /*
     * True if the worker that gave this answer should get no other file. `order` is NULL if the
     * invocation was handed back in the meantime.
     */
    bool (*is_suspect)(const void *order, const Answer *answer);
} InvocationKind;

/* The cost of an invocation, measured by the executor. */
typedef struct {
    /* From when a worker could begin to its answer, or to its death. */
    int64_t duration_us;
    /* User and system time. */
    int64_t cpu_us;
    /* Peak resident set during the invocation. */
    int64_t memory_bytes;
    /* Start of the worker, if this invocation waited for it; otherwise 0. */
    int64_t init_us;
    /* A timeout by the clock: the invocation had not used up its CPU time. */
    bool starved;
    /* By a SIGKILL that the executor did not send: most likely the machine lacked memory. */
    bool killed;
    /* Name of the machine that did it; NULL: this one. Borrowed. */
    const char *worker;
} InvocationUsage;

/*
 * `answer` and `usage` are borrowed for the call. The death of a worker is an answer with the error
 * that it means, and without a body: ERROR_TIMEOUT, ERROR_OUT_OF_MEMORY, ERROR_SANDBOX_VIOLATION,
 * ERROR_HANDLER_CRASHED, ERROR_SOURCE_CHANGED (SIGBUS: truncated while mapped). The output of an
 * answer cannot change any more: the memory file is sealed, or the worker of an invocation with
 * files of its own was reaped.
 */
typedef void (*InvocationDone)(const Answer *answer, const InvocationUsage *usage, void *data);

/* A further handler program, in the folder of the first one. */
typedef struct {
    /* File name. Static. */
    const char *executable;
    /* Limits, as multiples of memory_bytes, and of timeout_us and wall_us; 1.. */
    int memory_times, timeout_times;
} FurtherProgram;

/* An invocation to do. All its pointers are borrowed until the InvocationDone. */
typedef struct {
    /* The answer repeats it; no two invocations under way have the same. */
    uint64_t serial;
    const InvocationKind *kind;
    /* The order, of the kind. */
    const void *order;
    /* Open for reading; -1: not opened yet, which a pool does not take. */
    int source_fd;
    /*
     * Opens the source when it is needed; gets the data of the InvocationDone. -1: the source is
     * not the one that the order was made for any more. Owner of the descriptor: the executor.
     */
    int (*open_source)(void *data);
    /* Bytes. */
    int64_t source_size;
    /* The output goes into `files`, and the worker does no other invocation. */
    bool own_files;
    /* Empty files, open for writing. */
    const int *files;
    /* Up to WIRE_FDS_MAX - 1. */
    size_t n_files;
    /* The worker sees nothing of another group; "" is a group, too. */
    const char *group;
    /* The handler program: 0 is `program` of the options, 1 the first of `further`. */
    size_t program;
    /* Nice value of the worker, which has idle I/O priority then; 0: none. */
    int nice;
} Invocation;

/* Options of all executors. Each executor ignores those that do not concern it. */
typedef struct {
    /* Path of the first handler program, thumbq-thumbnail. */
    const char *program;
    FurtherProgram further[PROGRAMS_MAX - 1];
    size_t n_further;
    /* The most busy workers, 1.. */
    int concurrency;
    /* The most idle workers beside these. An idle worker serves its own group only. */
    int idle_max;
    /* Invocations of one worker, 1.. */
    int max_invocations;
    /* Invocations that may wait for a busy worker, 0..7. */
    int ahead;
    /* No invocation waits behind one that takes longer than this. */
    int64_t patience_us;
    /* CPU time per invocation; then SIGKILL. */
    int64_t timeout_us;
    /*
     * Time of the clock for an invocation that gets or uses little CPU time; a smaller value counts
     * as timeout_us.
     */
    int64_t wall_us;
    /* An idle worker is retired after this time, and the fork server with the last. */
    int64_t idle_us;
    int64_t memory_bytes;
    /* Bytes. */
    int64_t max_output_size;
    /* Each worker becomes a user of its own (user.h). */
    bool own_users;
    /* The most invocations that are lent, 0.. */
    int window;
    /* A lent invocation is handed back after this time. */
    int64_t lease_us;
} ExecutorOptions;

typedef struct Executor Executor;

typedef struct {
    const char *name;
    bool (*has_room)(const Executor *executor);
    void (*submit)(Executor *executor, const Invocation *invocation, InvocationDone done,
                   void *data);
    bool (*cancel)(Executor *executor, uint64_t serial);
    void (*configure)(Executor *executor, const ExecutorOptions *options);
    int (*busy)(const Executor *executor);
    void (*free)(Executor *executor);
} ExecutorClass;

/* The beginning of every executor. */
struct Executor {
    const ExecutorClass *class;
    void (*room)(void *data);
    void *room_data;
};

/* True if executor_submit may be called. */
static inline bool executor_has_room(const Executor *executor)
{
    return executor->class->has_room(executor);
}

/* Begins an invocation. `invocation` itself is copied; its pointers are borrowed. */
static inline void executor_submit(Executor *executor, const Invocation *invocation,
                                   InvocationDone done, void *data)
{
    executor->class->submit(executor, invocation, done, data);
}

/*
 * Cancels an invocation. Within this call its InvocationDone is called with NULL, and so may be
 * those of others that wait behind it. False if the invocation is not under way.
 */
static inline bool executor_cancel(Executor *executor, uint64_t serial)
{
    return executor->class->cancel(executor, serial);
}

/* Sets new options, except `program`, `further` and `own_users`. */
static inline void executor_configure(Executor *executor, const ExecutorOptions *options)
{
    executor->class->configure(executor, options);
}

/* Returns the number of invocations under way: those at a worker, and those that wait for one. */
static inline int executor_busy(const Executor *executor)
{
    return executor->class->busy(executor);
}

/* Has `room` called whenever there may be room for a reason other than an InvocationDone. */
static inline void executor_set_room_callback(Executor *executor, void (*room)(void *data),
                                              void *data)
{
    executor->room = room;
    executor->room_data = data;
}

/* For executors: calls the callback for room. */
static inline void executor_report_room(Executor *executor)
{
    if (executor->room)
        executor->room(executor->room_data);
}

/* Ends all that is under way, without calling an InvocationDone. NULL is allowed. */
static inline void executor_free(Executor *executor)
{
    if (executor)
        executor->class->free(executor);
}
