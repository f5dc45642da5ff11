/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reserve of the disk: no work begins while less space is free on the file system of the
 * thumbnails or of the state. Work under way is finished, and events are recorded: both are
 * small. The begin and the end of a shortage are logged. A shortage ends `run --once` with
 * ERROR_NO_SPACE.
 */
#pragma once

#include "journal/bucket_state.h"
#include "run.h"

#include <stdbool.h>

typedef struct LowDisk LowDisk;

/* Makes the check of the reserve. `once`: a shortage ends `run`. The arguments are borrowed. Owner:
 * low_disk_free. */
LowDisk *low_disk_new(const BucketState *state, DaemonRun *run, bool once);
void low_disk_free(LowDisk *low);

/* True while less space than the reserve is free. Asks the file systems at most once a second. */
bool low_disk_check(LowDisk *low);

/* Returns the result of the last low_disk_check. */
bool low_disk_is(const LowDisk *low);
