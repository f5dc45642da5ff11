/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a process that enters its sandbox and serves invocations on its socket, one at a time,
 * until that is closed.
 */
#pragma once

#include "handlers/forkserver.h"

/*
 * Runs the new process on `socket_fd`. Closes every other descriptor that it inherited. Never
 * returns.
 */
_Noreturn void worker_run(int socket_fd, const ForkRequest *request);
