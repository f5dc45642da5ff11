/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules of the bucket share. Only they include it, and the test that forces an overflow.
 *
 *   bucket.c    lifecycle, reporting
 *   presence.c  whether the bucket is still there
 *   mounts.c    what is mounted below it
 *   notify.c    reads inotify, decides what each event means
 *   moves.c     pairs the halves of renames
 *   notices.c   warnings about names, counted
 *   settle.c    waits until a file that nobody announced as closed is quiet
 *   scan.c      lists folders, in slices
 *   tree.c      the folders that are known and watched
 *   beneath.c   opens files and folders
 *
 * Everything runs inside the dispatch of a source of the default main context, between bucket_enter
 * and bucket_leave; events are reported from there only.
 */
#pragma once

#include "alarm.h"
#include "beneath.h"
#include "bucket.h"
#include "tree.h"

#include <dirent.h>
#include <sys/inotify.h>

#define SLICE_US           INT64_C(5000)        /* of work at once */
#define MOVE_WINDOW_US     INT64_C(50000)       /* default of BucketOptions.move_window_us */
#define MOVES_MAX          1024                 /* halves of renames that wait */
#define SETTLE_MAX         4096                 /* files that are waited for */
#define SETTLE_QUIET_US    INT64_C(100000)      /* without an event, before a file is probed */
#define SETTLE_POLL_MAX_US INT64_C(2000000)     /* between probes of a file that stays open */
#define RECENT_NS          INT64_C(10000000000) /* a scan probes files that changed since */
#define RETRY_SCAN_US      INT64_C(1000000) /* until the rescan after something could not be kept */
#define FALLBACK_SCAN_US   INT64_C(60000000) /* between rescans while folders are unwatched */

/* Events are read before folders are listed, so that the kernel's queue does not overflow. */
#define PRIORITY_NOTIFY G_PRIORITY_DEFAULT
#define PRIORITY_TIMERS (G_PRIORITY_DEFAULT + 10)
#define PRIORITY_SCAN   G_PRIORITY_DEFAULT_IDLE

/* Why a folder is to be listed. */
enum {
    DUE_EVENT = 1, /* an event says that something in it is new */
    DUE_SCAN = 2,  /* a scan of the whole tree is on its way */
};

typedef struct {
    GQueue queue;     /* of TreeNode.link */
    TreeNode *node;   /* being listed; NULL if none, or if it went away meanwhile */
    DIR *dir;         /* of `node` */
    uint8_t due;      /* why `node` is listed */
    uint32_t listing; /* number of the current listing */
    bool running;     /* a scan of the whole tree */
    bool wanted;      /* another scan of the whole tree is to follow */
    uint64_t n_objects;
    uint64_t n_unwatched; /* folders of this scan that could not be watched */
    bool was_short;       /* of descriptors or memory, in this scan */
    GSource *alarm;       /* rings for the next slice */
    GSource *rescan;      /* rings for the next scan of the whole tree */
} Scan;

/* Warnings of which an uploader can cause any number. */
typedef enum {
    NOTICE_LONG_PATH,
    NOTICE_UNREADABLE,
    NOTICES,
} NoticeKind;

typedef struct {
    uint64_t n;      /* since the last line */
    char *first;     /* the text of the first of them */
    int64_t said_us; /* monotonic; 0: never */
} Notice;

struct Bucket {
    int n_refs; /* the owner, and each dispatch that is under way */
    bool closed, lost;
    bool reporting; /* within a dispatch: events may be reported */

    char *path; /* absolute */
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

    int inotify_fd; /* -1 without watches */
    GSource *notify;
    int parent_wd; /* of the folder that holds the bucket */
    char *name;    /* the bucket's in it */
    bool warned_of_limit;
    int64_t watches_max, watches_limit; /* what may be taken of the machine's; 0: not known */
    int64_t watches_wanted;             /* BucketOptions.max_watches */
    bool warned_of_shortage;

    struct statx identity; /* of the folder opened */
    int mounts_fd;         /* /proc/self/mountinfo */
    GSource *mounts;       /* tells that something was mounted or unmounted */
    uint64_t mounts_hash;  /* of the mounts below the bucket */
    GArray *mounts_list;   /* BucketMount: those that are seen */

    GQueue moves; /* of Move, oldest first */
    GSource *moves_alarm;

    GHashTable *settling; /* key -> Settling */
    GSource *settle_alarm;

    Notice notices[NOTICES];
    GSource *notices_alarm;

    GPtrArray *warnings; /* from outside a dispatch: reported by the next */
};

/* ---- bucket.c -----------------------------------------------------------------------------------
 */

/* Around all that may report events: the callback may call bucket_free. */
void bucket_enter(Bucket *bucket);
void bucket_leave(Bucket *bucket);

/* True once nothing may be reported any more: loops end. */
bool bucket_has_ended(const Bucket *bucket);

void bucket_report(Bucket *bucket, const BucketEvent *event);
void bucket_report_key(Bucket *bucket, BucketEventType type, const char *key);
void bucket_report_object(Bucket *bucket, const char *key, const struct stat *st, bool from_scan);
void bucket_warn(Bucket *bucket, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* True if no uploads are looked for there: ignored, or a reserved folder. */
bool bucket_hides(const Bucket *bucket, const char *name, const char *key, bool is_folder);

/* Forgets a folder and all below it: watches, place in the queue. */
void bucket_drop(Bucket *bucket, TreeNode *node);

/* Reports the file `key`; if somebody still writes to it, waits for that. */
void bucket_take(Bucket *bucket, const char *key);

/*
 * beneath_stat() and beneath_probe(). Where the machine is short of descriptors or memory, a scan
 * looks again; the file counts as gone until then.
 */
int bucket_stat(Bucket *bucket, const char *key, struct stat *ret_st);
BeneathState bucket_probe(Bucket *bucket, const char *key, struct stat *ret_st);

/* A scan of the whole tree within RETRY_SCAN_US: something could not be remembered. */
void bucket_rescan_soon(Bucket *bucket);

/* ---- presence.c ---------------------------------------------------------------------------------
 */

void presence_open(Bucket *bucket);
void presence_close(Bucket *bucket);

/* Reports BUCKET_LOST, the last event, if the bucket is not at its path any more; true if it still
 * is. */
bool presence_check(Bucket *bucket);

/* ---- mounts.c -----------------------------------------------------------------------------------
 */

/* Reads what is mounted below the bucket; true if that has changed. */
bool mounts_refresh(Bucket *bucket);

/* ---- notify.c -----------------------------------------------------------------------------------
 */

/* Without inotify the bucket works on, by scans; a warning says so. */
void notify_open(Bucket *bucket);
void notify_close(Bucket *bucket);

/* Reads and handles events until there are none, or `until_us` has come. True if there are none
 * left. */
bool notify_read(Bucket *bucket, int64_t until_us);

/* Handles one event. */
void notify_dispatch(Bucket *bucket, int wd, uint32_t mask, uint32_t cookie, const char *name);

/* Reads anew how many folders may be watched. */
void notify_read_limit(Bucket *bucket);

/*
 * Watches the folder `dir_fd` as `node`, if it is not watched already. False if it cannot be, or if
 * the bucket has its share of the machine's watches.
 */
bool notify_watch(Bucket *bucket, TreeNode *node, int dir_fd);
void notify_unwatch(Bucket *bucket, TreeNode *node);

/* ---- moves.c ------------------------------------------------------------------------------------
 */

void moves_init(Bucket *bucket);
void moves_clear(Bucket *bucket);

/* `name` went from `parent`, maybe to come again elsewhere. */
void moves_from(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name,
                const char *key, bool is_folder);

/* `name` came into `parent`, from where the other half says or from outside. */
void moves_to(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name, const char *key,
              bool is_folder);

/* The other half came to a place that is hidden: what went is gone. */
void moves_to_hidden(Bucket *bucket, uint32_t cookie);

/* Waits no longer for what went from `key`: something else happens to it. */
void moves_settle(Bucket *bucket, const char *key);

/* True while a folder that went may yet come again: the tree is not whole. */
bool moves_hold_folder(const Bucket *bucket);

/* ---- settle.c -----------------------------------------------------------------------------------
 */

void settle_init(Bucket *bucket);
void settle_clear(Bucket *bucket);

/* Reports the file once it has been quiet and nobody writes to it. */
void settle_push(Bucket *bucket, const char *key);
void settle_remove(Bucket *bucket, const char *key);

/* ---- notices.c ----------------------------------------------------------------------------------
 */

void notices_init(Bucket *bucket);
void notices_clear(Bucket *bucket);

/*
 * Warns of `text`, which is taken: at the end of a scan that is running, else at once, and of those
 * that follow within a minute after it. A line names the first and counts the others.
 */
void notices_add(Bucket *bucket, NoticeKind kind, char *text);

/* `name` in `folder` has a path that is too long for a key. */
void notices_add_long_path(Bucket *bucket, const TreeNode *folder, const char *name);

/* Says what has been counted. */
void notices_say(Bucket *bucket);

/* ---- scan.c -------------------------------------------------------------------------------------
 */

void scan_init(Bucket *bucket);
void scan_clear(Bucket *bucket);

/* Has the folder listed, and all below it. */
void scan_push(Bucket *bucket, TreeNode *node, uint8_t due);

/* The folder is known from now on, and listed with all below it. */
void scan_push_new(Bucket *bucket, TreeNode *parent, const char *name);

/* The folder is about to be freed. */
void scan_forget(Bucket *bucket, TreeNode *node);
