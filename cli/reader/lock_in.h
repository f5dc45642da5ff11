/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of the query reader: no new privileges, no files by name, no processes, no outgoing
 * connections. Private to the reader.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Enters the sandbox, which cannot be left. Calls outside of the list fail with EPERM. Calls that
 * execute, trace or load kernel code end the process. Errors: ERROR_INTERNAL. */
bool lock_in(GError **error);
