/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a worker puts the thumbnails of a job: into the file that came for each, or else into the
 * answer as long as there is room, and into a memory file beyond that. One limit holds for all of
 * them together.
 */
#pragma once

#include "wire.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const int *files; /* one per rendition, empty; NULL: none */
    int memory_fd;    /* empty; -1: none */
    int64_t left;     /* bytes that there may still be */
    int64_t memory_len;
    size_t payload_len;
    uint8_t payload[WIRE_PAYLOAD_MAX];
} Delivery;

/*
 * Begins a job's delivery. The descriptors are borrowed: `files` (NULL: none) of a job with files
 * of its own, `memory_fd` (-1: none) of another one.
 */
void delivery_begin(Delivery *delivery, const WireJob *job, const int *files, int memory_fd);

/*
 * Delivers thumbnail `i`, called `name`. Errors: ERROR_OUTPUT_TOO_LARGE, ERROR_NO_SPACE, ERROR_IO.
 */
bool delivery_put(Delivery *delivery, size_t i, const char *name, GBytes *bytes,
                  WirePlace *ret_place, GError **error);

/* Says in `result` what has been used; its payload is borrowed from `delivery`. */
void delivery_end(const Delivery *delivery, WireResult *result);
