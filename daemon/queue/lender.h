/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket at which other programs borrow work (`[handler] lend`). It accepts the owner, root and
 * the groups of `[access] borrowers`, and passes connections to the lending executor. With `lend =
 * never`, and with `lend = auto` if no group is named, there is neither a socket nor an executor.
 */
#pragma once

#include "handlers/executor.h"
#include "journal/bucket_state.h"

#include <stdbool.h>

typedef struct Lender Lender;

#define LENDER_SOCKET_NAME "lend.sock"

/* Opens the socket and the executor as configured. A failure is logged, and all work is done on
 * this machine. `room` is called with `data` when a borrower may have room. Owner: lender_free. */
Lender *lender_new(const BucketState *state, const ExecutorOptions *options,
                   void (*room)(void *data), void *data);

/* Drops all lent work. NULL is accepted. */
void lender_free(Lender *lender);

/* Returns the executor; NULL if nothing is lent, or if `lender` is NULL. */
Executor *lender_executor(const Lender *lender);

/* Applies the configuration in force: opens, closes, and changes the list of borrowers. NULL is
 * accepted. */
void lender_configure(Lender *lender, const ExecutorOptions *options);

/* Listens again, in the present folder, if the socket's name was removed or replaced. NULL is
 * accepted. */
void lender_renew(Lender *lender);

/* Ends all lent work, which is handed back, and lends no more. NULL is accepted. */
void lender_stop(Lender *lender);
