/* SPDX-License-Identifier: Apache-2.0 */
/* Store -> handlers: hands out as much work as there is room for, in the order of the queue. The
 * record is the queue entry: a work item that is lost with the process is pending again. */
#pragma once

#include "kinds/kind.h"
#include "queue/outcome.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Dispatch Dispatch;

typedef struct {
    /* The kind of all work. */
    const Kind *kind;
    /* Path of thumbq-thumbnail. */
    const char *handler_program;
    OutcomeOptions outcomes;
} DispatchOptions;

/* Makes the pool that executes the work. Copies `options`. Owner: dispatch_free, after
 * dispatch_stop. */
Dispatch *dispatch_new(const DispatchOptions *options);

/* Drops the work items under way. */
void dispatch_free(Dispatch *dispatch);

/* Begins to lend work to other programs, if configured. */
void dispatch_lend(Dispatch *dispatch);

/* Ends all lent work, which is handed back, and lends no more. */
void dispatch_stop_lending(Dispatch *dispatch);

/* Listens again, in the present folder, if the name of the lender's socket was removed or
 * replaced. */
void dispatch_renew_lender(Dispatch *dispatch);

/* Stops the hand-out of work. */
void dispatch_stop(Dispatch *dispatch);

/* Makes the next dispatch_settle search for work in any case. */
void dispatch_wake(Dispatch *dispatch);

/* True if there may be work or room that the last search did not find. */
bool dispatch_is_due(const Dispatch *dispatch);

/* Searches for work, if dispatch_is_due, and begins it. */
void dispatch_settle(Dispatch *dispatch);

/* Returns the number of work items under way, on this machine and lent. */
int dispatch_busy(const Dispatch *dispatch);

/* Returns the number of work items under way on this machine. */
int dispatch_busy_here(const Dispatch *dispatch);

/* Applies the configuration in force. */
void dispatch_configure(Dispatch *dispatch);

/* True if the last search has found no pending object. */
bool dispatch_is_empty(const Dispatch *dispatch);

/* True if work waits until the disk has its reserve, as of the last search. */
bool dispatch_waits_for_disk(const Dispatch *dispatch);

/* Wall clock: start of the oldest work item under way, microseconds; INT64_MAX: none is under way.
 */
int64_t dispatch_oldest_us(const Dispatch *dispatch);

/* Returns the number of invocations that have ended since the daemon started. */
uint64_t dispatch_invocations(const Dispatch *dispatch);
