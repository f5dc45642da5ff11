/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker did that its sandbox forbids, as told by the kernel: the worker's end of this (its
 * filter) is in thumbnail/sandbox.c. The call has not been done and never will be: it is not
 * answered, and the caller kills the worker. Private to handlers.
 */
#pragma once

#include "wire.h"

#include <stdbool.h>

/* True if a forbidden call stands there. `listener_fd` came with a WorkerHello; -1: false. */
bool violation_is_pending(int listener_fd);

/*
 * The number of the call that is pending; -1 if it is not known: it was withdrawn since, as its
 * thread was interrupted. Does not block.
 */
int violation_read(int listener_fd);

/* A sentence for people on a call by its number; a negative one is not known. */
void violation_describe(int number, char message[static WIRE_MESSAGE_MAX]);
