/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "log.h"

/* What one commit holds at the most: changes of the store, thumbnails to be written to disk. */
#define BATCH_CHANGES_MAX    2000
#define BATCH_THUMBNAILS_MAX 2000

/* How long a change waits for others to share a commit with: shortly when all is quiet. */
#define BATCH_QUIET_MS 5
#define BATCH_BUSY_MS  250

#define RESUME_SOON_MS  100 /* for whoever removes the folder above as well */
#define RESUME_FIRST_MS 1000
#define RESUME_LAST_MS  30000

static gboolean commit_due(gpointer data)
{
    Daemon *daemon = data;

    daemon->commit_source = 0;
    if (batch_commit(daemon))
        daemon_check_finished(daemon);
    return G_SOURCE_REMOVE;
}

void batch_changed(Daemon *daemon)
{
    if (daemon->paused)
        return;
    if (store_batch_size(daemon->store) >= BATCH_CHANGES_MAX ||
        publisher_unsynced(daemon->publisher) >= BATCH_THUMBNAILS_MAX) {
        (void)batch_commit(daemon); /* on failure the recovery has begun */
        return;
    }
    if (!daemon->commit_source) {
        guint delay_ms = pool_busy(daemon->pool) > 0 ? BATCH_BUSY_MS : BATCH_QUIET_MS;
        daemon->commit_source = g_timeout_add(delay_ms, commit_due, daemon);
    }
}

bool batch_commit(Daemon *daemon)
{
    GError *error = NULL;

    g_clear_handle_id(&daemon->commit_source, g_source_remove);
    if (daemon->paused)
        return false;
    /* Thumbnails first: a record must not say `done` of what a power cut can take away, nor of what
     * has gone together with its folder. */
    if (!publisher_sync(daemon->publisher, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!held_check(daemon))
        return false;
    if (!store_commit(daemon->store, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    daemon->failures = 0;
    readers_look(daemon);
    backfill_soon(daemon);
    return true;
}

/* As after a crash: what was under way is pending again, and the bucket tells the rest. */
static gboolean resume(gpointer data)
{
    Daemon *daemon = data;
    GError *error = NULL;

    bool was_displaced = daemon->displaced;

    daemon->resume_source = 0;
    daemon->displaced = false;
    if (!held_renew(daemon, &error)) {
        batch_lost(daemon, error);
        return G_SOURCE_REMOVE;
    }
    daemon->paused = false;
    if (!was_displaced)
        log_info("the store takes changes again: resuming");
    redate_start(daemon);
    bucket_rescan(daemon->bucket);
    dispatch_soon(daemon);
    backfill_soon(daemon);
    return G_SOURCE_REMOVE;
}

/* Whether the same may go well later: not for what no disk and no store can help. */
static bool may_pass(const Daemon *daemon, ErrorCode code)
{
    switch (code) {
    case ERROR_STORE_CORRUPT: /* a new one takes its place */
        return !daemon->offline;
    case ERROR_NO_SPACE:
    case ERROR_IO:
    case ERROR_ACCESS_DENIED:
    case ERROR_NOT_FOUND:
    case ERROR_OUT_OF_MEMORY:
    case ERROR_SHORTAGE:
    case ERROR_STORE:
        return !daemon->options->once;
    default:
        return false;
    }
}

/* Nothing of the batch stays, and no work is begun before resume. */
static void give_up(Daemon *daemon)
{
    if (daemon->store)
        store_abort(daemon->store);
    g_clear_handle_id(&daemon->commit_source, g_source_remove);
    walk_stop_all(daemon);
    backfill_reset(daemon);
    clock_guard_reset(daemon);
    g_clear_pointer(&daemon->seen, g_byte_array_unref);
    daemon->generation++;
    daemon->paused = true;
    daemon->failures++;
}

/* From the loop: whoever is calling may hold what lies in the store. */
static void resume_in(Daemon *daemon, guint delay_ms)
{
    if (!daemon->resume_source)
        daemon->resume_source = g_timeout_add(MIN(delay_ms, RESUME_LAST_MS), resume, daemon);
}

void batch_displaced(Daemon *daemon, bool patient)
{
    /* Soon, but not again and again for somebody who moves a folder again and again. */
    guint delay_ms = daemon->failures > 0 ? RESUME_FIRST_MS << MIN(daemon->failures, 8)
                     : patient            ? RESUME_FIRST_MS
                                          : RESUME_SOON_MS;

    give_up(daemon);
    daemon->displaced = true;
    if (daemon->offline)
        daemon_fail(daemon, g_error_new(THUMBQ_ERROR, ERROR_IO,
                                        "the state folder or that of the thumbnails was removed, "
                                        "moved or replaced meanwhile"));
    else
        resume_in(daemon, delay_ms);
}

void batch_lost(Daemon *daemon, GError *error)
{
    guint delay_ms = RESUME_FIRST_MS << MIN(daemon->failures, 8);
    ErrorCode code = error_code(error);

    give_up(daemon);
    daemon->store_is_damaged |= code == ERROR_STORE_CORRUPT;
    daemon_explain_place(error);
    if (!may_pass(daemon, code)) {
        daemon_fail(daemon, error);
        return;
    }
    log_error("%s; %s: trying again in %u s", error->message, error_text(code),
              MIN(delay_ms, RESUME_LAST_MS) / 1000);
    g_error_free(error);
    resume_in(daemon, delay_ms);
}

void batch_stop(Daemon *daemon)
{
    g_clear_handle_id(&daemon->commit_source, g_source_remove);
    g_clear_handle_id(&daemon->resume_source, g_source_remove);
}
