/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/sweep_store.h"

#include "journal/journal.h"
#include "rules/clock_guard.h"

static void *store_open_part(SweepTask *task)
{
    return task;
}

/* Drops one slice of the expired data. */
static PassStep store_next(void *part, GError **error)
{
    SweepTask *task = part;
    const BucketState *state = task->parts->state;
    bool more;

    if (!store_upkeep(state->store, clock_guard_now_us(task->parts->clock_guard), task->dry_run,
                      &task->counts.store, &more, error))
        return PASS_FAILED;
    if (!task->dry_run && !journal_change(state->journal, true))
        return PASS_FAILED;
    return more ? PASS_MORE : PASS_END;
}

static void store_close_part(void *part)
{
    /* `part` is the sweep's own. */
    (void)part;
}

const SweepPart sweep_store = {store_open_part, store_next, store_close_part};
