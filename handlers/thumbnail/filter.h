/*
 * The system calls a worker may make, as a seccomp program. Everything that is not on the list
 * kills the process with SIGSYS, which the daemon knows for a sandbox violation; what libraries try
 * in good faith (opening a file, looking at one) merely fails.
 */
#pragma once

#include <glib.h>
#include <linux/filter.h>
#include <stdbool.h>

/* Compiles the list. Called once; the program lives as long as the process. Errors: ERROR_INTERNAL.
 */
bool filter_compile(struct sock_fprog *ret_program, GError **error);
