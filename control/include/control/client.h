/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client side: sends a request over a connection (connect.h) and waits for its answer.
 */
#pragma once

#include "control/control_request.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Limits of a wait, and a function to call during it. All zero: no limit and no call. */
typedef struct {
    /* 0 means no limit. */
    int64_t timeout_us;
    /* The wait ends when this descriptor is readable. 0 means none. */
    int stop_fd;
    /* May be NULL. */
    ProgressFunction progress;
    void *progress_data;
    /* May be NULL. `text` is borrowed for the call. */
    void (*item)(const char *text, void *data);
    void *item_data;
} ControlWait;

/*
 * Sends `request` and waits for the answer. `wait` may be NULL. Control characters in texts of the
 * answer and of items are replaced. Errors: ERROR_TIMEOUT; ERROR_INTERRUPTED (`stop_fd` is
 * readable); ERROR_PROTOCOL if the daemon is of another version; ERROR_IO; ERROR_USAGE and the
 * other errors that the daemon answers with, with its text.
 */
bool control_ask(int fd, const ControlRequest *request, const ControlWait *wait,
                 ControlAnswer *ret_answer, GError **error);
