/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a piece of work is: what the daemon counts, its socket carries, and commands show.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t done;
    uint64_t total;  /* 0: not known */
    uint64_t failed; /* of those done */
    bool is_growing; /* the total is not the last word */
} ProgressCount;

/* Is told of it now and then; NULL while there is nothing to do. */
typedef void (*ProgressFunction)(const ProgressCount *count, void *data);
