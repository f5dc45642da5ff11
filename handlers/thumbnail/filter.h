/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls a worker may make, as a seccomp program. What libraries try in good faith
 * (opening a file, looking at one) merely fails; everything else that is not on the list is a
 * violation, and the end of the worker.
 */
#pragma once

#include <glib.h>
#include <linux/filter.h>
#include <stdbool.h>

typedef enum {
    FILTER_TELL, /* a violation is never done: its thread stands still, the daemon is told and kills
                  */
    FILTER_KILL, /* a violation kills the process with SIGSYS: nobody learns which it was */
} FilterMode;

/*
 * Compiles the list. Called once per mode; the program lives as long as the process. Errors:
 * ERROR_INTERNAL.
 */
bool filter_compile(FilterMode mode, struct sock_fprog *ret_program, GError **error);
