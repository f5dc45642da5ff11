/*
 * Being there while a back-fill job is worked on: by the daemon, or by ourselves where none runs.
 */
#pragma once

#include "context.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    ATTACH_ENDED,    /* the job has */
    ATTACH_LEFT,     /* SIGINT or SIGTERM: the daemon goes on with it */
    ATTACH_STOPPED,  /* the same, but it was us who worked: whoever runs next goes on */
    ATTACH_DESERTED, /* the daemon has ended, and no other came in its place */
} Attach;

/*
 * Shows progress until the job ends. The context's store must be closed, and is so afterwards.
 * Errors: ERROR_LOCKED (somebody else works, and does not listen), those of daemon_run and
 * control_ask.
 */
bool job_attach(Context *context, uint32_t id, Attach *ret_attach, GError **error);

/* True if a daemon runs on the context's bucket, and listens. */
bool job_has_daemon(const Context *context);
