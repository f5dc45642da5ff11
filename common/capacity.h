/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many handlers at once this process may expect to be of use: what `concurrency = auto` is. A
 * machine has processors and memory; an affinity and control groups (cgroups(7), v1 and v2, at each
 * level up to the root) leave a process less of them. Reads files of /proc and /sys; changes
 * nothing.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Memory that a handler takes for a photograph of some 25 megapixels, with all that it brings. */
#define CAPACITY_HANDLER_BYTES (INT64_C(192) << 20)

typedef struct {
    int processors;       /* that it may run on */
    double quota;         /* processors that its control groups give it; 0: no limit */
    int64_t memory_bytes; /* that its control groups give it; 0: no limit */
    int64_t free_bytes;   /* MemAvailable of the machine; 0: not known */
} Capacity;

/*
 * What there is now. `root` is the folder that holds proc and sys: "" on a machine, another one in
 * tests. What cannot be read counts as no limit.
 */
void capacity_read(const char *root, Capacity *ret_capacity);

/* The concurrency that follows, at least 1: a part of a processor counts as one. Pure. */
int capacity_concurrency(const Capacity *capacity);

/* "2 processors, 0.5 by control group, memory for 1 (256.0 MiB by control group)". Owner: the
 * caller. */
char *capacity_describe(const Capacity *capacity);
