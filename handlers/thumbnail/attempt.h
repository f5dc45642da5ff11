/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that tries the one thing it was asked for with (probe.h): the other side of `thumbq
 * doctor`. It is locked in as every worker is, reads one frame, tries, and tells, if it still can.
 * Whatever should succeed against all expectation does no harm.
 */
#pragma once

#include "forkserver.h"

/* Runs request->probe on `socket_fd`, where the WorkerHello has gone. Never returns. */
_Noreturn void attempt_run(int socket_fd, const ForkRequest *request);
