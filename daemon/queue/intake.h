/* SPDX-License-Identifier: Apache-2.0 */
/* Bucket events -> store: records the events of objects, folders and mounts. The work that follows
 * from them is found in the store. */
#pragma once

#include "base/service.h"
#include "passes/sweep_task.h"
#include "passes/walk.h"
#include "run.h"
#include "watcher/bucket.h"

#include <stdbool.h>

/* Borrowed pointers. */
typedef struct {
    WalkParts walks;
    const SweepParts *sweeps;
    /* Ends with ERROR_NOT_FOUND when the bucket is lost. */
    DaemonRun *run;
    /* Is ready after the first scan; NULL: no service manager. */
    Service *service;
    /* See mend_after_scan. */
    bool checks_thumbnails;
} Intake;

/* Records the event. */
void intake_event(const Intake *intake, const BucketEvent *event);
