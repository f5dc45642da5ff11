/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/triggers.h"

#include "base/clock.h"
#include "base/log.h"
#include "rules/trigger_ahead.h"
#include "rules/trigger_batch.h"
#include "rules/trigger_result.h"
#include "rules/trigger_skip.h"
#include "rules/trigger_states.h"
#include "rules/trigger_wait.h"
#include "store/epoch.h"

/* Longest time between two checks for old events. */
#define CHECK_AGAIN_US CLOCK_MINUTE_US

/* Delay after a command that could not be started: the machine lacks something. */
#define BLOCKED_US (10 * CLOCK_US_PER_SEC)

/* The longest delay until the next call of a function while no program listens. */
#define UNHEARD_MAX_US (5 * CLOCK_US_PER_SEC)

/* Starts the deliveries that are possible now, and sets the time of the next check. */
static gboolean check(gpointer data);

static void check_in(Triggers *triggers, int64_t delay_us)
{
    guint delay_ms = (guint)(CLAMP(delay_us, 0, CHECK_AGAIN_US) / CLOCK_US_PER_MS);

    g_clear_handle_id(&triggers->source, g_source_remove);
    triggers->is_check_due = delay_us <= 0;
    triggers->source =
        delay_us <= 0 ? g_idle_add(check, triggers) : g_timeout_add(delay_ms + 1, check, triggers);
}

/* Forgets the delivery under way, which the caller ends. Returns it. */
static TriggerRun *steal_run(Trigger *trigger)
{
    TriggerRun *run = g_steal_pointer(&trigger->run);

    if (run && trigger_run_has_process(run))
        trigger->triggers->n_running--;
    return run;
}

static void trigger_free(void *data)
{
    Trigger *trigger = data;

    trigger_run_cancel(steal_run(trigger));
    g_free(trigger->input);
    g_free(trigger);
}

Triggers *triggers_new(const TriggerParts *parts)
{
    Triggers *triggers = g_new0(Triggers, 1);

    triggers->parts = *parts;
    triggers->rows = g_ptr_array_new_with_free_func(trigger_free);
    return triggers;
}

void triggers_free(Triggers *triggers)
{
    if (!triggers)
        return;
    g_clear_handle_id(&triggers->source, g_source_remove);
    g_ptr_array_unref(triggers->rows);
    g_free(triggers);
}

void triggers_configure(Triggers *triggers, const Config *config)
{
    for (guint i = 0; i < triggers->rows->len; i++)
        ((Trigger *)g_ptr_array_index(triggers->rows, i))->config = NULL;
    for (size_t i = 0; i < config->n_triggers; i++) {
        const TriggerConfig *row = &config->triggers[i];
        Trigger *trigger = trigger_states_find(triggers, row->name);
        if (!trigger) {
            trigger = g_new0(Trigger, 1);
            trigger->triggers = triggers;
            g_strlcpy(trigger->name, row->name, sizeof trigger->name);
            g_ptr_array_add(triggers->rows, trigger);
        }
        trigger->config = row;
        trigger->is_of_old_config = trigger->run != NULL;
        /* The new configuration may name something else to run. */
        trigger_wait_reset(&trigger->wait);
        trigger_wait_reset(&trigger->retry_wait);
    }
    for (guint i = triggers->rows->len; i-- > 0;) {
        if (!((Trigger *)g_ptr_array_index(triggers->rows, i))->config)
            /* A running command of it is ended. */
            (void)g_ptr_array_remove_index(triggers->rows, i);
    }
    triggers->retry_delay_us = triggers->parts.once ? 0 : config->retry_delay_us;
    triggers->first = 0;
    triggers->is_loaded = false;
}

bool triggers_load(Triggers *triggers, GError **error)
{
    if (!trigger_states_load(triggers, error))
        return false;
    if (triggers->rows->len > 0)
        check_in(triggers, 0);
    return true;
}

static void end_run(const TriggerRunOutcome *outcome, void *data);

/* Starts to deliver trigger->delivery. Takes `input`. */
static bool start_run(StoreSnapshot *snapshot, Trigger *trigger, char *input, GError **error)
{
    Triggers *triggers = trigger->triggers;
    TriggerRunBatch batch = {.config = trigger->config,
                             .parts = &triggers->parts,
                             .delivery = &trigger->delivery,
                             .input = input};
    g_autoptr(GError) reason = NULL;

    g_free(trigger->input);
    trigger->input = input;
    trigger->generation = journal_generation(triggers->parts.journal);
    trigger->is_of_old_config = trigger->is_of_old_count = false;
    if (!store_get_epoch(snapshot, &batch.epoch, error))
        return false;
    trigger->run = trigger_run_start(&batch, end_run, trigger, &reason);
    if (trigger->run) {
        triggers->n_running += trigger_run_has_process(trigger->run);
        return true;
    }
    /* No event is to blame. */
    if (!trigger_run_is_command(trigger->config)) {
        (void)trigger_wait_begin(trigger, &trigger->wait, reason->message, 0, UNHEARD_MAX_US);
        return true;
    }
    trigger->wait.until_us = clock_monotonic_us() + BLOCKED_US;
    log_warning("trigger '%s': %s; trying again in %d s", trigger->name, reason->message,
                (int)(BLOCKED_US / CLOCK_US_PER_SEC));
    return true;
}

/* Reads the next events of the log. A batch that the receiver may have stays as it was. */
static bool read_batch(StoreSnapshot *snapshot, Trigger *trigger, TriggerBatch *ret_batch,
                       GError **error)
{
    const char *bucket = trigger->triggers->parts.bucket;
    uint64_t cursor = trigger->state.cursor;
    uint64_t until = trigger->sent_last > cursor ? trigger->sent_last : UINT64_MAX;

    if (!trigger_batch_read(snapshot, trigger->config, cursor, until, bucket, ret_batch, error))
        return false;
    if (ret_batch->n_events > 0 || until == UINT64_MAX)
        return true;
    /* With another configuration the trigger asks for none of its events. */
    trigger_batch_clear(ret_batch);
    return trigger_batch_read(snapshot, trigger->config, cursor, UINT64_MAX, bucket, ret_batch,
                              error);
}

/* Starts to deliver the next events of the log, if there are any. */
static bool start_batch(StoreSnapshot *snapshot, Trigger *trigger, GError **error)
{
    g_auto(TriggerBatch) batch = {0};

    if (!read_batch(snapshot, trigger, &batch, error))
        return false;
    if (batch.n_events == 0)
        return true;
    trigger->is_log_turn = false;
    trigger->delivery = (Delivery){.generation = trigger->state.generation,
                                   .time_us = batch.time_us,
                                   .first = batch.first,
                                   .last = batch.last,
                                   .n_events = batch.n_events};
    trigger->upto = batch.upto;
    if (!start_run(snapshot, trigger, g_string_free(g_steal_pointer(&batch.input), FALSE), error))
        return false;
    if (trigger->run && !trigger_run_is_command(trigger->config))
        trigger->sent_last = batch.last;
    return true;
}

/* Starts a delivery that is due once more, if there is one. */
static bool start_retry(StoreSnapshot *snapshot, Trigger *trigger, int64_t now_us, GError **error)
{
    char *input;

    if (!trigger_states_find_due(snapshot, trigger, now_us, &input, error))
        return false;
    if (!input)
        return true;
    trigger->is_log_turn = true;
    return start_run(snapshot, trigger, input, error);
}

/* True if as many commands run as may, and the trigger has one. */
static bool lacks_room(const Trigger *trigger)
{
    return trigger->triggers->n_running >= TRIGGER_COMMANDS_MAX &&
           trigger_run_is_command(trigger->config);
}

/* True if nothing prevents a delivery of the trigger. */
static bool may_start(const Trigger *trigger)
{
    return !lacks_room(trigger) && !trigger->state.is_paused &&
           trigger->wait.until_us <= trigger->triggers->checked_us;
}

/* Starts to deliver new events, if there are any and nothing prevents it. Returns false if the
 * store has failed. */
static bool try_log(StoreSnapshot *snapshot, Trigger *trigger)
{
    Journal *journal = trigger->triggers->parts.journal;

    return trigger->run || trigger->n_ahead == 0 || !may_start(trigger) ||
           journal_check(journal, start_batch(snapshot, trigger, journal_error(journal)));
}

/* As try_log, for a failed batch that is due. */
static bool try_retry(StoreSnapshot *snapshot, Trigger *trigger, int64_t now_us)
{
    const Triggers *triggers = trigger->triggers;
    Journal *journal = triggers->parts.journal;

    /* Without new data on disk the search would find the batch as it was. */
    if (trigger->run || trigger->is_ahead_of_store || trigger->due_us > now_us ||
        trigger->retry_wait.until_us > triggers->checked_us || !may_start(trigger))
        return true;
    return journal_check(journal, start_retry(snapshot, trigger, now_us, journal_error(journal)));
}

/* Starts the next delivery of the trigger, if it has work. Returns false if the store has failed.
 */
static bool check_trigger(StoreSnapshot *snapshot, Trigger *trigger, int64_t now_us)
{
    Journal *journal = trigger->triggers->parts.journal;

    if (!journal_check(journal, trigger_ahead_count(snapshot, trigger, journal_error(journal))) ||
        !trigger_ahead_measure(snapshot, trigger))
        return false;
    if (trigger->run)
        return true;
    if (!trigger_skip_old(snapshot, trigger))
        return false;
    /* Failed batches come first, but new events have every second turn. */
    return (!trigger->is_log_turn || try_log(snapshot, trigger)) &&
           try_retry(snapshot, trigger, now_us) && try_log(snapshot, trigger);
}

/* Returns the time until the next check. */
static int64_t next_check_us(const Triggers *triggers, int64_t now_us)
{
    int64_t delay_us = CHECK_AGAIN_US;

    for (guint i = 0; i < triggers->rows->len; i++) {
        const Trigger *trigger = g_ptr_array_index(triggers->rows, i);
        int64_t blocked_us = trigger->wait.until_us - triggers->checked_us;
        int64_t retry_us = trigger->retry_wait.until_us - triggers->checked_us;
        /* The end of a command, or the commit, begins a check. */
        if (trigger->run || trigger->state.is_paused || trigger->is_ahead_of_store ||
            lacks_room(trigger))
            continue;
        if (blocked_us > 0)
            delay_us = MIN(delay_us, blocked_us);
        else if (trigger->due_us < INT64_MAX)
            delay_us =
                MIN(delay_us, MAX(MAX(trigger->due_us - now_us, retry_us), 0) + CLOCK_US_PER_MS);
    }
    return delay_us;
}

/* True if the batch has changes of another part: the states in memory are wrong until its commit,
 * which begins the next check. */
static bool has_yielded(const Triggers *triggers)
{
    return triggers->is_yielded && store_batch_size(*triggers->parts.store) > 0;
}

static gboolean check(gpointer data)
{
    Triggers *triggers = data;
    Journal *journal = triggers->parts.journal;
    /* All failed batches are due in a run that ends. */
    int64_t now_us = triggers->parts.once ? INT64_MAX : clock_wall_us();
    guint n = triggers->rows->len;

    triggers->source = 0;
    triggers->is_check_due = false;
    triggers->checked_us = clock_monotonic_us();
    /* Otherwise triggers_load follows. */
    if (!triggers->is_loaded || !journal_is_open(journal) || has_yielded(triggers))
        return G_SOURCE_REMOVE;
    g_autoptr(StoreSnapshot) snapshot =
        store_snapshot_begin(*triggers->parts.store, journal_error(journal));
    if (!journal_check(journal, snapshot != NULL))
        return G_SOURCE_REMOVE;
    for (guint i = 0; i < n; i++) {
        if (!check_trigger(snapshot, g_ptr_array_index(triggers->rows, (triggers->first + i) % n),
                           now_us))
            return G_SOURCE_REMOVE;
    }
    /* Each trigger is the first one in its turn. */
    triggers->first = n > 0 ? (triggers->first + 1) % n : 0;
    if (n > 0 && !triggers->source)
        check_in(triggers, next_check_us(triggers, now_us));
    return G_SOURCE_REMOVE;
}

static void end_run(const TriggerRunOutcome *outcome, void *data)
{
    Trigger *trigger = data;
    Triggers *triggers = trigger->triggers;
    Journal *journal = triggers->parts.journal;

    /* The run frees itself. */
    (void)steal_run(trigger);
    /* The cursor that was read back, or is to be, is behind these events: they come once more. */
    bool is_rewound =
        trigger->delivery.id == 0 && trigger->delivery.generation != trigger->state.generation;
    if (journal_is_open(journal) && !is_rewound &&
        trigger->generation == journal_generation(journal))
        trigger_result_take(trigger, outcome);
    g_clear_pointer(&trigger->input, g_free);
    check_in(triggers, 0);
}

void triggers_committing(Triggers *triggers)
{
    g_autoptr(GError) error = NULL;

    /* A put that fails spoils the batch, and then its commit fails. */
    if (triggers && journal_is_open(triggers->parts.journal))
        (void)trigger_states_save(triggers, &error);
}

bool triggers_yield(Triggers *triggers)
{
    if (!triggers)
        return true;
    Journal *journal = triggers->parts.journal;
    bool ok = trigger_states_save(triggers, journal_error(journal));
    triggers->is_yielded = journal_change(journal, ok);
    return triggers->is_yielded;
}

void triggers_committed(Triggers *triggers)
{
    Journal *journal = triggers ? triggers->parts.journal : NULL;

    if (!triggers || !triggers->is_loaded)
        return;
    if (triggers->is_yielded) {
        triggers->is_yielded = false;
        (void)journal_check(journal, triggers_load(triggers, journal_error(journal)));
        return;
    }
    uint64_t last = store_last_sequencer(*triggers->parts.store);
    bool is_due = false;
    for (guint i = 0; i < triggers->rows->len; i++) {
        Trigger *trigger = g_ptr_array_index(triggers->rows, i);
        is_due = is_due || trigger->seen < last || trigger->is_ahead_of_store;
        trigger->is_ahead_of_store = false;
    }
    if (is_due)
        check_in(triggers, 0);
}

/* True if the trigger has nothing to deliver, or cannot deliver now. */
static bool is_settled(const Trigger *trigger)
{
    bool is_blocked =
        trigger->state.is_paused || trigger->wait.until_us > trigger->triggers->checked_us;
    bool is_retry_blocked = trigger->due_us == INT64_MAX ||
                            trigger->retry_wait.until_us > trigger->triggers->checked_us;

    return !trigger->run && !trigger->is_ahead_of_store &&
           (is_blocked || (trigger->n_ahead == 0 && is_retry_blocked));
}

bool triggers_are_settled(const Triggers *triggers)
{
    if (!triggers || triggers->rows->len == 0)
        return true;
    if (!triggers->is_loaded || triggers->is_check_due || has_yielded(triggers))
        return false;
    for (guint i = 0; i < triggers->rows->len; i++) {
        if (!is_settled(g_ptr_array_index(triggers->rows, i)))
            return false;
    }
    return true;
}

void triggers_stop(Triggers *triggers)
{
    if (!triggers)
        return;
    g_clear_handle_id(&triggers->source, g_source_remove);
    for (guint i = 0; i < triggers->rows->len; i++) {
        Trigger *trigger = g_ptr_array_index(triggers->rows, i);
        trigger_run_cancel(steal_run(trigger));
    }
    triggers_committing(triggers);
}
