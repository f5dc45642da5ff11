/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of commands: done by the daemon of a bucket or, if no daemon runs, in this process under
 * its lock. */
#pragma once

#include "config/config.h"
#include "control/work.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Executes a request: CONTROL_SWEEP, CONTROL_EDIT, CONTROL_JOB_SUBMIT or CONTROL_JOB_CANCEL. Items
 * and progress are the same in both cases. Blocks until the answer. Errors: ERROR_LOCKED,
 * ERROR_USAGE, those of control_ask and of the store.
 */
bool daemon_request(const char *bucket, const Config *config, const ControlRequest *request,
                    const ControlWait *wait, ControlAnswer *ret_answer, GError **error);
