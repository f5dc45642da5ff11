/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/up_to_date.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "committed_totals.h"
#include "daemon/paths.h"
#include "journal/place.h"
#include "queue/bucket_view.h"
#include "store/jobs.h"
#include "store/store.h"

#include <fcntl.h>

/* The comparison of the bucket with the store. */
typedef struct {
    const Config *config;
    GMainLoop *loop;
    int state_fd;
    /* Recognizes the folders of the bucket. */
    MarkKey mark;
    StoreSnapshot *snapshot;
    uint64_t n_records;
    bool is_same;
} Audit;

/* Checks that this version of the object has been handled, with the renditions of today. */
static bool is_handled(const Audit *audit, const BucketEvent *event)
{
    const Config *config = audit->config;
    Record record;

    return store_get(audit->snapshot, event->key, &record, NULL) &&
           object_version_equal(&record.version, &event->version) &&
           record.state != STATE_PENDING && record.state != STATE_RUNNING &&
           !record_is_stale(&record, config->renditions, config->n_renditions);
}

/* Compares an event of the watcher with the store, and ends the loop once the result is known. */
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
    /* Any other event needs a daemon. */
    default:
        audit->is_same = false;
        break;
    }
    if (ends || !audit->is_same)
        g_main_loop_quit(audit->loop);
}

static bool find_unended(const BatchJob *job, void *data)
{
    *(bool *)data |= !job_has_ended(job);
    return true;
}

/* True if the mounts below the bucket are those that the store knows. */
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

static bool ignore_name(const char *name, const char *key, void *data)
{
    const Audit *audit = data;

    return config_ignores_entry(audit->config, name, key);
}

static bool reserve_folder(int folder_fd, const char *key, void *data)
{
    const Audit *audit = data;

    (void)key;
    return place_is_same(folder_fd, audit->state_fd) || place_is_anothers(folder_fd, &audit->mark);
}

/* Scans the bucket and compares it with the store. The result is in `audit->is_same`. */
static bool compare_all(Audit *audit, const char *path, GError **error)
{
    g_auto(BucketView) view = {0};
    BucketOptions options;

    bucket_view_init(&view, path, audit->config, &options);
    options.ignore = ignore_name;
    options.reserve = reserve_folder;
    audit->loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(Bucket) bucket = bucket_open(&options, compare, audit, error);
    if (bucket)
        audit->is_same &= mounts_are_known(audit, bucket);
    if (bucket && audit->is_same)
        g_main_loop_run(audit->loop);
    bool compared = bucket != NULL;
    g_clear_pointer(&bucket, bucket_free);
    g_main_loop_unref(audit->loop);
    return compared;
}

/* True if the store has no waiting work. Sets the expected number of the bucket's objects. */
static bool is_idle(Audit *audit, Store *store)
{
    const StoreFilter all = {0};
    bool has_job = false;
    ObjectTotals totals;
    uint64_t away;

    if (!committed_totals_read(store, &totals) ||
        !store_jobs(audit->snapshot, find_unended, &has_job, NULL))
        return false;
    if (has_job || totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING] > 0)
        return false;
    if (!store_away(audit->snapshot, &all, &away, NULL))
        return false;
    audit->n_records = totals.objects - MIN(away, totals.objects);
    return true;
}

static bool audit_bucket(Audit *audit, const char *bucket, GError **error)
{
    g_autofree char *path = daemon_state_path(bucket, audit->config);
    autofd state_fd = trusted_open_folder(AT_FDCWD, path, false, error);

    audit->state_fd = state_fd;
    return state_fd >= 0 && mark_key_open(state_fd, false, &audit->mark, error) &&
           compare_all(audit, bucket, error);
}

bool daemon_is_up_to_date(const char *bucket, const Config *config, bool *ret_is, GError **error)
{
    g_autofree char *path = daemon_store_path(bucket, config);
    /* A process that may write to the store has to repair one that cannot be read. */
    g_autoptr(Store) store = store_open(path, STORE_READ, NULL);
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, NULL) : NULL;
    Audit audit = {.config = config, .snapshot = snapshot, .is_same = true};

    *ret_is = false;
    if (!snapshot || !is_idle(&audit, store))
        return true;
    if (!audit_bucket(&audit, bucket, error))
        return false;
    *ret_is = audit.is_same;
    return true;
}
