/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/objects.h"

#include "base/clock.h"
#include "journal/journal.h"

#include <string.h>

/* Number of missing objects whose names are remembered. */
#define GONE_MAX 64

/* An object whose file was missing when it was to be handled. */
typedef struct {
    /* Owned; NULL: none. */
    char *key;
    uint64_t ino;
} Gone;

struct Objects {
    const BucketState *state;
    NewsReceiver news;
    /* One bit per record id: met since the scan began; NULL without a scan. */
    GByteArray *seen;
    /* The newest ones, and the place of the next one. */
    Gone gone[GONE_MAX];
    size_t next_gone;
    bool seem_unmounted;
};

Objects *objects_new(const BucketState *state, const NewsReceiver *news)
{
    Objects *objects = g_new0(Objects, 1);

    objects->state = state;
    objects->news = *news;
    objects->seem_unmounted = true;
    return objects;
}

void objects_free(Objects *objects)
{
    if (!objects)
        return;
    objects_forget_scan(objects);
    for (size_t i = 0; i < GONE_MAX; i++)
        g_free(objects->gone[i].key);
    g_free(objects);
}

/* Notes that the scan has found this object. */
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

bool objects_remove_missing(Objects *objects, const char *key)
{
    const BucketState *state = objects->state;
    Journal *journal = state->journal;
    Gone *gone = &objects->gone[objects->next_gone];
    Record record;
    bool found;

    if (!journal_check(journal,
                       store_peek(state->store, key, &found, &record, journal_error(journal))))
        return false;
    if (found) {
        g_free(gone->key);
        *gone = (Gone){.key = g_strdup(key), .ino = record.version.ino};
        objects->next_gone = (objects->next_gone + 1) % GONE_MAX;
    }
    return objects_remove(objects, key);
}

/* True if the object had a record until its file was missing under this name. */
static bool was_missing(const Objects *objects, const char *key, const ObjectVersion *version)
{
    for (size_t i = 0; i < GONE_MAX; i++) {
        const Gone *gone = &objects->gone[i];
        if (g_strcmp0(gone->key, key) == 0 && gone->ino == version->ino)
            return true;
    }
    return false;
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

/* Removes the record of an object that is not handled yet, or not as it is now, and makes one of
 * the new name. */
static void replace_renamed(Objects *objects, const char *from, const char *to,
                            const ObjectVersion *version)
{
    const BucketState *state = objects->state;
    Journal *journal = state->journal;
    Record old;
    uint64_t id;
    bool is_known;

    if (!journal_check(journal,
                       store_peek(state->store, from, &is_known, &old, journal_error(journal))) ||
        !objects_remove(objects, from))
        return;
    if (!is_known && !was_missing(objects, from, version)) {
        objects_record_seen(objects, to, version, PRIORITY_UPLOAD);
        return;
    }
    if (!journal_check(journal, store_seen_renamed(state->store, to, version, clock_wall_us(), &id,
                                                   journal_error(journal))))
        return;
    mark_seen(objects, id);
    /* If the batch is lost, the next scan finds the object. */
    (void)journal_change(journal, true);
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
        replace_renamed(objects, from, to, version);
        return;
    }
    mark_seen(objects, record.id);
    news_report_renamed(&objects->news, from, to);
    if (move_thumbnails(state, &record, from, to))
        /* If the batch is lost, a scan finds the object. */
        (void)journal_change(journal, true);
}

bool objects_seem_unmounted(const Objects *objects)
{
    return objects->seem_unmounted;
}

void objects_set_unmounted(Objects *objects, bool seem_unmounted)
{
    objects->seem_unmounted = seem_unmounted;
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
