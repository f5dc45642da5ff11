/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How thumbnails leave a worker that lives on: within its answer, or in memory files that it is
 * lent. A memory file is sealed before a byte of it is read, and its bytes are copied: the copy
 * stays as it is, even if the worker keeps its descriptor.
 *
 * Nothing here waits for a worker, and no size that a worker states is believed.
 */
#pragma once

#include "handlers/wire.h"

#include <stdbool.h>

/* Makes an empty memory file to lend to a worker. -1 with errno. Owner: the caller closes it. */
int output_new_memory(void);

/*
 * Seals the file: no process can write to it or change its length any more. False if a process has
 * it mapped for writing.
 */
bool output_seal(int memory_fd);

/* True if no process can change the file any more. */
bool output_is_sealed(int memory_fd);

/* True if all thumbnails that `result` places in the memory file lie within it. */
bool output_is_whole(const WireResult *result, int memory_fd);

/* True if all thumbnails of the answer or its memory file begin as their types say. */
bool output_is_typed(const WireResult *result, int memory_fd);

/*
 * Writes thumbnail `i` from the answer or its memory file into the empty file `fd`. Returns 0, or
 * -1 with errno.
 */
int output_copy(const WireResult *result, size_t i, int fd);
