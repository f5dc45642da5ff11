/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivers the thumbnails of an order: into the file that came for each, or otherwise into the
 * answer as long as there is room, and then into a memory file. One limit holds for all of them
 * together.
 */
#pragma once

#include "handlers/wire.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    /* One per rendition, empty; NULL: none. */
    const int *files;
    /* Empty; -1: none. */
    int memory_fd;
    /* Bytes that may still be delivered. */
    int64_t left;
    int64_t memory_len;
    size_t payload_len;
    uint8_t payload[WIRE_PAYLOAD_MAX];
} OutputDelivery;

/*
 * Begins the delivery of an order. The descriptors are borrowed: `files` (NULL: none) of an order
 * with files of its own, `memory_fd` (-1: none) of another one.
 */
void delivery_begin(OutputDelivery *delivery, const WireOrder *order, const int *files,
                    int memory_fd);

/*
 * Delivers thumbnail `i`, called `name`. Errors: ERROR_OUTPUT_TOO_LARGE, ERROR_NO_SPACE, ERROR_IO.
 */
bool delivery_put(OutputDelivery *delivery, size_t i, const char *name, GBytes *bytes,
                  WirePlace *ret_place, GError **error);

/* Sets in `result` which places were used; its payload is borrowed from `delivery`. */
void delivery_end(const OutputDelivery *delivery, WireResult *result);
