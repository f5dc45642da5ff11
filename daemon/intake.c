/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "log.h"

#include <string.h>

static void mark_seen(Daemon *daemon, uint64_t id)
{
    guint byte = (guint)(id / 8);

    if (!daemon->seen)
        return;
    if (byte >= daemon->seen->len) {
        guint old = daemon->seen->len;
        g_byte_array_set_size(daemon->seen, MAX(byte + 1, old * 2));
        memset(daemon->seen->data + old, 0, daemon->seen->len - old);
    }
    daemon->seen->data[byte] |= (guint8)(1 << id % 8);
}

static void take_object(Daemon *daemon, const char *key, const ObjectVersion *version,
                        Priority priority)
{
    GError *error = NULL;
    StoreSeen seen;
    uint64_t id;

    if (!store_seen(daemon->store, key, version, priority, clock_wall_us(), &seen, &id, &error)) {
        batch_lost(daemon, error);
        return;
    }
    mark_seen(daemon, id);
    if (seen == STORE_QUEUED) {
        batch_changed(daemon);
        dispatch_soon(daemon);
    }
}

void intake_remove(Daemon *daemon, const char *key)
{
    GError *error = NULL;
    Record record;
    bool found;

    if (!store_remove(daemon->store, key, clock_wall_us(), &found, &record, &error)) {
        batch_lost(daemon, error);
        return;
    }
    if (!found)
        return;
    /* Before the commit: should that fail, the record is found to be of a missing object again. */
    for (size_t i = 0; i < record.n_thumbnails; i++)
        publisher_remove(daemon->publisher, record.thumbnails[i].rendition, key,
                         record.thumbnails[i].facts.type);
    news_removed(daemon, key);
    batch_changed(daemon);
}

/* Moves the thumbnails along with their record; where one is missing they are all made anew. */
static void move_thumbnails(Daemon *daemon, const Record *record, const char *from, const char *to)
{
    GError *error = NULL;
    bool complete = true;
    bool found;

    for (size_t i = 0; i < record->n_thumbnails; i++)
        complete &= publisher_move(daemon->publisher, record->thumbnails[i].rendition, from, to,
                                   record->thumbnails[i].facts.type);
    if (complete)
        return;
    if (!store_requeue(daemon->store, to, PRIORITY_BACKFILL, clock_wall_us(), &found, &error)) {
        batch_lost(daemon, error);
        return;
    }
    dispatch_soon(daemon);
}

void intake_move(Daemon *daemon, const char *from, const char *to, const ObjectVersion *version)
{
    GError *error = NULL;
    Record record;
    bool moved;

    intake_remove(daemon, to); /* what had the new name has been replaced */
    if (daemon->paused)
        return;
    if (!store_move(daemon->store, from, to, version, clock_wall_us(), &moved, &record, &error)) {
        batch_lost(daemon, error);
        return;
    }
    if (!moved) {
        intake_remove(daemon, from);
        if (!daemon->paused)
            take_object(daemon, to, version, PRIORITY_UPLOAD);
        return;
    }
    mark_seen(daemon, record.id);
    news_renamed(daemon, from, to);
    move_thumbnails(daemon, &record, from, to);
    batch_changed(daemon);
}

/* Its file is not there. What is away is not gone. */
static void take_removal(Daemon *daemon, const char *key)
{
    if (!away_is_key(daemon, key))
        intake_remove(daemon, key);
}

static void begin_scan(Daemon *daemon)
{
    if (!away_take_mounts(daemon))
        return;
    g_clear_pointer(&daemon->seen, g_byte_array_unref);
    daemon->seen = g_byte_array_new();
}

/* Looks for records without an object, unless the whole bucket looks empty: that is no mass delete.
 */
static void end_scan(Daemon *daemon, uint64_t n_objects)
{
    GError *error = NULL;
    Record record;
    bool found;
    GByteArray *seen = g_steal_pointer(&daemon->seen);

    /* A batch was lost on the way, and with it what the scan has found: another scan follows. */
    if (!seen)
        return;
    if (!store_peek_after(daemon->store, NULL, &found, &record, &error)) {
        batch_lost(daemon, error);
    } else if (found && n_objects == 0) {
        log_warning("the bucket '%s' is empty, but the store knows objects of it: nothing is "
                    "removed; is a disk not mounted?",
                    daemon->options->bucket);
    } else if (found) {
        walk_start(daemon, WALK_MISSING, "", NULL, g_steal_pointer(&seen));
    }
    g_clear_pointer(&seen, g_byte_array_unref);
    if (!daemon->paused)
        recovery_after_scan(daemon, n_objects);
    (void)held_check(daemon);       /* where nobody has told of it */
    service_ready(daemon->service); /* every folder that is there is watched now */
    daemon_check_finished(daemon);
}

static void lose_bucket(Daemon *daemon)
{
    daemon_fail(daemon, g_error_new(THUMBQ_ERROR, ERROR_NOT_FOUND,
                                    "the bucket '%s' is not there any more: deleted, unmounted or "
                                    "mounted over; nothing was removed",
                                    daemon->options->bucket));
}

void intake_event(const BucketEvent *event, void *data)
{
    Daemon *daemon = data;

    if (event->type == BUCKET_LOST)
        lose_bucket(daemon);
    if (event->type == BUCKET_WARNING)
        log_warning("%s", event->message);
    /* A scan follows when the store takes changes again. */
    if (daemon->paused)
        return;

    switch (event->type) {
    case BUCKET_OBJECT:
        take_object(daemon, event->key, &event->version,
                    event->from_scan ? PRIORITY_SCAN : PRIORITY_UPLOAD);
        break;
    case BUCKET_REMOVED:
        take_removal(daemon, event->key);
        break;
    case BUCKET_TREE_REMOVED:
        walk_start(daemon, WALK_REMOVED, event->key, NULL, NULL);
        break;
    case BUCKET_TREE_HIDDEN:
        walk_start(daemon, WALK_HIDDEN, event->key, NULL, NULL);
        break;
    case BUCKET_MOVED:
        intake_move(daemon, event->from, event->key, &event->version);
        break;
    case BUCKET_TREE_MOVED:
        walk_start(daemon, WALK_MOVED, event->from, event->key, NULL);
        break;
    case BUCKET_SCAN_BEGIN:
        begin_scan(daemon);
        break;
    case BUCKET_SCAN_END:
        end_scan(daemon, event->n_objects);
        break;
    case BUCKET_MOUNTS:
        (void)away_take_mounts(daemon); /* a scan follows, whatever comes of it */
        break;
    case BUCKET_LOST:
    case BUCKET_WARNING:
        break;
    }
}
