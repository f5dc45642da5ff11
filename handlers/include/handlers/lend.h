/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor that lends invocations to other programs: borrowers at a socket, which do the work
 * elsewhere. Frames: lend_frame.h.
 *
 * Each lent invocation has a lease. The invocation is handed back when its time is over, when its
 * borrower ends or lies, or when it is cancelled; an answer that comes after that is refused as
 * stale. Answers come in any order. The output is in the answer or in one memory file, which has to
 * be sealed when it comes. The answer is checked as that of a local worker is. A borrower that does
 * not read gets nothing more, is not read from in the meantime, and is ended after a while.
 *
 * A borrower that hands an invocation back, or lets a lease expire, gets no further one until it
 * states its room anew, or sends an answer that is believed.
 *
 * Sources are opened when a borrower asks for them, once for a lease, so that a thousand lent
 * invocations do not hold a thousand descriptors. A borrower has at most 16 of them unread, as the
 * kernel limits those of the daemon's user: the next one waits. A connection that ends in the
 * meantime counts as one until its borrower has read them, and as a lie. An invocation with files
 * of its own, or of a further handler program, cannot be lent. A borrower that has the further
 * program does the whole work, and its answer is about a file of that program; one that has not
 * answers that the file needs it.
 *
 * The pixels of thumbnails, their cost and the failures of pictures are as the borrower says. The
 * caller decides which programs may borrow: it accepts connections and checks their peers.
 */
#pragma once

#include "handlers/executor.h"

#include <stdbool.h>

/* The most connections at a time. */
#define LEND_BORROWERS_MAX 16

/*
 * Makes a lending executor. It has no room until a borrower comes. It uses these `options`:
 * `window`, `lease_us` and the limits of output and memory. Owner: executor_free, which closes all
 * connections.
 */
Executor *lend_new(const ExecutorOptions *options);

/*
 * Takes a connected SOCK_SEQPACKET socket, of a peer that may borrow. Closes it at once if there
 * are too many connections, or if a borrower has lied just before: within 1 s after the first lie,
 * twice as long after each further one, at most 64 s.
 */
void lend_accept(Executor *lend, int socket_fd);

/*
 * Takes all lent invocations back: calls each InvocationDone with NULL. Nothing is lent until the
 * next executor_configure.
 */
void lend_stop(Executor *lend);

/*
 * Ends the connections for which `may_stay` is false; their invocations are handed back from the
 * main loop.
 */
void lend_dismiss(Executor *lend, bool (*may_stay)(int socket_fd, void *data), void *data);

/* Returns the number of connections that have sent their HELLO. */
int lend_borrowers(const Executor *lend);

/*
 * Has `lied` called with the reason when a lie of a borrower is found. The callback may only take
 * note of it.
 */
void lend_set_lie_callback(Executor *lend, void (*lied)(const char *reason, void *data),
                           void *data);

/*
 * Returns the reason of the last lie; NULL: none. Borrowed until the next call of a function of
 * this header.
 */
const char *lend_last_lie(const Executor *lend);
