/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of handler processes: grown on demand up to a limit, retired when idle, replaced after a
 * number of invocations, killed at the timeout; survives any death of a worker.
 *
 * Single-threaded, on the default GLib main context. It never parses an image byte and never blocks
 * on a worker. Every submitted job ends in exactly one call of its PoolDone, never from within
 * pool_submit.
 */
#pragma once

#include "wire.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Pool Pool;

typedef struct {
    const char *program; /* path of thumbq-thumbnail */
    int concurrency;     /* workers that are at work at the most, 1.. */
    int keep_idle;       /* as many may live beside these, idle: each is of use to its group only */
    int max_invocations; /* of one worker, 1.. */
    int ahead;           /* jobs that may wait for a worker that is at another one, 0..7 */
    int64_t patience_us; /* so long: a worker that takes longer keeps none waiting */
    int64_t timeout_us;  /* CPU time per invocation: SIGKILL */
    int64_t wall_us; /* of the clock, for one that gets or uses little; less counts as timeout_us */
    int64_t idle_us; /* an idle worker is retired after this; the fork server with the last */
    int64_t memory_bytes;
    int64_t max_output_size; /* bytes */
    bool own_users;          /* each worker becomes a user of its own (user.h) */
} PoolOptions;

/* What one invocation cost, measured by the daemon's side, not reported by the worker. */
typedef struct {
    int64_t duration_us;  /* frame sent to frame received, or to the worker's death */
    int64_t cpu_us;       /* user + system */
    int64_t memory_bytes; /* peak resident set during it */
    int64_t init_us;      /* start of the worker, when this invocation waited for one; else 0 */
    bool starved;         /* a timeout by the clock: it had not used up its CPU time */
    bool killed;          /* by SIGKILL, and not by the pool: most likely for want of memory */
} PoolUsage;

/*
 * `result` and `usage` are borrowed for the call. A worker's death is a result with the error it
 * means: timeout, out_of_memory, sandbox_violation, handler_crashed, source_changed (SIGBUS:
 * truncated while mapped). It is that of the job it was at; those that waited for it are none the
 * worse. Where there is no descriptor or memory for a memory file the job ends as `shortage`,
 * before a worker begins with it.
 *
 * What a result says of thumbnails cannot change any more. With `own_files` the worker has been
 * reaped, and the files are the caller's alone; else output_copy (output.h) takes them out of the
 * result, within the call.
 *
 * Without a result (NULL) the job is handed back: it waited for a worker that has ended, or that
 * takes long over another job. Nothing of it counts, and it may be submitted again.
 */
typedef void (*PoolDone)(const WireResult *result, const PoolUsage *usage, void *data);

/* Starts nothing yet. `options` is copied. Owner: pool_free. */
Pool *pool_new(const PoolOptions *options);

/*
 * From now on these hold, but for `program` and `own_users`. Workers with other limits of time,
 * memory or output get no further job.
 */
void pool_configure(Pool *pool, const PoolOptions *options);

/*
 * True if pool_submit may be called: a worker is idle or may be started, or one that is at work can
 * have a job wait for it. That is so while jobs are short and all workers busy: a worker then has
 * its next job at hand, and never waits for the daemon.
 */
bool pool_has_room(const Pool *pool);

/* Called, if set, whenever pool_has_room may have become true other than through a PoolDone. */
void pool_set_room_callback(Pool *pool, void (*callback)(void *data), void *data);

/* Starts of the fork server that failed in a row. */
int pool_failures(const Pool *pool);

/* Jobs under way: those that are worked on, and those that wait for a worker. */
int pool_busy(const Pool *pool);

/* What is borrowed of the caller until the PoolDone. */
typedef struct {
    const WireJob *wire;
    int source_fd;
    const int *files; /* with wire->own_files: one per rendition, empty; else NULL */
    const char
        *group; /* its worker sees no job of another group, before or after; "" is one, too */
    bool named_as_image; /* "no image" is suspicious: the worker is not used again */
} PoolJob;

/*
 * Runs a job. One with `own_files` gets a process of its own. A worker that dies may have been
 * harmed by an earlier job: the job is run once more then, by a new one.
 *
 * A job whose group has no worker gets one, for which the worker that has been idle
 * longest is retired where there are as many as there may be. While all are at work it waits in the
 * pool. Groups take turns of a quarter of the patience: many small groups cost a new process for
 * each turn, and none waits for ever.
 */
void pool_submit(Pool *pool, const PoolJob *job, PoolDone done, void *data);

/* Kills all processes; jobs under way are forgotten, their PoolDone is not called. */
void pool_free(Pool *pool);
