/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvips, started so that as little of it as possible can be reached by a file: no modules but
 * those wanted, no loader or saver that is not on the list, no run-time code generation, no
 * spilling to disk.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Starts libvips and touches what every job needs, so that processes forked from this one share it.
 * Called once, before any other use of libvips; the process has one thread afterwards as before.
 * Changes the environment. Errors: ERROR_INTERNAL.
 */
bool library_start(GError **error);

/* True for the environment variables that library_start sets. */
bool library_sets_variable(const char *name);
