/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How thumbnails leave a worker that lives on: within its answer, or in memory files that it is
 * lent. A memory file is sealed before a byte of it is read, and its bytes are copied: whatever the
 * worker does with its descriptor afterwards, the copy stays as it is.
 *
 * Nothing here waits for a worker, and nothing that a worker says of sizes is believed.
 */
#pragma once

#include "wire.h"

#include <stdbool.h>

/* An empty memory file to lend to a worker. -1 with errno. Owner: the caller closes. */
int output_new_memory(void);

/*
 * Seals it: nobody can write to it, or make it longer or shorter, any more. False if that cannot be
 * done, as somebody has it mapped for writing.
 */
bool output_seal(int memory_fd);

/* True if all thumbnails that `result` says are in the memory file lie within it. */
bool output_is_whole(const WireResult *result, int memory_fd);

/* Writes thumbnail `i` from the answer or its memory file into the empty file `fd`. 0, or -1 with
 * errno. */
int output_copy(const WireResult *result, size_t i, int fd);
