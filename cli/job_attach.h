/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being there while a back-fill job is worked on: by the daemon, or by ourselves where none runs.
 */
#pragma once

#include "context.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    JOB_ATTACH_ENDED,    /* the job has */
    JOB_ATTACH_LEFT,     /* SIGINT or SIGTERM: the daemon goes on with it */
    JOB_ATTACH_STOPPED,  /* the same, but it was us who worked: whoever runs next goes on */
    JOB_ATTACH_DESERTED, /* the daemon has ended, and no other came in its place */
} JobAttach;

/*
 * Shows progress until the job ends. The context's store must be closed. Errors: those of
 * attach_work.
 */
bool job_attach(const Context *context, uint32_t id, JobAttach *ret_attach, GError **error);
