/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "file.h"
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>

static void tell(const StoreMount *mount, void *data)
{
    const Daemon *daemon = data;
    g_autofree char *path = object_key_to_text(mount->path, NULL);

    if (daemon->offline || (mount->objects == 0 && !mount->is_away))
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

static bool take(Daemon *daemon, const GArray *mounts)
{
    g_autofree StoreMountPoint *points = g_new(StoreMountPoint, mounts->len);
    GError *error = NULL;

    for (guint i = 0; i < mounts->len; i++) {
        const BucketMount *mount = &g_array_index(mounts, BucketMount, i);
        points[i] = (StoreMountPoint){.path = mount->key, .identity = mount->identity};
    }
    if (!store_set_mounts(daemon->store, points, mounts->len, clock_wall_us(), tell, daemon,
                          &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (store_batch_size(daemon->store) > 0 && !daemon->offline)
        batch_changed(daemon);
    return true;
}

bool away_take_mounts(Daemon *daemon)
{
    if (daemon->bucket)
        return take(daemon, bucket_mounts(daemon->bucket));
    autofd fd = open(daemon->options->bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return true; /* who needs the bucket says so */
    g_autoptr(GArray) mounts = bucket_read_mounts(fd);
    return take(daemon, mounts);
}

bool away_is(const Daemon *daemon, const Record *record)
{
    return record->away || !bucket_knows_place(daemon->bucket, record->key);
}

bool away_is_key(Daemon *daemon, const char *key)
{
    Record record;
    bool found;

    /* A store that cannot be read says so at the next change. */
    if (!store_peek(daemon->store, key, &found, &record, NULL) || !found)
        return false;
    bool is_away = away_is(daemon, &record);
    /* Its place could not be told: a scan finds out, and what was left waiting is due again. */
    if (is_away && !record.away)
        bucket_rescan(daemon->bucket);
    return is_away;
}

void away_note(Daemon *daemon, const char *key)
{
    GError *error = NULL;

    if (!store_note_hidden(daemon->store, key, clock_wall_us(), &error))
        batch_lost(daemon, error);
    else if (store_batch_size(daemon->store) > 0)
        batch_changed(daemon);
}
