/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of handler processes, an executor. It starts workers on demand up to a limit, retires
 * idle ones, replaces a worker after a number of invocations, kills it at the timeout, and survives
 * any death of a worker.
 *
 * It has one thread, on the default GLib main context. It knows no kind of invocation, never parses
 * an image byte and never blocks on a worker.
 *
 * The death of a worker ends the invocation that the worker was at. Invocations that waited for it
 * are handed back without harm, as are those that wait for a worker whose current one takes long. A
 * worker that dies may have been harmed by an earlier invocation: a new worker runs the invocation
 * once more. Without a descriptor or memory for a memory file, or to send the files of an
 * invocation, it ends as ERROR_SHORTAGE before a worker begins it.
 *
 * An invocation whose group has no worker gets a new one. If there are as many as allowed, the
 * worker that has been idle longest is retired for it. While all are busy the invocation waits in
 * the pool. Groups take turns of a quarter of the patience: many small groups cost a new process
 * for each turn, and no group waits for ever.
 *
 * Invocations of several handler programs share the limit of concurrency. A worker belongs to one
 * program, and a group has workers of its own in each. A program starts with the first invocation
 * for it. A further program (Invocation.program) that cannot be started takes no room from the
 * others: until the next attempt its invocations end as ERROR_HANDLER_UNAVAILABLE at once, or as
 * ERROR_SHORTAGE if the machine has no descriptor, process or memory left for it.
 *
 * There is room (executor_has_room) while a worker is idle or may be started, or an invocation may
 * wait for a busy worker, if it is one of the first program. It may wait while invocations are
 * short and all workers are busy: a worker then has its next invocation at hand, and never waits
 * for the daemon.
 */
#pragma once

#include "handlers/executor.h"

#include <stdbool.h>

/*
 * Makes a pool; starts no process yet. `options` is copied. After executor_configure with other
 * limits of time, memory or output, the workers that live do no further invocation. executor_free
 * kills all processes. Owner: executor_free.
 */
Executor *pool_new(const ExecutorOptions *options);

/* Returns the number of failed starts of the first program in a row. */
int pool_failures(const Executor *pool);

/* Returns the memory of the busy workers, bytes. */
int64_t pool_held_bytes(const Executor *pool);

/*
 * Cancels the nice invocation that began last, and ends its worker: its InvocationDone is called
 * with NULL. Between two such calls a nice invocation must end, so that all of them get done. False
 * if there is none to cancel.
 */
bool pool_yield(Executor *pool);
