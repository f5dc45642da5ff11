#include "sweep.h"

#include "clock.h"
#include "daemon_private.h"
#include "error.h"

#include <inttypes.h>
#include <string.h>

#define SLICE_US (5 * CLOCK_US_PER_MS)

struct Sweep {
    Daemon *daemon;
    SweepKinds kinds;
    bool dry_run;
    SweepDone done;
    void *data;
    SweepCounts counts;
    uint64_t expected; /* records and files, as of its start */
    GString *cursor;   /* the last key looked at */
    bool records_done;
    ThumbnailWalk *files; /* NULL before and after */
};

bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds)
{
    static const struct {
        const char *name;
        SweepKinds kinds;
    } rows[] = {{"orphans", SWEEP_ORPHANS},
                {"missing", SWEEP_MISSING},
                {"stale", SWEEP_STALE},
                {"all", SWEEP_ALL}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_kinds = rows[i].kinds;
            return true;
        }
    }
    return false;
}

char *sweep_describe(const SweepCounts *counts, SweepKinds kinds, bool dry_run)
{
    GString *text = g_string_new(NULL);
    const struct {
        SweepKinds kind;
        uint64_t n;
        const char *did, *would;
    } parts[] = {
        {SWEEP_ORPHANS, counts->orphans, "orphaned thumbnails removed",
         "orphaned thumbnails to be removed"},
        {SWEEP_MISSING, counts->missing, "objects without their thumbnails queued",
         "objects without their thumbnails"},
        {SWEEP_STALE, counts->stale, "objects with stale thumbnails queued",
         "objects with stale thumbnails"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (kinds & parts[i].kind)
            g_string_append_printf(text, "%s%" PRIu64 " %s", text->len > 0 ? ", " : "", parts[i].n,
                                   dry_run ? parts[i].would : parts[i].did);
    }
    if (counts->foreign > 0)
        g_string_append_printf(text, ", %" PRIu64 " files that thumbq did not make left alone",
                               counts->foreign);
    return g_string_free(text, FALSE);
}

/* ---- records ------------------------------------------------------------------------------------
 */

static bool is_missing(const Sweep *sweep, const Record *record)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *thumbnail = &record->thumbnails[i];
        if (!publisher_has(sweep->daemon->publisher, thumbnail->rendition, record->key,
                           thumbnail->facts.type, thumbnail->facts.size))
            return true;
    }
    return false;
}

static bool requeue(Sweep *sweep, const char *key)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    bool found;

    if (sweep->dry_run)
        return true;
    if (!store_requeue(daemon->store, key, PRIORITY_BACKFILL, clock_wall_us(), &found, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    batch_changed(daemon);
    dispatch_soon(daemon);
    return !daemon->paused;
}

/* Looks at the next record. False at the end, or when the batch was lost. */
static bool step_records(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    Record record;
    bool found;

    if (!store_peek_after(daemon->store, sweep->cursor->len > 0 ? sweep->cursor->str : NULL, &found,
                          &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!found)
        return false;
    g_string_assign(sweep->cursor, record.key);
    sweep->counts.records++;
    if (record.state != STATE_DONE)
        return true;
    if (sweep->kinds & SWEEP_MISSING && is_missing(sweep, &record)) {
        sweep->counts.missing++;
        return requeue(sweep, sweep->cursor->str);
    }
    if (sweep->kinds & SWEEP_STALE &&
        record_is_stale(&record, daemon->config->renditions, daemon->config->n_renditions)) {
        sweep->counts.stale++;
        return requeue(sweep, sweep->cursor->str);
    }
    return true;
}

/* ---- files --------------------------------------------------------------------------------------
 */

static bool record_has(const Record *record, const ThumbnailFile *file)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *thumbnail = &record->thumbnails[i];
        if (strcmp(thumbnail->rendition, file->rendition) == 0 &&
            thumbnail->facts.type == file->type)
            return true;
    }
    return false;
}

/* Looks at the next file. False at the end, or when the store cannot be read. */
static bool step_files(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    ThumbnailFile file;
    Record record;
    bool found;

    if (!thumbnail_walk_next(sweep->files, &file))
        return false;
    sweep->counts.files++;
    if (!file.is_ours) {
        sweep->counts.foreign++;
        return true;
    }
    if (!store_peek(daemon->store, file.key, &found, &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (found && record_has(&record, &file))
        return true;
    sweep->counts.orphans++;
    if (!sweep->dry_run)
        publisher_remove(daemon->publisher, file.rendition, file.key, file.type);
    return true;
}

/* ---- running ------------------------------------------------------------------------------------
 */

static void sweep_free(Sweep *sweep)
{
    g_clear_pointer(&sweep->files, thumbnail_walk_free);
    g_string_free(sweep->cursor, TRUE);
    g_free(sweep);
}

/* One step of whatever is next. False when the sweep has ended. */
static bool step(Sweep *sweep)
{
    if (!sweep->records_done) {
        if (step_records(sweep))
            return true;
        sweep->records_done = true;
        if (!(sweep->kinds & SWEEP_ORPHANS) || sweep->daemon->paused)
            return false;
        sweep->files = thumbnail_walk_new(sweep->daemon->publisher);
        return true;
    }
    return step_files(sweep);
}

static gboolean sweep_slice(gpointer data)
{
    Daemon *daemon = data;
    Sweep *sweep = g_queue_peek_head(&daemon->sweeps);
    int64_t end_us = clock_monotonic_us() + SLICE_US;

    while (!daemon->paused && step(sweep)) {
        if (clock_monotonic_us() >= end_us)
            return G_SOURCE_CONTINUE;
    }
    (void)g_queue_pop_head(&daemon->sweeps);
    sweep->done(&sweep->counts, !daemon->paused, sweep->data);
    sweep_free(sweep);
    if (!g_queue_is_empty(&daemon->sweeps))
        return G_SOURCE_CONTINUE;
    daemon->sweep_source = 0;
    daemon_check_finished(daemon);
    return G_SOURCE_REMOVE;
}

/* As many as there are by what the store says. */
static uint64_t expect(Daemon *daemon, SweepKinds kinds)
{
    StoreTotals totals;

    if (!report_totals(daemon, &totals))
        return 0;
    return (kinds & (SWEEP_MISSING | SWEEP_STALE) ? totals.objects : 0) +
           (kinds & SWEEP_ORPHANS ? totals.thumbnails : 0);
}

bool sweep_progress(const Daemon *daemon, const void *data, ProgressCount *ret_count)
{
    for (const GList *at = daemon->sweeps.head; at; at = at->next) {
        const Sweep *sweep = at->data;
        if (sweep->data != data)
            continue;
        *ret_count = (ProgressCount){.done = sweep->counts.records + sweep->counts.files,
                                     .total = sweep->expected};
        return true;
    }
    return false;
}

void sweep_start(Daemon *daemon, SweepKinds kinds, bool dry_run, SweepDone done, void *data)
{
    Sweep *sweep = g_new0(Sweep, 1);

    *sweep = (Sweep){.daemon = daemon,
                     .kinds = kinds,
                     .dry_run = dry_run,
                     .done = done,
                     .data = data,
                     .expected = expect(daemon, kinds),
                     .cursor = g_string_new(NULL),
                     .records_done = !(kinds & (SWEEP_MISSING | SWEEP_STALE))};
    if (sweep->records_done)
        sweep->files = thumbnail_walk_new(daemon->publisher);
    g_queue_push_tail(&daemon->sweeps, sweep);
    if (!daemon->sweep_source)
        daemon->sweep_source = g_idle_add_full(G_PRIORITY_LOW, sweep_slice, daemon, NULL);
}

void sweep_stop_all(Daemon *daemon)
{
    Sweep *sweep;

    while ((sweep = g_queue_pop_head(&daemon->sweeps)))
        sweep_free(sweep);
    g_clear_handle_id(&daemon->sweep_source, g_source_remove);
}

/* ---- without a daemon ---------------------------------------------------------------------------
 */

typedef struct {
    SweepKinds kinds;
    bool dry_run;
    ProgressFunction progress;
    void *progress_data;
    Daemon *daemon;
    SweepCounts counts;
} OfflineSweep;

static gboolean tell_progress(gpointer data)
{
    const OfflineSweep *offline = data;
    ProgressCount count;

    if (sweep_progress(offline->daemon, offline, &count))
        offline->progress(&count, offline->progress_data);
    return G_SOURCE_CONTINUE;
}

static void end_offline(const SweepCounts *counts, bool complete, void *data)
{
    OfflineSweep *offline = data;

    (void)complete; /* if not, daemon->error says why */
    offline->counts = *counts;
    g_main_loop_quit(offline->daemon->loop);
}

static bool sweep_offline(Daemon *daemon, void *data, GError **error)
{
    OfflineSweep *offline = data;

    (void)error;
    offline->daemon = daemon;
    guint ticker = offline->progress ? g_timeout_add(PROGRESS_MS, tell_progress, offline) : 0;
    sweep_start(daemon, offline->kinds, offline->dry_run, end_offline, offline);
    g_main_loop_run(daemon->loop);
    g_clear_handle_id(&ticker, g_source_remove);
    return true;
}

bool sweep_run(const char *bucket, const Config *config, SweepKinds kinds, bool dry_run,
               ProgressFunction progress, void *progress_data, SweepCounts *ret_counts,
               GError **error)
{
    OfflineSweep offline = {
        .kinds = kinds, .dry_run = dry_run, .progress = progress, .progress_data = progress_data};

    if (!offline_run(bucket, config, sweep_offline, &offline, error))
        return false;
    *ret_counts = offline.counts;
    return true;
}
