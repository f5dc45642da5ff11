/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/objects.h"

#include "base/clock.h"
#include "journal/journal.h"

#include <string.h>

struct Objects {
    const BucketState *state;
    NewsReceiver news;
    /* One bit per record id: met since the scan began; NULL without a scan. */
    GByteArray *seen;
};

Objects *objects_new(const BucketState *state, const NewsReceiver *news)
{
    Objects *objects = g_new0(Objects, 1);

    objects->state = state;
    objects->news = *news;
    return objects;
}

void objects_free(Objects *objects)
{
    if (!objects)
        return;
    objects_forget_scan(objects);
    g_free(objects);
}

static void mark_seen(Objects *objects, uint64_t id)
{
    GByteArray *seen = objects->seen;
    guint byte = (guint)(id / 8);

    if (!seen)
        return;
    if (byte >= seen->len) {
        guint old = seen->len;
        g_byte_array_set_size(seen, MAX(byte + 1, old * 2));
        memset(seen->data + old, 0, seen->len - old);
    }
    seen->data[byte] |= (guint8)(1 << id % 8);
}

void objects_record_seen(Objects *objects, const char *key, const ObjectVersion *version,
                         Priority priority)
{
    const BucketState *state = objects->state;
    Journal *journal = state->journal;
    StoreSeen seen;
    uint64_t id;

    if (!journal_check(journal, store_seen(state->store, key, version, priority, clock_wall_us(),
                                           &seen, &id, journal_error(journal))))
        return;
    mark_seen(objects, id);
    if (seen == STORE_QUEUED)
        /* If the batch is lost, the next scan finds the object. */
        (void)journal_change(journal, true);
}

bool objects_remove(Objects *objects, const char *key)
{
    const BucketState *state = objects->state;
    Journal *journal = state->journal;
    Record record;
    bool found;

    if (!journal_check(journal, store_remove(state->store, key, clock_wall_us(), &found, &record,
                                             journal_error(journal))))
        return false;
    if (!found)
        return true;
    /* Removed before the commit: if the commit fails, a later scan removes the record of the
     * missing object again. */
    for (size_t i = 0; i < record.n_thumbnails; i++)
        publisher_remove(state->publisher, record.thumbnails[i].rendition, key,
                         record.thumbnails[i].facts.type);
    news_report_removed(&objects->news, key);
    return journal_change(journal, true);
}

/* Moves the thumbnails together with their record. If one is missing, all are made anew. */
static bool move_thumbnails(const BucketState *state, const Record *record, const char *from,
                            const char *to)
{
    Journal *journal = state->journal;
    bool complete = true;
    bool found;

    for (size_t i = 0; i < record->n_thumbnails; i++)
        complete &= publisher_move(state->publisher, record->thumbnails[i].rendition, from, to,
                                   record->thumbnails[i].facts.type);
    if (complete)
        return true;
    return journal_check(journal, store_requeue(state->store, to, PRIORITY_BACKFILL,
                                                clock_wall_us(), &found, journal_error(journal)));
}

void objects_move(Objects *objects, const char *from, const char *to, const ObjectVersion *version)
{
    const BucketState *state = objects->state;
    Journal *journal = state->journal;
    Record record;
    bool moved;

    /* The object that had the new name was replaced. */
    if (!objects_remove(objects, to))
        return;
    if (!journal_check(journal, store_move(state->store, from, to, version, clock_wall_us(), &moved,
                                           &record, journal_error(journal))))
        return;
    if (!moved) {
        if (objects_remove(objects, from))
            objects_record_seen(objects, to, version, PRIORITY_UPLOAD);
        return;
    }
    mark_seen(objects, record.id);
    news_report_renamed(&objects->news, from, to);
    if (move_thumbnails(state, &record, from, to))
        /* If the batch is lost, a scan finds the object. */
        (void)journal_change(journal, true);
}

void objects_begin_scan(Objects *objects)
{
    objects_forget_scan(objects);
    objects->seen = g_byte_array_new();
}

void objects_forget_scan(Objects *objects)
{
    g_clear_pointer(&objects->seen, g_byte_array_unref);
}

GByteArray *objects_end_scan(Objects *objects)
{
    return g_steal_pointer(&objects->seen);
}
