/* SPDX-License-Identifier: Apache-2.0 */
/* The fork server: makes a worker for every request, and is not the worker's parent. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Answers requests (forkserver.h) on `socket_fd` until that is closed. Has one thread. Does not
 * return in a new worker. Errors: ERROR_IO, ERROR_PROTOCOL.
 */
bool fork_server_run(int socket_fd, GError **error);
