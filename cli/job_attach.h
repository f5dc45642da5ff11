/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for a back-fill job while the daemon works on it, or works on it here if no daemon runs.
 */
#pragma once

#include "context.h"
#include "control/control_request.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    /* The job ended. */
    JOB_ATTACH_ENDED,
    /* SIGINT or SIGTERM. The daemon continues the job. */
    JOB_ATTACH_LEFT,
    /* SIGINT or SIGTERM while this process worked. The next daemon continues the job. */
    JOB_ATTACH_STOPPED,
    /* The daemon ended, and no other one has started. */
    JOB_ATTACH_ABANDONED,
} JobAttach;

/*
 * Shows progress until the job ends. *ret_job is the daemon's answer; its id is 0 if no daemon has
 * answered. The context's store must be closed. Blocks. Errors: those of attach_work.
 */
bool job_attach(const Context *context, uint32_t id, JobAttach *ret_attach,
                ControlJobAnswer *ret_job, GError **error);
