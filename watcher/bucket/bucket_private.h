/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the modules of the bucket. Only they include it, and the test that forces an overflow.
 *
 *   bucket.c    lifecycle, reporting
 *   presence.c  checks that the bucket still exists
 *   mounts.c    file systems that are mounted below the bucket
 *   notify.c    reads inotify, decides what each event means
 *   moves.c     pairs the halves of renames
 *   notices.c   warnings about names, counted
 *   settle.c    waits until a file without a close event is quiet
 *   scan.c      lists folders, in slices
 *   tree.c      the folders that are known and watched
 *   beneath.c   opens files and folders
 *
 * All code runs inside the dispatch of a source of the default main context, between bucket_enter
 * and bucket_leave. Events are reported only there.
 */
#pragma once

#include "base/timer.h"
#include "bucket/beneath.h"
#include "bucket/tree.h"
#include "watcher/bucket.h"

#include <dirent.h>
#include <sys/inotify.h>

/* Longest time of work in one dispatch. */
#define SLICE_US INT64_C(5000)
/* Default of BucketOptions.move_window_us. */
#define MOVE_WINDOW_US INT64_C(50000)
/* Limit of rename halves that wait for the other half. */
#define MOVES_MAX 1024
/* Limit of files that wait until they are quiet. */
#define SETTLE_MAX 4096
/* Time without an event before a file is probed. */
#define SETTLE_QUIET_US INT64_C(100000)
/* Longest time between probes of a file that stays open. */
#define SETTLE_POLL_MAX_US INT64_C(2000000)
/* A scan probes files that changed within this time. */
#define RECENT_NS INT64_C(10000000000)
/* Delay of the rescan after a shortage lost an event. */
#define RETRY_SCAN_US INT64_C(1000000)
/* Time between rescans while some folders are unwatched. */
#define FALLBACK_SCAN_US INT64_C(60000000)

/* Events are read before folders are listed, so that the kernel's queue does not overflow. */
#define PRIORITY_NOTIFY G_PRIORITY_DEFAULT
#define PRIORITY_TIMERS (G_PRIORITY_DEFAULT + 10)
#define PRIORITY_SCAN   G_PRIORITY_DEFAULT_IDLE

/* Reasons to list a folder. */
enum {
    /* An event reports that the folder has something new. */
    DUE_EVENT = 1,
    /* A scan of the whole tree is running. */
    DUE_SCAN = 2,
};

typedef struct {
    /* Links are TreeNode.link. */
    GQueue queue;
    /* The folder that is being listed; NULL if there is none, or if it was removed meanwhile. */
    TreeNode *node;
    /* The open folder of `node`. */
    DIR *dir;
    /* The reasons for which `node` is listed. */
    uint8_t due;
    /* Number of the current listing. */
    uint32_t listing;
    /* A scan of the whole tree is running. */
    bool running;
    /* Another scan of the whole tree has to follow. */
    bool wanted;
    uint64_t n_objects;
    /* Folders of this scan that could not be watched. */
    uint64_t n_unwatched;
    /* The machine was short of descriptors or memory during this scan. */
    bool was_short;
    /* Starts the next slice. */
    GSource *timer;
    /* Starts the next scan of the whole tree. */
    GSource *rescan;
} Scan;

/* Kinds of warnings that an uploader can cause in any number. */
typedef enum {
    NOTICE_LONG_PATH,
    NOTICE_UNREADABLE,
    NOTICES,
} NoticeKind;

typedef struct {
    /* Warnings since the last line. */
    uint64_t n;
    /* Text of the first of these warnings. */
    char *first;
    /* Monotonic time of the last line; 0: never. */
    int64_t logged_us;
} Notice;

struct Bucket {
    /* References: one of the owner, one of each dispatch that is running. */
    int n_refs;
    bool closed, lost;
    /* True within a dispatch: events may be reported. */
    bool reporting;

    /* Absolute. */
    char *path;
    GStrv reserved;
    BucketIgnore ignore;
    BucketReserve reserve;
    bool watch;
    int64_t rescan_us, move_window_us;
    BucketCallback callback;
    void *data;

    int fd;
    Tree tree;
    Scan scan;

    /* -1: there are no watches. */
    int inotify_fd;
    GSource *notify;
    /* Watch of the folder that contains the bucket. */
    int parent_wd;
    /* Name of the bucket in that folder. */
    char *name;
    bool warned_of_limit;
    /* The bucket's share of the machine's watches, and that limit; 0: unknown. */
    int64_t watches_max, watches_limit;
    /* BucketOptions.max_watches. */
    int64_t watches_wanted;
    bool warned_of_shortage;

    /* Identity of the folder that was opened. */
    struct statx identity;
    /* /proc/self/mountinfo */
    int mounts_fd;
    /* Reports that a file system was mounted or unmounted. */
    GSource *mounts;
    /* Hash of the mounts below the bucket. */
    uint64_t mounts_hash;
    /* Array of BucketMount: the visible mounts. */
    GArray *mounts_list;

    /* Queue of Move, oldest first. */
    GQueue moves;
    GSource *moves_timer;

    /* Maps keys to Settling. */
    GHashTable *settling;
    GSource *settle_timer;

    Notice notices[NOTICES];
    GSource *notices_timer;

    /* Warnings from outside a dispatch; the next dispatch reports them. */
    GPtrArray *warnings;
};

/* Enclose all code that may report events: the callback may call bucket_free. */
void bucket_enter(Bucket *bucket);
void bucket_leave(Bucket *bucket);

/* True if the bucket was closed: loops end and report nothing more. */
bool bucket_has_ended(const Bucket *bucket);

void bucket_report(Bucket *bucket, const BucketEvent *event);
void bucket_report_key(Bucket *bucket, BucketEventType type, const char *key);
void bucket_report_object(Bucket *bucket, const char *key, const struct stat *st, bool from_scan);
void bucket_warn(Bucket *bucket, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* True if the path is no place for uploads: it is ignored, or is a reserved folder. */
bool bucket_hides(const Bucket *bucket, const char *name, const char *key, bool is_folder);

/*
 * Forgets a folder and all folders below it: removes their watches and their places in the queue.
 */
void bucket_drop(Bucket *bucket, TreeNode *node);

/*
 * Reports the file `key`. If a process still writes to it, the report follows when the file is
 * quiet.
 */
void bucket_report_file(Bucket *bucket, const char *key);

/*
 * As beneath_stat and beneath_probe. If the machine is short of descriptors or memory, a scan
 * checks the file again; until then the file counts as gone.
 */
int bucket_stat(Bucket *bucket, const char *key, struct stat *ret_st);
BeneathState bucket_probe(Bucket *bucket, const char *key, struct stat *ret_st);

/* Starts a scan of the whole tree within RETRY_SCAN_US, because an event was lost. */
void bucket_rescan_soon(Bucket *bucket);

void presence_open(Bucket *bucket);
void presence_close(Bucket *bucket);

/*
 * Reports BUCKET_LOST, the last event, if the bucket is no longer at its path. Returns true if it
 * is still there.
 */
bool presence_check(Bucket *bucket);

/* Reads the mounts below the bucket; true if they have changed. */
bool mounts_refresh(Bucket *bucket);

/* Opens inotify. If that fails, the bucket continues with scans, and a warning reports it. */
void notify_open(Bucket *bucket);
void notify_close(Bucket *bucket);

/*
 * Reads and handles events until none is left, or until `until_us`. Returns true if none is left.
 */
bool notify_read(Bucket *bucket, int64_t until_us);

/* Handles one event. */
void notify_dispatch(Bucket *bucket, int wd, uint32_t mask, uint32_t cookie, const char *name);

/* Reads the machine's limit of watches again. */
void notify_read_limit(Bucket *bucket);

/*
 * Watches the folder `dir_fd` as `node`, unless it is watched already. Returns false if the kernel
 * refuses, or if the bucket has used its share of the machine's watches.
 */
bool notify_watch(Bucket *bucket, TreeNode *node, int dir_fd);
void notify_unwatch(Bucket *bucket, TreeNode *node);

void moves_init(Bucket *bucket);
void moves_clear(Bucket *bucket);

/* Handles the first half of a rename: `name` left `parent`. The second half may follow. */
void moves_from(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name,
                const char *key, bool is_folder);

/*
 * Handles the second half of a rename: `name` came into `parent`. Without a first half it came from
 * outside the bucket.
 */
void moves_to(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name, const char *key,
              bool is_folder);

/* Handles a rename to a hidden place: the file or folder of the first half is gone. */
void moves_to_hidden(Bucket *bucket, uint32_t cookie);

/* Ends the wait for the second half of a rename from `key`, because another event uses that key. */
void moves_settle(Bucket *bucket, const char *key);

/*
 * True while the second half of a folder's rename may still follow; the tree is incomplete until
 * then.
 */
bool moves_has_folder(const Bucket *bucket);

void settle_init(Bucket *bucket);
void settle_clear(Bucket *bucket);

/* Reports the file once it has been quiet for a time and no process writes to it. */
void settle_push(Bucket *bucket, const char *key);
void settle_remove(Bucket *bucket, const char *key);

void notices_init(Bucket *bucket);
void notices_clear(Bucket *bucket);

/*
 * Adds a warning and takes ownership of `text`. It is printed at the end of a running scan, else at
 * once; further warnings of this kind within a minute are counted and follow after it. A line
 * quotes the first warning and counts the others.
 */
void notices_add(Bucket *bucket, NoticeKind kind, char *text);

/* Warns that the path of `name` in `folder` is too long for a key. */
void notices_add_long_path(Bucket *bucket, const TreeNode *folder, const char *name);

/* Prints the counted warnings. */
void notices_print(Bucket *bucket);

void scan_init(Bucket *bucket);
void scan_clear(Bucket *bucket);

/* Puts the folder into the queue, to be listed with all folders below it. */
void scan_push(Bucket *bucket, TreeNode *node, uint8_t due);

/* Adds a new folder to the tree and lists it with all folders below it. */
void scan_push_new(Bucket *bucket, TreeNode *parent, const char *name);

/* Removes a folder from the queue before it is freed. */
void scan_remove(Bucket *bucket, TreeNode *node);
