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

/* A sentence for people, with the name of the call that is pending. Does not block. */
void violation_describe(int listener_fd, char message[static WIRE_MESSAGE_MAX]);

/* The same sentence for a call by its number; a negative one is not known. */
void violation_describe_call(int number, char message[static WIRE_MESSAGE_MAX]);
