/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many handlers are worth running at once; this is the value of `concurrency = auto`. A machine
 * has processors and memory; an affinity mask and control groups (cgroups(7), v1 and v2, at each
 * level up to the root) leave a process less of them. Reads files of /proc and /sys; changes
 * nothing.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Memory that a handler needs for a photograph of about 25 megapixels, its own code included. */
#define CAPACITY_HANDLER_BYTES (INT64_C(192) << 20)

typedef struct {
    /* Processors that the affinity mask allows. */
    int processors;
    /* Processors that the control groups allow; 0: no limit. */
    double quota;
    /* Memory that the control groups allow; 0: no limit. */
    int64_t limit_bytes;
    /* Unused part of that memory, cached files counted as unused; 0: no limit, or unknown. */
    int64_t unused_bytes;
    /* MemAvailable of the machine; 0: unknown. */
    int64_t free_bytes;
} Capacity;

/*
 * Memory use that was measured on recent pictures. All zero: nothing was measured yet, and no
 * handler is running.
 */
typedef struct {
    /* Memory that a picture needs at most; 0: unknown. */
    int64_t each_bytes;
    /* Memory that the running handlers hold now. */
    int64_t held_bytes;
} CapacityLoad;

/*
 * Reads the processors and the memory that this process may use now. `root` is the folder that
 * holds proc and sys: "" on a machine, another folder in tests. A file that cannot be read counts
 * as no limit.
 */
void capacity_read(const char *root, Capacity *ret_capacity);

/* Returns the number of processors, at least 1; a part of a processor counts as one. Pure. */
int capacity_processors(const Capacity *capacity);

/*
 * Returns the number of handlers to run at once, at least 1: at most one per processor, and at most
 * as many as fit into the free memory and the memory that running handlers hold. Pure.
 */
int capacity_concurrency(const Capacity *capacity, const CapacityLoad *load);

/*
 * Returns the new value of `each_bytes` after a picture that needed `seen_bytes`. A larger value
 * counts at once, a smaller one lowers the result slowly, so that a large picture among many small
 * ones is remembered. Pure.
 */
int64_t capacity_update_each(int64_t each_bytes, int64_t seen_bytes);

/*
 * Describes the capacity for people: "2 processors, 0.5 by control group, memory for 1 (192.0 MiB
 * each of 240.0 MiB that the control group has left)". Owner: the caller frees.
 */
char *capacity_describe(const Capacity *capacity, const CapacityLoad *load);
