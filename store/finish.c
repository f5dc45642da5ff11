/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of an invocation: what its outcome makes of the record, the metrics and the event log.
 */
#include "metrics.h"

#include <string.h>

static void log_attempt(Record *record, const RecordAttempt *attempt)
{
    if (attempt->start_us == 0)
        return;
    if (record->n_log == RECORD_ATTEMPTS_MAX) {
        memmove(&record->log[0], &record->log[1],
                (RECORD_ATTEMPTS_MAX - 1) * sizeof record->log[0]);
        record->n_log--;
    }
    record->log[record->n_log++] = *attempt;
    record->duration_us = attempt->duration_us;
}

static void take_date(ImageFacts *facts, const ImageFacts *from)
{
    facts->has_date = from->has_date;
    facts->date_us = from->date_us;
    facts->has_offset = from->has_offset;
    facts->offset_min = from->offset_min;
}

/*
 * Facts and thumbnails of a success. What is on disk was made from the version that was handled,
 * whether or not that is still the newest one; `made` tells them apart.
 */
static void take_results(Record *record, const StoreOutcome *outcome)
{
    if (outcome->has_facts && outcome->only_date)
        take_date(&record->facts, &outcome->facts);
    else if (outcome->has_facts)
        record->facts = outcome->facts;
    record->is_date_unsure &= !outcome->has_facts;
    record->n_thumbnails = MIN(outcome->n_thumbnails, RENDITIONS_MAX);
    memcpy(record->thumbnails, outcome->thumbnails,
           record->n_thumbnails * sizeof record->thumbnails[0]);
    record->made = outcome->version;
}

/*
 * The newest version came to nothing: what an older one left is not shown for it. What was made
 * from this very version before (and was only to be made once more) stays.
 */
static void give_up(Record *record, const StoreOutcome *outcome)
{
    bool is_old = !object_version_equal(&record->made, &outcome->version);

    if (is_old) {
        record->n_thumbnails = 0;
        record->facts = (ImageFacts){0};
        record->made = (ObjectVersion){0};
    }
    if (outcome->has_facts) {
        record->facts = outcome->facts;
        record->made = outcome->version;
        record->is_date_unsure = false;
    }
}

/* The outcome is about the version seen last. */
static void end_version(Record *record, const StoreOutcome *outcome)
{
    record->state = outcome->state;
    record->attempts += outcome->counts;
    record->error = outcome->error;
    (void)g_strlcpy(record->message, outcome->message,
                    sizeof record->message); /* cut off if long */
    if (outcome->state == STATE_PENDING) {
        record->due_us = outcome->due_us;
        /* An object that failed waits for new uploads, however many objects fail. */
        if (outcome->counts)
            record->priority = MAX(record->priority, PRIORITY_SCAN);
        /* No job waits for a mount. */
        if (outcome->due_us == STORE_NEVER_US)
            record->job = 0;
    } else {
        record->processed_us = outcome->now_us;
        record->job = 0;
    }
}

static StoreEventType event_of(ObjectState state)
{
    switch (state) {
    case STATE_DONE:
        return STORE_EVENT_DONE;
    case STATE_SKIPPED:
        return STORE_EVENT_SKIPPED;
    case STATE_DEAD:
        return STORE_EVENT_DEAD;
    default:
        return STORE_EVENT_RETRY;
    }
}

/*
 * What an outcome means for the record. A version is waited for until its first end only; what is
 * made anew later has waited since that was asked for.
 */
static MetricsContext context_of(const Record *old, const Record *next, const StoreOutcome *outcome)
{
    bool is_first = old->processed_us == 0;
    int64_t event_us = is_first ? old->uploaded_us : old->due_us;

    return (MetricsContext){
        .age_us = MAX(outcome->attempt.start_us - event_us, 0),
        .latency_us =
            is_first && next->processed_us ? MAX(next->processed_us - next->uploaded_us, 0) : -1,
        .is_retry = next->attempts > 1,
        .is_dropped = next->state == STATE_DEAD,
    };
}

static bool finish_record(Store *store, const Record *old, const StoreOutcome *outcome,
                          Record *ret_record, GError **error)
{
    bool is_newest = object_version_equal(&old->version, &outcome->version);
    Record next = *old;

    log_attempt(&next, &outcome->attempt);
    if (outcome->state == STATE_DONE)
        take_results(&next, outcome);
    else if (is_newest && outcome->state != STATE_PENDING)
        give_up(&next, outcome);
    if (is_newest)
        end_version(&next, outcome);
    else
        next.state = STATE_PENDING; /* due since its newer version came */

    MetricsContext context = context_of(old, &next, outcome);
    metrics_count(store, outcome, &context);

    bool is_superseded = !is_newest && outcome->error == ERROR_NONE;
    ErrorCode code = is_superseded ? ERROR_SOURCE_CHANGED : outcome->error;
    next.sequencer = store->next_sequencer++;
    if (!objects_change(store, old, &next, error) ||
        !events_append(store, event_of(next.state), &next, code, outcome->now_us, error))
        return false;
    *ret_record = next;
    return true;
}

bool store_finish(Store *store, const char *key, const StoreOutcome *outcome, bool *ret_found,
                  Record *ret_record, GError **error)
{
    Record old;
    bool found;

    g_assert(outcome->state != STATE_RUNNING);
    /* One that has not been written down as running need not be any more. */
    bool is_running = claims_take(store, key);
    if (!state_peek(store, key, &found, &old, error))
        return false;
    is_running |= found && old.state == STATE_RUNNING;
    if (!(found ? batch_begin_for(store, key, error) : batch_begin(store, error)))
        return false;
    *ret_found = found;
    old.key = store->key;
    if (found && is_running)
        return finish_record(store, &old, outcome, ret_record, error);

    /* Removed meanwhile, perhaps with a new object in its place: only what it cost is left to
     * count. */
    const MetricsContext unknown = {.age_us = -1, .latency_us = -1};
    metrics_count(store, outcome, &unknown);
    store->changed_us = outcome->now_us;
    store->batch_size++;
    if (found)
        *ret_record = old;
    return true;
}
