/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command prints, and the snapshot of the store that it reads.
 *
 * A pipe that nobody reads, or a terminal that is stopped, blocks whoever writes to it, and a
 * snapshot that is held meanwhile keeps the store from using space again. So while a snapshot is
 * held, what is printed to stdout is gathered; it is written when the snapshot has been given back.
 * Ctrl-Z waits for that, too.
 */
#pragma once

#include "store.h"

/* From here on stdout is gathered. `snapshot`: it rests whenever there is something to be written.
 */
void output_hold(StoreSnapshot *snapshot);

/* No snapshot is held any more: writes what was gathered, and from here on at once. Blocks. */
void output_release(void);
