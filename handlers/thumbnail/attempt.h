/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that tries one probe (probe.h) for `thumbq doctor`. It enters its sandbox as every
 * worker does, reads one frame, tries, and reports, if it still can. A probe that succeeds against
 * all expectation does no harm.
 */
#pragma once

#include "handlers/forkserver.h"

/* Runs request->probe on `socket_fd`, after the WorkerHello. Never returns. */
_Noreturn void attempt_run(int socket_fd, const ForkRequest *request);
