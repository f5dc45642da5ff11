/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_ahead.h"

#include "base/clock.h"
#include "rules/trigger_batch.h"

/* Time between two measures of the oldest event. */
#define MEASURE_US CLOCK_MINUTE_US

bool trigger_ahead_count(StoreSnapshot *snapshot, Trigger *trigger, GError **error)
{
    TriggerBatch batch;

    if (!trigger_batch_count(snapshot, trigger->config, trigger->seen, &batch, error))
        return false;
    trigger->seen = batch.upto;
    trigger->n_ahead += batch.n_events;
    if (trigger->n_ahead == 0 && !trigger->run && trigger->state.cursor != trigger->seen)
        /* Is saved with the next commit: no commit is made for it. */
        trigger_states_move(trigger, trigger->seen);
    return true;
}

void trigger_ahead_add_age(Trigger *trigger, int64_t event_us)
{
    int64_t now_us = clock_wall_us();

    store_measure(*trigger->triggers->parts.store, METRIC_ITERATOR_AGE, now_us,
                  MAX(now_us - event_us, 0));
    trigger->measured_us = clock_monotonic_us();
}

bool trigger_ahead_measure(StoreSnapshot *snapshot, Trigger *trigger)
{
    const Triggers *triggers = trigger->triggers;
    Journal *journal = triggers->parts.journal;
    TriggerBatch oldest;

    if (trigger->n_ahead == 0 ||
        clock_monotonic_us() < trigger->measured_us + MEASURE_US - CLOCK_US_PER_SEC)
        return true;
    if (!journal_check(journal,
                       trigger_batch_count_oldest(snapshot, trigger->config, trigger->state.cursor,
                                                  1, INT64_MIN, &oldest, journal_error(journal))))
        return false;
    if (oldest.n_events == 0)
        return true;
    /* The row opens the batch that the measure belongs to. */
    bool ok = store_put_trigger(*triggers->parts.store, trigger->name, &trigger->state,
                                journal_error(journal));
    if (ok)
        trigger_ahead_add_age(trigger, oldest.time_us);
    return journal_change(journal, ok);
}
