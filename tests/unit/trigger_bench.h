/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bench for the triggers of the daemon. The store is a real one; the journal, the clocks and the
 * program that gets the batches are the test's. The linker replaces them: see CMakeLists.txt.
 */
#pragma once

#include "base/clock.h"
#include "rules/trigger_states.h"
#include "rules/triggers.h"
#include "store_fixture.h"

/* The result of the next starts of deliveries. */
typedef enum {
    ACT_START,
    /* Nothing can take a batch. */
    ACT_FAIL_TO_START,
} Act;

struct TriggerRun {
    TriggerRunDone done;
    void *data;
};

/* A batch that was handed over, or was to be. */
typedef struct {
    uint64_t id, first, last, n_events;
    int64_t at_us;
} Call;

extern Act act;
extern bool is_command;
/* The delivery under way; NULL: none. */
extern TriggerRun *run;
/* Call. */
extern GArray *calls;
extern int64_t now_us;
/* Each reading of the clock makes it later by this. */
extern int64_t step_us;

typedef struct {
    Fixture store;
    TriggerParts parts;
    Triggers *triggers;
    Config *config;
} Bench;

/* Begins with a trigger `t` for created objects, with these further options. */
void bench_init(Bench *bench, const char *options);
void bench_clear(Bench *bench);

/* Puts another configuration of the trigger in force, as a reload does. */
void configure(Bench *bench, const char *options);

/* Commits as the journal does, and has the triggers check. Returns the time until the next check.
 */
int64_t check_once(Bench *bench);

/* Has the triggers check while the batch stays open. */
void check_in_batch(void);

/* Lets the time pass, and checks. */
void check_after(Bench *bench, int64_t delay_us);

/* Makes an object, and its event. */
void put_event(Bench *bench, const char *key);

/* Ends the delivery under way. */
void end_run(TriggerRunEnd end, int64_t retry_us);

/* Returns the call of this number, which must have happened. */
const Call *call_of(guint i);

/* Fails a batch of the log so that it waits as a delivery. Returns the sequencer of its event. */
uint64_t make_retry(Bench *bench, const char *key);
