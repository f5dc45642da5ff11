/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include "clock.h"
#include "error.h"
#include "file.h"
#include "log.h"
#include "sweep_private.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define SLICE_US (5 * CLOCK_US_PER_MS)

/* A part of SWEEP_ORPHANS with include_away. */
#define FORGET_AWAY (1u << 8)

#define RECORD_KINDS (SWEEP_MISSING | SWEEP_STALE | SWEEP_EXPIRE | FORGET_AWAY)

/* ---- in words -----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    SweepKinds kinds;
} kind_rows[] = {{"orphans", SWEEP_ORPHANS}, {"missing", SWEEP_MISSING}, {"stale", SWEEP_STALE},
                 {"expire", SWEEP_EXPIRE},   {"store", SWEEP_STORE},     {"all", SWEEP_ALL}};

bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kind_rows); i++) {
        if (strcmp(kind_rows[i].name, name) == 0) {
            *ret_kinds = kind_rows[i].kinds;
            return true;
        }
    }
    return false;
}

/* "all", "orphans+missing". Owner: the caller frees. */
static char *kinds_name(SweepKinds kinds)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(kind_rows); i++) {
        if (kind_rows[i].kinds == kinds)
            return g_strdup(kind_rows[i].name);
        if (kind_rows[i].kinds & kinds && kind_rows[i].kinds != SWEEP_ALL)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "+" : "", kind_rows[i].name);
    }
    return g_strdup(text->str);
}

static void say(GString *text, uint64_t n, const char *one, const char *many, const char *did)
{
    if (n > 0)
        g_string_append_printf(text, "%s%" PRIu64 " %s %s", text->len > 0 ? ", " : "", n,
                               n == 1 ? one : many, did);
}

char *sweep_describe(const SweepCounts *counts, bool dry_run)
{
    GString *text = g_string_new(NULL);
    const char *dropped = dry_run ? "to be dropped" : "dropped";
    const char *removed = dry_run ? "to be removed" : "removed";
    const char *queued = dry_run ? "to be made again" : "queued to be made again";

    say(text, counts->orphans, "orphaned thumbnail", "orphaned thumbnails", removed);
    say(text, counts->missing, "object with missing or changed thumbnails",
        "objects with missing or changed thumbnails", queued);
    say(text, counts->stale, "object with stale thumbnails", "objects with stale thumbnails",
        queued);
    say(text, counts->expired, "expired object", "expired objects",
        dry_run ? "to be deleted" : "deleted");
    say(text, counts->expired_thumbnails,
        "object whose thumbnails have expired:", "objects whose thumbnails have expired:", removed);
    say(text, counts->away, "object that is away", "objects that are away",
        dry_run ? "to be forgotten" : "forgotten");
    say(text, counts->store.events, "old event", "old events", dropped);
    say(text, counts->store.metrics, "old row of metrics", "old rows of metrics", dropped);
    say(text, counts->destinations, "old destination record", "old destination records", dropped);
    say(text, counts->store.readers, "dead reader", "dead readers", "cleared");
    say(text, counts->failed, "expired object", "expired objects", "could not be deleted");
    if (counts->is_held)
        g_string_append_printf(text,
                               "%snothing expires before the clock has been confirmed by a "
                               "day of running",
                               text->len > 0 ? ", " : "");
    if (text->len == 0)
        g_string_append(text, "all in order");
    say(text, counts->foreign, "file that thumbq did not make", "files that thumbq did not make",
        "left alone");
    return g_string_free(text, FALSE);
}

/* ---- telling ------------------------------------------------------------------------------------
 */

/* Hands over the line that is due. False if it has to wait. */
static bool hand_over(Sweep *sweep)
{
    if (sweep->line && sweep->note && !sweep->note(sweep->line, sweep->note_data))
        return false;
    g_clear_pointer(&sweep->line, g_free);
    return true;
}

void sweep_tell(Sweep *sweep, const char *kind, const char *name, const char *reason)
{
    if (!sweep->note)
        return;
    sweep->line = g_strdup_printf("%s\t%s\t%s", kind, name, reason);
    sweep->is_waiting = !hand_over(sweep);
}

/* The event of a sweep that has ended. */
static void log_event(const Sweep *sweep)
{
    const SweepCounts *counts = &sweep->counts;
    int64_t now_us = clock_wall_us();
    GError *error = NULL;
    g_autofree char *name = kinds_name(sweep->kinds);
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

    if (!store_log(sweep->daemon->store, STORE_EVENT_SWEPT, name, text, now_us, &error))
        batch_lost(sweep->daemon, error);
    else
        batch_changed(sweep->daemon);
    json_decref(detail);
    free(text);
}

/* ---- running ------------------------------------------------------------------------------------
 */

static void sweep_free(Sweep *sweep)
{
    g_clear_pointer(&sweep->files, thumbnail_walk_free);
    sweep_close_destinations(sweep);
    if (sweep->search)
        g_string_free(sweep->search, TRUE);
    g_string_free(sweep->cursor, TRUE);
    fd_clear(&sweep->bucket_fd);
    g_free(sweep->line);
    g_free(sweep);
}

/* Drops a slice of what the store is to keep no longer. False at the end, or if it has failed. */
static bool step_store(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    bool more;

    if (!store_upkeep(daemon->store, clock_guard_now_us(daemon), sweep->dry_run,
                      &sweep->counts.store, &more, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!sweep->dry_run)
        batch_changed(daemon);
    return more && !daemon->paused;
}

/* What is done in each part of a sweep, one after the other. */
typedef bool (*SweepStep)(Sweep *sweep);

static const struct {
    unsigned kinds;
    SweepStep step; /* false when the part has ended */
} parts[] = {
    {RECORD_KINDS, sweep_step_records},
    {SWEEP_ORPHANS, sweep_step_files},
    {SWEEP_STORE, step_store},
    {SWEEP_STORE, sweep_step_destinations},
};

/* One step of whatever is next. False when the sweep has ended. */
static bool step(Sweep *sweep)
{
    if (sweep->part == G_N_ELEMENTS(parts))
        return false;
    if (!(parts[sweep->part].kinds & sweep->parts) || !parts[sweep->part].step(sweep))
        sweep->part++;
    return !sweep->daemon->paused;
}

/* The first that does not wait for whoever listens to it, so that nobody holds up the others. */
static Sweep *next_sweep(const Daemon *daemon)
{
    for (GList *at = daemon->sweeps.head; at; at = at->next) {
        Sweep *sweep = at->data;
        if (!sweep->is_waiting || daemon->paused)
            return sweep;
    }
    return NULL;
}

bool sweep_is_idle(const Daemon *daemon)
{
    return !next_sweep(daemon);
}

static void end_sweep(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;

    if (!daemon->paused && !sweep->dry_run && !sweep->is_look)
        log_event(sweep);
    if (!daemon->paused && !sweep->dry_run)
        (void)batch_commit(
            daemon); /* who is told of it can read of it; a failure shows as paused */
    (void)g_queue_remove(&daemon->sweeps, sweep);
    sweep->done(&sweep->counts, !daemon->paused, sweep->data);
    sweep_free(sweep);
}

static gboolean sweep_slice(gpointer data)
{
    Daemon *daemon = data;
    Sweep *sweep = next_sweep(daemon);
    int64_t end_us = clock_monotonic_us() + SLICE_US;

    if (sweep)
        sweep->is_waiting = !hand_over(sweep);
    while (sweep && !daemon->paused && !sweep->is_waiting) {
        if (!step(sweep))
            break;
        if (clock_monotonic_us() >= end_us)
            return G_SOURCE_CONTINUE;
    }
    if (sweep && (!sweep->is_waiting || daemon->paused))
        end_sweep(sweep);
    if (next_sweep(daemon))
        return G_SOURCE_CONTINUE;
    daemon->sweep_source = 0;
    daemon_check_finished(daemon);
    return G_SOURCE_REMOVE;
}

static void run_soon(Daemon *daemon)
{
    if (!daemon->sweep_source)
        daemon->sweep_source = g_idle_add_full(G_PRIORITY_LOW, sweep_slice, daemon, NULL);
}

static Sweep *find_sweep(const Daemon *daemon, const void *data)
{
    for (const GList *at = daemon->sweeps.head; at; at = at->next) {
        Sweep *sweep = at->data;
        if (sweep->data == data)
            return sweep;
    }
    return NULL;
}

void sweep_resume(Daemon *daemon)
{
    for (GList *at = daemon->sweeps.head; at; at = at->next)
        ((Sweep *)at->data)->is_waiting = false; /* who still cannot go on will say so again */
    if (!g_queue_is_empty(&daemon->sweeps))
        run_soon(daemon);
}

/* As many as there are by what the store says. */
static uint64_t expect(Daemon *daemon, SweepKinds kinds)
{
    StoreTotals totals;

    if (!report_totals(daemon, &totals))
        return 0;
    return (kinds & RECORD_KINDS ? totals.objects : 0) +
           (kinds & SWEEP_ORPHANS ? totals.thumbnails : 0);
}

bool sweep_progress(const Daemon *daemon, const void *data, ProgressCount *ret_count)
{
    const Sweep *sweep = find_sweep(daemon, data);

    if (!sweep)
        return false;
    *ret_count = (ProgressCount){.done = sweep->counts.records + sweep->counts.files,
                                 .total = sweep->expected};
    return true;
}

static int open_bucket(const Daemon *daemon)
{
    if (daemon->bucket)
        return fcntl(bucket_fd(daemon->bucket), F_DUPFD_CLOEXEC, 0);
    return open(daemon->options->bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void sweep_start(Daemon *daemon, const SweepOptions *options, SweepDone done, void *data)
{
    Sweep *sweep = g_new0(Sweep, 1);
    SweepKinds kinds = options->kinds;

    g_autofree char *objection = clock_guard_objection(daemon);
    bool is_held = objection && kinds & SWEEP_EXPIRE && daemon->config->n_lifecycle > 0;
    if (objection || daemon->config->n_lifecycle == 0)
        kinds &= ~(unsigned)SWEEP_EXPIRE;
    if (is_held)
        log_warning("nothing expires: %s", objection);
    if (options->include_away && kinds & SWEEP_ORPHANS)
        kinds |= FORGET_AWAY;
    *sweep = (Sweep){.daemon = daemon,
                     .kinds = options->kinds,
                     .dry_run = options->dry_run,
                     .is_look = options->is_look,
                     .include_away = options->include_away,
                     .note = options->note,
                     .note_data = options->note_data,
                     .done = done,
                     .data = data,
                     .expected = expect(daemon, kinds),
                     .start_us = clock_wall_us(),
                     .bucket_fd = kinds & SWEEP_EXPIRE ? open_bucket(daemon) : -1,
                     .parts = kinds,
                     .counts = {.is_held = is_held},
                     .cursor = g_string_new(NULL)};
    g_queue_push_tail(&daemon->sweeps, sweep);
    run_soon(daemon);
}

void sweep_stop_all(Daemon *daemon)
{
    Sweep *sweep;

    while ((sweep = g_queue_pop_head(&daemon->sweeps)))
        sweep_free(sweep);
    g_clear_handle_id(&daemon->sweep_source, g_source_remove);
}
