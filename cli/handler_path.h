/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the handler program is.
 */
#pragma once

#include <glib.h>

/*
 * $THUMBQ_HANDLER, else beside this executable (in the build), else where it is installed: seen
 * from this executable, so that an installation may be moved, or as configured. Errors:
 * ERROR_INTERNAL. Owner: the caller frees.
 */
char *handler_path(GError **error);
