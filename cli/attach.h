/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that a running daemon does while we wait, and that we do ourselves, in the foreground, where
 * none runs.
 */
#pragma once

#include "context.h"
#include "control.h"
#include "daemon.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a daemon may take from its lock to its socket, or to come back when it is restarted. */
#define ATTACH_PATIENCE_US (5 * INT64_C(1000000))

typedef struct {
    const char *request;    /* of a daemon, see control.h */
    ControlWait wait;       /* while it works */
    int64_t patience_us;    /* for a daemon to begin to listen, before anything is done here */
    bool only_daemon;       /* never here */
    DaemonOptions own_work; /* here; bucket and handler are filled in */
} AttachOrder;

typedef enum {
    ATTACH_NOBODY, /* with `only_daemon`: none runs */
    ATTACH_DAEMON,
    ATTACH_OURSELVES,
} AttachDoer;

/* Connects to the daemon, waiting for one as long as said. -1 without an error: none runs. */
int attach_connect(const Context *context, int64_t patience_us, GError **error);

/*
 * Has the work done. *ret_doer, also on error: by whom. The context's store must be closed. Errors:
 * those of control_ask and of daemon_run; ERROR_LOCKED if somebody has the lock who does not
 * listen.
 */
bool attach_work(const Context *context, const AttachOrder *order, AttachDoer *ret_doer,
                 GError **error);
