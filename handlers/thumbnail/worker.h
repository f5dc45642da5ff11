/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a process that locks itself in and serves jobs on its socket, one at a time, until that
 * is closed.
 */
#pragma once

#include "forkserver.h"

/* Runs the new process on `socket_fd`, closing every other descriptor it came with. Never returns.
 */
_Noreturn void worker_run(int socket_fd, const ForkRequest *request);
