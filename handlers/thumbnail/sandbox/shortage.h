/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices that an allocation failed, also inside of a decoder that reports it as damage or not at
 * all. The functions of malloc's family, and pthread_create, take the place of those of the C
 * library, as the symbols of a program come before those of its libraries; CMakeLists.txt has them
 * exported.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes that any picture within the limits needs at once. */
#define SHORTAGE_REQUEST_MAX ((size_t)4 << 30)

/*
 * Has a failed allocation of C++ code, which would end in an abort, end the process: with
 * WORKER_EXIT_MEMORY, or with WORKER_EXIT_CLAIM if the request counts for nothing. Call it when all
 * libraries are loaded.
 */
void shortage_start(void);

/*
 * Forgets what failed before. Call it at the start of each decoding, so that a failure counts only
 * for that one. A request for more than `most_bytes`, at most SHORTAGE_REQUEST_MAX, counts for
 * nothing from now on: the file states a size that it does not have.
 */
void shortage_begin(size_t most_bytes);

/* True if this process can take so many bytes more, at once. */
bool shortage_has_room(uint64_t bytes);

/*
 * True if an allocation failed since shortage_begin. A thread that could not be started counts,
 * too: it wants memory for its stack, and the limit of processes is no fault of the file either.
 * With sanitizers always false.
 */
bool shortage_is_seen(void);
