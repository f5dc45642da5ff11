/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "journal/held.h"
#include "journal/place.h"
#include "journal/readers.h"
#include "journal/recovery.h"

/* Limits of one commit: changes of the store, and thumbnails that are written to disk. */
#define BATCH_CHANGES_MAX    2000
#define BATCH_THUMBNAILS_MAX 2000

/* The time that a change waits for others to share a commit: short when the daemon is idle. */
#define BATCH_QUIET_MS 5
#define BATCH_BUSY_MS  250

/* Gives another program time to remove the folder above as well. */
#define RESUME_SOON_MS  100
#define RESUME_FIRST_MS 1000
#define RESUME_LAST_MS  30000

struct Journal {
    JournalOptions options;
    BucketState *state;
    Recovery *recovery;
    Held *held;
    StoreReaders *readers;
    guint commit_source;
    guint resume_source;
    /* Number of batches lost in a row. */
    int failures;
    /* No work is begun until the store takes changes again. */
    bool is_lost;
    uint64_t generation;
    uint64_t changes;
    /* See journal_error. */
    GError *error;
    /* The batch was lost because a file or folder lies elsewhere. */
    bool is_displaced;
};

static void lose(Journal *journal, GError *error);

static bool on_moved(void *journal)
{
    return journal_holds(journal);
}

static void on_quiet(void *data)
{
    Journal *journal = data;

    if (journal_holds(journal))
        journal->options.listener.neighbours_changed(journal->options.listener.data);
}

static void publish(const Journal *journal, Fact fact)
{
    journal->options.listener.publish(fact, journal->options.listener.data);
}

static bool is_busy(const Journal *journal)
{
    return journal->options.listener.is_busy(journal->options.listener.data);
}

Journal *journal_new(const JournalOptions *options)
{
    Journal *journal = g_new0(Journal, 1);
    const HeldCallbacks callbacks = {.moved = on_moved, .quiet = on_quiet, .data = journal};

    journal->options = *options;
    journal->state = options->state;
    journal->recovery = recovery_new(options->state);
    journal->held = held_new(options->state, journal->recovery, &callbacks);
    journal->readers = readers_new();
    return journal;
}

void journal_free(Journal *journal)
{
    held_free(journal->held);
    recovery_free(journal->recovery);
    readers_free(journal->readers);
    g_clear_error(&journal->error);
    g_free(journal);
}

static gboolean commit_due(gpointer data)
{
    Journal *journal = data;

    journal->commit_source = 0;
    /* If the commit is lost, the recovery has begun. */
    (void)journal_commit(journal);
    return G_SOURCE_REMOVE;
}

GError **journal_error(Journal *journal)
{
    g_clear_error(&journal->error);
    return &journal->error;
}

const GError *journal_reason(const Journal *journal)
{
    return journal->error;
}

bool journal_check(Journal *journal, bool ok)
{
    if (!ok)
        lose(journal, g_steal_pointer(&journal->error));
    return ok;
}

bool journal_change(Journal *journal, bool ok)
{
    const BucketState *state = journal->state;

    if (!journal_check(journal, ok) || journal->is_lost)
        return false;
    journal->changes++;
    if (store_batch_size(state->store) >= BATCH_CHANGES_MAX ||
        publisher_unsynced(state->publisher) >= BATCH_THUMBNAILS_MAX)
        return journal_commit(journal);
    if (!journal->commit_source) {
        guint delay_ms = is_busy(journal) ? BATCH_BUSY_MS : BATCH_QUIET_MS;
        journal->commit_source = g_timeout_add(delay_ms, commit_due, journal);
    }
    return true;
}

bool journal_commit(Journal *journal)
{
    const BucketState *state = journal->state;
    GError *error = NULL;

    g_clear_handle_id(&journal->commit_source, g_source_remove);
    if (journal->is_lost)
        return false;
    if (store_batch_size(state->store) > 0)
        journal->changes++;
    /* Thumbnails come first: a record must not say `done` for a thumbnail that a power cut can take
     * away, or that has gone together with its folder. */
    if (!publisher_sync(state->publisher, &error)) {
        lose(journal, error);
        return false;
    }
    if (!journal_holds(journal))
        return false;
    publish(journal, FACT_COMMITTING);
    if (!store_commit(state->store, &error)) {
        lose(journal, error);
        return false;
    }
    journal->failures = 0;
    if (!journal->options.offline)
        readers_check(journal->readers, state->store);
    publish(journal, FACT_COMMITTED);
    return true;
}

bool journal_is_open(const Journal *journal)
{
    return !journal->is_lost;
}

uint64_t journal_generation(const Journal *journal)
{
    return journal->generation;
}

uint64_t journal_changes(const Journal *journal)
{
    return journal->changes;
}

/* Reopens the store as after a crash: objects under way are pending again, and a scan of the bucket
 * finds the rest. */
static gboolean resume(gpointer data)
{
    Journal *journal = data;
    GError *error = NULL;
    bool was_displaced = journal->is_displaced;

    journal->resume_source = 0;
    journal->is_displaced = false;
    if (!held_renew(journal->held, &error) ||
        !journal->options.listener.renewed(journal->options.listener.data, &error)) {
        /* Without an error a batch was lost on the way, and the next try is due. */
        if (error)
            lose(journal, error);
        return G_SOURCE_REMOVE;
    }
    journal->is_lost = false;
    journal->changes++;
    if (!was_displaced)
        log_info("the store takes changes again: resuming");
    publish(journal, FACT_RESUMED);
    return G_SOURCE_REMOVE;
}

/* True if a later try may succeed. False for an error that a change of disk or store cannot
 * correct. */
static bool may_pass(const Journal *journal, ErrorCode code)
{
    switch (code) {
    /* A new store takes its place. */
    case ERROR_STORE_CORRUPT:
        return !journal->options.offline;
    case ERROR_NO_SPACE:
    case ERROR_IO:
    case ERROR_ACCESS_DENIED:
    case ERROR_NOT_FOUND:
    case ERROR_OUT_OF_MEMORY:
    case ERROR_SHORTAGE:
    case ERROR_STORE:
        return !journal->options.once;
    default:
        return false;
    }
}

/* Discards the batch. No work is begun before resume. */
static void discard_batch(Journal *journal)
{
    if (journal->state->store)
        store_abort(journal->state->store);
    g_clear_handle_id(&journal->commit_source, g_source_remove);
    journal->generation++;
    journal->changes++;
    journal->is_lost = true;
    journal->failures++;
    publish(journal, FACT_LOST);
}

/* Resumes from the loop, because the caller may hold pointers into the store. */
static void resume_in(Journal *journal, guint delay_ms)
{
    if (!journal->resume_source)
        journal->resume_source = g_timeout_add(MIN(delay_ms, RESUME_LAST_MS), resume, journal);
}

/* Gives the batch up because an open file or folder lies elsewhere. The present ones are opened
 * before the work is done again. `patient`: wait for longer. */
static void displace(Journal *journal, bool patient)
{
    /* The first try comes soon. The delay grows if another program moves a folder again and
     * again. */
    guint delay_ms = journal->failures > 0 ? RESUME_FIRST_MS << MIN(journal->failures, 8)
                     : patient             ? RESUME_FIRST_MS
                                           : RESUME_SOON_MS;

    discard_batch(journal);
    journal->is_displaced = true;
    if (journal->options.offline)
        run_fail(journal->options.run,
                 g_error_new(THUMBQ_ERROR, ERROR_IO,
                             "the state folder or that of the thumbnails was removed, moved or "
                             "replaced meanwhile"));
    else
        resume_in(journal, delay_ms);
}

bool journal_holds(Journal *journal)
{
    if (journal->is_lost)
        return false;

    HeldThings things = held_check(journal->held);
    if (things == 0)
        return true;
    /* Waits a moment for a program that removes the state folder file by file, or that moves it and
     * puts another there. */
    displace(journal, things != HELD_PREFIX);
    return false;
}

/* Gives the batch up and schedules the recovery. Takes `error`. */
static void lose(Journal *journal, GError *error)
{
    guint delay_ms = RESUME_FIRST_MS << MIN(journal->failures, 8);
    ErrorCode code = error_code(error);

    discard_batch(journal);
    if (code == ERROR_STORE_CORRUPT)
        recovery_find_damage(journal->recovery);
    place_explain(error);
    if (!may_pass(journal, code)) {
        run_fail(journal->options.run, error);
        return;
    }
    log_error("%s; %s: trying again in %u s", error->message, error_text(code),
              MIN(delay_ms, RESUME_LAST_MS) / 1000);
    g_error_free(error);
    resume_in(journal, delay_ms);
}

bool journal_open(Journal *journal, GError **error)
{
    return recovery_open(journal->recovery, error);
}

void journal_watch(Journal *journal)
{
    held_watch(journal->held);
}

void journal_configure(const Journal *journal)
{
    recovery_configure(journal->state);
}

JournalLeft journal_left(const Journal *journal)
{
    return recovery_left(journal->recovery);
}

void journal_clear_left(Journal *journal, JournalLeft left)
{
    recovery_set_left(journal->recovery, recovery_left(journal->recovery) & ~left);
}

void journal_leave(Journal *journal, JournalLeft left)
{
    recovery_set_left(journal->recovery, recovery_left(journal->recovery) | left);
}

void journal_close(Journal *journal, bool is_whole)
{
    g_clear_handle_id(&journal->commit_source, g_source_remove);
    g_clear_handle_id(&journal->resume_source, g_source_remove);
    held_unwatch(journal->held);
    recovery_close(journal->recovery, is_whole && !journal->is_lost);
}
