/* SPDX-License-Identifier: Apache-2.0 */
/* How far a piece of work is. The daemon counts it, its socket sends it, and commands show it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t done;
    /* 0: unknown. */
    uint64_t total;
    /* How many of the finished ones failed. */
    uint64_t failed;
    /* True while the total may still grow. */
    bool is_growing;
} ProgressCount;

/* Reports progress now and then; `count` is NULL while there is nothing to do. */
typedef void (*ProgressFunction)(const ProgressCount *count, void *data);
