/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an invocation: how its outcome changes the record, the metrics and the event log. */
#include "engine/batch.h"
#include "engine/env.h"
#include "tables/claims.h"
#include "tables/events.h"
#include "tables/metric_rows.h"
#include "tables/object_rows.h"

#include <string.h>

/* Adds the attempt to the record's log, which keeps the last few. */
static void log_attempt(Record *record, const StoreOutcome *outcome)
{
    const Attempt *attempt = &outcome->attempt;

    if (attempt->start_us == 0)
        return;
    if (record->n_log == RECORD_ATTEMPTS_MAX) {
        memmove(&record->log[0], &record->log[1],
                (RECORD_ATTEMPTS_MAX - 1) * sizeof record->log[0]);
        record->n_log--;
    }
    record->log[record->n_log++] = *attempt;
    record->duration_us = attempt->duration_us;
    g_strlcpy(record->worker, outcome->worker, sizeof record->worker);
}

static void copy_date(ImageFacts *facts, const ImageFacts *from)
{
    facts->has_date = from->has_date;
    facts->date_source = from->date_source;
    facts->date_us = from->date_us;
    facts->has_offset = from->has_offset;
    facts->offset_min = from->offset_min;
}

/*
 * Copies facts and thumbnails of a success. The thumbnails on disk were made from the version that
 * was handled, even if a newer one exists; `made` records that version.
 */
static void copy_results(Record *record, const StoreOutcome *outcome)
{
    if (outcome->has_facts && outcome->only_date)
        copy_date(&record->facts, &outcome->facts);
    else if (outcome->has_facts)
        record->facts = outcome->facts;
    record->is_date_unsure &= !outcome->has_facts;
    record->n_thumbnails = MIN(outcome->n_thumbnails, RENDITIONS_MAX);
    memcpy(record->thumbnails, outcome->thumbnails,
           record->n_thumbnails * sizeof record->thumbnails[0]);
    record->made = outcome->version;
}

/*
 * For a version that is skipped or dead: removes the facts and thumbnails of an older version.
 * Those of this very version, from before a repeated run, stay.
 */
static void drop_old_results(Record *record, const StoreOutcome *outcome)
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

/* Applies an outcome that is about the newest version. */
static void end_version(Record *record, const StoreOutcome *outcome)
{
    record->state = outcome->state;
    record->attempts += outcome->counts;
    record->error = outcome->error;
    (void)g_strlcpy(record->message, outcome->message,
                    /* A longer message is cut off. */
                    sizeof record->message);
    if (outcome->state == STATE_PENDING) {
        record->due_us = outcome->due_us;
        /*
         * An object that failed waits for new uploads, so that many failing objects do not delay
         * them.
         */
        if (outcome->counts)
            record->priority = MAX(record->priority, PRIORITY_SCAN);
        /* A job does not wait for a missing mount. */
        if (outcome->due_us == STORE_NEVER_US)
            record->job = 0;
    } else {
        record->processed_us = outcome->now_us;
        record->is_bytes_unsure = false;
        record->job = 0;
        record->tried_revision = image_type_revision(record_tried_type(record));
    }
}

static EventType event_of(ObjectState state)
{
    switch (state) {
    case STATE_DONE:
        return EVENT_DONE;
    case STATE_SKIPPED:
        return EVENT_SKIPPED;
    case STATE_DEAD:
        return EVENT_DEAD;
    default:
        return EVENT_RETRY;
    }
}

/*
 * Computes the values that the record adds to the metrics. The age of a first
 * run counts from the upload, and its end gives the latency. The age of a repeated run counts from
 * the request for it; a repeated run has no latency.
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

/* True if the outcome shows that the bytes differ from those of the last outcome. */
static bool has_other_bytes(const Record *old, const StoreOutcome *outcome)
{
    const uint64_t *before = old->facts.etag, *now = outcome->facts.etag;
    bool is_known = (before[0] || before[1]) && (now[0] || now[1]);

    return outcome->has_facts && is_known && (before[0] != now[0] || before[1] != now[1]);
}

static bool has_same_thumbnails(const Record *a, const Record *b)
{
    bool is_same = a->n_thumbnails == b->n_thumbnails;

    for (size_t i = 0; is_same && i < a->n_thumbnails; i++) {
        const Thumbnail *x = &a->thumbnails[i], *y = &b->thumbnails[i];
        is_same = x->recipe == y->recipe && x->hash == y->hash && x->facts.size == y->facts.size &&
                  strcmp(x->rendition, y->rendition) == 0;
    }
    return is_same;
}

/*
 * True if the outcome is that of the last time: only owner or mode have changed, and the same
 * picture is done with the same thumbnails, or the same file is no picture.
 */
static bool is_outcome_known(const Record *old, const Record *next)
{
    bool is_handled = next->state == STATE_DONE || next->state == STATE_SKIPPED;

    return old->is_bytes_unsure && old->processed_us != 0 && is_handled &&
           has_same_thumbnails(old, next);
}

/* Logs the outcome, after a late `created` if the bytes turn out to be others. */
static bool log_outcome(Store *store, const Record *old, Record *next, const StoreOutcome *outcome,
                        bool is_newest, GError **error)
{
    bool is_superseded = !is_newest && outcome->error == ERROR_NONE;
    ErrorCode code = is_superseded ? ERROR_SOURCE_CHANGED : outcome->error;
    bool is_other = old->is_bytes_unsure && has_other_bytes(old, outcome);
    Record created = *next;

    store->changed_us = outcome->now_us;
    if (is_newest && !is_other && is_outcome_known(old, next))
        return objects_change(store, old, next, error);
    if (is_other) {
        /* A pending object has a newer version, whose outcome is then one of its own. */
        if (next->state == STATE_PENDING)
            next->processed_us = 0;
        created.sequencer = store->next_sequencer++;
        store->batch_size++;
        if (!events_append(store, EVENT_CREATED, &created, ERROR_NONE, outcome->now_us, error))
            return false;
    }
    next->sequencer = store->next_sequencer++;
    next->is_old = old->is_old && next->state == STATE_PENDING;
    if (!objects_change(store, old, next, error))
        return false;
    /* The first outcome is still that of the object that the store has found. */
    Record logged = *next;
    logged.is_old = old->is_old;
    return events_append(store, event_of(next->state), &logged, code, outcome->now_us, error);
}

/* Makes the record that follows from the outcome of an invocation, with its metrics and events. */
static bool finish_record(Store *store, const Record *old, const StoreOutcome *outcome,
                          Record *ret_record, GError **error)
{
    bool is_newest = object_version_equal(&old->version, &outcome->version);
    Record next = *old;

    log_attempt(&next, outcome);
    if (outcome->state == STATE_DONE)
        copy_results(&next, outcome);
    else if (is_newest && outcome->state != STATE_PENDING)
        drop_old_results(&next, outcome);
    if (is_newest)
        end_version(&next, outcome);
    else
        /* The object has been due since its newer version was seen. */
        next.state = STATE_PENDING;

    MetricsContext context = context_of(old, &next, outcome);
    metrics_count(store, outcome, &context);

    if (!log_outcome(store, old, &next, outcome, is_newest, error))
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
    /* A claim that was not written yet need not be written any more. */
    bool is_running = claims_remove(store, key);
    if (!objects_peek(store, key, &found, &old, error))
        return false;
    is_running |= found && old.state == STATE_RUNNING;
    if (!(found ? batch_begin_for(store, &old, error) : batch_begin(store, error)))
        return false;
    *ret_found = found;
    if (found && is_running)
        return finish_record(store, &old, outcome, ret_record, error);

    /*
     * The object was removed meanwhile, and another one may have its key: only the costs are
     * counted.
     */
    const MetricsContext unknown = {.age_us = -1, .latency_us = -1};
    metrics_count(store, outcome, &unknown);
    store->changed_us = outcome->now_us;
    store->batch_size++;
    if (found)
        *ret_record = old;
    return true;
}
