/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of triggers as bytes in a pipe, from the reader of a damaged store to the process that
 * writes the new one. For handover.c alone. */
#pragma once

#include "config/config.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Writes the rows of the damaged store to `fd`, each one as soon as it was read. Returns false if
 * some cannot be read. For a child process: see store_open_damaged.
 */
bool handover_rows_write(int fd, int dir_fd, const char *directory, const char *bucket,
                         const Config *config);

typedef struct {
    /* Number of batches that wait, and of dead letters. */
    uint64_t n_waiting, n_dead;
    /* The last row has come, and none was damaged. */
    bool is_whole;
} HandoverCounts;

/*
 * Takes `fd`, reads rows until the end, and puts them into the store. Triggers begin behind the
 * last sequencer of the store. Damaged deliveries and states are passed over; other wrong bytes end
 * the reading. Limits: a row has DELIVERY_INPUT_MAX bytes and its fields. Returns false with an
 * error of the store.
 */
bool handover_rows_read(int fd, Store *store, HandoverCounts *ret_counts, GError **error);
