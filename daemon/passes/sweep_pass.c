/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/sweep_pass.h"

#include "base/clock.h"
#include "base/log.h"
#include "committed_totals.h"
#include "daemon/sweep_words.h"
#include "journal/journal.h"
#include "passes/sweep_destinations.h"
#include "passes/sweep_files.h"
#include "passes/sweep_records.h"
#include "passes/sweep_store.h"
#include "rules/clock_guard.h"

#include <jansson.h>

/* A part of SWEEP_ORPHANS with include_away. */
#define FORGET_AWAY (1u << 8)

#define RECORD_KINDS (SWEEP_MISSING | SWEEP_STALE | SWEEP_EXPIRE | FORGET_AWAY)

/* The parts, in their order. */
static const struct {
    /* Kinds that need the part. */
    unsigned kinds;
    const SweepPart *part;
} part_rows[] = {
    {RECORD_KINDS, &sweep_records},
    {SWEEP_ORPHANS, &sweep_files},
    {SWEEP_STORE, &sweep_store},
    {SWEEP_STORE, &sweep_destinations},
};

typedef struct {
    SweepTask task;
    /* As asked for; those of `task` are the kinds with something to do. */
    SweepKinds kinds;
    /* FORGET_AWAY included. */
    unsigned parts;
    /* Index of the current part in part_rows. */
    size_t row;
    /* Owned; NULL: not begun. */
    void *part;
    SweepDone done;
    /* Frees `data`; may be NULL. */
    GDestroyNotify destroy;
    void *data;
    /* Number of records and files at its start. */
    uint64_t expected;
    /* Wall clock. */
    int64_t start_us;
} SweepPass;

/* Logs the event of the sweep's end in the store. */
static bool log_event(const SweepPass *sweep, GError **error)
{
    const BucketState *state = sweep->task.parts->state;
    const SweepCounts *counts = &sweep->task.counts;
    int64_t now_us = clock_wall_us();
    g_autofree char *name = sweep_kinds_name(sweep->kinds);
    g_autofree char *summary = sweep_describe(counts, false);
    json_t *detail = json_pack(
        "{s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "sweep",
        name, "duration_ms", (double)(now_us - sweep->start_us) / CLOCK_US_PER_MS, "records",
        (json_int_t)counts->records, "files", (json_int_t)counts->files, "orphans",
        (json_int_t)counts->orphans, "missing", (json_int_t)counts->missing, "stale",
        (json_int_t)counts->stale, "expired", (json_int_t)counts->expired, "expired_thumbnails",
        (json_int_t)counts->expired_thumbnails, "failed", (json_int_t)counts->failed, "away",
        (json_int_t)counts->away, "foreign", (json_int_t)counts->foreign, "events",
        (json_int_t)counts->store.events, "metrics", (json_int_t)counts->store.metrics, "summary",
        summary);
    json_object_set_new(detail, "destinations", json_integer((json_int_t)counts->destinations));
    char *text = json_dumps(detail, JSON_COMPACT);

    bool ok = store_log(state->store, EVENT_SWEPT, name, text, now_us, error);
    json_decref(detail);
    free(text);
    return ok && journal_change(state->journal, true);
}

static void close_part(SweepPass *sweep)
{
    if (sweep->part)
        part_rows[sweep->row].part->close(sweep->part);
    sweep->part = NULL;
}

static void sweep_free(void *work)
{
    SweepPass *sweep = work;

    close_part(sweep);
    if (sweep->destroy)
        sweep->destroy(sweep->data);
    g_free(sweep->task.line);
    g_free(sweep);
}

/* Processes the next row of the current part. Returns PASS_END when the part has none. */
static PassStep step_part(SweepPass *sweep, GError **error)
{
    const SweepPart *part = part_rows[sweep->row].part;

    if (!(part_rows[sweep->row].kinds & sweep->parts))
        return PASS_END;
    if (!sweep->part)
        sweep->part = part->open(&sweep->task);
    return part->next(sweep->part, error);
}

static PassStep sweep_next(void *work, GError **error)
{
    SweepPass *sweep = work;

    if (!sweep_task_flush(&sweep->task))
        return PASS_WAIT;
    if (sweep->row == G_N_ELEMENTS(part_rows))
        return PASS_END;
    PassStep step = step_part(sweep, error);
    if (step != PASS_END)
        return step;
    close_part(sweep);
    sweep->row++;
    return PASS_MORE;
}

/* Commits before `done` is called, so that the receiver can read the results. */
static bool sweep_end(void *work, GError **error)
{
    SweepPass *sweep = work;
    const SweepTask *task = &sweep->task;

    if (!task->dry_run && !task->is_quick && !log_event(sweep, error))
        return false;
    if (!task->dry_run && !journal_commit(task->parts->state->journal))
        /* The batch has been given up. */
        return false;
    sweep->done(&task->counts, true, sweep->data);
    return true;
}

static void sweep_lost(void *work)
{
    SweepPass *sweep = work;
    sweep->done(&sweep->task.counts, false, sweep->data);
}

static const PassKind sweep_kind = {
    .queue = PASS_SWEEPS,
    .budget = PASS_BUDGET,
    .next = sweep_next,
    .end = sweep_end,
    .lost = sweep_lost,
    .free = sweep_free,
};

void sweep_resume(const SweepParts *parts)
{
    /* A sweep that still cannot continue waits again. */
    passes_wake(parts->passes, PASS_SWEEPS);
}

static bool is_started_with(const void *work, const void *data)
{
    return ((const SweepPass *)work)->data == data;
}

bool sweep_progress(const SweepParts *parts, const void *data, ProgressCount *ret_count)
{
    const SweepPass *sweep = passes_find(parts->passes, &sweep_kind, is_started_with, data);

    if (!sweep)
        return false;
    const SweepCounts *counts = &sweep->task.counts;
    *ret_count = (ProgressCount){.done = counts->records + counts->files, .total = sweep->expected};
    return true;
}

/* Estimates the number of rows from the store. */
static uint64_t expect(Store *store, unsigned parts)
{
    ObjectTotals totals;

    if (!committed_totals_read(store, &totals))
        return 0;
    return (parts & RECORD_KINDS ? totals.objects : 0) +
           (parts & SWEEP_ORPHANS ? totals.thumbnails : 0);
}

void sweep_start(const SweepParts *parts, const SweepOptions *options, SweepDone done, void *data,
                 GDestroyNotify destroy)
{
    SweepPass *sweep = g_new0(SweepPass, 1);
    const Config *config = parts->state->config;
    SweepKinds kinds = options->kinds;

    g_autofree char *objection = clock_guard_objection(parts->clock_guard);
    bool is_held = objection && kinds & SWEEP_EXPIRE && config->n_lifecycle > 0;
    if (objection || config->n_lifecycle == 0)
        kinds &= ~(unsigned)SWEEP_EXPIRE;
    if (is_held)
        log_warning("nothing expires: %s", objection);
    unsigned wanted = kinds;
    if (options->include_away && kinds & SWEEP_ORPHANS)
        wanted |= FORGET_AWAY;
    *sweep = (SweepPass){.task = {.parts = parts,
                                  .kinds = kinds,
                                  .dry_run = options->dry_run,
                                  .is_quick = options->is_quick,
                                  .include_away = options->include_away,
                                  .note = options->note,
                                  .note_data = options->note_data,
                                  .counts = {.is_held = is_held}},
                         .kinds = options->kinds,
                         .parts = wanted,
                         .done = done,
                         .data = data,
                         .destroy = destroy,
                         .expected = expect(parts->state->store, wanted),
                         .start_us = clock_wall_us()};
    pass_start(parts->passes, &sweep_kind, sweep);
}
