/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/intake.h"

#include "base/error.h"
#include "base/log.h"
#include "journal/journal.h"
#include "passes/mend.h"
#include "store/store_filling.h"

/* Removes the object of a missing file, unless the object is away. */
static void record_removal(const Intake *intake, const char *key)
{
    if (!away_is_key(intake->walks.away, key))
        /* If the batch is lost, the next scan detects the missing file again. */
        (void)objects_remove(intake->walks.objects, key);
}

static void begin_scan(const Intake *intake)
{
    folders_begin_scan(intake->walks.folders);
    if (away_update_mounts(intake->walks.away))
        objects_begin_scan(intake->walks.objects);
}

/* Searches for records without an object, unless the whole bucket is empty: an empty bucket is not
 * taken for a mass deletion. */
static void end_scan(const Intake *intake, uint64_t n_objects)
{
    Journal *journal = intake->walks.state->journal;
    Record record;
    bool found;
    GByteArray *seen = objects_end_scan(intake->walks.objects);

    /* A batch was lost on the way, and with it the results of the scan: another scan follows. */
    if (!seen)
        return;
    Store *store = intake->walks.state->store;
    /* Objects that are found from now on have arrived after the store was made. */
    (void)journal_change(journal, store_end_filling(store, journal_error(journal)));
    bool is_read = journal_check(
        journal, store_peek_after(store, NULL, &found, &record, journal_error(journal)));
    bool seems_unmounted = is_read && found && n_objects == 0;
    if (is_read)
        objects_set_unmounted(intake->walks.objects, seems_unmounted);
    if (seems_unmounted) {
        log_warning("the bucket '%s' is empty, but the store knows objects of it: nothing is "
                    "removed; is a disk not mounted?",
                    intake->walks.state->bucket_path);
    } else if (is_read) {
        folders_end_scan(intake->walks.folders);
        if (found)
            walk_start(&intake->walks, WALK_MISSING, "", NULL, g_steal_pointer(&seen));
    }
    g_clear_pointer(&seen, g_byte_array_unref);
    if (is_read)
        mend_after_scan(intake->sweeps, n_objects, intake->checks_thumbnails);
    /* Detects moved files that no event has reported. */
    (void)journal_holds(journal);
    /* Every existing folder is watched now. */
    service_ready(intake->service);
}

static void lose_bucket(const Intake *intake)
{
    run_fail(intake->run, g_error_new(THUMBQ_ERROR, ERROR_NOT_FOUND,
                                      "the bucket '%s' is not there any more: deleted, unmounted "
                                      "or mounted over; nothing was removed",
                                      intake->walks.state->bucket_path));
}

void intake_event(const Intake *intake, const BucketEvent *event)
{
    if (event->type == BUCKET_LOST)
        lose_bucket(intake);
    if (event->type == BUCKET_WARNING)
        log_warning("%s", event->message);
    /* A scan follows when the store takes changes again. */
    if (!journal_is_open(intake->walks.state->journal))
        return;

    switch (event->type) {
    case BUCKET_OBJECT:
        if (event->from_scan)
            objects_set_unmounted(intake->walks.objects, false);
        objects_record_seen(intake->walks.objects, event->key, &event->version,
                            event->from_scan ? PRIORITY_SCAN : PRIORITY_UPLOAD);
        break;
    case BUCKET_REMOVED:
        record_removal(intake, event->key);
        break;
    case BUCKET_TREE_REMOVED:
        walk_start(&intake->walks, WALK_REMOVED, event->key, NULL, NULL);
        break;
    case BUCKET_TREE_HIDDEN:
        walk_start(&intake->walks, WALK_HIDDEN, event->key, NULL, NULL);
        break;
    case BUCKET_MOVED:
        objects_move(intake->walks.objects, event->from, event->key, &event->version);
        break;
    case BUCKET_TREE_MOVED:
        walk_start(&intake->walks, WALK_MOVED, event->from, event->key, NULL);
        break;
    case BUCKET_SCAN_BEGIN:
        begin_scan(intake);
        break;
    case BUCKET_SCAN_END:
        end_scan(intake, event->n_objects);
        break;
    case BUCKET_MOUNTS:
        /* A scan follows, no matter how this ends. */
        (void)away_update_mounts(intake->walks.away);
        break;
    case BUCKET_LOST:
    case BUCKET_WARNING:
        break;
    }
}
