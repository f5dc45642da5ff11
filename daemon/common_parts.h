/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that every change of a bucket's state needs, with a daemon and without one: lock, key,
 * journal, store and thumbnails, and the modules that change records. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Daemon Daemon;

/*
 * Makes these parts; `daemon` has its options, and its state is initialized. Opens nothing yet.
 * Owner: common_parts_clear.
 */
void common_parts_init(Daemon *daemon);

/*
 * Opens these parts: in the bucket's state folder, or, with `dry_run`, with a copy of the store, so
 * that nothing in bucket, prefix and state changes. Errors: those of state_parts_open.
 */
bool common_parts_open(Daemon *daemon, bool dry_run, GError **error);

/* Closes the store. `saved`: the last commit has succeeded. Call it before the other parts end. */
void common_parts_close(Daemon *daemon, bool saved);

/* Frees these parts, and releases the lock. */
void common_parts_clear(Daemon *daemon);
