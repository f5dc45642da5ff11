/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/away.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/journal.h"

#include <fcntl.h>
#include <inttypes.h>

struct Away {
    BucketState *state;
    bool is_silent;
};

Away *away_new(BucketState *state, bool is_silent)
{
    Away *away = g_new(Away, 1);

    *away = (Away){state, is_silent};
    return away;
}

void away_free(Away *away)
{
    g_free(away);
}

static void add_away(const StoreMount *mount, void *paths)
{
    if (mount->is_away)
        g_ptr_array_add(paths, g_strdup(mount->path));
}

/* Passes the absent mounts to the publisher: folders of thumbnails are given no rights while the
 * mount of their pictures is absent. */
static void update_publisher(const BucketState *state)
{
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(state->store, NULL);

    if (!snapshot || !state->publisher)
        /* The next scan passes them. */
        return;
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    store_mounts(snapshot, add_away, paths);
    publisher_set_away(state->publisher, paths);
}

/* Logs that a file system with known objects was mounted or unmounted. */
static void log_mount(const StoreMount *mount, void *data)
{
    const Away *away = data;
    g_autofree char *path = object_key_to_text(mount->path, NULL);

    if (away->is_silent || (mount->objects == 0 && !mount->is_away))
        return;
    const char *objects = mount->objects == 1 ? "object" : "objects";
    if (!mount->is_away)
        log_info("'%s' is mounted again, with %" PRIu64 " known %s", path, mount->objects, objects);
    else if (mount->objects > 0)
        log_warning("'%s' is not mounted any more, with %" PRIu64
                    " %s: records and thumbnails stay "
                    "until it is back, or until 'thumbq sweep orphans --include-away'",
                    path, mount->objects, objects);
}

/* Stores which file systems are mounted in the bucket now. */
static bool update_mounts(Away *away, const GArray *mounts)
{
    const BucketState *state = away->state;
    g_autofree StoreMountPoint *points = g_new(StoreMountPoint, mounts->len);

    for (guint i = 0; i < mounts->len; i++) {
        const BucketMount *mount = &g_array_index(mounts, BucketMount, i);
        points[i] = (StoreMountPoint){.path = mount->key, .identity = mount->identity};
    }
    if (!journal_check(state->journal,
                       store_set_mounts(state->store, points, mounts->len, clock_wall_us(),
                                        log_mount, away, journal_error(state->journal))))
        return false;
    update_publisher(state);
    if (store_batch_size(state->store) > 0 && !away->is_silent)
        /* The mounts stay known even if the batch is lost. */
        (void)journal_change(state->journal, true);
    return true;
}

bool away_update_mounts(Away *away)
{
    const BucketState *state = away->state;

    if (state->bucket)
        return update_mounts(away, bucket_mounts(state->bucket));
    autofd fd = open(state->bucket_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        /* The module that needs the bucket reports the error. */
        return true;
    g_autoptr(GArray) mounts = bucket_read_mounts(fd);
    return update_mounts(away, mounts);
}

static bool is_away(const BucketState *state, const Record *record)
{
    return record->away || !bucket_knows_place(state->bucket, record->key);
}

bool away_is_key(Away *away, const char *key)
{
    const BucketState *state = away->state;
    Record record;
    bool found;

    /* A store that cannot be read fails at the next change. */
    if (!store_peek(state->store, key, &found, &record, NULL) || !found)
        return false;
    bool key_is_away = is_away(state, &record);
    /* The object's mount is not known yet: a rescan detects it, and objects that wait without
     * reason become due again. */
    if (key_is_away && !record.away)
        bucket_rescan(state->bucket);
    return key_is_away;
}

void away_note(Away *away, const char *key)
{
    const BucketState *state = away->state;
    Journal *journal = state->journal;

    if (journal_check(journal, store_count_hidden(state->store, key, clock_wall_us(),
                                                  journal_error(journal))) &&
        store_batch_size(state->store) > 0)
        (void)journal_change(journal, true);
}
