/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the work of a command done: by the daemon if one runs, else in the process of the command.
 */
#pragma once

#include "control/client.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A daemon needs at most this time from taking its lock to listening, or for a restart. */
#define CONTROL_PATIENCE_US (5 * INT64_C(1000000))

typedef struct {
    ControlRequest request;
    /* How to wait while the daemon works. */
    ControlWait wait;
    /* Time to wait for a daemon to listen before the work is done here. */
    int64_t patience_us;
    /* Time to wait for a daemon to listen when the work here has found the lock taken. 0 means no
     * wait. */
    int64_t locked_us;
    /* Do not do the work here. */
    bool only_daemon;
    /* Does the work in this process, under the lock. Errors: ERROR_LOCKED if another process has
     * the lock. */
    bool (*own_work)(const ControlRequest *request, ControlAnswer *ret_answer, void *data,
                     GError **error);
    void *own_data;
} ControlOrder;

typedef enum {
    /* No daemon runs, and `only_daemon` is set. */
    CONTROL_BY_NONE,
    CONTROL_BY_DAEMON,
    CONTROL_BY_OURSELVES,
} ControlDoer;

/* Has the work done. *ret_doer says by which process, also on error. *ret_answer is zero if no
 * process did it. Errors: those of control_ask and of `own_work`. */
bool control_work(const char *state_path, const ControlOrder *order, ControlDoer *ret_doer,
                  ControlAnswer *ret_answer, GError **error);
