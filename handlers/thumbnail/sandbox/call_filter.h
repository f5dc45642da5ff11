/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that a worker may make, as a seccomp program. Calls that libraries try in good
 * faith (opening a file, examining one) merely fail; every other call that is not on the list is a
 * violation, and ends the worker.
 */
#pragma once

#include "handlers/programs.h"

#include <glib.h>
#include <linux/filter.h>
#include <stdbool.h>

typedef enum {
    /*
     * The call of a violation is not done: its thread stops, and the daemon gets a notice and
     * kills.
     */
    FILTER_NOTIFY,
    /* A violation kills the process with SIGSYS; the call is not reported. */
    FILTER_KILL,
} FilterMode;

/*
 * Compiles the list of a profile (bits of CallProfile). Call it once per mode; the program lives as
 * long as the process. Errors: ERROR_INTERNAL.
 */
bool filter_compile(FilterMode mode, unsigned profile, struct sock_fprog *ret_program,
                    GError **error);
