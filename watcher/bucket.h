/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a directory tree into object events: inotify for what happens now, a rescan for what was
 * missed. Knows neither images nor the store.
 *
 * Invariants: a wake-up is only a hint, the scan is the truth. Every regular file that is in the
 * tree when a scan ends has been reported since the scan began, unless somebody is writing to it:
 * then it follows once it is closed. A change that comes later is reported by inotify or, where
 * events were lost, by a new scan that starts by itself. Nothing is reported half written as far as
 * the kernel tells (CLOSE_WRITE, MOVED_TO, leases). Symbolic links are never followed. Memory is
 * bounded by the number of directories, not of files.
 *
 * Single-threaded, on the default GLib main context; callbacks come from there, never from within a
 * function below, and work is cut into slices of a few milliseconds. A callback may call any of
 * them, bucket_free too.
 */
#pragma once

#include "object.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Bucket Bucket;

typedef enum {
    /* A file is there, whole, with this version: new, changed, or just seen by a scan. */
    BUCKET_OBJECT,
    /* No file has this key any more. */
    BUCKET_REMOVED,
    /*
     * A folder went away: nothing that lay below `key` is there any more. A file named `key` is
     * not meant. Where another folder has taken its place, its files are reported after this.
     */
    BUCKET_TREE_REMOVED,
    /* A file was renamed from `from` to `key`; `version` is the file's now. */
    BUCKET_MOVED,
    /* A folder was renamed from `from` to `key`. Its files follow as BUCKET_OBJECT. */
    BUCKET_TREE_MOVED,
    /* A scan of the whole tree begins, or ends: all that was there has been reported in between. */
    BUCKET_SCAN_BEGIN,
    BUCKET_SCAN_END,
    /*
     * The bucket is not there any more (deleted, unmounted, mounted over). No event follows; it
     * means no removals.
     */
    BUCKET_LOST,
    /* `message` is what a person should know: watches exhausted, a folder that cannot be read. */
    BUCKET_WARNING,
    /* Something was mounted or unmounted below the bucket (bucket_mounts): a scan follows. */
    BUCKET_MOUNTS,
    /* No uploads are looked for below `key` (BucketReserve): what is known of them is to go. */
    BUCKET_TREE_HIDDEN,
} BucketEventType;

typedef struct {
    BucketEventType type;
    const char *key;  /* borrowed for the call; NULL where the type has none */
    const char *from; /* borrowed for the call; NULL where the type has none */
    ObjectVersion version;
    bool from_scan;      /* BUCKET_OBJECT: found by a scan of the whole tree, not by an event */
    uint64_t n_objects;  /* BUCKET_SCAN_END: files reported */
    const char *message; /* BUCKET_WARNING: borrowed for the call */
} BucketEvent;

typedef void (*BucketCallback)(const BucketEvent *event, void *data);

/* True if `name`, the last component of `key`, is to be ignored: a file, or a folder with all in
 * it. */
typedef bool (*BucketIgnore)(const char *name, const char *key, void *data);

/* One part in so many of fs.inotify.max_user_watches is for a bucket; it is read at each scan. */
#define BUCKET_WATCHES_SHARE 2

/*
 * Asked about each folder that is about to be listed, by a scan or because it is new or its mode
 * has changed; it is open as `folder_fd`, its key is "" for the bucket itself. True if no uploads
 * are to be looked for in it, whatever its name; never for the bucket itself.
 */
typedef bool (*BucketReserve)(int folder_fd, const char *key, void *data);

typedef struct {
    const char *path;            /* the bucket */
    const char *const *reserved; /* keys of folders without uploads; NULL-terminated, or NULL */
    BucketIgnore ignore;         /* may be NULL */
    BucketReserve reserve;       /* may be NULL */
    bool watch;                  /* false: only scans, no inotify */
    bool no_first_scan;          /* true: no scan before bucket_rescan */
    int64_t max_watches;         /* folders that are watched; 0: a share of the machine's limit */
    int64_t rescan_us;           /* between backstop rescans; 0: none */
    int64_t move_window_us;      /* half of a rename waits for the other; 0: default */
} BucketOptions;

/*
 * Opens the bucket, sets its watches and starts the first scan. `options` is copied.
 * Errors: ERROR_NOT_FOUND (no such folder), ERROR_ACCESS_DENIED, ERROR_IO. Owner: bucket_free.
 */
Bucket *bucket_open(const BucketOptions *options, BucketCallback callback, void *data,
                    GError **error);

/* Sets the time between backstop rescans, from the next one on; 0: none. */
void bucket_set_rescan(Bucket *bucket, int64_t rescan_us);

/* Starts a scan of the whole tree; when one is running, another follows it. */
void bucket_rescan(Bucket *bucket);

/* True while a scan is running or due. */
bool bucket_is_scanning(const Bucket *bucket);

/* True if the folder opened is the one at the path now (same device, inode and mount), by statx. */
bool bucket_is_present(const Bucket *bucket);

/* A file system that is mounted on a folder, or on a file, of the bucket. */
typedef struct {
    char *key;         /* of its place */
    uint64_t identity; /* the same whenever the same file system is mounted */
    uint64_t mnt_id;   /* of the kernel: of this mount, for as long as it lasts */
} BucketMount;

/* The mounts below the bucket, as a scan or BUCKET_MOUNTS has seen them last. Borrowed. */
const GArray *bucket_mounts(const Bucket *bucket);

/* The same without a Bucket, as they are now. Owner: the caller, g_array_unref. */
GArray *bucket_read_mounts(int bucket_fd);

/*
 * True if the key's place is on the mount that bucket_mounts says. Before an object counts as gone:
 * what has just been unmounted is not seen either. One openat2 and one statx.
 */
bool bucket_knows_place(const Bucket *bucket, const char *key);

/* O_PATH descriptor of the bucket's folder. Borrowed. */
int bucket_fd(const Bucket *bucket);

/*
 * Opens the object for reading: openat2 beneath the bucket, no symbolic links, regular files only,
 * close-on-exec. Never blocks on a FIFO. Errors: ERROR_SOURCE_GONE, ERROR_ACCESS_DENIED, ERROR_IO.
 */
int bucket_open_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error);

/* The version of the object now, without opening it. Errors: as bucket_open_object. */
bool bucket_stat_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error);

/*
 * Deletes the object if it is a regular file of exactly this version; nothing above the bucket is
 * reached, no link followed, and no file that takes its place at that very moment is lost. What a
 * crash leaves is the file under a hidden name beside its own, `.thumbq-expired-...`. *ret_deleted
 * false if it is gone, or another by now. Errors: as error_set_errno.
 */
bool bucket_delete_object(int bucket_fd, const char *key, const ObjectVersion *version,
                          bool *ret_deleted, GError **error);

void bucket_free(Bucket *bucket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bucket, bucket_free)
