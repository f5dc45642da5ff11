/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that a command waits for. The running daemon does it; without one, this process does it in
 * the foreground, as a daemon that ends with the work.
 */
#pragma once

#include "context.h"
#include "control/work.h"
#include "daemon/daemon.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* The request to the daemon. attach_work fills in how the work is done here. */
    ControlOrder order;
    /* Options for the work in this process. attach_work fills in bucket and handler. */
    DaemonOptions own_work;
} AttachOrder;

/* Connects to the daemon, and waits up to `patience_us` for one to listen. Returns -1 on error, and
 * -1 with no error set if no daemon runs. Owner: the caller closes. */
int attach_connect(const Context *context, int64_t patience_us, GError **error);

/*
 * Has the work done. *ret_doer says by which process, also on error. *ret_answer is the daemon's
 * answer; all zero if the work was done here. The context's store must be closed. Blocks until the
 * work ends. Errors: those of control_work and of daemon_run; ERROR_LOCKED if a process that has
 * the lock does not listen.
 */
bool attach_work(const Context *context, const AttachOrder *order, ControlDoer *ret_doer,
                 ControlAnswer *ret_answer, GError **error);
