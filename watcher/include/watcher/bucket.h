/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a directory tree into object events: inotify reports current changes, a rescan finds missed
 * ones. Knows neither images nor the store.
 *
 * Invariants: a wake-up is only a hint, the scan is the truth. Each regular file that exists when a
 * scan ends was reported during that scan. A file that a process is writing to is an exception: it
 * is reported once it is closed. inotify reports later changes; if it loses events, a new scan
 * starts by itself. As far as the kernel reports it (CLOSE_WRITE, MOVED_TO, leases), no file is
 * reported while it is half written. Symbolic links are never followed. Memory is bounded by the
 * number of directories, not of files.
 *
 * Single-threaded, on the default GLib main context. Callbacks run from there, never from within a
 * function below. Work is cut into slices of a few milliseconds. A callback may call any function
 * below, bucket_free included.
 */
#pragma once

#include "model/object.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Bucket Bucket;

/* Name of a folder in which a gateway writes uploads before they are complete, at any depth. It is
 * no place for uploads, whatever BucketOptions say. */
#define BUCKET_UPLOADS_FOLDER ".thumbq-uploads"

typedef enum {
    /* A complete file exists with this version: new, changed, or just found by a scan. */
    BUCKET_OBJECT,
    /* No file has this key any more. */
    BUCKET_REMOVED,
    /*
     * The folder `key` was removed: nothing below it exists any more. A file named `key` is not
     * concerned. If another folder has taken its place, its files are reported after this event.
     */
    BUCKET_TREE_REMOVED,
    /* A file was renamed from `from` to `key`; `version` is its version now. */
    BUCKET_MOVED,
    /* A folder was renamed from `from` to `key`. Its files follow as BUCKET_OBJECT. */
    BUCKET_TREE_MOVED,
    /*
     * A scan of the whole tree begins or ends. All files that existed are reported between the two.
     */
    BUCKET_SCAN_BEGIN,
    BUCKET_SCAN_END,
    /*
     * The bucket no longer exists at its path (deleted, unmounted, mounted over). No event follows.
     * The event does not mean that objects were removed.
     */
    BUCKET_LOST,
    /*
     * `message` is a problem that a person should know about: no watches left, a folder that cannot
     * be read.
     */
    BUCKET_WARNING,
    /* A file system was mounted or unmounted below the bucket (bucket_mounts). A scan follows. */
    BUCKET_MOUNTS,
    /*
     * The folder `key` is no place for uploads any more (BucketReserve): forget the objects below
     * it.
     */
    BUCKET_TREE_HIDDEN,
} BucketEventType;

typedef struct {
    BucketEventType type;
    /* Borrowed for the call; NULL if the type has none. */
    const char *key;
    /* Borrowed for the call; NULL if the type has none. */
    const char *from;
    ObjectVersion version;
    /* BUCKET_OBJECT: a scan of the whole tree found the file, not an event. */
    bool from_scan;
    /* BUCKET_SCAN_END: number of reported files. */
    uint64_t n_objects;
    /* BUCKET_WARNING: borrowed for the call. */
    const char *message;
} BucketEvent;

typedef void (*BucketCallback)(const BucketEvent *event, void *data);

/*
 * True if the file or folder `key` has to be ignored, a folder with all its files. `name` is the
 * last component of `key`.
 */
typedef bool (*BucketIgnore)(const char *name, const char *key, void *data);

/* A bucket may use this part (1/N) of fs.inotify.max_user_watches, which is read at each scan. */
#define BUCKET_WATCHES_SHARE 2

/*
 * Called with each folder that a scan or an event is about to list, open as `folder_fd`; the key of
 * the bucket itself is "". Returns true if the folder is no place for uploads, whatever its name.
 * The result for the bucket itself must be false.
 */
typedef bool (*BucketReserve)(int folder_fd, const char *key, void *data);

typedef struct {
    /* Path of the bucket. */
    const char *path;
    /* Keys of folders without uploads; NULL-terminated, or NULL. */
    const char *const *reserved;
    /* May be NULL. */
    BucketIgnore ignore;
    /* May be NULL. */
    BucketReserve reserve;
    /* False: scans only, no inotify. */
    bool watch;
    /* True: no scan before bucket_rescan. */
    bool no_first_scan;
    /* Limit of watched folders; 0: a share of the machine's limit. */
    int64_t max_watches;
    /* Time between full rescans; 0: none. */
    int64_t rescan_us;
    /* Time that half of a rename waits for the other half; 0: default. */
    int64_t move_window_us;
} BucketOptions;

/*
 * Opens the bucket, sets its watches and starts the first scan. `options` is copied. Errors:
 * ERROR_NOT_FOUND (no such folder), ERROR_ACCESS_DENIED, ERROR_IO. Owner: bucket_free.
 */
Bucket *bucket_open(const BucketOptions *options, BucketCallback callback, void *data,
                    GError **error);

/* Sets the time between full rescans, from the next one on; 0: none. */
void bucket_set_rescan(Bucket *bucket, int64_t rescan_us);

/* Starts a scan of the whole tree; if one is running, another follows. */
void bucket_rescan(Bucket *bucket);

/* True while a scan is running or due. */
bool bucket_is_scanning(const Bucket *bucket);

/*
 * True if the path still leads to the folder that was opened (same device, inode and mount), by
 * statx.
 */
bool bucket_is_present(const Bucket *bucket);

/* A file system that is mounted on a folder, or on a file, below the bucket. */
typedef struct {
    /* Key of the mount's place. */
    char *key;
    /* Identifies the file system; the same at each mount. */
    uint64_t identity;
    /* The kernel's number of this mount; valid while it is mounted. */
    uint64_t mnt_id;
} BucketMount;

/* Mounts below the bucket at the last scan or BUCKET_MOUNTS. Borrowed. */
const GArray *bucket_mounts(const Bucket *bucket);

/* Reads the mounts below a folder now, without a Bucket. Owner: the caller, g_array_unref. */
GArray *bucket_read_mounts(int bucket_fd);

/*
 * True if the place of the key is on the mount that bucket_mounts reports. Check this before an
 * object counts as gone: the files of a file system that was just unmounted are missing too. Costs
 * one openat2 and one statx.
 */
bool bucket_knows_place(const Bucket *bucket, const char *key);

/* O_PATH descriptor of the bucket's folder. Borrowed. */
int bucket_fd(const Bucket *bucket);

/*
 * Opens the object for reading: openat2 beneath the bucket, no symbolic links, regular files only,
 * close-on-exec. Never blocks on a FIFO. Errors: ERROR_SOURCE_GONE, ERROR_ACCESS_DENIED, ERROR_IO.
 * Owner: the caller closes.
 */
int bucket_open_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error);

/* Reads the version of the object without opening it. Errors: as bucket_open_object. */
bool bucket_stat_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error);

/*
 * Deletes the object if it is a regular file of exactly this version. Reaches nothing above the
 * bucket, follows no link, and loses no file that replaces the object at this moment. A crash can
 * leave the file beside its old place under the hidden name `.thumbq-expired-...`. *ret_deleted is
 * false if the object is gone or has another version. Errors: as error_set_errno.
 */
bool bucket_delete_object(int bucket_fd, const char *key, const ObjectVersion *version,
                          bool *ret_deleted, GError **error);

void bucket_free(Bucket *bucket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bucket, bucket_free)
