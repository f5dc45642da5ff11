/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts libvips so that a file can reach as little of it as possible: only needed modules, only
 * loaders and savers on the list, no code made at run time, no temporary files.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Starts libvips and touches the memory that every invocation needs, so that processes forked from
 * this one share it. Call it once, before any other use of libvips; the process has one thread
 * afterwards as before. Changes the environment. Errors: ERROR_INTERNAL.
 */
bool library_start(GError **error);

/* True for the environment variables that library_start sets. */
bool library_sets_variable(const char *name);
