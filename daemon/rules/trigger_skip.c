/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_skip.h"

#include "base/clock.h"
#include "base/log.h"
#include "rules/trigger_batch.h"
#include "rules/trigger_letter.h"

#include <inttypes.h>

void trigger_skip_write_letter(const Trigger *trigger, const Delivery *delivery)
{
    const TriggerParts *parts = &trigger->triggers->parts;
    const char *folder = trigger->config->on_failure;
    g_autoptr(GError) error = NULL;

    if (*folder && !trigger_letter_write(parts->lock->folder_fd, folder, trigger->name, delivery,
                                         clock_wall_us(), &error))
        log_warning("trigger '%s': %s", trigger->name, error->message);
}

/* Skips the events of `batch`, which becomes a dead letter without input. */
static bool skip(Trigger *trigger, const TriggerBatch *batch, const char *why)
{
    const Triggers *triggers = trigger->triggers;
    Delivery *range = &trigger->range;
    GError **error = journal_error(triggers->parts.journal);
    bool is_new = range->id == 0 || range->last < trigger->state.cursor;

    if (is_new)
        *range = (Delivery){.state = DELIVERY_RANGE,
                            .generation = trigger->state.generation,
                            .time_us = batch->time_us,
                            .first = batch->first,
                            .input = ""};
    range->last = batch->upto;
    range->n_events += batch->n_events;
    g_strlcpy(range->error, why, sizeof range->error);
    trigger_states_move(trigger, batch->upto);
    trigger->n_ahead -= MIN(batch->n_events, trigger->n_ahead);
    if (is_new)
        log_warning("trigger '%s': %" PRIu64 " events were skipped: %s", trigger->name,
                    batch->n_events, why);
    bool ok = store_put_delivery(*triggers->parts.store, trigger->name, range, error) &&
              store_put_trigger(*triggers->parts.store, trigger->name, &trigger->state, error);
    trigger->is_unsaved = !ok;
    trigger->is_ahead_of_store = true;
    trigger_skip_write_letter(trigger, range);
    return journal_change(triggers->parts.journal, ok);
}

bool trigger_skip_old(StoreSnapshot *snapshot, Trigger *trigger)
{
    const Triggers *triggers = trigger->triggers;
    const TriggerConfig *config = trigger->config;
    Journal *journal = triggers->parts.journal;
    uint64_t waiting = trigger->n_ahead + trigger->n_waiting;
    uint64_t backlog = (uint64_t)config->backlog;
    uint64_t excess = waiting > backlog ? MIN(waiting - backlog, trigger->n_ahead) : 0;
    int64_t cutoff_us = clock_guard_now_us(triggers->parts.clock_guard) - config->max_age_us;
    TriggerBatch old;

    if (trigger->n_ahead == 0)
        return true;
    if (!journal_check(journal,
                       trigger_batch_count_oldest(snapshot, config, trigger->state.cursor, excess,
                                                  cutoff_us, &old, journal_error(journal))))
        return false;
    if (old.n_events == 0)
        return true;
    return skip(trigger, &old,
                excess > 0 ? "more events were waiting than 'backlog' allows"
                           : "they waited for longer than 'max_age'");
}
