/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket at which the program that runs functions takes calls (CONTROL_INVOKE). That program
 * listens; daemons are among its clients.
 *
 * The socket is in the folder $THUMBQ_FUNCTIONS. Without that variable it is in
 * /run/thumbq/functions, if the folder exists: a service listens there. Otherwise it is in
 * $XDG_STATE_HOME/thumbq/functions.
 */
#pragma once

#include <glib.h>

#define CONTROL_INVOKE_NAME "invoke.sock"

/*
 * Connects without waiting. Returns a non-blocking socket. The listener must be root, or the owner
 * of the folder: the effective user, or for /run/thumbq/functions the user for whom root made it.
 * Returns -1 on error. Owner: the caller closes. Errors: ERROR_NOT_FOUND if no program listens,
 * ERROR_NOT_TRUSTED, ERROR_SHORTAGE if too many connections wait there to be accepted, ERROR_IO.
 */
int control_connect_invoke(GError **error);
