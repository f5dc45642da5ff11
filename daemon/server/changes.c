/* SPDX-License-Identifier: Apache-2.0 */
#include "server/changes.h"

#include "base/error.h"
#include "journal/journal.h"
#include "rules/triggers.h"
#include "server/edit.h"
#include "server/trigger_edit.h"
#include "store/filter_text.h"
#include "store/jobs.h"

/* Objects of a slice: one or two milliseconds. */
#define SLICE_OBJECTS 64

/* Edits the dead objects that the filter selects, in the order of their ids. */
static bool step_edit(const RequestParts *parts, const ControlRequest *request,
                      RequestProgress *progress, GError **error)
{
    StoreFilter *filter = filter_text_parse(request->edit.filter, error);
    bool ok = filter != NULL;

    for (int i = 0; ok && i < SLICE_OBJECTS && journal_is_open(parts->backfill->state->journal);
         i++) {
        Record record;
        bool found, changed = false;
        ok = store_peek_in_state(parts->backfill->state->store, STATE_DEAD, progress->after, &found,
                                 &record, error);
        progress->has_ended = ok && !found;
        if (!ok || !found)
            break;
        progress->after = record.id;
        if (!store_filter_matches(filter, &record))
            continue;
        g_autofree char *key = g_strdup(record.key);
        ok = edit_object(parts->backfill->state->store, request->edit.action, key, &changed, error);
        if (ok && changed)
            /* The condition of the loop detects a lost batch. */
            (void)journal_change(parts->backfill->state->journal, true);
        progress->answer.edit.changed += ok && changed;
    }
    filter_text_free(filter);
    return ok;
}

bool request_describe_job(Store *store, uint32_t id, ControlJobAnswer *ret_job, GError **error)
{
    BatchJob job;
    bool found;

    if (!store_job_peek(store, id, &found, &job, error))
        return false;
    if (!found) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "there is no such job");
        return false;
    }
    *ret_job = (ControlJobAnswer){.id = id,
                                  .state = job.state,
                                  .is_cancelled = job.is_cancelled,
                                  .total = job.total,
                                  .queued = job.queued,
                                  .done = job.done,
                                  .failed = job.failed,
                                  .gone = job.gone,
                                  .submitted_us = (uint64_t)job.submitted_us,
                                  .started_us = (uint64_t)job.started_us,
                                  .ended_us = (uint64_t)job.ended_us};
    g_strlcpy(ret_job->filter, job.filter, sizeof ret_job->filter);
    return true;
}

static bool step_job_submit(const RequestParts *parts, const ControlRequest *request,
                            RequestProgress *progress, GError **error)
{
    ControlJobAnswer *answer = &progress->answer.job;
    uint32_t id;
    bool is_new;

    progress->has_ended = true;
    if (!backfill_add(parts->backfill, request->job_submit.filter, request->job_submit.total, &id,
                      &is_new, error) ||
        !request_describe_job(parts->backfill->state->store, id, answer, error))
        return false;
    answer->is_new = is_new;
    return true;
}

static bool step_job_cancel(const RequestParts *parts, const ControlRequest *request,
                            RequestProgress *progress, GError **error)
{
    ControlJobAnswer *answer = &progress->answer.job;
    bool changed;

    progress->has_ended = true;
    if (!backfill_end(parts->backfill, request->job.id, &changed, error) ||
        !request_describe_job(parts->backfill->state->store, request->job.id, answer, error))
        return false;
    answer->changed = changed;
    return true;
}

/* Commits the batch if it has too little room for the next change. A full batch would be committed
 * by the store alone, before the thumbnails of its records are on disk. Returns false if the batch
 * is lost. */
static bool make_room(const BucketState *state)
{
    size_t needed = TRIGGER_EDIT_CHANGES_MAX + CONFIG_TRIGGERS_MAX;

    return store_batch_size(state->store) + needed <= STORE_BATCH_MAX ||
           journal_commit(state->journal);
}

/* Carries out one step of a request that changes a trigger or its dead letters. */
static bool step_trigger(const RequestParts *parts, const ControlRequest *request,
                         RequestProgress *progress, GError **error)
{
    const BucketState *state = parts->backfill->state;
    DeliveryEdit *letters = &progress->letters;
    RangeEdit *ranges = &progress->ranges;
    bool has_ranges = request->trigger.action == CONTROL_TRIGGER_RETRY;

    /* The caller detects a lost batch. */
    if (!journal_is_open(state->journal) || !make_room(state))
        return true;
    /* A retry finds the ranges in committed data. */
    if (letters->has_ended && !ranges->has_begun && !journal_commit(state->journal))
        return true;
    if (!triggers_yield(*parts->triggers))
        return true;
    bool ok = letters->has_ended
                  ? trigger_ranges_retry(state->store, state->config, state->bucket_path,
                                         request->trigger.name, ranges, error)
                  : trigger_edit(state->store, &request->trigger, letters, error);
    if (!ok)
        return false;
    progress->answer.trigger.changed = letters->changed + ranges->changed;
    progress->has_ended = letters->has_ended && (!has_ranges || ranges->has_ended);
    (void)journal_change(state->journal, true);
    return true;
}

static bool step_commit(const RequestParts *parts, const ControlRequest *request,
                        RequestProgress *progress, GError **error)
{
    (void)parts;
    (void)request;
    (void)error;
    /* The caller commits. */
    progress->has_ended = true;
    return true;
}

typedef bool (*RequestStep)(const RequestParts *parts, const ControlRequest *request,
                            RequestProgress *progress, GError **error);

static const RequestStep steps[CONTROL_TYPES] = {
    [CONTROL_EDIT] = step_edit,
    [CONTROL_JOB_SUBMIT] = step_job_submit,
    [CONTROL_JOB_CANCEL] = step_job_cancel,
    [CONTROL_TRIGGER] = step_trigger,
    [CONTROL_COMMIT] = step_commit,
};

bool request_step(const RequestParts *parts, const ControlRequest *request,
                  RequestProgress *progress, GError **error)
{
    return steps[request->type](parts, request, progress, error);
}
