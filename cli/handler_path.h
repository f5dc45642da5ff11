/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the programs that commands run: the handler, and those of optional packages.
 */
#pragma once

#include <glib.h>

/*
 * Returns the path of the handler program. The first of these is used: $THUMBQ_HANDLER; the handler
 * beside this executable, as in a build; the installed handler, relative to this executable, so
 * that an installation can be moved; the path from the build configuration. Errors: ERROR_INTERNAL.
 * Owner: the caller frees.
 */
char *handler_path(GError **error);

/*
 * Returns the path of the program `name`: beside this executable, as in a build; else the installed
 * one, as handler_path finds it. NULL without an error: it is not installed. *ret_folder (may be
 * NULL) is set then, to the folder of this executable. Errors: ERROR_IO. Owner of both: the caller
 * frees.
 */
char *handler_path_of(const char *name, char **ret_folder, GError **error);
