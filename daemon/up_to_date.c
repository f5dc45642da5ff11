/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"
#include "error.h"
#include "trusted.h"

#include <fcntl.h>

/* The bucket is compared with the store. */
typedef struct {
    Daemon daemon; /* options and configuration only; first, for it is what the bucket is given */
    StoreSnapshot *snapshot;
    uint64_t n_records;
    bool is_same;
} Audit;

static bool is_handled(const Audit *audit, const BucketEvent *event)
{
    const Config *config = audit->daemon.config;
    Record record;

    return store_get(audit->snapshot, event->key, &record, NULL) &&
           object_version_equal(&record.version, &event->version) &&
           record.state != STATE_PENDING && record.state != STATE_RUNNING &&
           !record_is_stale(&record, config->renditions, config->n_renditions);
}

static void compare(const BucketEvent *event, void *data)
{
    Audit *audit = data;
    bool ends = false;

    switch (event->type) {
    case BUCKET_OBJECT:
        audit->is_same &= is_handled(audit, event);
        break;
    case BUCKET_SCAN_END:
        audit->is_same &= event->n_objects == audit->n_records;
        ends = true;
        break;
    case BUCKET_SCAN_BEGIN:
    case BUCKET_TREE_HIDDEN:
        break;
    default: /* whatever it is, a daemon has to see to it */
        audit->is_same = false;
        break;
    }
    if (ends || !audit->is_same)
        g_main_loop_quit(audit->daemon.loop);
}

static bool find_unended(const StoreJob *job, void *data)
{
    *(bool *)data |= !job_has_ended(job);
    return true;
}

/* What is mounted below the bucket is what the store knows. */
static bool mounts_are_known(const Audit *audit, const Bucket *bucket)
{
    const GArray *mounts = bucket_mounts(bucket);
    g_autofree StoreMountPoint *points = g_new(StoreMountPoint, mounts->len);

    for (guint i = 0; i < mounts->len; i++) {
        const BucketMount *mount = &g_array_index(mounts, BucketMount, i);
        points[i] = (StoreMountPoint){.path = mount->key, .identity = mount->identity};
    }
    return store_mounts_are(audit->snapshot, points, mounts->len);
}

static bool compare_all(Audit *audit, GError **error)
{
    Daemon *daemon = &audit->daemon;

    daemon->loop = g_main_loop_new(NULL, FALSE);
    Bucket *bucket = daemon_open_bucket(daemon, compare, error);
    if (bucket)
        audit->is_same &= mounts_are_known(audit, bucket);
    if (bucket && audit->is_same)
        g_main_loop_run(daemon->loop);
    bucket_free(bucket);
    g_main_loop_unref(daemon->loop);
    return bucket != NULL;
}

/* What the folders of the bucket are known by. */
static bool open_state_folder(Daemon *daemon, GError **error)
{
    g_autofree char *path = daemon_state_path(daemon->options->bucket, daemon->config);

    daemon->lock = LOCK_NONE;
    daemon->lock.folder_fd = trusted_open_folder(AT_FDCWD, path, false, error);
    return daemon->lock.folder_fd >= 0 &&
           mark_key_open(daemon->lock.folder_fd, false, &daemon->mark, error);
}

bool daemon_is_up_to_date(const char *bucket, const Config *config, bool *ret_is, GError **error)
{
    const DaemonOptions options = {.bucket = bucket, .once = true};
    g_autofree char *path = daemon_store_path(bucket, config);
    /* A store that cannot be read is for those to mend who may write. */
    g_autoptr(Store) store = store_open(path, STORE_READ, NULL);
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, NULL) : NULL;
    Audit audit = {.daemon = {.options = &options, .config = config, .store = store},
                   .snapshot = snapshot,
                   .is_same = true};
    const StoreFilter all = {0};
    bool has_job = false;
    StoreTotals totals;
    uint64_t away;

    *ret_is = false;
    if (!snapshot || !report_totals(&audit.daemon, &totals) ||
        !store_jobs(snapshot, find_unended, &has_job, NULL))
        return true;
    if (has_job || totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING] > 0)
        return true;
    if (!store_away(snapshot, &all, &away, NULL))
        return true;
    audit.n_records = totals.objects - MIN(away, totals.objects);
    bool compared = open_state_folder(&audit.daemon, error) && compare_all(&audit, error);
    lock_drop(&audit.daemon.lock);
    if (!compared)
        return false;
    *ret_is = audit.is_same;
    return true;
}
