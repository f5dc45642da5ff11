/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a daemon. daemon.c makes them in order, connects them and frees them; offline.c does
 * so with the few that a change of state without a daemon needs. Each part has a header of its own,
 * and no other code knows the members of its struct.
 *
 * Everything runs on one thread, in the default GLib main context. No function of the daemon waits
 * for a worker.
 */
#pragma once

#include "base/service.h"
#include "daemon/daemon_options.h"
#include "journal/bucket_state.h"
#include "passes/backfill.h"
#include "passes/pass.h"
#include "passes/sweep_task.h"
#include "queue/intake.h"
#include "rules/schedules.h"
#include "run.h"

typedef struct Alarms Alarms;
typedef struct Away Away;
typedef struct DestinationBatch DestinationBatch;
typedef struct Dispatch Dispatch;
typedef struct Folders Folders;
typedef struct Objects Objects;
typedef struct QueryReader QueryReader;
typedef struct Redate Redate;
typedef struct Reload Reload;
typedef struct CommandServer CommandServer;
typedef struct Triggers Triggers;

typedef struct Daemon Daemon;

struct Daemon {
    const DaemonOptions *options;
    /* Owned: the configuration in force after a reload; NULL before. */
    Config *loaded_config;
    /* No events and no work: see offline.h. */
    bool offline;

    DaemonRun *run;
    /* NULL: no service manager. */
    Service *service;
    BucketState state;
    Passes *passes;

    Objects *objects;
    Folders *folders;
    Away *away;
    ClockGuard *clock_guard;
    WindowSwitch *window;
    SweepParts sweeps;
    Backfill backfill;

    /* The following are NULL, or not filled in, if `offline`. */
    Intake intake;
    Dispatch *dispatch;
    Redate *redate;
    ScheduleParts schedule_parts;
    Schedules *schedules;
    Alarms *alarms;
    /* NULL with `run --once`. */
    Triggers *triggers;
    DestinationBatch *destinations;
    /* A configuration that is being checked; NULL: none. */
    Reload *reload;
    CommandServer *server;
    /* NULL also if no reader answers queries. */
    QueryReader *query_reader;
};
