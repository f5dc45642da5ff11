/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts sweeps that correct work left half done by a crash, by an older version of thumbq, or by
 * the replacement of the folder of the thumbnails. The journal holds the kinds of such work
 * (JournalLeft). The corrections are logged.
 */
#pragma once

#include "passes/sweep_task.h"

#include <stdbool.h>
#include <stdint.h>

/* Call it after a scan of the whole bucket. `n_objects`: objects that the scan has met; after a
 * scan that met none, all work is left for a later one. `checks_thumbnails`: no daemon watched the
 * bucket before, so changes of thumbnails are searched for. */
void mend_after_scan(const SweepParts *sweeps, uint64_t n_objects, bool checks_thumbnails);

/* Call it when the store takes changes again. The sweep does not wait for the following scan, which
 * takes long if there are many files. Before a scan has met objects, nothing is started. */
void mend_resumed(const SweepParts *sweeps);
