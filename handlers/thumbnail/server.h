/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fork server: makes a worker for every request, and is never its parent.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Answers requests (forkserver.h) on `socket_fd` until that is closed. Single-threaded. In a new
 * worker it does not return. Errors: ERROR_IO, ERROR_PROTOCOL.
 */
bool server_run(int socket_fd, GError **error);
