/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forbidden system calls of a worker, as the kernel reports them. The worker's part (its filter) is
 * in thumbnail/sandbox. The call has not been done and never will be: it is not answered, and the
 * caller kills the worker. Private to handlers.
 */
#pragma once

#include "handlers/wire.h"

#include <stdbool.h>

/* True if a forbidden call is pending. `listener_fd` came with a WorkerHello; -1: false. */
bool violation_is_pending(int listener_fd);

/*
 * Returns the number of the pending call; -1 if it is not known: the kernel withdrew it because its
 * thread was interrupted. Does not block.
 */
int violation_read(int listener_fd);

/*
 * Writes a sentence for people about a call, by its number; a negative number is an unknown call.
 */
void violation_describe(int number, char message[static WIRE_MESSAGE_MAX]);
