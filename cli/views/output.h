/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the output of a command apart from the snapshot of the store that it reads.
 *
 * Writing blocks if no process reads the pipe or the terminal is stopped. A snapshot held during
 * that time prevents the store from reusing space. So while a snapshot is held, output to stdout is
 * gathered; it is written after the snapshot is released. Ctrl-Z also takes effect only then.
 */
#pragma once

#include "store/store.h"

/* Gathers stdout from now on. When gathered output has to be written, `snapshot` is paused
 * meanwhile. */
void output_hold(StoreSnapshot *snapshot);

/* Writes the gathered output. From now on stdout is written directly. No snapshot may be held.
 * Blocks. */
void output_release(void);
