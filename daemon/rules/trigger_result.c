/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_result.h"

#include "base/clock.h"
#include "base/log.h"
#include "rules/trigger_ahead.h"
#include "rules/trigger_skip.h"
#include "rules/trigger_wait.h"

#include <inttypes.h>

/* The longest delay until the next call of a function after a call without a valid answer. */
#define PUT_OFF_MAX_US CLOCK_MINUTE_US

/* Sets what becomes of a batch after a failure. */
static void fail_delivery(Trigger *trigger, const char *text)
{
    Delivery *delivery = &trigger->delivery;
    int64_t delay_us = trigger->triggers->retry_delay_us << MIN(delivery->attempts, 10U);

    delivery->attempts++;
    delivery->state = delivery->attempts < TRIGGER_ATTEMPTS_MAX ? DELIVERY_WAITING : DELIVERY_DEAD;
    delivery->due_us = clock_wall_us() + delay_us;
    delivery->input = trigger->input;
    const char *end;
    g_strlcpy(delivery->error, text, sizeof delivery->error);
    /* A character that is cut in two would make the text invalid for JSON. */
    (void)g_utf8_validate(delivery->error, -1, &end);
    delivery->error[end - delivery->error] = '\0';
    g_autofree char *when = clock_format_duration(delay_us);
    if (delivery->state == DELIVERY_WAITING)
        log_warning("trigger '%s': %s; its %" PRIu64 " events are tried again in %s", trigger->name,
                    text, delivery->n_events, when);
    else
        log_warning("trigger '%s': %s; given up: %" PRIu64 " events are a dead letter",
                    trigger->name, text, delivery->n_events);
    if (delivery->state == DELIVERY_DEAD)
        trigger_skip_write_letter(trigger, delivery);
}

/* Writes the result of a command: the cursor moves, or the delivery changes. */
static bool write_result(Trigger *trigger, bool is_ok, GError **error)
{
    Store *store = *trigger->triggers->parts.store;
    Delivery *delivery = &trigger->delivery;
    bool is_of_log = delivery->id == 0;

    if (is_of_log) {
        trigger_states_move(trigger, trigger->upto);
        if (trigger->is_of_old_count) {
            /* All that follows is counted anew. */
            trigger->n_ahead = 0;
            trigger->seen = trigger->upto;
        } else {
            trigger->n_ahead -= MIN(delivery->n_events, trigger->n_ahead);
        }
        if (!store_put_trigger(store, trigger->name, &trigger->state, error))
            return false;
        trigger->is_unsaved = false;
        trigger_ahead_add_age(trigger, delivery->time_us);
    } else if (trigger->is_counted) {
        trigger->n_waiting -= MIN(delivery->n_events, trigger->n_waiting);
    }
    if (is_ok)
        return is_of_log || store_remove_delivery(store, trigger->name, delivery->id, error);
    if (!store_put_delivery(store, trigger->name, delivery, error))
        return false;
    if (delivery->state == DELIVERY_WAITING) {
        trigger->n_waiting += delivery->n_events;
        trigger->due_us = MIN(trigger->due_us, delivery->due_us);
        trigger->first_waiting = MIN(trigger->first_waiting, delivery->id);
    }
    return true;
}

/* Makes the batch wait that nothing can take now. */
static void put_off(Trigger *trigger, const TriggerRunOutcome *outcome)
{
    const Triggers *triggers = trigger->triggers;
    Journal *journal = triggers->parts.journal;
    Delivery *delivery = &trigger->delivery;
    TriggerWait *wait = delivery->id == 0 ? &trigger->wait : &trigger->retry_wait;

    /* The new configuration may name another receiver. The batch comes again at once. */
    if (trigger->is_of_old_config)
        return;
    int64_t wait_us =
        trigger_wait_begin(trigger, wait, outcome->text, outcome->retry_us, PUT_OFF_MAX_US);
    if (delivery->id == 0)
        return;
    /* A receiver that asks for a rest means all batches. */
    if (outcome->retry_us > 0)
        trigger->wait.until_us = MAX(trigger->wait.until_us, wait->until_us);
    /* The batch may be put off each time: other failed batches have their turn between two
     * attempts. */
    delivery->due_us = clock_wall_us() + 2 * wait_us;
    delivery->input = trigger->input;
    trigger->is_ahead_of_store = true;
    (void)journal_change(journal, store_put_delivery(*triggers->parts.store, trigger->name,
                                                     delivery, journal_error(journal)));
}

/* Ends the waits after a batch was taken, or has failed. */
static void end_waits(Trigger *trigger)
{
    if (trigger->delivery.id != 0)
        trigger_wait_end(trigger, &trigger->retry_wait);
    /* While events of the log wait, the next batch of them tells. */
    if (trigger->delivery.id == 0 || trigger->n_ahead == 0)
        trigger_wait_end(trigger, &trigger->wait);
}

void trigger_result_take(Trigger *trigger, const TriggerRunOutcome *outcome)
{
    Journal *journal = trigger->triggers->parts.journal;
    bool is_ok = outcome->end == TRIGGER_RUN_OK;

    if (outcome->end == TRIGGER_RUN_PUT_OFF) {
        put_off(trigger, outcome);
        return;
    }
    end_waits(trigger);
    if (!is_ok)
        fail_delivery(trigger, outcome->text);
    trigger->is_ahead_of_store = true;
    (void)journal_change(journal, write_result(trigger, is_ok, journal_error(journal)));
}
